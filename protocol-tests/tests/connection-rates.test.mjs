// How many clients one address may bring in a second: limits-and-quotas.md §2. Allowances fill up
// all the time, so many come at once, and some of them must be refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { within } from '../lib/inbox.mjs';
import { assertMetrics } from '../lib/metrics.mjs';
import { dial, open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { overEach, transportOf } from '../lib/transports.mjs';

const LIMIT = 3;
const MANY = 40;
const limited = { connections_per_second_per_address: LIMIT };
/** The tests' own address is no proxy's. */
const direct = useServer({ server: limited });
/** The tests are the last of two proxies. */
const proxied = useServer({ server: { ...limited, trusted_proxies: ['127.0.0.1', '10.0.0.0/8'] } });
const unlimited = useServer();

const list = (length, item) => Array.from({ length }, (_, n) => item(n));
const from = (...hops) => ({ headers: { 'X-Forwarded-For': hops.join(', ') } });

/** Many clients at once: how each was refused, if it was. */
async function refusals(t, server, options = () => ({})) {
  const outcomes = list(MANY, async (n) => {
    const client = dial(t, server, options(n));
    const inside = await within(
      client.handshake().then(
        () => true,
        () => false,
      ),
      'the handshake or the close',
    );
    return inside ? null : client.waitForClose();
  });
  return (await Promise.all(outcomes)).filter((refusal) => refusal !== null);
}

/** Some were refused, and told why. */
function assertLimited(refused, address) {
  assert.ok(refused.length > 0, 'some must be refused');
  const reason = `Too many connections from ${address}: 1 asked for, 0 left of 3 per second`;
  for (const refusal of refused) assert.deepEqual(refusal, { code: 4100, reason });
}

overEach('limits: connections per second of one address', OWN_SERVER, async (t) => {
  const refused = await refusals(t, direct);
  assertLimited(refused, '127.0.0.1');
  assert.ok(refused.length <= MANY - LIMIT, `${refused.length} of ${MANY} were refused`);
  const labels = { code: '4100', transport: transportOf(t) };
  await assertMetrics(direct, [['foghorn_connections_refused_total', labels, refused.length]]);
});

overEach('limits: an address has its allowance behind proxies too', OWN_SERVER, async (t) => {
  assertLimited(await refusals(t, proxied, () => from('203.0.113.7')), '203.0.113.7');
  const hops = ['198.51.100.7', '203.0.113.8', '10.1.2.3'];
  assertLimited(await refusals(t, proxied, () => from(...hops)), '203.0.113.8');
  const all = await refusals(t, proxied, (n) => from(`192.0.2.${n}`));
  assert.deepEqual(all, [], 'each of these comes alone');
});

test('limits: a network of IPv6 addresses counts as one', OWN_SERVER, async (t) => {
  const neighbours = (n) => from(`2001:db8:0:1::${n}`);
  assertLimited(await refusals(t, proxied, neighbours), '2001:db8:0:1::/64');
  const strangers = await refusals(t, proxied, (n) => from(`2001:db8:0:1${n}::1`));
  assert.deepEqual(strangers, []);
});

test('limits: an address that anybody can make up counts for nothing', OWN_SERVER, async (t) => {
  assertLimited(await refusals(t, direct, (n) => from(`192.0.2.${n}`)), '127.0.0.1');
  const made = await refusals(t, proxied, (n) => from(`192.0.2.${n}`, '203.0.113.9'));
  assertLimited(made, '203.0.113.9');
});

test('limits: old clients are told of the rate by an event', OWN_SERVER, async (t) => {
  const clients = list(MANY, () => dial(t, proxied, { protocol: 5, ...from('203.0.113.10') }));
  const ends = clients.map((client) =>
    client.handshake().then(
      () => null,
      () => client,
    ),
  );
  const outside = (await Promise.all(ends)).filter((client) => client !== null);
  assert.ok(outside.length > 0);
  for (const client of outside) assert.equal((await client.waitForClose()).code, 4100);
});

overEach('limits: without a rate any number may connect', OWN_SERVER, async (t) => {
  assert.deepEqual(await refusals(t, unlimited), []);
  await open(t, unlimited);
});
