// Laravel Echo in a page, as a Laravel application uses it: broadcaster `pusher`, nothing else.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { featuresOf, titleOf } from '../clients/features.mjs';
import { ECHO } from '../clients/live.mjs';
import { defer } from '../lib/defer.mjs';
import { openEcho } from '../lib/driven.mjs';
import { sdkFor } from '../lib/node-sdk.mjs';
import { startRelay } from '../lib/relay.mjs';
import { OWN_SERVER, Server } from '../lib/server.mjs';
import { SETTINGS, as, useStage } from '../lib/stage.mjs';

const stage = useStage();
const { server } = stage;

const open = (t, settings = as('u-17'), where = server) => openEcho(t, stage, where, settings);

/** What Laravel calls the event of a class. */
const SHIPPED = 'App\\Events\\OrderShipped';

async function join(echo, kind, name, ...events) {
  await echo.call('listen', kind, name, ...events);
  await echo.expect(`${name} to be joined`, (e) => e.subscribed === name);
}

const heard = (echo, what) => echo.expect(what, (e) => e.heard === what);

/** An event of a class, and one with a name of its own, which Echo marks by a dot. */
async function assertHears(echo, channel, from = stage.sdk) {
  await from.trigger(channel, SHIPPED, { id: 1 });
  assert.deepEqual((await heard(echo, 'OrderShipped')).data, { id: 1 });
  await from.trigger(channel, 'order.paid', { id: 2 });
  assert.deepEqual((await heard(echo, '.order.paid')).data, { id: 2 });
}

const joinsAndHears = (kind, name, channel) => async (t) => {
  const echo = await open(t);
  const other = await open(t, as('u-18'));
  for (const client of [echo, other]) {
    await join(client, kind, name, 'OrderShipped', '.order.paid');
  }
  await assertHears(echo, channel);
  await echo.call('leave', name);
  await stage.sdk.trigger(channel, 'order.paid', { id: 3 });
  await heard(other, '.order.paid');
  await join(echo, kind, name, 'OrderShipped', '.order.paid');
  // The event meanwhile is not among those heard since.
  await assertHears(echo, channel);
};

const scenarios = {
  public: joinsAndHears('channel', 'echo', 'echo'),
  encrypted: joinsAndHears('encryptedPrivate', 'echo', 'private-encrypted-echo'),

  async private(t) {
    await joinsAndHears('private', 'echo', 'private-echo')(t);
    const echo = await open(t);
    const name = 'App.Models.User.17';
    await join(echo, 'private', name);
    await echo.call('notification', name);
    const notification = 'Illuminate\\Notifications\\Events\\BroadcastNotificationCreated';
    await stage.sdk.trigger(`private-${name}`, notification, { type: 'Paid', id: 'n-1' });
    assert.deepEqual((await heard(echo, 'notification')).data, { type: 'Paid', id: 'n-1' });
  },

  async presence(t) {
    const echo = await open(t);
    await echo.call('present', 'echo');
    assert.deepEqual((await heard(echo, 'here')).data, [{ nick: 'Zoë u-17' }]);
    const other = await open(t, as('u-18'));
    await other.call('present', 'echo');
    assert.equal((await heard(other, 'here')).data.length, 2);
    assert.deepEqual((await heard(echo, 'joining')).data, { nick: 'Zoë u-18' });
    await other.call('leave', 'echo');
    assert.deepEqual((await heard(echo, 'leaving')).data, { nick: 'Zoë u-18' });
  },

  async cache(t) {
    for (const [kind, name, channel] of [
      ['channel', 'cache-echo', 'cache-echo'],
      ['private', 'cache-echo', 'private-cache-echo'],
    ]) {
      await stage.sdk.trigger(channel, 'moved', { lat: 1 });
      const echo = await open(t);
      await join(echo, kind, name, '.moved');
      assert.deepEqual((await heard(echo, '.moved')).data, { lat: 1 });
    }
  },

  async 'client events'(t) {
    for (const kind of ['private', 'join']) {
      const [one, two] = [await open(t), await open(t, as('u-18'))];
      for (const echo of [one, two]) await join(echo, kind, 'talk');
      await two.call('listenForWhisper', kind, 'talk', 'typing');
      await one.call('whisper', kind, 'talk', 'typing', { on: true });
      assert.deepEqual((await heard(two, 'whisper typing')).data, { on: true });
    }
  },

  async 'sign-in'(t) {
    const echo = await open(t, as('echo-user'));
    await echo.call('signIn');
    // Presence channels wait until the sign-in is through.
    await join(echo, 'join', 'signed-in');
    await stage.sdk.sendToUser('echo-user', 'greet', { text: 'to you' });
    const { data } = await echo.expect('an event for the user', (e) => e.forUser === 'greet');
    assert.deepEqual(data, { text: 'to you' });
  },

  async errors(t) {
    const echo = await open(t, { ...as('u-17'), channelAuthorization: forged() });
    await echo.call('listen', 'private', 'forbidden');
    const { error } = await echo.expect('the refusal', (e) => e.refused === 'forbidden');
    assert.deepEqual([error.type, error.status], ['AuthError', 401]);
    const stranger = { ...address(), app: { key: 'unknown' } };
    await assert.rejects(open(t, as('u-17'), stranger), /refused: .*4001/);
  },

  async liveness(t) {
    const echo = await open(t, { ...as('u-17'), activityTimeout: 50 });
    for (let n = 0; n < 3; n += 1) await echo.expect('a pong', (e) => e.pong);
    await join(echo, 'channel', 'alive', 'OrderShipped', '.order.paid');
    await assertHears(echo, 'alive');
  },

  async reconnect(t) {
    const [before, after] = [new Server(SETTINGS), new Server(SETTINGS)];
    for (const each of [before, after]) {
      await each.start();
      defer(t, () => each.stop());
    }
    const relay = await startRelay(t, before);
    const echo = await open(t, as('u-17'), relay);
    await join(echo, 'private', 'again', 'OrderShipped', '.order.paid');
    relay.target = after;
    await before.stop();
    await echo.expect('the channel again', (e) => e.subscribed === 'again');
    await assertHears(echo, 'private-again', sdkFor(after));
  },
};

const address = () => ({ host: server.host, port: server.port });
/** An endpoint that lets everybody in with a signature that is wrong. */
const forged = () => ({ transport: 'ajax', endpoint: `${stage.site.url}/forged-auth` });

for (const feature of featuresOf(ECHO)) {
  const options = feature === 'reconnect' ? OWN_SERVER : {};
  test(titleOf(ECHO, feature), options, (t) => scenarios[feature](t));
}
