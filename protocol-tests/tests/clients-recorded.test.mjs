// The clients for Java, .NET and Swift, as recorded in `clients/`: what they send is taken, and
// what they receive is what they can use.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { featuresOf, titleOf } from '../clients/features.mjs';
import { RECORDED } from '../clients/recorded.mjs';
import { MAIN } from '../lib/apps.mjs';
import { defer } from '../lib/defer.mjs';
import { assertOk, post, publish } from '../lib/http.mjs';
import * as raw from '../lib/raw.mjs';
import { connect, dial } from '../lib/recorded.mjs';
import { OWN_SERVER, Server, useServer } from '../lib/server.mjs';
import { signinData } from '../lib/users.mjs';

const server = useServer();
const social = useServer({
  server: { offline_delay: 0 },
  apps: [{ ...MAIN, client_events: true, watchlist_events: true }],
});
const counting = useServer({ apps: [{ ...MAIN, subscription_count: true }] });

const SUCCEEDED = 'pusher_internal:subscription_succeeded';
const COUNT = 'pusher_internal:subscription_count';
const SEALED = {
  nonce: 'ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7',
  ciphertext: 'bfLuoH+6+VIWxLSpBZZRKatj3Z8fRsy2YNph2CY=',
};

/** A channel of the test's own; its characters are the ones that serialisers treat differently. */
const channelOf = (prefix, family) => `${prefix}of.${family.name.slice(-4)};a=b@c,d`;

/** A message of the application, there and back. */
async function assertHears(client, channel, where = server) {
  await publish(where, { channel, name: 'greet', data: '{"from":"a server"}' });
  const { shown, user } = await client.expect('greet', channel);
  assert.deepEqual([shown, user], ['{"from":"a server"}', undefined]);
}

/** A refusal is told as an error without a closing code, and the connection stays. */
async function assertRefused(client, channel) {
  const [error, ...more] = await client.settle();
  assert.deepEqual([error.event, error.shown.code], ['pusher:error', null]);
  const noted = more.map((message) => [message.event, message.channel]);
  const expected = channel.startsWith('private-encrypted-')
    ? []
    : [['pusher:subscription_error', channel]];
  assert.deepEqual(noted, expected);
}

/** Up to protocol 5 the error event comes first; .NET knows of the close by nothing else. */
async function assertClosed(client, code) {
  const { messages, code: sent } = await client.readClose();
  assert.equal(sent, code);
  const told = messages.map(({ event, shown }) => [event, shown.code]);
  assert.deepEqual(told, client.family.protocol <= 5 ? [['pusher:error', code]] : []);
}

const scenarios = {
  async public(t, family) {
    const channel = channelOf('', family);
    const client = await connect(t, server, family);
    await client.joined(channel);
    await assertHears(client, channel);
    client.send(family.unsubscribe(channel));
    await client.assertQuiet('leaving is not answered');
    await publish(server, { channel, name: 'late' });
    await client.assertQuiet('nothing more after leaving');
    await client.joined(channel);
  },

  async private(t, family) {
    const channel = channelOf('private-', family);
    const client = await connect(t, server, family);
    client.send(family.subscribeWith(channel, { auth: `${server.app.key}:00` }));
    await assertRefused(client, channel);
    await client.joined(channel);
    await assertHears(client, channel);
  },

  async presence(t, family) {
    const channel = channelOf('presence-', family);
    const first = await raw.open(t, server);
    await first.subscribe(channel, { user_id: 10 });
    const client = await connect(t, server, family);
    const info = { nick: "Zoë's <b>=</b>" };
    const { shown } = await client.joined(channel, { user_id: 'u-17', user_info: info });
    assert.deepEqual(shown, { 10: null, 'u-17': info });
    const { data } = await first.expect('pusher_internal:member_added', channel);
    assert.deepEqual(JSON.parse(data), { user_id: 'u-17', user_info: info });

    const second = await raw.open(t, server);
    await second.subscribe(channel, { user_id: 'u-18' });
    const added = await client.expect('pusher_internal:member_added', channel);
    assert.deepEqual(added.shown, { 'u-18': null });
    await second.close();
    const removed = await client.expect('pusher_internal:member_removed', channel);
    assert.equal(removed.shown, 'u-18');
  },

  async encrypted(t, family) {
    const channel = channelOf('private-encrypted-', family);
    const client = await connect(t, server, family);
    client.send(family.subscribeWith(channel, { auth: `${server.app.key}:00` }));
    await assertRefused(client, channel);
    await client.joined(channel);
    await publish(server, { channel, name: 'greet', data: JSON.stringify(SEALED) });
    assert.deepEqual((await client.expect('greet', channel)).shown, SEALED);

    // What cannot be decrypted ends the event thread of some clients: nobody may send it.
    const mischief = await raw.open(t, server);
    await mischief.subscribe(channel);
    mischief.sendClientEvent(channel, 'client-x', { plain: true });
    assert.equal((await mischief.settle()).length, 1);
    await client.assertQuiet('nothing that cannot be decrypted');
  },

  async cache(t, family) {
    for (const prefix of ['cache-', 'private-cache-', 'private-encrypted-cache-']) {
      const channel = channelOf(prefix, family);
      const data = prefix === 'private-encrypted-cache-' ? JSON.stringify(SEALED) : 'as it was';
      const early = await connect(t, server, family);
      await early.joined(channel);
      assert.equal((await early.expect('pusher:cache_miss', channel)).shown, '{}');
      await publish(server, { channel, name: 'moved', data });
      const live = await early.expect('moved', channel);
      const late = await connect(t, server, family);
      await late.joined(channel);
      assert.deepEqual(await late.expect('moved', channel), live);
    }
  },

  async 'client events'(t, family) {
    for (const prefix of ['private-', 'presence-']) {
      const channel = channelOf(`${prefix}talk-`, family);
      const member = (user_id) => (prefix === 'presence-' ? { user_id } : undefined);
      const other = await raw.open(t, server);
      await other.subscribe(channel, member('u-18'));
      const client = await connect(t, server, family);
      await client.joined(channel, member('u-17'));
      client.send(family.trigger(channel, 'client-typing', { on: 'a/b=c' }));
      const heard = await other.waitFor((m) => m.event === 'client-typing');
      assert.deepEqual(JSON.parse(heard.data), { on: 'a/b=c' });
      assert.equal(heard.user_id, member('u-17')?.user_id);
      other.sendClientEvent(channel, 'client-typing', { on: false });
      const { shown, user } = await client.expect('client-typing', channel);
      assert.deepEqual([shown, user], ['{"on":false}', member('u-18')?.user_id]);
    }
  },

  async 'sign-in'(t, family) {
    const id = `user-of-${family.name.slice(-4)}`;
    const channel = `#server-to-user-${id}`;
    const client = await connect(t, server, family);
    client.send(family.signIn({ ...signinData(client, { id }), auth: `${server.app.key}:00` }));
    const [refused, ...more] = await client.settle();
    assert.deepEqual([refused.event, refused.shown.code, more], ['pusher:error', null, []]);

    client.send(family.signIn(signinData(client, { id, user_info: { nick: 'Zoë' } })));
    assert.equal((await client.expect('pusher:signin_success')).shown, id);
    await client.joined(channel);
    await assertHears(client, channel);
    await client.assertQuiet('an event for a user comes once');
    const path = `/users/${id}/terminate_connections`;
    assertOk(await post(server, path, {}));
    await assertClosed(client, 4009);
  },

  async watchlist(t, family) {
    const client = await connect(t, social, family);
    const watched = ['u-1', 'u-2'];
    client.send(family.signIn(signinData(client, { id: 'watcher', watchlist: watched })));
    await client.expect('pusher:signin_success');
    const events = 'pusher_internal:watchlist_events';
    assert.deepEqual((await client.expect(events)).shown, { offline: watched });
    const friend = await connect(t, social, family);
    friend.send(family.signIn(signinData(friend, { id: 'u-2' })));
    assert.deepEqual((await client.expect(events)).shown, { online: ['u-2'] });

    // An error after the success would be taken for that of the user's channel.
    const greedy = await connect(t, social, family);
    const many = Array.from({ length: 101 }, (_, n) => `friend-${n}`);
    greedy.send(family.signIn(signinData(greedy, { id: 'greedy', watchlist: many })));
    assert.equal((await greedy.expect('pusher:error')).shown.code, 4302);
    await greedy.expect('pusher:signin_success');
    const shown = { offline: many.slice(0, 100) };
    assert.deepEqual((await greedy.expect(events)).shown, shown);
  },

  async counts(t, family) {
    const channel = channelOf('private-', family);
    const client = await connect(t, counting, family);
    await client.joined(channel);
    assert.equal((await client.expect(COUNT, channel)).shown, 1);
    const other = await raw.open(t, counting);
    await other.subscribe(channel);
    assert.equal((await client.expect(COUNT, channel)).shown, 2);

    // Java takes every event of an encrypted channel for an encrypted one.
    const secret = channelOf('private-encrypted-', family);
    await client.joined(secret);
    const counts = (await client.settle()).map(({ event, shown }) => [event, shown]);
    assert.deepEqual(counts, family.name === 'Java' ? [] : [[COUNT, 1]]);
  },

  async errors(t, family) {
    await assertClosed(await dial(t, server, family, { app: { key: 'unknown' } }), 4001);

    const client = await connect(t, server, family);
    client.send('{"event":"pusher:nonsense","data":{}}');
    const { shown } = await client.expect('pusher:error');
    assert.equal(shown.code, null);

    const channel = channelOf('private-rate-', family);
    await client.joined(channel);
    for (let n = 0; n < 11; n += 1) client.send(family.trigger(channel, 'client-n', { n }));
    const errors = await client.settle();
    assert.deepEqual(
      errors.map((e) => [e.event, e.shown.code]),
      [['pusher:error', 4301]],
    );
  },

  async liveness(t, family) {
    const channel = channelOf('', family);
    const client = await connect(t, server, family);
    // Ten minutes of one ping a second, and still nothing is limited.
    for (let n = 0; n < 600; n += 1)
      await client.assertQuiet('a ping is answered, and that is all');
    await client.joined(channel);
    await assertHears(client, channel);
  },

  async reconnect(t, family) {
    const own = new Server();
    await own.start();
    defer(t, () => own.stop());
    const channel = channelOf('private-', family);
    const member = { user_id: 'u-17' };
    const lobby = channelOf('presence-', family);
    const rejoin = async () => {
      const client = await connect(t, own, family);
      await client.joined(channel);
      assert.deepEqual((await client.joined(lobby, member)).shown, { 'u-17': null });
      return client;
    };
    const before = await rejoin();
    const [, after] = await Promise.all([assertClosed(before, 4200), own.restart()]);
    assert.equal(after.code, 0);
    await assertHears(await rejoin(), lobby, own);
  },
};

const OWN = ['watchlist', 'counts', 'reconnect'];

for (const family of RECORDED) {
  for (const feature of featuresOf(family)) {
    const options = OWN.includes(feature) ? OWN_SERVER : {};
    test(titleOf(family, feature), options, (t) => scenarios[feature](t, family));
  }
}
