// Every limit of limits-and-quotas.md §1 that an app may set: what just fits, and one more. The
// defaults are tested where the feature is; what a node sets for all is in bad-input (frames),
// http-body (bodies), slow-consumer (queues) and connection (connections); cache has the TTL.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN, OTHER } from '../lib/apps.mjs';
import { assertFailed, assertOk, get, post } from '../lib/http.mjs';
import { until, within } from '../lib/inbox.mjs';
import * as pusherJs from '../lib/pusherjs.mjs';
import { assertRefused, dial, open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { overEach } from '../lib/transports.mjs';
import { assertNoSignin, channelOf, openAs, requestSignin, signinData } from '../lib/users.mjs';

const NARROW = {
  ...MAIN,
  client_events: true,
  watchlist_events: true,
  max_event_data_bytes: 20,
  max_event_name_length: 10,
  max_channel_name_length: 30,
  max_channels_per_event: 2,
  max_batch_size: 3,
  max_user_id_length: 5,
  max_presence_members: 4,
  max_presence_member_bytes: 60,
  max_watchlist: 6,
  max_channels_per_connection: 7,
  client_events_per_second: 8,
};
const WIDE = {
  ...OTHER,
  client_events: true,
  watchlist_events: true,
  max_event_data_bytes: 20_480,
  max_event_name_length: 250,
  max_channel_name_length: 300,
  max_channels_per_event: 120,
  max_batch_size: 23,
  max_user_id_length: 150,
  max_presence_members: 6,
  max_presence_member_bytes: 4096,
  max_watchlist: 130,
  max_channels_per_connection: 40,
  client_events_per_second: 25,
};
const server = useServer({ apps: [NARROW, WIDE] });

const x = (length) => 'x'.repeat(length);
const list = (length, item) => Array.from({ length }, (_, n) => item(n));
const event = (more) => ({ name: 'e', channel: 'a', data: '', ...more });

const BY_BACK_ENDS = new Set();

/** What an answer of the API says against the request: nothing, or the reason. */
function overHttp(status, request) {
  const attempt = async (t, app, size) => {
    const response = await request(size, { app });
    if (response.status === 200) return assertOk(response) && null;
    return assertFailed(response, status);
  };
  BY_BACK_ENDS.add(attempt);
  return attempt;
}

const toEvents = (status, make) =>
  overHttp(status, (size, more) => post(server, '/events', event(make(size)), more));

const toBatch = (status, make) =>
  overHttp(status, (size, more) => post(server, '/batch_events', { batch: make(size) }, more));

/** The same for a client event. */
const asClientEvent = (make) => async (t, app, size) => {
  const client = await open(t, server, { app });
  await client.subscribe('private-limits');
  client.send({ event: 'client-x', channel: 'private-limits', data: '', ...make(size) });
  const answers = await client.settle();
  return answers.length === 0 ? null : assertNoSignin(answers);
};

/** The same for a subscription. */
async function subscribing(client, channel, member, refusal) {
  const data = member && JSON.stringify(member);
  const auth = client.auth(channel, data);
  const answers = await client.request({ channel, channel_data: data, auth });
  if (answers[0].event === 'pusher_internal:subscription_succeeded') return null;
  return assertRefused(answers, channel, refusal);
}

const asMember = (make) => async (t, app, size) => {
  const client = await open(t, server, { app });
  const refusal = { type: 'LimitReached', status: 4301 };
  return subscribing(client, 'presence-limits', make(size), refusal);
};

const memberOfBytes = (size) => {
  const member = { user_id: 'u', user_info: { a: '' } };
  member.user_info.a = x(size - JSON.stringify(member).length);
  return member;
};

async function signingIn(t, app, size) {
  const client = await open(t, server, { app });
  const answers = await requestSignin(client, signinData(client, { id: x(size) }));
  return answers[0].event === 'pusher:signin_success' ? null : assertNoSignin(answers);
}

async function watching(t, app, size) {
  const client = await open(t, server, { app });
  const user = { id: 'w', watchlist: list(size, (n) => `u${n}`) };
  const answers = await requestSignin(client, signinData(client, user));
  const state = JSON.parse(answers.at(-1).data).events;
  const limit = app.max_watchlist;
  assert.equal(state[0].user_ids.length, Math.min(size, limit), 'what is too much is left out');
  if (answers[0].event === 'pusher:signin_success') return null;
  assert.equal(answers[0].data.code, 4302);
  assert.equal(answers[1].event, 'pusher:signin_success');
  return answers[0].data.message;
}

async function subscribingToMany(t, app, size) {
  const client = await open(t, server, { app });
  for (let n = 1; n < size; n += 1) await client.subscribe(`many-${n}`);
  const outcome = await subscribing(client, 'many-last');
  if (outcome === null) return null;
  client.unsubscribe('many-1');
  assert.equal(await subscribing(client, 'many-last'), null, 'there is room again');
  return outcome;
}

async function filling(t, app, size) {
  const channel = `presence-limits-${size}`;
  for (let n = 1; n < size; n += 1) {
    await (await open(t, server, { app })).subscribe(channel, { user_id: `u${n}` });
  }
  const refusal = { type: 'LimitReached', status: 4100 };
  const client = await open(t, server, { app });
  const outcome = await subscribing(client, channel, { user_id: 'u' }, refusal);
  const present = await open(t, server, { app });
  assert.equal(await subscribing(present, channel, { user_id: 'u1' }), null, 'is in already');
  return outcome;
}

async function sendingFast(t, app, size) {
  const client = await open(t, server, { app });
  await client.subscribe('private-limits');
  // Beyond the limit far beyond it, for what is allowed anew while they are read.
  const count = size > app.client_events_per_second ? size * 10 : size;
  const event = { event: 'client-x', channel: 'private-limits', data: '' };
  client.sendAtOnce(list(count, () => event));
  const answers = await client.settle();
  for (const { data } of answers) assert.equal(data.code, 4301);
  return answers.length === 0 ? null : answers[0].data.message;
}

/** What is limited, by which setting, how it is tried, and what the refusal must mention. */
const LIMITS = [
  ['data of an event', 'max_event_data_bytes', toEvents(413, (n) => ({ data: x(n) })), /data/],
  [
    'data of an event, in bytes of UTF-8',
    'max_event_data_bytes',
    toEvents(413, (n) => ({ data: `ä${x(n - 2)}` })),
    /data/,
  ],
  [
    'data of an event in a batch',
    'max_event_data_bytes',
    toBatch(413, (n) => [event({ data: x(n) })]),
    /data/,
  ],
  [
    'data of a client event',
    'max_event_data_bytes',
    asClientEvent((n) => ({ data: x(n) })),
    /data/,
  ],
  ['event name', 'max_event_name_length', toEvents(400, (n) => ({ name: x(n) })), /event name/],
  [
    'event name in characters',
    'max_event_name_length',
    toEvents(400, (n) => ({ name: 'ä'.repeat(n) })),
    /event name/,
  ],
  [
    'event name in a batch',
    'max_event_name_length',
    toBatch(400, (n) => [event({ name: x(n) })]),
    /event name/,
  ],
  [
    'name of a client event',
    'max_event_name_length',
    asClientEvent((n) => ({ event: 'client-'.padEnd(n, 'x') })),
    /event name/,
  ],
  [
    'channel name of an event',
    'max_channel_name_length',
    toEvents(400, (n) => ({ channel: x(n) })),
    /channel name/,
  ],
  [
    'channel name that is asked about',
    'max_channel_name_length',
    overHttp(400, (n, more) => get(server, `/channels/${x(n)}`, [], more)),
    /channel name/,
  ],
  [
    'channel name whose users are asked for',
    'max_channel_name_length',
    overHttp(400, (n, more) =>
      get(server, `/channels/${'presence-'.padEnd(n, 'x')}/users`, [], more),
    ),
    /channel name/,
  ],
  [
    'channel name of a subscription',
    'max_channel_name_length',
    async (t, app, n) => subscribing(await open(t, server, { app }), x(n)),
    /channel name/,
  ],
  [
    'channels of an event',
    'max_channels_per_event',
    toEvents(400, (n) => ({ channel: undefined, channels: list(n, (at) => `c${at}`) })),
    /channels/,
  ],
  ['events of a batch', 'max_batch_size', toBatch(400, (n) => list(n, () => event())), /events/],
  [
    'id of the user of an event',
    'max_user_id_length',
    toEvents(400, (n) => ({ channel: channelOf(x(n)) })),
    /user_id/,
  ],
  [
    'id of a user whose connections are to be closed',
    'max_user_id_length',
    overHttp(400, (n, more) => post(server, `/users/${x(n)}/terminate_connections`, {}, more)),
    /user_id/,
  ],
  ['id of a member', 'max_user_id_length', asMember((n) => ({ user_id: x(n) })), /user_id/],
  ['id of who signs in', 'max_user_id_length', signingIn, /id/],
  ['description of a member', 'max_presence_member_bytes', asMember(memberOfBytes), /channel_data/],
  ['watchlist', 'max_watchlist', watching, /watchlist/],
];

/** Here what there was is the limit itself, or changes all the time. */
const FULL = [
  ['channels of a connection', 'max_channels_per_connection', subscribingToMany, /subscriptions/],
  ['members of a channel', 'max_presence_members', filling, /members/],
  ['client events', 'client_events_per_second', sendingFast, /client event rate/],
];

for (const [what, setting, attempt, words, observed = true] of [
  ...LIMITS,
  ...FULL.map((row) => [...row, false]),
]) {
  // Back ends do not come over the clients' transports.
  const register = BY_BACK_ENDS.has(attempt) ? test : overEach;
  register(`limits: ${what} (${setting})`, OWN_SERVER, async (t) => {
    for (const app of [NARROW, WIDE]) {
      const limit = app[setting];
      assert.equal(await attempt(t, app, limit), null, `${limit} must be accepted`);
      const reason = await attempt(t, app, limit + 1);
      assert.equal(typeof reason, 'string', `${limit + 1} must be refused`);
      assert.match(reason, words);
      assert.match(reason, new RegExp(`\\b${limit}\\b`), 'the limit is told');
      if (observed) assert.match(reason, new RegExp(`\\b${limit + 1}\\b`), 'what there was, too');
    }
  });
}

overEach('limits: who signed in is no larger as a member', OWN_SERVER, async (t) => {
  const refusal = { type: 'LimitReached', status: 4301 };
  for (const app of [NARROW, WIDE]) {
    const limit = app.max_presence_member_bytes;
    const join = async (info) => {
      const client = await openAs(t, server, { id: 'u', user_info: info }, { app });
      return subscribing(client, 'presence-in', undefined, refusal);
    };
    assert.equal(await join({ a: x(limit / 2) }), null);
    assert.match(await join({ a: x(limit) }), new RegExp(`\\b${limit}\\b`), 'the limit is told');
  }
});

const TWO = { ...MAIN, max_connections: 2 };
const THREE = { ...OTHER, max_connections: 3 };
/** Nobody else is here, so that it is known how many places are free. */
const CROWDED = {
  id: '5252',
  key: 'kc20eded0c20eded',
  secret: 's3cr3t-c20eded0',
  max_connections: 2,
};
const ENDLESS = { id: '4949', key: 'kc0a57le55c0a571', secret: 's3cr3t-c0a571e5' };
const full = useServer({ apps: [TWO, THREE, CROWDED, { ...ENDLESS, max_connections: -1 }] });
const insistent = useServer({ apps: [TWO], sections: { compat: { over_quota_code: 4100 } } });

/** What becomes of a new connection: it is inside, or closed with a code. */
async function admission(client) {
  const inside = client.handshake().then(
    () => 'inside',
    () => 'outside',
  );
  const outcome = await within(inside, 'the handshake or the close');
  return outcome === 'inside' ? outcome : (await client.waitForClose()).code;
}

/** A place is free when the server has read the close; a client that came too early tries again. */
const openWhenThereIsRoom = (t, where, options) =>
  until(
    (client) => client.socketId !== undefined,
    async () => {
      const client = dial(t, where, options);
      await admission(client);
      return client;
    },
    'a place for a new client',
  );

overEach('limits: max_connections: 4004 until somebody leaves', OWN_SERVER, async (t) => {
  for (const app of [TWO, THREE]) {
    const limit = app.max_connections;
    const clients = [];
    while (clients.length < limit) clients.push(await openWhenThereIsRoom(t, full, { app }));
    for (const protocol of [6, 7]) {
      const { code, reason } = await dial(t, full, { app, protocol }).waitForClose();
      assert.equal(code, 4004);
      assert.match(reason, new RegExp(`\\b${limit}\\b`), 'the limit is told');
      assert.match(reason, /connections/);
    }
    const old = dial(t, full, { app, protocol: 5 });
    assert.equal((await old.expect('pusher:error')).data.code, 4004);
    assert.equal((await old.waitForClose()).code, 4004);

    await clients.pop().close();
    clients.push(await openWhenThereIsRoom(t, full, { app }));
    assert.equal((await dial(t, full, { app }).waitForClose()).code, 4004);
    clients.pop().terminate();
    clients.push(await openWhenThereIsRoom(t, full, { app }));
    for (const client of clients) await client.assertQuiet('those inside do not notice');
  }
});

overEach('limits: many connections at once do not overfill an app', OWN_SERVER, async (t) => {
  const first = await open(t, full, { app: CROWDED });
  const crowd = list(30, () => dial(t, full, { app: CROWDED }));
  const outcomes = await Promise.all(crowd.map(admission));
  const inside = outcomes.filter((outcome) => outcome === 'inside').length;
  assert.equal(inside, 1, outcomes.join(' '));
  assert.ok(outcomes.every((outcome) => ['inside', 4004].includes(outcome)), outcomes.join(' '));
  await first.assertQuiet();
  for (const client of list(10, () => open(t, full, { app: ENDLESS }))) await client;
});

test('limits: connections that come and go at once leave their places', OWN_SERVER, async (t) => {
  for (let n = 0; n < 50; n += 1) {
    const client = dial(t, full, { app: THREE });
    client.socket.once('upgrade', () => client.terminate());
    await client.closed;
  }
  for (let n = 0; n < 3; n += 1) await openWhenThereIsRoom(t, full, { app: THREE });
  assert.equal((await dial(t, full, { app: THREE }).waitForClose()).code, 4004);
});

overEach('limits: a full app of soketi users closes with 4100', OWN_SERVER, async (t) => {
  await open(t, insistent);
  await open(t, insistent);
  assert.equal((await dial(t, insistent).waitForClose()).code, 4100);
  const old = dial(t, insistent, { protocol: 5 });
  assert.equal((await old.expect('pusher:error')).data.code, 4100);
});

test('limits: pusher-js stops at a full app', OWN_SERVER, async (t) => {
  await openWhenThereIsRoom(t, full, { app: TWO });
  await openWhenThereIsRoom(t, full, { app: TWO });
  const client = pusherJs.create(t, full);
  await client.states.waitFor((state) => state === 'disconnected', 'pusher-js to give up');
  assert.equal((await client.errors.next()).error.data.code, 4004);
});
