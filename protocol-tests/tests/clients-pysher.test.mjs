// pysher, the client for Python: it signs for itself, speaks protocol 6, and pings before it is
// greeted.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { featuresOf, titleOf } from '../clients/features.mjs';
import { PYSHER } from '../clients/live.mjs';
import { defer } from '../lib/defer.mjs';
import { publish } from '../lib/http.mjs';
import { startPysher } from '../lib/pysher.mjs';
import * as raw from '../lib/raw.mjs';
import { startRelay } from '../lib/relay.mjs';
import { OWN_SERVER, Server, useServer } from '../lib/server.mjs';
import { SETTINGS } from '../lib/stage.mjs';

const server = useServer(SETTINGS);

const SUCCEEDED = 'pusher_internal:subscription_succeeded';

/** Connected; `more` are further settings. */
async function open(t, more, where = server) {
  const client = startPysher(t, where, more);
  await client.expect('the connection', (e) => e.connected);
  return client;
}

const event = (client, channel, name) =>
  client.expect(`${name} on ${channel}`, (e) => e.channel === channel && e.event === name);

function join(client, channel, ...events) {
  client.call('subscribe', channel, [SUCCEEDED, 'greet', ...events]);
  return event(client, channel, SUCCEEDED);
}

async function assertHears(client, channel, where = server) {
  await publish(where, { channel, name: 'greet', data: '{"text":"Grüße 🐦"}' });
  assert.equal((await event(client, channel, 'greet')).data, '{"text":"Grüße 🐦"}');
}

const joinsAndHears = (channel) => async (t) => {
  const client = await open(t);
  assert.equal((await join(client, channel)).data, '{}');
  await assertHears(client, channel);
  client.call('unsubscribe', channel);
  await join(client, channel);
  await assertHears(client, channel);
};

const scenarios = {
  public: joinsAndHears('pysher'),
  private: joinsAndHears('private-pysher'),

  async presence(t) {
    const channel = 'presence-pysher';
    // pysher signs the member's data as Python writes JSON: with spaces, and without umlauts.
    const user_data = { user_id: 'u-17', user_info: { nick: 'Zoë' } };
    const client = await open(t, { user_data });
    const members = ['pusher_internal:member_added', 'pusher_internal:member_removed'];
    const { presence } = JSON.parse((await join(client, channel, ...members)).data);
    assert.deepEqual(presence.hash, { 'u-17': { nick: 'Zoë' } });
    const other = await raw.open(t, server);
    await other.subscribe(channel, { user_id: 'u-18' });
    const added = await event(client, channel, members[0]);
    assert.deepEqual(JSON.parse(added.data), { user_id: 'u-18' });
    await other.close();
    const removed = await event(client, channel, members[1]);
    assert.deepEqual(JSON.parse(removed.data), { user_id: 'u-18' });
  },

  async cache(t) {
    const channel = 'private-cache-pysher';
    const early = await open(t);
    await join(early, channel, 'pusher:cache_miss');
    assert.equal((await event(early, channel, 'pusher:cache_miss')).data, '{}');
    await assertHears(early, channel);
    const late = await open(t);
    await join(late, channel);
    assert.equal((await event(late, channel, 'greet')).data, '{"text":"Grüße 🐦"}');
  },

  async 'client events'(t) {
    const channel = 'private-talk-pysher';
    const [one, two] = [await open(t), await open(t)];
    for (const client of [one, two]) await join(client, channel, 'client-typing');
    one.call('trigger', channel, 'client-typing', { on: true });
    // The text is the sender's own, with Python's space.
    assert.equal((await event(two, channel, 'client-typing')).data, '{"on": true}');
  },

  async counts(t) {
    const count = 'pusher_internal:subscription_count';
    const client = await open(t);
    await join(client, 'counted-pysher', count);
    const { data } = await event(client, 'counted-pysher', count);
    assert.deepEqual(JSON.parse(data), { subscription_count: 1 });
  },

  async errors(t) {
    const client = await open(t, { secret: 'wrong' });
    client.call('subscribe', 'private-pysher', [SUCCEEDED]);
    const { error } = await client.expect('the refusal', (e) => e.error);
    assert.equal(error.code, null);
    await join(client, 'pysher');

    const stranger = startPysher(t, server, { key: 'unknown', reconnect_interval: 3600 });
    const { failed } = await stranger.expect('the end', (e) => e.failed);
    assert.match(failed, /4001/);
  },

  async liveness(t) {
    const client = await open(t, { options: { ping_interval: 0.05 } });
    // One for the ping as the connection opens, one for the timer's.
    for (let n = 0; n < 2; n += 1) await client.expect('a pong', (e) => e.pong);
    await join(client, 'pysher');
    await assertHears(client, 'pysher');
  },

  async reconnect(t) {
    const [before, after] = [new Server(SETTINGS), new Server(SETTINGS)];
    for (const each of [before, after]) {
      await each.start();
      defer(t, () => each.stop());
    }
    const relay = await startRelay(t, before);
    const client = await open(t, {}, relay);
    await join(client, 'private-pysher');
    relay.target = after;
    await before.stop();
    await event(client, 'private-pysher', SUCCEEDED);
    await assertHears(client, 'private-pysher', after);
    // Without a goodbye, too.
    relay.cut();
    await event(client, 'private-pysher', SUCCEEDED);
    await assertHears(client, 'private-pysher', after);
  },
};

const OWN = ['counts', 'reconnect'];

for (const feature of featuresOf(PYSHER)) {
  const options = OWN.includes(feature) ? OWN_SERVER : {};
  test(titleOf(PYSHER, feature), options, (t) => scenarios[feature](t));
}
