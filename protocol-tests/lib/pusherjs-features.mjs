// pusher-js feature by feature, whatever the build, the place and the transport.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { featuresOf, titleOf } from '../clients/features.mjs';
import { defer } from './defer.mjs';
import { SUCCEEDED, event, join, openPusherJs } from './driven.mjs';
import { until } from './inbox.mjs';
import { sdkFor } from './node-sdk.mjs';
import * as raw from './raw.mjs';
import { startRelay } from './relay.mjs';
import { OWN_SERVER, Server } from './server.mjs';
import { SETTINGS, as, useStage } from './stage.mjs';

/** The stage of the file that has the features tested. */
let stage;

const open = (t, kind, settings, where = stage.server) => openPusherJs(t, stage, where, kind, settings);

const nameOf = (prefix, { name }) => `${prefix}of-${name.replaceAll(' ', '-')}`;

/** An event from the application's server comes through, and goes round who caused it. */
async function assertHears(client, channel, from = stage.sdk) {
  await from.trigger(channel, 'greet', { text: 'Grüße 🐦' });
  const { data } = await event(client, channel, 'greet');
  assert.deepEqual(data, { text: 'Grüße 🐦' });
}

const joinsAndHears = (prefix) => async (t, kind) => {
  const channel = nameOf(prefix, kind);
  const client = await open(t, kind, as('u-17'));
  await join(client, channel);
  await assertHears(client, channel);
  await client.call('unsubscribe', channel);
  // Over HTTP each message is a request of its own, and one may overtake another.
  await until((answer) => !answer.occupied, () => stateOf(channel), `nobody on ${channel}`);
  await join(client, channel);
  await assertHears(client, channel);
};

const stateOf = async (channel) => (await stage.sdk.get({ path: `/channels/${channel}` })).json();

const scenarios = {
  public: joinsAndHears(''),
  private: joinsAndHears('private-'),
  encrypted: joinsAndHears('private-encrypted-'),

  async presence(t, kind) {
    const channel = nameOf('presence-', kind);
    const client = await open(t, kind, as('u-17'));
    const { data } = await join(client, channel);
    assert.deepEqual([data.members, data.count], [{ 'u-17': { nick: 'Zoë u-17' } }, 1]);
    const other = await raw.open(t, stage.server);
    await other.subscribe(channel, { user_id: 18 });
    const added = await event(client, channel, 'pusher:member_added');
    assert.equal(added.data.id, '18');
    await other.close();
    const removed = await event(client, channel, 'pusher:member_removed');
    assert.equal(removed.data.id, '18');
  },

  async cache(t, kind) {
    for (const prefix of ['cache-', 'private-cache-', 'presence-cache-']) {
      const channel = nameOf(prefix, kind);
      const early = await open(t, kind, as('u-17'));
      await join(early, channel);
      await event(early, channel, 'pusher:cache_miss');
      await assertHears(early, channel);
      const late = await open(t, kind, as('u-18'));
      await join(late, channel);
      const { data } = await event(late, channel, 'greet');
      assert.deepEqual(data, { text: 'Grüße 🐦' });
    }
  },

  async 'client events'(t, kind) {
    for (const prefix of ['private-talk-', 'presence-talk-']) {
      const channel = nameOf(prefix, kind);
      const [one, two] = [await open(t, kind, as('u-17')), await open(t, kind, as('u-18'))];
      for (const client of [one, two]) await join(client, channel);
      await two.call('listen', channel, 'client-typing');
      await one.call('trigger', channel, 'client-typing', { on: true });
      const { from } = await two.expect('the sender', (e) => e.from !== undefined);
      assert.equal(from, prefix.startsWith('presence-') ? 'u-17' : null);
      await two.call('trigger', channel, 'client-typing', { on: false });
      const { data } = await event(one, channel, 'client-typing');
      assert.deepEqual(data, { on: false });
    }
  },

  async 'sign-in'(t, kind) {
    const user = nameOf('user-', kind);
    const client = await open(t, kind, as(user));
    await client.call('signIn');
    await client.expect('the channel of the user', (e) => e.signedIn);
    await join(client, nameOf('presence-', kind));
    await stage.sdk.sendToUser(user, 'greet', { text: 'to you' });
    const { data } = await client.expect('an event for the user', (e) => e.forUser === 'greet');
    assert.deepEqual(data, { text: 'to you' });
    await stage.sdk.terminateUserConnections(user);
    const { error } = await client.expect('the end', (e) => e.error?.type === 'PusherError');
    assert.equal(error.data.code, 4009);
    await client.expect('giving up', ({ state }) => state === 'disconnected');
  },

  async watchlist(t, kind) {
    const friend = nameOf('friend-of-', kind);
    const watcher = as(nameOf('watcher-', kind), [friend]);
    const client = await open(t, kind, watcher);
    await client.call('signIn');
    await client.expect('the friend is away', (e) => e.watched === 'offline');
    const other = await open(t, kind, as(friend));
    await other.call('signIn');
    const { data } = await client.expect('the friend is here', (e) => e.watched === 'online');
    assert.deepEqual(data.user_ids, [friend]);
    await other.call('disconnect');
    await client.expect('the friend is gone', (e) => e.watched === 'offline');
  },

  async counts(t, kind) {
    const channel = nameOf('counted-', kind);
    const client = await open(t, kind, as('u-17'));
    await join(client, channel);
    const other = await raw.open(t, stage.server);
    await other.subscribe(channel);
    const count = (e) => e.event === 'pusher:subscription_count' && e.data.subscription_count;
    for (const n of [1, 2]) await client.expect(`a count of ${n}`, (e) => count(e) === n);
  },

  async errors(t, kind) {
    const client = await open(t, kind, as('u-17'));
    const channel = nameOf('', kind);
    await join(client, channel);
    await client.call('trigger', channel, 'client-x', {});
    const { error } = await client.expect('an error', (e) => e.error);
    assert.deepEqual([error.type, error.data.code], ['PusherError', null]);
    await assertHears(client, channel);

    const { host, port } = stage.server;
    const opening = open(t, kind, as('u'), { host, port, app: { key: 'unknown' } });
    await assert.rejects(opening, /refused: .*4001/);
  },

  async liveness(t, kind) {
    const options = { ...as('u-17'), activityTimeout: 50 };
    const client = await open(t, kind, options);
    for (let n = 0; n < 3; n += 1) await client.expect('a sign of life', (e) => e.alive);
    const channel = nameOf('', kind);
    await join(client, channel);
    await assertHears(client, channel);
  },

  async reconnect(t, kind) {
    const [before, after] = [new Server(SETTINGS), new Server(SETTINGS)];
    for (const each of [before, after]) {
      await each.start();
      defer(t, () => each.stop());
    }
    const relay = await startRelay(t, before);
    const channels = [nameOf('', kind), nameOf('private-', kind), nameOf('presence-', kind)];
    const client = await open(t, kind, as('u-17'), relay);
    for (const channel of channels) await join(client, channel);
    relay.target = after;
    await before.stop();
    const again = new Set();
    while (again.size < channels.length) {
      const { channel } = await client.expect('a new subscription', (e) => e.event === SUCCEEDED);
      again.add(channel);
    }
    for (const channel of channels) await assertHears(client, channel, sdkFor(after));
  },
};

const OWN = ['watchlist', 'counts', 'reconnect'];

/** Has each of the clients tested, one test for each feature. */
export function testFeatures(kinds) {
  stage = useStage();
  for (const kind of kinds) {
    for (const feature of featuresOf(kind)) {
      const options = OWN.includes(feature) ? OWN_SERVER : {};
      test(titleOf(kind, feature), options, (t) => scenarios[feature](t, kind));
    }
  }
}
