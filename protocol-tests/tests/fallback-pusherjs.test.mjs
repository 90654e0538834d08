// pusher-js over the HTTP transports where they are not WebSockets: streams that are cut, sessions
// that are lost, more than one response can hold.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { NODE, PAGE, by } from '../clients/live.mjs';
import { ROOM, TEXT, expectBurst, publishBurst } from '../lib/burst.mjs';
import { defer } from '../lib/defer.mjs';
import { SUCCEEDED, event, join, openEcho, openPusherJs } from '../lib/driven.mjs';
import { until } from '../lib/inbox.mjs';
import { sdkFor } from '../lib/node-sdk.mjs';
import { startRelay } from '../lib/relay.mjs';
import { OWN_SERVER, Server } from '../lib/server.mjs';
import { SETTINGS, as, useStage } from '../lib/stage.mjs';

const stage = useStage({ ...SETTINGS, server: { ...SETTINGS.server, ...ROOM } });
const { server } = stage;

const TRANSPORTS = ['xhr_streaming', 'xhr_polling'];
const KINDS = TRANSPORTS.flatMap((transport) => [NODE, PAGE].map(by(transport)));

/** Nobody listens there. */
const NOWHERE = { host: '127.0.0.1', port: 1 };

const open = (t, where, kind) => openPusherJs(t, stage, where, kind, as('u-17'));

const nameOf = (prefix, kind) => `${prefix}${kind.name.replaceAll(' ', '-')}`;

async function startServer(t, settings = SETTINGS) {
  const started = new Server(settings);
  await started.start();
  defer(t, () => started.stop());
  return started;
}

async function joinAgain(client, channels) {
  const again = new Set();
  while (again.size < channels.length) {
    const { channel } = await client.expect('a new subscription', (e) => e.event === SUCCEEDED);
    again.add(channel);
  }
}

async function assertHears(client, channel, sdk) {
  await sdk.trigger(channel, 'greet', { text: 'Grüße 🐦' });
  assert.deepEqual((await event(client, channel, 'greet')).data, { text: 'Grüße 🐦' });
}

for (const kind of KINDS) {
  test(`fallback 10: ${kind.name} comes back when its connections are cut`, async (t) => {
    const relay = await startRelay(t, server);
    const channels = ['cut-', 'private-cut-', 'presence-cut-'].map((kinds) => nameOf(kinds, kind));
    const client = await open(t, relay, kind);
    for (const channel of channels) await join(client, channel);
    relay.cut();
    for (const channel of channels) await assertHearsAgain(client, channel);
  });
}

/** A browser repeats a request whose connection was closed, and a poll is not always under way. */
async function assertHearsAgain(client, channel) {
  const isHeard = (entries) => entries.some((e) => e.channel === channel && e.event === 'again');
  const publish = async () => {
    await stage.sdk.trigger(channel, 'again', {});
    return client.told.drain();
  };
  await until(isHeard, publish, `an event on ${channel}`);
}

for (const kind of KINDS) {
  test(`fallback 10: ${kind.name} gets a megabyte at once, complete, in order`, async (t) => {
    const channel = nameOf('burst-', kind);
    const client = await open(t, server, kind);
    await join(client, channel);
    await publishBurst(channel, stage.sdk);
    await expectBurst(client, channel);
  });
}

// Each request of the Node build is a connection of its own, so the relay sends the next one to
// the other server, as a load balancer does that knows nothing of sessions.
for (const kind of TRANSPORTS.map((name) => by(name)(NODE))) {
  const what = `fallback 10: ${kind.name} comes back when another server gets its next request`;
  test(what, OWN_SERVER, async (t) => {
    const [before, after] = [await startServer(t), await startServer(t)];
    const relay = await startRelay(t, before);
    const channels = [nameOf('', kind), nameOf('private-', kind), nameOf('presence-', kind)];
    const client = await open(t, relay, kind);
    for (const channel of channels) await join(client, channel);
    relay.target = after;
    // A poll ends with the first event, a stream when there is more than it may hold.
    const sdk = sdkFor(before);
    for (let n = 0; n < 120; n += 1) await sdk.trigger(channels[0], 'more', TEXT);
    const { error } = await client.expect('the reason', (e) => e.error);
    assert.deepEqual(error.data, { code: 1006, message: 'Server lost session' });
    await joinAgain(client, channels);
    for (const channel of channels) await assertHears(client, channel, sdkFor(after));
  });
}

for (const kind of [NODE, PAGE].map(by('xhr_streaming'))) {
  test(`fallback 10: ${kind.name} is told when the server shuts down`, OWN_SERVER, async (t) => {
    const [before, after] = [await startServer(t), await startServer(t)];
    const relay = await startRelay(t, before);
    const client = await open(t, relay, kind);
    const channel = nameOf('shutdown-', kind);
    await join(client, channel);
    relay.target = after;
    await before.stop();
    const { error } = await client.expect('the reason', (e) => e.error);
    assert.equal(error.data.code, 4200);
    await joinAgain(client, [channel]);
    await assertHears(client, channel, sdkFor(after));
  });
}

for (const kind of KINDS) {
  test(`fallback 10: ${kind.name} goes where the server says`, OWN_SERVER, async (t) => {
    const [host, fallback] = ['127.0.0.2', { hostname: '127.0.0.2' }];
    const settings = { ...SETTINGS, server: { ...SETTINGS.server, host }, sections: { fallback } };
    const behind = await startServer(t, settings);
    // The load balancer has a name of its own and the same port, and gets the first request only.
    const balancer = await startRelay(t, behind, { port: behind.port });
    const client = await open(t, balancer, kind);
    balancer.target = NOWHERE;
    const channel = nameOf('private-', kind);
    await join(client, channel);
    await assertHears(client, channel, sdkFor(behind));
  });

  test(`fallback 10: ${kind.name} finds a server below a path`, OWN_SERVER, async (t) => {
    const settings = { ...SETTINGS, server: { ...SETTINGS.server, path_prefix: '/rt' } };
    const below = await startServer(t, settings);
    const client = await open(t, below, kind);
    const channel = nameOf('private-', kind);
    await join(client, channel);
    await assertHears(client, channel, sdkFor(below));
  });
}

for (const transport of TRANSPORTS) {
  test(`fallback 10: Laravel Echo listens and whispers by ${transport}`, async (t) => {
    const settings = { ...as('u-17'), enabledTransports: [transport] };
    const [one, two] = [
      await openEcho(t, stage, server, settings),
      await openEcho(t, stage, server, settings),
    ];
    const name = `echo-${transport}`;
    for (const echo of [one, two]) {
      await echo.call('listen', 'private', name, '.paid');
      await echo.expect('success', (e) => e.subscribed === name);
      await echo.call('listenForWhisper', 'private', name, 'typing');
    }
    await stage.sdk.trigger(`private-${name}`, 'paid', { id: 1 });
    assert.deepEqual((await one.expect('paid', (e) => e.heard === '.paid')).data, { id: 1 });
    await one.call('whisper', 'private', name, 'typing', { on: true });
    const typing = await two.expect('typing', (e) => e.heard === 'whisper typing');
    assert.deepEqual(typing.data, { on: true });
  });
}
