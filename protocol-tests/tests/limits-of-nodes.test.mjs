// The limits of limits-and-quotas.md §1 that a node sets for all its apps: what just fits, and one
// more. How often clients may come is in connection-rates; queues are in slow-consumer and
// fallback-bursts.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN } from '../lib/apps.mjs';
import { assertFailed, assertOk, post } from '../lib/http.mjs';
import { until, within } from '../lib/inbox.mjs';
import { dial, open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { overEach } from '../lib/transports.mjs';

const NARROW = { max_frame_bytes: 1_024, max_body_bytes: 2_000, max_connections: 2 };
const WIDE = { max_frame_bytes: 100_000, max_body_bytes: 1_500_000, max_connections: 4 };
const servers = [NARROW, WIDE].map((settings) => [useServer({ server: settings }), settings]);
/** What is limited is not what a test opens beside it. */
const roomy = [NARROW, WIDE].map(({ max_connections: _, ...settings }) => [
  useServer({ server: settings }),
  settings,
]);

/** An object whose JSON has this many bytes. */
function ofBytes(bytes, object, member) {
  const padding = bytes - JSON.stringify({ ...object, [member]: '' }).length;
  return JSON.stringify({ ...object, [member]: 'x'.repeat(padding) });
}

/** A refusal names both numbers. */
function assertNames(reason, limit, observed) {
  for (const number of [limit, observed]) {
    assert.match(reason, new RegExp(`\\b${number}\\b`), `${number} must be in ${reason}`);
  }
}

test('limits: message of a client (max_frame_bytes)', OWN_SERVER, async (t) => {
  for (const [server, { max_frame_bytes: limit }] of roomy) {
    const client = await open(t, server);
    client.sendText(ofBytes(limit, { event: 'pusher:ping', data: {} }, 'padding'));
    assert.equal((await client.next('pusher:pong')).event, 'pusher:pong');
    client.sendText(ofBytes(limit + 1, { event: 'pusher:ping', data: {} }, 'padding'));
    const { code, reason } = await client.waitForClose();
    assert.equal(code, 1009);
    assertNames(reason, limit, limit + 1);
  }
});

test('limits: body of a request (max_body_bytes)', OWN_SERVER, async () => {
  for (const [server, { max_body_bytes: limit }] of roomy) {
    const event = { name: 'e', channel: 'a', data: '' };
    assertOk(await post(server, '/events', ofBytes(limit, event, 'padding')));
    const refused = await post(server, '/events', ofBytes(limit + 1, event, 'padding'));
    assertNames(assertFailed(refused, 413), limit, limit + 1);
  }
});

/** How a client is told that it may not come in, if it may not. */
async function outcome(client) {
  const inside = client.handshake().then(
    () => null,
    () => client.waitForClose(),
  );
  return within(inside, 'the handshake or the close');
}

overEach('limits: connections of a node (max_connections)', OWN_SERVER, async (t) => {
  for (const [server, { max_connections: limit }] of servers) {
    for (let n = 0; n < limit; n += 1) {
      const come = () => outcome(dial(t, server, { app: MAIN }));
      await until((refused) => refused === null, come, 'a place for a client');
    }
    const { code, reason } = await outcome(dial(t, server, { app: MAIN }));
    assert.equal(code, 4100);
    assert.equal(reason, `The server has ${limit} connections, the limit is ${limit}`);
  }
});
