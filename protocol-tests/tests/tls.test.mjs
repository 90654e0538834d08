// TLS on the main listener, and apps that require it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import Pusher from 'pusher';

import { PAGE } from '../clients/live.mjs';
import { addressOf } from '../lib/address.mjs';
import { MAIN } from '../lib/apps.mjs';
import { launchBrowser, serveSite } from '../lib/browser.mjs';
import { defer, deferToEnd } from '../lib/defer.mjs';
import * as pusherJs from '../lib/driven.mjs';
import { dial, open } from '../lib/raw.mjs';
import { OWN_SERVER, configText, run, scratchFolder, useServer } from '../lib/server.mjs';
import { makeCertificate } from '../lib/tls.mjs';

const certificate = await makeCertificate();
deferToEnd(certificate.remove);

const PICKY = {
  id: '4747',
  key: 'kpicky0c1b2a3948',
  secret: 's3cr3t-picky',
  force_tls: true,
};
const apps = [MAIN, PICKY];

const encrypted = useServer({
  apps,
  server: {
    tls_cert: certificate.cert,
    tls_key: certificate.key,
    // More than the system's own buffers take.
    send_queue_bytes: 32 * 1024 * 1024,
    write_timeout: 120,
  },
});
const behindProxy = useServer({ apps, server: { trusted_proxies: ['127.0.0.0/8'] } });
const plain = useServer({ apps });

/** The Node SDK, which trusts the certificate. */
function sdkOf({ id: appId, key, secret }) {
  const agent = new Agent({ ca: certificate.ca });
  const { host, port } = encrypted;
  return new Pusher({ appId, key, secret, host, port: String(port), useTLS: true, agent });
}

const overTls = { scheme: 'wss', ca: certificate.ca };

for (const app of apps) {
  test(`tls: a client of app ${app.id} connects and hears the Node SDK`, OWN_SERVER, async (t) => {
    const client = await open(t, encrypted, { app, ...overTls });
    client.app = app;
    await client.subscribe('private-tls');
    await sdkOf(app).trigger('private-tls', 'e', 'over TLS');
    const { data } = await client.expect('e', 'private-tls');
    assert.equal(data, 'over TLS');
  });
}

const PUSHER_JS = `
const PusherJs = require('pusher-js');
const [key, options] = process.argv.slice(1);
const client = new PusherJs(key, JSON.parse(options));
client.connection.bind('error', (error) => { console.error(error); process.exit(1); });
client.connection.bind('connected', () => {
  console.log(client.connection.socket_id);
  client.disconnect();
});
`;

const TRANSPORTS = ['ws', 'xhr_streaming', 'xhr_polling'];

const forced = (transport) => ({ forceTLS: true, enabledTransports: [transport] });

for (const transport of TRANSPORTS) {
  test(`tls: pusher-js connects with forceTLS by ${transport}`, OWN_SERVER, async () => {
    const options = { ...addressOf(encrypted), ...forced(transport) };
    const words = ['-e', PUSHER_JS, PICKY.key, JSON.stringify(options)];
    const { stdout } = await promisify(execFile)(process.execPath, words, {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate.caFile },
    });
    assert.match(stdout, /^\d+\.\d+\n$/);
  });

  test(`tls: a page with forceTLS hears events by ${transport}`, OWN_SERVER, async (t) => {
    const site = await serveSite(sdkOf(MAIN));
    defer(t, site.close);
    const browser = await launchBrowser();
    defer(t, () => browser.close());
    const stage = { browser, site };
    const client = await pusherJs.openPusherJs(t, stage, encrypted, PAGE, forced(transport));
    await pusherJs.join(client, 'private-tls-page');
    await sdkOf(MAIN).trigger('private-tls-page', 'greet', { text: 'Grüße 🐦' });
    const { data } = await pusherJs.event(client, 'private-tls-page', 'greet');
    assert.deepEqual(data, { text: 'Grüße 🐦' });
    assert.equal(client.transport, transport);
  });
}

test('tls: probes are answered, and HTTP/1.1 is what is spoken', OWN_SERVER, async () => {
  const { host, port } = encrypted;
  const answer = await new Promise((resolve, reject) => {
    const { ca } = certificate;
    const ALPNProtocols = ['h2', 'http/1.1'];
    request({ host, port, path: '/ready', ca, ALPNProtocols }, resolve).on('error', reject).end();
  });
  answer.resume();
  assert.equal(answer.statusCode, 200);
  assert.equal(answer.socket.alpnProtocol, 'http/1.1');
});

test('tls: a client that pauses gets everything when it goes on', OWN_SERVER, async (t) => {
  const client = await open(t, encrypted, overTls);
  await client.subscribe('tls-paused');
  client.socket.pause();
  const sdk = sdkOf(MAIN);
  const data = 'x'.repeat(10_000);
  const EVENTS = 600;
  for (let first = 0; first < EVENTS; first += 10) {
    const batch = Array.from({ length: 10 }, (_, n) => ({
      name: String(first + n),
      channel: 'tls-paused',
      data,
    }));
    await sdk.triggerBatch(batch);
  }
  client.socket.resume();
  for (let n = 0; n < EVENTS; n += 1) await client.expect(String(n), 'tls-paused');
});

test('tls: a plain client gets nowhere, and others do not notice', OWN_SERVER, async (t) => {
  const client = await open(t, encrypted, overTls);
  const lost = dial(t, encrypted);
  const { code } = await lost.closed;
  assert.equal(code, 1006);
  await client.assertQuiet('a neighbour failed its handshake');
});

for (const protocol of [5, 7]) {
  const what = `force_tls: a plain connection is closed with 4000, protocol ${protocol}`;
  test(what, OWN_SERVER, async (t) => {
    const refused = dial(t, plain, { app: PICKY, protocol });
    if (protocol === 5) {
      const { data } = await refused.expect('pusher:error');
      assert.equal(data.code, 4000);
    }
    assert.equal((await refused.waitForClose()).code, 4000);
    const other = await open(t, plain, { app: MAIN });
    await other.assertQuiet('another app of the server takes plain connections');
  });
}

test('force_tls: the header of a proxy counts only from a listed proxy', OWN_SERVER, async (t) => {
  const headers = { 'X-Forwarded-Proto': 'https' };
  await open(t, behindProxy, { app: PICKY, headers });
  await assertRefused(dial(t, plain, { app: PICKY, headers }));
  await assertRefused(dial(t, behindProxy, { app: PICKY }));
  const http = { 'X-Forwarded-Proto': 'https, http' };
  await assertRefused(dial(t, behindProxy, { app: PICKY, headers: http }));
});

const assertRefused = async (client) => assert.equal((await client.waitForClose()).code, 4000);

for (const [what, files] of [
  ['a certificate that is none', (text) => ({ tls_cert: text, tls_key: certificate.key })],
  ['a key that is none', (text) => ({ tls_cert: certificate.cert, tls_key: text })],
  ['a file that is not there', () => ({ tls_cert: '/nowhere/cert.pem', tls_key: certificate.key })],
]) {
  test(`tls: ${what} keeps the server from starting, with a reason`, OWN_SERVER, async (t) => {
    const folder = scratchFolder(t);
    const text = join(folder, 'text.pem');
    writeFileSync(text, 'no PEM at all\n');
    const file = join(folder, 'foghorn.toml');
    writeFileSync(file, configText({ server: files(text) }));
    const { code, stderr } = await run(['serve', '--config', file]);
    assert.notEqual(code, 0);
    assert.match(stderr, /server\.tls_(cert|key)/);
    assert.doesNotMatch(stderr, /panicked/);
  });
}
