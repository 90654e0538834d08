// `foghorn bench`, each scenario for a moment: its counts, its JSON, its exit code. How fast
// anything is does not matter here.

import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';

import { MAIN, OTHER } from '../lib/apps.mjs';
import { defer } from '../lib/defer.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { ok, plain, target, tool } from '../lib/tools.mjs';

const server = useServer({
  apps: [
    { ...MAIN, client_events: true, client_events_per_second: 1_000 },
    { ...OTHER, client_events: true },
  ],
});

const bench = (name, body) => test(`bench: ${name}`, OWN_SERVER, body);

const SHORT = ['--seconds', '1', '--warmup', '0.2'];

/** Runs a scenario that must find nothing wrong; gives its result. */
async function run(words, at = server) {
  const [result, ...more] = await ok(['bench', ...words, ...target(at), '--json']);
  assert.deepEqual(more, []);
  assert.equal(result.scenario, words[0]);
  return result;
}

function assertWhole(result) {
  const { lost, duplicated, reordered, closed, errors } = result;
  const clean = { lost: 0, duplicated: 0, reordered: 0, closed: 0, errors: 0 };
  assert.deepEqual({ lost, duplicated, reordered, closed, errors }, clean);
}

function assertPercentiles(latency) {
  const { p50, p90, p99, p999, max } = latency;
  const inOrder = 0 < p50 && p50 <= p90 && p90 <= p99 && p99 <= p999 && p999 <= max;
  assert.ok(inOrder, JSON.stringify(latency));
}

function assertServer(figures, ...more) {
  assert.equal(figures.pid, server.process.child.pid);
  for (const name of ['cpu_seconds', 'rss_bytes', 'peak_bytes', ...more]) {
    assert.ok(figures[name] > 0, name);
  }
}

bench('fanout counts every delivery', async () => {
  const result = await run(['fanout', '-c', '30', '-k', '3', '-p', '4', ...SHORT]);
  assertWhole(result);
  assert.ok(result.publishes.accepted > 0);
  assert.equal(result.deliveries, result.publishes.accepted * 10);
  assertPercentiles(result.latency_us);
  assertPercentiles(result.publish_latency_us);
  assertServer(result.server, 'cpu_us_per_delivery', 'cpu_us_per_publish');
  assert.ok(result.client.cpu_seconds > 0);
  const { connections, channels, publishers, payload } = result.settings;
  const settings = { connections, channels, publishers, payload };
  assert.deepEqual(settings, { connections: 30, channels: 3, publishers: 4, payload: 256 });
});

bench('fanout keeps to a rate, with subscribers in other processes', async () => {
  const words = ['fanout', '-c', '21', '--rate', '50', '--processes', '2', '--payload', '5000'];
  const result = await run([...words, '--seconds', '2', '--warmup', '0']);
  assertWhole(result);
  const { accepted } = result.publishes;
  assert.ok(accepted > 0 && accepted <= 100, `${accepted}`);
  assert.equal(result.deliveries, accepted * 21);
  assertPercentiles(result.latency_us);
});

bench('publish needs no subscribers, and takes batches', async () => {
  for (const batch of [[], ['--batch', '10']]) {
    const result = await run(['publish', ...batch, ...SHORT]);
    assert.ok(result.publishes.accepted > 0);
    assert.ok(!('deliveries' in result) && !('latency_us' in result));
    assertPercentiles(result.publish_latency_us);
    assertServer(result.server, 'cpu_us_per_publish');
  }
});

bench('connect tells the cost of a connection', async () => {
  const result = await run(['connect', '-c', '200', '-k', '7', '--processes', '2']);
  assert.equal(result.connections, 200);
  assertServer(result.server, 'cpu_us_per_connection');
});

bench('idle tells what connections hold', async () => {
  const result = await run(['idle', '-c', '300', '--settle', '0.2', '--after', '0.2']);
  assert.deepEqual([result.closed, result.errors], [0, 0]);
  for (const bytes of [result.rss_bytes_before, result.rss_bytes_after_close]) {
    assert.ok(bytes > 1_000_000 && bytes <= result.server.peak_bytes, `${bytes}`);
  }
  assert.ok(result.server.bytes_per_connection >= 0);
});

bench('client events reach all other members', async () => {
  for (const senders of ['one', 'all']) {
    const shape = ['-k', '3', '--members', '4', '--senders', senders];
    const result = await run(['client-events', ...shape, '--rate', '60', ...SHORT]);
    assertWhole(result);
    assert.ok(result.sent > 0 && result.sent <= 60, `${result.sent}`);
    assert.equal(result.deliveries, result.sent * 3);
    assertPercentiles(result.latency_us);
    assertServer(result.server, 'cpu_us_per_delivery');
  }
});

bench('client events that are refused count as lost', async () => {
  const crowded = ['client-events', '--rate', '100', '--seconds', '1', '--warmup', '0'];
  const args = ['bench', ...crowded, ...target(server, OTHER), '--json'];
  const { code, lines } = await tool(args);
  assert.equal(code, 1);
  const [{ lost, errors, error }] = lines;
  assert.ok(errors > 0);
  assert.equal(lost, errors * 9);
  assert.match(error, /rate limit of 10 per second/);
});

bench('presence: all members are told who comes and goes', async () => {
  const shape = ['-k', '2', '--members', '3', '--visitors', '4'];
  const result = await run(['presence', ...shape, ...SHORT]);
  const { joins_and_leaves, announcements_expected, member_added, member_removed } = result;
  assert.deepEqual([result.closed, result.errors], [0, 0]);
  assert.ok(joins_and_leaves > 0);
  assert.equal(announcements_expected, joins_and_leaves * 3);
  assert.deepEqual([member_added, member_removed], Array(2).fill(announcements_expected));
  assertPercentiles(result.join_latency_us);
});

bench('slow: who stops reading is closed, and nobody else notices', async () => {
  // More than its queue of 1 MiB and the system's buffers hold.
  const load = ['--rate', '300', '--payload', '9000', '--seconds', '4', '--warmup', '0'];
  const result = await run(['slow', '-c', '10', '--stopped', '2', '-p', '2', ...load]);
  assertWhole(result);
  assert.equal(result.stopped_closed, 2);
  assert.match(result.stopped_closed_because, /^4100/);
});

bench('join: a newcomer is let in while events are published', async () => {
  const result = await run(['join', '-c', '20', '-p', '2', ...SHORT]);
  assertWhole(result);
  assert.equal(result.deliveries, result.publishes.accepted * 20);
  assert.ok(result.joins > 0);
  assertPercentiles(result.join_latency_us);
});

bench('an event that is refused keeps its number', async (t) => {
  const accepted = new Map();
  let requests = 0;
  const busy = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    requests += 1;
    const refused = requests % 3 === 0;
    for (const [, publisher, number] of String(Buffer.concat(chunks)).matchAll(/~f:(\d+):(\d+):/g)) {
      const numbers = accepted.get(publisher) ?? [];
      if (!refused) accepted.set(publisher, [...numbers, Number(number)]);
    }
    response.writeHead(refused ? 503 : 200).end('{}');
  });
  await new Promise((listening) => busy.listen(0, '127.0.0.1', listening));
  defer(t, () => busy.close());
  const at = { url: `http://127.0.0.1:${busy.address().port}`, app: server.app };
  for (const reaction of ['retry', 'count']) {
    accepted.clear();
    const words = ['publish', '-p', '2', '--batch', '2', '--on-busy', reaction];
    const { publishes } = await run([...words, '--seconds', '0.3', '--warmup', '0'], at);
    assert.ok(publishes.accepted > 0 && publishes.refused > 0, JSON.stringify(publishes));
    const all = [...accepted.values()];
    assert.equal(all.flat().length, publishes.accepted * 2);
    for (const numbers of all) assert.deepEqual(numbers, numbers.map((_, place) => place));
  }
});

bench('idle: connections that the server has closed hold nothing', async (t) => {
  const frame = (message) => {
    const payload = Buffer.from(JSON.stringify(message));
    return Buffer.concat([Buffer.from([0x81, payload.length]), payload]);
  };
  const hello = Buffer.concat([
    Buffer.from('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
    frame({ event: 'pusher:connection_established', data: '{"socket_id":"1.1"}' }),
    frame({ event: 'pusher_internal:subscription_succeeded', channel: 'bench-0' }),
  ]);
  const closing = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(hello));
  });
  await new Promise((listening) => closing.listen(0, '127.0.0.1', listening));
  defer(t, () => closing.close());
  const at = { url: `http://127.0.0.1:${closing.address().port}`, app: server.app };
  const words = ['bench', 'idle', '-c', '3', '--settle', '0.2', '--after', '0', ...target(at)];
  const { code, stdout, stderr } = await tool(words);
  assert.equal(code, 1, stdout);
  assert.match(stderr, /the server has closed all connections: without a close frame/);
});

bench('people read a table', async () => {
  const words = ['bench', 'fanout', '-c', '5', ...SHORT, ...target(server), '--color', 'always'];
  const { code, stdout } = await tool(words);
  assert.equal(code, 0);
  assert.match(plain(stdout), /^scenario +fanout\n[^]*\ndeliveries +[\d,]+, [\d,]+ a second\n/);
});

bench('what cannot be measured is said', async (t) => {
  const refusing = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno');
  });
  await new Promise((listening) => refusing.listen(0, '127.0.0.1', listening));
  defer(t, () => refusing.close());
  const other = { url: `http://127.0.0.1:${refusing.address().port}`, app: server.app };
  const cases = [
    [['connect'], other, 1, /^foghorn: connection 1 to .*no WebSocket: HTTP\/1.1 404/],
    [['publish'], other, 1, /^foghorn: publisher 1 to 127.0.0.1:\d+: answered 404: no/],
    [['connect', '--processes', '2'], other, 1, /^foghorn: connection \d+ to .*404/],
    [['publish'], { ...other, url: 'http://127.0.0.1:1' }, 1, /publisher 1 to 127.0.0.1:1: .*refused/],
    [['fanout', '--payload', '39'], server, 2, /at least 40, the length of the marker/],
    [['fanout', '-c', '0'], server, 2, /at least 1/],
    [['fanout', '--warmup', 'inf'], server, 2, /from 0 to 86400/],
    [['fanout'], { ...server, url: 'https://127.0.0.1' }, 2, /does not speak TLS/],
  ];
  for (const [words, at, expected, text] of cases) {
    const { code, stderr } = await tool(['bench', ...words, ...target(at, server.app)]);
    assert.equal(code, expected, stderr);
    assert.match(stderr, text);
  }
});
