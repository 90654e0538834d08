// A client that sends the recorded bytes of a family and reads every answer by its rules.

import assert from 'node:assert/strict';

import { channelAuth } from './sign.mjs';
import { OPCODE, frame, text, upgrade } from './wire.mjs';

/** Connects as `family` does and reads the greeting. */
export async function connect(t, server, family) {
  const client = await dial(t, server, family);
  client.socketId = (await client.expect('pusher:connection_established')).shown;
  assert.match(client.socketId, /^\d+\.\d+$/);
  return client;
}

/** Connects without waiting for the greeting: for connections that will be refused. */
export async function dial(t, server, family, { app = server.app } = {}) {
  const { query, subprotocol } = family;
  const headers = subprotocol === undefined ? {} : { 'Sec-WebSocket-Protocol': subprotocol };
  const wire = await upgrade(t, server, {
    path: `${server.prefix}/app/${app.key}${query}`,
    headers,
  });
  assert.equal(wire.response.headers['sec-websocket-protocol'], subprotocol);
  return new RecordedClient(wire, family, app);
}

class RecordedClient {
  #wire;
  #pings = 0;

  constructor(wire, family, app) {
    this.#wire = wire;
    this.family = family;
    this.app = app;
  }

  send(message) {
    this.#wire.write(text(message));
  }

  /** Asks for a channel with what its kind needs. */
  subscribe(channel, member) {
    this.send(this.subscription(channel, member));
  }

  subscription(channel, member) {
    const { subscribe, subscribeWith } = this.family;
    if (!/^(private|presence)-/.test(channel)) return subscribe(channel);
    const channel_data = member === undefined ? undefined : JSON.stringify(member);
    const auth = channelAuth(this.app, this.socketId, channel, channel_data);
    return subscribeWith(channel, { auth, channel_data });
  }

  /** The next message, as the family reads it. */
  async read() {
    const { opcode, payload } = await this.#wire.takeFrame();
    assert.equal(opcode, OPCODE.text, `a message, not ${opcode}: ${payload}`);
    return this.#understand(payload);
  }

  /** The next message must be this one; gives it. */
  async expect(event, channel) {
    const message = await this.read();
    assert.equal(message.event, event, JSON.stringify(message));
    assert.equal(message.channel, channel, JSON.stringify(message));
    return message;
  }

  async joined(channel, member) {
    this.subscribe(channel, member);
    return this.expect('pusher_internal:subscription_succeeded', channel);
  }

  /** Pings in the family's own way; what came before the answer. */
  async settle() {
    const asked = this.ping();
    const messages = [];
    for (;;) {
      const { opcode, payload } = await this.#wire.takeFrame();
      if (opcode === OPCODE.pong) {
        assert.equal(payload.toString(), asked, 'a pong has the payload of its ping');
        return messages;
      }
      const message = this.#understand(payload);
      if (message.event === 'pusher:pong') return messages;
      messages.push(message);
    }
  }

  async assertQuiet(why) {
    assert.deepEqual(await this.settle(), [], why);
  }

  /** Sends one ping; gives its payload, if it is a frame. */
  ping() {
    const { pings, ping } = this.family;
    if (pings === 'with messages') {
      this.send(ping());
      return undefined;
    }
    const payload = ping(this.#pings++);
    this.#wire.write(frame({ opcode: OPCODE.ping, payload }));
    return payload;
  }

  /** The close code and the messages before it; the connection is over then. */
  async readClose() {
    const messages = [];
    for (;;) {
      const found = await this.#wire.takeFrame();
      if (found.opcode === OPCODE.close) {
        assert.ok(found.payload.length <= 125, 'the payload of a control frame is short');
        this.#wire.write(frame({ opcode: OPCODE.close, payload: found.payload.subarray(0, 2) }));
        await this.#wire.waitForEnd();
        return { code: found.code, messages };
      }
      messages.push(this.#understand(found.payload));
    }
  }

  #understand(payload) {
    const message = payload.toString('utf8');
    try {
      return this.family.read(message);
    } catch (error) {
      const { name, version } = this.family;
      throw new Error(`${name} ${version} cannot use ${message}: ${error.message}`);
    }
  }
}
