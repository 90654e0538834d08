// Which events become webhooks: webhooks.md §8 lines 4 to 6.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN } from '../lib/apps.mjs';
import { publish } from '../lib/http.mjs';
import { until } from '../lib/inbox.mjs';
import { open } from '../lib/raw.mjs';
import { OWN_SERVER } from '../lib/server.mjs';
import { TRANSPORTS, over } from '../lib/transports.mjs';
import { openAs } from '../lib/users.mjs';
import {
  assertTold,
  fence,
  join,
  startEndpoint,
  startHooked,
  startServer,
} from '../lib/webhooks.mjs';

const MISS = 'pusher:cache_miss';
/** In batches all channels are in one order, so one that is told shows what others were not. */
const MISSES = { webhook: { event_types: ['cache_miss'] }, app: { batch_webhooks: true } };
/** What clients may send, on encrypted channels and on others. */
const ENVELOPE = '{ "nonce":"ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7", "ciphertext" : "c2VjcmV0" }';
const ENCRYPTED = [ENVELOPE, JSON.parse(ENVELOPE)];
const PLAIN = [{ a: [1, { b: 'ü' }] }, 'plain "text"', '{"a": 1}', '', 7, [], null, false];

const of = (userId) => ({ user_id: userId });

test('webhooks 4: two tabs are one member, added once and removed once', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t);
  const channel = 'presence-two-tabs';
  const tabs = [await join(t, server, channel, 'anna'), await join(t, server, channel, 'anna')];
  await tabs[0].close();
  await fence(t, server, hook);
  assertTold(hook, channel, ['channel_occupied', { name: 'member_added', ...of('anna') }]);
  await tabs[1].close();
  await hook.told(channel, 4);
  await fence(t, server, hook);
  assertTold(hook, channel, [
    'channel_occupied',
    { name: 'member_added', ...of('anna') },
    { name: 'member_removed', ...of('anna') },
    'channel_vacated',
  ]);
});

test('webhooks 4: members come and go while others stay', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t);
  const channel = 'presence-come-and-go';
  await join(t, server, channel, 'anna');
  const ben = await join(t, server, channel, 18);
  await ben.close();
  await hook.receivedEvent(({ name }) => name === 'member_removed');
  await fence(t, server, hook);
  assertTold(hook, channel, [
    'channel_occupied',
    { name: 'member_added', ...of('anna') },
    { name: 'member_added', ...of('18') },
    { name: 'member_removed', ...of('18') },
  ]);
});

for (const transport of TRANSPORTS) {
  over(transport)('webhooks 5: a client event is told as text', OWN_SERVER, async (t) => {
    const { hook, server } = await startHooked(t, { webhook: { event_types: ['client_event'] } });
    for (const channel of ['private-c', 'presence-c', 'private-encrypted-c', 'private-cache-c']) {
      const client = await join(t, server, channel, 17);
      const values = channel.includes('encrypted') ? ENCRYPTED : PLAIN;
      for (const [at, value] of values.entries()) {
        client.sendClientEvent(channel, `client-${at}`, value);
        // Over HTTP each message is a request of its own, and one may overtake another.
        await client.settle();
      }
      const told = await hook.told(channel, values.length);
      const isOfMember = channel.startsWith('presence-');
      const texts = values.map((v) => (typeof v === 'string' ? v : JSON.stringify(v)));
      const expected = texts.map((data, at) => ({
        name: 'client_event',
        channel,
        event: `client-${at}`,
        data,
        socket_id: client.socketId,
        ...(isOfMember && of('17')),
      }));
      assert.deepEqual(told, expected);
    }
  });
}

test('webhooks 5: a refused client event is not told', OWN_SERVER, async (t) => {
  const webhook = { event_types: ['client_event'] };
  const app = { client_events_per_second: 1, max_event_data_bytes: 100 };
  const { hook, server } = await startHooked(t, { app, webhook });
  const channel = 'private-refused';
  const client = await join(t, server, channel);
  const stranger = await open(t, server);
  const refused = async (from, name, data, where = channel) => {
    from.sendClientEvent(where, name, data);
    const [{ event }] = await from.settle();
    assert.equal(event, 'pusher:error', name);
  };
  await refused(stranger, 'client-not-subscribed', '1');
  await refused(client, 'client-too-large', 'x'.repeat(101));
  await client.subscribe('public-refused');
  await refused(client, 'client-public', '1', 'public-refused');
  await until(
    (answers) => answers.length > 0,
    () => {
      client.sendClientEvent(channel, 'client-taken', '1');
      return client.settle();
    },
    'an event above the rate',
  );
  const last = await join(t, server, channel);
  last.sendClientEvent(channel, 'client-last', '1');
  await hook.receivedEvent(({ event }) => event === 'client-last');
  const names = hook.toldSoFar(channel).map(({ event }) => event);
  const others = new Set(names.filter((name) => name !== 'client-taken'));
  assert.deepEqual([...others], ['client-last']);
  assert.deepEqual(hook.toldSoFar('public-refused'), []);
});

test('webhooks 5: without client events there is nothing to tell', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { app: { client_events: false } });
  const client = await join(t, server, 'private-off');
  client.sendClientEvent('private-off', 'client-x', '1');
  assert.equal((await client.settle())[0].event, 'pusher:error');
  await client.close();
  await hook.told('private-off', 2);
  assertTold(hook, 'private-off', ['channel_occupied', 'channel_vacated']);
});

for (const transport of TRANSPORTS) {
  over(transport)('webhooks 6: ten who miss are one webhook', OWN_SERVER, async (t) => {
    const { hook, server } = await startHooked(t, MISSES);
    const channel = 'private-cache-missed';
    for (let n = 0; n < 10; n += 1) {
      const client = await join(t, server, channel);
      assert.equal((await client.next()).event, MISS);
    }
    await join(t, server, 'cache-other');
    await hook.told('cache-other', 1);
    assertTold(hook, channel, ['cache_miss']);
  });
}

test('webhooks 6: a miss is told again once the cache was filled', OWN_SERVER, async (t) => {
  const app = { ...MISSES.app, cache_ttl: 1 };
  const { hook, server } = await startHooked(t, { ...MISSES, app });
  const channel = 'cache-filled';
  await join(t, server, channel);
  await hook.told(channel, 1);
  await publish(server, { name: 'moved', channel });
  const hit = await join(t, server, channel);
  assert.equal((await hit.next()).event, 'moved');
  const greeting = async () => {
    const client = await join(t, server, channel);
    const { event } = await client.next();
    await client.close();
    return event;
  };
  await until((event) => event === MISS, greeting, 'the cache to forget');
  await hook.told(channel, 2);
  await greeting();
  await join(t, server, 'cache-fence');
  await hook.told('cache-fence', 1);
  assertTold(hook, channel, ['cache_miss', 'cache_miss']);
});

test('webhooks 6: other channels miss nothing', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, MISSES);
  await join(t, server, 'no-cache');
  await join(t, server, 'cache-yes');
  await hook.told('cache-yes', 1);
  assert.equal(hook.events().length, 1);
});

test('webhooks 3: the channel of a user is nobody’s business', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { app: { subscription_count: true } });
  const client = await openAs(t, server, 'u-17');
  await client.subscribe('#server-to-user-u-17');
  await client.close();
  await fence(t, server, hook);
  assert.deepEqual(hook.toldSoFar('#server-to-user-u-17'), []);
});

for (const channel of ['open', 'private-x', 'private-encrypted-x', 'cache-x', 'presence-cache-x']) {
  test(`webhooks 3: ${channel} is told of like any other`, OWN_SERVER, async (t) => {
    const webhook = { event_types: ['channel_occupied', 'channel_vacated'] };
    const { hook, server } = await startHooked(t, { webhook, webhooks: { delay: 0 } });
    const client = await join(t, server, channel);
    await hook.told(channel, 1);
    await client.close();
    await hook.told(channel, 2);
    assertTold(hook, channel, ['channel_occupied', 'channel_vacated']);
  });
}

test('webhooks 3: an app is told of its own channels only', OWN_SERVER, async (t) => {
  const hooks = [await startEndpoint(t), await startEndpoint(t)];
  const other = { id: '4343', key: 'k0a1b2c3d4e5f607', secret: 's3cr3t-0b1c2d3e4f50' };
  const apps = [MAIN, other].map((app, at) => ({ ...app, webhooks: [{ url: hooks[at].url }] }));
  const server = await startServer(t, { apps });
  await join(t, server, 'same-name');
  await hooks[0].told('same-name', 1);
  await join(t, server, 'same-name', 'u', { app: other });
  await hooks[1].told('same-name', 1);
  assert.deepEqual(hooks[0].requests.map(({ key }) => key), [MAIN.key]);
  assert.deepEqual(hooks[1].requests.map(({ key }) => key), [other.key]);
});
