// Clients that speak the protocol and hide nothing, over the transport that a test is about.

import assert from 'node:assert/strict';

import { defer } from './defer.mjs';
import { PollingClient, StreamingClient } from './fallback.mjs';
import { transportOf } from './transports.mjs';
import { WebSocketClient } from './websocket.mjs';

const CLIENTS = {
  ws: WebSocketClient,
  xhr_streaming: StreamingClient,
  xhr_polling: PollingClient,
};

/**
 * Connects without waiting for the handshake: for connections that will be refused. The transport
 * is that of the test, unless the options name one.
 */
export function dial(t, server, { transport = transportOf(t), ...options } = {}) {
  const client = new CLIENTS[transport](server, options);
  defer(t, () => client.terminate());
  return client;
}

/** Connects and reads the handshake. */
export async function open(t, server, options) {
  const client = dial(t, server, options);
  await client.handshake();
  return client;
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
