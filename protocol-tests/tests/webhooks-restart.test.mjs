// A server that is told to end and starts again, as in a deploy: to webhooks that is no more than
// the reload of a page.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PATIENCE_MS } from '../lib/inbox.mjs';
import * as pusherJs from '../lib/pusherjs.mjs';
import { OWN_SERVER } from '../lib/server.mjs';
import { assertTold, fence, join, startHooked } from '../lib/webhooks.mjs';

/** After a restart everybody is given half a minute to come back. */
const COME_BACK = PATIENCE_MS + 30_000;
const SUCCEEDED = 'pusher:subscription_succeeded';

test('webhooks 3: a restart tells nothing of clients that come back', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { server: { shutdown_grace: 1 } });
  const client = await pusherJs.connect(t, server);
  const { events } = await pusherJs.subscribe(client, 'deployed');
  await join(t, server, 'deployed-and-gone');
  await hook.told('deployed', 1);
  await hook.told('deployed-and-gone', 1);
  const back = events.waitFor(({ event }) => event === SUCCEEDED, SUCCEEDED);
  const { code } = await server.comeBack('SIGTERM');
  assert.equal(code, 0);
  await back;
  await hook.told('deployed-and-gone', 2, COME_BACK);
  await fence(t, server, hook);
  assertTold(hook, 'deployed-and-gone', ['channel_occupied', 'channel_vacated']);
  assertTold(hook, 'deployed', ['channel_occupied']);
  client.disconnect();
  await hook.told('deployed', 2);
  assertTold(hook, 'deployed', ['channel_occupied', 'channel_vacated']);
});

test('webhooks 8: what waits when the server ends is sent later', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { answer: () => 500 });
  await join(t, server, 'sent-later');
  await hook.received(1);
  await server.comeBack('SIGTERM', () => (hook.answer = () => 200));
  await hook.told('sent-later', 1);
  assertTold(hook, 'sent-later', ['channel_occupied']);
});

test('webhooks 3: in memory, what is due later is told at the end', OWN_SERVER, async (t) => {
  const webhooks = { store: 'memory', delay: 3600 };
  const { hook, server } = await startHooked(t, { webhooks, server: { shutdown_grace: 1 } });
  const client = await join(t, server, 'presence-last-words', 'anna');
  await hook.told('presence-last-words', 2);
  await client.close();
  await server.process.end();
  await hook.told('presence-last-words', 4);
  assertTold(hook, 'presence-last-words', [
    'channel_occupied',
    { name: 'member_added', user_id: 'anna' },
    { name: 'member_removed', user_id: 'anna' },
    'channel_vacated',
  ]);
});
