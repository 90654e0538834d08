// What a client and a server say to each other, whatever carries it: a base for clients that speak
// the protocol message by message and hide nothing.

import assert from 'node:assert/strict';

import { Inbox, within } from './inbox.mjs';
import { channelAuth } from './sign.mjs';

/**
 * A subclass carries the messages: it has `sendText`, `sendAtOnce`, `pause`, `resume`, `close` and
 * `terminate`, hands what arrives to `take` and calls `finish` when the connection has ended.
 */
export class Conversation {
  inbox = new Inbox('raw client');
  #finished;
  /** How the connection ended, once it has. */
  closed = new Promise((resolve) => (this.#finished = resolve));

  constructor(server, app) {
    this.server = server;
    this.app = app;
  }

  async handshake() {
    const first = await this.next();
    assert.equal(first.event, 'pusher:connection_established', 'the first message');
    this.established = JSON.parse(first.data);
    this.socketId = this.established.socket_id;
    return first;
  }

  send(message) {
    this.sendText(JSON.stringify(message));
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
   * Everything the server says in answer to what was sent so far. A connection's messages are
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

  /** The code and the reason that the server closes with. */
  waitForClose() {
    return within(this.closed, 'the server to close the connection');
  }

  /** What the server has sent: one message. */
  take(text) {
    try {
      const message = JSON.parse(text);
      checkEnvelope(message);
      this.inbox.push(message);
    } catch (error) {
      this.fault(error, text);
    }
  }

  /** The server has broken a rule: whatever a test waits for, it must see that. */
  fault(error, text) {
    this.finish(null, `bad frame from the server: ${error.message}: ${text.slice(0, 300)}`);
  }

  finish(code, reason) {
    this.inbox.end(`the connection was closed: ${code} ${reason}`);
    this.#finished({ code, reason });
  }
}

/** What holds for every message of the server (protocol.md §2.1, §11). */
function checkEnvelope(message) {
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
