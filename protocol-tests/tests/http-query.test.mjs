// Asking about channels over HTTP: http-api.md §15 lines 6–8.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OTHER } from '../lib/apps.mjs';
import { assertFailed, assertOk, get } from '../lib/http.mjs';
import { open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';

const server = useServer();
const empty = useServer();

const list = (...params) => get(server, '/channels', params);
const channel = (name, info) => get(server, `/channels/${name}`, info ? [['info', info]] : []);
const users = (name, params) => get(server, `/channels/${name}/users`, params);
const prefix = (text) => ['filter_by_prefix', text];
const info = (text) => ['info', text];

test('http 6: an empty list is an empty object', OWN_SERVER, async () => {
  assert.deepEqual(assertOk(await get(empty, '/channels')), { channels: {} });
});

test('http 6: a prefix that nothing has gives an empty object', async () => {
  assert.deepEqual(assertOk(await list(prefix('h6-nothing'))), { channels: {} });
});

test('http 6: occupied channels only, filtered by prefix', async (t) => {
  const client = await open(t, server);
  await client.subscribe('h6-a');
  await client.subscribe('private-h6-b');
  await client.subscribe('h6-gone');
  client.unsubscribe('h6-gone');
  await client.settle();
  assert.deepEqual(assertOk(await list(prefix('h6-'))), { channels: { 'h6-a': {} } });
  const { channels } = assertOk(await list());
  assert.deepEqual([channels['h6-a'], channels['private-h6-b']], [{}, {}]);
  assert.equal(channels['h6-gone'], undefined);
  assert.deepEqual(assertOk(await list(prefix('H6-'))), { channels: {} });

  await client.close();
  // A connection is over for the API once its presence ends; a second one shows when that is.
  assert.deepEqual(await untilEmpty('h6-'), {});
});

/** Asks until nothing with the prefix is left: the server learns of a close when it reads it. */
async function untilEmpty(text) {
  for (;;) {
    const { channels } = assertOk(await list(prefix(text)));
    if (Object.keys(channels).length === 0) return channels;
  }
}

test('http 6: user_count with a presence prefix', async (t) => {
  const [one, two, three] = [await open(t, server), await open(t, server), await open(t, server)];
  await one.subscribe('presence-h6-a', { user_id: 'x' });
  await two.subscribe('presence-h6-a', { user_id: 'y' });
  await three.subscribe('presence-h6-a', { user_id: 'y' });
  await three.subscribe('presence-h6-b', { user_id: 'y' });
  const { channels } = assertOk(await list(prefix('presence-h6-'), info('user_count')));
  assert.deepEqual(channels, {
    'presence-h6-a': { user_count: 2 },
    'presence-h6-b': { user_count: 1 },
  });
});

for (const params of [[], [prefix('presence')], [prefix('private-')], [prefix('')]]) {
  test(`http 6: user_count with ${JSON.stringify(params)} is 400`, async () => {
    const reason = assertFailed(await list(...params, info('user_count')), 400);
    assert.match(reason, /user count|user_count/);
  });
}

test('http 6: an unknown attribute is 400', async () => {
  assertFailed(await list(prefix('presence-'), info('nonsense')), 400);
});

test('http 6: apps see their own channels only', OWN_SERVER, async (t) => {
  const client = await open(t, server, { app: OTHER });
  await client.subscribe('h6-theirs');
  assert.deepEqual(assertOk(await list(prefix('h6-theirs'))), { channels: {} });
  const theirs = await get(server, '/channels', [], { app: OTHER });
  assert.deepEqual(assertOk(theirs), { channels: { 'h6-theirs': {} } });
});

test('http 7: a channel nobody ever used is not occupied', async () => {
  assert.deepEqual(assertOk(await channel('h7-never')), { occupied: false });
  const state = assertOk(await channel('presence-h7-never', 'user_count'));
  assert.deepEqual(state, { occupied: false, user_count: 0 });
});

test('http 7: occupied while there is a subscriber', async (t) => {
  const client = await open(t, server);
  await client.subscribe('h7-life');
  assert.deepEqual(assertOk(await channel('h7-life')), { occupied: true });
  client.unsubscribe('h7-life');
  await client.settle();
  assert.deepEqual(assertOk(await channel('h7-life')), { occupied: false });
});

test('http 7: user_count of a presence channel counts users', async (t) => {
  const [one, two] = [await open(t, server), await open(t, server)];
  await one.subscribe('presence-h7', { user_id: 'x' });
  await two.subscribe('presence-h7', { user_id: 'x' });
  const state = assertOk(await channel('presence-h7', 'user_count'));
  assert.deepEqual(state, { occupied: true, user_count: 1 });
});

for (const [name, attribute] of [
  ['h7', 'user_count'],
  ['private-h7', 'user_count'],
  ['cache-h7', 'user_count'],
  ['presence-h7', 'subscription_count'],
  ['h7', 'subscription_count'],
  ['h7', 'cache'],
  ['private-h7', 'cache'],
  ['presence-h7', 'user_count,cache'],
  ['presence-h7', 'nonsense'],
]) {
  test(`http 7: ${attribute} of ${name} is 400`, async () => {
    assertFailed(await channel(name, attribute), 400);
  });
}

for (const name of ['a%20b', 'a%23b', 'a:b', '%C3%A4', 'x'.repeat(201), '%00', '%ff']) {
  test(`http 7: the name ${name.slice(0, 20)} is 400`, async () => {
    assertFailed(await channel(name), 400);
    assertFailed(await users(name), 400);
  });
}

test('http 8: users are distinct, ids are strings', async (t) => {
  const channelName = 'presence-h8';
  for (const user_id of ['x', 'y', 'y', 10]) {
    const client = await open(t, server);
    await client.subscribe(channelName, { user_id, user_info: { secret: true } });
  }
  const answer = assertOk(await users(channelName));
  assert.deepEqual(Object.keys(answer), ['users']);
  const byId = (a, b) => (a.id < b.id ? -1 : 1);
  assert.deepEqual(answer.users.sort(byId), [{ id: '10' }, { id: 'x' }, { id: 'y' }]);
  // Extra parameters are ignored.
  assert.equal(assertOk(await users(channelName, [['page', '2']])).users.length, 3);
});

for (const name of ['h8', 'private-h8', 'presence', 'my-presence-h8', 'cache-h8']) {
  test(`http 8: users of ${name} is 400`, async () => {
    assertFailed(await users(name), 400);
  });
}

test('http 8: an unoccupied presence channel has no users', async (t) => {
  assert.deepEqual(assertOk(await users('presence-h8-never')), { users: [] });
  const client = await open(t, server);
  await client.subscribe('presence-h8-gone', { user_id: 'x' });
  client.unsubscribe('presence-h8-gone');
  await client.settle();
  assert.deepEqual(assertOk(await users('presence-h8-gone')), { users: [] });
});
