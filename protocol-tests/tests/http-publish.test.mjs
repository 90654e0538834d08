// Publishing over HTTP: http-api.md §15 lines 3–5.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { appPath, assertFailed, assertOk, call, post, publish } from '../lib/http.mjs';
import { open } from '../lib/raw.mjs';
import { useServer } from '../lib/server.mjs';

const server = useServer();
const events = (event) => post(server, '/events', event);
const batchEvents = (batch) => post(server, '/batch_events', { batch });

/** A connection on the channels, and a way to show that nothing arrived on them. */
async function listener(t, ...channels) {
  const client = await open(t, server);
  for (const channel of channels) await client.subscribe(channel);
  client.assertNothingPublished = async () => {
    await publish(server, { name: 'mark', channel: channels[0] });
    await client.expect('mark', channels[0]);
    await client.assertQuiet();
  };
  return client;
}

test('http 3: channel and channels', async (t) => {
  const client = await listener(t, 'h3-a', 'h3-b', 'h3-c');
  const publishTo = async (to, expected) => {
    assert.deepEqual(await publish(server, { name: 'e', data: 'text', ...to }), {});
    const got = [];
    while (got.length < expected.length) got.push(await client.next());
    assert.deepEqual(got.map((m) => m.channel).sort(), expected);
    for (const { channel, ...rest } of got) assert.deepEqual(rest, { event: 'e', data: 'text' });
    await client.assertQuiet();
  };
  await publishTo({ channel: 'h3-a' }, ['h3-a']);
  await publishTo({ channels: ['h3-b'] }, ['h3-b']);
  await publishTo({ channels: ['h3-a', 'h3-b'] }, ['h3-a', 'h3-b']);
  await publishTo({ channel: 'h3-c', channels: ['h3-a'] }, ['h3-a', 'h3-c']);
  await publishTo({ channels: ['h3-a', 'h3-a'], channel: 'h3-a' }, ['h3-a']);
});

test('http 3: the data string arrives unchanged', async (t) => {
  const client = await listener(t, 'h3-data');
  for (const data of [
    '',
    '{}',
    ' {"a" : 1.0e3} ',
    'ä€🐦\u0000\u2028"\\/',
    '\\u00e4',
    '[',
    'null',
  ]) {
    await publish(server, { channel: 'h3-data', data });
    assert.equal((await client.next()).data, data);
  }
});

test('http 3: data that is no string is sent as its JSON text', async (t) => {
  const client = await listener(t, 'h3-json');
  for (const data of [{ a: [1, null] }, [], 7, true]) {
    await publish(server, { channel: 'h3-json', data });
    assert.deepEqual(JSON.parse((await client.next()).data), data);
  }
});

test('http 3: nobody subscribed is no error', async () => {
  assert.deepEqual(await publish(server, { channel: 'h3-nobody' }), {});
});

test('http 3: 100 channels are accepted, 101 are 400 and nothing is sent', async (t) => {
  const many = Array.from({ length: 101 }, (_, n) => `h3-many-${n}`);
  const client = await listener(t, many[0], many[99]);
  assertFailed(await events({ name: 'e', data: '', channels: many }), 400);
  await client.assertNothingPublished();
  await publish(server, { name: 'e', channels: many.slice(0, 100) });
  const got = [await client.next(), await client.next()].map((m) => m.channel);
  assert.deepEqual(got.sort(), [many[0], many[99]].sort());
});

test('http 3: 10 240 bytes of data are accepted, 10 241 are 413', async (t) => {
  const client = await listener(t, 'h3-size');
  const ascii = 'x'.repeat(10_240);
  // Quotes double in JSON and `ä` is two bytes; what counts is the string itself in UTF-8.
  for (const data of [ascii, '"'.repeat(10_240), 'ä'.repeat(5120)]) {
    await publish(server, { channel: 'h3-size', data });
    assert.equal((await client.next()).data, data);
    assertFailed(await events({ name: 'e', channel: 'h3-size', data: `${data}x` }), 413);
  }
  await client.assertNothingPublished();
});

test('http 3: a name may have 200 characters, not 201', async (t) => {
  const client = await listener(t, 'h3-name');
  const longest = 'ä'.repeat(200);
  await publish(server, { name: longest, channel: 'h3-name' });
  await client.expect(longest, 'h3-name');
  assertFailed(await events({ name: `${longest}x`, channel: 'h3-name', data: '' }), 400);
  await client.assertNothingPublished();
});

test('http 3: a channel name may have 200 characters, not 201', async (t) => {
  const longest = 'h3-'.padEnd(200, 'x');
  const client = await listener(t, longest);
  await publish(server, { name: 'e', channel: longest });
  await client.expect('e', longest);
  assertFailed(await events({ name: 'e', channel: `${longest}x`, data: '' }), 400);
});

for (const bad of ['', 'a b', 'a:b', '#x', 'ä', 'a/b', 'a\n', 7, null, {}, 'x'.repeat(201)]) {
  const shown = JSON.stringify(bad).slice(0, 20);
  test(`http 3: the channel ${shown} is 400, and the good one gets nothing`, async (t) => {
    const client = await listener(t, 'h3-good');
    const event = { name: 'e', data: '{}' };
    assertFailed(await events({ ...event, channels: ['h3-good', bad] }), 400);
    assertFailed(await events({ ...event, channels: [bad, 'h3-good'] }), 400);
    await client.assertNothingPublished();
  });
}

for (const [what, event] of [
  ['no channel', { name: 'e', data: '' }],
  ['no channels in the list', { name: 'e', data: '', channels: [] }],
  ['channels that are no list', { name: 'e', data: '', channels: 'h3-missing' }],
  ['no name', { data: '', channel: 'h3-missing' }],
  ['an empty name', { name: '', data: '', channel: 'h3-missing' }],
  ['a numeric name', { name: 7, data: '', channel: 'h3-missing' }],
  ['no data', { name: 'e', channel: 'h3-missing' }],
  ['a reserved name', { name: 'pusher:ping', data: '', channel: 'h3-missing' }],
  ['an internal name', { name: 'pusher_internal:x', data: '', channel: 'h3-missing' }],
]) {
  test(`http 3: ${what} is 400`, async (t) => {
    const client = await listener(t, 'h3-missing');
    assertFailed(await events(event), 400);
    await client.assertNothingPublished();
  });
}

test('http 3: client- names and unknown fields are allowed', async (t) => {
  const client = await listener(t, 'h3-free');
  await publish(server, { name: 'client-x', channel: 'h3-free', unknown: { a: 1 } });
  await client.expect('client-x', 'h3-free');
});

for (const body of [
  '{',
  '',
  '[]',
  'null',
  '"x"',
  '{"name":"e"',
  'name=e&channel=a',
  '\u0000',
  '{}x',
]) {
  test(`http 3: the body ${JSON.stringify(body)} is 400`, async () => {
    const path = appPath(server, '/events');
    assertFailed(await call(server, { method: 'POST', path, body }), 400);
  });
}

test('http 3: a body that is not UTF-8 is 400', async () => {
  const body = Buffer.from('{"name":"e","channel":"a","data":"\xff\xfe"}', 'latin1');
  const path = appPath(server, '/events');
  assertFailed(await call(server, { method: 'POST', path, body }), 400);
});

test('http 3: socket_id excludes one connection, on all channels of the request', async (t) => {
  const channels = ['h3-exclude-a', 'h3-exclude-b'];
  const [one, two] = [await listener(t, ...channels), await listener(t, ...channels)];
  await publish(server, { name: 'e', channels, socket_id: one.socketId });
  const got = [await two.next(), await two.next()].map((m) => m.channel);
  assert.deepEqual(got.sort(), channels);
  await one.assertNothingPublished();
});

for (const socketId of [null, '', '1.1', '9999999999.9999999999']) {
  test(`http 3: socket_id ${JSON.stringify(socketId)} excludes nobody`, async (t) => {
    const client = await listener(t, 'h3-unknown-socket');
    await publish(server, { name: 'e', channel: 'h3-unknown-socket', socket_id: socketId });
    await client.expect('e', 'h3-unknown-socket');
  });
}

for (const socketId of ['x', '1', '1.', '.1', '1.2.3', ' 1.1', '1.1\n', '-1.1', 1.1, {}, '1.1a']) {
  test(`http 3: socket_id ${JSON.stringify(socketId)} is 400`, async (t) => {
    const client = await listener(t, 'h3-bad-socket');
    const event = { name: 'e', channel: 'h3-bad-socket', data: '', socket_id: socketId };
    assertFailed(await events(event), 400);
    await client.assertNothingPublished();
  });
}

test('http 4: info on an event: every channel, only what applies', async (t) => {
  const [one, two, three] = [await open(t, server), await open(t, server), await open(t, server)];
  await one.subscribe('presence-h4', { user_id: 'a' });
  await two.subscribe('presence-h4', { user_id: 'b' });
  await three.subscribe('presence-h4', { user_id: 'b' });
  await three.subscribe('h4-news');
  const channels = ['presence-h4', 'h4-news', 'private-h4', 'presence-h4-empty'];
  const expected = {
    'presence-h4': { user_count: 2 },
    'h4-news': {},
    'private-h4': {},
    'presence-h4-empty': { user_count: 0 },
  };
  const info = 'user_count';
  assert.deepEqual(await publish(server, { channels, info }), { channels: expected });
});

test('http 4: an event without info gets the empty object', async () => {
  for (const info of [{}, { info: '' }, { info: null }]) {
    assert.deepEqual(await publish(server, { channel: 'presence-h4-none', ...info }), {});
  }
});

test('http 4: subscription_count is left out while the app does not count', async () => {
  const response = await publish(server, { channel: 'h4-count', info: 'subscription_count' });
  assert.deepEqual(response, { channels: { 'h4-count': {} } });
});

test('http 4: an unknown attribute is 400', async () => {
  assertFailed(await events({ name: 'e', channel: 'h4', data: '', info: 'nonsense' }), 400);
});

test('http 4: info on a batch is a list of objects, index by index', async (t) => {
  const client = await open(t, server);
  await client.subscribe('presence-h4-batch', { user_id: 'a' });
  const item = (channel, info) => ({ name: 'e', channel, data: '', info });
  const batch = [
    item('h4-x'),
    item('presence-h4-batch', 'user_count'),
    item('h4-x', 'user_count'),
    item('presence-h4-batch'),
  ];
  const response = assertOk(await batchEvents(batch));
  assert.deepEqual(response, { batch: [{}, { user_count: 1 }, {}, {}] });
});

test('http 4: a batch without info gets the empty object', async () => {
  assert.deepEqual(assertOk(await batchEvents([{ name: 'e', channel: 'h4', data: '' }])), {});
});

test('http 5: ten events are accepted, in order; eleven are 400', async (t) => {
  const client = await listener(t, 'h5', 'h5-other');
  const batch = Array.from({ length: 11 }, (_, n) => ({
    name: 'tick',
    channel: n === 4 ? 'h5-other' : 'h5',
    data: String(n),
  }));
  assertFailed(await batchEvents(batch), 400);
  await client.assertNothingPublished();
  assertOk(await batchEvents(batch.slice(0, 10)));
  for (let n = 0; n < 10; n += 1) {
    const expected = { event: 'tick', channel: batch[n].channel, data: String(n) };
    assert.deepEqual(await client.next(), expected);
  }
});

test('http 5: an empty batch is accepted', async () => {
  assert.deepEqual(assertOk(await batchEvents([])), {});
});

test('http 5: an item may name several channels', async (t) => {
  const client = await listener(t, 'h5-list-a', 'h5-list-b');
  const batch = [{ name: 'e', data: '1', channels: ['h5-list-a', 'h5-list-b'] }];
  assertOk(await batchEvents(batch));
  const got = [await client.next(), await client.next()].map((m) => m.channel);
  assert.deepEqual(got.sort(), ['h5-list-a', 'h5-list-b']);
});

test('http 5: socket_id counts for its own item', async (t) => {
  const client = await listener(t, 'h5-exclude');
  const item = { name: 'e', channel: 'h5-exclude' };
  const batch = [
    { ...item, data: '1', socket_id: client.socketId },
    { ...item, data: '2' },
  ];
  assertOk(await batchEvents(batch));
  assert.equal((await client.next()).data, '2');
});

for (const [what, status, bad] of [
  ['a bad channel', 400, { name: 'e', channel: 'a b', data: '' }],
  ['no channel', 400, { name: 'e', data: '' }],
  ['no name', 400, { channel: 'h5-all', data: '' }],
  ['a malformed socket_id', 400, { name: 'e', channel: 'h5-all', data: '', socket_id: 'x' }],
  ['data that is too big', 413, { name: 'e', channel: 'h5-all', data: 'x'.repeat(10_241) }],
  ['no object', 400, 'x'],
]) {
  test(`http 5: one item with ${what}: ${status}, and nothing is sent`, async (t) => {
    const client = await listener(t, 'h5-all');
    const good = { name: 'e', channel: 'h5-all', data: '' };
    assertFailed(await batchEvents([good, bad]), status);
    assertFailed(await batchEvents([bad, good]), status);
    await client.assertNothingPublished();
  });
}

for (const body of [{}, { batch: {} }, { batch: null }, []]) {
  test(`http 5: ${JSON.stringify(body)} as a batch is 400`, async () => {
    assertFailed(await post(server, '/batch_events', body), 400);
  });
}

test('http 5: ten events of the largest size fit', async (t) => {
  const client = await listener(t, 'h5-large');
  // Six bytes each in the body: the worst that escaping can do.
  const data = '\u0001'.repeat(10_240);
  assertOk(await batchEvents(Array(10).fill({ name: 'e', channel: 'h5-large', data })));
  for (let n = 0; n < 10; n += 1) assert.equal((await client.next()).data, data);
});
