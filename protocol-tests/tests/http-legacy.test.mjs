// The deprecated forms of the HTTP API: http-api.md §4, §6, §7 and §10,
// and a mount prefix for all of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN, OTHER } from '../lib/apps.mjs';
import { appPath, assertFailed, assertOk, call, get, post, publish } from '../lib/http.mjs';
import { open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';

const server = useServer();
const mounted = useServer({ server: { path_prefix: '/ws' } });

const name = ['name', 'e'];

/** Publishes a raw body to one channel. */
const raw = (channel, params, body, more = {}, where = server) =>
  call(where, {
    method: 'POST',
    path: appPath(where, `/channels/${channel}/events`, more.app),
    params,
    body,
    headers: { 'Content-Type': 'text/plain' },
    ...more,
  });

/** Hosted Pusher accepts it with 202; there is nothing to tell. */
function assertAccepted(response) {
  assert.equal(response.status, 202, response.text);
  assert.match(response.headers['content-type'], /^application\/json/);
  assert.deepEqual(response.json, {});
}

async function listener(t, channel, where = server) {
  const client = await open(t, where);
  await client.subscribe(channel);
  return client;
}

for (const body of ['plain', '{"a" : 1}', 'ä€🐦\u0000"\\', '', '[', 'name=x&data=y']) {
  test(`http 3: the raw body ${JSON.stringify(body)} is the data`, async (t) => {
    const channel = 'h3-raw';
    const client = await listener(t, channel);
    assertAccepted(await raw(channel, [name], body));
    assert.deepEqual(await client.next(), { event: 'e', channel, data: body });
    await client.assertQuiet();
  });
}

for (const [what, status, params, body, more] of [
  ['no name', 400, [], 'x'],
  ['an empty name', 400, [['name', '']], 'x'],
  ['a reserved name', 400, [['name', 'pusher:ping']], 'x'],
  ['a name of 201 characters', 400, [['name', 'x'.repeat(201)]], 'x'],
  ['a malformed socket_id', 400, [name, ['socket_id', 'x']], 'x'],
  ['a body that is not UTF-8', 400, [name], Buffer.from('\xff\xfe', 'latin1')],
  ['a body cut within a character', 400, [name], Buffer.from('€').subarray(0, 2)],
  ['10 241 bytes', 413, [name], 'x'.repeat(10_241)],
  ['a wrong secret', 401, [name], 'x', { app: { ...MAIN, secret: 'wrong' } }],
  ['no MD5 of the body', 401, [name], 'x', { bodyMd5: null }],
  ['the MD5 of another body', 401, [name], 'x', { bodyMd5: '0'.repeat(32) }],
]) {
  test(`http 3: a raw event with ${what} is ${status}`, async (t) => {
    const channel = 'h3-raw-bad';
    const client = await listener(t, channel);
    assertFailed(await raw(channel, params, body, more), status);
    assertAccepted(await raw(channel, [['name', 'mark']], ''));
    await client.expect('mark', channel);
  });
}

for (const bad of ['a%20b', 'a%23b', '%ff', 'x'.repeat(201), '%23server-to-user-']) {
  test(`http 3: a raw event to ${bad.slice(0, 10)} is 400`, async () => {
    assertFailed(await raw(bad, [name], 'x'), 400);
  });
}

test('http 3: a raw event excludes a socket_id', async (t) => {
  const channel = 'h3-raw-socket';
  const [one, two] = [await listener(t, channel), await listener(t, channel)];
  assertAccepted(await raw(channel, [name, ['socket_id', one.socketId]], 'x'));
  await two.expect('e', channel);
  await one.assertQuiet();
  assertAccepted(await raw(channel, [name, ['socket_id', '1.1']], 'x'));
  await one.expect('e', channel);
});

test('http 3: a raw event to an encoded channel, with an encoded name', async (t) => {
  const client = await listener(t, 'h3-raw@home,1');
  const params = [['name', 'order paid ä']];
  const path = 'h3-raw%40home%2C1';
  assertAccepted(await raw(path, params, 'x', { encode: encodeURIComponent }));
  await client.expect('order paid ä', 'h3-raw@home,1');
});

test('http 3: a raw event is cached', async (t) => {
  assertAccepted(await raw('cache-h3-raw', [name], 'x'));
  const client = await listener(t, 'cache-h3-raw');
  assert.equal((await client.expect('e', 'cache-h3-raw')).data, 'x');
});

test('http 10: a raw event by GET is 405', async () => {
  assertFailed(await get(server, '/channels/h10/events', [name]), 405);
});

/** An event whose parts are in the query string, with no body. */
const query = (params, more = {}) =>
  call(server, { method: 'POST', path: appPath(server, '/events'), params, ...more });

const BRACKETS = [['channels[]', 'h3-query-a'], ['channels[]', 'h3-query-b']];

for (const [what, more] of [
  ['as they are', {}],
  ['escaped', { encode: encodeURIComponent, arrange: (params) => params.map(escapeKey) }],
  ['with the MD5 of no body', { bodyMd5: 'd41d8cd98f00b204e9800998ecf8427e' }],
]) {
  test(`http 3: an event in the query string, ${what}`, async (t) => {
    const client = await listener(t, 'h3-query-a');
    await client.subscribe('h3-query-b');
    await client.subscribe('h3-query-c');
    const data = '{"text":"Zoë & Co","sum":"1+1"}';
    const encode = encodeURIComponent;
    const params = [['name', 'e'], ['data', data], ...BRACKETS, ['channel', 'h3-query-c']];
    assert.deepEqual(assertOk(await query(params, { encode, ...more })), {});
    const got = [await client.next(), await client.next(), await client.next()];
    const channels = ['h3-query-a', 'h3-query-b', 'h3-query-c'];
    assert.deepEqual(got.map((m) => m.channel).sort(), channels);
    for (const message of got) assert.deepEqual([message.event, message.data], ['e', data]);
    await client.assertQuiet();
  });
}

function escapeKey([key, value]) {
  return [encodeURIComponent(key), value];
}

test('http 3: socket_id and info in the query string', async (t) => {
  const channel = 'h3-query-socket';
  const [one, two] = [await listener(t, channel), await listener(t, channel)];
  await (await open(t, server)).subscribe('presence-h3-query', { user_id: 'a' });
  const answer = assertOk(
    await query([
      name,
      ['data', 'x'],
      ['channels[]', channel],
      ['channels[]', 'presence-h3-query'],
      ['socket_id', one.socketId],
      ['info', 'user_count'],
    ]),
  );
  const expected = { [channel]: {}, 'presence-h3-query': { user_count: 1 } };
  assert.deepEqual(answer, { channels: expected });
  await two.expect('e', channel);
  await one.assertQuiet();
});

const data = ['data', 'x'];
const channelOfBad = ['channel', 'h3-query-bad'];

for (const [what, status, params] of [
  ['no name', 400, [data, channelOfBad]],
  ['no data', 400, [name, channelOfBad]],
  ['no channel', 400, [name, data]],
  ['a bad channel', 400, [name, data, channelOfBad, ['channels[]', '%']]],
  ['a malformed socket_id', 400, [name, data, channelOfBad, ['socket_id', 'x']]],
  ['too much data', 413, [name, ['data', 'x'.repeat(10_241)], channelOfBad]],
]) {
  test(`http 3: an event in the query string with ${what} is ${status}`, async (t) => {
    const client = await listener(t, 'h3-query-bad');
    assertFailed(await query(params, { encode: encodeURIComponent }), status);
    await publish(server, { name: 'mark', channel: 'h3-query-bad' });
    await client.expect('mark', 'h3-query-bad');
  });
}

const stats = (channel, where = server, more = {}) =>
  get(where, `/channels/${channel}/stats`, [], more);

test('http 7: statistics of a channel', async (t) => {
  const none = { occupied: false, connection_count: 0 };
  assert.deepEqual(assertOk(await stats('h7-stats')), none);
  assert.deepEqual(assertOk(await stats('presence-h7-stats')), { ...none, user_count: 0 });
  for (const user_id of ['a', 'b', 'b']) {
    const client = await listener(t, 'h7-stats');
    await client.subscribe('presence-h7-stats', { user_id });
  }
  const some = { occupied: true, connection_count: 3 };
  assert.deepEqual(assertOk(await stats('h7-stats')), some);
  assert.deepEqual(assertOk(await stats('presence-h7-stats')), { ...some, user_count: 2 });
});

test('http 7: statistics are of the app that asks', OWN_SERVER, async (t) => {
  await listener(t, 'h7-stats-apps');
  const theirs = await stats('h7-stats-apps', server, { app: OTHER });
  assert.deepEqual(assertOk(theirs), { occupied: false, connection_count: 0 });
});

test('http 7: statistics of a bad name are 400, by POST 405, unsigned 401', async () => {
  assertFailed(await stats('a%20b'), 400);
  assertFailed(await post(server, '/channels/h7-stats/stats', {}), 405);
  assertFailed(await stats('h7-stats', server, { app: { ...MAIN, secret: 'wrong' } }), 401);
});

test('http 8: with_user_info gives the users as they are known', async (t) => {
  const channel = 'presence-h8-info';
  const members = [
    { user_id: 'a', user_info: { nick: 'Zoë', deep: [1, null] } },
    { user_id: 'b', user_info: {} },
  ];
  for (const member of members) await (await open(t, server)).subscribe(channel, member);
  const ask = async (...params) => {
    const { users } = assertOk(await get(server, `/channels/${channel}/users`, params));
    return users.sort((one, two) => (one.id < two.id ? -1 : 1));
  };
  const full = members.map(({ user_id: id, user_info: info }) => ({ id, user_info: info }));
  assert.deepEqual(await ask(['with_user_info', '1']), full);
  assert.deepEqual(await ask(), [{ id: 'a' }, { id: 'b' }]);
  assert.deepEqual(await ask(['with_user_info', '0']), [{ id: 'a' }, { id: 'b' }]);
});

for (const [what, prefix] of [['with', '/ws'], ['without', '']]) {
  test(`http 2: under a path prefix, signed ${what} it: the rest`, OWN_SERVER, async (t) => {
    const path = (rest) => ({ signPath: `${prefix}/apps/${MAIN.id}${rest}` });
    const client = await listener(t, 'h2-mounted', mounted);
    const events = '/channels/h2-mounted/events';
    assertAccepted(await raw('h2-mounted', [name], 'x', path(events), mounted));
    await client.expect('e', 'h2-mounted');
    const told = await stats('h2-mounted', mounted, path('/channels/h2-mounted/stats'));
    assert.deepEqual(assertOk(told), { occupied: true, connection_count: 1 });
    const params = [name, ['data', 'x'], ['channel', 'h2-mounted']];
    const wire = { method: 'POST', path: appPath(mounted, '/events'), params, ...path('/events') };
    assertOk(await call(mounted, wire));
    await client.expect('e', 'h2-mounted');
  });
}
