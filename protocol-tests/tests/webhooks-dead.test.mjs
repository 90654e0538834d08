// What is given up: kept with the reason, sent again when told to, or thrown away.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN } from '../lib/apps.mjs';
import { send } from '../lib/http.mjs';
import { Metrics, assertMetrics } from '../lib/metrics.mjs';
import { OWN_SERVER, run } from '../lib/server.mjs';
import { HANG, join, startHooked } from '../lib/webhooks.mjs';

const TOKEN = 'made-up-token-0123456789abcdef0123456789';
const app = { app_id: MAIN.id };
const DEAD = 'foghorn_webhook_dead_letters';

/** Gives up what was not taken a second after it was made. */
const IMPATIENT = {
  webhooks: { retry_window: 1, timeout: 1 },
  sections: { admin: { token: TOKEN } },
  webhook: { event_types: ['channel_occupied', 'client_event', 'channel_vacated'] },
};

/** A request to the admin API; gives the JSON of its answer. */
async function admin({ metricsHost: host, metricsPort: port }, method, path, body) {
  const headers = { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' };
  const target = `/admin/v1/webhooks${path}`;
  const text = body && JSON.stringify(body);
  const answer = await send({ host, port }, { method, target, headers, body: text });
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
  return answer.text ? JSON.parse(answer.text) : undefined;
}

/** Waits until so many were given up. */
const dead = (server, count) => assertMetrics(server, [[DEAD, app, count]]);

test('webhooks 8: what nobody takes is given up, and others go on', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { ...IMPATIENT, answer: () => 500 });
  const client = await join(t, server, 'private-given-up');
  await dead(server, 1);
  hook.answer = () => 200;
  client.sendClientEvent('private-given-up', 'client-next', '1');
  await hook.told('private-given-up', 1);
  assert.equal(hook.toldSoFar('private-given-up')[0].event, 'client-next');
  const metrics = await Metrics.scrape(server);
  const deliveries = 'foghorn_webhook_deliveries_total';
  assert.equal(metrics.value(deliveries, { ...app, outcome: 'failed' }), 1);
  const [line] = server.process.logs.filter(({ fields }) => /dead letter/.test(fields?.message));
  assert.equal(line?.level, 'WARN', 'it is logged');
  assert.ok(!server.process.stderr.includes('private-given-up'), 'without what is in it');
});

test('webhooks 8: dead letters are listed, and sent again as they were', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { ...IMPATIENT, answer: () => 503 });
  for (let n = 0; n < 3; n += 1) {
    await join(t, server, `dead-${n}`);
    await dead(server, n + 1);
  }
  const originals = Object.fromEntries(hook.requests.map((r) => [r.events[0].channel, r.text]));
  const list = await admin(server, 'GET', `/dead?app=${MAIN.id}`);
  assert.equal(list.next, null);
  for (const letter of list.dead) {
    const { app: of, url, events, attempts, reason } = letter;
    assert.deepEqual([of, url, events], [MAIN.id, hook.url, ['channel_occupied']]);
    assert.ok(attempts >= 1);
    assert.match(reason, /503/);
  }

  // A crash does not bring them back to life, nor lose them.
  await server.comeBack('SIGKILL', () => (hook.answer = () => 200));
  const again = await admin(server, 'GET', `/dead?app=${MAIN.id}`);
  assert.deepEqual(again, list);

  const [first, second, third] = list.dead.map(({ id }) => id);
  const one = await admin(server, 'POST', '/dead/redeliver', { ids: [first] });
  assert.deepEqual(one, { redelivered: 1 });
  await hook.told('dead-0', 1);
  await admin(server, 'DELETE', `/dead/${second}`);
  const rest = await admin(server, 'POST', '/dead/redeliver', { app: MAIN.id });
  assert.deepEqual(rest, { redelivered: 1 });
  await hook.told('dead-2', 1);
  await dead(server, 0);
  for (const { isTaken, text, events } of hook.requests) {
    if (isTaken) assert.equal(text, originals[events[0].channel]);
  }
  assert.deepEqual(hook.toldSoFar('dead-1'), [], `${third} was the last`);
});

test('webhooks 8: who is redelivered to in vain is given up again', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { ...IMPATIENT, answer: () => HANG });
  await join(t, server, 'hopeless');
  await dead(server, 1);
  const { length: before } = hook.requests;
  await admin(server, 'POST', '/dead/redeliver', { app: MAIN.id });
  await hook.received(before + 1);
  await dead(server, 1);
  const { dead: [letter] } = await admin(server, 'GET', '/dead');
  assert.match(letter.reason, /no answer/);
});

test('webhooks 8: the command line does the same', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { ...IMPATIENT, answer: () => 500 });
  await join(t, server, 'by-hand');
  await dead(server, 1);
  hook.answer = () => 200;
  const url = `http://${server.metricsHost}:${server.metricsPort}`;
  const tool = async (...args) => {
    const env = { FOGHORN_ADMIN_TOKEN: TOKEN };
    const { code, stdout, stderr } = await run(['webhooks', ...args, '--admin-url', url], { env });
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const listed = await tool('dead');
  assert.ok(listed.includes(hook.url) && listed.includes('500'), listed);
  assert.ok(!listed.includes(MAIN.secret));
  await tool('redeliver', '--app', MAIN.id);
  await hook.told('by-hand', 1);
  await dead(server, 0);
});
