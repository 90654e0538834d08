// The configuration is read again while the server runs: apps come, change and go, and what is
// wrong changes nothing.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join as path } from 'node:path';
import { describe, test } from 'node:test';

import { assertInUse, assertNotLetIn, assertUnknown } from '../lib/app-states.mjs';
import { MAIN, OTHER } from '../lib/apps.mjs';
import { assertFailed, assertOk, get, post, publish } from '../lib/http.mjs';
import * as pusherJs from '../lib/pusherjs.mjs';
import { assertRefused, open } from '../lib/raw.mjs';
import { inPlace, startReloadable } from '../lib/reload.mjs';
import { OWN_SERVER, configText } from '../lib/server.mjs';
import { TRANSPORTS, over } from '../lib/transports.mjs';
import { startEndpoint, to } from '../lib/webhooks.mjs';

const REFUSED = 'the configuration was not taken over, the old one stays';
const UNCHANGED = 'configuration read again, no app has changed';
const ADDED = 'app added';
const CHANGED = 'app changed';
const REMOVED = 'app removed';

const TALKING = { ...MAIN, client_events: true };
const NEIGHBOUR = { ...OTHER, client_events: true };

const apps = (...all) => ({ apps: all });

/** Registers a test of a server whose configuration changes. */
const reload = (name, body) => test(`reload: ${name}`, OWN_SERVER, body);

/** The same, once for each transport. */
function reloadOverEach(name, body) {
  for (const transport of TRANSPORTS) over(transport)(`reload: ${name}`, OWN_SERVER, body);
}

/** A client on a channel hears what back ends and other clients say, and is heard. */
async function assertTalks(t, server, client, channel) {
  await publish(server, { name: 'said', channel });
  await client.expect('said', channel);
  const other = await open(t, server, { transport: 'ws' });
  await other.subscribe(channel);
  client.sendClientEvent(channel, 'client-hello', {});
  await other.expect('client-hello', channel);
  other.sendClientEvent(channel, 'client-hello', {});
  await client.expect('client-hello', channel);
  await other.close();
}

describe('reload', { concurrency: 8 }, () => {
  reload('a new app is in use after SIGHUP', async (t) => {
    const server = await startReloadable(t, apps(MAIN));
    const other = server.of(OTHER);
    server.app = MAIN;
    await assertUnknown(t, other);
    server.reload(apps(MAIN, OTHER));
    await server.process.logged(ADDED, { id: OTHER.id });
    await assertInUse(t, other);
    await assertInUse(t, server);
  });

  for (const [how, place] of [
    ['written over', inPlace],
    ['replaced', replace],
    ['swapped behind a link', swap],
  ]) {
    reload(`a file that is ${how} is read without a signal`, async (t) => {
      const server = await startReloadable(t, apps(MAIN), place);
      for (const added of [OTHER, { ...OTHER, id: '99', key: 'another-key' }]) {
        server.write(configText(apps(MAIN, added)));
        await server.process.logged(ADDED, { id: added.id });
        await assertInUse(t, server.of(added));
      }
    });
  }

  reload('a broken file is told of once, and a later one is taken', async (t) => {
    const server = await startReloadable(t, apps(MAIN));
    server.write('[[apps]');
    assert.equal((await server.process.error()).message, REFUSED);
    server.write(configText(apps(MAIN, OTHER)));
    await server.process.logged(ADDED, { id: OTHER.id });
  });

  reloadOverEach('new limits hold for who is connected', async (t) => {
    const server = await startReloadable(t, apps({ ...MAIN, max_event_data_bytes: 10 }));
    server.app = MAIN;
    const channel = 'private-limits';
    const client = await open(t, server);
    await client.subscribe(channel);
    const event = { name: 'long', channel, data: 'x'.repeat(20) };
    assertFailed(await post(server, '/events', event), 413);
    client.sendClientEvent(channel, 'client-x', {});
    const [refused] = await client.settle();
    assert.equal(refused.event, 'pusher:error');
    server.reload(apps({ ...TALKING, max_event_data_bytes: 20, client_events_per_second: 1 }));
    const { changes } = (await server.process.logged(CHANGED, { id: MAIN.id })).fields;
    for (const what of [
      'client_events: false is now true',
      'max_event_data_bytes: 10 is now 20',
      'client_events_per_second: 10 is now 1',
    ]) {
      assert.ok(changes.includes(what), `${what} in ${changes}`);
    }
    await assertTalks(t, server, client, channel);
    assertOk(await post(server, '/events', event));
    await client.expect('long', channel);
    assertFailed(await post(server, '/events', { ...event, data: 'x'.repeat(21) }), 413);
  });

  for (const transport of ['ws', 'xhr_streaming', 'xhr_polling']) {
    const options = { enabledTransports: [transport] };
    reload(`pusher-js does not come back to a disabled app over ${transport}`, async (t) => {
      const server = await startReloadable(t, apps(MAIN, NEIGHBOUR));
      server.app = MAIN;
      const client = await pusherJs.connect(t, server, undefined, options);
      const bystander = await open(t, server.of(OTHER));
      client.states.drain();
      server.reload(apps({ ...MAIN, enabled: false }, NEIGHBOUR));
      const error = await client.errors.next('why');
      assert.equal(error.data?.code ?? error.error?.data?.code, 4003, JSON.stringify(error));
      await client.states.waitFor((state) => state === 'disconnected', 'the end');
      assert.match(assertFailed(await get(server, '/channels'), 403), /disabled/);
      await assertNotLetIn(t, server, 4003, transport);
      await server.process.logged(CHANGED, { id: MAIN.id });
      server.reload(apps(MAIN, NEIGHBOUR));
      await server.process.logged(CHANGED, { id: MAIN.id });
      await assertInUse(t, server);
      assert.deepEqual(client.states.drain(), [], 'it has not tried again');
      await bystander.assertQuiet('another app is not affected');
    });
  }

  reloadOverEach('who is connected to a removed app has to leave', async (t) => {
    const server = await startReloadable(t, apps(MAIN, OTHER));
    server.app = MAIN;
    const client = await open(t, server);
    const bystander = await open(t, server.of(OTHER));
    server.reload(apps(OTHER));
    await server.process.logged(REMOVED, { id: MAIN.id });
    const told = await client.waitForClose();
    assert.equal(told.code, 4001, told.reason);
    await assertUnknown(t, server);
    await bystander.assertQuiet('another app is not affected');
    server.reload(apps(MAIN, OTHER));
    await server.process.logged(ADDED, { id: MAIN.id });
    await assertInUse(t, server);
  });

  const OLD = { key: 'key-that-is-old', secret: 's3cr3t-of-the-old-key' };
  const NEW = { key: 'key-that-is-new', secret: 's3cr3t-of-the-new-key' };
  const { id } = MAIN;
  const withKeys = (...keys) => apps({ id, client_events: true, keys });

  for (const [how, later] of [
    ['disabled', [{ ...OLD, enabled: false }, NEW]],
    ['removed', [NEW]],
  ]) {
    reloadOverEach(`a ${how} key keeps its connections and lets nobody in`, async (t) => {
      const server = await startReloadable(t, withKeys(OLD));
      const [before, after] = [OLD, NEW].map((pair) => server.of({ id, ...pair }));
      const client = await open(t, before);
      await client.subscribe('private-kept');
      server.reload(withKeys(OLD, NEW));
      await server.process.logged(CHANGED, { id });
      await assertTalks(t, before, client, 'private-kept');
      server.reload(withKeys(...later));
      const { changes } = (await server.process.logged(CHANGED, { id })).fields;
      assert.ok(changes.includes(`key ${OLD.key}: accepted no more`), changes);
      for (let n = 0; n < 3; n += 1) await assertTalks(t, after, client, 'private-kept');
      await assertNotLetIn(t, before, 4001);
      assertFailed(await get(before, '/channels'), 401);
      // What is signed from now on is signed with the new one.
      const channel = 'private-later';
      const auth = client.auth(channel);
      assertRefused(await client.request({ channel, auth }), channel);
      client.app = after.app;
      await client.subscribe(channel);
      await assertTalks(t, after, client, channel);
      server.reload(withKeys(OLD, NEW));
      await server.process.logged(CHANGED, { id });
      await open(t, before);
      assertOk(await get(before, '/channels'));
      await client.assertQuiet('nobody has noticed');
    });
  }

  reload('an app whose keys are all retired is switched off', async (t) => {
    const server = await startReloadable(t, withKeys(OLD));
    const before = server.of({ id, ...OLD });
    const client = await open(t, before);
    server.reload(withKeys({ ...OLD, enabled: false }));
    assert.equal((await client.waitForClose()).code, 4003);
    await assertNotLetIn(t, before, 4003);
    assertFailed(await get(before, '/channels'), 403);
    server.reload(withKeys(OLD));
    for (let n = 0; n < 2; n += 1) await server.process.logged(CHANGED, { id });
    await assertInUse(t, before);
  });

  reload('a key with another secret is the same key', async (t) => {
    const server = await startReloadable(t, withKeys(OLD));
    const changed = { ...OLD, secret: 's3cr3t-that-is-another' };
    const client = await open(t, server.of({ id, ...OLD }));
    server.reload(withKeys(changed));
    const { changes } = (await server.process.logged(CHANGED, { id })).fields;
    assert.ok(changes.includes(`key ${OLD.key}: has another secret`), changes);
    assertFailed(await get(server.of({ id, ...OLD }), '/channels'), 401);
    assertOk(await get(server.of({ id, ...changed }), '/channels'));
    client.app = changed;
    await client.subscribe('private-signed');
  });

  reloadOverEach('two apps exchange their keys', async (t) => {
    const [one, other] = [TALKING, NEIGHBOUR];
    const server = await startReloadable(t, apps(one, other));
    const exchanged = [one, other].map((app, at) => {
      const { key, secret } = [other, one][at];
      return { ...app, key, secret };
    });
    const stayed = await open(t, server.of(one));
    const channel = 'private-exchanged';
    await stayed.subscribe(channel);
    server.reload(apps(...exchanged));
    for (const app of exchanged) await server.process.logged(CHANGED, { id: app.id });
    const [first, second] = exchanged.map((app) => server.of(app));
    const came = await open(t, second);
    await came.subscribe(channel);
    await publish(first, { name: 'for-the-first', channel });
    await stayed.expect('for-the-first', channel);
    await publish(second, { name: 'for-the-second', channel });
    await came.expect('for-the-second', channel);
    await stayed.assertQuiet('it is no member of the other app');
    assertFailed(await get(server.of(one), '/channels'), 401);
  });

  reload('a webhook that is added is told what happens from then on', async (t) => {
    const server = await startReloadable(t, apps(TALKING));
    server.app = MAIN;
    const hook = await startEndpoint(t);
    await (await open(t, server)).subscribe('before');
    server.reload(apps({ ...TALKING, webhooks: to(hook) }));
    const { changes } = (await server.process.logged(CHANGED, { id: MAIN.id })).fields;
    assert.ok(changes.includes('webhooks: 0 before, 1 now'), changes);
    await (await open(t, server)).subscribe('after');
    const [told] = await hook.told('after', 1);
    assert.equal(told.name, 'channel_occupied');
    // One that is taken away is told nothing more.
    const later = await startEndpoint(t);
    server.reload(apps({ ...TALKING, webhooks: to(later) }));
    await server.process.logged(CHANGED, { id: MAIN.id });
    await (await open(t, server)).subscribe('much-later');
    await later.told('much-later', 1);
    assert.deepEqual(hook.toldSoFar('much-later'), []);
  });

  reload('webhooks without a place to be stored in are refused', async (t) => {
    const hook = await startEndpoint(t);
    const settings = {};
    const server = await startReloadable(t, settings, (folder, text) => {
      writeFileSync(path(folder, 'occupied'), '');
      // Once the folder is known, so is where nothing can be stored.
      const nowhere = JSON.stringify(path(folder, 'occupied', 'data'));
      return inPlace(folder, text.replace('[server]', `[server]\ndata_dir = ${nowhere}`));
    });
    server.app = MAIN;
    server.reload(apps({ ...TALKING, webhooks: to(hook) }, { ...OTHER, id: '99' }));
    const { message, error } = await server.process.error();
    assert.equal(message, REFUSED);
    assert.match(error, /server\.data_dir.*occupied/);
    assertFailed(await get(server.of({ ...OTHER, id: '99' }), '/channels'), 404);
    await assertInUse(t, server);
    server.reload(apps(TALKING, { ...OTHER, id: '99' }));
    await server.process.logged(ADDED, { id: '99' });
  });

  for (const [what, later, problem] of [
    ['is no TOML', '[[apps]', /:1:8 /],
    ['has an unknown setting', apps(MAIN, { ...OTHER, max_conections: 5 }), /max_conections.*max_connections/],
    ['has a value that cannot be', apps(MAIN, { ...OTHER, max_batch_size: 0 }), /max_batch_size/],
    ['has two apps of one id', apps(MAIN, { ...OTHER, id: MAIN.id }), /apps\[1\]\.id: is already used/],
    ['has two apps of one key', apps(MAIN, { ...OTHER, key: MAIN.key }), /apps\[1\]\.keys.* already used/],
    ['has an app without a key', apps(MAIN, { ...OTHER, keys: [] }), /apps\[1\]: has no key/],
  ]) {
    reload(`a file that ${what} is refused`, async (t) => {
      const server = await startReloadable(t, apps(MAIN));
      server.app = MAIN;
      const client = await open(t, server);
      server.reload(later);
      const { message, error } = await server.process.error();
      assert.equal(message, REFUSED);
      assert.match(error, problem);
      assert.ok(error.includes('foghorn.toml'), error);
      assertFailed(await get(server.of(OTHER), '/channels'), 404);
      await client.assertQuiet('nobody has noticed');
      await assertInUse(t, server);
      server.reload(apps(MAIN, OTHER));
      await server.process.logged(ADDED, { id: OTHER.id });
      await assertInUse(t, server.of(OTHER));
    });
  }

  reload('a file that is gone is refused, and taken when it is back', async (t) => {
    const server = await startReloadable(t, apps(MAIN));
    server.app = MAIN;
    rmSync(path(server.folder, 'foghorn.toml'));
    server.process.child.kill('SIGHUP');
    assert.match((await server.process.error()).error, /foghorn\.toml/);
    await assertInUse(t, server);
    server.reload(apps(MAIN, OTHER));
    await server.process.logged(ADDED, { id: OTHER.id });
  });

  reload('what only a restart can change is named', async (t) => {
    const server = await startReloadable(t, apps(MAIN));
    server.app = MAIN;
    const sections = { fallback: { session_timeout: 3 } };
    server.reload({ ...apps(MAIN), sections, server: { max_frame_bytes: 20_000 } });
    const fields = [];
    for (let n = 0; n < 2; n += 1) {
      const line = await server.process.logged('changed, but only a restart makes it hold');
      assert.equal(line.level, 'WARN');
      fields.push(line.fields.setting);
    }
    assert.deepEqual(fields.sort(), ['fallback.session_timeout', 'server.max_frame_bytes']);
    await server.process.logged(UNCHANGED);
    await assertInUse(t, server);
  });
});

/** Puts another file in its place, as careful editors do. */
function replace(folder, text) {
  const whole = path(folder, 'foghorn.toml');
  writeFileSync(`${whole}.new`, text);
  renameSync(`${whole}.new`, whole);
  return whole;
}

let versions = 0;

/** Swaps the folder that a link leads through, as Kubernetes does with what it mounts. */
function swap(folder, text) {
  const [version, link] = [`..version-${++versions}`, path(folder, '..data')];
  mkdirSync(path(folder, version));
  writeFileSync(path(folder, version, 'foghorn.toml'), text);
  symlinkSync(version, `${link}-new`);
  renameSync(`${link}-new`, link);
  const whole = path(folder, 'foghorn.toml');
  if (!existsSync(whole)) symlinkSync(path('..data', 'foghorn.toml'), whole);
  return whole;
}
