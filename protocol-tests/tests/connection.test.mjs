// Handshake, refusals, liveness and shutdown: protocol.md §19 lines 1–4 and 17.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DISABLED } from '../lib/apps.mjs';
import { defer } from '../lib/defer.mjs';
import { within } from '../lib/inbox.mjs';
import { assertMetrics } from '../lib/metrics.mjs';
import { dial, open } from '../lib/raw.mjs';
import { OWN_SERVER, Server, useServer } from '../lib/server.mjs';
import { overEach, transportOf } from '../lib/transports.mjs';
import * as wire from '../lib/wire.mjs';

const server = useServer();
const mounted = useServer({ server: { path_prefix: '/ws' } });
const strict = useServer({ server: { require_protocol: true } });
const narrow = useServer({ server: { max_connections: 2 } });
const impatient = useServer({ server: { activity_timeout: 1, pong_timeout: 1 } });

overEach('protocol 1: the first frame is connection_established', async (t) => {
  const client = dial(t, server);
  const first = await client.handshake();
  assert.deepEqual(Object.keys(first).sort(), ['data', 'event']);
  assert.equal(typeof first.data, 'string');
  const { socket_id: socketId, activity_timeout: timeout, ...rest } = JSON.parse(first.data);
  assert.match(socketId, /^\d+\.\d+$/);
  assert.ok(Number.isInteger(timeout) && timeout > 0, `activity_timeout ${timeout}`);
  assert.deepEqual(rest, {});
});

overEach('protocol 1: the activity timeout is the configured one', OWN_SERVER, async (t) => {
  assert.equal((await open(t, server)).established.activity_timeout, 120);
  assert.equal((await open(t, impatient)).established.activity_timeout, 1);
});

overEach('protocol 1: socket ids differ and their parts have no leading zeros', async (t) => {
  const seen = new Set();
  for (let n = 0; n < 20; n += 1) {
    const { socketId } = await open(t, server);
    assert.match(socketId, /^(0|[1-9]\d*)\.(0|[1-9]\d*)$/);
    seen.add(socketId);
  }
  assert.equal(seen.size, 20);
});

for (const protocol of [4, 5, 6, 7]) {
  overEach(`protocol 2: protocol ${protocol} is accepted`, async (t) => {
    await (await open(t, server, { protocol })).assertQuiet();
  });
}

for (const query of ['', '?', '?client=x&version=1', '?flash=false&unknown=%zz&&=']) {
  overEach(`protocol 2: the query "${query}" without a protocol is accepted`, async (t) => {
    await (await open(t, server, { query })).assertQuiet();
  });
}

for (const protocol of ['8', '-7', '7x', 'seven', '', '99999999999999999999']) {
  overEach(`protocol 2: protocol "${protocol}" is closed with 4007`, async (t) => {
    await assertClosed(dial(t, server, { protocol }), 4007);
  });
}

for (const protocol of ['0', '3']) {
  overEach(`protocol 2: protocol ${protocol} is closed with 4007, event first`, async (t) => {
    const client = dial(t, server, { protocol });
    const { event, data } = await client.next();
    assert.deepEqual([event, data.code], ['pusher:error', 4007]);
    await assertClosed(client, 4007);
  });
}

overEach(
  'protocol 2: a missing protocol is closed with 4008 if one is required',
  OWN_SERVER,
  async (t) => {
    await assertClosed(dial(t, strict, { query: '?client=js' }), 4008);
    await open(t, strict);
  },
);

const unknown = { key: 'unknown' };
const reasons = [
  ['unknown key', () => server, { app: unknown }, 4001],
  ['disabled app', () => server, { app: DISABLED }, 4003],
];
for (const [what, where, options, code] of reasons) {
  const limits = what === 'disabled app' ? OWN_SERVER : {};
  overEach(`protocol 2: ${what} is closed with ${code}, without an event`, limits, async (t) => {
    for (const protocol of [6, 7]) {
      await assertClosed(dial(t, where(), { ...options, protocol }), code);
    }
  });

  overEach(`protocol 2: ${what} at protocol 5: event first, then ${code}`, limits, async (t) => {
    for (const protocol of [4, 5]) {
      const client = dial(t, where(), { ...options, protocol });
      const { event, data } = await client.next();
      assert.deepEqual([event, data.code], ['pusher:error', code]);
      await assertClosed(client, code);
    }
  });
}

overEach('protocol 2: a full server closes with 4100 until one leaves', OWN_SERVER, async (t) => {
  const first = await open(t, narrow);
  const second = await open(t, narrow);
  for (const protocol of [7, 6]) await assertClosed(dial(t, narrow, { protocol }), 4100);
  const old = dial(t, narrow, { protocol: 5 });
  const { event, data } = await old.next();
  assert.deepEqual([event, data.code], ['pusher:error', 4100]);
  await assertClosed(old, 4100);

  await first.close();
  const third = await within(openWhenThereIsRoom(t, narrow), 'a place for a new client');
  await assertClosed(dial(t, narrow), 4100);
  for (const client of [second, third]) await client.assertQuiet('the others stay');
});

overEach('protocol 2: many who come at once do not overfill a server', OWN_SERVER, async (t) => {
  // Places of the test before may be free only a moment later.
  await within(openWhenThereIsRoom(t, narrow), 'a place').then((client) => client.close());
  const labels = { app_id: narrow.app.id, transport: transportOf(t) };
  await assertMetrics(narrow, [['foghorn_connections', labels, 0]]);
  const crowd = Array.from({ length: 30 }, () => dial(t, narrow));
  const outcomes = await Promise.all(crowd.map(admission));
  const inside = outcomes.filter((outcome) => outcome === 'inside');
  assert.equal(inside.length, 2, outcomes.join(' '));
  assert.ok(outcomes.every((outcome) => outcome === 'inside' || outcome === 4100));
});

/** How a dial ends: inside, or closed with a code. */
function admission(client) {
  const closed = client.waitForClose().then(({ code }) => code);
  return Promise.race([client.handshake().then(() => 'inside', () => closed), closed]);
}

/** Comes again and again until it is let in. */
async function openWhenThereIsRoom(t, where) {
  for (;;) {
    const client = dial(t, where);
    const outcome = await admission(client);
    if (outcome === 'inside') return client;
    assert.equal(outcome, 4100);
  }
}

overEach('protocol 2: the key is percent-decoded', async (t) => {
  const { key } = server.app;
  const escaped = `%${key.charCodeAt(0).toString(16)}${key.slice(1)}`;
  await open(t, server, { app: { ...server.app, key: escaped } });
});

overEach('protocol 2: a key is compared exactly', async (t) => {
  const app = { key: server.app.key.toUpperCase() };
  await assertClosed(dial(t, server, { app }), 4001);
});

test('protocol 2: other paths are 404, or closed with 4005', async (t) => {
  for (const path of ['/nowhere', '/apps/x', '/app/a/b']) {
    const socket = await wire.Wire.connect(t, server);
    socket.write(wire.upgradeRequest(server, { path: `${server.prefix}${path}` }));
    const { status } = await socket.takeHead();
    if (status === 101) assert.equal(await socket.takeClose(), 4005, path);
    else assert.equal(status, 404, path);
  }
});

overEach('protocol 2: under a path prefix the prefixed path works', OWN_SERVER, async (t) => {
  await (await open(t, mounted)).assertQuiet();
});

const SUBPROTOCOL = 'sec-websocket-protocol';
for (const [offer, echo] of [
  [undefined, undefined],
  ['pusher-channels-protocol-7', 'pusher-channels-protocol-7'],
  ['pusher-channels-protocol-5', 'pusher-channels-protocol-5'],
  ['chat, pusher-channels-protocol-7', 'pusher-channels-protocol-7'],
  ['chat', undefined],
  ['pusher-channels-protocol-3', undefined],
]) {
  test(`protocol 3: offered sub-protocols "${offer}" → "${echo}"`, async (t) => {
    const headers = offer === undefined ? {} : { 'Sec-WebSocket-Protocol': offer };
    const { response } = await wire.upgrade(t, server, { headers });
    assert.equal(response.headers[SUBPROTOCOL], echo);
  });
}

test('protocol 3: an offered compression is declined, and nothing is compressed', async (t) => {
  const offer = { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' };
  const socket = await wire.open(t, server, { headers: offer });
  // Compression is off by default, so this frame must be readable as it is.
  assert.equal(socket.response.headers['sec-websocket-extensions'], undefined);
  socket.write(wire.json({ event: 'pusher:ping', data: {} }));
  assert.equal((await socket.takeMessage()).event, 'pusher:pong');
});

for (const ping of [
  { event: 'pusher:ping', data: {} },
  { event: 'pusher:ping', data: '{}' },
  { event: 'pusher:ping', data: null },
  { event: 'pusher:ping' },
  { event: 'pusher:ping', data: {}, more: 1 },
]) {
  overEach(`protocol 4: ${JSON.stringify(ping)} is answered`, async (t) => {
    const client = await open(t, server);
    client.send(ping);
    assert.deepEqual(await client.next(), { event: 'pusher:pong', data: '{}' });
  });
}

overEach('protocol 4: pusher:pong is accepted and ignored', async (t) => {
  const client = await open(t, server);
  client.send({ event: 'pusher:pong', data: {} });
  client.send({ event: 'pusher:pong' });
  await client.assertQuiet();
});

test('protocol 4: a WebSocket ping is answered with its payload', async (t) => {
  const client = await open(t, server);
  for (const payload of ['', 'hello', 'x'.repeat(125)]) {
    client.socket.ping(payload);
    assert.equal(await client.pongs.next(), payload);
  }
});

test('protocol 4: an idle client gets a WebSocket ping', OWN_SERVER, async (t) => {
  const client = await open(t, impatient);
  await client.pings.next('a ping of the server');
});

test('protocol 4: a client that only answers pings stays', OWN_SERVER, async (t) => {
  const client = await open(t, impatient);
  for (let n = 0; n < 4; n += 1) await client.pings.next('a ping of the server');
  await client.assertQuiet();
});

test('protocol 4: a silent client is closed with 4201', OWN_SERVER, async (t) => {
  const client = await open(t, impatient, { autoPong: false });
  await client.pings.next('a ping of the server');
  await assertClosed(client, 4201);
});

test('protocol 4: a silent client of protocol 5 is told before', OWN_SERVER, async (t) => {
  const client = await open(t, impatient, { autoPong: false, protocol: 5 });
  const { event, data } = await client.next();
  assert.deepEqual([event, data.code], ['pusher:error', 4201]);
  await assertClosed(client, 4201);
});

test('protocol 4: any frame counts as a sign of life', OWN_SERVER, async (t) => {
  const client = await open(t, impatient, { autoPong: false });
  for (let n = 0; n < 4; n += 1) {
    await client.pings.next('a ping of the server');
    if (n % 2 === 0) client.socket.ping();
    else client.send({ event: 'pusher:pong' });
  }
  await client.assertQuiet();
});

test('protocol 4: a close of the client is answered with a close frame', async (t) => {
  const socket = await wire.open(t, server);
  const payload = Buffer.from([1000 >> 8, 1000 & 255]);
  socket.write(wire.frame({ opcode: wire.OPCODE.close, payload }));
  assert.equal(await socket.takeClose(), 1000);
});

overEach('protocol 17: SIGTERM closes with 4200 and exits with 0', OWN_SERVER, async (t) => {
  const own = new Server();
  await own.start();
  defer(t, () => own.stop());
  const clients = [await open(t, own), await open(t, own)];
  const old = await open(t, own, { protocol: 5 });
  const exit = own.stop();
  for (const client of clients) await assertClosed(client, 4200);
  const { event, data } = await old.next();
  assert.deepEqual([event, data.code], ['pusher:error', 4200]);
  await assertClosed(old, 4200);
  assert.deepEqual(await exit, { code: 0, signal: null });
});

overEach('protocol 17: many clients are all sent away, in several steps', OWN_SERVER, async (t) => {
  const own = new Server({ server: { shutdown_grace: 2 } });
  await own.start();
  defer(t, () => own.stop());
  // More than the server closes at once.
  const clients = await Promise.all(Array.from({ length: 600 }, () => open(t, own)));
  const exit = own.stop();
  await Promise.all(clients.map((client) => assertClosed(client, 4200)));
  assert.deepEqual(await exit, { code: 0, signal: null });
  const warnings = own.process.logs.filter(({ level }) => level === 'WARN');
  assert.deepEqual(warnings, [], 'none was cut');
});

test(
  'protocol 17: a client that never reads does not hold up the shutdown',
  OWN_SERVER,
  async (t) => {
    const own = new Server({ server: { shutdown_grace: 1 } });
    await own.start();
    defer(t, () => own.stop());
    const socket = await wire.open(t, own);
    socket.socket.pause();
    assert.deepEqual(await own.stop(), { code: 0, signal: null });
  },
);

overEach('protocol 17: who comes while others leave is sent away: 4200', OWN_SERVER, async (t) => {
  const own = new Server({ server: { shutdown_grace: 25 } });
  await own.start();
  defer(t, () => own.stop());
  // As long as this one says no goodbye, the server waits.
  const last = await wire.open(t, own);
  last.socket.pause();
  const exit = own.stop();
  await own.process.lines.waitFor((line) => line.fields?.message === 'shutting down');
  await assertClosed(dial(t, own), 4200);
  last.socket.resume();
  assert.equal(await last.takeClose(), 4200);
  assert.deepEqual(await exit, { code: 0, signal: null });
});

/** The connection is closed with this code, and nothing is said before. */
async function assertClosed(client, code) {
  const { code: got, reason } = await client.waitForClose();
  assert.equal(got, code, reason);
  assert.deepEqual(client.inbox.drain(), []);
  assert.ok(reason.length > 0, 'a reason is given');
}
