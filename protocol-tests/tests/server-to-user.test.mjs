// Events to a user, wherever he is signed in: protocol.md §19 line 13.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN, OTHER } from '../lib/apps.mjs';
import { assertFailed, assertOk, get, post, publish } from '../lib/http.mjs';
import { Inbox } from '../lib/inbox.mjs';
import { sdkFor } from '../lib/node-sdk.mjs';
import * as pusherJs from '../lib/pusherjs.mjs';
import { PythonSdk } from '../lib/python.mjs';
import { assertRefused, open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { overEach } from '../lib/transports.mjs';
import { channelOf, openAs, signIn } from '../lib/users.mjs';

const server = useServer();
const counting = useServer({
  apps: [{ ...MAIN, subscription_count: true, max_channels_per_connection: 1 }],
});

const greet = (id, data = '{}', more = {}) =>
  publish(server, { name: 'greet', channel: channelOf(id), data, ...more });

overEach('protocol 13: an event reaches each connection of the user once, no other', async (t) => {
  const id = 'u-once';
  const channel = channelOf(id);
  const early = await open(t, server);
  assertRefused(await early.request({ channel, auth: '' }), channel);
  await signIn(early, { id });
  const silent = await openAs(t, server, id);
  const subscribed = await openAs(t, server, id);
  assert.deepEqual(await subscribed.subscribe(channel), {});
  const strangers = [await openAs(t, server, 'u-once-2'), await open(t, server)];

  const data = ' {"text":"Zoë 🐦"} ';
  await greet(id, data);
  for (const client of [early, silent, subscribed]) {
    assert.deepEqual(await client.settle(), [{ event: 'greet', channel, data }]);
  }
  for (const stranger of strangers) await stranger.assertQuiet('it is not for him');
});

overEach('protocol 13: nobody subscribes to the events of another user', async (t) => {
  const channel = channelOf('u-private');
  await openAs(t, server, 'u-private');
  const strangers = [
    await open(t, server),
    await openAs(t, server, 'u-privat'),
    await openAs(t, server, 'U-private'),
  ];
  for (const stranger of strangers) {
    const signed = stranger.auth(channel);
    for (const auth of [undefined, '', signed]) {
      const reason = assertRefused(await stranger.request({ channel, auth }), channel);
      assert.ok(reason.includes(channel), reason);
    }
  }
  await greet('u-private');
  for (const stranger of strangers) await stranger.assertQuiet();
});

overEach('protocol 13: unsubscribing stops the events, subscribing brings them back', async (t) => {
  const id = 'u-stop';
  const channel = channelOf(id);
  const [one, two] = [await openAs(t, server, id), await openAs(t, server, id)];
  await one.subscribe(channel);
  one.unsubscribe(channel);
  await one.assertQuiet('unsubscribe has no reply');
  await greet(id, '1');
  await one.assertQuiet();
  await two.expect('greet', channel);
  await one.subscribe(channel);
  await greet(id, '2');
  assert.equal((await one.expect('greet', channel)).data, '2');
});

overEach('protocol 13: unsubscribing without having subscribed is accepted silently', async (t) => {
  const client = await openAs(t, server, 'u-silent');
  client.unsubscribe(channelOf('u-silent'));
  await client.assertQuiet();
});

overEach('protocol 13: a batch reaches users and channels in order', async (t) => {
  const id = 'u-batch';
  const client = await openAs(t, server, id);
  await client.subscribe('p13-batch');
  const item = (channel, data) => ({ name: 'e', channel, data });
  const channels = [channelOf(id), 'p13-batch', channelOf(id), channelOf('u-batch-2')];
  const batch = channels.map((channel, n) => item(channel, String(n)));
  assert.deepEqual(assertOk(await post(server, '/batch_events', { batch })), {});
  const got = await client.settle();
  assert.deepEqual(
    got.map((m) => [m.channel, m.data]),
    [0, 1, 2].map((n) => [channels[n], String(n)]),
  );
});

overEach('protocol 13: one event to a user and to channels', async (t) => {
  const client = await openAs(t, server, 'u-mixed');
  await client.subscribe('p13-mixed');
  const channels = ['p13-mixed', channelOf('u-mixed')];
  await publish(server, { name: 'e', channels });
  const got = [await client.next(), await client.next()].map((m) => m.channel);
  assert.deepEqual(got.sort(), channels.toSorted());
  await client.assertQuiet();
});

overEach('protocol 13: socket_id excludes one connection of the user', async (t) => {
  const id = 'u-excluded';
  const [one, two] = [await openAs(t, server, id), await openAs(t, server, id)];
  await greet(id, '1', { socket_id: one.socketId });
  await two.expect('greet', channelOf(id));
  await one.assertQuiet();
});

overEach('protocol 13: an event to nobody is no error, and is not kept', async (t) => {
  assert.deepEqual(await greet('u-later'), {});
  const client = await openAs(t, server, 'u-later');
  await client.subscribe(channelOf('u-later'));
  await client.assertQuiet();
});

test('protocol 13: apps do not share users', OWN_SERVER, async (t) => {
  const ours = await openAs(t, server, 'u-apps');
  const theirs = await openAs(t, server, 'u-apps', { app: OTHER });
  await publish(server, { name: 'greet', channel: channelOf('u-apps') }, { app: OTHER });
  await theirs.expect('greet', channelOf('u-apps'));
  await ours.assertQuiet();
});

overEach('protocol 13: nothing comes before the success, nothing is missed after it', async (t) => {
  const id = 'u-stream';
  let published = 0;
  let ended = false;
  const stream = (async () => {
    while (!ended) {
      await greet(id, String(published));
      published += 1;
    }
  })();
  for (let round = 0; round < 20; round += 1) {
    // Success is the first message, or this fails.
    const client = await openAs(t, server, id);
    const numbers = [await client.next(), await client.next()].map((m) => Number(m.data));
    await client.close();
    numbers.push(...client.inbox.drain().map((m) => Number(m.data)));
    assert.deepEqual(numbers, numbers.map((_, n) => numbers[0] + n), 'no gap, nothing twice');
  }
  ended = true;
  await stream;
});

overEach('protocol 13: clients do not send to users', async (t) => {
  const channel = channelOf('u-client');
  const [one, two] = [await openAs(t, server, 'u-client'), await openAs(t, server, 'u-client')];
  await one.subscribe(channel);
  one.sendClientEvent(channel, 'client-x', {});
  const answers = await one.settle();
  assert.deepEqual(
    answers.map((m) => [m.event, m.data.code]),
    [['pusher:error', null]],
  );
  await two.assertQuiet();
});

test('protocol 13: it is no channel for the lists and the limits', OWN_SERVER, async (t) => {
  const channel = channelOf('u-unlisted');
  const client = await open(t, counting);
  await signIn(client, { id: 'u-unlisted' });
  await client.subscribe(channel);
  await client.subscribe('p13-listed');
  const encode = encodeURIComponent;
  for (const params of [[], [['filter_by_prefix', '#server']], [['info', 'subscription_count']]]) {
    const { channels } = assertOk(await get(counting, '/channels', params, { encode }));
    assert.equal(channels[channel], undefined, JSON.stringify(channels));
  }
  const info = 'user_count,subscription_count';
  assert.deepEqual(await publish(counting, { channel, info }), { channels: { [channel]: {} } });
});

const BAD = [
  '#server-to-user-',
  '#server-to-user',
  '#server-to-users-u',
  '#Server-to-user-u',
  '#server-to-user-a b',
  '#server-to-user-a#b',
  '#server-to-user-ü',
  '##server-to-user-u',
  '#u',
  '#',
  'u#server-to-user-u',
  'private-#server-to-user-u',
];

for (const channel of BAD) {
  test(`protocol 13: ${channel} is no name`, async (t) => {
    const client = await openAs(t, server, 'u');
    assertRefused(await client.request({ channel, auth: client.auth(channel) }), channel);
    assertFailed(await post(server, '/events', { name: 'e', channel, data: '' }), 400);
    const batch = [{ name: 'e', channel, data: '' }];
    assertFailed(await post(server, '/batch_events', { batch }), 400);
  });
}

const senders = {
  Node: (where) => {
    const sdk = sdkFor(where);
    return (user, event, data) => sdk.sendToUser(user, event, data);
  },
  Python: (where, t) => {
    const sdk = new PythonSdk(t, where);
    return (user, event, data) => sdk.call('send_to_user', [user, event, data]);
  },
};

for (const [language, sender] of Object.entries(senders)) {
  test(`protocol 13: pusher-js signs in and hears the ${language} SDK`, async (t) => {
    const id = `u-${language}`;
    const sdk = sdkFor(server);
    const customHandler = ({ socketId }, done) =>
      done(null, sdk.authenticateUser(socketId, { id, user_info: { nick: 'Zoë' } }));
    const options = { userAuthentication: { customHandler } };
    const client = await pusherJs.connect(t, server, undefined, options);
    const events = new Inbox(`events of ${id} at pusher-js`);
    client.user.bind('greet', (data) => events.push(data));
    client.signin();
    await client.user.signinDonePromise;
    assert.equal(client.user.user_data.id, id);
    const channel = client.user.serverToUserChannel;
    await sender(server, t)(id, 'greet', { text: 'Zoë 🐦' });
    assert.deepEqual(await events.next(), { text: 'Zoë 🐦' });
    assert.equal(channel.name, channelOf(id));
    await sender(server, t)(id, 'greet', { text: 'again' });
    assert.deepEqual(await events.next(), { text: 'again' }, 'each event once');
  });
}
