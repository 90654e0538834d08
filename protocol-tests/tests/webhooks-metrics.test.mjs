// What the server says of its webhooks: metrics by value, and what it gives up.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN } from '../lib/apps.mjs';
import { PATIENCE_MS } from '../lib/inbox.mjs';
import { Metrics, assertMetrics } from '../lib/metrics.mjs';
import { OWN_SERVER } from '../lib/server.mjs';
import {
  HANG,
  inTurn,
  join,
  startEndpoint,
  startHooked,
  startServer,
  to,
} from '../lib/webhooks.mjs';

const app = { app_id: MAIN.id };
const DELIVERIES = 'foghorn_webhook_deliveries_total';
const RETRIES = 'foghorn_webhook_retries_total';
const DEPTH = 'foghorn_webhook_queue_depth';
const OLDEST = 'foghorn_webhook_oldest_seconds';
const DROPPED = 'foghorn_webhook_dropped_total';
const DEAD = 'foghorn_webhook_dead_letters';
/** How many client events may wait for one endpoint. */
const BOUND = 10_000;

test('webhooks 8: metrics tell what is delivered, retried and waiting', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { answer: inTurn(500, 500) });
  await join(t, server, 'presence-metered', 'anna');
  await hook.told('presence-metered', 2);
  const metrics = await assertMetrics(server, [
    [DELIVERIES, { ...app, outcome: 'delivered' }, 2],
    [RETRIES, app, 2],
    [DEPTH, app, 0],
    [OLDEST, app, 0],
  ]);
  for (const name of [DELIVERIES, RETRIES, DEPTH, OLDEST, DEAD]) {
    assert.match(metrics.text, new RegExp(`^# HELP ${name} .+$`, 'm'));
  }
  for (const hidden of [MAIN.secret, 'presence-metered', hook.url]) {
    assert.ok(!metrics.text.includes(hidden), `${hidden} is no label`);
  }

  hook.answer = () => 500;
  for (let n = 0; n < 3; n += 1) await join(t, server, `metered-${n}`);
  await assertMetrics(server, [[DEPTH, app, 3]]);
  let { text } = await Metrics.scrape(server);
  while (!(new Metrics(text).value(OLDEST, app) > 0)) ({ text } = await Metrics.scrape(server));
});

test('webhooks 8: too many client events are dropped and counted', OWN_SERVER, async (t) => {
  const [stuck, free] = [await startEndpoint(t, { answer: () => HANG }), await startEndpoint(t)];
  const [events, states] = [['client_event'], ['channel_occupied']];
  const webhooks = [...to(stuck, { event_types: events }), ...to(free, { event_types: states })];
  const server = await startServer(t, { app: { webhooks } });
  const client = await join(t, server, 'private-flood');
  const more = 2_000;
  for (let sent = 0; sent < BOUND + more; sent += 500) {
    const message = { event: 'client-x', channel: 'private-flood', data: 'x'.repeat(100) };
    client.sendAtOnce(Array.from({ length: 500 }, () => message));
    await client.settle();
  }
  const total = BOUND + more;
  const isCounted = async () => {
    const metrics = await Metrics.scrape(server);
    const lines = [...metrics.text.matchAll(/^foghorn_webhook_dropped_total\{.*\} (\d+)$/gm)];
    const dropped = lines.reduce((sum, [, value]) => sum + Number(value), 0);
    const unstored = metrics.value('foghorn_webhook_unstored', app);
    return { dropped, depth: metrics.value(DEPTH, app) - unstored };
  };
  const deadline = Date.now() + PATIENCE_MS;
  let found = await isCounted();
  while (found.dropped + found.depth !== total && Date.now() < deadline) found = await isCounted();
  assert.equal(found.dropped + found.depth, total, JSON.stringify(found));
  assert.ok(found.dropped >= more && found.depth <= BOUND, JSON.stringify(found));
  await join(t, server, 'not-impressed');
  await free.told('not-impressed', 1);
});
