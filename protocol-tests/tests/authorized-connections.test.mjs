// Apps that require authorised connections: protocol.md §19 line 16.

import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { MAIN, OTHER } from '../lib/apps.mjs';
import { dial, open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { TRANSPORTS, over } from '../lib/transports.mjs';
import { assertNoSignin, openAs, requestSignin, signIn } from '../lib/users.mjs';

const server = useServer({
  apps: [{ ...MAIN, authorized_connections: true, authorization_timeout: 2 }, OTHER],
});

const assertClosed = async (client) => assert.equal((await client.waitForClose()).code, 4009);

/** As long as a connection may stay that proves nothing: the one that came now is closed. */
async function assertOutlivesStranger(t, client) {
  await assertClosed(await open(t, server));
  await client.assertQuiet('it stays');
}

// Nearly all of a test is waiting for the timeout: they wait at the same time.
for (const transport of TRANSPORTS) {
  describe(`authorised connections: ${transport}`, { concurrency: true }, () => {
    addTests(over(transport));
  });
}

function addTests(test) {
  for (const protocol of [6, 7]) {
    test(`protocol 16: an idle stranger is closed, at ${protocol}`, OWN_SERVER, async (t) => {
      const client = await open(t, server, { protocol });
      await assertClosed(client);
      assert.deepEqual(client.inbox.drain(), [], 'no event before the close');
    });
  }

  for (const protocol of [4, 5]) {
    test(`protocol 16: a client of protocol ${protocol} is told before`, OWN_SERVER, async (t) => {
      const client = await open(t, server, { protocol });
      const { data } = await client.expect('pusher:error');
      assert.equal(data.code, 4009);
      await assertClosed(client);
    });
  }

  for (const [what, attempt] of [
    ['pings', (client) => client.settle()],
    ['a public channel', (client) => client.subscribe('p16')],
    ['a cache channel', (client) => client.subscribe('cache-p16')],
    ['a look-alike of a private channel', (client) => client.subscribe('privateer-p16')],
    [
      'a refused private channel',
      (client) => client.request({ channel: 'private-p16', auth: `${MAIN.key}:00` }),
    ],
    ['a refused presence channel', (client) => client.request({ channel: 'presence-p16' })],
    [
      'a refused sign-in',
      async (client) =>
        assertNoSignin(await requestSignin(client, { auth: 'x:00', user_data: '{"id":"u"}' })),
    ],
  ]) {
    test(`protocol 16: it is not saved by ${what}`, OWN_SERVER, async (t) => {
      const client = await open(t, server);
      await attempt(client);
      await assertClosed(client);
    });
  }

  for (const channel of [
    'private-p16',
    'private-cache-p16',
    'private-encrypted-p16',
    'private-encrypted-cache-p16',
    'presence-p16',
    'presence-cache-p16',
  ]) {
    test(`protocol 16: it is saved by a subscription to ${channel}`, OWN_SERVER, async (t) => {
      const client = await open(t, server);
      const member = channel.startsWith('presence-') ? { user_id: 'u' } : undefined;
      await client.subscribe(channel, member);
      await client.settle();
      await assertOutlivesStranger(t, client);
    });
  }

  test('protocol 16: a sign-in saves it', OWN_SERVER, async (t) => {
    await assertOutlivesStranger(t, await openAs(t, server, 'u'));
  });

  test('protocol 16: a refusal before does no harm', OWN_SERVER, async (t) => {
    const client = await open(t, server);
    await client.request({ channel: 'private-p16-second', auth: `${MAIN.key}:00` });
    await signIn(client, { id: 'u' });
    await assertOutlivesStranger(t, client);
  });

  test('protocol 16: off by default, and for the one app only', OWN_SERVER, async (t) => {
    await assertOutlivesStranger(t, await open(t, server, { app: OTHER }));
  });

  test('protocol 16: a crowd of strangers is closed, one by one', OWN_SERVER, async (t) => {
    const saved = await openAs(t, server, 'u');
    const strangers = Array.from({ length: 50 }, () => dial(t, server));
    await Promise.all(strangers.map(assertClosed));
    await saved.assertQuiet();
  });
}
