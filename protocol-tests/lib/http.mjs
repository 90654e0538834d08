// Requests to the HTTP API with every part under the test's control.

import assert from 'node:assert/strict';
import http from 'node:http';

import { PATIENCE_MS } from './inbox.mjs';
import { signedParams } from './sign.mjs';

/** Sends exactly this request; `target` goes onto the wire as it is. */
export function send(server, { method = 'GET', target, headers = {}, body, agent }) {
  return new Promise((resolve, reject) => {
    const { host, port } = server;
    const request = http.request({ host, port, method, path: target, headers, agent });
    request.setTimeout(PATIENCE_MS, () => request.destroy(new Error(`no answer to ${target}`)));
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks = [];
      response.on('data', (bytes) => chunks.push(bytes)).on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const { localPort } = response.socket ?? {};
        resolve({ status: response.statusCode, headers: response.headers, text, localPort });
      });
    });
    request.end(body);
  });
}

/**
 * A signed request to the API.
 *
 * `path` is what is signed and, unless `wirePath` says otherwise, what is sent. `arrange` may
 * reorder or change the parameters after signing; `encode` escapes their values on the wire.
 */
export async function call(server, options) {
  const { method = 'GET', path, wirePath = path, app = server.app, headers, agent } = options;
  const { arrange = (params) => params, encode = (value) => value, signPath = path } = options;
  const body = bytesOf(options.body);
  const params = signedParams(app, { ...options, method, path: signPath, body });
  const query = arrange(params).map(([key, value]) => `${key}=${encode(value)}`);
  const target = `${wirePath}?${query.join('&')}`;
  const type = body === undefined ? {} : { 'Content-Type': 'application/json' };
  const response = await send(server, {
    method,
    target,
    headers: { ...type, ...headers },
    body,
    agent,
  });
  return { ...response, json: parse(response.text) };
}

const isBytes = (body) => typeof body === 'string' || Buffer.isBuffer(body);
const bytesOf = (body) => (body === undefined || isBytes(body) ? body : JSON.stringify(body));

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A path under the app's own, with the server's mount prefix. */
export const appPath = (server, rest, app = server.app) => `${server.prefix}/apps/${app.id}${rest}`;

export const get = (server, rest, params, more = {}) =>
  call(server, { path: appPath(server, rest, more.app), params, ...more });

export const post = (server, rest, body, more = {}) =>
  call(server, { method: 'POST', path: appPath(server, rest, more.app), body, ...more });

/** Publishes and insists on success; gives the response's JSON. */
export async function publish(server, event, more) {
  return assertOk(await post(server, '/events', { name: 'event', data: '{}', ...event }, more));
}

/** Success is always 200 with a JSON object (http-api.md §2). */
export function assertOk(response) {
  assert.equal(response.status, 200, response.text);
  assert.match(response.headers['content-type'], /^application\/json/);
  assertObject(response.json, response.text);
  return response.json;
}

/** Failure is a JSON object that tells the reason and repeats the status. */
export function assertFailed(response, status) {
  assert.equal(response.status, status, response.text);
  assert.match(response.headers['content-type'], /^application\/json/);
  assertObject(response.json, response.text);
  assert.equal(typeof response.json.error, 'string', response.text);
  assert.equal(response.json.code, status, response.text);
  return response.json.error;
}

function assertObject(value, text) {
  const object = value !== null && typeof value === 'object' && !Array.isArray(value);
  assert.ok(object, `the body must be a JSON object: ${text}`);
}
