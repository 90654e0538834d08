// The official libraries with each other: pusher-js (Node build), and the server SDKs for Node
// and Python.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import PusherServer from 'pusher';

import { defer } from '../lib/defer.mjs';
import * as pusherJs from '../lib/pusherjs.mjs';
import { PythonSdk } from '../lib/python.mjs';
import { OWN_SERVER, Server, useServer } from '../lib/server.mjs';

let sdk;
const server = useServer({}, (started) => {
  sdk = nodeSdk(started);
});

const MASTER_KEY = Buffer.from(Array.from({ length: 32 }, (_, n) => n)).toString('base64');

const nodeSdk = (where) =>
  new PusherServer({
    appId: where.app.id,
    key: where.app.key,
    secret: where.app.secret,
    host: where.host,
    port: where.port,
    useTLS: false,
    encryptionMasterKeyBase64: MASTER_KEY,
  });

const pythonSdk = (t) => new PythonSdk(t, server, { encryption_master_key_base64: MASTER_KEY });

/** An application's auth endpoint, once for each server SDK. */
const authorizers = {
  node: (_, member) => (socketId, channel) =>
    sdk.authorizeChannel(socketId, channel, channel.startsWith('presence-') ? member : undefined),
  python: (t, member) => {
    const python = pythonSdk(t);
    return (socketId, channel) => {
      const data = channel.startsWith('presence-') ? [member] : [];
      return python.call('authenticate', [channel, socketId, ...data]);
    };
  },
};

const triggers = {
  node: () => (channels, event, data, socketId) =>
    sdk.trigger(channels, event, data, socketId && { socket_id: socketId }),
  python: (t) => {
    const python = pythonSdk(t);
    return (channels, event, data, socketId) =>
      python.call('trigger', [channels, event, data], socketId ? { socket_id: socketId } : {});
  },
};

const ZOE = { user_id: 'u-17', user_info: { nick: 'Zoë 🐦' } };
const MEMBER_ADDED = 'pusher:member_added';
const MEMBER_REMOVED = 'pusher:member_removed';

const event = (name) => (e) => e.event === name;

const PREFIXES = ['', 'private-', 'presence-', 'private-encrypted-'].flatMap((kind) => [
  kind,
  `${kind}cache-`,
]);

for (const language of ['node', 'python']) {
  for (const prefix of PREFIXES) {
    test(`sdk: ${language} SDK and pusher-js on "${prefix}" channels`, async (t) => {
      const name = `${prefix}sdk-${language}`;
      const authorize = authorizers[language](t, ZOE);
      const client = await pusherJs.connect(t, server, authorize);
      const channel = await pusherJs.subscribe(client, name);
      const trigger = triggers[language](t);
      if (prefix.endsWith('cache-')) {
        assert.equal((await channel.events.next()).event, 'pusher:cache_miss');
      }
      for (const data of [{ text: 'Zoë 🐦', n: [1, null] }, 'plain text', '']) {
        await trigger([name], 'greet', data);
        assert.deepEqual(await channel.events.next(), { event: 'greet', data });
      }
      // The sender's own connection can be left out.
      await trigger([name], 'others', {}, client.connection.socket_id);
      await trigger([name], 'mark', {});
      assert.equal((await channel.events.next()).event, 'mark');
      if (prefix.endsWith('cache-')) {
        const late = await pusherJs.connect(t, server, authorize);
        const { events } = await pusherJs.subscribe(late, name);
        assert.deepEqual(await events.next(), { event: 'mark', data: {} });
      }
      assert.deepEqual(client.errors.drain(), []);
    });
  }

  test(`sdk: presence by the ${language} SDK: two users, three connections`, async (t) => {
    const name = `presence-sdk-two-${language}`;
    const join = async (member) => {
      const client = await pusherJs.connect(t, server, authorizers[language](t, member));
      return { client, channel: await pusherJs.subscribe(client, name) };
    };
    const first = await join({ user_id: 'a', user_info: { nick: 'A' } });
    assert.equal(first.channel.members.count, 1);
    assert.deepEqual(first.channel.members.me, { id: 'a', info: { nick: 'A' } });

    const second = await join(ZOE);
    const added = await first.channel.events.waitFor(event(MEMBER_ADDED));
    assert.deepEqual(added.data, { id: 'u-17', info: { nick: 'Zoë 🐦' } });
    const again = await join(ZOE);
    for (const { channel } of [first, second, again]) {
      assert.equal(channel.members.count, 2);
      assert.deepEqual(channel.members.get('u-17').info, { nick: 'Zoë 🐦' });
    }

    // One of two connections leaves: still there, so the next thing heard is the mark.
    second.client.disconnect();
    await sdk.trigger(name, 'mark', {});
    assert.equal((await first.channel.events.next()).event, 'mark');
    again.client.unsubscribe(name);
    const removed = await first.channel.events.next();
    assert.deepEqual([removed.event, removed.data.id], [MEMBER_REMOVED, 'u-17']);
    assert.equal(first.channel.members.count, 1);
  });
}

test('sdk: client events between two pusher-js clients', async (t) => {
  for (const name of ['private-sdk-client', 'presence-sdk-client']) {
    const join = async (member) => {
      const client = await pusherJs.connect(t, server, authorizers.node(t, member));
      const channel = await pusherJs.subscribe(client, name);
      channel.metadata = new Promise((resolve) => {
        channel.bind('client-typing', (_, metadata) => resolve(metadata));
      });
      return channel;
    };
    const [one, two] = [await join(ZOE), await join({ user_id: 'other' })];
    assert.equal(one.trigger('client-typing', { on: true }), true);
    const got = await two.events.waitFor(event('client-typing'));
    assert.deepEqual(got.data, { on: true });
    const presence = name.startsWith('presence-');
    assert.equal((await two.metadata)?.user_id, presence ? 'u-17' : undefined);
  }
});

test('sdk: pusher-js gets an error for a client event on a public channel', async (t) => {
  const client = await pusherJs.connect(t, server);
  const channel = await pusherJs.subscribe(client, 'sdk-public-client');
  channel.trigger('client-x', {});
  const error = await client.errors.next();
  assert.deepEqual([error.type, error.data.code], ['PusherError', null]);
});

test('sdk: a refused subscription reaches the connection and the channel', async (t) => {
  const client = await pusherJs.connect(t, server, () => ({ auth: `${server.app.key}:00` }));
  const channel = pusherJs.listen(client, 'private-sdk-refused');
  const { data } = await channel.events.waitFor(event('pusher:subscription_error'));
  assert.deepEqual([data.type, data.status], ['AuthError', 401]);
  assert.equal((await client.errors.next()).data.code, null);
  assert.equal(client.connection.state, 'connected');
});

test('sdk: a wrong key stops pusher-js with 4001', async (t) => {
  const { host, port, prefix } = server;
  const client = pusherJs.create(t, { host, port, prefix, app: { key: 'unknown' } });
  await client.states.waitFor((state) => state === 'disconnected', 'pusher-js to give up');
  const { type, error } = await client.errors.next();
  assert.deepEqual([type, error.data.code], ['WebSocketError', 4001]);
});

test('sdk: batches arrive in order from both SDKs', async (t) => {
  const client = await pusherJs.connect(t, server);
  const channel = await pusherJs.subscribe(client, 'sdk-batch');
  const python = pythonSdk(t);
  const batch = (from) =>
    Array.from({ length: 10 }, (_, n) => ({ channel: 'sdk-batch', name: 'n', data: from + n }));
  await sdk.triggerBatch(batch(0));
  await python.call('trigger_batch', [batch(10)]);
  for (let n = 0; n < 20; n += 1) {
    assert.deepEqual(await channel.events.next(), { event: 'n', data: n });
  }
});

test('sdk: encrypted batches from both SDKs', async (t) => {
  const name = 'private-encrypted-sdk-batch';
  const client = await pusherJs.connect(t, server, authorizers.node());
  const channel = await pusherJs.subscribe(client, name);
  const python = pythonSdk(t);
  await sdk.triggerBatch([{ channel: name, name: 'n', data: { from: 'node' } }]);
  assert.deepEqual((await channel.events.next()).data, { from: 'node' });
  await python.call('trigger_batch', [[{ channel: name, name: 'n', data: { from: 'python' } }]]);
  assert.deepEqual((await channel.events.next()).data, { from: 'python' });
});

test('sdk: unsubscribe and subscribe again', async (t) => {
  const client = await pusherJs.connect(t, server, authorizers.node(t, ZOE));
  const name = 'presence-sdk-again';
  for (let n = 0; n < 3; n += 1) {
    const channel = await pusherJs.subscribe(client, name);
    await sdk.trigger(name, 'n', n);
    assert.equal((await channel.events.waitFor(event('n'))).data, n);
    channel.unbind_global();
    client.unsubscribe(name);
  }
  assert.deepEqual(client.errors.drain(), []);
});

test('sdk: channels, channel and users through both SDKs', async (t) => {
  const join = async (member, ...names) => {
    const client = await pusherJs.connect(t, server, authorizers.node(t, member));
    for (const name of names) await pusherJs.subscribe(client, name);
  };
  await join(ZOE, 'presence-sdk-read', 'sdk-read');
  await join(ZOE, 'presence-sdk-read');
  await join({ user_id: 'u-18' }, 'presence-sdk-read');

  const python = pythonSdk(t);
  const get = async (path, params) => (await sdk.get({ path, params })).json();
  const list = { channels: { 'presence-sdk-read': { user_count: 2 } } };
  const one = { occupied: true, user_count: 2 };
  const byId = ({ users }) => users.map((u) => u.id).sort();

  const filter = { filter_by_prefix: 'presence-sdk-read', info: 'user_count' };
  assert.deepEqual(await get('/channels', filter), list);
  const read = ['presence-sdk-read', ['user_count']];
  assert.deepEqual(await python.call('channels_info', read), list);

  assert.deepEqual(await get('/channels/presence-sdk-read', { info: 'user_count' }), one);
  assert.deepEqual(await python.call('channel_info', read), one);
  assert.deepEqual(await get('/channels/sdk-read'), { occupied: true });
  assert.deepEqual(await python.call('channel_info', ['sdk-read']), { occupied: true });

  const users = ['u-17', 'u-18'];
  assert.deepEqual(byId(await get('/channels/presence-sdk-read/users')), users);
  assert.deepEqual(byId(await python.call('users_info', ['presence-sdk-read'])), users);

  const triggered = await sdk.trigger('presence-sdk-read', 'e', {}, { info: 'user_count' });
  assert.deepEqual(await triggered.json(), list);
});

test('sdk: odd channel names survive both SDKs', async (t) => {
  const name = 'presence-sdk_a@b,c;d=e.f-G';
  const client = await pusherJs.connect(t, server, authorizers.node(t, ZOE));
  await pusherJs.subscribe(client, name);
  const state = await sdk.get({ path: `/channels/${name}`, params: { info: 'user_count' } });
  assert.deepEqual(await state.json(), { occupied: true, user_count: 1 });
  const users = await pythonSdk(t).call('users_info', [name]);
  assert.deepEqual(users, { users: [{ id: 'u-17' }] });
});

test('sdk: failures reach the application as the SDKs promise', async (t) => {
  const python = pythonSdk(t);
  const badRequest = python.call('channel_info', ['sdk-fail', ['user_count']]);
  await assert.rejects(badRequest, { name: 'PusherBadRequest' });
  const tooLarge = python.call('trigger', ['sdk-fail', 'e', 'x'.repeat(20_000)]);
  await assert.rejects(tooLarge, { name: 'PusherBadStatus', message: /413/ });
  const stranger = new PythonSdk(t, server, { secret: 'wrong' });
  await assert.rejects(stranger.call('channels_info'), { name: 'PusherBadAuth' });

  const rejected = sdk.trigger('sdk-fail', 'e', 'x'.repeat(20_000));
  await assert.rejects(rejected, { name: 'PusherRequestError', status: 413 });
});

for (const signal of ['SIGTERM', 'SIGKILL']) {
  test(
    `sdk: pusher-js returns after a restart on the same port (${signal})`,
    OWN_SERVER,
    async (t) => {
      const own = new Server();
      await own.start();
      defer(t, () => own.stop());
      const client = await pusherJs.connect(t, own, authorizers.node(t, ZOE));
      const names = ['sdk-restart', 'private-sdk-restart', 'presence-sdk-restart'];
      const channels = [];
      for (const name of names) channels.push(await pusherJs.subscribe(client, name));
      const before = client.connection.socket_id;

      // A server that is closing takes nobody in, so the connection is the new one's. After 4200
      // pusher-js tries at once; if nobody listens at that moment, it waits 15 s.
      await own.restart(signal);
      await client.states.waitFor((state) => state === 'connected', 'pusher-js to return');
      assert.notEqual(client.connection.socket_id, before);
      const succeeded = event('pusher:subscription_succeeded');
      for (const channel of channels) await channel.events.waitFor(succeeded);
      const again = nodeSdk(own);
      for (const [n, channel] of channels.entries()) {
        await again.trigger(names[n], 'after', n);
        assert.deepEqual(await channel.events.next(), { event: 'after', data: n });
      }
    },
  );
}
