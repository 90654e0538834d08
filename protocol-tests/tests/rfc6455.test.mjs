// What RFC 6455 says of frames, messages and closing. Each row is one connection: what is written,
// and what the server answers to it, the probe included. Sections are those of the RFC.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN } from '../lib/apps.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { OPCODE, frame, json, open, text } from '../lib/wire.mjs';

const LIMIT = 65_536;
const server = useServer({ apps: [MAIN], server: { max_frame_bytes: LIMIT } });

const { continuation, binary, close, ping, pong } = OPCODE;
const PING = '{"event":"pusher:ping"}';
const PROBE = 'the probe';

/** The fragments of one message: the first names the opcode, the last has FIN. */
const fragments = (payloads, opcode = OPCODE.text) =>
  payloads.map((payload, at) =>
    frame({
      opcode: at === 0 ? opcode : continuation,
      fin: at === payloads.length - 1,
      payload,
    }),
  );

/** `bytes` in `count` pieces of about the same size. */
function pieces(bytes, count) {
  const at = (n) => Math.floor((n * bytes.length) / count);
  return Array.from({ length: count }, (_, n) => bytes.subarray(at(n), at(n + 1)));
}

/** A text frame whose length takes more bytes than it needs, or says what none may. */
function wide(bits, length, payload) {
  const size = Buffer.alloc(bits / 8);
  if (bits === 16) size.writeUInt16BE(length);
  else size.writeBigUInt64BE(length);
  const head = Buffer.from([0x81, 0x80 | (bits === 16 ? 126 : 127)]);
  return Buffer.concat([head, size, Buffer.alloc(4), Buffer.from(payload)]);
}

/** A close frame with this code. */
function closing(code, reason = '') {
  const payload = Buffer.concat([Buffer.alloc(2), Buffer.from(reason)]);
  payload.writeUInt16BE(code);
  return frame({ opcode: close, payload });
}

/** A message of exactly `size` bytes that the server answers with a pong. */
function sized(size) {
  const [start, end] = ['{"event":"pusher:ping","data":"', '"}'];
  return `${start}${'x'.repeat(size - start.length - end.length)}${end}`;
}

/** What a frame of the server comes to, in words. */
function words({ opcode, payload, code }) {
  if (opcode === OPCODE.text) return JSON.parse(payload.toString('utf8')).event;
  if (opcode === pong) return `pong ${payload.toString('latin1')}`;
  if (opcode === close) return payload.length === 0 ? 'close' : `close ${code}`;
  return `opcode ${opcode}`;
}

/** All that the server says up to its close frame, or its answer to the probe. */
async function answers(wire) {
  const heard = [];
  for (;;) {
    const found = words(await wire.takeFrame());
    if (found === `pong ${PROBE}`) return { heard, open: true };
    heard.push(found);
    if (found.startsWith('close')) return { heard, open: false };
  }
}

/** One row: the section, what is written, and the answers; none means that it is ignored. */
function check(section, what, frames, expected) {
  test(`RFC 6455 §${section}: ${what}`, OWN_SERVER, async (t) => {
    const wire = await open(t, server);
    wire.write(Buffer.concat([...frames, frame({ opcode: ping, payload: PROBE })]));
    const { heard, open: stays } = await answers(wire);
    assert.deepEqual(heard, expected);
    if (stays) return;
    await wire.waitForEnd();
    assert.equal(wire.received.length, 0, 'nothing follows a close frame');
  });
}

const rows = (section, table) => {
  for (const [what, frames, expected] of table) check(section, what, frames, expected);
};

// What a frame is made of.

for (const rsv of [1, 2, 3, 4, 5, 6, 7]) {
  for (const [name, opcode] of [
    ['text', OPCODE.text],
    ['ping', ping],
    ['close', close],
  ]) {
    check('5.2', `reserved bits ${rsv} on a ${name}`, [frame({ opcode, rsv })], ['close 1002']);
  }
}
check(
  '5.2',
  'a reserved bit on a continuation',
  [
    frame({ opcode: OPCODE.text, fin: false, payload: '{' }),
    frame({ opcode: continuation, rsv: 4, payload: '}' }),
  ],
  ['close 1002'],
);
for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
  check('5.2', `the reserved opcode ${opcode}`, [frame({ opcode })], ['close 1002']);
}

rows('5.2', [
  // The sender must use the shortest form; nothing asks the receiver to mind, and none does.
  ['a length of 16 bits where 7 do', [wide(16, PING.length, PING)], ['pusher:pong']],
  ['a length of 64 bits where 7 do', [wide(64, BigInt(PING.length), PING)], ['pusher:pong']],
  ['a length of 64 bits where 16 do', [wide(64, 1_000n, sized(1_000))], ['pusher:pong']],
  ['a length whose highest bit is set', [wide(64, 2n ** 63n, '')], ['close 1009']],
  ['the largest length', [wide(64, 2n ** 64n - 1n, '')], ['close 1009']],
]);

for (const [name, opcode, payload] of [
  ['text', OPCODE.text, PING],
  ['binary', binary, 'x'],
  ['ping', ping, ''],
  ['close', close, ''],
]) {
  const frames = [frame({ opcode, masked: false, payload })];
  check('5.1', `an unmasked ${name}`, frames, ['close 1002']);
}

// Fragments.

for (const count of [1, 2, 3, 7, PING.length]) {
  const parts = pieces(Buffer.from(PING), count);
  check('5.4', `a text in ${count} fragments`, fragments(parts), ['pusher:pong']);
  const between = fragments(parts).flatMap((part, at) => [
    ...(at === 0 ? [] : [frame({ opcode: ping, payload: `${at}` })]),
    part,
  ]);
  const pongs = parts.slice(1).map((_, at) => `pong ${at + 1}`);
  const title = `a text in ${count} fragments with pings between`;
  check('5.4', title, between, [...pongs, 'pusher:pong']);
}

const started = frame({ opcode: OPCODE.text, fin: false, payload: PING.slice(0, 5) });
const finished = frame({ opcode: continuation, payload: PING.slice(5) });

rows('5.4', [
  ['a text of empty fragments around', fragments(['', PING, '', '']), ['pusher:pong']],
  ['an empty text', [text('')], ['pusher:error']],
  ['an empty text in fragments', fragments(['', '', '']), ['pusher:error']],
  ['a pong between fragments', [started, frame({ opcode: pong }), finished], ['pusher:pong']],
  ['a close between fragments', [started, closing(1000), finished], ['close 1000']],
  ['a first fragment alone', [started], []],
  ['a continuation of nothing', [frame({ opcode: continuation })], ['close 1002']],
  [
    'an unfinished continuation of nothing',
    [frame({ opcode: continuation, fin: false })],
    ['close 1002'],
  ],
  [
    'a continuation after the last fragment',
    [started, finished, finished],
    ['pusher:pong', 'close 1002'],
  ],
  ['a continuation of a whole message', [text(PING), finished], ['pusher:pong', 'close 1002']],
  ['a text inside a text', [started, text(PING)], ['close 1002']],
  ['another first fragment', [started, started], ['close 1002']],
  ['a binary inside a text', [started, frame({ opcode: binary })], ['close 1002']],
]);

// Control frames.

for (const [name, opcode] of [
  ['ping', ping],
  ['pong', pong],
  ['close', close],
]) {
  rows('5.5', [
    [`a fragmented ${name}`, [frame({ opcode, fin: false })], ['close 1002']],
    [`a ${name} of 126 bytes`, [frame({ opcode, payload: 'x'.repeat(126) })], ['close 1002']],
    [`a ${name} of 64 KiB`, [frame({ opcode, payload: 'x'.repeat(LIMIT) })], ['close 1002']],
  ]);
}

const longest = 'x'.repeat(125);
rows('5.5.2', [
  ['a ping without payload', [frame({ opcode: ping })], ['pong ']],
  ['a ping of 125 bytes', [frame({ opcode: ping, payload: longest })], [`pong ${longest}`]],
  [
    'a ping of any bytes',
    [frame({ opcode: ping, payload: Buffer.from([0, 255, 128]) })],
    ['pong \x00\xff\x80'],
  ],
]);
rows('5.5.3', [
  ['a pong that nobody asked for', [frame({ opcode: pong, payload: 'x' })], []],
  ['a pong of 125 bytes', [frame({ opcode: pong, payload: longest })], []],
]);

// Data.

rows('5.6', [
  ['a binary message', [frame({ opcode: binary, payload: PING })], ['close 1003']],
  ['an empty binary message', [frame({ opcode: binary })], ['close 1003']],
  ['a binary message in fragments', fragments(['a', 'b'], binary), ['close 1003']],
  [
    'a text before a binary',
    [text(PING), frame({ opcode: binary })],
    ['pusher:pong', 'close 1003'],
  ],
]);

const oneMore = sized(LIMIT + 1);
rows('7.4.1', [
  ['a message of the largest size', [text(sized(LIMIT))], ['pusher:pong']],
  ['a message one byte larger', [text(oneMore)], ['close 1009']],
  ['a length one byte larger', [frame({ opcode: OPCODE.text, length: LIMIT + 1 })], ['close 1009']],
  [
    'the largest size in two fragments',
    fragments(pieces(Buffer.from(sized(LIMIT)), 2)),
    ['pusher:pong'],
  ],
  ['one byte more in two fragments', fragments(pieces(Buffer.from(oneMore), 2)), ['close 1009']],
  [
    'the largest size in fragments of a byte',
    fragments(pieces(Buffer.from(sized(LIMIT)), LIMIT)),
    ['pusher:pong'],
  ],
  [
    'one byte more in fragments of a byte',
    fragments(pieces(Buffer.from(oneMore), LIMIT + 1)),
    ['close 1009'],
  ],
  ['10 000 empty fragments', fragments([PING, ...Array(10_000).fill('')]), ['pusher:pong']],
]);

// Closing. What may not be sent is answered as a broken rule (§7.4.1, §7.4.2).

rows('5.5.1', [
  ['a close without a code', [frame({ opcode: close })], ['close']],
  ['a close with half a code', [frame({ opcode: close, payload: 'x' })], ['close 1002']],
  ['a message before a close', [text(PING), closing(1000)], ['pusher:pong', 'close 1000']],
  ['a message after a close', [closing(1000), text(PING)], ['close 1000']],
  ['a broken frame after a close', [closing(1000), frame({ opcode: 3 })], ['close 1000']],
  ['a close with the longest reason', [closing(1000, 'x'.repeat(123))], ['close 1000']],
  ['a close with a reason cut in a character', [closing(1000, [0xe2, 0x82])], ['close 1007']],
  ['a close with a reason that is no UTF-8', [closing(1000, [0xff])], ['close 1007']],
]);
for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013]) {
  check('7.4.1', `closing with ${code} is answered in kind`, [closing(code)], [`close ${code}`]);
}
for (const code of [3000, 3999, 4000, 4999]) {
  check('7.4.2', `closing with ${code} is answered in kind`, [closing(code)], [`close ${code}`]);
}
for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]) {
  check('7.4.2', `closing with ${code} breaks the rules`, [closing(code)], ['close 1002']);
}

// Text is UTF-8.

/** The first and last characters of each length, and those around the surrogates. */
const EDGES = '\u007f\u0080\u07ff\u0800\ud7ff\ue000\ufffd\uffff\u{10000}\u{10ffff}';

test('RFC 6455 §8.1: characters may be cut anywhere by fragments', OWN_SERVER, async (t) => {
  const wire = await open(t, server);
  const message = Buffer.from(JSON.stringify({ event: `edges ${EDGES}` }));
  for (let at = 0; at <= message.length; at += 1) {
    const parts = [message.subarray(0, at), message.subarray(at)];
    wire.write(Buffer.concat(fragments(parts)));
    const { event, data } = await wire.takeMessage();
    assert.equal(event, 'pusher:error');
    assert.ok(data.message.includes(`'edges ${EDGES}'`), `cut at ${at}: ${data.message}`);
  }
  wire.write(Buffer.concat(fragments(pieces(message, message.length))));
  assert.ok((await wire.takeMessage()).data.message.includes(EDGES));
});

for (const [what, ...bytes] of [
  ['a continuation byte alone', 0x80],
  ['the last continuation byte alone', 0xbf],
  ['two bytes, the second missing', 0xc3],
  ['two bytes, the second wrong', 0xc3, 0x28],
  ['three bytes, one missing', 0xe2, 0x82],
  ['three bytes, two missing', 0xe2],
  ['three bytes, the second wrong', 0xe2, 0x28, 0xa1],
  ['three bytes, the third wrong', 0xe2, 0x82, 0x28],
  ['four bytes, one missing', 0xf0, 0x9f, 0x98],
  ['four bytes, the second wrong', 0xf0, 0x28, 0x8c, 0xbc],
  ['four bytes, the fourth wrong', 0xf0, 0x90, 0x8c, 0x28],
  ['an overlong form of /, two bytes', 0xc0, 0xaf],
  ['an overlong form of /, three bytes', 0xe0, 0x80, 0xaf],
  ['an overlong form of /, four bytes', 0xf0, 0x80, 0x80, 0xaf],
  ['an overlong form of NUL', 0xc0, 0x80],
  ['the largest overlong form, two bytes', 0xc1, 0xbf],
  ['the largest overlong form, three bytes', 0xe0, 0x9f, 0xbf],
  ['the largest overlong form, four bytes', 0xf0, 0x8f, 0xbf, 0xbf],
  ['the first surrogate', 0xed, 0xa0, 0x80],
  ['the last surrogate', 0xed, 0xbf, 0xbf],
  ['a pair of surrogates', 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
  ['U+110000', 0xf4, 0x90, 0x80, 0x80],
  ['the lead byte F5', 0xf5, 0x80, 0x80, 0x80],
  ['five bytes', 0xf8, 0x88, 0x80, 0x80, 0x80],
  ['six bytes', 0xfc, 0x84, 0x80, 0x80, 0x80, 0x80],
  ['the byte FE', 0xfe],
  ['the byte FF', 0xff],
]) {
  const message = Buffer.concat([Buffer.from('{"event":"'), Buffer.from(bytes), Buffer.from('"}')]);
  const cut = message.length - 2;
  rows('8.1', [
    [`${what} is no UTF-8`, [text(message)], ['close 1007']],
    [`${what} at the end is no UTF-8`, [text(message.subarray(0, cut))], ['close 1007']],
    [
      `${what}, each byte a fragment, is no UTF-8`,
      fragments(pieces(message, message.length)),
      ['close 1007'],
    ],
  ]);
}

// How TCP cuts the bytes does not matter (§5.4: no meaning in the boundaries of anything).

test('RFC 6455 §5: frames in pieces of one byte are read', async (t) => {
  const wire = await open(t, server);
  wire.socket.setNoDelay(true);
  for (const byte of json({ event: 'pusher:ping' })) wire.write(Buffer.from([byte]));
  assert.equal((await wire.takeMessage()).event, 'pusher:pong');
});
