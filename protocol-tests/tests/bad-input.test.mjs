// Clients that break the rules of the protocol and of HTTP, next to two others that never notice.
// The rules of WebSocket frames are in `rfc6455`.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN } from '../lib/apps.mjs';
import { defer } from '../lib/defer.mjs';
import { assertFailed, post, publish, send } from '../lib/http.mjs';
import { within } from '../lib/inbox.mjs';
import { Pair } from '../lib/pair.mjs';
import { assertRefused, open } from '../lib/raw.mjs';
import { OWN_SERVER, Server, useServer } from '../lib/server.mjs';
import { md5 } from '../lib/sign.mjs';
import { overEach } from '../lib/transports.mjs';
import { OPCODE, Wire, frame, json, open as openWire, text, upgradeRequest } from '../lib/wire.mjs';

const chatty = { ...MAIN, client_events: true, client_events_per_second: -1 };
const server = useServer({ apps: [chatty] });
const hasty = useServer({
  apps: [chatty],
  server: {
    header_timeout: 1,
    body_timeout: 1,
    idle_timeout: 1,
    activity_timeout: 1,
    pong_timeout: 1,
  },
});

const untaken = useServer({ apps: [chatty], server: { write_timeout: 1 } });

/** A test with a pair that talks before and after. */
const pairTest = (register) => (name, options, body) =>
  register(`bad input: ${name}`, options, async (t) => {
    const channel = `private-bad-${name.replaceAll(/\W+/g, '-').slice(0, 150)}`;
    const where = body.server ?? server;
    const pair = await Pair.open(t, where, channel);
    await pair.exchange();
    await body(t, pair);
    await pair.exchange();
  });

const withPair = pairTest(test);
const withEachPair = pairTest(overEach);

/** The same on the server with short limits. */
const onHasty = (body) => Object.assign(body, { server: hasty });

/** The same on the server that soon gives up who takes nothing. */
const onUntaken = (body) => Object.assign(body, { server: untaken });

const nested = (open, close, depth) => open.repeat(depth) + close.repeat(depth);
const DEEP = 15_000;

for (const [what, message] of [
  ['an empty message', ''],
  ['half an object', '{'],
  ['no JSON', 'hello'],
  ['a list', '[]'],
  ['null', 'null'],
  ['a number', '1e999'],
  ['no event', '{"data":{}}'],
  ['a numeric event', '{"event":7}'],
  ['two values', '{"event":"pusher:ping"} {}'],
  ['a lone surrogate', '{"event":"\\ud800"}'],
  ['a control character in a string', '{"event":"a\u0000"}'],
  ['a subscription without data', '{"event":"pusher:subscribe"}'],
  ['a subscription to a number', '{"event":"pusher:subscribe","data":{"channel":7}}'],
  ['a subscription to a list', '{"event":"pusher:subscribe","data":["a"]}'],
  ['an unsubscription without a channel', '{"event":"pusher:unsubscribe","data":{}}'],
  ['lists, opened only', '['.repeat(2 * DEEP)],
  ['lists, nested deeply', nested('[', ']', DEEP)],
  ['objects, nested deeply', `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`],
  [
    'deep channel_data',
    JSON.stringify({
      event: 'pusher:subscribe',
      data: { channel: 'presence-x', auth: 'a:b', channel_data: '['.repeat(DEEP) },
    }),
  ],
]) {
  withEachPair(`${what} is an error, the connection stays`, {}, async (t) => {
    const client = await open(t, server);
    client.sendText(message);
    const answers = await client.settle();
    const errors = answers.filter((m) => m.event === 'pusher:error');
    assert.deepEqual(
      errors.map((m) => m.data.code),
      [null],
      JSON.stringify(answers),
    );
    await client.subscribe('bad-still-usable');
  });
}

withEachPair('deep nesting inside a message that is understood is no harm', {}, async (t) => {
  const client = await open(t, server);
  const deep = nested('[', ']', DEEP);
  client.sendText(`{"event":"pusher:ping","data":${deep}}`);
  client.sendText(`{"event":"pusher:pong","more":${deep}}`);
  assert.deepEqual(
    (await client.settle()).map((m) => m.event),
    [],
  );
});

for (const [what, channelData] of [
  ['an object', { user_id: 'u' }],
  ['a list', ['u']],
  ['a number', 7],
]) {
  withEachPair(`channel_data that is ${what} is told by its name`, {}, async (t) => {
    const client = await open(t, server);
    const channel = 'presence-bad-data';
    const auth = client.auth(channel, JSON.stringify(channelData));
    const message = assertRefused(
      await client.request({ channel, auth, channel_data: channelData }),
      channel,
    );
    assert.match(message, /channel_data/);
    await client.subscribe('bad-still-usable');
  });
}

for (const event of [
  'unknown',
  'pusher:unknown',
  'pusher_internal:member_added',
  'pusher:error',
  '',
]) {
  withEachPair(`the event "${event}" is named in an error`, {}, async (t) => {
    const client = await open(t, server);
    client.send({ event, data: {} });
    const [error, ...rest] = await client.settle();
    assert.deepEqual([error.event, error.data.code, rest], ['pusher:error', null, []]);
    assert.ok(error.data.message.includes(event), error.data.message);
  });
}

withEachPair('a message of the largest size is accepted', {}, async (t) => {
  const client = await open(t, server);
  const frame = JSON.stringify({ event: 'pusher:pong', data: '' });
  client.sendText(frame.replace('""', `"${'x'.repeat(65_536 - frame.length)}"`));
  await client.assertQuiet();
});

withEachPair('more channels than a connection may have are refused', OWN_SERVER, async (t) => {
  const few = new Server({ apps: [{ ...chatty, max_channels_per_connection: 3 }] });
  await few.start();
  defer(t, () => few.stop());
  const client = await open(t, few);
  const channels = ['bad-few', 'private-bad-few', 'presence-bad-few'];
  const member = { user_id: 'u' };
  const join = (channel) => {
    return client.subscribe(channel, channel.startsWith('presence-') ? member : undefined);
  };
  for (const channel of channels) await join(channel);
  for (const channel of ['bad-few-4', 'private-bad-few-4', 'cache-bad-few-4']) {
    const auth = channel.startsWith('private-') ? client.auth(channel) : undefined;
    const message = assertRefused(await client.request({ channel, auth }), channel);
    assert.match(message, /\b3\b/, 'the limit is named');
  }
  const stillWork = async () => {
    for (const channel of channels) {
      await publish(few, { name: 'still', channel });
      await client.expect('still', channel);
    }
  };
  await stillWork();

  // Others have their own three.
  const other = await open(t, few);
  await other.subscribe('bad-few-4');

  client.unsubscribe(channels.shift());
  await client.assertQuiet();
  channels.push('private-bad-few-4');
  await join('private-bad-few-4');
  await stillWork();
  assertRefused(await client.request({ channel: 'bad-few' }), 'bad-few');
});

withPair('frames that arrive together with the handshake are read', {}, async (t) => {
  const wire = await Wire.connect(t, server);
  wire.write(Buffer.concat([Buffer.from(upgradeRequest(server)), json({ event: 'pusher:ping' })]));
  assert.equal((await wire.takeHead()).status, 101);
  assert.equal((await wire.takeMessage()).event, 'pusher:connection_established');
  assert.equal((await wire.takeMessage()).event, 'pusher:pong');
});

withPair('a connection cut inside a frame does no harm', {}, async (t, pair) => {
  const wire = await openWire(t, server);
  wire.write(json({ event: 'pusher:subscribe', data: { channel: 'bad-cut' } }).subarray(0, 20));
  wire.socket.resetAndDestroy();
  await pair.exchange();
});

for (const [what, change] of [
  ['without a key', (head) => head.replace(/Sec-WebSocket-Key:.*\r\n/, '')],
  ['without a version', (head) => head.replace(/Sec-WebSocket-Version:.*\r\n/, '')],
  ['with another version', (head) => head.replace('Version: 13', 'Version: 99')],
  ['with POST', (head) => head.replace('GET', 'POST')],
]) {
  withPair(`an upgrade ${what} is refused with a 4xx status`, {}, async (t) => {
    const wire = await Wire.connect(t, server);
    wire.write(change(upgradeRequest(server)));
    const { status } = await wire.takeHead();
    assert.ok(status >= 400 && status < 500, `status ${status}`);
  });
}

for (const [what, change] of [
  ['by HTTP/1.0', (head) => head.replace('HTTP/1.1', 'HTTP/1.0')],
  ['with the key "x"', (head) => head.replace(/(Sec-WebSocket-Key:).*/, '$1 x')],
  ['with an empty key', (head) => head.replace(/(Sec-WebSocket-Key:).*/, '$1')],
  ['with a key of 15 bytes', (head) => head.replace(/(Key:).*/, `$1 ${keyOf(15)}`)],
  ['with a key of 17 bytes', (head) => head.replace(/(Key:).*/, `$1 ${keyOf(17)}`)],
]) {
  withPair(`an upgrade ${what} is 400`, {}, async (t) => {
    const wire = await Wire.connect(t, server);
    wire.write(change(upgradeRequest(server)));
    assert.equal((await wire.takeHead()).status, 400);
  });
}

function keyOf(bytes) {
  return Buffer.alloc(bytes, 7).toString('base64');
}

withPair('a plain GET of the WebSocket path is refused with a 4xx status', {}, async () => {
  const { status } = await send(server, { target: `/app/${server.app.key}?protocol=7` });
  assert.ok(status >= 400 && status < 500, `status ${status}`);
});

for (const [what, bytes] of [
  ['no HTTP', 'hello\r\n\r\n'],
  ['TLS', Buffer.from('1603010200010001fc0303', 'hex')],
  ['NUL bytes', Buffer.alloc(100)],
  ['HTTP with a bad header', 'GET / HTTP/1.1\r\nHost x\r\n\r\n'],
  ['two lengths', 'POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx'],
  ['a negative length', 'POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n'],
  ['an endless head', `GET / HTTP/1.1\r\n${'X-Long: yes\r\n'.repeat(100_000)}`],
  ['an endless line', `GET /${'x'.repeat(1_000_000)}`],
]) {
  withPair(`${what} ends the connection`, {}, async (t) => {
    const wire = await Wire.connect(t, server);
    wire.write(bytes);
    await wire.waitForEnd();
    const [line] = wire.received.toString('latin1').split('\r\n');
    if (line !== '') assert.match(line, /^HTTP\/1\.[01] 4\d\d /);
  });
}

for (const [what, head] of [
  ['no byte at all', ''],
  ['half a request line', 'GET /app/'],
  ['half the headers', 'GET /app/x HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'],
]) {
  const slow = onHasty(async (t) => {
    const wire = await Wire.connect(t, hasty);
    wire.write(head);
    await wire.waitForEnd();
    assert.doesNotMatch(wire.received.toString('latin1'), / 101 | 200 /);
  });
  withPair(`slow headers, ${what}: the connection ends`, OWN_SERVER, slow);
}

const slowBody = onHasty(async (t) => {
  const wire = await Wire.connect(t, hasty);
  wire.write(
    'POST /apps/4242/events?auth_key=x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{',
  );
  await wire.waitForEnd();
  assert.doesNotMatch(wire.received.toString('latin1'), / 200 /);
});
withPair('a body that does not come: the connection ends', OWN_SERVER, slowBody);

const halfOpen = onHasty(async (t) => {
  const wire = await openWire(t, hasty);
  await wire.takeFrameOf(OPCODE.ping);
  const { code } = await wire.takeFrameOf(OPCODE.close);
  assert.equal(code, 4201);
  // It does not wait for the answer of somebody who is not there.
  await wire.waitForEnd();
});
withPair('a half-open WebSocket is closed with 4201', OWN_SERVER, halfOpen);

const halfOpenAndBusy = onHasty(async (t) => {
  const wire = await openWire(t, hasty);
  wire.write(json({ event: 'pusher:subscribe', data: { channel: 'bad-half-open' } }));
  await wire.takeMessage();
  // What the server sends is no sign of life of the client.
  for (;;) {
    await publish(hasty, { channel: 'bad-half-open' });
    const { opcode, code } = await wire.takeFrame();
    if (opcode === OPCODE.close) return assert.equal(code, 4201);
  }
});
withPair('a half-open WebSocket with traffic is closed with 4201', OWN_SERVER, halfOpenAndBusy);

const manyAnswers = onUntaken(async (t) => {
  const wire = await Wire.connect(t, untaken);
  wire.socket.pause();
  const requests = `GET / HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(1_000);
  // The system holds some of it, then nothing more is taken, and then the connection must end.
  let cut = false;
  const ended = wire.ended.then(() => (cut = true));
  const flood = async () => {
    while (!cut) {
      await Promise.race([new Promise((ok) => wire.socket.write(requests, () => ok())), ended]);
    }
  };
  await within(flood(), 'the server to cut off who never reads');
});
withPair('pipelined requests whose answers nobody reads end', OWN_SERVER, manyAnswers);

const pipelined = onUntaken(async (t) => {
  const wire = await Wire.connect(t, untaken);
  wire.write(`GET / HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(500));
  for (let n = 0; n < 500; n += 1) assert.equal((await wire.takeResponse()).status, 200);
});
withPair('pipelined requests whose answers are read are all answered', OWN_SERVER, pipelined);

withPair('a wrong body_md5 is 401', {}, async () => {
  const event = { name: 'e', channel: 'a', data: '' };
  assertFailed(await post(server, '/events', event, { bodyMd5: md5('other') }), 401);
});

withPair('an old timestamp is 401', {}, async () => {
  const event = { name: 'e', channel: 'a', data: '' };
  const timestamp = Math.floor(Date.now() / 1000) - 3600;
  assertFailed(await post(server, '/events', event, { timestamp }), 401);
});

for (const body of [nested('[', ']', 100_000), '['.repeat(500_000), '{"a":'.repeat(100_000)]) {
  withPair(`the nested body ${body.slice(0, 10)} of ${body.length} bytes is 400`, {}, async () => {
    assertFailed(await post(server, '/events', body), 400);
    const inner = `{"name":"e","channel":"a","data":"","x":${body}}`;
    const { status } = await post(server, '/events', inner);
    // Unknown members are ignored, so well-formed ones may pass however deep they are.
    assert.ok([200, 400].includes(status), `status ${status}`);
  });
}

test('bad input: many who misbehave at once', OWN_SERVER, async (t) => {
  const pair = await Pair.open(t, server, 'private-bad-many');
  const wires = [];
  for (let n = 0; n < 60; n += 1) {
    const wire = n % 3 === 0 ? await Wire.connect(t, server) : await openWire(t, server);
    if (n % 3 === 1) wire.write(frame({ opcode: OPCODE.binary, payload: 'x' }));
    if (n % 3 === 2) wire.write(text('{'.repeat(60_000)));
    wires.push(wire);
    await pair.exchange();
  }
  for (let n = 1; n < 60; n += 3) assert.equal(await wires[n].takeClose(), 1003);
  for (let n = 2; n < 60; n += 3)
    assert.equal((await wires[n].takeMessage()).event, 'pusher:error');
  for (let n = 0; n < 60; n += 1) if (n % 3 !== 1) wires[n].socket.resetAndDestroy();
  await pair.exchange();
});
