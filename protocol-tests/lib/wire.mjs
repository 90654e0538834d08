// WebSocket and HTTP at the level of bytes, for everything a well-behaved library refuses to send.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import net from 'node:net';

import { defer } from './defer.mjs';
import { Inbox, within } from './inbox.mjs';

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/** One client frame. `length` lies about the payload's size, `masked: false` breaks the rules. */
export function frame({ opcode, fin = true, rsv = 0, masked = true, payload = '', length }) {
  const body = Buffer.from(payload);
  const size = length ?? body.length;
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  const maskBit = masked ? 0x80 : 0;
  if (size < 126) head.push(maskBit | size);
  else if (size < 65_536) head.push(maskBit | 126, size >> 8, size & 255);
  else {
    const eight = Buffer.alloc(8);
    eight.writeBigUInt64BE(BigInt(size));
    head.push(maskBit | 127, ...eight);
  }
  if (!masked) return Buffer.concat([Buffer.from(head), body]);
  const mask = randomBytes(4);
  const hidden = Buffer.from(body.map((byte, at) => byte ^ mask[at % 4]));
  return Buffer.concat([Buffer.from(head), mask, hidden]);
}

export const text = (payload) => frame({ opcode: OPCODE.text, payload });
export const json = (value) => text(JSON.stringify(value));

/** A bare TCP connection that keeps what it receives. */
export class Wire {
  received = Buffer.alloc(0);
  chunks = new Inbox('socket');

  static async connect(t, server) {
    const socket = net.connect({ host: server.host, port: server.port });
    defer(t, () => socket.destroy());
    const wire = new Wire(socket);
    await within(new Promise((ok, no) => socket.once('connect', ok).once('error', no)), 'TCP');
    return wire;
  }

  constructor(socket) {
    this.socket = socket;
    // A reset is an end as good as any: the server may close while bytes are still under way.
    this.ended = new Promise((resolve) => {
      socket.once('end', resolve).once('close', resolve).on('error', resolve);
    });
    this.ended.then(() => this.chunks.end('the server closed the connection'));
    socket.on('data', (bytes) => {
      this.received = Buffer.concat([this.received, bytes]);
      this.chunks.push(bytes.length);
    });
  }

  write(bytes) {
    this.socket.write(bytes);
  }

  /** Writes, and waits until the system has taken all of it; fails if the server cut that short. */
  writeAll(bytes) {
    const taken = new Promise((ok, no) => {
      this.socket.write(bytes, (error) => (error ? no(error) : ok()));
    });
    return within(taken, 'the server to take what is sent');
  }

  waitForEnd() {
    return within(this.ended, 'the server to drop the connection');
  }

  /** Takes bytes as soon as `parse` finds something: it gives `[value, bytes used]` or null. */
  async take(parse, what) {
    for (;;) {
      const found = parse(this.received);
      if (found) {
        this.received = this.received.subarray(found[1]);
        return found[0];
      }
      await this.chunks.next(what);
    }
  }

  /** A response's status line and headers. */
  async takeHead() {
    const head = await this.take((bytes) => {
      const end = bytes.indexOf('\r\n\r\n');
      return end < 0 ? null : [bytes.toString('latin1', 0, end), end + 4];
    }, 'a response head');
    const [line, ...headers] = head.split('\r\n');
    const pairs = headers.map((h) => /^([^:]*):\s*(.*)$/.exec(h).slice(1));
    return {
      status: Number(line.split(' ')[1]),
      headers: Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value])),
    };
  }

  /** A response with a Content-Length body. */
  async takeResponse() {
    const head = await this.takeHead();
    const length = Number(head.headers['content-length'] ?? 0);
    const body = await this.take(
      (bytes) => (bytes.length < length ? null : [bytes.toString('utf8', 0, length), length]),
      'a response body',
    );
    return { ...head, body };
  }

  /** The next server frame as `{opcode, payload}`; a close frame also has `code`. */
  takeFrame() {
    return this.take(parseFrame, 'a WebSocket frame');
  }

  /** Reads frames up to the first one of the given opcode and gives that. */
  async takeFrameOf(opcode) {
    for (;;) {
      const found = await this.takeFrame();
      if (found.opcode === opcode) return found;
    }
  }

  /** The next text frame as JSON; control frames before it are skipped. */
  async takeMessage() {
    const { payload } = await this.takeFrameOf(OPCODE.text);
    return JSON.parse(payload.toString('utf8'));
  }

  /** The close code; frames before it are skipped. It is answered, and the connection must end. */
  async takeClose() {
    const { code, payload } = await this.takeFrameOf(OPCODE.close);
    this.write(frame({ opcode: OPCODE.close, payload: payload.subarray(0, 2) }));
    await this.waitForEnd();
    return code;
  }
}

export function parseFrame(bytes) {
  if (bytes.length < 2) return null;
  assert.equal(bytes[1] & 0x80, 0, 'a server must not mask its frames');
  const short = bytes[1] & 0x7f;
  const head = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < head) return null;
  const length =
    short === 126
      ? bytes.readUInt16BE(2)
      : short === 127
        ? Number(bytes.readBigUInt64BE(2))
        : short;
  if (bytes.length < head + length) return null;
  const payload = Buffer.from(bytes.subarray(head, head + length));
  const opcode = bytes[0] & 15;
  const found = { opcode, fin: bytes[0] >= 0x80, payload };
  if (opcode === OPCODE.close && length >= 2) found.code = payload.readUInt16BE(0);
  return [found, head + length];
}

/** The request head of a WebSocket upgrade. */
export function upgradeRequest(server, { path, headers = {}, key = websocketKey() } = {}) {
  const lines = [
    `GET ${path ?? `${server.prefix}/app/${server.app.key}?protocol=7`} HTTP/1.1`,
    `Host: ${server.host}:${server.port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

export const websocketKey = () => randomBytes(16).toString('base64');

/** Upgrades a bare connection; gives it with the 101 response in `response`. */
export async function upgrade(t, server, options = {}) {
  const wire = await Wire.connect(t, server);
  const key = websocketKey();
  wire.write(upgradeRequest(server, { ...options, key }));
  wire.response = await wire.takeHead();
  assert.equal(wire.response.status, 101);
  const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
  const expected = createHash('sha1')
    .update(key + magic)
    .digest('base64');
  assert.equal(wire.response.headers['sec-websocket-accept'], expected);
  return wire;
}

/** Upgrades and reads the Pusher handshake. */
export async function open(t, server, options) {
  const wire = await upgrade(t, server, options);
  const first = await wire.takeMessage();
  assert.equal(first.event, 'pusher:connection_established');
  wire.socketId = JSON.parse(first.data).socket_id;
  return wire;
}
