// What every webhook request has to be (webhooks.md §1 and §2), for SDKs with types as well: Go
// has a string where .NET has a dictionary of strings.

import assert from 'node:assert/strict';

import { hmac } from './sign.mjs';

/** The members of each event, in their order. */
const MEMBERS = {
  channel_occupied: ['channel'],
  channel_vacated: ['channel'],
  member_added: ['channel', 'user_id'],
  member_removed: ['channel', 'user_id'],
  client_event: ['channel', 'event', 'data', 'socket_id'],
  cache_miss: ['channel'],
  subscription_count: ['channel', 'subscription_count'],
};

/**
 * Checks a request as it came; gives what is in it. `apps` are those that may have signed it, each
 * with a key and its secret.
 */
export function checkWebhook({ method, headers, rawHeaders, body, text }, apps) {
  assert.equal(method, 'POST');
  assert.equal(headers['content-type'], 'application/json', 'exactly that, no charset');
  assert.equal(headers['content-length'], String(body.length));
  assert.equal(headers['transfer-encoding'], undefined);
  const names = rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
  assert.equal(new Set(names).size, names.length, `each header once: ${names}`);
  const key = headers['x-pusher-key'];
  const app = apps.find((one) => one.key === key);
  assert.ok(app, `the key of a known app: ${key}`);
  assert.equal(headers['x-pusher-signature'], hmac(app.secret, body), 'the signature of the bytes');
  assert.match(headers['x-webhook-attempt'], /^[1-9]\d*$/);
  assert.ok(Buffer.from(text).equals(body), 'the body is UTF-8');
  const json = JSON.parse(text);
  assert.equal(text, JSON.stringify(json), 'nothing around it, nothing twice');
  assert.deepEqual(Object.keys(json), ['time_ms', 'events']);
  const { time_ms: time, events } = json;
  assert.ok(Number.isInteger(time) && time > 1_700_000_000_000, `time_ms: ${time}`);
  assert.ok(Array.isArray(events) && events.length > 0, 'at least one event');
  events.forEach(checkEvent);
  return { key, json, time, events, attempt: Number(headers['x-webhook-attempt']) };
}

/** Checks one event: exactly its members, all of them strings but for one. */
export function checkEvent(event) {
  const text = JSON.stringify(event);
  assert.ok(MEMBERS[event.name], `an event that is known: ${text}`);
  const isOfMember = event.name === 'client_event' && event.channel.startsWith('presence-');
  const members = ['name', ...MEMBERS[event.name], ...(isOfMember ? ['user_id'] : [])];
  assert.deepEqual(Object.keys(event), members, text);
  for (const [name, value] of Object.entries(event)) {
    const type = name === 'subscription_count' ? 'number' : 'string';
    assert.equal(typeof value, type, `${name} in ${text}`);
  }
}
