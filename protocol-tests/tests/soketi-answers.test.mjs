// Answers in the manner of soketi, by switches: http-api.md §2 and §6.2.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN, OTHER } from '../lib/apps.mjs';
import { assertFailed, assertOk, get, post } from '../lib/http.mjs';
import { sdkFor } from '../lib/node-sdk.mjs';
import { PythonSdk } from '../lib/python.mjs';
import { open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { openAs } from '../lib/users.mjs';

const apps = [MAIN, OTHER];
const server = useServer({ apps });
const detailed = useServer({ apps, sections: { compat: { soketi_channel_info: true } } });
const approving = useServer({ apps, sections: { compat: { soketi_ok: true } } });
const lenient = useServer({
  apps: [{ ...MAIN, subscription_count: true }, OTHER],
  sections: { compat: { ignore_unavailable_info: true } },
});
const both = useServer({
  apps,
  sections: { compat: { soketi_channel_info: true, ignore_unavailable_info: true } },
});

const compat = (name, body) => test(name, OWN_SERVER, body);

const channel = async (where, name, info) => {
  return assertOk(await get(where, `/channels/${name}`, info ? [['info', info]] : []));
};

/** Two connections of one user on a presence channel, one of them on a public one too. */
async function occupy(t, where) {
  for (const name of ['compat', undefined]) {
    const client = await open(t, where);
    await client.subscribe('presence-compat', { user_id: 'u' });
    if (name) await client.subscribe(name);
  }
}

compat('http 7: soketi_channel_info tells everything of a channel unasked', async (t) => {
  assert.deepEqual(await channel(detailed, 'compat'), { occupied: false, subscription_count: 0 });
  const nobody = { occupied: false, subscription_count: 0, user_count: 0 };
  assert.deepEqual(await channel(detailed, 'presence-compat'), nobody);
  await occupy(t, detailed);
  assert.deepEqual(await channel(detailed, 'compat'), { occupied: true, subscription_count: 1 });
  const state = { occupied: true, subscription_count: 2, user_count: 1 };
  assert.deepEqual(await channel(detailed, 'presence-compat'), state);
  assert.deepEqual(await channel(detailed, 'presence-compat', 'user_count'), state);

  const list = assertOk(await get(detailed, '/channels', [['filter_by_prefix', 'compat']]));
  assert.deepEqual(list, { channels: { compat: { occupied: true, subscription_count: 1 } } });
  const { channels } = assertOk(await get(detailed, '/channels'));
  assert.deepEqual(channels, { ...list.channels, 'presence-compat': state });
});

compat('http 7: soketi_channel_info adds nothing to clients', async (t) => {
  const client = await open(t, detailed);
  await client.subscribe('compat-quiet');
  await (await open(t, detailed)).subscribe('compat-quiet');
  await client.assertQuiet('no subscription_count event');
});

const EVENT = { name: 'e', channel: 'compat-ok', data: '{}' };
const POSTS = {
  events: (where) => post(where, '/events', EVENT),
  batch_events: (where) => post(where, '/batch_events', { batch: [EVENT] }),
  terminate_connections: (where) => post(where, '/users/nobody/terminate_connections', {}),
};

for (const [what, request] of Object.entries(POSTS)) {
  compat(`http 10: soketi_ok answers ${what} with {"ok":true}`, async () => {
    assert.deepEqual(assertOk(await request(approving)), { ok: true });
    assert.deepEqual(assertOk(await request(server)), {});
  });
}

compat('http 4: soketi_ok leaves answers with information alone', async () => {
  const item = { ...EVENT, info: 'user_count' };
  const answer = assertOk(await post(approving, '/events', item));
  assert.deepEqual(answer.channels, { 'compat-ok': {} });
  const { batch } = assertOk(await post(approving, '/batch_events', { batch: [item, EVENT] }));
  assert.deepEqual(batch, [{}, {}]);
});

compat('http 10: soketi_ok leaves failures and questions alone', async () => {
  assertFailed(await post(approving, '/events', { ...EVENT, channel: 'not a name' }), 400);
  assert.deepEqual(assertOk(await get(approving, '/channels')), { channels: {} });
  assert.deepEqual(await channel(approving, 'compat-ok'), { occupied: false });
});

compat('http 9: soketi_ok still closes the connections of a user', async (t) => {
  const client = await openAs(t, approving, 'compat-user');
  const answer = await post(approving, '/users/compat-user/terminate_connections', {});
  assert.deepEqual(assertOk(answer), { ok: true });
  assert.equal((await client.waitForClose()).code, 4009);
});

compat('http 10: SDKs are content with {"ok":true}', async (t) => {
  const node = sdkFor(approving);
  const python = new PythonSdk(t, approving);
  assert.deepEqual(await (await node.trigger('compat-ok', 'e', {})).json(), { ok: true });
  assert.deepEqual(await python.call('trigger', ['compat-ok', 'e', {}]), { ok: true });
});

for (const [name, info, expected] of [
  ['compat', 'user_count', {}],
  ['compat', 'user_count,subscription_count', { subscription_count: 0 }],
  ['compat', 'cache', {}],
  ['presence-compat', 'subscription_count', {}],
  ['presence-compat', 'user_count,subscription_count,cache', { user_count: 0 }],
  ['cache-compat', 'user_count,cache', { cache: null }],
]) {
  compat(`http 7: ignore_unavailable_info: ${info} of ${name}`, async () => {
    const state = await channel(lenient, name, info);
    assert.deepEqual(state, { occupied: false, ...expected });
    assertFailed(await get(server, `/channels/${name}`, [['info', info]]), 400);
  });
}

compat('http 7: ignore_unavailable_info: subscription_count where it is off', async () => {
  const ask = (where) =>
    get(where, '/channels/compat', [['info', 'subscription_count']], { app: OTHER });
  assert.deepEqual(assertOk(await ask(lenient)), { occupied: false });
  assertFailed(await ask(server), 400);
});

compat('http 6: ignore_unavailable_info: user_count where it does not apply', async (t) => {
  await occupy(t, lenient);
  const list = async (where, prefix) => {
    const filter = prefix === undefined ? [] : [['filter_by_prefix', prefix]];
    return get(where, '/channels', [...filter, ['info', 'user_count']]);
  };
  const { channels } = assertOk(await list(lenient));
  assert.deepEqual(channels.compat, {});
  assert.deepEqual(assertOk(await list(lenient, 'compat')), { channels: { compat: {} } });
  const presence = { channels: { 'presence-compat': { user_count: 1 } } };
  assert.deepEqual(assertOk(await list(lenient, 'presence-')), presence);
  assertFailed(await list(server), 400);
});

compat('http 7: ignore_unavailable_info still refuses what nobody knows', async () => {
  assertFailed(await get(lenient, '/channels/compat', [['info', 'nonsense']]), 400);
  assertFailed(await get(lenient, '/channels', [['info', 'nonsense']]), 400);
});

compat('http 7: the switches go together', async (t) => {
  await occupy(t, both);
  const state = await channel(both, 'compat', 'user_count,cache');
  assert.deepEqual(state, { occupied: true, subscription_count: 1 });
});

compat('http 7: without switches nothing is told unasked', async (t) => {
  await occupy(t, server);
  assert.deepEqual(await channel(server, 'compat'), { occupied: true });
  assert.deepEqual(await channel(server, 'presence-compat'), { occupied: true });
  const { channels } = assertOk(await get(server, '/channels'));
  assert.deepEqual(channels, { compat: {}, 'presence-compat': {} });
});
