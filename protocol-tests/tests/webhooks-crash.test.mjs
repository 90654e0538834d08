// Webhooks outlive a server that is killed: nothing that has happened is lost, and nobody who comes
// back is told of.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join as path } from 'node:path';
import { test } from 'node:test';

import { PATIENCE_MS, until } from '../lib/inbox.mjs';
import { Metrics } from '../lib/metrics.mjs';
import { OWN_SERVER, run } from '../lib/server.mjs';
import { assertTold, fence, join, startHooked } from '../lib/webhooks.mjs';

const KILL = 'SIGKILL';
/** After a restart everybody is given half a minute to come back. */
const COME_BACK = PATIENCE_MS + 30_000;

/** Waits until so many webhooks are stored and wait. */
const waiting = (server, count) =>
  until(
    ({ depth, unstored }) => depth === count && unstored === 0,
    async () => {
      const metrics = await Metrics.scrape(server);
      const value = (name) => metrics.value(`foghorn_webhook_${name}`) ?? 0;
      return { depth: value('queue_depth'), unstored: value('unstored') };
    },
    `${count} waiting`,
  );

const idOf = ({ headers, text }) => [headers['x-pusher-key'], headers['x-pusher-signature'], text];

test('webhooks 8: what an endpoint has not taken survives kill -9', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { answer: () => 500 });
  const client = await join(t, server, 'private-survives');
  client.sendClientEvent('private-survives', 'client-x', { n: 1 });
  for (const name of ['survives-too', 'presence-survives']) await join(t, server, name, 'anna');
  // One each of three channels has been tried; those behind them have not.
  await hook.received(3);
  await waiting(server, 5);
  const tried = hook.requests.filter(({ attempt }) => attempt === 1).map(idOf);
  await server.comeBack(KILL, () => (hook.answer = () => 200));
  await hook.told('private-survives', 2);
  await hook.told('presence-survives', 2);
  await hook.told('survives-too', 1);
  const taken = hook.requests.filter(({ isTaken }) => isTaken).map(idOf);
  for (const id of tried) assert.ok(taken.some((one) => one.join() === id.join()), `${id}`);
  const [occupied, event] = hook.toldSoFar('private-survives');
  assert.deepEqual([occupied.name, event.data], ['channel_occupied', '{"n":1}']);
  const added = { name: 'member_added', user_id: 'anna' };
  assertTold(hook, 'presence-survives', ['channel_occupied', added]);
});

test('webhooks 8: what happens while the endpoint is away survives', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t);
  await hook.close();
  for (let n = 0; n < 20; n += 1) await join(t, server, `away-${n}`);
  await waiting(server, 20);
  await server.comeBack(KILL);
  await waiting(server, 20);
  await server.comeBack(KILL);
  await hook.open();
  for (let n = 0; n < 20; n += 1) await hook.told(`away-${n}`, 1);
});

test('webhooks 3: after kill -9 only those who stay away are told', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t);
  const [lost, kept] = ['presence-lost', 'presence-kept'];
  const added = (id) => ({ name: 'member_added', user_id: id });
  const removed = (id) => ({ name: 'member_removed', user_id: id });
  await join(t, server, lost, 'anna');
  await join(t, server, kept, 'anna');
  await join(t, server, kept, 'ben');
  await hook.told(lost, 2);
  await hook.told(kept, 3);
  // One that is gone already, and whose delay has not run out.
  const late = await join(t, server, 'leaving');
  await hook.told('leaving', 1);
  // What comes after it is stored after it: that all this was taken is known to the next life.
  await fence(t, server, hook);
  await late.close();
  await server.comeBack(KILL);
  const anna = await join(t, server, kept, 'anna');
  await hook.told(lost, 4, COME_BACK);
  await hook.told(kept, 4, COME_BACK);
  await hook.told('leaving', 2, COME_BACK);
  await fence(t, server, hook);
  assertTold(hook, lost, ['channel_occupied', added('anna'), removed('anna'), 'channel_vacated']);
  const before = ['channel_occupied', added('anna'), added('ben'), removed('ben')];
  assertTold(hook, kept, before);
  assertTold(hook, 'leaving', ['channel_occupied', 'channel_vacated']);
  // The delay is the usual one again.
  await anna.close();
  await hook.told(kept, 6);
  assertTold(hook, kept, [...before, removed('anna'), 'channel_vacated']);
});

test('webhooks 8: a crash loses nothing that was stored, and no middle', OWN_SERVER, async (t) => {
  const [each, failing] = [300, 40];
  const { hook, server } = await startHooked(t, { webhook: { event_types: ['client_event'] } });
  const channel = 'private-interrupted';
  const numberOf = (event) => Number(event.data);
  const mostly = () => (hook.requests.length % failing === failing - 1 ? 503 : 200);
  /** Sends events and kills the server after `isTime`; gives those that come in the end. */
  const live = async (life, answer, isTime) => {
    hook.answer = answer;
    const client = await join(t, server, channel);
    const numbers = Array.from({ length: each }, (_, n) => life * each + n);
    client.sendAtOnce(numbers.map((n) => ({ event: 'client-n', channel, data: String(n) })));
    await isTime();
    await server.comeBack(KILL, () => (hook.answer = mostly));
    await waiting(server, 0);
    // Some come twice: their answers were not written down before the end.
    const told = [...new Set(hook.toldSoFar(channel).map(numberOf))];
    assert.deepEqual(told, told.toSorted((one, other) => one - other), 'in their order');
    return told.filter((n) => Math.floor(n / each) === life).map((n) => n % each);
  };
  const upTo = (count) => Array.from({ length: count }, (_, n) => n);

  const stored = await live(0, () => 503, () => waiting(server, each));
  assert.deepEqual(stored, upTo(each));
  for (const life of [1, 2]) {
    const isUnderWay = (event) => numberOf(event) >= life * each + 20;
    const cut = await live(life, mostly, () => hook.receivedEvent(isUnderWay));
    // What is not stored yet is lost with the server: all from some point on.
    assert.ok(cut.length > 20);
    assert.deepEqual(cut, upTo(cut.length), `life ${life}`);
  }
});

test('webhooks 8: in memory nothing outlives the server', OWN_SERVER, async (t) => {
  const webhooks = { store: 'memory' };
  const { hook, server } = await startHooked(t, { answer: () => 500, webhooks });
  await join(t, server, 'forgotten');
  await hook.received(1);
  assert.equal(existsSync(path(server.dataFolder, 'courier.redb')), false, 'nothing is written');
  await server.comeBack(KILL, () => (hook.answer = () => 200));
  await fence(t, server, hook);
  assertTold(hook, 'forgotten', []);
  await join(t, server, 'forgotten');
  await hook.told('forgotten', 1);
  assertTold(hook, 'forgotten', ['channel_occupied']);
});

test('webhooks 8: one folder is for one server at a time', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t);
  await join(t, server, 'first-come');
  await hook.told('first-come', 1);
  assert.ok(existsSync(path(server.dataFolder, 'courier.redb')));
  const env = {
    FOGHORN_SERVER_DATA_DIR: server.dataFolder,
    FOGHORN_APP_ID: 'app-id',
    FOGHORN_APP_KEY: 'app-key',
    FOGHORN_APP_SECRET: 'app-secret',
    FOGHORN_APP_WEBHOOKS: JSON.stringify([{ url: hook.url }]),
  };
  const args = ['--port', '0', '--metrics-port', '0', '--log-format', 'json'];
  const { code, stderr } = await run(args, { env });
  assert.notEqual(code, 0);
  assert.ok(stderr.includes(server.dataFolder), stderr);
  await fence(t, server, hook);
});
