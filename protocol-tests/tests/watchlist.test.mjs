// Online and offline of watched users: protocol.md §19 line 14, and the long lists of line 13.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN, OTHER } from '../lib/apps.mjs';
import { assertOk, post } from '../lib/http.mjs';
import { Inbox } from '../lib/inbox.mjs';
import * as pusherJs from '../lib/pusherjs.mjs';
import { open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { userAuth } from '../lib/sign.mjs';
import { overEach } from '../lib/transports.mjs';
import { openAs, requestSignin, signinData } from '../lib/users.mjs';

const WATCHING = { ...MAIN, watchlist_events: true };
const THEIRS = { id: '4848', key: 'kaa7c4e5d3f2b1a0', secret: 's3cr3t-7c4e5d3f2b1a' };
const apps = [WATCHING, OTHER, { ...THEIRS, watchlist_events: true }];
const server = useServer({ server: { offline_delay: 0 }, apps });
const lenient = useServer({ server: { offline_delay: 2 }, apps });
const patient = useServer({ server: { offline_delay: 3600 }, apps });

const EVENT = 'pusher_internal:watchlist_events';

/** What one message of the watchlist says: the ids by name of the event, sorted. */
function decode({ data, ...rest }) {
  assert.deepEqual(rest, { event: EVENT }, 'it has no channel');
  const { events, ...more } = JSON.parse(data);
  assert.deepEqual(more, {});
  const entries = events.map(({ name, user_ids: ids, ...others }) => {
    assert.deepEqual(others, {});
    assert.ok(['online', 'offline'].includes(name), name);
    assert.ok(ids.length > 0, 'an entry with no ids is left out');
    return [name, ids.toSorted()];
  });
  const told = Object.fromEntries(entries);
  assert.equal(Object.keys(told).length, entries.length, 'one entry of each name');
  return told;
}

const expectChange = async (client, change) =>
  assert.deepEqual(decode(await client.expect(EVENT, undefined)), change);

/** A new connection of a user who watches these ids; gives it and the state it was told. */
async function watch(t, id, watchlist, where = server, options = {}) {
  const client = await openAs(t, where, { id, watchlist }, options);
  const answers = await client.settle();
  assert.ok(answers.length <= 1, JSON.stringify(answers));
  return { client, state: answers.length === 1 ? decode(answers[0]) : null };
}

for (const [what, list] of [
  ['a string', '"u-18"'],
  ['a list with a number', '[18]'],
]) {
  overEach(`protocol 13: ${what} as watchlist is refused where read`, OWN_SERVER, async (t) => {
    const client = await open(t, server);
    const text = `{"id":"u-17","watchlist":${list}}`;
    const [refusal, ...more] = await requestSignin(client, signinData(client, text));
    assert.deepEqual([refusal.event, more], ['pusher:error', []]);
    assert.match(refusal.data.message, /watchlist/);
    const elsewhere = await open(t, server, { app: OTHER });
    const [success] = await requestSignin(elsewhere, signinData(elsewhere, text));
    assert.equal(success.event, 'pusher:signin_success', 'where it is ignored, it does no harm');
  });
}

overEach('protocol 14: the state: online, offline, both, nothing', OWN_SERVER, async (t) => {
  await openAs(t, server, 's-a');
  await openAs(t, server, 's-b');
  const state = async (watchlist) => (await watch(t, 's-watcher', watchlist)).state;
  assert.deepEqual(await state(['s-a', 's-b']), { online: ['s-a', 's-b'] });
  assert.deepEqual(await state(['s-x', 's-y']), { offline: ['s-x', 's-y'] });
  const both = { online: ['s-a'], offline: ['s-x'] };
  assert.deepEqual(await state(['s-x', 's-a']), both);
  assert.equal(await state([]), null);
  assert.equal(await state(undefined), null);
});

overEach('protocol 14: online with the first, offline after the last', OWN_SERVER, async (t) => {
  const { client: watcher } = await watch(t, 'w-turns', ['u-turns']);
  const first = await openAs(t, server, 'u-turns');
  await expectChange(watcher, { online: ['u-turns'] });
  const second = await openAs(t, server, 'u-turns');
  await watcher.assertQuiet('online already');
  await first.close();
  await second.assertQuiet();
  await second.close();
  await expectChange(watcher, { offline: ['u-turns'] });
  await openAs(t, server, 'u-turns');
  await expectChange(watcher, { online: ['u-turns'] });
  await watcher.assertQuiet('each change is told once');
});

overEach('protocol 14: a connection is reset, or terminated over HTTP', OWN_SERVER, async (t) => {
  const { client: watcher } = await watch(t, 'w-ends', ['u-ends']);
  const user = await openAs(t, server, 'u-ends');
  // Each change is waited for: two quick ones may be told as none.
  await expectChange(watcher, { online: ['u-ends'] });
  user.terminate();
  await expectChange(watcher, { offline: ['u-ends'] });
  await openAs(t, server, 'u-ends');
  await expectChange(watcher, { online: ['u-ends'] });
  assertOk(await post(server, '/users/u-ends/terminate_connections', {}));
  await expectChange(watcher, { offline: ['u-ends'] });
});

overEach('protocol 14: all connections of watchers are told, no others', OWN_SERVER, async (t) => {
  const watchers = [
    await watch(t, 'w-many-1', ['u-many']),
    await watch(t, 'w-many-1', ['u-many']),
    await watch(t, 'w-many-2', ['u-other', 'u-many']),
  ].map(({ client }) => client);
  const { client: uninterested } = await watch(t, 'w-many-3', ['u-other']);
  const anonymous = await open(t, server);
  const silent = await openAs(t, server, 'w-many-4');

  const user = await openAs(t, server, 'u-many');
  for (const watcher of watchers) await expectChange(watcher, { online: ['u-many'] });
  await user.assertQuiet('he watches nobody');
  await user.close();
  for (const watcher of watchers) await expectChange(watcher, { offline: ['u-many'] });
  for (const other of [uninterested, anonymous, silent]) await other.assertQuiet();
});

overEach('protocol 14: a watcher who has left is not missed', OWN_SERVER, async (t) => {
  const gone = await watch(t, 'w-gone', ['u-gone']);
  const { client: stays } = await watch(t, 'w-stays', ['u-gone']);
  await gone.client.close();
  await openAs(t, server, 'u-gone');
  await expectChange(stays, { online: ['u-gone'] });
});

overEach('protocol 14: two users watch each other', OWN_SERVER, async (t) => {
  const one = await watch(t, 'u-each-1', ['u-each-2']);
  assert.deepEqual(one.state, { offline: ['u-each-2'] });
  const two = await watch(t, 'u-each-2', ['u-each-1']);
  assert.deepEqual(two.state, { online: ['u-each-1'] });
  await expectChange(one.client, { online: ['u-each-2'] });
  await one.client.close();
  await expectChange(two.client, { offline: ['u-each-1'] });
});

overEach('protocol 14: who watches himself is online', OWN_SERVER, async (t) => {
  for (let n = 0; n < 2; n += 1) {
    const { client, state } = await watch(t, 'u-self', ['u-self', 'u-nobody']);
    assert.deepEqual(state, { online: ['u-self'], offline: ['u-nobody'] });
    await client.assertQuiet();
  }
});

overEach('protocol 14: being on a presence channel is not being online', OWN_SERVER, async (t) => {
  const member = await open(t, server);
  await member.subscribe('presence-watch', { user_id: 'u-member' });
  const { client: watcher, state } = await watch(t, 'w-member', ['u-member']);
  assert.deepEqual(state, { offline: ['u-member'] });
  await member.close();
  await watcher.assertQuiet();
});

overEach('protocol 14: a refused sign-in makes nobody online', OWN_SERVER, async (t) => {
  const { client: watcher } = await watch(t, 'w-refused', ['u-refused']);
  const client = await open(t, server);
  const auth = userAuth(OTHER, client.socketId, '{"id":"u-refused"}');
  await requestSignin(client, { auth, user_data: '{"id":"u-refused"}' });
  await watcher.assertQuiet();
});

overEach('protocol 14: apps do not share users', OWN_SERVER, async (t) => {
  await openAs(t, server, 'u-apps');
  const theirs = await watch(t, 'w-apps', ['u-apps'], server, { app: THEIRS });
  assert.deepEqual(theirs.state, { offline: ['u-apps'] });
  await openAs(t, server, 'u-apps');
  await theirs.client.assertQuiet();
});

overEach('protocol 14: who is away for less than the delay stays online', OWN_SERVER, async (t) => {
  const ids = ['u-short', 'u-long'];
  const { client: watcher } = await watch(t, 'w-delay', ids, lenient);
  const away = await openAs(t, lenient, 'u-short');
  const leaves = await openAs(t, lenient, 'u-long');
  await expectChange(watcher, { online: ['u-short'] });
  await expectChange(watcher, { online: ['u-long'] });
  await away.close();
  await openAs(t, lenient, 'u-short');
  // He left earlier than the other one: were it told, it would be told earlier.
  await leaves.close();
  await expectChange(watcher, { offline: ['u-long'] });
  await watcher.assertQuiet();
});

overEach('protocol 14: who returns within the delay is not online anew', OWN_SERVER, async (t) => {
  const { client: watcher } = await watch(t, 'w-patient', ['u-patient', 'u-mark'], patient);
  const user = await openAs(t, patient, 'u-patient');
  await expectChange(watcher, { online: ['u-patient'] });
  for (let n = 0; n < 3; n += 1) {
    await (await openAs(t, patient, 'u-patient')).close();
  }
  await user.close();
  await openAs(t, patient, 'u-patient');
  await openAs(t, patient, 'u-mark');
  await expectChange(watcher, { online: ['u-mark'] });
  await watcher.assertQuiet();
});

const crowd = (size) => Array.from({ length: size }, (_, n) => `u-${String(n).padStart(3, '0')}`);

/** Signs in with so many watched users; gives the connection and all answers. */
async function watchMany(t, id, size, options) {
  const client = await open(t, server, options);
  const data = signinData(client, { id, watchlist: crowd(size) });
  return { client, data, answers: await requestSignin(client, data) };
}

overEach('protocol 13: 100 watched users are accepted', OWN_SERVER, async (t) => {
  const { answers } = await watchMany(t, 'w-100', 100);
  assert.deepEqual(
    answers.map((m) => m.event),
    ['pusher:signin_success', EVENT],
  );
  assert.deepEqual(decode(answers[1]), { offline: crowd(100) });
});

overEach('protocol 13: 100 ids of 128 characters fit into a message', OWN_SERVER, async (t) => {
  const watchlist = Array.from({ length: 100 }, (_, n) => `${n}-`.padEnd(128, 'x'));
  const { state } = await watch(t, 'w-large', watchlist);
  assert.deepEqual(state, { offline: watchlist.toSorted() });
});

overEach('protocol 13: of 101 watched users 100 are: 4302, then success', OWN_SERVER, async (t) => {
  const { client, data, answers } = await watchMany(t, 'w-101', 101);
  const [error, success, state, ...rest] = answers;
  assert.deepEqual([error.event, error.data.code, rest], ['pusher:error', 4302, []]);
  assert.equal(success.event, 'pusher:signin_success');
  assert.deepEqual(JSON.parse(success.data), { user_data: data.user_data }, 'all is echoed');
  assert.deepEqual(decode(state), { offline: crowd(100) });
  const ids = crowd(101);
  await openAs(t, server, ids[100]);
  await client.assertQuiet('the one too many is not watched');
  await openAs(t, server, ids[99]);
  await expectChange(client, { online: [ids[99]] });
});

overEach('protocol 14: off by default: no events, no list is too long', OWN_SERVER, async (t) => {
  const { client, answers } = await watchMany(t, 'w-off', 101, { app: OTHER });
  assert.deepEqual(
    answers.map((m) => m.event),
    ['pusher:signin_success'],
  );
  await (await openAs(t, server, 'u-000', { app: OTHER })).close();
  await client.assertQuiet();
});

test('protocol 14: pusher-js hears of the users it watches', OWN_SERVER, async (t) => {
  const user = JSON.stringify({ id: 'w-pusher-js', watchlist: ['u-pusher-js'] });
  const sign = ({ socketId }, done) =>
    done(null, { auth: userAuth(server.app, socketId, user), user_data: user });
  const options = { userAuthentication: { customHandler: sign } };
  const client = await pusherJs.connect(t, server, undefined, options);
  const told = new Inbox('watchlist of pusher-js');
  for (const name of ['online', 'offline']) {
    client.user.watchlist.bind(name, ({ user_ids: ids }) => told.push([name, ids]));
  }
  client.signin();
  assert.deepEqual(await told.next(), ['offline', ['u-pusher-js']]);
  const friend = await openAs(t, server, 'u-pusher-js');
  assert.deepEqual(await told.next(), ['online', ['u-pusher-js']]);
  await friend.close();
  assert.deepEqual(await told.next(), ['offline', ['u-pusher-js']]);
});
