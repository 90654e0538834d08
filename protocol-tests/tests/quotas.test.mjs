// The quota of messages: limits-and-quotas.md §1.1. Whatever counts, what is refused beyond it, and
// how back ends, operators and dashboards hear of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN, OTHER } from '../lib/apps.mjs';
import { defer } from '../lib/defer.mjs';
import { assertFailed, assertOk, call, get, post, publish } from '../lib/http.mjs';
import { assertMetrics } from '../lib/metrics.mjs';
import { sdkFor } from '../lib/node-sdk.mjs';
import { PythonSdk } from '../lib/python.mjs';
import { open } from '../lib/raw.mjs';
import { OWN_SERVER, Server, scratchFolder, useServer } from '../lib/server.mjs';

const LIMIT = 5;
const free = { ...MAIN, client_events: true };
const counted = useServer({ apps: [free, { ...OTHER, client_events: true }] });

/** A server for one test: what it uses up is gone for the others. */
async function serve(t, ...apps) {
  const server = new Server({ apps });
  await server.start();
  defer(t, () => server.stop());
  return server;
}

const limitedTo = (max_messages_per_day, more = {}) => ({ ...free, max_messages_per_day, ...more });

async function usage(server, more) {
  const response = await get(server, '/usage', [], more);
  assert.equal(response.status, 200, response.text);
  return response.json;
}

const used = async (server, more) => (await usage(server, more)).messages.used;

/** How many messages something takes. */
async function cost(server, what) {
  const before = await used(server);
  await what();
  return (await used(server)) - before;
}

/** A refusal that says how much there is, how much is used, and when there is more. */
function assertOverQuota(response, status, { limit = LIMIT, used = limit } = {}) {
  const reason = assertFailed(response, status);
  const numbers = `has used ${used} messages today, the limit is ${limit} per day`;
  assert.ok(reason.includes(numbers), reason);
  const midnight = /(\d{4}-\d\d-\d\d)T00:00:00Z/.exec(reason);
  assert.ok(midnight, reason);
  const wait = Number(response.headers['retry-after']);
  assert.ok(wait >= 1 && wait <= 86_400, `Retry-After ${wait}`);
  const left = (Date.parse(midnight[0]) - Date.now()) / 1_000;
  assert.ok(Math.abs(left - wait) < 60, `${reason}, but Retry-After ${wait}`);
}

const event = (more) => ({ name: 'e', data: '', channel: 'quotas', ...more });

for (const [status, settings] of [
  [403, {}],
  [403, { quota_status: 403 }],
  [402, { quota_status: 402 }],
]) {
  const told = JSON.stringify(settings);
  test(`limits: max_messages_per_day: ${LIMIT} pass, then ${status} (${told})`, OWN_SERVER, async (t) => {
    const server = await serve(t, limitedTo(LIMIT, settings), OTHER);
    for (let n = 0; n < LIMIT; n += 1) assertOk(await post(server, '/events', event()));
    assertOverQuota(await post(server, '/events', event()), status);
    assertOverQuota(await post(server, '/batch_events', { batch: [event()] }), status);
    const path = `/apps/${MAIN.id}/channels/quotas/events`;
    const raw = { method: 'POST', path, params: [['name', 'e']], body: 'raw' };
    assertOverQuota(await call(server, raw), status);
    // Whoever only asks is answered, and faults are told first.
    assertOk(await get(server, '/channels'));
    assertOk(await get(server, '/channels/quotas'));
    assertOk(await post(server, '/users/u/terminate_connections', {}));
    assertFailed(await post(server, '/events', event({ channel: 'a b' })), 400);
    assert.equal(await used(server), LIMIT);
    assertOk(await post(server, '/events', event(), { app: OTHER }));
  });
}

test('limits: over the quota clients go on', OWN_SERVER, async (t) => {
  const server = await serve(t, limitedTo(LIMIT));
  const [one, other] = [await open(t, server), await open(t, server)];
  for (const client of [one, other]) await client.subscribe('private-quotas');
  for (let n = 0; n < LIMIT; n += 1) {
    one.send({ event: 'client-x', channel: 'private-quotas', data: String(n) });
    assert.equal((await other.expect('client-x', 'private-quotas')).data, String(n));
  }
  const refused = await post(server, '/events', event());
  assertOverQuota(refused, 403, { used: 2 * LIMIT });
  one.send({ event: 'client-x', channel: 'private-quotas', data: 'still' });
  assert.equal((await other.expect('client-x', 'private-quotas')).data, 'still');
  await (await open(t, server)).subscribe('private-quotas');
});

test('limits: what counts as a message', OWN_SERVER, async (t) => {
  const clients = [await open(t, counted), await open(t, counted), await open(t, counted)];
  const [one, two, three] = clients;
  assert.equal(await cost(counted, () => two.subscribe('private-many')), 0);
  for (const client of [one, three]) await client.subscribe('private-many');
  await one.subscribe('few');

  const trigger = (body) => async () => assertOk(await post(counted, '/events', event(body)));
  assert.equal(await cost(counted, trigger({ channel: 'nobody' })), 1);
  assert.equal(await cost(counted, trigger({ channel: 'few' })), 2);
  const both = ['few', 'private-many', 'nobody'];
  assert.equal(await cost(counted, trigger({ channels: both, channel: undefined })), 3 + 4);
  const but = { channel: 'private-many', socket_id: one.socketId };
  assert.equal(await cost(counted, trigger(but)), 1 + 2);
  assert.equal(await cost(counted, trigger({ channel: 'nobody', info: 'user_count' })), 2);
  const batch = [event({ channel: 'few' }), event({ channel: 'nobody', info: 'user_count' })];
  const inOne = async () => assertOk(await post(counted, '/batch_events', { batch }));
  assert.equal(await cost(counted, inOne), 1 + 1 + 2);

  for (const client of clients) await client.settle();
  const speak = async () => {
    one.send({ event: 'client-x', channel: 'private-many', data: {} });
    for (const client of [two, three]) await client.expect('client-x', 'private-many');
  };
  assert.equal(await cost(counted, speak), 1 + 2);
  const join = (client, user_id) => client.subscribe('presence-quotas', { user_id });
  assert.equal(await cost(counted, () => join(one, 'a')), 0);
  assert.equal(await cost(counted, () => join(two, 'b')), 1);
  assert.equal(await cost(counted, () => join(three, 'c')), 2);
  for (const client of clients) await client.settle();
  assert.equal(await used(counted, { app: OTHER }), 0);
});

test('limits: many deliveries are counted to the last', OWN_SERVER, async (t) => {
  const clients = await Promise.all(Array.from({ length: 50 }, () => open(t, counted)));
  for (const client of clients) await client.subscribe('crowd');
  const before = await used(counted);
  const events = 20;
  for (let n = 0; n < events; n += 1) {
    assertOk(await post(counted, '/events', event({ channel: 'crowd', data: String(n) })));
  }
  for (const client of clients) {
    for (let n = 0; n < events; n += 1) await client.expect('e', 'crowd');
  }
  await assertMetrics(counted, [
    ['foghorn_messages_used', { app_id: MAIN.id }, before + events * (1 + clients.length)],
  ]);
});

test('limits: usage tells what is used, the limits and the reset', OWN_SERVER, async (t) => {
  const server = await serve(t, limitedTo(LIMIT, { max_connections: 7 }), OTHER);
  const client = await open(t, server);
  await client.subscribe('quotas');
  await publish(server, { channel: 'quotas' });
  const { messages, connections } = await usage(server);
  const { resets_at: at, resets_in: seconds, ...rest } = messages;
  assert.deepEqual([rest, connections], [{ used: 2, limit: LIMIT }, { used: 1, limit: 7 }]);
  assert.match(at, /^\d{4}-\d\d-\d\dT00:00:00Z$/);
  assert.ok(Math.abs((Date.parse(at) - Date.now()) / 1_000 - seconds) < 60, `${at} ${seconds}`);
  const unlimited = await usage(server, { app: OTHER });
  assert.deepEqual([unlimited.messages.limit, unlimited.connections.limit], [null, null]);
  assertFailed(await get(server, '/usage', [], { app: { ...MAIN, secret: 'wrong' } }), 401);
  assertFailed(await post(server, '/usage', {}), 405);
});

test('limits: operators are warned at four fifths, once', OWN_SERVER, async (t) => {
  const server = await serve(t, limitedTo(LIMIT, { max_connections: 5 }));
  const warnings = () =>
    server.process.logs.filter(({ level, fields }) => level === 'WARN' && 'limit' in fields);
  for (let n = 0; n < 3; n += 1) await open(t, server);
  for (let n = 0; n < 4; n += 1) assertOk(await post(server, '/events', event()));
  const limits = { app_id: MAIN.id };
  await assertMetrics(server, [
    ['foghorn_messages_used', limits, 4],
    ['foghorn_messages_limit', limits, LIMIT],
    ['foghorn_connections_limit', limits, 5],
  ]);
  const warned = (what) => (line) => line.level === 'WARN' && line.fields.message.includes(what);
  const near = await server.process.lines.waitFor(warned('messages'), 'a warning');
  assert.deepEqual([near.fields.app, near.fields.used, near.fields.limit], [MAIN.id, 4, LIMIT]);
  assert.equal(warnings().length, 1, 'three of five connections are not many');
  await open(t, server);
  const full = await server.process.lines.waitFor(warned('connections'), 'a warning');
  assert.deepEqual([full.fields.used, full.fields.limit], [4, 5]);
  // Whatever is counted is looked at together: no second warning came with this.
  assertOk(await post(server, '/events', event()));
  await assertMetrics(server, [['foghorn_messages_used', limits, 5]]);
  assert.equal(warnings().length, 2);
});

test('limits: what is used survives a restart', OWN_SERVER, async (t) => {
  const server = new Server({ apps: [limitedTo(LIMIT)], server: { data_dir: scratchFolder(t) } });
  await server.start();
  defer(t, () => server.stop());
  for (let n = 0; n < 3; n += 1) assertOk(await post(server, '/events', event()));
  await server.restart();
  assert.equal(await used(server), 3);
  for (let n = 3; n < LIMIT; n += 1) assertOk(await post(server, '/events', event()));
  assertOverQuota(await post(server, '/events', event()), 403);
  await server.restart();
  assertOverQuota(await post(server, '/events', event()), 403);
});

test('limits: the Node SDK tells the application of the quota', OWN_SERVER, async (t) => {
  for (const status of [403, 402]) {
    const server = await serve(t, limitedTo(1, { quota_status: status }));
    const sdk = sdkFor(server);
    await sdk.trigger('quotas', 'e', '');
    await assert.rejects(sdk.trigger('quotas', 'e', ''), (error) => {
      assert.equal(error.status, status);
      assert.match(JSON.parse(error.body).error, /\b1 per day/);
      return true;
    });
  }
});

test('limits: the Python SDK tells the application of the quota', OWN_SERVER, async (t) => {
  for (const [status, name] of [
    [403, 'PusherForbidden'],
    [402, 'PusherBadStatus'],
  ]) {
    const server = await serve(t, limitedTo(1, { quota_status: status }));
    const sdk = new PythonSdk(t, server);
    const trigger = () => sdk.call('trigger', ['quotas', 'e', '']);
    await trigger();
    await assert.rejects(trigger(), (error) => {
      assert.equal(error.name, name);
      assert.match(error.message, /\b1 per day/);
      return true;
    });
  }
});
