// The signatures of the protocol, written from its description and from nothing else: the SDKs
// are what the server is tested against, so they cannot also be the ruler.

import { createHash, createHmac } from 'node:crypto';

export const hmac = (secret, text) => createHmac('sha256', secret).update(text).digest('hex');
export const md5 = (bytes) => createHash('md5').update(bytes).digest('hex');

/** What an application signs to let a connection into a channel. */
export function channelText(socketId, channel, channelData) {
  const parts = [socketId, channel];
  if (channelData !== undefined) parts.push(channelData);
  return parts.join(':');
}

/** The `auth` value of a subscription, `KEY:HEX`. */
export function channelAuth({ key, secret }, socketId, channel, channelData) {
  return `${key}:${hmac(secret, channelText(socketId, channel, channelData))}`;
}

/** The `auth` value of a sign-in, `KEY:HEX`, over the string as it is sent. */
export function userAuth({ key, secret }, socketId, userData) {
  return `${key}:${hmac(secret, userText(socketId, userData))}`;
}

/** What an application signs to let a connection sign in. */
export const userText = (socketId, userData) => `${socketId}::user::${userData}`;

/** METHOD, path and all parameters but the signature: lower-case keys, sorted, not escaped. */
export function canonical(method, path, params) {
  const pairs = params
    .filter(([key]) => key !== 'auth_signature')
    .map(([key, value]) => [key.toLowerCase(), value])
    .sort(([a], [b]) => (a < b ? -1 : Number(a > b)))
    .map(([key, value]) => `${key}=${value}`);
  return `${method.toUpperCase()}\n${path}\n${pairs.join('&')}`;
}

/**
 * The parameters of a request with the authentication ones added, signature last.
 *
 * `bodyMd5`: `undefined` = as the rules say (only for a non-empty body), `null` = leave it out,
 * a string = send that.
 */
export function signedParams({ key, secret }, request) {
  const {
    method,
    path,
    params = [],
    body = '',
    timestamp = Math.floor(Date.now() / 1000),
    version = '1.0',
    bodyMd5,
  } = request;
  const digest = bodyMd5 === undefined && body.length > 0 ? md5(body) : bodyMd5;
  const all = [
    ...params,
    ['auth_key', key],
    ['auth_timestamp', String(timestamp)],
    ['auth_version', version],
  ];
  if (digest) all.push(['body_md5', digest]);
  all.push(['auth_signature', hmac(secret, canonical(method, path, all))]);
  return all;
}
