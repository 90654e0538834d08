// Subscription counts (protocol.md §13), told to clients and on request: http-api.md §15 lines 4,
// 6 and 7. They belong to subscribing, lines 5 and 8 of protocol.md §19.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN, OTHER } from '../lib/apps.mjs';
import { assertFailed, assertOk, get, post, publish } from '../lib/http.mjs';
import * as pusherJs from '../lib/pusherjs.mjs';
import { assertRefused, open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { overEach } from '../lib/transports.mjs';
import { channelOf, openAs } from '../lib/users.mjs';

const COUNTING = { ...MAIN, client_events: true, subscription_count: true };
const server = useServer({ apps: [COUNTING, { ...OTHER, client_events: true }] });

const COUNT = 'pusher_internal:subscription_count';
const MISS = 'pusher:cache_miss';
const JAVA = { query: '?client=java-client&protocol=5&version=2.4.4' };

const KINDS = ['', 'private-', 'private-encrypted-'].flatMap((kind) => [kind, `${kind}cache-`]);

/** Each client is told this count next. */
async function expectCount(clients, channel, count) {
  for (const client of clients) {
    const { data, ...rest } = await client.expect(COUNT, channel);
    assert.deepEqual(rest, { event: COUNT, channel });
    assert.deepEqual(JSON.parse(data), { subscription_count: count });
  }
}

/** A new connection on the channel, which has read what it was told there and then. */
async function join(t, channel, options) {
  const client = await open(t, server, options);
  await client.subscribe(channel);
  if (/(^|-)cache-/.test(channel)) await client.expect(MISS, channel);
  return client;
}

for (const kind of KINDS) {
  overEach(`protocol 5: each change is counted on "${kind}" channels`, OWN_SERVER, async (t) => {
    const channel = `${kind}count-changes`;
    const one = await join(t, channel);
    await expectCount([one], channel, 1);
    const two = await join(t, channel);
    await expectCount([one, two], channel, 2);
    const three = await join(t, channel);
    await expectCount([one, two, three], channel, 3);

    two.unsubscribe(channel);
    await expectCount([one, three], channel, 2);
    await two.assertQuiet('it has left');
    await three.close();
    await expectCount([one], channel, 1);
    await two.subscribe(channel);
    if (kind.endsWith('cache-')) await two.expect(MISS, channel);
    await expectCount([one, two], channel, 2);
    two.terminate();
    await expectCount([one], channel, 1);
    await one.assertQuiet();
  });

  overEach(`protocol 5: no "${kind}" channel counts unless asked to`, OWN_SERVER, async (t) => {
    const channel = `${kind}count-off`;
    const one = await join(t, channel, { app: OTHER });
    const two = await join(t, channel, { app: OTHER });
    two.unsubscribe(channel);
    await two.assertQuiet();
    await one.assertQuiet();
  });
}

overEach('protocol 12: the count comes after the cached event', OWN_SERVER, async (t) => {
  const channel = 'cache-count-order';
  await publish(server, { name: 'moved', channel });
  const client = await open(t, server);
  await client.subscribe(channel);
  await client.expect('moved', channel);
  await expectCount([client], channel, 1);
  await publish(server, { name: 'live', channel });
  await client.expect('live', channel);
});

overEach('protocol 12: a count is not cached', OWN_SERVER, async (t) => {
  const channel = 'cache-count-cached';
  await expectCount([await join(t, channel)], channel, 1);
  await expectCount([await join(t, channel)], channel, 2);
});

for (const channel of ['presence-count', 'presence-cache-count']) {
  overEach(`protocol 9: members are not counted (${channel})`, OWN_SERVER, async (t) => {
    const [one, two] = [await open(t, server), await open(t, server)];
    await one.subscribe(channel, { user_id: 'a' });
    await two.subscribe(channel, { user_id: 'b' });
    two.unsubscribe(channel);
    const left = await two.settle();
    const told = [...left, ...(await one.settle())].map((m) => m.event);
    const others = told.filter((event) => event !== MISS);
    const [added, removed] = ['pusher_internal:member_added', 'pusher_internal:member_removed'];
    assert.deepEqual(others, [added, removed]);
  });
}

overEach('protocol 13: connections of a user are not counted', OWN_SERVER, async (t) => {
  const channel = channelOf('u-count');
  const [one, two] = [await openAs(t, server, 'u-count'), await openAs(t, server, 'u-count')];
  await one.subscribe(channel);
  await two.subscribe(channel);
  await one.assertQuiet();
  await two.assertQuiet();
  const info = 'user_count,subscription_count';
  assert.deepEqual(await publish(server, { channel, info }), { channels: { [channel]: {} } });
});

overEach('protocol 8: a duplicate subscribe is not counted', OWN_SERVER, async (t) => {
  const channel = 'count-duplicate';
  const one = await join(t, channel);
  const two = await join(t, channel);
  await expectCount([one], channel, 1);
  await expectCount([one, two], channel, 2);
  assertRefused(await two.request({ channel }), channel);
  await one.assertQuiet();
  const state = await get(server, `/channels/${channel}`, [['info', 'subscription_count']]);
  assert.equal(assertOk(state).subscription_count, 2);
});

overEach('protocol 6: a refused subscription is not counted', OWN_SERVER, async (t) => {
  const channel = 'private-count-refused';
  const one = await join(t, channel);
  await expectCount([one], channel, 1);
  const stranger = await open(t, server);
  assertRefused(await stranger.request({ channel, auth: `${MAIN.key}:00` }), channel);
  await one.assertQuiet();
});

for (const channel of ['private-encrypted-count-java', 'private-encrypted-cache-count-java']) {
  test(`protocol 5: Java is spared the count on ${channel}`, OWN_SERVER, async (t) => {
    const java = await join(t, channel, JAVA);
    const other = await join(t, channel);
    await expectCount([other], channel, 2);
    await other.close();
    await java.assertQuiet('it would try to decrypt the count');
  });
}

test('protocol 5: Java is told the count where nothing is encrypted', OWN_SERVER, async (t) => {
  const channel = 'private-count-java';
  await expectCount([await join(t, channel, JAVA)], channel, 1);
});

overEach('protocol 5: above 100 counts are told rarely, the last surely', OWN_SERVER, async (t) => {
  const channel = 'count-crowd';
  const watcher = await join(t, channel);
  const crowd = [];
  for (let n = 0; n < 120; n += 1) crowd.push(await open(t, server));
  const subscribe = { event: 'pusher:subscribe', data: { channel } };

  /** What the watcher is told until it is told this count. */
  const countsUntil = async (last) => {
    const numberOf = (m) => JSON.parse(m.data).subscription_count;
    const messages = await watcher.inbox.readUntil((m) => numberOf(m) === last, `count ${last}`);
    return messages.map(numberOf);
  };

  for (const client of crowd.slice(0, 99)) client.send(subscribe);
  const each = Array.from({ length: 100 }, (_, n) => n + 1);
  assert.deepEqual(await countsUntil(100), each, 'up to 100, each');

  for (const client of crowd.slice(99)) client.send(subscribe);
  const rising = await countsUntil(121);
  // Up and down again, several times over, and in the end five fewer.
  for (const client of crowd.slice(99)) {
    for (let n = 0; n < 10; n += 1) {
      client.unsubscribe(channel);
      client.send(subscribe);
    }
    await client.settle();
  }
  for (const client of crowd.slice(115)) await client.close();
  const wavering = await countsUntil(116);
  const changes = 21 + 21 * 20 + 5;
  const told = rising.length + wavering.length;
  assert.ok(told < changes / 4, `${changes} changes, told ${told} times`);

  for (const client of crowd.slice(89, 115)) client.unsubscribe(channel);
  const falling = await countsUntil(90);
  assert.deepEqual(falling, falling.toSorted((a, b) => b - a));
  const info = await get(server, `/channels/${channel}`, [['info', 'subscription_count']]);
  assert.equal(assertOk(info).subscription_count, 90);
  await crowd[0].close();
  await expectCount([watcher], channel, 89);
});

test('protocol 5: pusher-js knows the count', OWN_SERVER, async (t) => {
  const channel = 'count-pusher-js';
  await expectCount([await join(t, channel)], channel, 1);
  const client = await pusherJs.connect(t, server);
  const subscribed = await pusherJs.subscribe(client, channel);
  const { event, data } = await subscribed.events.next();
  assert.deepEqual([event, data], ['pusher:subscription_count', { subscription_count: 2 }]);
  assert.equal(subscribed.subscriptionCount, 2);
});

const info = (text) => ['info', text];

test('http 4: subscription_count of an event and of a batch', OWN_SERVER, async (t) => {
  await join(t, 'private-count-h4');
  await join(t, 'count-h4');
  await join(t, 'count-h4');
  await (await open(t, server)).subscribe('presence-count-h4', { user_id: 'a' });
  const channels = ['count-h4', 'private-count-h4', 'presence-count-h4', 'count-h4-empty'];
  const answer = await publish(server, { channels, info: 'user_count,subscription_count' });
  assert.deepEqual(answer, {
    channels: {
      'count-h4': { subscription_count: 2 },
      'private-count-h4': { subscription_count: 1 },
      'presence-count-h4': { user_count: 1 },
      'count-h4-empty': { subscription_count: 0 },
    },
  });
  const item = (channel, wanted) => ({ name: 'e', channel, data: '', info: wanted });
  const batch = [item('count-h4', 'subscription_count'), item('count-h4', 'user_count')];
  const batched = assertOk(await post(server, '/batch_events', { batch }));
  assert.deepEqual(batched, { batch: [{ subscription_count: 2 }, {}] });
});

test('http 6: subscription_count of all channels but presence', OWN_SERVER, async (t) => {
  await join(t, 'private-count-h6');
  await (await open(t, server)).subscribe('presence-count-h6', { user_id: 'a' });
  await join(t, 'count-h6');
  await join(t, 'count-h6');
  const ask = async (...params) => assertOk(await get(server, '/channels', params)).channels;
  const channels = await ask(info('subscription_count'));
  assert.deepEqual(channels['count-h6'], { subscription_count: 2 });
  assert.deepEqual(channels['private-count-h6'], { subscription_count: 1 });
  assert.deepEqual(channels['presence-count-h6'], {});
  const presence = [['filter_by_prefix', 'presence-count-h6'], info('user_count')];
  assert.deepEqual(await ask(...presence), { 'presence-count-h6': { user_count: 1 } });
});

test('http 7: subscription_count of a channel', OWN_SERVER, async (t) => {
  const ask = (name, app) =>
    get(server, `/channels/${name}`, [info('subscription_count')], { app });
  assert.deepEqual(assertOk(await ask('count-h7')), { occupied: false, subscription_count: 0 });
  await join(t, 'count-h7');
  await join(t, 'count-h7');
  assert.deepEqual(assertOk(await ask('count-h7')), { occupied: true, subscription_count: 2 });
  assertFailed(await ask('presence-count-h7'), 400);
  assertFailed(await ask('count-h7', OTHER), 400);
  assertFailed(await get(server, '/channels', [info('subscription_count')], { app: OTHER }), 400);
});
