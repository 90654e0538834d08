// 10,000 malformed inputs over many connections, next to two members of a presence channel and a
// publisher who miss nothing.

import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';

import { MAIN } from '../lib/apps.mjs';
import { assertFailed, publish, send } from '../lib/http.mjs';
import { BYTES, CHANNEL, FRAMES, MESSAGES, REQUESTS, SILENCES } from '../lib/hostile.mjs';
import { assertMetrics } from '../lib/metrics.mjs';
import { Random, SEED } from '../lib/random.mjs';
import { open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { Wire, open as openWire, upgradeRequest } from '../lib/wire.mjs';

const INPUTS = {
  messages: 6_000,
  frames: 1_500,
  requests: 1_800,
  bytes: 400,
  cuts: 200,
  silences: 100,
};
const WORKERS = 16;
/** Messages that a client sends before it asks whether all of them were answered. */
const BATCH = 30;

const server = useServer({
  apps: [{ ...MAIN, client_events: true, client_events_per_second: -1 }],
  server: { header_timeout: 2, body_timeout: 2 },
});

/** What was answered, by kind, and how often. */
class Tally {
  #counts = new Map();
  total = 0;

  add(kind, answer) {
    const line = `${kind}: ${answer}`;
    this.#counts.set(line, (this.#counts.get(line) ?? 0) + 1);
    this.total += 1;
  }

  report(t) {
    for (const [line, count] of [...this.#counts].sort()) t.diagnostic(`${count} × ${line}`);
  }
}

/** A publisher and two members. Each round everybody must hear exactly what was said, in order. */
class Talk {
  #round = 0;
  #heard = [];
  over = false;

  static async begin(t) {
    const talk = new Talk();
    talk.left = await open(t, server);
    talk.right = await open(t, server);
    await talk.left.subscribe(CHANNEL, { user_id: 'left' });
    await talk.right.subscribe(CHANNEL, { user_id: 'right' });
    await talk.left.expect('pusher_internal:member_added', CHANNEL);
    return talk;
  }

  async round() {
    this.#round += 1;
    const members = [this.left, this.right];
    for (const half of ['a', 'b']) {
      await publish(server, { name: 'n', channel: CHANNEL, data: `${this.#round}${half}` });
    }
    for (const member of members) {
      for (const half of ['a', 'b']) {
        member.sendClientEvent(CHANNEL, 'client-n', `${this.#round}${half}`);
      }
    }
    for (const member of members) {
      for (const event of ['n', 'n', 'client-n', 'client-n']) {
        const { data } = await member.expect(event, CHANNEL);
        this.#heard.push(data);
      }
    }
    const expected = [...'abababab'].map((half) => `${this.#round}${half}`);
    assert.deepEqual(this.#heard.splice(0), expected);
  }

  /** Talks until it is over; gives the number of rounds. */
  async goOn() {
    while (!this.over) await this.round();
    await this.round();
    return this.#round;
  }
}

/** Random values of one input: they depend on the seed and the input's number only. */
const randomFor = (number) => new Random(SEED + Math.imul(number, 0x2545f491));

const kindsOf = (table) => Object.keys(table);

/** Fails with all that is needed to repeat the input. */
async function attempt(number, kind, body) {
  try {
    return await body(randomFor(number));
  } catch (error) {
    const repeat = `FOGHORN_TEST_SEED=${SEED}`;
    throw new Error(`input ${number} (${kind}), ${repeat}: ${error.message}`, { cause: error });
  }
}

/** One client sends some malformed messages: one error for each, and it may stay. */
async function messages(t, tally, numbers) {
  const client = await open(t, server);
  const kinds = kindsOf(MESSAGES);
  const kindOf = (number) => kinds[number % kinds.length];
  for (const number of numbers) {
    client.sendText(MESSAGES[kindOf(number)](randomFor(number), client));
  }
  await attempt(numbers[0], `and all up to ${numbers.at(-1)}`, async () => {
    const answers = await client.settle();
    const errors = answers.filter((m) => m.event === 'pusher:error');
    const notes = answers.filter((m) => m.event === 'pusher:subscription_error');
    assert.equal(errors.length + notes.length, answers.length, JSON.stringify(answers));
    assert.equal(errors.length, numbers.length, 'an error for every message');
    assert.ok(errors.every((m) => m.data.code === null && m.data.message !== ''));
    await client.subscribe('hostile-still-usable');
  });
  for (const number of numbers) tally.add(kindOf(number), 'pusher:error');
  client.terminate();
}

async function brokenFrame(t, tally, number, kind, random) {
  const [make, code] = FRAMES[kind];
  const wire = await openWire(t, server);
  wire.write(make(random));
  assert.equal(await wire.takeClose(), code);
  tally.add(kind, `close ${code}`);
}

async function request(t, tally, number, kind, random) {
  const [make, status] = REQUESTS[kind];
  const response = await send(server, { ...make(random, server.app), agent: t.agent });
  const { text } = response;
  assertFailed({ ...response, json: JSON.parse(text) }, status);
  tally.add(kind, status);
}

async function bytes(t, tally, number, kind, random) {
  const wire = await Wire.connect(t, server);
  wire.write(BYTES[kind](random, server));
  tally.add(kind, await refusalOf(wire));
}

/** The 4xx status on a bare connection, or that it ended without a word. */
async function refusalOf(wire) {
  const line = () => wire.received.toString('latin1').split('\r\n')[0];
  const hasLine = (received) => (received.includes('\r\n') ? [true, 0] : null);
  const answered = wire.take(hasLine, 'a line');
  await Promise.race([answered.catch(() => {}), wire.waitForEnd()]);
  const found = /^HTTP\/1\.[01] (4\d\d) /.exec(line());
  assert.ok(found || line() === '', line());
  wire.socket.destroy();
  return found ? found[1] : 'the end';
}

/** Leaves without a word, in the middle of something. */
async function cut(t, tally, number, kind, random) {
  if (kind === 'cut inside a frame') {
    const wire = await openWire(t, server);
    const whole = FRAMES['a binary message'][0](random);
    wire.write(whole.subarray(0, random.between(1, whole.length - 1)));
    wire.socket.resetAndDestroy();
  } else {
    const wire = await Wire.connect(t, server);
    const head = upgradeRequest(server);
    await wire.writeAll(head.slice(0, random.between(1, head.length)));
    wire.socket.resetAndDestroy();
  }
  tally.add(kind, 'left');
}

/** Stops half way; gives a promise of the server's losing patience. */
async function silence(t, tally, number, kind, random) {
  const wire = await Wire.connect(t, server);
  wire.write(SILENCES[kind](random, server));
  const answer = refusalOf(wire);
  return () => attempt(number, kind, async () => tally.add(kind, await answer));
}

/** All inputs in a random order, as functions. */
function inputs(t, tally) {
  let number = 0;
  const jobs = [];
  const waits = [];
  for (let sent = 0; sent < INPUTS.messages; sent += BATCH) {
    const numbers = Array.from({ length: BATCH }, () => (number += 1));
    jobs.push(() => messages(t, tally, numbers));
  }
  const single = (count, kinds, body) => {
    for (let at = 0; at < count; at += 1) {
      const mine = (number += 1);
      const kind = kinds[at % kinds.length];
      jobs.push(() => attempt(mine, kind, (random) => body(t, tally, mine, kind, random)));
    }
  };
  single(INPUTS.frames, kindsOf(FRAMES), brokenFrame);
  single(INPUTS.requests, kindsOf(REQUESTS), request);
  single(INPUTS.bytes, kindsOf(BYTES), bytes);
  single(INPUTS.cuts, ['cut inside a frame', 'cut inside a handshake'], cut);
  single(INPUTS.silences, kindsOf(SILENCES), async (...all) => waits.push(await silence(...all)));
  return { jobs: new Random(SEED).shuffle(jobs), waits };
}

async function work(jobs) {
  for (let job = jobs.pop(); job; job = jobs.pop()) await job();
}

test('hostile: 10,000 malformed inputs, and a pair misses nothing', OWN_SERVER, async (t) => {
  t.diagnostic(`FOGHORN_TEST_SEED=${SEED}`);
  t.agent = new http.Agent({ keepAlive: true, maxSockets: WORKERS });
  const tally = new Tally();
  const talk = await Talk.begin(t);
  const talking = talk.goOn();
  // It is waited for below, whoever fails first.
  talking.catch(() => {});
  const { jobs, waits } = inputs(t, tally);
  try {
    const workers = Array.from({ length: WORKERS }, () => work(jobs));
    await Promise.race([Promise.all(workers), talking]);
    await Promise.all(waits.map((wait) => wait()));
  } finally {
    jobs.length = 0;
    talk.over = true;
  }
  const rounds = await talking;
  tally.report(t);
  t.diagnostic(`${rounds} rounds of the pair meanwhile`);
  assert.equal(tally.total, 10_000);
  assert.ok(rounds > 10, `only ${rounds} rounds`);

  // Nobody is left, the pair apart, and others are as welcome as before.
  t.agent.destroy();
  await assertMetrics(server, [['foghorn_connections', { app_id: MAIN.id, transport: 'ws' }, 2]]);
  const late = await open(t, server);
  const { presence } = await late.subscribe(CHANNEL, { user_id: 'late' });
  assert.deepEqual(presence.ids.toSorted(), ['late', 'left', 'right']);
});
