// Closing a user's connections: protocol.md §19 line 15, http-api.md §15 line 9.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DISABLED, MAIN, OTHER, STANDARD_APPS } from '../lib/apps.mjs';
import { assertFailed, assertOk, call, get, post } from '../lib/http.mjs';
import { sdkFor } from '../lib/node-sdk.mjs';
import { PythonSdk } from '../lib/python.mjs';
import { open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { overEach } from '../lib/transports.mjs';
import { openAs } from '../lib/users.mjs';

const server = useServer();
const mounted = useServer({ server: { path_prefix: '/ws' }, apps: STANDARD_APPS });

const REST = (user) => `/users/${user}/terminate_connections`;

/** With the app in the path, as the documentation has it. */
const documented = (user, more = {}, where = server) => post(where, REST(user), {}, more);

/** Without it, as the Python SDK does; signed over that path. */
const alias = (user, more = {}, where = server) =>
  call(where, { method: 'POST', path: `${where.prefix}${REST(user)}`, body: {}, ...more });

const PATHS = { documented, alias };

const unprefixed = (path, user) =>
  path === 'alias' ? REST(user) : `/apps/${MAIN.id}${REST(user)}`;

const WAYS = {
  'the documented path': async (user) => assert.deepEqual(assertOk(await documented(user)), {}),
  'the path of the Python SDK': async (user) => assert.deepEqual(assertOk(await alias(user)), {}),
  'the Node SDK': async (user) => {
    const response = await sdkFor(server).terminateUserConnections(user);
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), {});
  },
  'the Python SDK': async (user, t) => {
    const result = await new PythonSdk(t, server).call('terminate_user_connections', [user]);
    assert.deepEqual(result, {});
  },
};

const assertTerminated = async (client) =>
  assert.equal((await client.waitForClose()).code, 4009);

for (const [what, terminate] of Object.entries(WAYS)) {
  const id = `u-${what.replaceAll(' ', '-')}`;

  overEach(`http 9: ${what} closes the connections of a user`, async (t) => {
    const [one, two] = [await openAs(t, server, id), await openAs(t, server, id)];
    const other = await openAs(t, server, `${id}-2`);
    await terminate(id, t);
    for (const client of [one, two]) {
      await assertTerminated(client);
      assert.deepEqual(client.inbox.drain(), [], 'no event before the close');
    }
    await other.assertQuiet('another user stays');
  });

  test(`http 9: a user nobody knows is no error for ${what}`, async (t) => {
    await terminate(`${id}-unknown`, t);
  });
}

overEach('protocol 15: who is on a presence channel with that id stays', async (t) => {
  const channel = 'presence-p15';
  const member = await open(t, server);
  await member.subscribe(channel, { user_id: 'u-member' });
  const user = await openAs(t, server, 'u-member');
  const anonymous = await open(t, server);
  await anonymous.subscribe('private-p15');
  assertOk(await documented('u-member'));
  await assertTerminated(user);
  await member.assertQuiet('he has not signed in');
  await anonymous.assertQuiet();
  const { users } = assertOk(await get(server, `/channels/${channel}/users`));
  assert.deepEqual(users, [{ id: 'u-member' }]);
});

overEach('protocol 15: who is closed leaves his channels', async (t) => {
  const channel = 'presence-p15-leaves';
  const watcher = await open(t, server);
  await watcher.subscribe(channel, { user_id: 'watcher' });
  const user = await openAs(t, server, 'u-leaves');
  await user.subscribe(channel);
  await watcher.expect('pusher_internal:member_added', channel);
  assertOk(await documented('u-leaves'));
  const { data } = await watcher.expect('pusher_internal:member_removed', channel);
  assert.deepEqual(JSON.parse(data), { user_id: 'u-leaves' });
});

for (const protocol of [4, 5]) {
  overEach(`protocol 15: a client of protocol ${protocol} is told before`, async (t) => {
    const user = await openAs(t, server, 'u-old', { protocol });
    assertOk(await documented('u-old'));
    const { data } = await user.expect('pusher:error');
    assert.equal(data.code, 4009);
    await assertTerminated(user);
  });
}

overEach('protocol 15: the user may return at once', async (t) => {
  for (let n = 0; n < 3; n += 1) {
    const user = await openAs(t, server, 'u-returns');
    await user.assertQuiet();
    assertOk(await documented('u-returns'));
    await assertTerminated(user);
  }
});

overEach('protocol 15: a user of another app stays', OWN_SERVER, async (t) => {
  for (const terminate of Object.values(PATHS)) {
    const [ours, theirs] = [
      await openAs(t, server, 'u-apps'),
      await openAs(t, server, 'u-apps', { app: OTHER }),
    ];
    assertOk(await terminate('u-apps', { app: OTHER }));
    await assertTerminated(theirs);
    await ours.assertQuiet();
  }
});

for (const [path, terminate] of Object.entries(PATHS)) {
  test(`http 9: a wrong signature closes nobody (${path})`, async (t) => {
    const user = await openAs(t, server, 'u-signed');
    assertFailed(await terminate('u-signed', { app: { ...MAIN, secret: 'wrong' } }), 401);
    assertFailed(await terminate('u-signed', { signPath: '/users/u/terminate_connections' }), 401);
    assertFailed(await terminate('u-signed', { bodyMd5: null }), 401);
    const unknown = { ...MAIN, key: 'unknown' };
    assertFailed(await terminate('u-signed', { app: unknown }), 401);
    await user.assertQuiet();
  });

  test(`http 9: a disabled app is 403 (${path})`, OWN_SERVER, async () => {
    assertFailed(await terminate('u-disabled', { app: DISABLED }), 403);
  });

  for (const encoded of ['u%40home%2C1', 'u%2d1']) {
    test(`http 9: the user ${encoded} is decoded (${path})`, async (t) => {
      const user = await openAs(t, server, decodeURIComponent(encoded));
      assertOk(await terminate(encoded));
      await assertTerminated(user);
    });
  }

  for (const bad of ['a%20b', 'a%23b', '%C3%A4', '%ff', 'a:b', 'x'.repeat(129)]) {
    test(`http 9: the user ${bad.slice(0, 10)} is 400 (${path})`, async () => {
      assertFailed(await terminate(bad), 400);
    });
  }

  test(`http 9: a GET is 405 (${path})`, async () => {
    assertFailed(await call(server, { path: `${server.prefix}${unprefixed(path, 'u')}` }), 405);
  });

  test(`http 9: under a path prefix (${path})`, OWN_SERVER, async (t) => {
    const user = await openAs(t, mounted, 'u-mounted');
    assertOk(await terminate('u-mounted', {}, mounted));
    await assertTerminated(user);
    const again = await openAs(t, mounted, 'u-mounted');
    const signPath = unprefixed(path, 'u-mounted');
    assertOk(await terminate('u-mounted', { signPath }, mounted));
    await assertTerminated(again);
  });
}
