// Bodies: who may send how much, and when the answer comes. http-api.md §2 and §15, 5, 10 and 11.
//
// Clients differ: some look for an answer while they send, some only when all is sent. Both must
// get the whole answer, so a refused body is read to its end as long as it is of legal size.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN } from '../lib/apps.mjs';
import { appPath, assertFailed, assertOk, call, get } from '../lib/http.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { md5, signedParams } from '../lib/sign.mjs';
import { Wire } from '../lib/wire.mjs';

const server = useServer();
const small = useServer({ server: { max_body_bytes: 4_096 } });

const MIB = 1 << 20;
const EVENT = { name: 'e', channel: 'body', data: '{}' };
const WRONG = { app: { key: 'unknown', secret: 'x' } };

/** An event with so much besides that the body has this many bytes. */
function bodyOf(bytes) {
  const bare = JSON.stringify({ ...EVENT, padding: '' });
  return JSON.stringify({ ...EVENT, padding: 'x'.repeat(bytes - bare.length) });
}

/** The head of a POST, as text; `app` signs it. */
function head(where, body, headers, { app = where.app, path = appPath(where, '/events') } = {}) {
  const params = signedParams(app, { method: 'POST', path, body });
  const query = params.map((pair) => pair.join('=')).join('&');
  return [`POST ${path}?${query} HTTP/1.1`, 'Host: x', ...headers, '', ''].join('\r\n');
}

const length = (body) => `Content-Length: ${body.length}`;

function chunked(body) {
  return `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}

for (const [what, signer, status] of [
  ['with a wrong key is 401', WRONG, 401],
  ['with a valid signature is 413', {}, 413],
]) {
  for (const [where, settings, bytes] of [
    [() => server, {}, MIB + 1],
    [() => small, OWN_SERVER, 4_097],
  ]) {
    const name = `http 10: a body of ${bytes} bytes ${what}`;
    test(`${name}, before it is sent`, settings, async (t) => {
      const body = bodyOf(bytes);
      const wire = await Wire.connect(t, where());
      wire.write(head(where(), body, [length(body)], signer));
      const response = await wire.takeResponse();
      assertFailed(asJson(response), status);
    });

    test(`${name}, in chunks`, settings, async (t) => {
      const body = bodyOf(bytes);
      const wire = await Wire.connect(t, where());
      wire.write(head(where(), body, ['Transfer-Encoding: chunked'], signer) + chunked(body));
      assert.equal((await wire.takeHead()).status, status);
    });
  }
}

test('http 10: a body of exactly the largest size is read', OWN_SERVER, async () => {
  for (const [where, bytes] of [
    [server, MIB],
    [small, 4_096],
  ]) {
    const path = appPath(where, '/events');
    assertOk(await call(where, { method: 'POST', path, body: bodyOf(bytes) }));
  }
});

test('http 10: an unknown app is told before the size of the body', async (t) => {
  const body = bodyOf(MIB + 1);
  const path = `${server.prefix}/apps/no-such-app/events`;
  const wire = await Wire.connect(t, server);
  wire.write(head(server, body, [length(body)], { path }));
  assertFailed(asJson(await wire.takeResponse()), 404);
});

for (const [what, more, status] of [
  ['a wrong signature', WRONG, 401],
  ['an unknown app', { path: '/apps/no-such-app/events' }, 404],
  ['an unknown path', { path: `/apps/${MAIN.id}/nothing` }, 404],
]) {
  test(`http 11: Expect: 100-continue with ${what} is ${status} at once`, async (t) => {
    const body = bodyOf(2_000);
    const wire = await Wire.connect(t, server);
    const headers = [length(body), 'Expect: 100-continue'];
    wire.write(head(server, body, headers, prefixed(more)));
    assertFailed(asJson(await wire.takeResponse()), status);
  });
}

test('http 11: Expect: 100-continue without any signature is 401 at once', async (t) => {
  const wire = await Wire.connect(t, server);
  const lines = [`POST ${appPath(server, '/events')} HTTP/1.1`, 'Host: x', 'Content-Length: 100'];
  wire.write([...lines, 'Expect: 100-continue', '', ''].join('\r\n'));
  assertFailed(asJson(await wire.takeResponse()), 401);
});

for (const [what, more, status] of [
  ['a request of an unknown app', { path: '/apps/no-such-app/events' }, 404],
  ['a request to an unknown path', { path: `/apps/${MAIN.id}/nothing` }, 404],
  ['a wrongly signed request', { app: { ...MAIN, secret: 'wrong' } }, 401],
  ['a request with an unknown key', WRONG, 401],
]) {
  for (const [how, framing, encode] of [
    ['900 KB', length, (body) => body],
    ['900 KB in chunks', () => 'Transfer-Encoding: chunked', chunked],
  ]) {
    test(`http 10: ${what} with ${how} gets its whole ${status}`, async (t) => {
      const body = bodyOf(900_000);
      // A lost answer is a matter of luck: one try proves little.
      for (let n = 0; n < 5; n += 1) {
        const wire = await Wire.connect(t, server);
        wire.socket.pause();
        await wire.writeAll(head(server, body, [framing(body)], prefixed(more)) + encode(body));
        wire.socket.resume();
        assertFailed(asJson(await wire.takeResponse()), status);
      }
    });
  }

  test(`http 10: ${what} with 900 KB through an HTTP library: ${status}`, async () => {
    const { path = `/apps/${MAIN.id}/events`, app = server.app } = more;
    const body = bodyOf(900_000);
    for (let n = 0; n < 5; n += 1) {
      const options = { method: 'POST', path: server.prefix + path, app, body };
      assertFailed(await call(server, options), status);
    }
    assertOk(await get(server, '/channels'));
  });
}

test('http 1: the digest of a body of 900 KB is checked', async () => {
  const path = appPath(server, '/events');
  const options = { method: 'POST', path, body: bodyOf(900_000), bodyMd5: md5('other') };
  assertFailed(await call(server, options), 401);
});

/** The same options with the server's mount prefix before the path. */
function prefixed({ path, ...rest }) {
  return path === undefined ? rest : { ...rest, path: server.prefix + path };
}

/** A raw response in the form that the checks of JSON answers take. */
function asJson({ status, headers, body }) {
  return { status, headers, text: body, json: JSON.parse(body) };
}
