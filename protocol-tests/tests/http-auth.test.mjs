// Who may use the HTTP API, and HTTP itself: http-api.md §15 lines 1, 2, 10 and 11.
// The vectors of line 1 are in self.test.mjs: a running server's clock cannot be set.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DISABLED, OTHER } from '../lib/apps.mjs';
import { appPath, assertFailed, assertOk, call, get, post, send } from '../lib/http.mjs';
import { open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { hmac, md5, signedParams } from '../lib/sign.mjs';
import { Wire } from '../lib/wire.mjs';

const server = useServer();
const mounted = useServer({ server: { path_prefix: '/ws' } });

const EVENT = { name: 'e', channel: 'h1', data: '{}' };
const EMPTY_MD5 = md5('');
const channels = (options = {}) => get(server, '/channels', options.params, options);

test('http 1: a signed GET and a signed POST are accepted', async () => {
  assertOk(await channels());
  assert.deepEqual(assertOk(await post(server, '/events', EVENT)), {});
});

/** The answer to a request that was made and answered within one second of this machine's clock. */
async function withinOneSecond(attempt) {
  for (;;) {
    const second = Math.floor(Date.now() / 1000);
    const response = await attempt(second);
    if (Math.floor(Date.now() / 1000) === second) return response;
  }
}

for (const [offset, accepted] of [
  [0, true],
  [599, true],
  [-599, true],
  [600, false],
  [-600, false],
  [86_400, false],
]) {
  const verdict = accepted ? 'accepted' : '401';
  test(`http 1: a timestamp ${offset} s from now: ${verdict}`, OWN_SERVER, async () => {
    const response = await withinOneSecond((now) => channels({ timestamp: now + offset }));
    if (accepted) assertOk(response);
    else assertFailed(response, 401);
  });
}

test('http 1: an old timestamp is refused', async () => {
  const timestamp = Math.floor(Date.now() / 1000) - 3600;
  assertFailed(await channels({ timestamp }), 401);
});

for (const timestamp of ['', 'now', '1e9', '-1', '1760000000.5', '9'.repeat(40)]) {
  test(`http 1: the timestamp "${timestamp}" is refused`, async () => {
    assertFailed(await channels({ timestamp }), 401);
  });
}

for (const version of ['1.1', '1', '', '1.0 ']) {
  test(`http 1: auth_version "${version}" is refused`, async () => {
    assertFailed(await channels({ version, encode: encodeURIComponent }), 401);
  });
}

test('http 1: an unknown key is refused', async () => {
  const path = appPath(server, '/channels');
  assertFailed(await call(server, { path, app: { key: 'unknown', secret: 'x' } }), 401);
});

test('http 1: the key of another app is refused', OWN_SERVER, async () => {
  const path = appPath(server, '/channels');
  assertFailed(await call(server, { path, app: OTHER }), 401);
});

test('http 1: a wrong secret is refused, and the right digest is not told', async () => {
  const { key, secret } = server.app;
  const path = appPath(server, '/channels');
  const timestamp = Math.floor(Date.now() / 1000);
  const wrong = await call(server, { path, timestamp, app: { key, secret: `${secret}x` } });
  const reason = assertFailed(wrong, 401);
  const [, right] = signedParams({ key, secret }, { method: 'GET', path, timestamp }).at(-1);
  assert.ok(!reason.includes(right));
  assert.ok(!reason.includes(secret));
});

for (const missing of ['auth_key', 'auth_timestamp', 'auth_version', 'auth_signature']) {
  test(`http 1: without ${missing} the request is refused`, async () => {
    // Signed over what is really sent, so that nothing else is wrong.
    const arrange = (params) => {
      const rest = params.filter(([key]) => key !== missing && key !== 'auth_signature');
      if (missing === 'auth_signature') return rest;
      const pairs = rest.toSorted().map((pair) => pair.join('='));
      const text = `GET\n${appPath(server, '/channels')}\n${pairs.join('&')}`;
      return [...rest, ['auth_signature', hmac(server.app.secret, text)]];
    };
    assertFailed(await channels({ arrange }), 401);
  });
}

test('http 1: no query at all is refused', async () => {
  const response = await send(server, { target: appPath(server, '/channels') });
  assertFailed({ ...response, json: JSON.parse(response.text) }, 401);
});

for (const [what, bodyMd5] of [
  ['missing', null],
  ['of another body', md5('{}')],
  ['of the empty body', EMPTY_MD5],
  ['no digest', 'x'],
]) {
  test(`http 1: body_md5 ${what}: refused`, async () => {
    assertFailed(await post(server, '/events', EVENT, { bodyMd5 }), 401);
  });
}

for (const [what, change] of [
  ['a changed parameter', ([key, value]) => [key, key === 'info' ? 'cache' : value]],
  ['a changed signature', ([key, value]) => [key, key === 'auth_signature' ? flip(value) : value]],
]) {
  test(`http 1: ${what} is noticed`, async () => {
    const arrange = (params) => params.map(change);
    assertFailed(await channels({ params: [['info', 'user_count']], arrange }), 401);
  });
}

const flip = (hex) => (hex[0] === '0' ? '1' : '0') + hex.slice(1);

test('http 1: an added parameter is noticed', async () => {
  const arrange = (params) => [...params, ['info', 'user_count']];
  assertFailed(await channels({ arrange }), 401);
});

test('http 1: the method and the path are signed', async () => {
  const path = appPath(server, '/channels');
  const elsewhere = appPath(server, '/channels/h1');
  assertFailed(await call(server, { path: elsewhere, signPath: path }), 401);
  const params = signedParams(server.app, { method: 'POST', path });
  const target = `${path}?${params.map((pair) => pair.join('=')).join('&')}`;
  assert.equal((await send(server, { target })).status, 401);
});

test('http 1: nothing is published by a refused request', async (t) => {
  const client = await open(t, server);
  await client.subscribe('h1-refused');
  const event = (name) => ({ name, channel: 'h1-refused', data: '{}' });
  assertFailed(await post(server, '/events', event('forged'), { version: '1.1' }), 401);
  assertOk(await post(server, '/events', event('mark')));
  await client.expect('mark', 'h1-refused');
});

test("http 2: a GET with Python's MD5 of the empty body", async () => {
  assertOk(await channels({ bodyMd5: EMPTY_MD5 }));
  const params = [
    ['filter_by_prefix', 'presence-'],
    ['info', 'user_count'],
  ];
  assertOk(await channels({ bodyMd5: EMPTY_MD5, params }));
  assertFailed(await channels({ bodyMd5: md5('x') }), 401);
});

const TWO_INFOS = [['info', 'user_count,subscription_count']];
const orders = {
  'reversed parameters': (params) => params.toReversed(),
  'signature first': (params) => [params.at(-1), ...params.slice(0, -1)],
  'sorted, signature among them': (params) => params.toSorted(),
};
for (const [what, arrange] of Object.entries(orders)) {
  test(`http 2: ${what}`, async () => {
    assertOk(await channels({ params: [['filter_by_prefix', 'presence-']], arrange }));
    assertOk(await post(server, '/events', EVENT, { arrange }));
  });
}

for (const [what, encode] of [
  ['raw', (value) => value],
  ['encoded', encodeURIComponent],
  ['encoded in lower case', (v) => encodeURIComponent(v).replace(/%../g, (e) => e.toLowerCase())],
]) {
  test(`http 2: a ${what} comma in a value`, async () => {
    // Not both counts fit one channel, so the answer is 400; wrongly signed would be 401.
    const response = await get(server, '/channels/presence-h2', TWO_INFOS, { encode });
    assertFailed(response, 400);
  });
}

test('http 2: values that were signed as they look on the wire', async () => {
  const params = [['filter_by_prefix', 'presence-a%40b']];
  assertOk(await channels({ params }));
});

const ODD = 'presence-a@b,c;d=e';
const odd = `/channels/${ODD}`;
const oddEncoded = `/channels/presence-a%40b%2Cc%3Bd%3De`;
for (const [what, sent, signed] of [
  ['sent raw, signed raw', odd, odd],
  ['sent encoded, signed raw', oddEncoded, odd],
  ['sent encoded, signed encoded', oddEncoded, oddEncoded],
]) {
  test(`http 2: a channel in the path, ${what}`, async (t) => {
    const client = await open(t, server);
    await client.subscribe(ODD, { user_id: 'u' });
    const path = appPath(server, sent);
    const signPath = appPath(server, signed);
    const params = [['info', 'user_count']];
    const state = assertOk(await call(server, { path, signPath, params }));
    assert.deepEqual(state, { occupied: true, user_count: 1 });
  });
}

for (const [what, signed] of [
  ['with the prefix', `/ws/apps/4242/channels`],
  ['without the prefix', `/apps/4242/channels`],
]) {
  test(`http 2: under a path prefix, signed ${what}`, OWN_SERVER, async (t) => {
    const client = await open(t, mounted);
    await client.subscribe('h2-mounted');
    const path = '/ws/apps/4242/channels';
    const list = assertOk(await call(mounted, { path, signPath: signed }));
    assert.deepEqual(list.channels, { 'h2-mounted': {} });
    const events = { path: '/ws/apps/4242/events', body: { ...EVENT, channel: 'h2-mounted' } };
    const signPath = signed.replace('channels', 'events');
    assertOk(await call(mounted, { method: 'POST', ...events, signPath }));
    await client.expect('e', 'h2-mounted');
  });
}

test("http 2: under a path prefix PHP's batch, which leaves it out", OWN_SERVER, async () => {
  const body = { batch: [{ ...EVENT }] };
  assertOk(await call(mounted, { method: 'POST', path: '/apps/4242/batch_events', body }));
});

test('http 10: a disabled app is 403', OWN_SERVER, async () => {
  assertFailed(await post(server, '/events', EVENT, { app: DISABLED }), 403);
  assertFailed(await get(server, '/channels', [], { app: DISABLED }), 403);
});

test('http 10: a disabled app does not tell strangers so', OWN_SERVER, async () => {
  const app = { ...DISABLED, secret: 'wrong' };
  assertFailed(await get(server, '/channels', [], { app }), 401);
});

test('http 10: an unknown app is 404', async () => {
  const path = '/apps/no-such-app/channels';
  assertFailed(await call(server, { path: server.prefix + path }), 404);
});

for (const rest of ['', '/', '/nothing', '/channels/', '/events/', '/channels/a/b', '/users']) {
  test(`http 10: the path "${rest}" is 404`, async () => {
    assertFailed(await get(server, rest), 404);
  });
}

for (const [method, rest] of [
  ['GET', '/events'],
  ['GET', '/batch_events'],
  ['POST', '/channels'],
  ['DELETE', '/channels/a'],
  ['PUT', '/channels/presence-a/users'],
]) {
  test(`http 10: ${method} ${rest} is 405`, async () => {
    assertFailed(await call(server, { method, path: appPath(server, rest) }), 405);
  });
}

test('http 11: two requests on one connection that is kept alive', async (t) => {
  const socket = await Wire.connect(t, server);
  const path = appPath(server, '/channels');
  for (let n = 0; n < 3; n += 1) {
    const params = signedParams(server.app, { method: 'GET', path });
    const query = params.map((pair) => pair.join('=')).join('&');
    socket.write(`GET ${path}?${query} HTTP/1.1\r\nHost: x\r\n\r\n`);
    assert.equal((await socket.takeResponse()).status, 200);
  }
});

/** The head of a signed publish, as text. */
function publishHead(body, headers) {
  const path = appPath(server, '/events');
  const params = signedParams(server.app, { method: 'POST', path, body });
  const query = params.map((pair) => pair.join('=')).join('&');
  return [`POST ${path}?${query} HTTP/1.1`, 'Host: x', ...headers, '', ''].join('\r\n');
}

test('http 11: a failed request leaves the connection usable', async (t) => {
  const socket = await Wire.connect(t, server);
  for (const [body, status] of [
    ['{', 400],
    [JSON.stringify(EVENT), 200],
  ]) {
    socket.write(publishHead(body, [`Content-Length: ${body.length}`]) + body);
    assert.equal((await socket.takeResponse()).status, status);
  }
});

test('http 11: Expect: 100-continue is answered before the body is sent', async (t) => {
  const socket = await Wire.connect(t, server);
  const body = JSON.stringify({ ...EVENT, data: 'x'.repeat(2000) });
  socket.write(publishHead(body, [`Content-Length: ${body.length}`, 'Expect: 100-continue']));
  assert.equal((await socket.takeHead()).status, 100);
  socket.write(body);
  assert.equal((await socket.takeResponse()).status, 200);
});

test('http 11: a chunked body', async (t) => {
  const socket = await Wire.connect(t, server);
  const body = JSON.stringify(EVENT);
  socket.write(publishHead(body, ['Transfer-Encoding: chunked']));
  for (const part of [body.slice(0, 5), body.slice(5)]) {
    socket.write(`${part.length.toString(16)}\r\n${part}\r\n`);
  }
  socket.write('0\r\n\r\n');
  assert.equal((await socket.takeResponse()).status, 200);
});

for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'nonsense']) {
  test(`http 11: a POST with content type ${type} is read as JSON`, async () => {
    const headers = { 'Content-Type': type };
    assertOk(await post(server, '/events', EVENT, { headers }));
  });
}

test('http 11: a POST without and a GET with a content type', async (t) => {
  const socket = await Wire.connect(t, server);
  const body = JSON.stringify(EVENT);
  socket.write(publishHead(body, [`Content-Length: ${body.length}`]) + body);
  assert.equal((await socket.takeResponse()).status, 200);
  assertOk(await channels({ headers: { 'Content-Type': 'application/json' } }));
});
