// Measures what becomes of a server under pressure: who joins a busy channel, how the cost of a
// delivery grows with the crowd, what a stopped reader costs, what a hot channel costs a quiet one,
// and what becomes of too many publishers. Prints a table; all cases in turn, round after round.
//
//   node measure/pressure.mjs --rounds 3 --seconds 5
//
// Beyond what one process may have sockets: cargo bench --package foghorn-channels --bench crowd

import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { number, pick, remarks, spread } from './figures.mjs';
import { bench, start, stop } from './runs.mjs';

const { values: flags } = parseArgs({
  options: {
    server: {
      type: 'string',
      default: '../target/release/foghorn --config measure/foghorn.toml --port {port}',
    },
    bench: { type: 'string', default: '../target/release/foghorn' },
    only: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
  },
});

const QUIET = {
  FOGHORN_APP_ID: 'quiet-id',
  FOGHORN_APP_KEY: 'quiet-key',
  FOGHORN_APP_SECRET: 'quiet-secret',
};
/** How long before the quiet ones the hot channel begins, and how much longer it goes on. */
const LEAD_SECONDS = 2;

/** A case: a line of the bench, perhaps beside another one, and the figures to show. */
const cases = [
  ...[1_000, 10_000, 19_000].map((crowd) => ({
    name: `join a channel of ${number(crowd)} subscribers, 16 publishers as fast as answered`,
    bench: `join --connections ${crowd} --processes 2 --joins 50 --handshakes 256`,
    figures: { 'join_latency_us.p50': 'µs, p50', 'join_latency_us.p99': 'µs, p99' },
  })),
  ...[
    [100, 200],
    [1_000, 20],
    [10_000, 2],
    [19_000, 1],
  ].map(([crowd, rate]) => ({
    name: `deliver to ${number(crowd)} subscribers, ${rate} publishes/s`,
    bench: `fanout --connections ${crowd} --rate ${rate} --processes 2 --handshakes 256`,
    figures: { 'server.cpu_us_per_delivery': 'µs CPU/delivery' },
  })),
  ...[0, 10].map((stopped) => ({
    name: `100 subscribers, 100 publishes/s of 9,000 bytes, beside ${stopped} who read nothing`,
    bench:
      (stopped ? `slow --stopped ${stopped}` : 'fanout') +
      ' --connections 100 --rate 100 --payload 9000',
    figures: {
      'latency_us.p50': 'µs, p50',
      'latency_us.p99': 'µs, p99',
      'server.cpu_us_per_delivery': 'µs CPU/delivery',
      'server.peak_bytes': 'bytes at most',
    },
  })),
  ...[undefined, 'fanout --connections 1000 --processes 2 --publishers 64'].map((beside) => ({
    name: `4 publishers to quiet channels${beside ? ', beside a hot one of 1,000' : ''}`,
    bench: 'fanout --connections 100 --channels 100 --publishers 4',
    app: QUIET,
    beside,
    figures: {
      'publishes.per_second': 'publishes/s',
      'publish_latency_us.p50': 'µs, p50',
      'publish_latency_us.p99': 'µs, p99',
    },
  })),
  ...[1_000, 10_000].map((crowd) => ({
    name: `2,000 publishers to ${number(crowd)} subscribers`,
    bench: `fanout --connections ${crowd} --processes 2 --publishers 2000 --handshakes 256`,
    figures: {
      'publishes.accepted': 'answered 200',
      'publishes.refused': 'answered 503',
      deliveries_per_second: 'deliveries/s',
      lost: 'lost',
      closed: 'closed',
      'server.peak_bytes': 'bytes at most',
    },
  })),
  {
    name: '200 members of a presence channel of 1,200 leave and come back',
    bench: 'presence --channels 1 --members 1000 --visitors 200 --rate 500',
    figures: {
      'join_latency_us.p50': 'µs, p50',
      'join_latency_us.p99': 'µs, p99',
      server_cpu_us_per_join_and_leave: 'µs CPU/leave and join',
    },
  },
];

async function run({ bench: line, app, beside }) {
  const { child, port } = await start(flags.server);
  const where = ['--url', `http://127.0.0.1:${port}`, '--pid', String(child.pid), '--json'];
  const at = (words, seconds, owner) =>
    bench(flags.bench, [...words.split(' '), '--seconds', String(seconds), ...where], owner);
  try {
    const seconds = Number(flags.seconds);
    const other = beside && at(beside, seconds + 2 * LEAD_SECONDS);
    if (other) await pause(LEAD_SECONDS * 1000);
    const outcome = await at(line, seconds, app);
    const hot = await other;
    return hot?.error ? hot : { ...outcome, hot };
  } finally {
    await stop(child);
  }
}

const chosen = cases.filter(({ name }) => flags.only?.some((word) => name.includes(word)) ?? true);
const runs = new Map(chosen.map(({ name }) => [name, []]));
for (let round = 1; round <= Number(flags.rounds); round += 1) {
  for (const one of chosen) {
    process.stderr.write(`round ${round}: ${one.name}\n`);
    const outcome = await run(one).catch((error) => ({ error: error.message }));
    runs.get(one.name).push({ server: one.name, round, ...outcome });
  }
}

const row = (cells) => `| ${cells.join(' | ')} |`;
const rows = chosen.flatMap(({ name, figures }) =>
  Object.entries(figures).map(([at, unit]) => {
    const values = runs.get(name).map(({ result }) => pick(result, at));
    const found = spread(values.filter((value) => value !== undefined));
    const { median, min, max } = found ?? {};
    const cell = found ? `${number(median)} (${number(min)}–${number(max)})` : '–';
    return row([name, unit, cell]);
  }),
);
/** A run, and the one beside it if there was one. */
const withHot = ({ hot, ...one }) =>
  hot ? [one, { ...hot, server: `${one.server} (the hot one)`, round: one.round }] : [one];
const all = [...runs.values()].flat().flatMap(withHot);
const notes = remarks(all).map((words) => `* ${words}`);
const [version] = readFileSync('/proc/version', 'utf8').split('(');
process.stdout.write(
  [
    `${new Date().toISOString().slice(0, 10)}, ${version.trim()}. ${flags.rounds} rounds of ` +
      `${flags.seconds} s; median (least–most).`,
    '',
    row(['Case', 'Unit', 'Foghorn']),
    row(['---', '---', '---']),
    ...rows,
    ...(notes.length > 0 ? ['', 'Remarks:', '', ...notes] : []),
    '',
  ].join('\n'),
);
