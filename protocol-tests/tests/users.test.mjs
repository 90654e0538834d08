// Signing in, and presence as the signed-in user: protocol.md §19 line 13.

import assert from 'node:assert/strict';

import { MAIN, OTHER } from '../lib/apps.mjs';
import { publish } from '../lib/http.mjs';
import { assertRefused, open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { channelAuth, hmac, userAuth, userText } from '../lib/sign.mjs';
import { overEach } from '../lib/transports.mjs';
import {
  assertNoSignin,
  channelOf,
  openAs,
  requestSignin,
  signIn,
  signinData,
} from '../lib/users.mjs';

const server = useServer();

const SUCCESS = 'pusher:signin_success';
const ADDED = 'pusher_internal:member_added';

/** The connection may subscribe to the user's events, and gets them. */
async function assertIsUser(client, id) {
  const channel = channelOf(id);
  await publish(server, { name: 'who', channel });
  await client.expect('who', channel);
}

/** The connection has not become the user: it gets nothing and may not subscribe. */
async function assertIsNotUser(client, id) {
  const channel = channelOf(id);
  await publish(server, { name: 'who', channel });
  await client.assertQuiet();
  assertRefused(await client.request({ channel }), channel);
}

for (const text of [
  '{"id":"u-17"}',
  ' { "watchlist" : [ ] , "id" : "u-17" , "user_info" : { "nick" : "Zo\\u00eb 🐦" } } ',
  '{"id":"u-17","unknown":[1.0,null,{"a":1e3}],"user_info":{"id":17}}',
  '{"id":"\\u0075-17"}',
]) {
  overEach(`protocol 13: success echoes ${text}`, async (t) => {
    const client = await open(t, server);
    const [{ data, ...rest }, ...more] = await requestSignin(client, signinData(client, text));
    assert.deepEqual([rest, more], [{ event: SUCCESS }, []]);
    assert.deepEqual(JSON.parse(data), { user_data: text });
    await assertIsUser(client, 'u-17');
  });
}

overEach('protocol 13: data may be a string that holds the object', async (t) => {
  const client = await open(t, server);
  const data = JSON.stringify(signinData(client, { id: 'u-string' }));
  const [{ event }] = await requestSignin(client, data);
  assert.equal(event, SUCCESS);
  await assertIsUser(client, 'u-string');
});

for (const id of ['a', 'A_-=@,.;9', 'x'.repeat(128)]) {
  overEach(`protocol 13: the id ${id.slice(0, 10)} of ${id.length} characters`, async (t) => {
    await assertIsUser(await openAs(t, server, id), id);
  });
}

for (const [what, text] of [
  ['no JSON', '{'],
  ['the empty string', ''],
  ['a list', '[{"id":"u-17"}]'],
  ['null', 'null'],
  ['a string', '"u-17"'],
  ['no id', '{"user_info":{}}'],
  ['a null id', '{"id":null}'],
  ['a numeric id', '{"id":17}'],
  ['a boolean id', '{"id":true}'],
  ['an object as id', '{"id":{}}'],
  ['a list as id', '{"id":["u-17"]}'],
  ['an empty id', '{"id":""}'],
  ['an id with a space', '{"id":"u 17"}'],
  ['an id with #', '{"id":"u#17"}'],
  ['an id with a colon', '{"id":"u:17"}'],
  ['an id with a slash', '{"id":"u/17"}'],
  ['an id with an umlaut', '{"id":"ü"}'],
  ['an id with a line feed', '{"id":"u-17\\n"}'],
  ['an id of 129 characters', JSON.stringify({ id: 'x'.repeat(129) })],
  ['a string as user_info', '{"id":"u-17","user_info":"x"}'],
  ['a list as user_info', '{"id":"u-17","user_info":[]}'],
  ['something behind the object', '{"id":"u-17"}x'],
]) {
  overEach(`protocol 13: ${what} as user_data is refused`, async (t) => {
    const client = await open(t, server);
    assertNoSignin(await requestSignin(client, signinData(client, text)));
    await assertIsNotUser(client, 'u-17');
    await signIn(client, { id: 'u-17' });
  });
}

const ZEROS = `:${'0'.repeat(64)}`;

for (const [what, data] of [
  ['no user_data', (good) => ({ auth: good.auth })],
  ['an object as user_data', (good) => ({ ...good, user_data: { id: 'u-17' } })],
  ['a number as user_data', (good) => ({ ...good, user_data: 17 })],
  ['no auth', (good) => ({ user_data: good.user_data })],
  ['a number as auth', (good) => ({ ...good, auth: 17 })],
  ['an empty auth', (good) => ({ ...good, auth: '' })],
  ['an auth without a colon', (good) => ({ ...good, auth: good.auth.replace(':', '') })],
  ['no key', (good) => ({ ...good, auth: good.auth.replace(/^.*:/, ':') })],
  ['an unknown key', (good) => ({ ...good, auth: good.auth.replace(/^.*:/, 'unknown:') })],
  ['a digest of zeros', (good) => ({ ...good, auth: good.auth.replace(/:.*/, ZEROS) })],
  ['a digest that is cut off', (good) => ({ ...good, auth: good.auth.slice(0, -1) })],
  ['no digest', (good) => ({ ...good, auth: good.auth.replace(/:.*/, ':') })],
  ['other user_data', (good) => ({ ...good, user_data: '{"id": "u-17"}' })],
  ['data that is no object', () => 17],
  ['no data', () => undefined],
]) {
  overEach(`protocol 13: ${what} is refused`, async (t) => {
    const client = await open(t, server);
    const bad = data(signinData(client, { id: 'u-17' }));
    assertNoSignin(await requestSignin(client, bad));
    await assertIsNotUser(client, 'u-17');
  });
}

for (const [what, sign] of [
  ['with another secret', (id, text) => userAuth({ ...MAIN, secret: 'wrong' }, id, text)],
  ['by another app', (id, text) => userAuth(OTHER, id, text)],
  ['by the secret of another app', (id, text) => userAuth({ ...OTHER, key: MAIN.key }, id, text)],
  ['for another connection', (_, text) => userAuth(MAIN, '1.1', text)],
  ['for a channel of that name', (id, text) => channelAuth(MAIN, id, text)],
  ['for channel data', (id, text) => channelAuth(MAIN, id, 'user', text)],
]) {
  overEach(`protocol 13: a sign-in signed ${what} is refused`, async (t) => {
    const client = await open(t, server);
    const text = '{"id":"u-17"}';
    const data = { auth: sign(client.socketId, text), user_data: text };
    const message = assertNoSignin(await requestSignin(client, data));
    const digest = hmac(MAIN.secret, userText(client.socketId, text));
    assert.ok(!message.includes(digest), 'the right digest is not told');
    await assertIsNotUser(client, 'u-17');
  });
}

overEach('protocol 13: upper-case hex is accepted', async (t) => {
  const client = await open(t, server);
  const { auth, user_data: text } = signinData(client, { id: 'u-upper' });
  const [key, hex] = auth.split(':');
  const data = { auth: `${key}:${hex.toUpperCase()}`, user_data: text };
  assert.equal((await requestSignin(client, data))[0].event, SUCCESS);
});

overEach('protocol 13: another user is refused, and the first one stays signed in', async (t) => {
  const client = await openAs(t, server, 'u-first');
  assertNoSignin(await requestSignin(client, signinData(client, { id: 'u-second' })));
  await assertIsUser(client, 'u-first');
  await assertIsNotUser(client, 'u-second');
  await signIn(client, { id: 'u-first' });
});

overEach('protocol 13: the same user again succeeds, and gets each event once', async (t) => {
  const client = await openAs(t, server, 'u-again');
  await client.subscribe(channelOf('u-again'));
  await signIn(client, { id: 'u-again', user_info: { visit: 2 } });
  await assertIsUser(client, 'u-again');
  await client.assertQuiet();
});

overEach('protocol 13: a refused sign-in leaves the user signed in', async (t) => {
  const client = await openAs(t, server, 'u-steady');
  const bad = { auth: `${MAIN.key}:00`, user_data: '{"id":"u-steady"}' };
  assertNoSignin(await requestSignin(client, bad));
  await assertIsUser(client, 'u-steady');
});

overEach('protocol 13: signing in dies with the connection', async (t) => {
  const first = await openAs(t, server, 'u-mortal');
  await first.close();
  const second = await open(t, server);
  await assertIsNotUser(second, 'u-mortal');
  await signIn(second, { id: 'u-mortal' });
  await assertIsUser(second, 'u-mortal');
});

for (const protocol of [4, 5, 6]) {
  overEach(`protocol 13: clients of protocol ${protocol} sign in as well`, async (t) => {
    const id = `u-old-${protocol}`;
    await assertIsUser(await openAs(t, server, id, { protocol }), id);
  });
}

overEach('protocol 13: a user of one app is nobody at another', OWN_SERVER, async (t) => {
  const stranger = await openAs(t, server, 'u-both', { app: OTHER });
  await publish(server, { name: 'greet', channel: channelOf('u-both') });
  await stranger.assertQuiet();
});

const NICK = { nick: 'Zoë' };

for (const channel of ['presence-p13', 'presence-cache-p13']) {
  overEach(`protocol 13: a signed-in user joins ${channel} without channel_data`, async (t) => {
    const watcher = await open(t, server);
    await watcher.subscribe(channel, { user_id: 'watcher' });
    await watcher.settle();
    const client = await openAs(t, server, { id: 'u-17', user_info: NICK, watchlist: [] });
    const { presence } = await client.subscribe(channel);
    assert.deepEqual(presence.hash, { watcher: null, 'u-17': NICK });
    const { data } = await watcher.expect(ADDED, channel);
    assert.deepEqual(JSON.parse(data), { user_id: 'u-17', user_info: NICK });
    client.sendClientEvent(channel, 'client-x', {});
    assert.equal((await watcher.expect('client-x', channel)).user_id, 'u-17');
  });
}

overEach('protocol 13: a signed-in user without user_info is a member without', async (t) => {
  const channel = 'presence-p13-plain';
  const watcher = await open(t, server);
  await watcher.subscribe(channel, { user_id: 'watcher' });
  const client = await openAs(t, server, 'u-17');
  const { presence } = await client.subscribe(channel);
  assert.deepEqual(presence.hash, { watcher: null, 'u-17': null });
  assert.deepEqual(JSON.parse((await watcher.expect(ADDED, channel)).data), { user_id: 'u-17' });
});

overEach('protocol 13: channel_data overrides the user', async (t) => {
  const channel = 'presence-p13-override';
  const client = await openAs(t, server, { id: 'u-17', user_info: NICK });
  const member = { user_id: 'nom-de-plume', user_info: { nick: 'Z' } };
  const { presence } = await client.subscribe(channel, member);
  assert.deepEqual(presence.hash, { 'nom-de-plume': { nick: 'Z' } });
});

overEach('protocol 13: without channel_data the auth must still be right', async (t) => {
  const channel = 'presence-p13-unsigned';
  const client = await openAs(t, server, 'u-17');
  for (const auth of [undefined, '', `${MAIN.key}:00`, client.auth('presence-p13-other')]) {
    assertRefused(await client.request({ channel, auth }), channel);
  }
  const { presence } = await client.subscribe(channel);
  assert.deepEqual(presence.ids, ['u-17']);
});

overEach('protocol 13: who is not signed in needs channel_data', async (t) => {
  const channel = 'presence-p13-anonymous';
  const client = await open(t, server);
  assertRefused(await client.request({ channel, auth: client.auth(channel) }), channel);
  assertNoSignin(await requestSignin(client, { auth: 'x:y', user_data: '{"id":"u-17"}' }));
  assertRefused(await client.request({ channel, auth: client.auth(channel) }), channel);
});
