// Subscription counts told to webhooks: webhooks.md §8 line 7, and §2.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PATIENCE_MS } from '../lib/inbox.mjs';
import { OWN_SERVER } from '../lib/server.mjs';
import { assertTold, fence, join, startHooked } from '../lib/webhooks.mjs';

const COUNTS = { event_types: ['subscription_count'] };
const app = { subscription_count: true };
/** How many connections make a crowd, and how long a crowd's counts are apart, in milliseconds. */
const CROWD = 100;
const GAP_MS = 5000;

const countsOf = (hook, channel) => hook.toldSoFar(channel).map((e) => e.subscription_count);

test('webhooks 7: each change of a small number is told', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { app, webhook: COUNTS });
  const channel = 'private-counted';
  const one = await join(t, server, channel);
  await hook.told(channel, 1);
  const two = await join(t, server, channel);
  await hook.told(channel, 2);
  two.unsubscribe(channel);
  await hook.told(channel, 3);
  await one.close();
  await hook.told(channel, 4);
  assert.deepEqual(countsOf(hook, channel), [1, 2, 1, 0]);
});

test('webhooks 7: a crowd is told of now and then, and its last number', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { app, webhook: COUNTS });
  const channel = 'crowd';
  const isLast = (count) => (event) => event.subscription_count === count;
  const clients = [];
  for (let n = 0; n < CROWD + 30; n += 1) clients.push(await join(t, server, channel));
  const patience = PATIENCE_MS + GAP_MS;
  await hook.receivedEvent(isLast(CROWD + 30), { what: 'the whole crowd', patience });
  for (const client of clients.splice(-20)) await client.close();
  await hook.receivedEvent(isLast(CROWD + 10), { what: 'those who stay', patience });
  const crowded = hook
    .requestsFor(channel)
    .map(({ time, events: [{ subscription_count: count }] }) => ({ time, count }))
    .filter(({ count }) => count > CROWD);
  for (const [at, { time, count }] of crowded.slice(1).entries()) {
    assert.ok(time - crowded[at].time >= GAP_MS, JSON.stringify(crowded));
    assert.notEqual(count, crowded[at].count);
  }
  assert.equal(crowded.at(-1).count, CROWD + 10);
});

test('webhooks 7: members of presence channels are not counted', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { app });
  for (const channel of ['presence-counted', 'presence-cache-counted']) {
    await join(t, server, channel, 'anna');
    await join(t, server, channel, 'ben');
    await fence(t, server, hook);
    const names = hook.toldSoFar(channel).map(({ name }) => name);
    assert.ok(names.includes('channel_occupied'), channel);
    assert.ok(!names.includes('subscription_count'), channel);
  }
});

test('webhooks 7: nobody is counted unless the app asks for it', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t);
  await join(t, server, 'not-counted');
  await fence(t, server, hook);
  assertTold(hook, 'not-counted', ['channel_occupied']);
});
