// How native clients read messages. Where one of them would throw, or drop what it was told, the
// reader throws: a strictly typed language casts, and nobody catches it on an event thread.

import assert from 'node:assert/strict';

const SUCCEEDED = 'pusher_internal:subscription_succeeded';

export function object(value, what) {
  const found = value !== null && typeof value === 'object' && !Array.isArray(value);
  assert.ok(found, `${what} must be an object: ${JSON.stringify(value)}`);
  return value;
}

export function string(value, what) {
  assert.equal(typeof value, 'string', `${what} must be a string: ${JSON.stringify(value)}`);
  return value;
}

function integer(value, what) {
  assert.ok(Number.isInteger(value), `${what} must be a whole number: ${JSON.stringify(value)}`);
  return value;
}

/** The object inside `data`, which has to be a string. */
const inside = (data) => object(JSON.parse(string(data, 'data')), 'what data holds');

/** What an application learns of an error: nobody reads a code from a string. */
export function error(data) {
  const { code = null, message } = object(data, 'data of pusher:error');
  if (code !== null) integer(code, 'code');
  return { code, message: string(message, 'message') };
}

/** An encrypted payload; without both parts there is nothing to decrypt. */
function sealed(data) {
  const { nonce, ciphertext } = inside(data);
  return { nonce: string(nonce, 'nonce'), ciphertext: string(ciphertext, 'ciphertext') };
}

/** Who is there, by id; every id needs its entry. */
function members(data) {
  const { ids, hash, count } = object(inside(data).presence, 'presence');
  object(hash, 'hash');
  assert.ok(Array.isArray(ids), 'ids must be a list');
  assert.equal(count, ids.length, 'count must be the number of ids');
  for (const id of ids) assert.ok(Object.hasOwn(hash, string(id, 'an id')), `hash must have ${id}`);
  return hash;
}

function memberAdded(data) {
  const { user_id, user_info = null } = inside(data);
  return { [string(user_id, 'user_id')]: user_info };
}

export const established = (data) => string(inside(data).socket_id, 'socket_id');

export function establishedWithTimeout(data) {
  assert.ok(integer(inside(data).activity_timeout, 'activity_timeout') > 0);
  return established(data);
}

export const signedIn = (data) => string(inside(inside(data).user_data).id, 'id');

export const watchlist = (data) =>
  Object.fromEntries(inside(data).events.map(({ name, user_ids }) => [name, user_ids]));

/** What every native client understands, by event. */
const EVENTS = {
  'pusher:connection_established': established,
  [SUCCEEDED]: (data, channel) => (channel.startsWith('presence-') ? members(data) : {}),
  'pusher_internal:member_added': memberAdded,
  'pusher_internal:member_removed': (data) => string(inside(data).user_id, 'user_id'),
  'pusher_internal:subscription_count': (data) =>
    integer(inside(data).subscription_count, 'subscription_count'),
};

/**
 * A family's reading of a message. `errorOf` and `dataOf` take what they need from a message,
 * `decrypts` tells which messages of encrypted channels the client decrypts, and `events` has what
 * only some clients understand.
 */
export function reader({ errorOf, dataOf, decrypts, events = {} }) {
  const known = { ...EVENTS, ...events };
  return (text) => {
    const message = object(JSON.parse(text), 'a message');
    const event = string(message.event, 'event');
    if (event === 'pusher:error') return { event, shown: errorOf(message) };
    const { channel, user_id: user } = message;
    if (user !== undefined) string(user, 'user_id');
    const data = dataOf(message);
    const encrypted = channel?.startsWith('private-encrypted-') && decrypts(event, data);
    const read = encrypted ? sealed : (known[event] ?? ((plain) => string(plain, 'data')));
    return { event, channel, user, shown: read(data, channel ?? '') };
  };
}

/** Events of the protocol itself, which most clients leave unencrypted on every channel. */
export const isApplications = (event) => !/^pusher(_internal)?:/.test(event);
