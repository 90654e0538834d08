// The conversation over a WebSocket, frame by frame.

import assert from 'node:assert/strict';
import WebSocket from 'ws';

import { Conversation } from './conversation.mjs';
import { Inbox } from './inbox.mjs';

export class WebSocketClient extends Conversation {
  pings = new Inbox('WebSocket pings at the raw client');
  pongs = new Inbox('WebSocket pongs at the raw client');
  /** What a server counts: bytes of payloads from here, bytes of whole frames to here. */
  traffic = { sent: { messages: 0, bytes: 0 }, received: { messages: 0, bytes: 0 } };

  constructor(server, options) {
    const { app = server.app, protocol = 7, query, path, subprotocols = [], ...more } = options;
    const { scheme = 'ws', ...rest } = more;
    super(server, app);
    const search = query ?? `?protocol=${protocol}&client=js&version=8.6.0&flash=false`;
    const target = `${path ?? `${server.prefix}/app/${app.key}`}${search}`;
    const url = `${scheme}://${server.host}:${server.port}${target}`;
    this.socket = new WebSocket(url, subprotocols, { perMessageDeflate: false, ...rest });
    this.socket.once('close', (code, reason) => this.finish(code, reason.toString()));
    this.socket.on('error', (error) => this.inbox.end(`the connection failed: ${error.message}`));
    this.socket.on('message', (bytes, binary) => this.#receive(bytes, binary));
    this.socket.on('ping', (bytes) => this.pings.push(bytes.toString()));
    this.socket.on('pong', (bytes) => this.pongs.push(bytes.toString()));
  }

  sendText(text) {
    count(this.traffic.sent, Buffer.byteLength(text));
    this.socket.send(text);
  }

  /** Messages that reach the server together. */
  sendAtOnce(messages) {
    const { _socket: socket } = this.socket;
    socket.cork();
    for (const message of messages) this.send(message);
    socket.uncork();
  }

  /** Reads nothing more until told to. */
  pause() {
    this.socket.pause();
  }

  resume() {
    this.socket.resume();
  }

  /** An orderly goodbye. */
  async close() {
    this.socket.close(1000);
    await this.waitForClose();
  }

  terminate() {
    this.socket.terminate();
  }

  #receive(bytes, binary) {
    count(this.traffic.received, unmaskedHead(bytes.length) + bytes.length);
    const text = bytes.toString('utf8');
    try {
      assert.equal(binary, false, 'the server must send text frames');
      this.take(text);
    } catch (error) {
      this.fault(error, text);
    }
  }
}

function count(sum, bytes) {
  sum.messages += 1;
  sum.bytes += bytes;
}

const unmaskedHead = (length) => (length < 126 ? 2 : length < 65_536 ? 4 : 10);
