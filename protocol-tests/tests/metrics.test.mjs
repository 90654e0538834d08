// What the metrics say after traffic that is known to the last byte.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OTHER } from '../lib/apps.mjs';
import { assertFailed, assertOk, get, post, publish } from '../lib/http.mjs';
import { Metrics, assertMetrics } from '../lib/metrics.mjs';
import { dial, open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';

const server = useServer();
const CHANNEL = 'private-cli-metrics';

/** Adds up what some clients have sent, or received. */
function total(clients, direction) {
  const sum = (what) => clients.reduce((n, { traffic }) => n + traffic[direction][what], 0);
  return [sum('messages'), sum('bytes')];
}

test('cli: the metrics tell of known traffic, by value', OWN_SERVER, async (t) => {
  const app = { app_id: server.app.id };
  const ws = { ...app, transport: 'ws' };
  const clients = [await open(t, server), await open(t, server), await open(t, server)];
  for (const client of clients) await client.subscribe(CHANNEL);
  await clients[0].subscribe('presence-cli-metrics', { user_id: 'ü' });
  await publish(server, { name: 'e', channels: [CHANNEL, 'cli-nobody'] });
  // Bytes are no characters, and a frame of more than 125 has a longer head.
  await publish(server, { name: 'e', channel: CHANNEL, data: 'ü'.repeat(100) });
  for (const client of clients) {
    for (let n = 0; n < 2; n += 1) await client.expect('e', CHANNEL);
  }
  clients[0].sendClientEvent(CHANNEL, 'client-x', { text: 'ü'.repeat(100) });
  for (const client of clients.slice(1)) await client.expect('client-x', CHANNEL);
  for (const client of clients) await client.settle();

  const [received, receivedBytes] = total(clients, 'sent');
  const [sent, sentBytes] = total(clients, 'received');
  // 4 subscriptions, 1 client event, 3 pings; 3 greetings, 4 + 6 + 2 messages, 3 pongs.
  assert.deepEqual([received, sent], [8, 18]);
  const counted = [
    ['foghorn_connections', ws, 3],
    ['foghorn_connections_opened_total', ws, 3],
    ['foghorn_subscriptions', app, 4],
    ['foghorn_channels', {}, 2],
    ['foghorn_messages_received_total', app, received],
    ['foghorn_received_bytes_total', app, receivedBytes],
    ['foghorn_messages_sent_total', app, sent],
    ['foghorn_sent_bytes_total', app, sentBytes],
    ['foghorn_events_published_total', { ...app, origin: 'api' }, 3],
    ['foghorn_events_published_total', { ...app, origin: 'client' }, 1],
    ['foghorn_overflows_total', { queue: 'connection' }, 0],
  ];
  const { text } = await assertMetrics(server, counted);
  for (const name of new Set(counted.map(([series]) => series))) {
    assert.match(text, new RegExp(`^# HELP ${name} .+$`, 'm'));
    assert.match(text, new RegExp(`^# TYPE ${name} (gauge|counter)$`, 'm'));
  }
  for (const hidden of [server.app.secret, CHANNEL, 'cli-nobody']) {
    assert.ok(!text.includes(hidden), `${hidden} is no label`);
  }

  clients[0].unsubscribe('presence-cli-metrics');
  await clients[0].settle();
  await clients[2].close();
  await assertMetrics(server, [
    ['foghorn_connections', ws, 2],
    ['foghorn_connections_opened_total', ws, 3],
    ['foghorn_subscriptions', app, 2],
    ['foghorn_channels', {}, 1],
  ]);
  for (const client of clients.slice(0, 2)) await client.close();
  await assertMetrics(server, [
    ['foghorn_connections', ws, 0],
    ['foghorn_subscriptions', app, 0],
    ['foghorn_channels', {}, 0],
  ]);
});

test('cli: the metrics count API requests by route and status', OWN_SERVER, async () => {
  const event = { name: 'e', channel: 'cli-api-metrics', data: '{}' };
  const wrong = { app: { ...server.app, secret: 'wrong' } };
  const batch = { batch: [event, event] };
  const before = await Metrics.scrape(server);

  for (let n = 0; n < 3; n += 1) assertOk(await post(server, '/events', event));
  assertFailed(await post(server, '/events', '{'), 400);
  assertFailed(await post(server, '/events', event, wrong), 401);
  assertFailed(await post(server, '/events', { ...event, data: 'x'.repeat(20_000) }), 413);
  for (let n = 0; n < 2; n += 1) assertOk(await post(server, '/batch_events', batch));
  assertOk(await get(server, '/channels'));
  assertOk(await get(server, '/channels/cli-one'));
  assertOk(await get(server, '/channels/cli-two'));
  assertOk(await get(server, '/channels/presence-cli/users'));
  assertFailed(await get(server, '/nothing'), 404);

  const requests = 'foghorn_api_requests_total';
  const expected = [
    ['events', 200, 3],
    ['events', 400, 1],
    ['events', 401, 1],
    ['events', 413, 1],
    ['batch_events', 200, 2],
    ['channels', 200, 1],
    ['channel', 200, 2],
    ['users', 200, 1],
    ['unknown', 404, 1],
  ].map(([route, status, more]) => {
    const labels = { route, status };
    return [requests, labels, (before.value(requests, labels) ?? 0) + more];
  });
  const origin = { app_id: server.app.id, origin: 'api' };
  const events = 'foghorn_events_published_total';
  // Three alone and two batches of two; what is refused is no event.
  expected.push([events, origin, before.value(events, origin) + 7]);
  await assertMetrics(server, expected);
});

test('cli: the metrics count refused connections by close code, no app', OWN_SERVER, async (t) => {
  const labels = { code: 4001, transport: 'ws' };
  const refused = 'foghorn_connections_refused_total';
  const before = (await Metrics.scrape(server)).value(refused, labels) ?? 0;
  for (let n = 0; n < 3; n += 1) {
    const { code } = await dial(t, server, { app: { key: `unknown-${n}` } }).waitForClose();
    assert.equal(code, 4001);
  }
  await assertMetrics(server, [
    [refused, labels, before + 3],
    ['foghorn_connections', { app_id: OTHER.id, transport: 'ws' }, 0],
  ]);
});

test('cli: the metrics tell of the process', OWN_SERVER, async () => {
  const metrics = await Metrics.scrape(server);
  assert.ok(metrics.value('process_resident_memory_bytes') > 0);
  assert.ok(metrics.value('process_open_fds') > 0);
});
