// A client that speaks the protocol frame by frame and hides nothing.

import assert from 'node:assert/strict';
import WebSocket from 'ws';

import { defer } from './defer.mjs';
import { Inbox, within } from './inbox.mjs';
import { channelAuth } from './sign.mjs';

/** Connects without waiting for the handshake: for connections that will be refused. */
export function dial(t, server, options = {}) {
  const client = new RawClient(server, options);
  defer(t, () => client.terminate());
  return client;
}

/** Connects and reads the handshake. */
export async function open(t, server, options) {
  const client = dial(t, server, options);
  await client.handshake();
  return client;
}

export class RawClient {
  inbox = new Inbox('raw client');
  pings = new Inbox('WebSocket pings at the raw client');
  pongs = new Inbox('WebSocket pongs at the raw client');
  /** What a server counts: bytes of payloads from here, bytes of whole frames to here. */
  traffic = { sent: { messages: 0, bytes: 0 }, received: { messages: 0, bytes: 0 } };

  constructor(server, options) {
    const { app = server.app, protocol = 7, query, path, subprotocols = [], ...more } = options;
    const { scheme = 'ws', ...rest } = more;
    this.server = server;
    this.app = app;
    const search = query ?? `?protocol=${protocol}&client=js&version=8.6.0&flash=false`;
    const target = `${path ?? `${server.prefix}/app/${app.key}`}${search}`;
    const url = `${scheme}://${server.host}:${server.port}${target}`;
    this.socket = new WebSocket(url, subprotocols, { perMessageDeflate: false, ...rest });
    this.closed = new Promise((resolve) => {
      this.socket.once('close', (code, reason) => {
        this.inbox.end(`the connection was closed: ${code} ${reason}`);
        resolve({ code, reason: reason.toString() });
      });
    });
    this.socket.on('error', (error) => this.inbox.end(`the connection failed: ${error.message}`));
    this.socket.on('message', (bytes, binary) => this.#receive(bytes, binary));
    this.socket.on('ping', (bytes) => this.pings.push(bytes.toString()));
    this.socket.on('pong', (bytes) => this.pongs.push(bytes.toString()));
  }

  async handshake() {
    const first = await this.next();
    assert.equal(first.event, 'pusher:connection_established', 'the first frame');
    this.established = JSON.parse(first.data);
    this.socketId = this.established.socket_id;
    return first;
  }

  send(message) {
    this.sendText(JSON.stringify(message));
  }

  sendText(text) {
    count(this.traffic.sent, Buffer.byteLength(text));
    this.socket.send(text);
  }

  /** The next message, whatever it is. */
  next(what) {
    return this.inbox.next(what);
  }

  /** The first unread message that matches; unread ones before it are dropped. */
  waitFor(predicate, what) {
    return this.inbox.waitFor(predicate, what);
  }

  /** The next message must be this event; gives it. */
  async expect(event, channel) {
    const message = await this.next(`${event} on ${channel}`);
    assert.equal(message.event, event, JSON.stringify(message));
    assert.equal(message.channel, channel, JSON.stringify(message));
    return message;
  }

  /**
   * Everything the server says in answer to what was sent so far. A connection's frames are
   * handled in order, so the pong marks the end without a clock.
   */
  async settle() {
    this.send({ event: 'pusher:ping', data: {} });
    const messages = await this.inbox.readUntil((m) => m.event === 'pusher:pong', 'pusher:pong');
    return messages.slice(0, -1);
  }

  async assertQuiet(why) {
    assert.deepEqual(await this.settle(), [], why);
  }

  /** Asks for a subscription with whatever is given; gives the answers. */
  async request(data) {
    this.send({ event: 'pusher:subscribe', data });
    return this.settle();
  }

  /** Signs for this connection with its own app. */
  auth(channel, channelData) {
    return channelAuth(this.app, this.socketId, channel, channelData);
  }

  /** Subscribes with what the channel's kind needs; gives the decoded success data. */
  async subscribe(channel, member) {
    const data = { channel };
    if (member !== undefined) data.channel_data = JSON.stringify(member);
    if (/^(private|presence)-/.test(channel)) data.auth = this.auth(channel, data.channel_data);
    this.send({ event: 'pusher:subscribe', data });
    const { data: text } = await this.expect('pusher_internal:subscription_succeeded', channel);
    return JSON.parse(text);
  }

  unsubscribe(channel) {
    this.send({ event: 'pusher:unsubscribe', data: { channel } });
  }

  sendClientEvent(channel, event, data, more = {}) {
    this.send({ event, channel, data, ...more });
  }

  /** The close frame's code and reason. */
  waitForClose() {
    return within(this.closed, 'the server to close the connection');
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
      const message = JSON.parse(text);
      checkEnvelope(message);
      this.inbox.push(message);
    } catch (error) {
      this.inbox.end(`bad frame from the server: ${error.message}: ${text.slice(0, 300)}`);
    }
  }
}

function count(sum, bytes) {
  sum.messages += 1;
  sum.bytes += bytes;
}

const unmaskedHead = (length) => (length < 126 ? 2 : length < 65_536 ? 4 : 10);

/** What holds for every message of the server (protocol.md §2.1, §11). */
export function checkEnvelope(message) {
  assert.equal(typeof message.event, 'string', 'event must be a string');
  if (message.event === 'pusher:error') {
    const { data, ...rest } = message;
    assert.deepEqual(Object.keys(rest), ['event'], 'pusher:error has event and data only');
    assert.ok(data !== null && typeof data === 'object', 'data of pusher:error is an object');
    assert.ok(data.code === null || Number.isInteger(data.code), 'code is a number or null');
    assert.equal(typeof data.message, 'string', 'the message of pusher:error is a string');
  } else {
    assert.equal(typeof message.data, 'string', 'data must be a string');
  }
}

/**
 * Checks that the answers refuse a subscription: exactly one `pusher:error` without a closing
 * code, and at most the additional event that tells the channel (never on encrypted ones).
 */
export function assertRefused(answers, channel, { type, status } = {}) {
  const context = `${channel}: ${JSON.stringify(answers)}`;
  const errors = answers.filter((m) => m.event === 'pusher:error');
  const notes = answers.filter((m) => m.event === 'pusher:subscription_error');
  assert.equal(errors.length, 1, `one pusher:error; ${context}`);
  assert.equal(errors.length + notes.length, answers.length, `nothing else; ${context}`);
  assert.equal(errors[0].data.code, null, context);
  if (channel.startsWith('private-encrypted-')) {
    assert.equal(notes.length, 0, `no subscription_error on encrypted channels; ${context}`);
  } else if (type !== undefined) {
    assert.equal(notes.length, 1, `one subscription_error; ${context}`);
    assert.equal(notes[0].channel, channel);
    const data = JSON.parse(notes[0].data);
    assert.equal(typeof data.error, 'string', context);
    assert.deepEqual({ type: data.type, status: data.status }, { type, status }, context);
  }
  return errors[0].data.message;
}
