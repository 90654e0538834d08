// A client that stops reading is sent away; its neighbours get everything, in order.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertOk, post } from '../lib/http.mjs';
import { assertMetrics } from '../lib/metrics.mjs';
import { open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { channelAuth } from '../lib/sign.mjs';
import { OPCODE, json, open as openWire } from '../lib/wire.mjs';

// Room for two batches: one for each neighbour, who reads it before the next one is published.
const server = useServer({ server: { send_queue_bytes: 200_000 } });
const patient = useServer({ server: { send_queue_bytes: 64 << 20, write_timeout: 60 } });

const OVERFLOWS = 'foghorn_overflows_total';
const REMOVED = 'pusher_internal:member_removed';
const PADDING = 'x'.repeat(9_000);
// The kernel's buffers take some megabytes before the server's own queue fills.
const MOST_BATCHES = 1_000;

/** A connection on the presence channel that only reads when told to. */
async function lazy(t, where, channel) {
  const wire = await openWire(t, where);
  const data = '{"user_id":"slow"}';
  const auth = channelAuth(where.app, wire.socketId, channel, data);
  wire.write(json({ event: 'pusher:subscribe', data: { channel, auth, channel_data: data } }));
  const success = await wire.takeMessage();
  assert.equal(success.event, 'pusher_internal:subscription_succeeded');
  wire.socket.pause();
  return wire;
}

async function neighbour(t, where, channel, user) {
  const client = await open(t, where);
  await client.subscribe(channel, { user_id: user });
  return client;
}

/** Ten events in one request, numbered from `first`. */
async function publishBatch(where, channel, first) {
  const event = (n) => ({ name: 'n', channel, data: `${first + n} ${PADDING}` });
  const batch = Array.from({ length: 10 }, (_, n) => event(n));
  assertOk(await post(where, '/batch_events', { batch }));
}

const numberOf = (message) => Number(message.data.split(' ')[0]);

test(
  'slow consumer: closed with 4100 and counted; nobody else loses anything',
  OWN_SERVER,
  async (t) => {
    const channel = 'presence-slow';
    const watcher = await neighbour(t, server, channel, 'watcher');
    const others = [];
    for (const user of ['a', 'b']) others.push(await neighbour(t, server, channel, user));
    const slow = await lazy(t, server, channel);
    await assertMetrics(server, [[OVERFLOWS, { queue: 'connection' }, 0]]);
    for (const client of [watcher, ...others]) await client.settle();

    // Publish until the others are told that the slow one has left.
    const neighbours = [watcher, ...others];
    const got = new Map(neighbours.map((client) => [client, []]));
    const gone = () => got.get(watcher).some((m) => m.event === REMOVED);
    let sent = 0;
    while (!gone()) {
      assert.ok(sent < 10 * MOST_BATCHES, `still there after ${sent} events`);
      await publishBatch(server, channel, sent);
      sent += 10;
      const last = (m) => m.event === 'n' && numberOf(m) === sent - 1;
      for (const client of neighbours) {
        got.get(client).push(...(await client.inbox.readUntil(last, `event ${sent - 1}`)));
        got.get(client).push(...(await client.settle()));
      }
    }
    const all = Array.from({ length: sent }, (_, n) => n);
    for (const client of neighbours) {
      const messages = got.get(client);
      if (!messages.some((m) => m.event === REMOVED)) messages.push(await client.next());
      const removals = messages.filter((m) => m.event === REMOVED).map((m) => m.data);
      assert.deepEqual(removals, ['{"user_id":"slow"}']);
      assert.deepEqual(messages.filter((m) => m.event === 'n').map(numberOf), all);
    }

    // What the slow one had been sent is a prefix of the truth, and then the connection ends.
    const { numbers, code } = await readToTheEnd(slow);
    assert.ok(numbers.length < sent, 'it was cut off');
    assert.deepEqual(numbers, all.slice(0, numbers.length));
    // It reads again long before the server loses patience with its socket.
    assert.equal(code, 4100);
    await assertMetrics(server, [[OVERFLOWS, { queue: 'connection' }, 1]]);
  },
);

async function readToTheEnd(wire) {
  const numbers = [];
  let code;
  wire.socket.resume();
  await wire.waitForEnd();
  // All bytes are here, so only whole frames are left to take.
  for (;;) {
    const frame = await wire.takeFrame().catch(() => null);
    if (frame === null) return { numbers, code };
    if (frame.opcode === OPCODE.close) code = frame.code;
    if (frame.opcode !== OPCODE.text) continue;
    const message = JSON.parse(frame.payload.toString());
    if (message.event === 'n') numbers.push(numberOf(message));
  }
}

test('slow consumer: a pause within the limit costs nothing', OWN_SERVER, async (t) => {
  const channel = 'presence-slow-pause';
  const watcher = await neighbour(t, patient, channel, 'watcher');
  const slow = await lazy(t, patient, channel);
  await watcher.settle();
  const total = 1_000;
  for (let sent = 0; sent < total; sent += 10) await publishBatch(patient, channel, sent);
  const all = Array.from({ length: total }, (_, n) => n);
  const seen = (await watcher.settle()).filter((m) => m.event === 'n').map(numberOf);
  assert.deepEqual(seen, all);

  slow.socket.resume();
  const got = [];
  while (got.length < total) {
    const message = await slow.takeMessage();
    if (message.event === 'n') got.push(numberOf(message));
  }
  assert.deepEqual(got, all);
});
