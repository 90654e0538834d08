// The server SDKs, call by call: those for Node, Python and Rust themselves, and the recorded
// requests of the others, each signed and written as its SDK does.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { LIVE_SDKS } from '../clients/live.mjs';
import { RECORDED_SDKS, callTitleOf, callsOf } from '../clients/sdks.mjs';
import * as raw from '../lib/raw.mjs';
import { openSdk } from '../lib/sdks.mjs';
import { useServer } from '../lib/server.mjs';
import { openAs } from '../lib/users.mjs';

const server = useServer();

/** Characters that serialisers and URLs treat differently. */
const DATA = { text: 'Grüße / <b>&=\' "🐦"', n: [1, null] };
const ODD = 'a@b,c;d=e.f_G';

const nameOf = (prefix, { name }) => `${prefix}of${name}`;

async function subscriber(t, ...channels) {
  const client = await raw.open(t, server);
  for (const channel of channels) {
    await client.subscribe(channel, channel.startsWith('presence-') ? { user_id: 'u' } : undefined);
  }
  return client;
}

async function assertHears(client, channel, event = 'greet') {
  assert.deepEqual(JSON.parse((await client.expect(event, channel)).data), DATA);
}

const scenarios = {
  async trigger(t, sdk, kind) {
    const channels = [nameOf('one-', kind), nameOf('private-two-', kind)];
    const client = await subscriber(t, ...channels);
    await sdk.trigger(channels.slice(0, 1), 'greet', DATA);
    await assertHears(client, channels[0]);
    await sdk.trigger(channels, 'greet', DATA);
    for (const channel of channels) await assertHears(client, channel);
  },

  async exclude(t, sdk, kind) {
    const channel = nameOf('exclude-', kind);
    const [sender, other] = [await subscriber(t, channel), await subscriber(t, channel)];
    await sdk.trigger([channel], 'greet', DATA, { sender: sender.socketId });
    await assertHears(other, channel);
    await sender.assertQuiet('who caused an event does not get it');
  },

  async info(t, sdk, kind) {
    const channels = [nameOf('presence-info-', kind), nameOf('info-', kind)];
    await subscriber(t, ...channels);
    const info = 'user_count,subscription_count';
    const answer = await sdk.trigger(channels, 'greet', DATA, { info });
    assert.deepEqual(answer, { channels: { [channels[0]]: { user_count: 1 }, [channels[1]]: {} } });
  },

  async batch(t, sdk, kind) {
    const channel = nameOf('presence-batch-', kind);
    const client = await subscriber(t, channel);
    const event = (name) => ({ channel, name, data: DATA });
    await sdk.batch([event('first'), event('second')]);
    for (const name of ['first', 'second']) await assertHears(client, channel, name);
    const counted = await sdk.batch([event('first'), { ...event('second'), info: 'user_count' }]);
    assert.deepEqual(counted, { batch: [{}, { user_count: 1 }] });
  },

  async channels(t, sdk, kind) {
    const prefix = nameOf('presence-list-', kind);
    assert.deepEqual(await sdk.channels(prefix, 'user_count'), { channels: {} });
    await subscriber(t, `${prefix}-${ODD}`);
    const list = { channels: { [`${prefix}-${ODD}`]: { user_count: 1 } } };
    assert.deepEqual(await sdk.channels(prefix, 'user_count'), list);
  },

  async channel(t, sdk, kind) {
    const channel = nameOf(`presence-${ODD}-`, kind);
    const empty = { occupied: false, user_count: 0 };
    assert.deepEqual(await sdk.channel(channel, 'user_count'), empty);
    await subscriber(t, channel);
    const state = { occupied: true, user_count: 1 };
    assert.deepEqual(await sdk.channel(channel, 'user_count'), state);
  },

  async users(t, sdk, kind) {
    const channel = nameOf(`presence-${ODD}-users-`, kind);
    assert.deepEqual(await sdk.users(channel), { users: [] });
    await subscriber(t, channel);
    assert.deepEqual(await sdk.users(channel), { users: [{ id: 'u' }] });
  },

  async terminate(t, sdk, kind) {
    const user = nameOf('user-', kind);
    const client = await openAs(t, server, user);
    assert.deepEqual(await sdk.terminate(user), {});
    assert.equal((await client.waitForClose()).code, 4009);
  },

  async 'to user'(t, sdk, kind) {
    const user = nameOf('other-user-', kind);
    const client = await openAs(t, server, user);
    await sdk.toUser(user, 'greet', DATA);
    await assertHears(client, `#server-to-user-${user}`);
  },
};

for (const kind of [...LIVE_SDKS, ...RECORDED_SDKS]) {
  for (const call of callsOf(kind)) {
    test(callTitleOf(kind, call), (t) => scenarios[call](t, openSdk(t, server, kind), kind));
  }
}

const byName = (name) => RECORDED_SDKS.find((sdk) => sdk.name === name);

/** SDK, whose answer, the answer, and what the SDK trips over. */
for (const [name, peer, status, text, why] of [
  ['PHP', 'a server', 202, '{}', /202/],
  ['Java', 'a server', 204, '', /204/],
  ['Ruby', 'a server', 200, '', /JSON/],
  ['.NET', 'a server', 200, 'ok', /JSON/],
  ['PHP', 'a server', 200, '{"channels":[]}', /channels must be an object/],
  ['Go', 'a server', 200, '{"channels":[]}', /channels must be an object/],
  ['Go', 'Reverb', 200, '{"batch":{}}', /batch must be a list/],
  ['Go', 'soketi', 200, '{"users":[{"id":10}]}', /an id is a string/],
]) {
  test(`rules: ${name} cannot use what ${peer} answers: ${status} ${text}`, () => {
    assert.throws(() => byName(name).read({ status, text }), why);
  });
}

test('rules: every recorded SDK takes the answers of hosted Pusher', () => {
  for (const sdk of RECORDED_SDKS) {
    for (const text of ['{}', '{"channels":{}}', '{"batch":[{}]}', '{"users":[{"id":"u"}]}']) {
      assert.deepEqual(sdk.read({ status: 200, text }), JSON.parse(text));
    }
  }
});
