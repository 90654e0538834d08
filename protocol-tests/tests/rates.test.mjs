// How much back ends may ask in a second: limits-and-quotas.md §1 and §2, http-api.md §2. A
// test that must find the allowance used up tries until it is, because it fills up all the time.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN, OTHER } from '../lib/apps.mjs';
import { assertFailed, assertOk, call, get, post, publish } from '../lib/http.mjs';
import { until } from '../lib/inbox.mjs';
import { sdkFor } from '../lib/node-sdk.mjs';
import { open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';

const FREE = { id: '5050', key: 'kf4ee0000f4ee000', secret: 's3cr3t-f4ee0000' };
const UNUSED = { id: '5151', key: 'k00115ed00115ed0', secret: 's3cr3t-00115ed0' };
const apps = [
  { ...MAIN, api_events_per_second: 4, api_reads_per_second: 2 },
  { ...OTHER, api_events_per_second: 6, api_reads_per_second: 3 },
  { ...FREE, api_events_per_second: -1 },
  { ...UNUSED, api_events_per_second: 100 },
];
const server = useServer({ apps });

const channelsOf = (count) => Array.from({ length: count }, (_, n) => `rates-${n}`);
const event = (channels, more) => ({ name: 'e', data: '', channels, ...more });

/** Publishes to as many channels. */
const toChannels = (count) => (app) =>
  post(server, '/events', event(channelsOf(count)), { app });

/** Publishes as many events in a batch. */
const asBatch = (count) => (app) => {
  const batch = channelsOf(count).map((channel) => ({ name: 'e', data: '', channel }));
  return post(server, '/batch_events', { batch }, { app });
};

const raw = (count) => (app) => {
  assert.equal(count, 1);
  const path = `/apps/${app.id}/channels/rates-0/events`;
  return call(server, { method: 'POST', path, app, params: [['name', 'e']], body: 'raw' });
};

const reading = (rest) => () => (app) => get(server, rest, [], { app });

const untilLimited = (request, app) =>
  until(({ status }) => status === 429, () => request(app), 'the allowance to be used up');

const untilAllowed = (request, app) =>
  until(({ status }) => status < 300, () => request(app), 'the allowance to fill up');

/** A refusal of what costs so much, by what allows `limit` in a second. */
function assertLimited(response, limit, cost) {
  const reason = assertFailed(response, 429);
  assert.match(reason, new RegExp(`\\b${limit}\\b`), 'the limit is told');
  const { 'retry-after': wait, 'x-ratelimit-limit': most } = response.headers;
  const { 'x-ratelimit-remaining': left } = response.headers;
  assert.match(wait, /^[1-9]\d*$/, 'whole seconds');
  assert.equal(most, String(limit));
  assert.match(left, /^\d+$/);
  assert.ok(Number(left) < cost, `${left} left for ${cost}`);
}

for (const [what, make, cost, setting] of [
  ['events to one channel', toChannels, () => 1, 'api_events_per_second'],
  ['events to several channels', toChannels, (limit) => limit - 1, 'api_events_per_second'],
  ['events to as many channels', toChannels, (limit) => limit, 'api_events_per_second'],
  ['a batch', asBatch, (limit) => limit, 'api_events_per_second'],
  ['legacy events', raw, () => 1, 'api_events_per_second'],
  ['the list of channels', reading('/channels'), () => 1, 'api_reads_per_second'],
  ['a channel', reading('/channels/rates-0'), () => 1, 'api_reads_per_second'],
  ['users', reading('/channels/presence-rates/users'), () => 1, 'api_reads_per_second'],
  ['statistics', reading('/channels/rates-0/stats'), () => 1, 'api_reads_per_second'],
]) {
  test(`limits: ${what} (${setting}): 429, and later allowed again`, OWN_SERVER, async () => {
    for (const app of apps.slice(0, 2)) {
      const limit = app[setting];
      const request = make(cost(limit));
      await untilAllowed(request, app);
      assertLimited(await untilLimited(request, app), limit, cost(limit));
      await untilAllowed(request, app);
    }
  });
}

test('limits: at most as many events as allowed pass at once', OWN_SERVER, async () => {
  // Two allowances and a bit in one go: what passes is the one, and what fills up meanwhile.
  const answers = await Promise.all(Array.from({ length: 30 }, () => toChannels(1)(OTHER)));
  const passed = answers.filter(({ status }) => status === 200).length;
  assert.ok(passed < answers.length, `all ${passed} passed`);
  for (const answer of answers) if (answer.status !== 200) assertLimited(answer, 6, 1);
});

test('limits: another app of the server has its own allowance', OWN_SERVER, async () => {
  const request = toChannels(4);
  assertLimited(await untilLimited(request, MAIN), 4, 4);
  for (let n = 0; n < 20; n += 1) assertOk(await toChannels(50)(FREE));
  for (let n = 0; n < 20; n += 1) assertOk(await get(server, '/channels', [], { app: FREE }));
});

test('limits: events and questions have allowances of their own', OWN_SERVER, async () => {
  const read = reading('/channels')();
  // However often it is tried: the other one is asked right behind the refusal.
  await untilAllowed(read, MAIN);
  await until(
    ([refused, read]) => refused.status === 429 && read.status === 200,
    async () => [await untilLimited(toChannels(4), MAIN), await read(MAIN)],
    'a question that is answered while no event is taken',
  );
  await until(
    ([refused, published]) => refused.status === 429 && published.status === 200,
    async () => [await untilLimited(read, MAIN), await toChannels(1)(MAIN)],
    'an event that is taken while no question is answered',
  );
});

test('limits: what is refused is not delivered', OWN_SERVER, async (t) => {
  const client = await open(t, server);
  await client.subscribe('rates-told');
  let accepted = 0;
  let refused = 0;
  while (refused < 5) {
    const told = event(['rates-told', 'rates-1', 'rates-2', 'rates-3'], { data: String(accepted) });
    const { status } = await post(server, '/events', told);
    if (status === 200) accepted += 1;
    else refused += 1;
  }
  const numbers = (await client.settle()).map((m) => Number(m.data));
  assert.deepEqual(numbers, Array.from({ length: accepted }, (_, n) => n));
});

test('limits: a request with another fault is told that fault', OWN_SERVER, async () => {
  const request = toChannels(4);
  await untilLimited(request, MAIN);
  for (let n = 0; n < 10; n += 1) {
    assertFailed(await post(server, '/events', event(['a b'])), 400);
    const large = event(['rates-0'], { data: 'x'.repeat(10_241) });
    assertFailed(await post(server, '/events', large), 413);
    const wrong = { app: { ...MAIN, secret: 'wrong' } };
    assertFailed(await post(server, '/events', event(['rates-0']), wrong), 401);
  }
  await untilLimited(request, MAIN);
});

test('limits: faulty requests use up nothing', OWN_SERVER, async () => {
  // Nothing has been published yet, so all of the allowance is there, and must be afterwards.
  const bad = event([...channelsOf(90), 'a b']);
  for (let n = 0; n < 10; n += 1) {
    assertFailed(await post(server, '/events', bad, { app: UNUSED }), 400);
  }
  assertOk(await toChannels(100)(UNUSED));
});

test('limits: the Node SDK tells the application of 429', OWN_SERVER, async () => {
  const sdk = sdkFor(server);
  const trigger = () => sdk.trigger(channelsOf(4), 'e', '').catch((error) => error);
  const refused = await until(({ status }) => status === 429, trigger, 'a refusal');
  assert.equal(JSON.parse(refused.body).code, 429);
});

test('limits: what is accepted tells what is left', OWN_SERVER, async () => {
  for (const [request, limit] of [
    [toChannels(1), 4],
    [reading('/channels')(), 2],
    [reading('/usage')(), 2],
  ]) {
    const { headers } = await untilAllowed(request, MAIN);
    assert.equal(headers['x-ratelimit-limit'], String(limit));
    assert.ok(Number(headers['x-ratelimit-remaining']) < limit);
    assert.equal(headers['retry-after'], undefined);
  }
});

test('limits: no headers of limits where there is none', OWN_SERVER, async () => {
  await publish(server, { channel: 'rates-0' }, { app: FREE });
  const { headers } = await get(server, '/channels', [], { app: FREE });
  for (const name of ['retry-after', 'x-ratelimit-limit', 'x-ratelimit-remaining']) {
    assert.equal(headers[name], undefined, name);
  }
});
