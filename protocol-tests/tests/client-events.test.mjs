// Client events: protocol.md §19 line 11.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SILENT } from '../lib/apps.mjs';
import { open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { overEach } from '../lib/transports.mjs';

const server = useServer();

/** Some connections on one channel; presence users are u-0, u-1, … */
async function room(t, channel, size = 2, options = {}) {
  const clients = [];
  for (let n = 0; n < size; n += 1) {
    const client = await open(t, server, options);
    const presence = channel.startsWith('presence-');
    await client.subscribe(channel, presence ? { user_id: `u-${n}` } : undefined);
    clients.push(client);
  }
  // The earlier ones have been told of the later ones.
  for (const client of clients) await client.settle();
  return clients;
}

async function assertError(client, code, why) {
  const answers = await client.settle();
  assert.equal(answers.length, 1, `${why}: ${JSON.stringify(answers)}`);
  assert.deepEqual([answers[0].event, answers[0].data.code], ['pusher:error', code], why);
  return answers[0].data.message;
}

for (const channel of ['private-p11', 'private-cache-p11', 'presence-p11', 'presence-cache-p11']) {
  overEach(`protocol 11: on ${channel} everybody but the sender gets it`, async (t) => {
    const [sender, ...others] = await room(t, channel, 3);
    sender.sendClientEvent(channel, 'client-typing', { on: true });
    await sender.assertQuiet('the sender gets nothing back');
    const event = { event: 'client-typing', channel, data: '{"on":true}' };
    const expected = channel.startsWith('presence-') ? { ...event, user_id: 'u-0' } : event;
    for (const other of others) assert.deepEqual(await other.next(), expected);
  });
}

overEach('protocol 11: other connections of the same user get it', async (t) => {
  const channel = 'presence-p11-same';
  const [one, two] = [await open(t, server), await open(t, server)];
  await one.subscribe(channel, { user_id: 'u' });
  await two.subscribe(channel, { user_id: 'u' });
  one.sendClientEvent(channel, 'client-x', {});
  assert.equal((await two.expect('client-x', channel)).user_id, 'u');
});

overEach('protocol 11: a forged user_id is ignored', async (t) => {
  for (const channel of ['presence-p11-forged', 'private-p11-forged']) {
    const [sender, other] = await room(t, channel);
    sender.sendClientEvent(channel, 'client-x', '1', { user_id: 'admin' });
    const { user_id: userId } = await other.expect('client-x', channel);
    assert.equal(userId, channel.startsWith('presence-') ? 'u-0' : undefined);
  }
});

for (const [what, data, text] of [
  ['an object', { a: [1, { b: 'ü' }] }, '{"a":[1,{"b":"ü"}]}'],
  ['a string', 'plain "text"', 'plain "text"'],
  ['a string of JSON', '{"a": 1}', '{"a": 1}'],
  ['the empty string', '', ''],
  ['a number', 7, '7'],
  ['a list', [], '[]'],
  ['null', null, 'null'],
  ['false', false, 'false'],
]) {
  overEach(`protocol 11: ${what} as data arrives as a string`, async (t) => {
    const channel = `private-p11-data-${what.replaceAll(' ', '-')}`;
    const [sender, other] = await room(t, channel);
    sender.sendClientEvent(channel, 'client-x', data);
    assert.equal((await other.next()).data, text);
  });
}

for (const channel of ['p11-public', 'cache-p11']) {
  overEach(`protocol 11: refused on ${channel}`, async (t) => {
    const [sender, other] = await room(t, channel);
    sender.sendClientEvent(channel, 'client-x', {});
    await assertError(sender, null, 'the sender is told');
    await other.assertQuiet('nothing is delivered');
  });
}

for (const channel of ['private-encrypted-p11', 'private-encrypted-cache-p11']) {
  overEach(`protocol 11: only encrypted payloads pass on ${channel}`, async (t) => {
    const [sender, other] = await room(t, channel);
    for (const data of [{}, 'plain', '{"nonce":"bm8="}', { nonce: 1, ciphertext: 2 }, []]) {
      sender.sendClientEvent(channel, 'client-x', data);
      await assertError(sender, null, JSON.stringify(data));
    }
    const envelope = '{"nonce":"bm8=", "ciphertext":"c2VjcmV0"}';
    for (const data of [envelope, JSON.parse(envelope)]) {
      sender.sendClientEvent(channel, 'client-x', data);
      const { data: text } = await other.expect('client-x', channel);
      assert.deepEqual(JSON.parse(text), JSON.parse(envelope));
    }
    await other.assertQuiet('no plain text is delivered');
  });
}

overEach('protocol 11: refused when not subscribed', async (t) => {
  const channel = 'private-p11-outsider';
  const [member] = await room(t, channel, 1);
  const outsider = await open(t, server);
  outsider.sendClientEvent(channel, 'client-x', {});
  await assertError(outsider, null, 'never subscribed');
  await outsider.subscribe(channel);
  outsider.unsubscribe(channel);
  outsider.sendClientEvent(channel, 'client-x', {});
  await assertError(outsider, null, 'no longer subscribed');
  await member.assertQuiet();
});

overEach('protocol 11: refused when the app has them disabled', OWN_SERVER, async (t) => {
  const channel = 'private-p11-disabled';
  const [sender, other] = await room(t, channel, 2, { app: SILENT });
  sender.sendClientEvent(channel, 'client-x', {});
  await assertError(sender, null, 'the sender is told');
  await other.assertQuiet();
});

for (const [what, message] of [
  ['no channel', { event: 'client-x', data: {} }],
  ['no data', { event: 'client-x', channel: 'private-p11-malformed' }],
  ['a numeric channel', { event: 'client-x', channel: 7, data: {} }],
  ['a bad channel name', { event: 'client-x', channel: 'private-a b', data: {} }],
]) {
  overEach(`protocol 11: refused with ${what}`, async (t) => {
    const [sender, other] = await room(t, 'private-p11-malformed');
    sender.send(message);
    await assertError(sender, null, what);
    await other.assertQuiet();
  });
}

overEach('protocol 11: names up to 200 characters', async (t) => {
  const channel = 'private-p11-name';
  const [sender, other] = await room(t, channel);
  const longest = 'client-'.padEnd(200, 'x');
  sender.sendClientEvent(channel, longest, {});
  await other.expect(longest, channel);
  sender.sendClientEvent(channel, `${longest}x`, {});
  await assertError(sender, null, '201 characters');
  await other.assertQuiet();
});

overEach('protocol 11: data up to 10 240 bytes', async (t) => {
  const channel = 'private-p11-size';
  const [sender, other] = await room(t, channel);
  // Two bytes each in UTF-8: what counts is bytes.
  const largest = 'ä'.repeat(5120);
  sender.sendClientEvent(channel, 'client-x', largest);
  assert.equal((await other.next()).data, largest);
  sender.sendClientEvent(channel, 'client-x', `${largest}x`);
  await assertError(sender, null, '10 241 bytes');
  await other.assertQuiet();
});

overEach('protocol 11: above 10 in a second: 4301, not delivered', async (t) => {
  const channel = 'private-p11-rate';
  const [sender, other] = await room(t, channel);
  // Far more than can be refilled while they are read.
  const total = 60;
  const event = (_, n) => ({ event: 'client-n', channel, data: String(n) });
  sender.sendAtOnce(Array.from({ length: total }, event));

  const errors = await sender.settle();
  for (const { event, data } of errors) {
    assert.deepEqual([event, data.code], ['pusher:error', 4301]);
  }
  const delivered = (await other.settle()).map((m) => Number(m.data));
  assert.ok(errors.length > 0, 'some are refused');
  assert.equal(delivered.length + errors.length, total, 'each is delivered or refused');
  assert.deepEqual(delivered.slice(0, 10), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 'a burst of ten passes');
  assert.deepEqual(
    delivered,
    delivered.toSorted((a, b) => a - b),
    'in order',
  );
  // Another connection has its own allowance.
  other.sendClientEvent(channel, 'client-other', '');
  await sender.expect('client-other', channel);
});

test('protocol 11: pings do not count against the rate', async (t) => {
  const channel = 'private-p11-pings';
  const [sender, other] = await room(t, channel);
  for (let n = 0; n < 50; n += 1) {
    sender.socket.ping();
    sender.send({ event: 'pusher:ping' });
  }
  for (let n = 0; n < 50; n += 1) await sender.next();
  sender.sendClientEvent(channel, 'client-x', {});
  await other.expect('client-x', channel);
  await sender.assertQuiet();
});
