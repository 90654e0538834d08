// The server SDKs: how each of them writes a request, and what it needs for an answer. Those that
// run here write their own; of the others, the form is recorded.

import assert from 'node:assert/strict';

import { hmac, md5 } from '../lib/sign.mjs';

/** The columns of the table in `docs/compatibility.md`. */
export const CALLS = [
  'trigger',
  'exclude',
  'info',
  'batch',
  'channels',
  'channel',
  'users',
  'terminate',
  'to user',
];

export const callTitleOf = (sdk, call) => `sdks: ${sdk.name}: ${call}`;
export const callsOf = ({ cannot }) => CALLS.filter((call) => !cannot.includes(call));

const sorted = (pairs) => pairs.toSorted(([a], [b]) => (a < b ? -1 : 1));
const joined = (pairs, encode = (value) => value) =>
  pairs.map(([name, value]) => `${name}=${encode(value)}`).join('&');
const encoded = encodeURIComponent;

/** The order in which Java's HashMap gives its keys: by bucket, of sixteen. */
function javaOrder(pairs) {
  const bucket = (key) => {
    let hash = 0;
    for (const c of key) hash = (Math.imul(31, hash) + c.charCodeAt(0)) | 0;
    return ((hash ^ (hash >>> 16)) >>> 0) & 15;
  };
  return pairs.toSorted(([a], [b]) => bucket(a) - bucket(b));
}

/** PHP escapes slashes, and everything beyond ASCII. */
const php = (value) =>
  JSON.stringify(value)
    .replaceAll('/', '\\/')
    .replace(/[^\0-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
/** Go escapes what means something in HTML. */
const go = (value) =>
  JSON.stringify(value).replace(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
const swift = (value) => JSON.stringify(value).replaceAll('/', '\\/');

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

/** Every SDK parses what it gets; most want exactly 200. */
function parsed({ status, text }) {
  assert.equal(status, 200, text);
  const value = JSON.parse(text);
  assert.ok(isObject(value), `an object, not ${text}`);
  return value;
}

/** Typed or iterated: a list where an object belongs cannot be read. */
function withObjects(answer) {
  const value = parsed(answer);
  if ('channels' in value) assert.ok(isObject(value.channels), 'channels must be an object');
  return value;
}

/** Go unmarshals into structs: the batch is a list, an id is a string. */
function typed(answer) {
  const value = withObjects(answer);
  if ('batch' in value) assert.ok(Array.isArray(value.batch), 'batch must be a list');
  for (const { id } of value.users ?? []) assert.equal(typeof id, 'string', 'an id is a string');
  return value;
}

/**
 * Recorded SDKs. `event` and `batched` give the members of a body in the SDK's order, `json` is its
 * serialiser, `query` the query as it goes onto the wire, `path` the path there, and `read` what
 * the SDK makes of an answer. The signature is over sorted parameters and the plain path.
 */
export const RECORDED_SDKS = [
  {
    name: 'PHP',
    version: '7.2.6',
    cannot: [],
    headers: { 'X-Pusher-Library': 'pusher-http-php 7.2.6' },
    json: php,
    event: ({ channels, name, data, ...more }) =>
      channels.length === 1
        ? { name, data, channel: channels[0], ...more }
        : { name, data, channels, ...more },
    query: (params, signature) => joined(sorted([...params, signature]), encoded),
    read: withObjects,
  },
  {
    name: 'Ruby',
    version: '2.1.0',
    cannot: ['terminate', 'to user'],
    headers: { 'X-Pusher-Library': 'pusher-http-ruby 2.1.0' },
    json: JSON.stringify,
    event: ({ channels, name, data, ...more }) => ({ ...more, name, channels, data }),
    query: (params, signature) => joined([...params.toReversed(), signature], encoded),
    read: parsed,
  },
  {
    name: 'Go',
    version: '5.1.1',
    cannot: ['terminate'],
    headers: { 'X-Pusher-Library': 'pusher-http-go 5.1.1' },
    json: go,
    typeOnGet: true,
    event: ({ channels, name, data, ...more }) => ({ name, channels, data, ...more }),
    query: (params, signature) => joined(sorted([...params, signature])),
    read: typed,
  },
  {
    name: 'Java',
    version: '1.3.5',
    cannot: ['info', 'terminate', 'to user'],
    headers: { 'X-Pusher-Library': 'pusher-http-java 1.3.5' },
    json: JSON.stringify,
    event: ({ channels, name, data, ...more }) => ({ channels, name, data, ...more }),
    path: (path) => path.split('/').map(encoded).join('/'),
    query: (params, signature) => joined(javaOrder([...params, signature]), encoded),
    read: parsed,
  },
  {
    name: '.NET',
    version: 'August 2024',
    cannot: ['terminate', 'to user'],
    headers: { 'Pusher-Library-Name': 'pusher-http-dotnet', 'Pusher-Library-Version': '5.0.0.0' },
    json: JSON.stringify,
    event: ({ channels, name, data, ...more }) => ({ name, data, channels, ...more }),
    query: (params, signature) => joined([signature, ...sorted(params)]),
    read: parsed,
  },
  {
    name: 'Swift',
    version: '0.1.0',
    cannot: ['terminate', 'to user'],
    headers: {},
    json: swift,
    event: ({ channels, name, data, ...more }) => ({ ...more, channels, data, name }),
    query: (params, signature) => joined([...params, signature], encoded),
    read: typed,
  },
];

/** A request as the SDK puts it onto the wire. */
export function write(sdk, app, { method, path, params = [], body }) {
  const text = body === undefined ? undefined : sdk.json(body);
  const all = [
    ['auth_key', app.key],
    ['auth_timestamp', String(Math.floor(Date.now() / 1000))],
    ['auth_version', '1.0'],
    ...(text === undefined ? [] : [['body_md5', md5(text)]]),
    ...params,
  ];
  const signature = hmac(app.secret, `${method}\n${path}\n${joined(sorted(all))}`);
  const wirePath = sdk.path?.(path) ?? path;
  const typed = text !== undefined || sdk.typeOnGet;
  return {
    method,
    target: `${wirePath}?${sdk.query(all, ['auth_signature', signature])}`,
    headers: { ...sdk.headers, ...(typed && { 'Content-Type': 'application/json' }) },
    body: text,
  };
}
