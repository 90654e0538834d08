// Who is told what, and in which company: webhooks.md §8 lines 2, 9 and 10, and §6, §7.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN, OTHER } from '../lib/apps.mjs';
import { open } from '../lib/raw.mjs';
import { OWN_SERVER } from '../lib/server.mjs';
import { assertTold, fence, join, startEndpoint, startServer, to } from '../lib/webhooks.mjs';

const CHANNELS = [
  'private-red-room',
  'private-red-hall',
  'public-red-room',
  'private-cache-42-room',
  'presence-blue-room',
];

const names = (...indices) => indices.map((at) => CHANNELS[at]);

for (const [what, filter, expected] of [
  ['a prefix', { channel_name_starts_with: 'private-' }, names(0, 1, 3)],
  ['a suffix', { channel_name_ends_with: '-room' }, names(0, 2, 3, 4)],
  [
    'both',
    { channel_name_starts_with: 'private-', channel_name_ends_with: '-room' },
    names(0, 3),
  ],
  ['a pattern', { channel_pattern: '-(red|\\d+)-' }, names(0, 1, 2, 3)],
  ['an anchored pattern', { channel_pattern: '^p[^-]*-red-room$' }, names(0, 2)],
  ['nothing', {}, CHANNELS],
]) {
  test(`webhooks 9: channels are chosen by ${what}`, OWN_SERVER, async (t) => {
    const [some, all] = [await startEndpoint(t), await startEndpoint(t)];
    const server = await startServer(t, {
      app: { subscription_count: true, webhooks: [...to(some, { filter }), ...to(all)] },
    });
    const clients = [];
    for (const channel of CHANNELS) {
      const client = await join(t, server, channel);
      client.sendClientEvent(channel, 'client-x', channel);
      clients.push(client);
    }
    // Both are told of the first channel; that it is vacated is due after all the others.
    await clients[0].close();
    const isLast = ({ name, channel }) => name === 'channel_vacated' && channel === CHANNELS[0];
    for (const hook of [some, all]) await hook.receivedEvent(isLast);
    for (const channel of CHANNELS) {
      const told = expected.includes(channel) ? all.toldSoFar(channel) : [];
      assert.deepEqual(some.toldSoFar(channel), told, channel);
    }
    const said = some.requests.map(({ text }) => text).join('\n');
    for (const channel of CHANNELS) {
      assert.equal(said.includes(channel), expected.includes(channel), channel);
    }
  });
}

for (const type of ['channel_occupied', 'member_added', 'client_event', 'cache_miss']) {
  test(`webhooks 9: events are chosen by type (${type})`, OWN_SERVER, async (t) => {
    const [some, all] = [await startEndpoint(t), await startEndpoint(t)];
    const webhooks = [...to(some, { event_types: [type] }), ...to(all)];
    const server = await startServer(t, { app: { subscription_count: true, webhooks } });
    const channel = 'presence-cache-typed';
    const client = await join(t, server, channel);
    client.sendClientEvent(channel, 'client-x', '1');
    await client.close();
    const left = (event) => event.name === 'channel_vacated' && event.channel === channel;
    await all.receivedEvent(left);
    const last = await join(t, server, 'presence-cache-fence');
    last.sendClientEvent('presence-cache-fence', 'client-x', '1');
    await some.told('presence-cache-fence', 1);
    assert.deepEqual(
      some.toldSoFar(channel).map(({ name }) => name),
      [type],
    );
    assert.ok(some.events().every(({ name }) => name === type));
  });
}

/** Sends so many client events at once; they say their number. */
async function burst(t, server, channel, count, app) {
  const client = await open(t, server, { app });
  await client.subscribe(channel);
  const event = 'client-burst';
  const messages = Array.from({ length: count }, (_, n) => ({ event, channel, data: String(n) }));
  client.sendAtOnce(messages);
  await client.settle();
}

const BURSTS = { event_types: ['client_event'] };
const numbers = (hook, channel) => hook.toldSoFar(channel).map(({ data }) => Number(data));
const upTo = (count) => Array.from({ length: count }, (_, n) => n);

test('webhooks 2: with batches, several events share a request', OWN_SERVER, async (t) => {
  const hook = await startEndpoint(t);
  const server = await startServer(t, {
    app: { batch_webhooks: true, webhooks: to(hook, BURSTS) },
    webhooks: { batch_size: 7 },
  });
  await burst(t, server, 'private-burst', 40);
  await hook.told('private-burst', 40);
  assert.deepEqual(numbers(hook, 'private-burst'), upTo(40));
  const sizes = hook.requests.map(({ events }) => events.length);
  assert.ok(Math.max(...sizes) > 1, `of ${sizes}`);
  assert.ok(Math.max(...sizes) <= 7, `of ${sizes}`);
});

test('webhooks 2: a batch has the events of its window', OWN_SERVER, async (t) => {
  const hook = await startEndpoint(t);
  const server = await startServer(t, {
    app: { batch_webhooks: true, webhooks: to(hook) },
    webhooks: { batch_window: 3000 },
  });
  await join(t, server, 'presence-window', 'anna');
  const [{ events }] = await hook.received(1);
  assert.deepEqual(events, [
    { name: 'channel_occupied', channel: 'presence-window' },
    { name: 'member_added', channel: 'presence-window', user_id: 'anna' },
  ]);
});

test('webhooks 9: events are chosen before they are put together', OWN_SERVER, async (t) => {
  const filter = { channel_name_starts_with: 'private-wanted' };
  const [some, all] = [await startEndpoint(t), await startEndpoint(t)];
  const server = await startServer(t, {
    app: { batch_webhooks: true, webhooks: [...to(some, { ...BURSTS, filter }), ...to(all)] },
  });
  await burst(t, server, 'private-unwanted', 20);
  await all.told('private-unwanted', 21);
  assert.deepEqual(some.requests, [], 'an empty batch is not sent');
  await Promise.all([
    burst(t, server, 'private-unwanted', 20),
    burst(t, server, 'private-wanted', 20),
  ]);
  await some.told('private-wanted', 20);
  assert.deepEqual(numbers(some, 'private-wanted'), upTo(20));
  assert.ok(some.events().every(({ channel }) => channel === 'private-wanted'));
});

test('webhooks 10: two apps with batches never share a request', OWN_SERVER, async (t) => {
  const hook = await startEndpoint(t);
  const batched = { client_events: true, client_events_per_second: -1, batch_webhooks: true };
  const apps = [MAIN, OTHER].map((app) => ({ ...app, ...batched, webhooks: to(hook) }));
  const server = await startServer(t, { apps, webhooks: { batch_window: 500 } });
  const channelOf = ({ id }) => `private-of-${id}`;
  await Promise.all(apps.map((app) => burst(t, server, channelOf(app), 150, app)));
  for (const app of apps) await hook.told(channelOf(app), 151);
  for (const { key, events } of hook.requests) {
    const app = apps.find((one) => one.key === key);
    assert.deepEqual([...new Set(events.map(({ channel }) => channel))], [channelOf(app)]);
  }
  const shared = hook.requests.filter(({ events }) => events.length > 1);
  assert.equal(new Set(shared.map(({ key }) => key)).size, 2, 'both apps had batches');
});

test('webhooks 2: batches keep the order of all channels', OWN_SERVER, async (t) => {
  const hook = await startEndpoint(t);
  const server = await startServer(t, {
    app: { batch_webhooks: true, webhooks: to(hook) },
    webhooks: { delay: 0, batch_size: 3 },
  });
  const client = await join(t, server, 'presence-ordered', 'anna');
  await client.close();
  await hook.told('presence-ordered', 4);
  await fence(t, server, hook);
  assertTold(hook, 'presence-ordered', [
    'channel_occupied',
    { name: 'member_added', user_id: 'anna' },
    { name: 'member_removed', user_id: 'anna' },
    'channel_vacated',
  ]);
});
