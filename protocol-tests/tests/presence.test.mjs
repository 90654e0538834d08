// Presence channels: protocol.md §19 lines 9 and 10.

import assert from 'node:assert/strict';

import { assertOk, get, post, publish } from '../lib/http.mjs';
import { assertRefused, open } from '../lib/raw.mjs';
import { useServer } from '../lib/server.mjs';
import { overEach } from '../lib/transports.mjs';

const server = useServer();

const ADDED = 'pusher_internal:member_added';
const REMOVED = 'pusher_internal:member_removed';

/** A new connection of a user on the channel; gives the client and the snapshot it got. */
async function join(t, channel, member) {
  const client = await open(t, server);
  const { presence, ...rest } = await client.subscribe(channel, member);
  assert.deepEqual(rest, {});
  assert.deepEqual(Object.keys(presence.hash).sort(), presence.ids.toSorted());
  assert.equal(presence.count, presence.ids.length);
  return { client, presence };
}

async function expectMember(client, event, channel, data) {
  assert.deepEqual(JSON.parse((await client.expect(event, channel)).data), data);
}

async function userCount(channel) {
  const info = await get(server, `/channels/${channel}`, [['info', 'user_count']]);
  return assertOk(info).user_count;
}

for (const kind of ['presence-', 'presence-cache-']) {
  overEach(`protocol 9: two connections of one user are one member (${kind})`, async (t) => {
    const channel = `${kind}p9-two`;
    const { client: watcher, presence } = await join(t, channel, { user_id: 'watcher' });
    assert.deepEqual(presence, { ids: ['watcher'], hash: { watcher: null }, count: 1 });

    const member = { user_id: 'u-17', user_info: { nick: 'Zoë' } };
    const first = await join(t, channel, member);
    assert.equal(first.presence.count, 2);
    assert.deepEqual(first.presence.hash, { watcher: null, 'u-17': { nick: 'Zoë' } });
    await watcher.waitFor((m) => m.event === ADDED);

    const second = await join(t, channel, member);
    assert.deepEqual(second.presence.hash, first.presence.hash);
    await watcher.assertQuiet('the second connection is no second member');
    assert.equal(await userCount(channel), 2);

    first.client.unsubscribe(channel);
    await first.client.settle();
    await watcher.assertQuiet('one connection is left');
    assert.equal(await userCount(channel), 2);

    await second.client.close();
    await expectMember(watcher, REMOVED, channel, { user_id: 'u-17' });
    await watcher.assertQuiet('removed once');
    assert.equal(await userCount(channel), 1);
  });
}

overEach('protocol 9: nobody is told of his own arrival', async (t) => {
  const channel = 'presence-p9-own';
  const { client } = await join(t, channel, { user_id: 'u' });
  const { client: again } = await join(t, channel, { user_id: 'u' });
  await client.assertQuiet();
  await again.assertQuiet();
});

overEach('protocol 9: member_added carries the user, user_info if there is any', async (t) => {
  const channel = 'presence-p9-added';
  const { client: watcher } = await join(t, channel, { user_id: 'watcher' });
  await join(t, channel, { user_id: 'a', user_info: { deep: { er: [1, null, 'ü'] } } });
  const info = { deep: { er: [1, null, 'ü'] } };
  await expectMember(watcher, ADDED, channel, { user_id: 'a', user_info: info });
  await join(t, channel, { user_id: 'b' });
  await expectMember(watcher, ADDED, channel, { user_id: 'b' });
});

for (const how of ['unsubscribe', 'close', 'reset']) {
  overEach(`protocol 9: the last connection leaves by ${how}`, async (t) => {
    const channel = `presence-p9-${how}`;
    const { client: watcher } = await join(t, channel, { user_id: 'watcher' });
    const { client } = await join(t, channel, { user_id: 'u' });
    await watcher.expect(ADDED, channel);
    if (how === 'unsubscribe') client.unsubscribe(channel);
    else if (how === 'close') await client.close();
    else client.terminate();
    await expectMember(watcher, REMOVED, channel, { user_id: 'u' });
    await watcher.assertQuiet();
  });
}

overEach('protocol 9: who leaves and returns is a new member', async (t) => {
  const channel = 'presence-p9-return';
  const { client: watcher } = await join(t, channel, { user_id: 'watcher' });
  const client = await open(t, server);
  for (let n = 0; n < 3; n += 1) {
    await client.subscribe(channel, { user_id: 'u' });
    await expectMember(watcher, ADDED, channel, { user_id: 'u' });
    client.unsubscribe(channel);
    await expectMember(watcher, REMOVED, channel, { user_id: 'u' });
  }
  await watcher.assertQuiet();
});

overEach('protocol 9: a numeric user_id becomes a string everywhere', async (t) => {
  const channel = 'presence-p9-number';
  const { client: watcher } = await join(t, channel, { user_id: 'watcher' });
  const { client, presence } = await join(t, channel, { user_id: 10, user_info: { a: 1 } });
  assert.ok(presence.ids.includes('10'));
  assert.deepEqual(presence.hash['10'], { a: 1 });
  await expectMember(watcher, ADDED, channel, { user_id: '10', user_info: { a: 1 } });
  // "10" and 10 are one user.
  const { client: text } = await join(t, channel, { user_id: '10' });
  await watcher.assertQuiet();
  const { users } = assertOk(await get(server, `/channels/${channel}/users`));
  assert.deepEqual(users.map((u) => u.id).sort(), ['10', 'watcher']);
  await client.close();
  await text.close();
  await expectMember(watcher, REMOVED, channel, { user_id: '10' });
});

overEach('protocol 9: an absent and a null user_info appear in the hash as null', async (t) => {
  const channel = 'presence-p9-null';
  await join(t, channel, { user_id: 'absent' });
  await join(t, channel, { user_id: 'null', user_info: null });
  const { presence } = await join(t, channel, { user_id: 'object', user_info: {} });
  assert.deepEqual(presence.hash, { absent: null, null: null, object: {} });
});

overEach('protocol 9: the newest user_info replaces the older silently', async (t) => {
  const channel = 'presence-p9-newest';
  const { client: watcher } = await join(t, channel, { user_id: 'watcher' });
  await join(t, channel, { user_id: 'u', user_info: { version: 1 } });
  await watcher.expect(ADDED, channel);
  const { presence } = await join(t, channel, { user_id: 'u', user_info: { version: 2 } });
  assert.deepEqual(presence.hash.u, { version: 2 });
  await watcher.assertQuiet();
});

for (const [what, data] of [
  ['no channel_data', undefined],
  ['no JSON', '{'],
  ['a JSON array', '["u"]'],
  ['no user_id', '{"user_info":{}}'],
  ['a null user_id', '{"user_id":null}'],
  ['an object as user_id', '{"user_id":{}}'],
  ['a boolean user_id', '{"user_id":true}'],
  ['a string as user_info', '{"user_id":"u","user_info":"x"}'],
  ['a list as user_info', '{"user_id":"u","user_info":[]}'],
]) {
  overEach(`protocol 9: ${what} is refused`, async (t) => {
    const client = await open(t, server);
    const channel = `presence-p9-bad-${what.replaceAll(' ', '-')}`;
    const request = { channel, auth: client.auth(channel, data), channel_data: data };
    assertRefused(await client.request(request), channel);
    assert.equal(await userCount(channel), 0);
  });
}

overEach('protocol 10: 100 members; the 101st is refused, a present user is not', async (t) => {
  const channel = 'presence-p10';
  const members = [];
  for (let n = 1; n <= 100; n += 1) {
    members.push(await join(t, channel, { user_id: `u-${n}` }));
  }
  assert.equal(members.at(-1).presence.count, 100);

  const late = await open(t, server);
  const data = '{"user_id":"u-101"}';
  const request = { channel, auth: late.auth(channel, data), channel_data: data };
  const limit = { type: 'LimitReached', status: 4100 };
  assertRefused(await late.request(request), channel, limit);
  assert.equal(await userCount(channel), 100);

  // A second connection of somebody present takes no place.
  const { presence } = await join(t, channel, { user_id: 'u-50' });
  assert.equal(presence.count, 100);

  // A place that becomes free can be taken, by the connection refused before.
  await members[0].client.close();
  await members[99].client.waitFor((m) => m.event === REMOVED);
  assert.equal((await late.subscribe(channel, { user_id: 'u-101' })).presence.count, 100);
});

overEach('protocol 9: one client that toggles a channel disturbs nobody else', async (t) => {
  const channel = 'presence-p9-toggle';
  const [{ client: watcher }, { client: neighbour }] = [
    await join(t, channel, { user_id: 'watcher' }),
    await join(t, channel, { user_id: 'neighbour' }),
  ];
  await watcher.expect(ADDED, channel);
  const toggler = await open(t, server);
  const data = JSON.stringify({ user_id: 'toggler' });
  const subscribe = { channel, auth: toggler.auth(channel, data), channel_data: data };
  const TOGGLES = 300;
  for (let n = 0; n < TOGGLES; n += 1) {
    toggler.send({ event: 'pusher:subscribe', data: subscribe });
    toggler.unsubscribe(channel);
  }

  // Publishes as long as the server is busy with that, and a little longer.
  let busy = true;
  const greeted = greetings(toggler, channel, TOGGLES).finally(() => (busy = false));
  let published = 0;
  while (busy || published < 50) {
    assertOk(await post(server, '/events', { name: 'n', channel, data: String(published) }));
    published += 1;
  }
  await greeted;
  // What was published between its last join and its last leave it may hear, and nothing else.
  const last = await toggler.settle();
  assert.deepEqual(last.filter((m) => m.event !== 'n'), []);

  await publish(server, { name: 'mark', channel });
  for (const client of [watcher, neighbour]) {
    const seen = await client.inbox.readUntil((m) => m.event === 'mark', 'the mark');
    const numbers = seen.filter((m) => m.event === 'n').map((m) => Number(m.data));
    assert.deepEqual(numbers, Array.from({ length: published }, (_, n) => n));
    const members = seen.filter((m) => m.event === ADDED || m.event === REMOVED);
    const turns = Array.from({ length: 2 * TOGGLES }, (_, n) => (n % 2 === 0 ? ADDED : REMOVED));
    assert.deepEqual(
      members.map((m) => m.event),
      turns,
    );
    assert.ok(members.every((m) => JSON.parse(m.data).user_id === 'toggler'));
  }
  const afterwards = await toggler.settle();
  assert.deepEqual(afterwards.filter((m) => m.event === 'mark'), [], 'it has left for good');
  assert.equal(await userCount(channel), 2);
});

/** Waits for so many successful subscriptions; between them only events of the channel may come. */
async function greetings(client, channel, count) {
  const success = 'pusher_internal:subscription_succeeded';
  for (let n = 0; n < count; ) {
    const { event, ...message } = await client.next(success);
    if (event === 'n') continue;
    assert.deepEqual([event, message.channel], [success, channel], JSON.stringify(message));
    n += 1;
  }
}
