// The conversation over HTTP, as pusher-js 8.6 has it: xhr_streaming and xhr_polling
// (fallback-transports.md). What the server sends is held against every rule of its framing.

import assert from 'node:assert/strict';
import http from 'node:http';

import { Conversation } from './conversation.mjs';
import {
  BUFFER_LIMIT,
  Reception,
  assertTaken,
  basePath,
  post,
  queryFor,
} from './fallback-requests.mjs';

/** A subclass has `heartbeat` and `goOn`, for frames `h` and for responses that have ended. */
class FallbackClient extends Conversation {
  /** The last part of the path of its receive requests. */
  static how;
  #agent = new http.Agent({ keepAlive: true });
  #sends = Promise.resolve();
  #isOver = false;
  #close;
  isOpen = false;

  constructor(server, options) {
    const { app = server.app, protocol = 7, query, path, name, headers } = options;
    super(server, app);
    this.base = basePath(server, { app, path, name });
    this.query = query ?? queryFor(protocol);
    this.headers = headers;
    this.receive();
  }

  sendText(text) {
    this.#post([text]);
  }

  /** Messages that reach the server together. */
  sendAtOnce(messages) {
    const texts = messages.map((message) => JSON.stringify(message));
    // A request takes 256 at most.
    for (let n = 0; n < texts.length; n += 200) this.#post(texts.slice(n, n + 200));
  }

  /** The end as pusher-js has it: what is to be sent is sent, and then its requests are gone. */
  async close() {
    await this.#sends;
    this.leave(1000, 'closed by the client');
  }

  terminate() {
    this.leave(1006, 'dropped by the client');
  }

  /** Asks for what comes next. */
  receive() {
    const { how } = this.constructor;
    const reception = new Reception(this.server, `${this.base}/${how}${this.query}`, {
      headers: this.headers,
      agent: this.#agent,
      taker: {
        take: (frame) => this.#takeFrame(frame),
        fault: (error, text) => this.fault(error, text),
        consumed: () => this.consumed(),
      },
    });
    this.reception = reception;
    reception.ended.then((end) => this.reception === reception && this.#ended(end));
  }

  /** Answers a heartbeat. */
  sendNothing() {
    this.#post([]);
  }

  /** All that has come is read. */
  consumed() {}

  #post(messages) {
    this.#sends = this.#sends.then(async () => {
      if (this.#isOver) return;
      const { headers, base, server } = this;
      try {
        assertTaken(await post(server, base, messages, { headers, agent: this.#agent }));
      } catch (error) {
        this.inbox.end(`a send failed: ${error.message}`);
      }
    });
  }

  #takeFrame({ kind, messages, hostname, code, reason }) {
    assert.equal(this.#close, undefined, 'nothing comes after the close');
    assert.equal(this.isOpen, kind !== 'o', 'a session is opened first, and once');
    switch (kind) {
      case 'o':
        this.isOpen = true;
        this.hostname = hostname;
        break;
      case 'a':
        for (const message of messages) this.take(message);
        break;
      case 'h':
        this.heartbeat();
        break;
      case 'c':
        this.#close = { code, reason };
    }
  }

  #ended({ isComplete, why }) {
    if (this.#isOver) return;
    if (this.#close) this.leave(this.#close.code, this.#close.reason);
    else if (isComplete) this.goOn();
    else this.leave(1006, why);
  }

  /** Ends the conversation; no request is left. */
  leave(code, reason) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.reception.abort();
    this.#agent.destroy();
    this.finish(code, reason);
  }
}

/** One response that does not end, until pusher-js finds it too long and asks for the next. */
export class StreamingClient extends FallbackClient {
  static how = 'xhr_streaming';

  /** Leaves what comes where it is, until the server finds no more room for it. */
  pause() {
    this.reception.pause();
  }

  resume() {
    this.reception.resume();
  }

  heartbeat() {
    this.sendNothing();
  }

  /** The response has ended, and should not have. */
  goOn() {
    this.leave(1006, 'the stream ended');
  }

  consumed() {
    if (this.reception.units <= BUFFER_LIMIT) return;
    // What was written meanwhile is lost, as it is in a browser.
    this.reception.abort();
    this.receive();
  }
}

/** A response for whatever there is to say, and then the next request. */
export class PollingClient extends FallbackClient {
  static how = 'xhr';

  #isPaused = false;

  /** Asks for nothing after the request that has begun. */
  pause() {
    this.#isPaused = true;
  }

  resume() {
    this.#isPaused = false;
    if (this.reception.isOver) this.receive();
  }

  heartbeat() {}

  goOn() {
    if (!this.#isPaused) this.receive();
  }
}
