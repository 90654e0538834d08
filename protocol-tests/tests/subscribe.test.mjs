// Channels, subscriptions and their refusal: protocol.md §19 lines 5–8 and 18.

import assert from 'node:assert/strict';

import { OTHER } from '../lib/apps.mjs';
import { assertOk, get, post, publish } from '../lib/http.mjs';
import { assertRefused, open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { channelAuth } from '../lib/sign.mjs';
import { overEach } from '../lib/transports.mjs';

const server = useServer();

const PUBLIC = ['', 'cache-'];
const PRIVATE = ['private-', 'private-cache-', 'private-encrypted-', 'private-encrypted-cache-'];
const PRESENCE = ['presence-', 'presence-cache-'];
const AUTHENTICATED = [...PRIVATE, ...PRESENCE];
const isPresence = (prefix) => PRESENCE.includes(prefix);

const SUCCEEDED = 'pusher_internal:subscription_succeeded';
const AUTH_ERROR = { type: 'AuthError', status: 401 };

for (const prefix of [...PUBLIC, ...AUTHENTICATED]) {
  overEach(`protocol 5: "${prefix}" channels: subscribe, receive, unsubscribe`, async (t) => {
    const channel = `${prefix}p5-${prefix.length}`;
    const client = await open(t, server);
    await client.subscribe('p5-marker');
    await client.subscribe(channel, isPresence(prefix) ? { user_id: 'u' } : undefined);
    const data = '{"nonce":"bm8=", "ciphertext":"c2VjcmV0"}';
    await publish(server, { name: 'moved', channels: [channel], data });
    // A cache channel may add pusher:cache_miss here.
    const live = await client.waitFor((m) => m.event === 'moved');
    assert.deepEqual(live, { event: 'moved', channel, data });

    client.unsubscribe(channel);
    await client.assertQuiet('unsubscribe has no reply');
    await publish(server, { name: 'late', channels: [channel] });
    await publish(server, { name: 'mark', channels: ['p5-marker'] });
    await client.expect('mark', 'p5-marker');
  });
}

for (const prefix of AUTHENTICATED) {
  overEach(`protocol 5: "${prefix}" channels need auth`, async (t) => {
    const channel = `${prefix}p5-no-auth`;
    const client = await open(t, server);
    const channelData = isPresence(prefix) ? { channel_data: '{"user_id":"u"}' } : {};
    for (const auth of [{}, { auth: '' }]) {
      const message = assertRefused(
        await client.request({ channel, ...auth, ...channelData }),
        channel,
        AUTH_ERROR,
      );
      assert.ok(message.includes(channel), message);
    }
  });
}

for (const channel of [
  'privateer',
  'private',
  'presence',
  'my-private-thing',
  'my-presence-thing',
  'x-cache-y',
  'cache',
  'cached',
  'Private-x',
  'PRESENCE-x',
  '-private-x',
  'A-Z_a=z@0,9.;',
]) {
  overEach(`protocol 5: the look-alike "${channel}" is public`, async (t) => {
    const client = await open(t, server);
    assert.deepEqual(await client.subscribe(channel), {});
    // Auth on public channels is ignored, and they have no members.
    const other = await open(t, server);
    const answers = await other.request({ channel, auth: 'x', channel_data: '{"user_id":"u"}' });
    assert.deepEqual(answers, [{ event: SUCCEEDED, channel, data: '{}' }]);
    await client.assertQuiet();
    // Nor does an event wait for anybody: no cache, no second copy.
    await publish(server, { name: 'mark', channels: [channel] });
    await client.expect('mark', channel);
    await other.expect('mark', channel);
  });
}

for (const prefix of ['private-encrypted', 'private-encryptedcache-x', 'private-presence-x']) {
  overEach(`protocol 5: "${prefix}" is plainly private`, async (t) => {
    const client = await open(t, server);
    const channel = prefix;
    // Encrypted channels get no subscription_error, private ones do.
    assertRefused(await client.request({ channel }), channel, AUTH_ERROR);
    assert.deepEqual(await client.subscribe(channel), {});
  });
}

overEach('protocol 5: names are case-sensitive', async (t) => {
  const client = await open(t, server);
  await client.subscribe('p5-Case');
  await client.subscribe('p5-case');
  await publish(server, { name: 'lower', channels: ['p5-case'] });
  await client.expect('lower', 'p5-case');
  await client.assertQuiet();
});

overEach('protocol 5: a name may have 200 characters, not 201', async (t) => {
  const client = await open(t, server);
  const longest = 'p5'.padEnd(200, 'x');
  await client.subscribe(longest);
  assertRefused(await client.request({ channel: `${longest}x` }), `${longest}x`);
});

for (const channel of ['', 'a b', 'a#b', '#x', 'a:b', 'a/b', 'ä', 'a\n', 'a\u0000', '🐦']) {
  overEach(`protocol 5: the name ${JSON.stringify(channel)} is refused`, async (t) => {
    const client = await open(t, server);
    assertRefused(await client.request({ channel }), channel);
    await client.assertQuiet();
  });
}

overEach('protocol 5: nobody subscribes to a user he has not signed in as', async (t) => {
  const client = await open(t, server);
  const channel = '#server-to-user-u-17';
  assertRefused(await client.request({ channel, auth: '' }), channel);
});

overEach('protocol 5: data may be a string that holds the object', async (t) => {
  const client = await open(t, server);
  const channel = 'p5-string';
  client.send({ event: 'pusher:subscribe', data: JSON.stringify({ channel }) });
  await client.expect(SUCCEEDED, channel);
});

overEach('protocol 5: one publish to two channels gives one copy for each', async (t) => {
  const client = await open(t, server);
  await client.subscribe('p5-twice-a');
  await client.subscribe('p5-twice-b');
  await publish(server, { name: 'both', channels: ['p5-twice-a', 'p5-twice-b'] });
  const copies = [await client.next(), await client.next()].map((m) => m.channel);
  assert.deepEqual(copies.sort(), ['p5-twice-a', 'p5-twice-b']);
  await client.assertQuiet();
});

overEach('protocol 5: apps on one server do not hear each other', OWN_SERVER, async (t) => {
  const channel = 'p5-apps';
  const [ours, theirs] = [await open(t, server), await open(t, server, { app: OTHER })];
  await ours.subscribe(channel);
  await theirs.subscribe(channel);
  const event = (name) => ({ name, channel, data: '{}' });
  assertOk(await post(server, '/events', event('ours')));
  assertOk(await post(server, '/events', event('theirs'), { app: OTHER }));
  await ours.expect('ours', channel);
  await theirs.expect('theirs', channel);
  await ours.assertQuiet();
  await theirs.assertQuiet();
});

// Line 6: each way of having the wrong signature, for each prefix that needs one.
const WRONG_AUTH = {
  'wrong signature': ({ app, socketId, channel, data }) =>
    channelAuth({ key: app.key, secret: 'another secret' }, socketId, channel, data),
  'wrong key': ({ app, socketId, channel, data }) =>
    channelAuth({ key: `${app.key}0`, secret: app.secret }, socketId, channel, data),
  'other socket id': ({ app, socketId, channel, data }) =>
    channelAuth(app, `${socketId}1`, channel, data),
  'other channel': ({ app, socketId, channel, data }) =>
    channelAuth(app, socketId, `${channel}x`, data),
  're-serialised channel_data': ({ app, socketId, channel, data = '{"a":1}' }) =>
    channelAuth(app, socketId, channel, JSON.stringify(JSON.parse(data), null, 1)),
  'truncated signature': ({ app, socketId, channel, data }) =>
    channelAuth(app, socketId, channel, data).slice(0, -1),
  'no key': ({ app, socketId, channel, data }) =>
    channelAuth(app, socketId, channel, data).slice(app.key.length),
  'signature alone': ({ app, socketId, channel, data }) =>
    channelAuth(app, socketId, channel, data).slice(app.key.length + 1),
  'three parts': ({ app, socketId, channel, data }) =>
    `${channelAuth(app, socketId, channel, data)}:x`,
  'key in another case': ({ app, socketId, channel, data }) =>
    channelAuth({ ...app, key: app.key.toUpperCase() }, socketId, channel, data),
};

for (const prefix of AUTHENTICATED) {
  for (const [what, wrong] of Object.entries(WRONG_AUTH)) {
    overEach(`protocol 6: "${prefix}" with ${what} is refused`, async (t) => {
      const channel = `${prefix}p6-${what.replaceAll(' ', '-')}`;
      await assertNotLetIn(t, prefix, channel, wrong);
    });
  }

  overEach(`protocol 6: "${prefix}" with another app's auth is refused`, OWN_SERVER, async (t) => {
    const foreign = ({ socketId, channel, data }) => channelAuth(OTHER, socketId, channel, data);
    await assertNotLetIn(t, prefix, `${prefix}p6-foreign`, foreign);
  });
}

/** Refused, the connection stays, nothing of the channel arrives, and nobody counts as there. */
async function assertNotLetIn(t, prefix, channel, wrong) {
  const client = await open(t, server);
  await client.subscribe('p6-marker');
  const { app, socketId } = client;
  // Private channels carry data too where the case is about it.
  const about = isPresence(prefix) || wrong === WRONG_AUTH['re-serialised channel_data'];
  const data = about ? '{"user_id":"u","user_info":{"a":1}}' : undefined;
  const auth = wrong({ app, socketId, channel, data });
  const request = data === undefined ? { channel, auth } : { channel, auth, channel_data: data };

  const message = assertRefused(await client.request(request), channel, AUTH_ERROR);
  const digest = channelAuth(app, socketId, channel, data).split(':')[1];
  // What the client itself sent may be repeated.
  const told = message.includes(digest) && !auth.includes(digest);
  assert.ok(!told, 'the expected digest is not told');

  await publish(server, { name: 'secret', channels: [channel] });
  await publish(server, { name: 'mark', channels: ['p6-marker'] });
  await client.expect('mark', 'p6-marker');
  await client.assertQuiet();
  const { occupied } = assertOk(await get(server, `/channels/${channel}`));
  assert.equal(occupied, false);

  // A refusal is not a verdict: the right auth still gets in on the same connection.
  await client.subscribe(channel, isPresence(prefix) ? { user_id: 'u' } : undefined);
}

overEach('protocol 6: upper-case hex is accepted', async (t) => {
  const client = await open(t, server);
  const channel = 'private-p6-upper';
  const [key, hex] = client.auth(channel).split(':');
  const answers = await client.request({ channel, auth: `${key}:${hex.toUpperCase()}` });
  assert.deepEqual(answers, [{ event: SUCCEEDED, channel, data: '{}' }]);
});

for (const signs of ['with', 'without']) {
  overEach(`protocol 6: channel_data on a private channel, signed ${signs} it`, async (t) => {
    const client = await open(t, server);
    const channel = `private-p6-data-${signs}`;
    const data = '{ "note" : "x" }';
    const auth = client.auth(channel, signs === 'with' ? data : undefined);
    const answers = await client.request({ channel, auth, channel_data: data });
    assert.deepEqual(answers, [{ event: SUCCEEDED, channel, data: '{}' }]);
  });
}

overEach('protocol 6: presence verifies the string as it was received', async (t) => {
  const client = await open(t, server);
  const channel = 'presence-p6-bytes';
  const data = '{ "user_info" : {"nick":"Zo\\u00eb"},\n "user_id":"u-17" }';
  const auth = client.auth(channel, data);
  const [success] = await client.request({ channel, auth, channel_data: data });
  assert.equal(success.event, SUCCEEDED);
  const { hash } = JSON.parse(success.data).presence;
  assert.deepEqual(hash, { 'u-17': { nick: 'Zoë' } });
});

overEach('protocol 6: presence does not take the private form of the signature', async (t) => {
  const client = await open(t, server);
  const channel = 'presence-p6-two-parts';
  const request = { channel, auth: client.auth(channel), channel_data: '{"user_id":"u"}' };
  assertRefused(await client.request(request), channel, AUTH_ERROR);
});

for (const prefix of [...PUBLIC, ...PRIVATE]) {
  overEach(`protocol 7: subscription_succeeded of "${prefix}" has the string "{}"`, async (t) => {
    const client = await open(t, server);
    const channel = `${prefix}p7`;
    const auth = prefix.startsWith('private') ? client.auth(channel) : '';
    client.send({ event: 'pusher:subscribe', data: { channel, auth } });
    const success = await client.next();
    assert.deepEqual(success, { event: SUCCEEDED, channel, data: '{}' });
  });
}

for (const prefix of ['', 'private-', 'presence-']) {
  overEach(`protocol 8: a duplicate subscribe to "${prefix}" changes nothing`, async (t) => {
    const channel = `${prefix}p8`;
    const member = prefix === 'presence-' ? { user_id: 'u' } : undefined;
    const client = await open(t, server);
    await client.subscribe(channel, member);

    for (const second of [member, member && { user_id: 'somebody-else' }]) {
      const data = second && JSON.stringify(second);
      const auth = client.auth(channel, data);
      const answers = await client.request({ channel, auth, channel_data: data });
      const message = assertRefused(answers, channel);
      assert.ok(message.includes(channel), message);
    }

    if (member) {
      const info = assertOk(await get(server, `/channels/${channel}`, [['info', 'user_count']]));
      assert.deepEqual(info, { occupied: true, user_count: 1 });
    }
    await publish(server, { name: 'once', channels: [channel] });
    await client.expect('once', channel);
    await client.assertQuiet('one copy only');

    // One subscription, so one unsubscribe ends it.
    client.unsubscribe(channel);
    await client.assertQuiet();
    assert.equal(assertOk(await get(server, `/channels/${channel}`)).occupied, false);
  });
}

overEach('protocol 8: unsubscribe without a subscription is an error', async (t) => {
  const client = await open(t, server);
  client.unsubscribe('p8-never');
  const [error, ...rest] = await client.settle();
  assert.deepEqual([error.event, error.data.code, rest], ['pusher:error', null, []]);
  assert.ok(error.data.message.includes('p8-never'));
});

overEach('protocol 8: subscribing again after unsubscribe works', async (t) => {
  const client = await open(t, server);
  for (let n = 0; n < 3; n += 1) {
    await client.subscribe('p8-again');
    client.unsubscribe('p8-again');
  }
  await client.assertQuiet();
});

// Every message a client receives is checked in lib/raw.mjs; here each kind of error is provoked.
overEach('protocol 18: pusher:error has no channel, object data and no string code', async (t) => {
  const client = await open(t, server);
  await client.subscribe('p18');
  const provocations = [
    '{',
    '[]',
    { event: 'unknown' },
    { event: 'pusher:unknown', data: {} },
    { event: 'pusher:subscribe' },
    { event: 'pusher:subscribe', data: { channel: 'a b' } },
    { event: 'pusher:subscribe', data: { channel: 'p18' } },
    { event: 'pusher:subscribe', data: { channel: 'private-p18' } },
    { event: 'pusher:subscribe', data: { channel: 'private-encrypted-p18' } },
    { event: 'pusher:subscribe', data: { channel: 'presence-p18', channel_data: '{' } },
    { event: 'pusher:subscribe', data: { channel: '#server-to-user-p18' } },
    { event: 'pusher:subscribe', data: { channel: '#p18' } },
    { event: 'pusher:unsubscribe', data: { channel: 'p18-never' } },
    { event: 'pusher:signin' },
    { event: 'pusher:signin', data: { auth: 'x', user_data: '{"id":"p18"}' } },
    { event: 'pusher:signin', data: { auth: client.auth('p18'), user_data: '{' } },
    { event: 'client-x', channel: 'p18', data: {} },
    { event: 'client-x', channel: 'private-p18', data: {} },
    { event: 'client-x' },
  ];
  for (const provocation of provocations) {
    const text = typeof provocation === 'string' ? provocation : JSON.stringify(provocation);
    client.sendText(text);
    const answers = await client.settle();
    const errors = answers.filter((m) => m.event === 'pusher:error');
    assert.equal(errors.length, 1, `${text}: ${JSON.stringify(answers)}`);
    assert.deepEqual(Object.keys(errors[0]).sort(), ['data', 'event']);
    assert.equal(errors[0].data.code, null);
    assert.ok(errors[0].data.message.length > 0);
  }
});
