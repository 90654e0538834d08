// Where one request ends and the next begins: RFC 9112 §6, §9 and §11.2.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { appPath } from '../lib/http.mjs';
import { useServer } from '../lib/server.mjs';
import { signedParams } from '../lib/sign.mjs';
import { Wire } from '../lib/wire.mjs';

const server = useServer();

const EVENT = JSON.stringify({ name: 'e', channel: 'framing', data: '{}' });
const LENGTH = `Content-Length: ${EVENT.length}`;

/** A signed POST of an event, as text, with these headers and this on the wire behind them. */
function post(headers, sent) {
  const path = appPath(server, '/events');
  const params = signedParams(server.app, { method: 'POST', path, body: EVENT });
  const query = params.map((pair) => pair.join('=')).join('&');
  return [`POST ${path}?${query} HTTP/1.1`, 'Host: x', ...headers, '', sent].join('\r\n');
}

const whole = post([LENGTH], EVENT);
const inChunks = `${EVENT.length.toString(16)}\r\n${EVENT}\r\n0\r\n\r\n`;
const probe = `GET ${server.prefix}/ HTTP/1.1\r\nHost: x\r\n\r\n`;

test('http framing: requests that come together are answered in order', async (t) => {
  const wire = await Wire.connect(t, server);
  wire.write(probe + whole + post(['Transfer-Encoding: chunked'], inChunks) + probe);
  const bodies = [];
  for (let n = 0; n < 4; n += 1) {
    const { status, body } = await wire.takeResponse();
    assert.equal(status, 200);
    bodies.push(body);
  }
  assert.deepEqual(bodies, ['OK\n', '{}', '{}', 'OK\n']);
});

for (const [what, headers, sent] of [
  ['a length and chunks', [LENGTH, 'Transfer-Encoding: chunked'], inChunks],
  ['chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 3'], inChunks],
  ['two lengths', [LENGTH, 'Content-Length: 3'], EVENT],
  ['a list of lengths', [`${LENGTH}, ${EVENT.length}`], EVENT],
  ['a signed length', [`Content-Length: +${EVENT.length}`], EVENT],
  ['another coding', ['Transfer-Encoding: gzip, chunked'], inChunks],
  ['a folded header', ['X-Long: a', ` ${LENGTH}`], EVENT],
  ['a size of two numbers', ['Transfer-Encoding: chunked'], inChunks.replace('\r', ' 5\r')],
  ['a space before the colon', [`Content-Length : ${EVENT.length}`], EVENT],
]) {
  test(`http framing: ${what} is 400, and nothing behind it is read`, async (t) => {
    const wire = await Wire.connect(t, server);
    wire.write(post(headers, sent) + probe);
    const { status, headers: answered } = await wire.takeResponse();
    assert.equal(status, 400);
    assert.equal(answered.connection, 'close');
    await wire.waitForEnd();
    assert.equal(wire.received.length, 0, 'there is one answer');
  });
}

for (const [what, head] of [
  ['a target without a slash', 'GET apps HTTP/1.1\r\nHost: x'],
  ['a target with a URL inside', 'GET x?u=http://host/ HTTP/1.1\r\nHost: x'],
  [
    'a handshake with a body',
    `GET ${server.prefix}/app/${server.app.key} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n` +
      'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nContent-Length: 5\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ],
]) {
  test(`http framing: ${what} is 400`, async (t) => {
    const wire = await Wire.connect(t, server);
    wire.write(`${head}\r\n\r\nhello`);
    assert.equal((await wire.takeResponse()).status, 400);
  });
}

test('http framing: a head of more than 16 KiB is 431', async (t) => {
  const wire = await Wire.connect(t, server);
  wire.write(`GET / HTTP/1.1\r\nX-Long: ${'y'.repeat(17_000)}\r\n\r\n`);
  assert.equal((await wire.takeHead()).status, 431);
});

test('http framing: a client that closes its side gets its answer', async (t) => {
  const wire = await Wire.connect(t, server);
  wire.socket.end(whole);
  assert.equal((await wire.takeResponse()).status, 200);
});
