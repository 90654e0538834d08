// Malformed inputs by kind. Every kind makes an input from random values and knows which answers
// are right; there is nothing here that a correct server would accept.

import { md5, signedParams } from './sign.mjs';
import { OPCODE, frame, text, upgradeRequest } from './wire.mjs';

/** What the pair talks on, and what no hostile input may disturb. */
export const CHANNEL = 'presence-hostile';

// Messages that leave the connection open: one `pusher:error` each.

const valid = (random) => ({
  event: random.pick(['pusher:subscribe', 'pusher:unsubscribe', 'pusher:ping', 'client-x']),
  channel: CHANNEL,
  data: { channel: CHANNEL, more: random.text(random.between(0, 20)) },
});

const nested = (open, close, depth) => open.repeat(depth) + close.repeat(depth);

const badName = (random) =>
  random.pick([
    '',
    'x'.repeat(random.between(201, 5_000)),
    `presence-${random.text(8)} `,
    `private-${random.pick(['a b', 'a:b', 'a/b', 'ä', 'a\n', '#a', '😀', '<script>'])}`,
  ]);

const wrongAuth = (random, app) =>
  random.pick([
    undefined,
    '',
    'x',
    ':',
    `${app.key}`,
    `${app.key}:`,
    `${app.key}:${'0'.repeat(64)}`,
    `${app.key}:${random.bytes(32).toString('hex')}`,
    `${app.key}:${random.bytes(33).toString('hex')}`,
    `other:${random.bytes(32).toString('hex')}`,
    random.text(40),
    random.noText(),
  ]);

/** Kinds of messages: the text, from random values and the client that will send it. */
export const MESSAGES = {
  'half a message': (random) => {
    const whole = JSON.stringify(valid(random));
    return whole.slice(0, random.between(0, whole.length - 1));
  },
  'a message with a stray character': (random) => {
    const whole = JSON.stringify({ event: 'pusher:ping' });
    const at = random.pick([1, whole.length - 1, whole.length]);
    const stray = random.pick([',', '}', ']', '\\', '\u0001', 'x']);
    return `${whole.slice(0, at)}${stray}${whole.slice(at)}`;
  },
  'no object': (random) =>
    random.pick([
      'null',
      '1e999',
      JSON.stringify(random.text(9)),
      JSON.stringify([valid(random)]),
      random.text(random.between(1, 300)),
    ]),
  'an event that is no text': (random) =>
    JSON.stringify({ ...valid(random), event: random.noText() }),
  'an unknown event': (random) =>
    JSON.stringify({ ...valid(random), event: `pusher:un${random.text(random.between(1, 30))}` }),
  'a huge event name': (random) =>
    JSON.stringify({ event: 'pusher:'.padEnd(random.between(10_000, 60_000), 'x') }),
  'deep nesting': (random) => {
    const depth = random.between(1_000, 10_000);
    return random.pick(['['.repeat(depth), nested('[', ']', depth), '{"a":'.repeat(depth)]);
  },
  'deep nesting as data': (random) => {
    const deep = nested('[', ']', random.between(1_000, 10_000));
    return `{"event":"pusher:subscribe","data":${deep}}`;
  },
  'data of the wrong type': (random) =>
    JSON.stringify({
      event: random.pick(['pusher:subscribe', 'pusher:unsubscribe']),
      data: random.pick([undefined, null, 'x', [CHANNEL], { channel: random.noText() }, {}, 7]),
    }),
  'a bad channel name': (random) =>
    JSON.stringify({ event: 'pusher:subscribe', data: { channel: badName(random), auth: 'a:b' } }),
  'a bad signature': (random, { app }) => {
    const auth = wrongAuth(random, app);
    const channel = random.pick([CHANNEL, 'private-hostile', 'private-encrypted-hostile']);
    const data = { channel, auth, channel_data: '{"user_id":"intruder"}' };
    return JSON.stringify({ event: 'pusher:subscribe', data });
  },
  'bad channel_data, well signed': (random, client) => {
    const channelData = random.pick([
      '',
      '{',
      'x',
      '[]',
      '{}',
      'null',
      '{"user_id":null}',
      '{"user_id":[1]}',
      '{"user_id":""}',
      '['.repeat(random.between(100, 10_000)),
      JSON.stringify({ user_id: 'x', user_info: 'x'.repeat(random.between(2_048, 9_000)) }),
      JSON.stringify({ user_id: 'x'.repeat(random.between(129, 500)) }),
    ]);
    const auth = client.auth(CHANNEL, channelData);
    const data = { channel: CHANNEL, auth, channel_data: channelData };
    return JSON.stringify({ event: 'pusher:subscribe', data });
  },
  'a client event from outside': (random) =>
    JSON.stringify({ event: 'client-n', channel: CHANNEL, data: random.text(20) }),
  'a bad client event': (random) =>
    JSON.stringify(
      random.pick([
        { event: 'client-n', data: 1 },
        { event: 'client-n', channel: random.noText(), data: 1 },
        { event: 'client-n', channel: badName(random), data: 1 },
        { event: 'client-n'.padEnd(random.between(201, 9_000), 'n'), channel: CHANNEL, data: 1 },
        { event: 'client-n', channel: CHANNEL, data: 'x'.repeat(random.between(10_241, 30_000)) },
        { event: 'client-n', channel: CHANNEL },
      ]),
    ),
};

// Frames that end the connection with one code.

const NO_TEXT = ['80', 'bf', 'c0af', 'e080af', 'eda080', 'edbfbf', 'f4908080', 'f8888080', 'ff'];
const CONTROL = [OPCODE.close, OPCODE.ping, OPCODE.pong];

/** Kinds of frames: the bytes, and the code of the close frame that answers them. */
export const FRAMES = {
  'reserved bits': [
    (random) => frame({ opcode: random.pick([1, 2, 8, 9, 10]), rsv: random.between(1, 7) }),
    1002,
  ],
  'a reserved opcode': [
    (random) =>
      frame({ opcode: random.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), payload: random.bytes(9) }),
    1002,
  ],
  'an unmasked frame': [
    (random) =>
      frame({ opcode: random.pick([1, 8, 9, 10]), masked: false, payload: random.text(9) }),
    1002,
  ],
  'a fragmented control frame': [
    (random) => frame({ opcode: random.pick(CONTROL), fin: false }),
    1002,
  ],
  'a long control frame': [
    (random) =>
      frame({ opcode: random.pick(CONTROL), payload: random.bytes(random.between(126, 5_000)) }),
    1002,
  ],
  'a continuation of nothing': [
    (random) => frame({ opcode: 0, fin: random.pick([true, false]), payload: random.text(20) }),
    1002,
  ],
  'a message inside a message': [
    (random) => {
      const parts = { opcode: 1, fin: false, payload: random.text(20) };
      return Buffer.concat([frame(parts), frame({ ...parts, opcode: random.pick([1, 2]) })]);
    },
    1002,
  ],
  'a binary message': [
    (random) => frame({ opcode: 2, payload: random.bytes(random.between(0, 500)) }),
    1003,
  ],
  'text that is no UTF-8': [
    (random) => {
      const [before, after] = [random.text(random.between(0, 50)), random.text(10)];
      const wrong = Buffer.from(random.pick(NO_TEXT), 'hex');
      return text(Buffer.concat([Buffer.from(before), wrong, Buffer.from(after)]));
    },
    1007,
  ],
  'a message above the limit': [
    (random) => frame({ opcode: 1, length: 65_537 + random.between(0, 2 ** 40) }),
    1009,
  ],
  'a bad close': [
    (random) => {
      const code = random.pick([0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535]);
      const both = Buffer.from([code >> 8, code & 255]);
      return frame({ opcode: OPCODE.close, payload: both.subarray(0, random.between(1, 2)) });
    },
    1002,
  ],
};

// Requests that an HTTP library can send.

const event = () => ({ name: 'intruder', channel: CHANNEL, data: 'x' });

const badEvent = (random) =>
  random.pick([
    {},
    { ...event(), name: undefined },
    { ...event(), name: random.noText() },
    { ...event(), name: 'x'.repeat(random.between(201, 2_000)) },
    { ...event(), name: 'pusher:x' },
    { ...event(), channel: badName(random) },
    { ...event(), channel: undefined },
    { ...event(), channel: undefined, channels: [CHANNEL, badName(random)] },
    { ...event(), channel: undefined, channels: Array(101).fill(CHANNEL) },
    { ...event(), data: undefined },
    { ...event(), socket_id: random.pick(['x', '1', '1.', '.1', '1.x']) },
  ]);

/** One signed request; `change` alters its parameters after signing. */
function signed(app, { method = 'POST', path = '/events', body = '', change = (p) => p, ...more }) {
  const full = `/apps/${app.id}${path}`;
  const params = change(signedParams(app, { method, path: full, body, ...more }));
  const query = params.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  return { method, target: `${full}?${query}`, body };
}

const changed = (name, value) => (params) =>
  params.map(([key, old]) => [key, key === name ? value : old]);

const without = (name) => (params) => params.filter(([key]) => key !== name);

/** Kinds of requests: method, target and body, and the status that answers them. */
export const REQUESTS = {
  'an unsigned request': [
    (random, { id }) => ({
      method: 'POST',
      target: `/apps/${id}/events?x=${encodeURIComponent(random.text(20))}`,
      body: JSON.stringify(event()),
    }),
    401,
  ],
  'a wrong signature': [
    (random, app) => {
      const body = JSON.stringify(event());
      const wrong = random.pick([
        random.bytes(32).toString('hex'),
        random.bytes(random.between(0, 31)).toString('hex'),
        random.text(64),
      ]);
      return signed(app, { body, change: changed('auth_signature', wrong) });
    },
    401,
  ],
  'a parameter missing': [
    (random, app) => {
      const names = ['auth_key', 'auth_timestamp', 'auth_version', 'auth_signature', 'body_md5'];
      return signed(app, { body: JSON.stringify(event()), change: without(random.pick(names)) });
    },
    401,
  ],
  'a wrong time': [
    (random, app) => {
      const away = random.between(700, 10 ** 9) * random.pick([1, -1]);
      const timestamp = Math.floor(Date.now() / 1000) + away;
      return signed(app, { body: JSON.stringify(event()), timestamp });
    },
    401,
  ],
  'a body that nobody signed': [
    (random, app) => {
      const body = JSON.stringify(event());
      return signed(app, { body, bodyMd5: md5(random.text(9)) });
    },
    401,
  ],
  'an unknown app': [
    (random, app) => signed({ ...app, id: `x${random.between(0, 10 ** 6)}` }, { body: '{}' }),
    404,
  ],
  'an unknown path': [
    (random, app) => signed(app, { path: `/x${random.between(0, 10 ** 6)}` }),
    404,
  ],
  'another method': [
    (random, app) => signed(app, { method: random.pick(['PUT', 'DELETE', 'GET', 'PATCH']) }),
    405,
  ],
  'no JSON': [
    (random, app) => {
      const whole = JSON.stringify(event());
      const half = whole.slice(0, random.between(1, whole.length - 1));
      const deep = '['.repeat(random.between(100, 50_000));
      const body = random.pick([half, random.text(50), random.bytes(100), deep, `${whole}x`]);
      return signed(app, { path: random.pick(['/events', '/batch_events']), body });
    },
    400,
  ],
  'a bad event': [
    (random, app) => signed(app, { body: JSON.stringify(badEvent(random)) }),
    400,
  ],
  'a batch with a bad event': [
    (random, app) => {
      const batch = random.shuffle([event(), badEvent(random), event()]);
      const body = JSON.stringify({ batch });
      return signed(app, { path: '/batch_events', body });
    },
    400,
  ],
  'a batch of too many': [
    (random, app) => {
      const body = JSON.stringify({ batch: Array(random.between(11, 50)).fill(event()) });
      return signed(app, { path: '/batch_events', body });
    },
    400,
  ],
  'data above the limit': [
    (random, app) => {
      const data = 'x'.repeat(random.between(10_241, 60_000));
      return signed(app, { body: JSON.stringify({ ...event(), data }) });
    },
    413,
  ],
  'an unknown attribute': [
    (random, app) =>
      signed(app, { method: 'GET', path: '/channels', params: [['info', `x${random.text(5)}`]] }),
    400,
  ],
};

// Bytes that no HTTP library sends: a 4xx status, or the end of the connection.

const upgradeWithout = (random, server) => {
  const head = upgradeRequest(server);
  return random.pick([
    head.replace(/Sec-WebSocket-Key:.*\r\n/, ''),
    head.replace(/Sec-WebSocket-Key:.*/, `Sec-WebSocket-Key: ${random.between(0, 10 ** 9)}`),
    head.replace(/Sec-WebSocket-Version:.*\r\n/, ''),
    head.replace('Version: 13', `Version: ${random.between(14, 99)}`),
    head.replace('GET', random.pick(['POST', 'PUT', 'HEAD', 'OPTIONS'])),
    head.replace('HTTP/1.1', 'HTTP/1.0'),
  ]);
};

/** Kinds of bytes, for a connection that sends nothing else. */
export const BYTES = {
  garbage: (random) =>
    Buffer.concat([random.bytes(random.between(1, 2_000)), Buffer.from('\r\n\r\n')]),
  'another protocol': (random) =>
    random.pick([
      Buffer.concat([Buffer.from('1603010200010001fc0303', 'hex'), random.bytes(32)]),
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      'SSH-2.0-x\r\n\r\n',
      'EHLO x\r\n\r\n',
      Buffer.alloc(random.between(20, 500)),
    ]),
  'a broken head': (random) => {
    const length = random.pick(['-1', 'x', '1, 2', '9'.repeat(40)]);
    return random.pick([
      'GET / HTTP/1.1\r\nHost x\r\n\r\n',
      'GET / HTTP/9.9\r\nHost: x\r\n\r\n',
      'GET  HTTP/1.1\r\n\r\n',
      'GET /\u0000 HTTP/1.1\r\nHost: x\r\n\r\n',
      `GET / HTTP/1.1\r\n: ${random.between(0, 99)}\r\n\r\n`,
      'G\u0001T / HTTP/1.1\r\nHost: x\r\n\r\n',
      `POST / HTTP/1.1\r\nContent-Length: ${length}\r\n\r\n`,
      'POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx',
      'POST / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n',
    ]);
  },
  'a head without end': (random) => {
    const header = `X-Long: ${'y'.repeat(random.between(1, 50))}\r\n`;
    return `GET / HTTP/1.1\r\n${header.repeat(Math.ceil(500_000 / header.length))}`;
  },
  'a bad upgrade': upgradeWithout,
};

/** Kinds of connections that stop half way: what is sent before nothing more comes. */
export const SILENCES = {
  'no byte at all': () => '',
  'half a head': (random, server) => {
    const head = upgradeRequest(server);
    return head.slice(0, random.between(1, head.length - 1));
  },
  'half a body': (random, server) => {
    const { method, target } = signed(server.app, { body: JSON.stringify(event()) });
    const head = `${method} ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n`;
    return `${head}${'{'.repeat(random.between(0, 99))}`;
  },
};

