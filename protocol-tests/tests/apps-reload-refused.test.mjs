// A file that names no app any more is emptied or cut off, not meant: nobody is sent away, and the
// built-in app, whose secret everybody knows, does not come in their place.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { MAIN, OTHER } from '../lib/apps.mjs';
import { assertFailed, assertOk, get, publish } from '../lib/http.mjs';
import { dial, open } from '../lib/raw.mjs';
import { startReloadable } from '../lib/reload.mjs';
import { OWN_SERVER, configText } from '../lib/server.mjs';

const BUILT_IN = { id: 'app-id', key: 'app-key', secret: 'app-secret' };

// Nobody listens there, so nothing but the configuration has apps.
const sections = { database: { url: 'postgres://nobody@127.0.0.1:1/foghorn' } };

describe('reload', { concurrency: 4 }, () => {
  for (const [what, settings, later] of [
    ['is empty', {}, ''],
    ['has lost its apps', {}, configText({ apps: [] })],
    ['has only a database left', { sections }, configText({ apps: [], sections })],
    ['has lost its database too', { sections }, ''],
  ]) {
    test(`reload: a file that ${what} is refused`, OWN_SERVER, async (t) => {
      const server = await startReloadable(t, { ...settings, apps: [MAIN, OTHER] });
      server.app = MAIN;
      const client = await open(t, server);
      await client.subscribe('still-here');
      // Once more changes nothing: what was refused is not what holds.
      for (let n = 0; n < 2; n += 1) {
        server.reload(later);
        const { message, error } = await server.process.error();
        assert.equal(message, 'the configuration was not taken over, the old one stays');
        assert.match(error, /names no app any more.*restart/);
      }
      await publish(server, { name: 'said', channel: 'still-here' });
      await client.expect('said', 'still-here');
      for (const app of [MAIN, OTHER]) assertOk(await get(server.of(app), '/channels'));
      await open(t, server.of(OTHER));
      // Without a database it is known that there is no such app.
      const [status, code] = settings.sections ? [503, 4100] : [404, 4001];
      assertFailed(await get(server.of(BUILT_IN), '/channels'), status);
      const stranger = dial(t, server.of(BUILT_IN));
      assert.equal((await stranger.waitForClose()).code, code);
      server.reload({ ...settings, apps: [OTHER] });
      await server.process.logged('app removed', { id: MAIN.id });
      assert.equal((await client.waitForClose()).code, 4001);
      assertOk(await get(server.of(OTHER), '/channels'));
    });
  }
});
