// All transports of pusher-js are on, and something on the way lets no WebSocket through.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { NODE, PAGE } from '../clients/live.mjs';
import { TRANSPORTS } from '../lib/address.mjs';
import { REFUSALS, startBarrier } from '../lib/barrier.mjs';
import { event, join, openPusherJs } from '../lib/driven.mjs';
import { PythonSdk } from '../lib/python.mjs';
import { startRelay } from '../lib/relay.mjs';
import { as, useStage } from '../lib/stage.mjs';

const TEXT = { text: 'Grüße 🐦' };

const stage = useStage();
const { server } = stage;

const open = (t, where, kind, user) =>
  openPusherJs(t, stage, where, { ...kind, transports: TRANSPORTS }, as(user));

/** What clients do: they hear both server SDKs, and a neighbour on a WebSocket, who hears them. */
async function assertWorks(t, client, name) {
  const [secret, members] = [`private-${name}`, `presence-${name}`];
  const neighbour = await openPusherJs(t, stage, server, NODE, as('neighbour'));
  for (const channel of [secret, members]) await join(neighbour, channel);
  await join(client, secret);
  const { data } = await join(client, members);
  assert.deepEqual(Object.keys(data.members).sort(), [name, 'neighbour'].sort());
  const added = await event(neighbour, members, 'pusher:member_added');
  assert.equal(added.data.id, name);

  const python = new PythonSdk(t, server);
  for (const channel of [secret, members]) {
    await stage.sdk.trigger(channel, 'from-node', TEXT);
    await assertHear([client, neighbour], channel, 'from-node');
    await python.call('trigger', [channel, 'from-python', TEXT]);
    await assertHear([client, neighbour], channel, 'from-python');
    await client.call('trigger', channel, 'client-typing', TEXT);
    await assertHear([neighbour], channel, 'client-typing');
    await neighbour.call('trigger', channel, 'client-typing', TEXT);
    await assertHear([client], channel, 'client-typing');
  }
}

async function assertHear(clients, channel, name) {
  for (const client of clients) {
    assert.deepEqual((await event(client, channel, name)).data, TEXT);
  }
}

// A client waits 5 seconds for its WebSocket, so the tests wait together.
describe('without TLS', { concurrency: true }, () => {
  for (const [refusal, refuse] of Object.entries(REFUSALS)) {
    for (const kind of [NODE, PAGE]) {
      test(`blocked WebSockets: the proxy ${refusal}, ${kind.name} goes on by HTTP`, async (t) => {
        const barrier = await startBarrier(t, server, refuse);
        const name = `${refusal} to ${kind.name}`.replaceAll(' ', '-');
        const client = await open(t, barrier, kind, name);
        assert.match(await barrier.refused.next(), /^GET \/app\//);
        assert.equal(client.transport, 'xhr_streaming');
        await assertWorks(t, client, name);
      });
    }
  }
});

for (const kind of [NODE, PAGE]) {
  test(`blocked WebSockets: ${kind.name} stays on a WebSocket that works`, async (t) => {
    const relay = await startRelay(t, server);
    const name = `free-${kind.name.replaceAll(' ', '-')}`;
    const client = await open(t, relay, kind, name);
    assert.equal(client.transport, 'ws');
    await assertWorks(t, client, name);
  });
}
