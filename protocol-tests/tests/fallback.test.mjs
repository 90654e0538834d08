// The HTTP fallback transports, request by request: fallback-transports.md §10 lines 1, 2, 4, 5,
// 11 and 12. What is said over them is tested over each transport, where it belongs.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DISABLED, MAIN, OTHER } from '../lib/apps.mjs';
import { FRAME_HEADERS, basePath, queryFor } from '../lib/fallback-requests.mjs';
import { Session } from '../lib/fallback-session.mjs';
import { send } from '../lib/http.mjs';
import { until } from '../lib/inbox.mjs';
import { assertMetrics } from '../lib/metrics.mjs';
import { dial, open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { Wire } from '../lib/wire.mjs';

const MAX_MESSAGE = 65_536;
const FULL = { id: '4747', key: 'kf011f011f011f01', secret: 's3cr3t-f011f011', max_connections: 1 };
const PICKY = {
  id: '4848',
  key: 'k91c5e7d3f2b1a0c5',
  secret: 's3cr3t-91c5e7d3',
  allowed_origins: ['https://shop.example'],
};
const server = useServer({ apps: [MAIN, OTHER, { ...DISABLED, enabled: false }, PICKY, FULL] });
const sections = (fallback) => ({ sections: { fallback } });
const lively = useServer(sections({ heartbeat: 1 }));
const named = useServer(sections({ hostname: 'node3.example.com' }));
const elsewhere = useServer(sections({ path: '/live/events' }));
const bare = useServer(sections({ path: '' }));
const mounted = useServer({ server: { path_prefix: '/ws' } });
const without = useServer(sections({ enabled: false }));

const RECEIVES = ['xhr_streaming', 'xhr'];
const EVERY = [...RECEIVES, 'xhr_send'];
const PING = '{"event":"pusher:ping","data":{}}';
const PONG = { event: 'pusher:pong', data: '{}' };

const assertCors = ({ headers, text }) =>
  assert.equal(headers['access-control-allow-origin'], '*', text);

/** An answer with this status, which pages may read, and which says what is wrong. */
function assertError(answer, status) {
  assert.equal(answer.status, status, answer.text);
  assertCors(answer);
  assert.ok(answer.text.length > 0, 'a reason is given');
}

for (const last of EVERY) {
  test(`fallback 1: the preflight of ${last}`, async () => {
    const base = basePath(server);
    const answer = await send(server, {
      method: 'OPTIONS',
      target: `${base}/${last}${queryFor(7)}`,
      headers: {
        Origin: 'https://shop.example',
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'content-type',
      },
    });
    assert.deepEqual([answer.status, answer.text], [204, '']);
    assertCors(answer);
    assert.equal(answer.headers['access-control-allow-methods'], 'POST, OPTIONS');
    assert.equal(answer.headers['access-control-allow-headers'], 'content-type');
    assert.equal(answer.headers['access-control-max-age'], '86400');
  });

  test(`fallback 1: other methods of ${last} are 405`, async () => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const target = `${basePath(server)}/${last}${queryFor(7)}`;
      assertError(await send(server, { method, target }), 405);
    }
  });
}

function receiveRequest(base, how, version = '1.1') {
  const line = `POST ${base}/${how}${queryFor(7)} HTTP/${version}`;
  return `${line}\r\nHost: ${server.host}:${server.port}\r\nContent-Length: 0\r\n\r\n`;
}

/** A receive request as bytes; gives the wire and the head of the response. */
async function receiveBytes(t, how, version = '1.1') {
  const wire = await Wire.connect(t, server);
  const base = basePath(server);
  wire.write(receiveRequest(base, how, version));
  const head = await wire.takeHead();
  assert.equal(head.status, 200);
  for (const [name, value] of Object.entries(FRAME_HEADERS)) {
    assert.equal(head.headers[name], value);
  }
  assert.equal(head.headers['content-encoding'], undefined);
  return { wire, base, ...head };
}

/** The content of all whole chunks, and how many bytes they take. */
function chunksIn(bytes) {
  let [text, at] = ['', 0];
  for (;;) {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return [text, at];
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16);
    const next = end + 2 + size + 2;
    if (bytes.length < next) return [text, at];
    text += bytes.toString('utf8', end + 2, next - 2);
    at = next;
  }
}

/** So many lines, in chunks or plain. */
const takeLines = (wire, count, read = (bytes) => [bytes.toString('utf8'), bytes.length]) =>
  wire.take((bytes) => {
    const found = read(bytes);
    return found[0].split('\n').length > count ? found : null;
  }, `${count} lines`);

const OPENING =
  /^o\na\["\{\\"event\\":\\"pusher:connection_established\\",\\"data\\":\\"\{.*\}\\"\}"\]\n$/;

test('fallback 1: a stream begins with o and the greeting, LF ended, in one write', async (t) => {
  const wire = await Wire.connect(t, server);
  wire.write(receiveRequest(basePath(server), 'xhr_streaming'));
  await wire.chunks.next('the first bytes');
  const head = wire.received.indexOf('\r\n\r\n') + 4;
  const [text, length] = chunksIn(wire.received.subarray(head));
  assert.match(text, OPENING);
  assert.equal(head + length, wire.received.length, 'and nothing else');
});

test('fallback 1: each message of a stream is flushed at once', async (t) => {
  const { wire, base, headers } = await receiveBytes(t, 'xhr_streaming');
  assert.equal(headers['transfer-encoding'], 'chunked');
  assert.equal(headers['content-length'], undefined);
  await takeLines(wire, 2, chunksIn);
  const session = Object.assign(new Session(t, server), { base });
  for (let n = 0; n < 3; n += 1) {
    await session.post([PING]);
    const text = await takeLines(wire, 1, chunksIn);
    assert.equal(text, `a${JSON.stringify([JSON.stringify(PONG)])}\n`);
  }
});

test('fallback 1: a stream over HTTP/1.0 has no chunks', async (t) => {
  const { wire, base, headers } = await receiveBytes(t, 'xhr_streaming', '1.0');
  assert.equal(headers['transfer-encoding'], undefined);
  assert.equal(headers['content-length'], undefined);
  assert.match(await takeLines(wire, 2), OPENING);
  const session = Object.assign(new Session(t, server), { base });
  await session.post([PING]);
  assert.equal(await takeLines(wire, 1), `a${JSON.stringify([JSON.stringify(PONG)])}\n`);
});

for (const version of ['1.0', '1.1']) {
  test(`fallback 1: the first poll over HTTP/${version} has the same, and ends`, async (t) => {
    const { wire, headers } = await receiveBytes(t, 'xhr', version);
    const length = Number(headers['content-length']);
    const body = await wire.take(
      (bytes) => (bytes.length < length ? null : [bytes.toString(), bytes.length]),
      'the body',
    );
    assert.match(body, OPENING);
    if (version === '1.0') await wire.waitForEnd();
  });
}

for (const how of RECEIVES) {
  test(`fallback 1: the greeting is that of WebSockets (${how})`, async (t) => {
    const session = new Session(t, server);
    const { frames } = session.receive(how);
    assert.deepEqual(await frames.next(), { kind: 'o', end: 2 });
    const { messages } = await frames.next();
    const { established } = await open(t, server);
    const { event, data, ...rest } = JSON.parse(messages[0]);
    assert.deepEqual([event, rest], ['pusher:connection_established', {}]);
    const { socket_id: socketId, ...others } = JSON.parse(data);
    assert.match(socketId, /^(0|[1-9]\d*)\.(0|[1-9]\d*)$/);
    assert.deepEqual(others, { activity_timeout: established.activity_timeout });
  });
}

test('fallback 1: a receive request with a body is read to the end of that', async (t) => {
  const wire = await Wire.connect(t, server);
  const [base, other] = [basePath(server), basePath(server)];
  const request = receiveRequest(base, 'xhr').replace('Length: 0', 'Length: 2');
  wire.write(`${request}[]${receiveRequest(other, 'xhr')}`);
  for (let n = 0; n < 2; n += 1) assert.match((await wire.takeResponse()).body, OPENING);
});

test('fallback 1: a query is no more needed than for WebSockets', async (t) => {
  for (const query of ['', '?', '?t=1&n=2', '?protocol=5']) {
    const session = await Session.open(t, server, 'xhr_streaming', { query });
    await session.assertAlive();
  }
});

const TYPES = [
  { 'Content-Type': 'application/json' },
  { 'Content-Type': 'application/json; charset=utf-8' },
  { 'Content-Type': 'text/plain;charset=UTF-8' },
  { 'Content-Type': 'application/x-www-form-urlencoded' },
];

for (const headers of TYPES) {
  const [type] = Object.values(headers);
  test(`fallback 2: what is subscribed to by ${type} comes on the stream`, async (t) => {
    const session = await Session.open(t, server);
    const channel = 'fallback-2-types';
    const subscribe = { event: 'pusher:subscribe', data: { auth: '', channel } };
    const answer = await session.post([JSON.stringify(subscribe)], { headers });
    assert.deepEqual([answer.status, answer.text], [204, '']);
    assertCors(answer);
    const message = await session.expectEvent('pusher_internal:subscription_succeeded');
    assert.deepEqual([message.channel, message.data], [channel, '{}']);
  });
}

test('fallback 2: messages of one request are handled in order', async (t) => {
  const session = await Session.open(t, server);
  const channels = Array.from({ length: 50 }, (_, n) => `fallback-2-order-${n}`);
  await session.send(
    ...channels.map((channel) => ({ event: 'pusher:subscribe', data: { channel } })),
  );
  for (const channel of channels) {
    const message = await session.expectEvent('pusher_internal:subscription_succeeded');
    assert.equal(message.channel, channel);
  }
});

test('fallback 2: requests at the same time are all taken', async (t) => {
  const session = await Session.open(t, server);
  const channels = Array.from({ length: 50 }, (_, n) => `fallback-2-parallel-${n}`);
  await Promise.all(channels.map((channel) => session.subscribe(channel)));
  const got = [];
  while (got.length < channels.length) {
    got.push((await session.expectEvent('pusher_internal:subscription_succeeded')).channel);
  }
  assert.deepEqual(got.sort(), channels.sort());
  await session.assertAlive();
});

test('fallback 2: an unknown session is 404', async (t) => {
  const session = new Session(t, server);
  for (const body of [[PING], []]) assertError(await session.post(body), 404);
});

test('fallback 2: a name is one of its app and its server part', OWN_SERVER, async (t) => {
  const name = '469/l1o1166u';
  const session = await Session.open(t, server, 'xhr_streaming', { name });
  for (const options of [
    { name, app: OTHER },
    { name: '468/l1o1166u' },
    { name: '469/l1o1166v' },
  ]) {
    assertError(await new Session(t, server, options).post([PING]), 404);
  }
  const other = await Session.open(t, server, 'xhr_streaming', { name, app: OTHER });
  assert.notEqual(other.socketId, session.socketId);
  await session.assertAlive();
  await other.assertAlive();
});

const BAD_BODIES = {
  'an empty body': '',
  'no JSON': 'hello',
  'half a list': '["{}"',
  'a text': JSON.stringify(PING),
  'an object': PING,
  'a list of objects': `[${PING}]`,
  'a list with a number': `[${JSON.stringify(PING)},1]`,
  'a list with null': '[null]',
  'a list of lists': '[["{}"]]',
  'a list and more': '[] []',
  'deep nesting': '['.repeat(15_000),
  'a lone surrogate': '["\\ud800"]',
  'bytes that are no text': Buffer.concat([
    Buffer.from('["'),
    Buffer.from([0xff, 0xfe]),
    Buffer.from('"]'),
  ]),
};

for (const [what, body] of Object.entries(BAD_BODIES)) {
  test(`fallback 2: ${what} is 400, and the session stays`, async (t) => {
    const session = await Session.open(t, server);
    const answer = await send(server, {
      method: 'POST',
      target: `${session.base}/xhr_send`,
      headers: { 'Content-Type': 'application/json' },
      body,
    });
    assertError(answer, 400);
    await session.assertAlive();
  });
}

test('fallback 2: of a bad list nothing is taken', async (t) => {
  const session = await Session.open(t, server);
  assertError(await session.post(`[${JSON.stringify(PING)},1]`), 400);
  await session.subscribe('fallback-2-nothing');
  await session.expectEvent('pusher_internal:subscription_succeeded');
});

const padded = (bytes) => {
  const text = JSON.stringify({ event: 'pusher:ping', data: '' });
  return text.replace('""', `"${'x'.repeat(bytes - text.length)}"`);
};

test('fallback 2: a message of the largest size is accepted', async (t) => {
  const session = await Session.open(t, server);
  assert.equal((await session.post([padded(MAX_MESSAGE)])).status, 204);
  await session.expectEvent('pusher:pong');
});

for (const [what, size] of [
  ['a message above it', MAX_MESSAGE + 1],
  ['a body of megabytes', 4 << 20],
]) {
  test(`fallback 2: ${what} is 413, and the session stays`, async (t) => {
    const session = await Session.open(t, server);
    assertError(await session.post([padded(size)]), 413);
    await session.assertAlive();
  });
}

test('fallback 2: what is no message is told on the stream, as over WebSockets', async (t) => {
  const session = await Session.open(t, server);
  assert.equal((await session.post(['{'])).status, 204);
  assert.equal((await session.expectEvent('pusher:error')).data.code, null);
  await session.assertAlive();
});

/** Takes the one place there is, as soon as whoever had it has left. */
const fill = (t) =>
  until(Boolean, () => open(t, server, { app: FULL }).catch(() => null), 'the place to be free');

const from = (origin) => ({ headers: { Origin: origin } });
const REFUSALS = [
  ['an unknown key', 4001, { app: { key: 'unknown' } }],
  ['a disabled app', 4003, { app: DISABLED }],
  ['protocol 8', 4007, { query: queryFor(8) }],
  ['a foreign origin', 4009, { app: PICKY, ...from('https://attacker.test') }],
  ['a full app', 4004, { app: FULL }],
];

for (const how of RECEIVES) {
  for (const [what, code, options] of REFUSALS) {
    test(`fallback 4: ${what} is refused with o and c[${code}] (${how})`, OWN_SERVER, async (t) => {
      if (code === 4004) await fill(t);
      const session = new Session(t, server, options);
      for (let n = 0; n < 2; n += 1) {
        // No state is kept: it is told the same again.
        const reception = session.receive(how, options);
        const frames = [await reception.frames.next(), await reception.frames.next()];
        const [{ kind }, { kind: last, code: told, reason }] = frames;
        assert.deepEqual([kind, last, told], ['o', 'c', code]);
        assert.ok(reason.length > 0);
        assert.deepEqual(await reception.ended, { isComplete: true, units: frames[1].end });
        assertError(await session.post([PING]), 404);
      }
    });
  }

  test(`fallback 4: protocol 3 is refused with 4007 (${how})`, async (t) => {
    const session = new Session(t, server);
    const reception = session.receive(how, { query: queryFor(3) });
    assert.equal((await reception.frames.next()).kind, 'o');
    const close = await reception.frames.waitFor(({ kind }) => kind === 'c');
    assert.equal(close.code, 4007);
    assert.ok((await reception.ended).isComplete);
  });

  test(`fallback 4: the app's own page may come (${how})`, OWN_SERVER, async (t) => {
    await Session.open(t, server, how, { app: PICKY, ...from('https://shop.example') });
  });
}

test('fallback 5: [] is answered with a[], never with h', async (t) => {
  const session = await Session.open(t, server);
  for (let n = 0; n < 5; n += 1) {
    await session.send();
    assert.deepEqual((await session.expect('a')).messages, []);
  }
  await session.assertAlive();
});

test('fallback 5: between polls the answer waits', async (t) => {
  const session = await Session.open(t, server, 'xhr');
  await session.send();
  assert.deepEqual((await session.poll()).map(({ messages }) => messages), [[]]);
});

test('fallback 5: after h, [] is not answered; another one is', OWN_SERVER, async (t) => {
  const session = await Session.open(t, lively);
  const { frames } = session.reception;
  for (let n = 0; n < 3; n += 1) {
    await frames.waitFor(({ kind }) => kind === 'h', 'a heartbeat');
    await session.send();
    await session.send({ event: 'pusher:ping', data: {} });
    const seen = await frames.readUntil(({ kind }) => kind === 'a');
    assert.deepEqual(JSON.parse(seen.at(-1).messages[0]), PONG, 'no answer to [] before');
    await session.send();
    const { messages } = await frames.waitFor(({ kind }) => kind === 'a');
    assert.deepEqual(messages, []);
  }
});

test('fallback 5: a client that answers heartbeats stays', OWN_SERVER, async (t) => {
  const client = await open(t, lively, { transport: 'xhr_streaming' });
  const other = await Session.open(t, lively);
  for (let n = 0; n < 4; n += 1) {
    await other.reception.frames.waitFor(({ kind }) => kind === 'h');
    await other.send();
  }
  await client.assertQuiet();
});

test('fallback 5: who answers two heartbeats with nothing is c[4201]', OWN_SERVER, async (t) => {
  const session = await Session.open(t, lively);
  await session.expect('h');
  await session.expect('h');
  assert.equal((await session.expect('c')).code, 4201);
  assert.ok((await session.reception.ended).isComplete);
});

test('fallback 11: no hostname is told unless one is set', async (t) => {
  assert.equal((await Session.open(t, server)).hostname, undefined);
});

for (const how of RECEIVES) {
  test(`fallback 11: the hostname is told in o (${how})`, OWN_SERVER, async (t) => {
    assert.equal((await Session.open(t, named, how)).hostname, 'node3.example.com');
  });
}

test('fallback 12: another path', OWN_SERVER, async (t) => {
  const session = await Session.open(t, elsewhere, 'xhr_streaming', { path: '/live/events' });
  await session.assertAlive();
  assertMissing(await new Session(t, elsewhere).post([PING]));
});

test('fallback 12: no path at all, and the one slash of httpPath', OWN_SERVER, async (t) => {
  for (const path of ['', '/']) {
    await (await Session.open(t, bare, 'xhr_streaming', { path })).assertAlive();
  }
  await (await open(t, bare)).assertQuiet('WebSockets have the same beginning');
});

test('fallback 12: repeated slashes are one', async (t) => {
  for (const path of ['//pusher', '/pusher/', '/pusher//']) {
    await (await Session.open(t, server, 'xhr_streaming', { path })).assertAlive();
  }
});

test('fallback 12: below the prefix of the server, and without', OWN_SERVER, async (t) => {
  const inside = await Session.open(t, mounted);
  assert.ok(inside.base.startsWith('/ws/pusher/'));
  await inside.assertAlive();
  const outside = Object.assign(new Session(t, mounted), { base: inside.base.slice(3) });
  assert.equal((await outside.post([PING])).status, 204, 'it is the same session');
  await inside.expectEvent('pusher:pong');
});

/** Nothing is here, and this can be read. */
function assertMissing(answer) {
  assert.equal(answer.status, 404, answer.text);
  assert.ok(answer.text.length > 0);
}

const NAMES = [
  '1000/l1o1166u',
  '07/l1o1166u',
  '00/l1o1166u',
  '-1/l1o1166u',
  '4a/l1o1166u',
  '469/l1o1166',
  '469/l1o1166uu',
  '469/L1O1166U',
  '469/l1o1166w',
  '469/l1o1166%75',
  '46%39/l1o1166u',
  '469/l1o1-66u',
];

for (const name of NAMES) {
  test(`fallback 2: ${name} is no name of a session`, async (t) => {
    const session = new Session(t, server, { name });
    assertError(await session.post([PING]), 404);
    const target = `${session.base}/xhr${queryFor(7)}`;
    assertError(await send(server, { method: 'POST', target }), 404);
  });
}

for (const name of ['0/00000000', '7/vvvvvvvv', '999/l1o1166u']) {
  test(`fallback 2: ${name} is a name of a session`, async (t) => {
    await (await Session.open(t, server, 'xhr_streaming', { name })).assertAlive();
  });
}

for (const last of ['xhr_stream', 'XHR', 'xhr_send/', 'eventsource', 'jsonp', 'xhr%5fsend']) {
  test(`fallback 2: "${last}" is no request of a session`, async () => {
    const target = `${basePath(server)}/${last}${queryFor(7)}`;
    assertError(await send(server, { method: 'POST', target }), 404);
  });
}

for (const rest of ['', '/', '/469', '/469/xhr', '//l1o1166u/xhr', '/469/l1o1166u/0/xhr']) {
  test(`fallback 2: nothing is at /pusher/app/KEY${rest}`, async () => {
    const target = `${server.prefix}/pusher/app/${server.app.key}${rest}`;
    assertMissing(await send(server, { method: 'POST', target }));
  });
}

for (const path of ['/pusher/info', '/pusher/info?t=1']) {
  test(`fallback 2: SockJS is told that it is not here (${path})`, async () => {
    assertMissing(await send(server, { target: `${server.prefix}${path}` }));
  });
}

test('fallback 2: where they are switched off there is nothing', OWN_SERVER, async (t) => {
  const session = new Session(t, without);
  for (const last of EVERY) {
    const target = `${session.base}/${last}${queryFor(7)}`;
    assertMissing(await send(without, { method: 'POST', target }));
  }
  await (await open(t, without)).assertQuiet('WebSockets are there');
});

test('transports: the metrics count each', OWN_SERVER, async (t) => {
  const app = { app_id: OTHER.id };
  const count = (name, transport, value) => [name, { ...app, transport }, value];
  const labels = ['ws', 'xhr_streaming', 'xhr_polling'];
  const clients = [];
  for (const [at, transport] of labels.entries()) {
    for (let n = 0; n <= at; n += 1) {
      clients.push(await open(t, named, { transport, app: OTHER }));
    }
  }
  await assertMetrics(
    named,
    labels.flatMap((transport, at) => [
      count('foghorn_connections', transport, at + 1),
      count('foghorn_connections_opened_total', transport, at + 1),
    ]),
  );
  for (const client of clients) await client.close();
  await assertMetrics(
    named,
    labels.flatMap((transport, at) => [
      count('foghorn_connections', transport, 0),
      count('foghorn_connections_opened_total', transport, at + 1),
    ]),
  );
  for (const transport of labels) {
    const client = dial(t, named, { transport, app: { key: 'unknown' } });
    assert.equal((await client.waitForClose()).code, 4001);
    await assertMetrics(named, [
      ['foghorn_connections_refused_total', { code: 4001, transport }, 1],
    ]);
  }
});
