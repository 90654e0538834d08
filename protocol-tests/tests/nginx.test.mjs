// pusher-js through a real nginx: as it comes, as `docs/fallback.md` has it, and in front of two
// servers.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { NODE, PAGE, by } from '../clients/live.mjs';
import { TRANSPORTS } from '../lib/address.mjs';
import { ROOM, expectBurst, publishBurst } from '../lib/burst.mjs';
import { defer, deferToEnd } from '../lib/defer.mjs';
import { event, join, openPusherJs } from '../lib/driven.mjs';
import { startNginx } from '../lib/nginx.mjs';
import { sdkFor } from '../lib/node-sdk.mjs';
import { OWN_SERVER, Server } from '../lib/server.mjs';
import { SETTINGS, as, useStage } from '../lib/stage.mjs';
import { makeCertificate } from '../lib/tls.mjs';

const stage = useStage({ ...SETTINGS, server: { ...SETTINGS.server, ...ROOM } });
const { server } = stage;

const certificate = await makeCertificate();
deferToEnd(certificate.remove);

const doc = readFileSync(new URL('../../docs/fallback.md', import.meta.url), 'utf8');
const [documented, cluster] = [...doc.matchAll(/^```nginx\n([^]*?)^```$/gm)].map(
  ([, text]) => text,
);

const addressOf = ({ host, port }) => `${host}:${port}`;

/** A documented text, with the addresses of these servers in place of its examples. */
const towards = (text, ...servers) =>
  text
    .replace('127.0.0.1:6001', () => addressOf(servers[0]))
    .replace(/10\.0\.0\.(\d):6001/g, (_, n) => addressOf(servers[n - 1]));

/** Nothing but `proxy_pass`, and these directives beside it. */
const bare = (target, directives = '') => `
  server {
    listen 80;
    location / {
      proxy_pass http://${addressOf(target)};
      ${directives}
    }
  }`;

const COMPRESSION = 'gzip on; gzip_types *; gzip_proxied any; gzip_min_length 0;';

/** What stands between the braces of `http`. */
const CONFIGURATIONS = {
  'nginx as it comes': (target) => bare(target),
  'nginx as documented': (target) => towards(documented, target),
  'nginx that compresses': (target) => `${COMPRESSION} ${towards(documented, target)}`,
};

const all = (kind) => ({ ...kind, transports: TRANSPORTS });
const HTTP = ['xhr_streaming', 'xhr_polling'];
const OVER_HTTP = HTTP.flatMap((name) => [NODE, PAGE].map(by(name)));

const open = (t, where, kind, settings = as('u-17')) =>
  openPusherJs(t, stage, where, kind, settings);

const nameOf = (...words) => words.join('-').replaceAll(' ', '-');

async function assertHears(client, channel, sdk = stage.sdk) {
  await sdk.trigger(channel, 'greet', { text: 'Grüße 🐦' });
  assert.deepEqual((await event(client, channel, 'greet')).data, { text: 'Grüße 🐦' });
}

async function startServer(t, fallback) {
  const started = new Server({ ...SETTINGS, sections: { fallback } });
  await started.start();
  defer(t, () => started.stop());
  return started;
}

for (const [what, configuration] of Object.entries(CONFIGURATIONS)) {
  for (const kind of OVER_HTTP) {
    test(`nginx: ${kind.name} gets a megabyte through ${what}`, OWN_SERVER, async (t) => {
      const nginx = await startNginx(t, server, configuration(server));
      const channel = nameOf('private-burst', what, kind.name);
      const client = await open(t, nginx, kind);
      await join(client, channel);
      await publishBurst(channel, stage.sdk);
      await expectBurst(client, channel);
    });
  }
}

// A client waits 5 seconds for its WebSocket, so the tests wait together.
describe('nginx that lets no WebSocket through', { concurrency: true }, () => {
  for (const [what, directives, transport] of [
    ['as it comes', '', 'xhr_streaming'],
    // The first bytes of a stream stay in nginx then. A poll is whole at once.
    ['that buffers', 'proxy_ignore_headers X-Accel-Buffering;', 'xhr_polling'],
  ]) {
    for (const kind of [NODE, PAGE]) {
      test(`nginx: ${kind.name} finds ${transport}, nginx ${what}`, OWN_SERVER, async (t) => {
        const nginx = await startNginx(t, server, bare(server, directives));
        const client = await open(t, nginx, all(kind));
        assert.equal(client.transport, transport);
        const channel = nameOf('private', what, kind.name);
        await join(client, channel);
        await assertHears(client, channel);
      });
    }
  }
});

for (const kind of [NODE, PAGE]) {
  test(`nginx: ${kind.name} has its WebSocket, nginx as documented`, OWN_SERVER, async (t) => {
    const nginx = await startNginx(t, server, towards(documented, server));
    const client = await open(t, nginx, all(kind));
    assert.equal(client.transport, 'ws');
    const channel = nameOf('private-documented', kind.name);
    await join(client, channel);
    await assertHears(client, channel);
  });
}

for (const kind of OVER_HTTP) {
  const what = `nginx: heartbeats keep ${kind.name} connected past the time limit of nginx`;
  test(what, OWN_SERVER, async (t) => {
    const beating = await startServer(t, { heartbeat: 1 });
    const nginx = await startNginx(t, beating, bare(beating, 'proxy_read_timeout 3s;'));
    const client = await open(t, nginx, kind);
    for (let n = 0; n < 5; n += 1) {
      const entry = await client.expect('a heartbeat', (e) => e.alive || e.state || e.error);
      assert.ok(entry.alive, JSON.stringify(entry));
    }
  });

  test(`nginx: ${kind.name} that goes away is missed behind nginx`, OWN_SERVER, async (t) => {
    const brief = await startServer(t, { heartbeat: 60, session_timeout: 1 });
    const nginx = await startNginx(t, brief, bare(brief));
    const channel = nameOf('presence', kind.name);
    const other = await openPusherJs(t, stage, brief, NODE, as('u-18'));
    await join(other, channel);
    const client = await open(t, nginx, kind);
    await join(client, channel);
    await event(other, channel, 'pusher:member_added');
    await client.call('disconnect');
    const { data } = await event(other, channel, 'pusher:member_removed');
    assert.equal(data.id, 'u-17');
  });
}

for (const kind of HTTP.map((name) => by(name)(PAGE))) {
  test(`nginx: ${kind.name} listens over HTTP/2`, OWN_SERVER, async (t) => {
    const { cert, key } = certificate;
    const listen = `
      listen 443 ssl http2;
      ssl_certificate ${cert};
      ssl_certificate_key ${key};
      if ($http2 = '') { return 505; }`;
    // A function, since "$" has a meaning in a replacement.
    const text = towards(documented, server).replace('listen 80;', () => listen);
    const nginx = await startNginx(t, server, text);
    const client = await open(t, nginx, kind, { ...as('u-17'), forceTLS: true });
    const channel = nameOf('private-http2', kind.name);
    await join(client, channel);
    await publishBurst(channel, stage.sdk);
    await expectBurst(client, channel);
  });
}

test('nginx: a time limit shorter than the heartbeat breaks a stream', OWN_SERVER, async (t) => {
  const nginx = await startNginx(t, server, bare(server, 'proxy_read_timeout 1s;'));
  const client = await open(t, nginx, by('xhr_streaming')(NODE));
  const { error } = await client.expect('the reason', (e) => e.error);
  assert.equal(error.data.code, 1006);
});

for (const kind of OVER_HTTP) {
  test(`nginx: ${kind.name} stays with one of two servers`, OWN_SERVER, async (t) => {
    const both = [await startServer(t, {}), await startServer(t, {})];
    const nginx = await startNginx(t, both[0], towards(cluster, ...both));
    const found = new Set();
    while (found.size < both.length) {
      // Sessions are random; either server gets half of them.
      const channel = nameOf('private', kind.name, String(Math.random()).slice(2));
      const client = await open(t, nginx, kind);
      await join(client, channel);
      for (const each of both) await sdkFor(each).trigger(channel, 'from', each.port);
      const { data } = await event(client, channel, 'from');
      found.add(data);
      await client.call('unsubscribe', channel);
    }
  });
}
