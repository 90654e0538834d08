// The receivers of webhooks in `examples/`: what they know after people came and went.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN } from '../lib/apps.mjs';
import { startExample } from '../lib/examples.mjs';
import { until } from '../lib/inbox.mjs';
import { OWN_SERVER } from '../lib/server.mjs';
import { hmac } from '../lib/sign.mjs';
import { fence, join, startEndpoint, startServer } from '../lib/webhooks.mjs';

const NOWHERE = { host: '127.0.0.1', port: 1, app: MAIN };

/** Sends a receiver this body, signed with this secret. */
function send(url, body, secret = MAIN.secret) {
  const headers = {
    'Content-Type': 'application/json',
    'X-Pusher-Key': MAIN.key,
    'X-Pusher-Signature': hmac(secret, body),
  };
  return fetch(`${url}/webhooks`, { method: 'POST', headers, body });
}

const online = async (url) => (await fetch(`${url}/online`)).json();
const waitFor = (url, expected) =>
  until(
    (found) => JSON.stringify(found) === JSON.stringify(expected),
    () => online(url),
    JSON.stringify(expected),
  );

for (const name of ['webhooks-node', 'webhooks-python']) {
  test(`example: ${name} knows who is where`, OWN_SERVER, async (t) => {
    const url = await startExample(t, name, NOWHERE);
    const watcher = await startEndpoint(t);
    const webhooks = [{ url: `${url}/webhooks` }, { url: watcher.url }];
    const server = await startServer(t, { app: { webhooks, batch_webhooks: true } });
    const anna = await join(t, server, 'presence-office', 'anna');
    await join(t, server, 'presence-office', 'ben');
    await join(t, server, 'news');
    await waitFor(url, { news: [], 'presence-office': ['anna', 'ben'] });
    await anna.close();
    await waitFor(url, { news: [], 'presence-office': ['ben'] });
    await fence(t, server, watcher);
    await waitFor(url, { news: [], 'presence-office': ['ben'] });
  });

  test(`example: ${name} believes no stranger, and nothing old`, async (t) => {
    const url = await startExample(t, name, NOWHERE);
    const now = Date.now();
    const body = (event, time = now) =>
      JSON.stringify({ time_ms: time, events: [{ name: event, channel: 'told' }] });
    assert.equal((await send(url, body('channel_occupied'), 'a guess')).status, 401);
    assert.deepEqual(await online(url), {});
    for (let n = 0; n < 2; n += 1) {
      assert.equal((await send(url, body('channel_occupied'))).status, 204);
      assert.deepEqual(await online(url), { told: [] });
    }
    assert.equal((await send(url, body('channel_vacated', now + 1))).status, 204);
    assert.deepEqual(await online(url), {});
    assert.equal((await send(url, body('channel_occupied'))).status, 204, 'once more, late');
    assert.deepEqual(await online(url), {});
    assert.equal((await fetch(`${url}/webhooks`, { method: 'POST' })).status, 401);
  });
}
