// A page with the unmodified web build of pusher-js in a real browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import PusherServer from 'pusher';

import {
  launchBrowser,
  openPage,
  rows,
  screenshot,
  serveSite,
  waitForRow,
} from '../lib/browser.mjs';
import { defer, deferToEnd } from '../lib/defer.mjs';
import { PythonSdk } from '../lib/python.mjs';
import { useServer } from '../lib/server.mjs';

const MASTER_KEY = Buffer.from(Array.from({ length: 32 }, (_, n) => 255 - n)).toString('base64');
const SUCCEEDED = 'pusher:subscription_succeeded';

let browser;
let site;
let sdk;

const server = useServer({}, async ({ app, host, port }) => {
  sdk = new PusherServer({
    appId: app.id,
    key: app.key,
    secret: app.secret,
    host,
    port,
    useTLS: false,
    encryptionMasterKeyBase64: MASTER_KEY,
  });
  site = await serveSite(sdk, (request) => {
    const user = request.headers['x-user'];
    return { user_id: user, user_info: { name: user } };
  });
  browser = await launchBrowser();
});

deferToEnd(() => site?.close());
deferToEnd(() => browser?.close());

for (const [build, kinds] of [
  ['/pusher.js', ['', 'private-', 'presence-']],
  ['/pusher-with-encryption.js', ['', 'private-', 'presence-', 'private-encrypted-']],
]) {
  test(`browser: live events with ${build}`, async (t) => {
    const channels = kinds.map((kind) => `${kind}browser${build.replaceAll('/', '-')}`);
    const page = await openPage(browser, site, server, { build, user: 'zoë', channels });
    defer(t, () => page.close());
    for (const channel of channels) {
      const shown = channel.startsWith('presence-') ? 'zoë' : '{}';
      await waitForRow(page, [channel, SUCCEEDED, shown]);
    }

    const settings = { encryption_master_key_base64: MASTER_KEY };
    const python = new PythonSdk(t, server, settings);
    for (const channel of channels) {
      await sdk.trigger(channel, 'greet', { from: 'Node', text: 'Grüße 🐦' });
      await waitForRow(page, [channel, 'greet', '{"from":"Node","text":"Grüße 🐦"}']);
      await python.call('trigger', [channel, 'greet', { from: 'Python' }]);
      await waitForRow(page, [channel, 'greet', '{"from":"Python"}']);
    }
    const all = await rows(page);
    assert.equal(all.filter(([, event]) => event === 'greet').length, 2 * channels.length);
    assert.deepEqual(page.faults, []);
    await screenshot(page, `live-events${build.replaceAll(/[/.]/g, '-')}`);
  });
}

test('browser: two visitors see each other come, talk and go', async (t) => {
  const channel = 'presence-browser-two';
  const visit = async (user) => {
    const options = { build: '/pusher.js', user, channels: [channel] };
    return openPage(browser, site, server, options);
  };
  const first = await visit('anna');
  defer(t, () => first.close());
  await waitForRow(first, [channel, SUCCEEDED, 'anna']);
  const second = await visit('ben');
  await waitForRow(second, [channel, SUCCEEDED, 'anna, ben']);
  await waitForRow(first, [channel, 'pusher:member_added', '{"id":"ben","info":{"name":"ben"}}']);

  const say = ([name, data]) => window.client.channel(name).trigger('client-hello', data);
  assert.equal(await second.evaluate(say, [channel, { text: 'hi' }]), true);
  await waitForRow(first, [channel, 'client-hello', '{"text":"hi"}']);

  await second.close();
  await waitForRow(first, [channel, 'pusher:member_removed', '{"id":"ben","info":{"name":"ben"}}']);
  assert.deepEqual(first.faults, []);
});
