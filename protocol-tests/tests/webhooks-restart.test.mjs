// A server that is told to end and starts again, as in a deploy: to webhooks that is no more than
// the reload of a page.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PATIENCE_MS } from '../lib/inbox.mjs';
import * as pusherJs from '../lib/pusherjs.mjs';
import { OWN_SERVER } from '../lib/server.mjs';
import { assertTold, fence, HANG, join, startHooked } from '../lib/webhooks.mjs';
import * as wire from '../lib/wire.mjs';

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

test('webhooks 8: an endpoint that hangs keeps no server from ending', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { answer: () => HANG });
  await join(t, server, 'hung');
  await hook.received(1);
  const { code } = await server.comeBack('SIGTERM', () => (hook.answer = () => 200));
  assert.equal(code, 0);
  await hook.told('hung', 1);
  assertTold(hook, 'hung', ['channel_occupied']);
});

/** Tells it to end while a batch is open, for longer than anybody waits; gives how it ended. */
async function endWithBatch(t, hook, server, tell) {
  const client = await join(t, server, 'private-batched');
  client.sendClientEvent('private-batched', 'client-last', {});
  // The answer is behind the client event.
  await client.subscribe('cache-batched');
  await tell(server.process.child);
  assert.deepEqual(hook.requests, []);
  return server.comeBack('SIGTERM');
}

const BATCHED = { app: { batch_webhooks: true }, webhooks: { batch_window: 60_000 } };

/** All that happened was told in one request. */
async function assertBatchTold(hook) {
  const [{ events }] = await hook.received(1);
  const told = events.map(({ name, channel }) => `${name} ${channel}`);
  assert.deepEqual(told.sort(), [
    'cache_miss cache-batched',
    'channel_occupied cache-batched',
    'channel_occupied private-batched',
    'client_event private-batched',
  ]);
}

test('webhooks 8: an open batch is sent before the server ends', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, BATCHED);
  const { code } = await endWithBatch(t, hook, server, () => {});
  assert.equal(code, 0);
  await assertBatchTold(hook);
});

test('webhooks 8: nor is it lost when asked twice to end', OWN_SERVER, async (t) => {
  const grace = { server: { shutdown_grace: 25 } };
  const { hook, server } = await startHooked(t, { ...BATCHED, ...grace });
  // As long as this one says no goodbye, the server waits.
  const last = await wire.open(t, server);
  last.socket.pause();
  const { code } = await endWithBatch(t, hook, server, (child) => {
    child.kill('SIGTERM');
    return server.process.lines.waitFor((line) => line.fields?.message === 'shutting down');
  });
  assert.equal(code, 0);
  await assertBatchTold(hook);
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
