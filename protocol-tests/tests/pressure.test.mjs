// More is published than can be delivered: publishers are slowed down and then refused, and who
// does not read is sent away; but what was answered 200 reaches everybody who is still there.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN, OTHER } from '../lib/apps.mjs';
import { bench, result, start } from '../lib/bench.mjs';
import { defer } from '../lib/defer.mjs';
import { assertOk, post, publish } from '../lib/http.mjs';
import { Metrics } from '../lib/metrics.mjs';
import { open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { OPCODE, json, open as openWire } from '../lib/wire.mjs';

const BUSY_APP = { ...MAIN, client_events: true, client_events_per_second: -1 };
const server = useServer({ apps: [BUSY_APP, OTHER] });

const OVERFLOWS = ['foghorn_overflows_total', { queue: 'connection' }];
const PADDING = 'x'.repeat(9_000);
const numberOf = (message) => Number(message.data.split(' ')[0]);
const upTo = (count) => Array.from({ length: count }, (_, n) => n);
const numbered = (channel, n) => ({ name: 'n', channel, data: `${n} ${PADDING}` });

test('pressure: every publish is delivered to all or answered 503', OWN_SERVER, async () => {
  const crowd = ['--connections', '1000', '--payload', '1024'];
  const publishers = ['--publishers', '2500', '--seconds', '1', '--warmup', '0'];
  const found = await bench(server, 'fanout', [...crowd, ...publishers]);
  assert.ok(found.publishes.refused > 0, 'so many publishers are more than a queue holds');
  assert.ok(found.publishes.accepted > 0);
  assert.ok(found.deliveries >= found.publishes.accepted * (1_000 - found.closed));
  assert.ok(found.closed === 0 || found.closed_because.includes('4100'), found.closed_because);
});


/** A subscriber that takes one piece of what has come whenever it is told to. */
async function sipping(t, where, channel) {
  const wire = await openWire(t, where);
  wire.write(json({ event: 'pusher:subscribe', data: { channel } }));
  const success = await wire.takeMessage();
  assert.equal(success.event, 'pusher_internal:subscription_succeeded');
  wire.socket.pause();
  return wire;
}

/** Reads the rest: the numbers of all events, and the close code if there is one. */
async function readRest(wire, isLast) {
  const numbers = [];
  wire.socket.resume();
  for (;;) {
    const { opcode, code, payload } = await wire.takeFrame();
    if (opcode === OPCODE.close) return { numbers, code };
    if (opcode !== OPCODE.text) continue;
    const message = JSON.parse(payload.toString());
    if (message.event === 'n') numbers.push(numberOf(message));
    if (isLast(numbers.at(-1))) return { numbers };
  }
}

test('pressure: who reads slowly has all of it, or 4100 behind what it has', OWN_SERVER, async (t) => {
  const channel = 'pressure-sips';
  const total = 1_200;
  const reader = await open(t, server);
  await reader.subscribe(channel);
  const slow = [];
  for (let at = 0; at < 4; at += 1) slow.push(await sipping(t, server, channel));
  const heard = [];
  for (let sent = 0; sent < total; sent += 10) {
    const batch = upTo(10).map((n) => numbered(channel, sent + n));
    assertOk(await post(server, '/batch_events', { batch }));
    const last = (message) => numberOf(message) === sent + 9;
    heard.push(...(await reader.inbox.readUntil(last, `event ${sent + 9}`)).map(numberOf));
    // The first takes nothing at all, the others one piece of 64 KiB as often as their number says.
    slow.forEach((wire, at) => {
      for (let sips = 0; sips < at; sips += 1) wire.socket.read(65_536) ?? wire.socket.read();
    });
  }
  assert.deepEqual(heard, upTo(total));
  const rests = await Promise.all(slow.map((wire) => readRest(wire, (n) => n === total - 1)));
  for (const { numbers, code } of rests) {
    assert.deepEqual(numbers, upTo(numbers.length), 'in order, without a gap');
    assert.equal(code, numbers.length === total ? undefined : 4100);
  }
  assert.equal(rests[0].code, 4100, 'who takes nothing of 11 MB does not keep up');
});

test('pressure: a stopped reader costs its neighbours nothing', OWN_SERVER, async () => {
  const overflows = async () => (await Metrics.scrape(server)).value(...OVERFLOWS) ?? 0;
  const before = await overflows();
  const crowd = ['--connections', '50', '--stopped', '5', '--payload', '9000'];
  const publishers = ['--publishers', '16', '--seconds', '2', '--warmup', '0'];
  const found = await bench(server, 'slow', [...crowd, ...publishers]);
  assert.equal((await overflows()) - before, 5 + found.closed, 'all five did not keep up');
});

test('pressure: a quiet channel is served beside a hot one', OWN_SERVER, async (t) => {
  const channel = 'pressure-quiet';
  const reader = await open(t, server, { app: OTHER });
  await reader.subscribe(channel);
  const crowd = ['--connections', '1000', '--publishers', '64', '--seconds', '2', '--warmup', '0'];
  const hot = start(server, 'fanout', crowd);
  defer(t, () => hot.end('SIGKILL'));
  let running = true;
  hot.exited.then(() => (running = false));
  let sent = 0;
  while (running) {
    await publish(server, { name: 'n', channel, data: String(sent) }, { app: OTHER });
    assert.equal(numberOf(await reader.expect('n', channel)), sent);
    sent += 1;
  }
  await reader.assertQuiet('each came once');
  const { publishes } = await result(hot);
  assert.ok(sent > 0 && publishes.accepted > 0);
});

test('pressure: a client event is heard by all others, or refused', OWN_SERVER, async (t) => {
  const channel = 'private-pressure-crowd';
  const members = await Promise.all(upTo(30).map(() => open(t, server)));
  await Promise.all(members.map((client) => client.subscribe(channel)));
  const each = 60;
  for (let n = 0; n < each; n += 1) {
    members.forEach((client, from) => client.sendClientEvent(channel, 'client-n', { from, n }));
  }
  const answers = [];
  for (const client of members) {
    answers.push(await client.settle());
  }
  // What one has sent may still be on its way to the others when it has its own answers.
  for (const [at, client] of members.entries()) answers[at].push(...(await client.settle()));
  const refused = answers.map((all) => all.filter((m) => m.event === 'pusher:error').length);
  const sent = (from) => each - refused[from];
  for (const [at, all] of answers.entries()) {
    const events = all.filter((m) => m.event === 'client-n').map((m) => JSON.parse(m.data));
    for (const from of upTo(members.length)) {
      const heard = events.filter((event) => event.from === from).map((event) => event.n);
      assert.equal(heard.length, from === at ? 0 : sent(from), `${from} at ${at}`);
      assert.deepEqual(heard, heard.toSorted((a, b) => a - b));
    }
  }
});
