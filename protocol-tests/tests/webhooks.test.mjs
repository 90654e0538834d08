// Webhooks, request by request: webhooks.md §8 lines 1, 2 and 11.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN } from '../lib/apps.mjs';
import { publish } from '../lib/http.mjs';
import { sdkFor } from '../lib/node-sdk.mjs';
import { PythonSdk } from '../lib/python.mjs';
import { open } from '../lib/raw.mjs';
import { OWN_SERVER } from '../lib/server.mjs';
import {
  assertTold,
  fence,
  inTurn,
  join,
  readByNode,
  startEndpoint,
  startHooked,
  startServer,
} from '../lib/webhooks.mjs';

const HEADERS = { 'X-Env': 'prod', authorization: 'Bearer made-up' };

test('webhooks 1: a request has the headers that verifiers compare', OWN_SERVER, async (t) => {
  const hook = await startEndpoint(t);
  const url = `${hook.url}/pusher?from=a%20b&x=1`;
  const server = await startServer(t, { app: { webhooks: [{ url, headers: HEADERS }] } });
  const before = Date.now();
  await join(t, server, 'private-orders');
  const [request] = await hook.received(1);
  const { text, time, path, headers } = request;
  const event = '{"name":"channel_occupied","channel":"private-orders"}';
  assert.equal(text, `{"time_ms":${time},"events":[${event}]}`, 'and no newline');
  assert.ok(before <= time && time <= Date.now(), 'milliseconds');
  assert.equal(path, '/hooks/pusher?from=a%20b&x=1');
  assert.equal(headers['x-pusher-key'], MAIN.key);
  assert.match(headers['x-pusher-signature'], /^[0-9a-f]{64}$/);
  assert.equal(headers['x-webhook-attempt'], '1');
  assert.equal(headers.host, new URL(hook.url).host);
  assert.match(headers['user-agent'], /^foghorn\/\d/);
  assert.deepEqual([headers['x-env'], headers.authorization], ['prod', 'Bearer made-up']);
});

test('webhooks 1: the oldest active pair of an app signs', OWN_SERVER, async (t) => {
  const keys = [
    { key: 'kretired00000000', secret: 's3cr3t-retired', enabled: false },
    { key: 'kold000000000000', secret: 's3cr3t-old' },
    { key: 'knew000000000000', secret: 's3cr3t-new' },
  ];
  const hook = await startEndpoint(t, { apps: keys });
  const app = { id: MAIN.id, keys, webhooks: [{ url: hook.url }] };
  const server = await startServer(t, { apps: [app] });
  await join(t, server, 'signed-by', 'u', { app: keys[2] });
  const [request] = await hook.received(1);
  assert.equal(request.key, 'kold000000000000');
});

/** Has each kind of event happen, some on channels of several kinds; gives the requests. */
async function everyKind(t, { hook, server }) {
  const lobby = 'presence-lobby';
  const zoe = await open(t, server);
  await zoe.subscribe(lobby, { user_id: 17, user_info: { nick: 'Zoë' } });
  zoe.sendClientEvent(lobby, 'client-typing', { on: true, who: 'Zoë 🐦' });
  for (const channel of ['cache-car-7', 'private-encrypted-vault']) {
    await join(t, server, channel);
  }
  const sender = await join(t, server, 'private-orders');
  sender.sendClientEvent('private-orders', 'client-paid', '"quotes" \\ and\nlines');
  await hook.receivedEvent(({ name }) => name === 'cache_miss');
  await hook.told('private-orders', 3);
  await zoe.close();
  await hook.told(lobby, 5);
  return zoe.socketId;
}

const ALL_KINDS = [
  'cache_miss',
  'channel_occupied',
  'channel_vacated',
  'client_event',
  'member_added',
  'member_removed',
  'subscription_count',
];

const counting = { app: { subscription_count: true } };

test('webhooks 1: every event has its shape, to the letter', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, counting);
  const socketId = await everyKind(t, { hook, server });
  assert.deepEqual([...new Set(hook.events().map(({ name }) => name))].sort(), ALL_KINDS);
  const texts = hook.requestsFor('presence-lobby').map(({ text }) => text.replace(/^.*?\[/, '['));
  const event = (name, rest) => `[{"name":"${name}","channel":"presence-lobby"${rest}}]}`;
  const data = JSON.stringify('{"on":true,"who":"Zoë 🐦"}');
  const sent = `,"event":"client-typing","data":${data},"socket_id":"${socketId}"`;
  assert.deepEqual(texts, [
    event('channel_occupied', ''),
    event('member_added', ',"user_id":"17"'),
    event('client_event', `${sent},"user_id":"17"`),
    event('member_removed', ',"user_id":"17"'),
    event('channel_vacated', ''),
  ]);
  const car = hook.requestsFor('cache-car-7').map(({ text }) => text.replace(/^.*?\[/, '['));
  const count = '[{"name":"subscription_count","channel":"cache-car-7","subscription_count":1}]}';
  assert.deepEqual(car.toSorted(), [
    '[{"name":"cache_miss","channel":"cache-car-7"}]}',
    '[{"name":"channel_occupied","channel":"cache-car-7"}]}',
    count,
  ]);
});

test('webhooks 2: every event is a request of its own', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, counting);
  await everyKind(t, { hook, server });
  assert.deepEqual([...new Set(hook.requests.map(({ events }) => events.length))], [1]);
});

test('webhooks 2: several webhooks are told the same, each for itself', OWN_SERVER, async (t) => {
  const hooks = [await startEndpoint(t), await startEndpoint(t, { answer: inTurn(500) })];
  const webhooks = hooks.map(({ url }) => ({ url }));
  const server = await startServer(t, { app: { webhooks } });
  await join(t, server, 'told-to-two');
  for (const hook of hooks) await hook.told('told-to-two', 1);
  for (const hook of hooks) await fence(t, server, hook);
  for (const hook of hooks) assertTold(hook, 'told-to-two', ['channel_occupied']);
});

test('webhooks 2: one endpoint may be that of several webhooks', OWN_SERVER, async (t) => {
  const hook = await startEndpoint(t);
  const channels = { event_types: ['channel_occupied', 'channel_vacated'] };
  const members = { event_types: ['member_added'], headers: { 'x-for': 'members' } };
  const webhooks = [channels, members].map((more) => ({ url: hook.url, ...more }));
  const server = await startServer(t, { app: { webhooks } });
  await join(t, server, 'presence-two-for-one', 'anna');
  await fence(t, server, hook);
  const requests = hook.requestsFor('presence-two-for-one');
  const told = requests.map(({ events: [{ name }], headers }) => [name, headers['x-for']]);
  assert.deepEqual(told.sort(), [['channel_occupied', undefined], ['member_added', 'members']]);
});

for (const batched of [false, true]) {
  const how = batched ? 'batches' : 'single events';
  test(`webhooks 11: the SDKs for Node and Python verify ${how}`, OWN_SERVER, async (t) => {
    const app = { subscription_count: true, batch_webhooks: batched };
    const { hook, server } = await startHooked(t, { app });
    await everyKind(t, { hook, server });
    const python = new PythonSdk(t, server);
    const kinds = new Set();
    for (const request of hook.requests) {
      const { headers, text, json, time, events } = request;
      const [key, signature] = [headers['x-pusher-key'], headers['x-pusher-signature']];
      assert.deepEqual(readByNode(server, request), { time, events });
      assert.deepEqual(await python.call('validate_webhook', [key, signature, text]), json);
      for (const { name } of events) kinds.add(name);
      const altered = text.replace('"channel"', '"chanel"');
      assert.notEqual(altered, text);
      assert.equal(sdkFor(server).webhook({ headers, rawBody: altered }).isValid(), false);
      assert.equal(await python.call('validate_webhook', [key, signature, altered]), null);
    }
    assert.deepEqual([...kinds].sort(), ALL_KINDS);
  });
}

test('webhooks 1: what the HTTP API publishes is no webhook', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t);
  await publish(server, { name: 'client-x', channel: 'private-published' });
  await fence(t, server, hook);
  assertTold(hook, 'private-published', []);
});
