// Two well-behaved clients. Whatever a test does to the server, they must not notice.

import assert from 'node:assert/strict';

import { open } from './raw.mjs';

export class Pair {
  #sent = 0;

  static async open(t, server, channel) {
    const pair = new Pair();
    pair.channel = channel;
    pair.left = await open(t, server);
    pair.right = await open(t, server);
    await pair.left.subscribe(channel);
    await pair.right.subscribe(channel);
    return pair;
  }

  /** One message each way, and nothing besides. */
  async exchange() {
    this.#sent += 1;
    await this.#pass(this.left, this.right);
    await this.#pass(this.right, this.left);
  }

  async #pass(from, to) {
    from.sendClientEvent(this.channel, 'client-count', { n: this.#sent });
    const message = await to.expect('client-count', this.channel);
    assert.equal(message.data, JSON.stringify({ n: this.#sent }));
  }
}
