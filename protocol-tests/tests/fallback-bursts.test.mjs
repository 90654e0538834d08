// Much at once over HTTP, to those who read fast, slowly, and not at all: fallback-transports.md
// §10 line 6, and §3.1 on what a browser's buffer holds.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { BUFFER_LIMIT } from '../lib/fallback-requests.mjs';
import { Session, messagesOf } from '../lib/fallback-session.mjs';
import { assertOk, post } from '../lib/http.mjs';
import { within } from '../lib/inbox.mjs';
import { Metrics } from '../lib/metrics.mjs';
import { open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { overEach } from '../lib/transports.mjs';

const PATIENT = { send_queue_bytes: 64 << 20, write_timeout: 60 };
const sections = { fallback: { session_timeout: 60 } };
const server = useServer({ server: PATIENT, sections });
const QUEUE = 200_000;
const narrow = useServer({ server: { send_queue_bytes: QUEUE, write_timeout: 60 }, sections });

const ASCII = 'x'.repeat(250);
const UMLAUTS = 'Äpfel, Öl und Übermut – „Straße“ '.repeat(8);
// Two units each, and four bytes.
const ASTRAL = '🐦🦊𝄞👩‍👩‍👧 '.repeat(20);
const TEXTS = { 'in ASCII': ASCII, 'with umlauts': UMLAUTS, 'with emoji': ASTRAL };

const numberOf = ({ data }) => Number(data.split(' ')[0]);
const upTo = (count) => Array.from({ length: count }, (_, n) => n);
const dataOf = (n, text) => `${n} ${text}`;

/** Publishes events `from` up to but not including `to`, ten in a request. */
async function burst(where, channel, [from, to], text) {
  for (let first = from; first < to; first += 10) {
    const event = (n) => ({ name: 'n', channel, data: dataOf(first + n, text) });
    const batch = upTo(Math.min(10, to - first)).map(event);
    assertOk(await post(where, '/batch_events', { batch }));
  }
}

/** The next `count` messages are the events from 0, whole, in order, and each once. */
async function assertAll(client, channel, count, text) {
  for (let n = 0; n < count; n += 1) {
    const { data } = await client.expect('n', channel);
    assert.equal(data, dataOf(n, text));
  }
  await client.assertQuiet('nothing came twice');
}

const COUNT = 4_000;

for (const [what, text] of Object.entries(TEXTS)) {
  const name = what.replaceAll(' ', '-');

  overEach(`fallback 6: a megabyte ${what} is all there, in order`, async (t) => {
    const channel = `fallback-6-fast-${name}`;
    const client = await open(t, server);
    await client.subscribe(channel);
    await burst(server, channel, [0, COUNT], text);
    await assertAll(client, channel, COUNT, text);
  });

  overEach(`fallback 6: a megabyte ${what} for a slow reader`, OWN_SERVER, async (t) => {
    const channel = `fallback-6-slow-${name}`;
    const client = await open(t, server);
    await client.subscribe(channel);
    client.pause();
    await burst(server, channel, [0, COUNT], text);
    client.resume();
    await assertAll(client, channel, COUNT, text);
  });
}

overEach('fallback 6: who pauses now and then has it all', OWN_SERVER, async (t) => {
  const channel = 'fallback-6-turns';
  const client = await open(t, server);
  await client.subscribe(channel);
  for (let first = 0; first < COUNT; first += COUNT / 8) {
    client.pause();
    await burst(server, channel, [first, first + COUNT / 8], ASTRAL);
    client.resume();
  }
  await assertAll(client, channel, COUNT, ASTRAL);
});

/** A session on this channel, whose stream is read by the test. */
async function listening(t, where, channel, how) {
  const session = await Session.open(t, where, how);
  await session.subscribe(channel);
  if (how === 'xhr') await session.poll();
  else await session.expectEvent('pusher_internal:subscription_succeeded');
  return session;
}

/** Reads events up to the `h` that ends what a browser takes at once; gives their numbers. */
async function readToLimit(session) {
  const frames = await session.reception.frames.readUntil(({ kind }) => kind === 'h', 'h');
  const [last, before] = [frames.at(-2), frames.at(-3)];
  assert.ok(last.end > BUFFER_LIMIT, `it ends after ${last.end} units`);
  assert.ok(before.end <= BUFFER_LIMIT, `it should have ended after ${before.end} units`);
  return messagesOf(frames).map(numberOf);
}

for (const [what, text] of Object.entries(TEXTS)) {
  test(`fallback 6: a stream stops above 262,144 units, ${what}`, OWN_SERVER, async (t) => {
    const channel = `fallback-6-limit-${what.replaceAll(' ', '-')}`;
    const session = await listening(t, server, channel);
    await burst(server, channel, [0, 2_500], text);
    const numbers = [];
    // Two responses are full; so may be others.
    for (let n = 0; n < 2; n += 1) {
      numbers.push(...(await readToLimit(session)));
      assert.deepEqual(session.reception.frames.drain(), [], 'nothing comes behind it');
      session.reception.abort();
      session.attach('xhr_streaming');
    }
    while (numbers.length < 2_500) {
      const frame = await session.reception.frames.next('the rest');
      if (frame.kind === 'h') session.attach('xhr_streaming');
      numbers.push(...messagesOf([frame]).map(numberOf));
    }
    assert.deepEqual(numbers, upTo(2_500));
  });
}

test('fallback 6: what a stream keeps back may be polled for', OWN_SERVER, async (t) => {
  const channel = 'fallback-6-change';
  const session = await listening(t, server, channel);
  await burst(server, channel, [0, 2_000], UMLAUTS);
  const numbers = await readToLimit(session);
  session.reception.abort();
  while (numbers.length < 2_000) numbers.push(...messagesOf(await session.poll()).map(numberOf));
  assert.deepEqual(numbers, upTo(2_000));
});

test('fallback 6: who asks for no new stream goes on in the old one', OWN_SERVER, async (t) => {
  const channel = 'fallback-6-one';
  const session = await listening(t, server, channel);
  await burst(server, channel, [0, 2_500], ASTRAL);
  const numbers = await readToLimit(session);
  // It reads on: it has answered the heartbeat.
  await session.send();
  while (numbers.length < 2_500) {
    const frame = await session.reception.frames.next('the rest');
    if (frame.kind === 'h') await session.send();
    numbers.push(...messagesOf([frame]).map(numberOf));
  }
  assert.deepEqual(numbers, upTo(2_500));
});

test('fallback 6: a session without a request keeps what comes', OWN_SERVER, async (t) => {
  const channel = 'fallback-6-away';
  const session = await listening(t, server, channel, 'xhr');
  await burst(server, channel, [0, 500], UMLAUTS);
  session.attach('xhr_streaming');
  for (let n = 0; n < 500; n += 1) assert.equal(numberOf(await session.expectEvent('n')), n);
});

for (const how of ['xhr_streaming', 'xhr']) {
  test(`slow consumer: a session that takes nothing: 4100 (${how})`, OWN_SERVER, async (t) => {
    const channel = `presence-fallback-slow-${how}`;
    const overflows = ['foghorn_overflows_total', { queue: 'connection' }];
    const before = (await Metrics.scrape(narrow)).value(...overflows) ?? 0;
    const neighbours = [];
    for (const transport of ['ws', 'xhr_streaming', 'xhr_polling']) {
      const client = await open(t, narrow, { transport });
      await client.subscribe(channel, { user_id: transport });
      neighbours.push(client);
    }
    const slow = await openMember(t, channel, how);
    for (const client of neighbours) await client.settle();
    if (how === 'xhr_streaming') await slow.reception.pause();

    const isGone = ({ event }) => event === 'pusher_internal:member_removed';
    const heard = new Map(neighbours.map((client) => [client, []]));
    let sent = 0;
    while (!heard.get(neighbours[0]).some(isGone)) {
      assert.ok(sent < 4_000, 'the slow one should have gone');
      await burst(narrow, channel, [sent, sent + 10], 'x'.repeat(9_000));
      sent += 10;
      const isLast = (m) => m.event === 'n' && numberOf(m) === sent - 1;
      for (const client of neighbours) {
        heard.get(client).push(...(await client.inbox.readUntil(isLast, `event ${sent - 1}`)));
        heard.get(client).push(...(await client.settle()));
      }
    }
    for (const messages of heard.values()) {
      assert.deepEqual(messages.filter(({ event }) => event === 'n').map(numberOf), upTo(sent));
    }

    const frames = how === 'xhr' ? [] : await rest(slow.reception);
    if (frames.at(-1)?.kind !== 'c') frames.push(...(await slow.poll()));
    const numbers = messagesOf(frames).filter(({ event }) => event === 'n').map(numberOf);
    assert.deepEqual(numbers, upTo(numbers.length), 'what it has is the beginning');
    const { kind, code, reason } = frames.at(-1);
    assert.deepEqual([kind, code], ['c', 4100]);
    const told = /^Too slow: (\d+) bytes wait to be sent, the limit is (\d+)$/.exec(reason);
    assert.equal(told?.[2], String(QUEUE), reason);
    assert.ok(Number(told[1]) > QUEUE, reason);
    assert.equal((await Metrics.scrape(narrow)).value(...overflows) - before, 1, 'nobody else');
  });
}

/** All that is left in a response that has stood still. */
async function rest(reception) {
  await reception.resume();
  await within(reception.ended, 'the response to end');
  return reception.frames.drain();
}

async function openMember(t, channel, how) {
  const client = await open(t, narrow, { transport: 'ws' });
  const session = await Session.open(t, narrow, how);
  const data = '{"user_id":"slow"}';
  client.socketId = session.socketId;
  const auth = client.auth(channel, data);
  await session.send({ event: 'pusher:subscribe', data: { channel, auth, channel_data: data } });
  if (how === 'xhr') await session.poll();
  else await session.expectEvent('pusher_internal:subscription_succeeded');
  return session;
}
