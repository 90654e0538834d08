// Cache channels: protocol.md §19 line 12, and what http-api.md §15 line 7 asks about them.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN, OTHER } from '../lib/apps.mjs';
import { assertFailed, assertOk, get, post, publish } from '../lib/http.mjs';
import { until } from '../lib/inbox.mjs';
import { assertRefused, open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { overEach } from '../lib/transports.mjs';

/** Forgets what it has cached after a second. */
const FLEETING = {
  id: '4646',
  key: 'kf1ee714c0ffee00',
  secret: 's3cr3t-f1ee71460000',
  cache_ttl: 1,
};

const server = useServer({ apps: [{ ...MAIN, client_events: true }, OTHER, FLEETING] });

const forgetful = useServer({ server: { cache_bytes: 4096 }, apps: [MAIN] });

const PREFIXES = ['cache-', 'private-cache-', 'private-encrypted-cache-', 'presence-cache-'];
const MISS = 'pusher:cache_miss';
const ENVELOPE = '{ "nonce":"ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7", "ciphertext" : "c2VjcmV0" }';

const member = (channel, id) => (channel.startsWith('presence-') ? { user_id: id } : undefined);

/** A new connection on the channel; what follows the success is still unread. */
async function join(t, channel, options, id = 'u') {
  const client = await open(t, server, options);
  await client.subscribe(channel, member(channel, id));
  return client;
}

/** The one message that a newcomer gets besides its success. */
async function greeting(t, channel, options) {
  const client = await join(t, channel, options);
  const answers = await client.settle();
  assert.equal(answers.length, 1, `${channel}: ${JSON.stringify(answers)}`);
  await client.close();
  return answers[0];
}

const cacheOf = (channel, app) =>
  get(server, `/channels/${channel}`, [['info', 'cache']], { app }).then(assertOk);

for (const prefix of PREFIXES) {
  overEach(`protocol 12: a miss, then a hit, for the newcomer only (${prefix})`, async (t) => {
    const channel = `${prefix}p12-turns`;
    const first = await join(t, channel);
    assert.deepEqual(await first.next(), { event: MISS, channel, data: '{}' });
    await publish(server, { name: 'moved', channel, data: ENVELOPE });
    const moved = { event: 'moved', channel, data: ENVELOPE };
    assert.deepEqual(await first.next(), moved);

    const second = await join(t, channel);
    assert.deepEqual(await second.settle(), [moved], 'after the success, unchanged, once');
    await first.assertQuiet('it is only for the newcomer');
  });

  overEach(`protocol 12: the latest event wins (${prefix})`, async (t) => {
    const channel = `${prefix}p12-latest`;
    await publish(server, { name: 'one', channel, data: '1' });
    await publish(server, { name: 'two', channel, data: '2' });
    assert.deepEqual(await greeting(t, channel), { event: 'two', channel, data: '2' });
    await publish(server, { name: 'three', channel, data: '3' });
    assert.deepEqual(await greeting(t, channel), { event: 'three', channel, data: '3' });
  });

  overEach(`protocol 12: the event survives vacating the channel (${prefix})`, async (t) => {
    const channel = `${prefix}p12-vacated`;
    const client = await join(t, channel);
    await client.expect(MISS, channel);
    await publish(server, { name: 'moved', channel, data: '1' });
    await client.expect('moved', channel);
    client.unsubscribe(channel);
    await client.settle();
    assert.equal((await cacheOf(channel)).occupied, false);
    await client.subscribe(channel, member(channel, 'u'));
    assert.deepEqual(await client.settle(), [{ event: 'moved', channel, data: '1' }]);
  });

  test(`protocol 12: the event expires (${prefix})`, OWN_SERVER, async (t) => {
    const channel = `${prefix}p12-expires`;
    const app = FLEETING;
    const client = await open(t, server, { app });
    const visit = async () => {
      await client.subscribe(channel, member(channel, 'u'));
      const { event } = await client.next('a hit or a miss');
      client.unsubscribe(channel);
      await client.settle();
      return event;
    };
    // It is a hit at first, unless all of a second passes in between.
    const publishAndVisit = async () => {
      await publish(server, { name: 'moved', channel }, { app });
      return visit();
    };
    await until((event) => event === 'moved', publishAndVisit, 'a hit');
    assert.equal(await until((event) => event !== 'moved', visit, 'the event to expire'), MISS);
    assert.deepEqual(await cacheOf(channel, app), { occupied: false, cache: null });
  });
}

overEach('protocol 12: the names that only look like it are not cached', async (t) => {
  for (const channel of [
    'cache',
    'cached-p12',
    'Cache-p12',
    'my-cache-p12',
    'private-p12-cache-x',
    'private-Cache-p12',
    'privatecache-p12',
    'private-encrypted-p12-cache-x',
    'private-encryptedcache-p12',
    'presence-p12-cache-x',
    'presence-cachep12',
  ]) {
    await publish(server, { name: 'moved', channel });
    const client = await join(t, channel);
    await client.assertQuiet(channel);
    assertFailed(await get(server, `/channels/${channel}`, [['info', 'cache']]), 400);
  }
});

overEach('protocol 12: a prefix with nothing behind it is a cache channel', async (t) => {
  for (const channel of PREFIXES) assert.equal((await greeting(t, channel)).event, MISS);
});

overEach('protocol 12: the events of a batch are cached', async (t) => {
  const [one, two] = ['cache-p12-batch', 'private-cache-p12-batch'];
  const item = (channel, name) => ({ channel, name, data: name });
  const batch = [item(one, 'a'), item(two, 'b'), item(one, 'c'), item('p12-batch', 'd')];
  assertOk(await post(server, '/batch_events', { batch }));
  assert.deepEqual(await greeting(t, one), { event: 'c', channel: one, data: 'c' });
  assert.deepEqual(await greeting(t, two), { event: 'b', channel: two, data: 'b' });
});

overEach('protocol 12: an event to several channels is cached for each', async (t) => {
  const channels = ['cache-p12-several', 'private-cache-p12-several', 'p12-several'];
  await publish(server, { name: 'moved', channels, data: '1' });
  for (const channel of channels.slice(0, 2)) {
    assert.deepEqual(await greeting(t, channel), { event: 'moved', channel, data: '1' });
  }
});

overEach('protocol 12: an event that excludes a connection is cached also for it', async (t) => {
  const channel = 'cache-p12-excluded';
  const client = await join(t, channel);
  await client.expect(MISS, channel);
  await publish(server, { name: 'moved', channel, data: '1', socket_id: client.socketId });
  const moved = { event: 'moved', channel, data: '1' };
  assert.deepEqual(await greeting(t, channel), moved);
  client.unsubscribe(channel);
  await client.settle();
  await client.subscribe(channel);
  assert.deepEqual(await client.settle(), [moved]);
});

overEach('protocol 12: whatever the data, it is given as it was published', async (t) => {
  const channel = 'cache-p12-data';
  for (const data of ['', 'null', ' {"a" : 1.0e3} ', 'ä€🐦\u0000\u2028"\\/', '[', '"x"']) {
    await publish(server, { name: 'client-moved', channel, data });
    assert.deepEqual(await greeting(t, channel), { event: 'client-moved', channel, data });
    assert.equal((await cacheOf(channel)).cache.data, data);
  }
  await publish(server, { name: 'moved', channel, data: { a: [1] } });
  assert.deepEqual(JSON.parse((await greeting(t, channel)).data), { a: [1] });
});

overEach('protocol 12: what is refused is not cached', async (t) => {
  const channel = 'cache-p12-refused';
  const bad = { name: 'e', channels: [channel, 'a b'], data: '' };
  assertFailed(await post(server, '/events', bad), 400);
  const large = { name: 'e', channel, data: 'x'.repeat(10_241) };
  assertFailed(await post(server, '/events', large), 413);
  const batch = [{ name: 'e', channel, data: '' }, large];
  assertFailed(await post(server, '/batch_events', { batch }), 413);
  assert.equal((await greeting(t, channel)).event, MISS);
});

for (const channel of ['private-cache-p12-client', 'presence-cache-p12-client']) {
  overEach(`protocol 12: a client event does not overwrite it (${channel})`, async (t) => {
    const [sender, other] = [await join(t, channel), await join(t, channel)];
    sender.sendClientEvent(channel, 'client-x', { n: 1 });
    await other.waitFor((m) => m.event === 'client-x');
    assert.equal((await greeting(t, channel)).event, MISS, 'nor is it cached where nothing is');

    await publish(server, { name: 'moved', channel, data: '1' });
    sender.sendClientEvent(channel, 'client-x', { n: 2 });
    await other.waitFor((m) => m.event === 'client-x');
    assert.deepEqual(await greeting(t, channel), { event: 'moved', channel, data: '1' });
  });
}

overEach('protocol 12: comings and goings of members do not overwrite it', async (t) => {
  const channel = 'presence-cache-p12-members';
  await publish(server, { name: 'moved', channel, data: '1' });
  const watcher = await join(t, channel, {}, 'watcher');
  await watcher.expect('moved', channel);
  const guest = await join(t, channel, {}, 'guest');
  await guest.expect('moved', channel);
  await watcher.expect('pusher_internal:member_added', channel);
  await guest.close();
  await watcher.expect('pusher_internal:member_removed', channel);
  const late = await join(t, channel, {}, 'watcher');
  assert.deepEqual(await late.settle(), [{ event: 'moved', channel, data: '1' }]);
});

for (const prefix of PREFIXES.slice(1)) {
  overEach(`protocol 6: who is refused is not told the cached event (${prefix})`, async (t) => {
    const channel = `${prefix}p12-secret`;
    await publish(server, { name: 'secret', channel });
    const client = await open(t, server);
    const data = channel.startsWith('presence-') ? '{"user_id":"u"}' : undefined;
    const bad = client.auth(`${channel}-other`, data);
    for (const auth of [undefined, bad]) {
      assertRefused(await client.request({ channel, auth, channel_data: data }), channel);
    }
  });
}

test('protocol 12: beyond the memory for it the oldest are forgotten', OWN_SERVER, async () => {
  const channels = Array.from({ length: 12 }, (_, n) => `cache-p12-full-${n}`);
  for (const channel of channels) {
    await publish(forgetful, { name: 'moved', channel, data: 'x'.repeat(1000) });
  }
  const remembered = async () => {
    const found = [];
    for (const channel of channels) {
      const state = await get(forgetful, `/channels/${channel}`, [['info', 'cache']]);
      if (assertOk(state).cache !== null) found.push(channel);
    }
    return found;
  };
  const left = await until((found) => found.length <= 4, remembered, 'the oldest to be forgotten');
  assert.ok(left.length > 0, 'no more is forgotten than must be');
  assert.deepEqual(left, channels.slice(-left.length), 'the latest are kept');
});

overEach('protocol 12: apps do not share it', OWN_SERVER, async (t) => {
  const channel = 'cache-p12-apps';
  await publish(server, { name: 'moved', channel });
  assert.equal((await greeting(t, channel, { app: OTHER })).event, MISS);
  assert.equal((await greeting(t, channel)).event, 'moved');
});

overEach('protocol 12: whoever comes while events are published misses none', async (t) => {
  const channel = 'cache-p12-stream';
  const client = await open(t, server);
  let published = 0;
  let ended = false;
  const stream = (async () => {
    while (!ended) {
      await publish(server, { name: 'n', channel, data: String(published) });
      published += 1;
    }
  })();
  for (let round = 0; round < 40; round += 1) {
    await client.subscribe(channel);
    const seen = [await client.next(), await client.next(), await client.next()];
    client.unsubscribe(channel);
    seen.push(...(await client.settle()));
    const events = seen[0].event === MISS ? seen.slice(1) : seen;
    const numbers = events.map((m) => Number(m.data));
    assert.ok(events.every((m) => m.event === 'n'), JSON.stringify(seen));
    assert.deepEqual(numbers, numbers.map((_, n) => numbers[0] + n), 'no gap, nothing twice');
  }
  ended = true;
  await stream;
});

test('http 7: cache is an object with the data and the seconds left, or null', async (t) => {
  for (const prefix of PREFIXES) {
    const channel = `${prefix}h7-info`;
    assert.deepEqual(await cacheOf(channel), { occupied: false, cache: null });
    await publish(server, { name: 'moved', channel, data: ENVELOPE });
    const { occupied, cache, ...rest } = await cacheOf(channel);
    assert.deepEqual([occupied, cache.data, rest], [false, ENVELOPE, {}]);
    assert.deepEqual(Object.keys(cache).sort(), ['data', 'ttl']);
    assert.ok(Number.isInteger(cache.ttl) && cache.ttl > 0 && cache.ttl <= 1800, `${cache.ttl}`);
    const client = await join(t, channel);
    await client.expect('moved', channel);
    assert.equal((await cacheOf(channel)).occupied, true);
  }
});

test('http 7: cache next to user_count', async (t) => {
  const channel = 'presence-cache-h7-both';
  await join(t, channel);
  const both = await get(server, `/channels/${channel}`, [['info', 'user_count,cache']]);
  assert.deepEqual(assertOk(both), { occupied: true, user_count: 1, cache: null });
});

test('http 7: cache only if asked for', async () => {
  const channel = 'cache-h7-plain';
  await publish(server, { channel });
  assert.deepEqual(assertOk(await get(server, `/channels/${channel}`)), { occupied: false });
});

test('http 7: the ttl decreases, and a new event restarts it', async () => {
  const channel = 'cache-h7-ttl';
  const ttl = async () => (await cacheOf(channel)).cache.ttl;
  await publish(server, { channel });
  const first = await ttl();
  const later = await until((seconds) => seconds !== first, ttl, 'the ttl to change');
  assert.ok(later < first, `${later} after ${first}`);
  const restart = async () => {
    await publish(server, { channel });
    return ttl();
  };
  await until((seconds) => seconds > later, restart, 'the ttl to start again');
});
