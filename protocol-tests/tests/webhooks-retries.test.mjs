// What becomes of a webhook that is not taken: webhooks.md §8 line 8, and §4, §5.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';

import { deferToEnd } from '../lib/defer.mjs';
import { until } from '../lib/inbox.mjs';
import { Metrics, assertMetrics } from '../lib/metrics.mjs';
import { OWN_SERVER } from '../lib/server.mjs';
import { makeCertificate } from '../lib/tls.mjs';
import {
  CLOSE,
  HANG,
  assertTold,
  fence,
  inTurn,
  join,
  startEndpoint,
  startHooked,
  startServer,
  to,
} from '../lib/webhooks.mjs';

let certificate;
before(async () => {
  certificate = await makeCertificate();
});
deferToEnd(() => certificate?.remove());

/** What an endpoint with TLS shows. */
const identity = () => ({
  cert: readFileSync(certificate.cert),
  key: readFileSync(certificate.key),
});

const OCCUPIED = { event_types: ['channel_occupied'] };

/** The answers to the requests of each channel in turn, by its name; then success. */
const byChannel = (answers) => {
  const turns = Object.fromEntries(
    Object.entries(answers).map(([channel, list]) => [channel, inTurn(...list)]),
  );
  return (request) => turns[request.events[0].channel]?.(request) ?? 200;
};

/** Of requests that are attempts at one webhook: they are the same, and counted. */
function assertSame(requests) {
  const [{ text, headers }] = requests;
  for (const [at, request] of requests.entries()) {
    assert.equal(request.text, text);
    assert.equal(request.headers['x-pusher-signature'], headers['x-pusher-signature']);
    assert.equal(request.headers['x-pusher-key'], headers['x-pusher-key']);
    assert.equal(request.headers['x-webhook-attempt'], String(at + 1));
  }
}

/** Waits until so many attempts have failed for this reason. */
const failed = (server, result, count = 1) =>
  until(
    (attempts) => attempts >= count,
    async () => {
      const labels = { app_id: server.app.id, result };
      return (await Metrics.scrape(server)).value('foghorn_webhook_attempts_total', labels) ?? 0;
    },
    `${count} attempts with the result ${result}`,
  );

const FAILURES = {
  'a 500': 500,
  'a 404': 404,
  'a 410': 410,
  'a 429': 429,
  'a 503 with Retry-After': { status: 503, headers: { 'Retry-After': '3600' } },
  'a 302': { status: 302, headers: { Location: '/elsewhere' } },
  'a 307 to itself': { status: 307, headers: { Location: '/hooks' } },
  'a connection that ends': CLOSE,
  'no answer': HANG,
};

test('webhooks 8: whatever is not success is tried again, unchanged', OWN_SERVER, async (t) => {
  const channels = Object.keys(FAILURES).map((what) => `failed-by-${what.replaceAll(' ', '-')}`);
  const lists = Object.values(FAILURES).map((answer, at) => [channels[at], [answer]]);
  const { hook, server } = await startHooked(t, {
    answer: byChannel(Object.fromEntries(lists)),
    webhook: OCCUPIED,
    webhooks: { timeout: 1 },
  });
  for (const channel of channels) await join(t, server, channel);
  for (const channel of channels) {
    await hook.told(channel, 1);
    const requests = hook.requestsFor(channel);
    assert.equal(requests.length, 2, channel);
    assertSame(requests);
  }
  assert.ok(hook.requests.every(({ path }) => path === '/hooks'), 'redirects are not followed');
});

test('webhooks 8: any 2xx is success, whatever the answer says', OWN_SERVER, async (t) => {
  const answers = {
    'taken-201': [201],
    'taken-202': [202],
    'taken-204': [204],
    'taken-299': [299],
    'taken-at-length': [{ status: 200, body: 'x'.repeat(1 << 20) }],
    'taken-without-end': [{ status: 200, body: 'x', isEndless: true }],
  };
  const { hook, server } = await startHooked(t, {
    answer: byChannel(answers),
    webhook: OCCUPIED,
    webhooks: { timeout: 1 },
  });
  for (const channel of Object.keys(answers)) {
    await join(t, server, channel);
    await hook.told(channel, 1);
  }
  await assertMetrics(server, [
    ['foghorn_webhook_attempts_total', { result: 'ok' }, Object.keys(answers).length],
    ['foghorn_webhook_queue_depth', {}, 0],
  ]);
  assert.equal(hook.requests.length, Object.keys(answers).length);
});

test('webhooks 8: it is tried until it is taken, at growing distances', OWN_SERVER, async (t) => {
  const [at, answers] = [[], inTurn(500, 500, 500)];
  const answer = () => {
    at.push(performance.now());
    return answers();
  };
  const { hook, server } = await startHooked(t, { answer, webhook: OCCUPIED });
  await join(t, server, 'stubborn');
  await hook.told('stubborn', 1);
  assertSame(hook.requests);
  assert.equal(hook.requests.length, 4);
  // 1, 2 and 4 seconds, each by up to 20 % less or more: a busy machine makes it later only.
  for (const [n, least] of [800, 1600, 3200].entries()) {
    assert.ok(at[n + 1] - at[n] >= least, `attempt ${n + 2}: ${at[n + 1] - at[n]} ms later`);
  }
});

test('webhooks 8: an endpoint that is away is tried again', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t);
  await hook.close();
  await join(t, server, 'presence-refused', 'anna');
  await failed(server, 'connection', 2);
  await hook.open();
  await hook.told('presence-refused', 2);
  assert.ok(Number(hook.requests[0].headers['x-webhook-attempt']) > 1);
});

test('webhooks 8: a channel keeps its order, and others overtake', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, {
    answer: byChannel({ 'private-stuck': [500, 500] }),
  });
  const stuck = await join(t, server, 'private-stuck');
  await hook.received(1);
  for (let n = 0; n < 3; n += 1) stuck.sendClientEvent('private-stuck', `client-${n}`, '1');
  await stuck.settle();
  await join(t, server, 'private-free');
  await hook.told('private-free', 1);
  assert.deepEqual(hook.toldSoFar('private-stuck'), [], 'it has been overtaken');
  await hook.told('private-stuck', 4);
  const order = hook.requestsFor('private-stuck').map(({ events: [e] }) => e.event ?? e.name);
  const [first, ...rest] = ['channel_occupied', 'client-0', 'client-1', 'client-2'];
  assert.deepEqual(order, [first, first, first, ...rest]);
});

test('webhooks 8: a slow endpoint delays nobody else', OWN_SERVER, async (t) => {
  const [slow, fast] = [await startEndpoint(t, { answer: () => HANG }), await startEndpoint(t)];
  const webhooks = [...to(slow, OCCUPIED), ...to(fast, OCCUPIED)];
  const server = await startServer(t, { app: { webhooks }, webhooks: { concurrency: 2 } });
  for (let n = 0; n < 40; n += 1) await join(t, server, `many-${n}`);
  await fast.received(40);
  await slow.received(2);
  assert.equal(slow.mostAtOnce, 2, 'as many as are allowed, and no more');
  assert.ok(slow.requests.length < 40);
});

test('webhooks 8: a certificate that is trusted is enough', OWN_SERVER, async (t) => {
  const webhooks = { ca_file: certificate.caFile };
  const { hook, server } = await startHooked(t, { tls: identity(), webhooks });
  await join(t, server, 'over-tls');
  await hook.told('over-tls', 1);
});

test('webhooks 8: a certificate that nobody vouches for is refused', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { tls: identity() });
  await join(t, server, 'over-tls');
  await failed(server, 'tls');
  assert.deepEqual(hook.requests, []);
});

for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '2130706433']) {
  test(`webhooks 8: private addresses can be blocked (${host})`, OWN_SERVER, async (t) => {
    const hook = await startEndpoint(t);
    const url = hook.url.replace('127.0.0.1', host);
    const server = await startServer(t, {
      app: { webhooks: [{ url }] },
      webhooks: { allow_private_addresses: false },
    });
    await join(t, server, 'blocked');
    await failed(server, 'blocked');
    assert.deepEqual(hook.requests, []);
  });
}

test('webhooks 8: an endpoint that works again is sent each event once', OWN_SERVER, async (t) => {
  const { hook, server } = await startHooked(t, { answer: () => 503 });
  for (let n = 0; n < 5; n += 1) await join(t, server, `recovers-${n}`);
  await hook.received(10);
  hook.answer = () => 200;
  for (let n = 0; n < 5; n += 1) await hook.told(`recovers-${n}`, 1);
  await fence(t, server, hook);
  for (let n = 0; n < 5; n += 1) assertTold(hook, `recovers-${n}`, ['channel_occupied']);
});
