// A session of the HTTP fallback transports that a test leads request by request.

import assert from 'node:assert/strict';

import { assertTaken, basePath, post, receive, receiveAll } from './fallback-requests.mjs';

export class Session {
  #t;

  /** `options` are those of `basePath`; nothing is asked for yet. */
  constructor(t, server, options = {}) {
    this.#t = t;
    this.server = server;
    this.base = basePath(server, options);
    this.app = options.app ?? server.app;
  }

  /** Opens one with a receive request of this kind; it is in `reception`. */
  static async open(t, server, how = 'xhr_streaming', options = {}) {
    const session = new Session(t, server, options);
    session.reception = session.receive(how, options);
    session.hostname = (await session.expect('o')).hostname;
    const { messages } = await session.expect('a');
    assert.equal(messages.length, 1);
    const { event, data } = JSON.parse(messages[0]);
    assert.equal(event, 'pusher:connection_established');
    session.socketId = JSON.parse(data).socket_id;
    return session;
  }

  /** Begins a receive request. */
  receive(how = 'xhr_streaming', more = {}) {
    return receive(this.#t, this.server, this.base, how, more);
  }

  /** Begins a receive request and makes it the one that is read. */
  attach(how) {
    this.reception = this.receive(how);
    return this.reception;
  }

  /** All that one poll brings. */
  poll() {
    return receiveAll(this.#t, this.server, this.base, 'xhr');
  }

  /** The next frame must be of this kind; gives it. */
  async expect(kind) {
    const frame = await this.reception.frames.next(`a frame of kind ${kind}`);
    assert.equal(frame.kind, kind, JSON.stringify(frame));
    return frame;
  }

  /** The next frame must carry this event alone; gives the message. */
  async expectEvent(event) {
    const { messages } = await this.expect('a');
    const [message, ...more] = messages.map((text) => JSON.parse(text));
    assert.deepEqual([message?.event, more], [event, []], JSON.stringify(messages));
    return message;
  }

  /** Sends messages in one request, and insists on success. */
  async send(...messages) {
    assertTaken(await this.post(messages.map((message) => JSON.stringify(message))));
  }

  /** Sends this body, whatever it is; gives the answer. */
  post(body, more) {
    return post(this.server, this.base, body, more);
  }

  subscribe(channel) {
    return this.send({ event: 'pusher:subscribe', data: { channel } });
  }

  /** It is alive: it answers, and says nothing before. */
  async assertAlive() {
    await this.send({ event: 'pusher:ping', data: {} });
    await this.expectEvent('pusher:pong');
  }
}

/** The messages of some frames. */
export const messagesOf = (frames) =>
  frames.flatMap(({ messages = [] }) => messages.map((text) => JSON.parse(text)));
