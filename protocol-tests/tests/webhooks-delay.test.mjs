// Who comes back in time has never been away: webhooks.md §8 line 3, and §3.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { launchBrowser, openPage, serveSite, waitForRow } from '../lib/browser.mjs';
import { defer, deferToEnd } from '../lib/defer.mjs';
import { sdkFor } from '../lib/node-sdk.mjs';
import * as pusherJs from '../lib/pusherjs.mjs';
import { OWN_SERVER } from '../lib/server.mjs';
import { TRANSPORTS, over } from '../lib/transports.mjs';
import { assertTold, fence, join, startHooked } from '../lib/webhooks.mjs';

const SUCCEEDED = 'pusher:subscription_succeeded';

let browser;
deferToEnd(() => browser?.close());

test('webhooks 3: many come and go, and each change is told once', OWN_SERVER, async (t) => {
  // The delay is the usual one here: three seconds.
  const { hook, server } = await startHooked(t, { webhooks: { delay: undefined } });
  const clients = [];
  for (let n = 0; n < 5; n += 1) clients.push(await join(t, server, 'busy'));
  const left = Date.now();
  for (const client of clients) await client.close();
  await hook.told('busy', 2);
  await fence(t, server, hook);
  assertTold(hook, 'busy', ['channel_occupied', 'channel_vacated']);
  const { time } = hook.requestsFor('busy')[1];
  assert.ok(time - left >= 3000, `told ${time - left} ms later`);
});

for (const transport of TRANSPORTS) {
  over(transport)('webhooks 3: a lost connection vacates its channels', OWN_SERVER, async (t) => {
    const { hook, server } = await startHooked(t);
    const client = await join(t, server, 'presence-lost', 'anna');
    client.terminate();
    await hook.told('presence-lost', 4);
    assertTold(hook, 'presence-lost', [
      'channel_occupied',
      { name: 'member_added', user_id: 'anna' },
      { name: 'member_removed', user_id: 'anna' },
      'channel_vacated',
    ]);
  });

  over(transport)('webhooks 3: who subscribes again in time never left', OWN_SERVER, async (t) => {
    const { hook, server } = await startHooked(t, { webhooks: { delay: 3 } });
    const channel = 'private-again';
    const client = await join(t, server, channel);
    for (let n = 0; n < 3; n += 1) {
      client.unsubscribe(channel);
      // Over HTTP each message is a request of its own, and one may overtake another.
      await client.settle();
      await client.subscribe(channel);
    }
    await fence(t, server, hook);
    assertTold(hook, channel, ['channel_occupied']);
    client.unsubscribe(channel);
    await hook.told(channel, 2);
    assertTold(hook, channel, ['channel_occupied', 'channel_vacated']);
  });
}

test('webhooks 3: reloading a page tells nothing', OWN_SERVER, async (t) => {
  browser = await launchBrowser();
  const { hook, server } = await startHooked(t, { webhooks: { delay: undefined } });
  const memberOf = () => ({ user_id: 'anna', user_info: { name: 'Anna' } });
  const site = await serveSite(sdkFor(server), memberOf);
  defer(t, () => site.close());
  const channels = ['reloaded', 'private-reloaded', 'presence-reloaded'];
  const page = await openPage(browser, site, server, {
    build: '/pusher.js',
    user: 'anna',
    channels,
  });
  defer(t, () => page.close());
  const subscribed = async () => {
    for (const channel of channels) {
      await waitForRow(page, [channel, SUCCEEDED, channel.startsWith('presence-') ? 'anna' : '{}']);
    }
  };
  await subscribed();
  await page.reload();
  await subscribed();
  await fence(t, server, hook);
  assertTold(hook, 'reloaded', ['channel_occupied']);
  assertTold(hook, 'private-reloaded', ['channel_occupied']);
  const added = { name: 'member_added', user_id: 'anna' };
  assertTold(hook, 'presence-reloaded', ['channel_occupied', added]);
  await page.close();
  await hook.told('presence-reloaded', 4);
  const removed = { name: 'member_removed', user_id: 'anna' };
  assertTold(hook, 'presence-reloaded', ['channel_occupied', added, removed, 'channel_vacated']);
});

test('webhooks 3: another user in the same place is a change', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { webhooks: { delay: 3 } });
  const channel = 'presence-shift';
  const anna = await join(t, server, channel, 'anna');
  await anna.close();
  await join(t, server, channel, 'ben');
  await fence(t, server, hook);
  assertTold(hook, channel, [
    'channel_occupied',
    { name: 'member_added', user_id: 'anna' },
    { name: 'member_added', user_id: 'ben' },
    { name: 'member_removed', user_id: 'anna' },
  ]);
});

test('webhooks 3: without a delay every change is told', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { webhooks: { delay: 0 } });
  for (let n = 0; n < 2; n += 1) {
    const client = await join(t, server, 'at-once');
    await client.close();
    await hook.told('at-once', 2 * n + 2);
  }
  const [comes, goes] = ['channel_occupied', 'channel_vacated'];
  assertTold(hook, 'at-once', [comes, goes, comes, goes]);
});

test('webhooks 3: clients are told at once, whatever the delay', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { webhooks: { delay: 3600 } });
  const channel = 'presence-told-at-once';
  const watcher = await join(t, server, channel, 'watcher');
  const anna = await join(t, server, channel, 'anna');
  await watcher.expect('pusher_internal:member_added', channel);
  await anna.close();
  await watcher.expect('pusher_internal:member_removed', channel);
  await hook.told(channel, 3);
  assert.ok(hook.toldSoFar(channel).every(({ name }) => name !== 'member_removed'));
});

test('webhooks 3: pusher-js that connects again tells nothing', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { webhooks: { delay: 3 } });
  const client = await pusherJs.connect(t, server);
  const { events } = await pusherJs.subscribe(client, 'back-again');
  await hook.told('back-again', 1);
  client.disconnect();
  client.connect();
  await events.waitFor(({ event }) => event === SUCCEEDED, SUCCEEDED);
  await fence(t, server, hook);
  assertTold(hook, 'back-again', ['channel_occupied']);
});
