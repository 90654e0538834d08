// Measures Pusher-compatible servers against each other with `foghorn bench`: in turn, a fresh
// process each time, so that what else the machine does meets all of them alike.
//
//   node measure/compare.mjs --out results.json \
//     --server 'floor=../target/release/foghorn-floor --port {port}' \
//     --server 'floor-coalesce=../target/release/foghorn-floor --port {port} --write coalesce' \
//     --server 'floor-auth=../target/release/foghorn-floor --port {port} --auth check' \
//     --server 'foghorn=../target/release/foghorn --config measure/foghorn.toml --port {port}' \
//     --server 'sockudo=PORT={port} RUST_LOG=warn sockudo --config measure/sockudo.toml'
//
// All of them serve the app `app-id` with the key `app-key` and the secret `app-secret`. Variables
// may precede a command. The floor's variants are known by their names, see scenarios.json.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { parseArgs } from 'node:util';

import { remarks, report, summarize, takesPart } from './figures.mjs';
import { bench, start, stop } from './runs.mjs';

const { values: flags } = parseArgs({
  options: {
    server: { type: 'string', multiple: true, default: [] },
    bench: { type: 'string', default: '../target/release/foghorn' },
    scenarios: {
      type: 'string',
      default: new URL('scenarios.json', import.meta.url).pathname,
    },
    only: { type: 'string', multiple: true },
    base: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    out: { type: 'string' },
  },
});

/** One run: what the bench says, or why it says nothing. */
async function run(scenario, command) {
  const { child, port } = await start(command);
  try {
    const args = scenario.bench.replaceAll('{seconds}', flags.seconds).split(' ');
    const where = ['--url', `http://127.0.0.1:${port}`, '--pid', String(child.pid), '--json'];
    return await bench(flags.bench, [...args, ...where]);
  } finally {
    await stop(child);
  }
}

async function measure(scenario, servers) {
  const runs = [];
  for (let round = 1; round <= Number(flags.rounds); round += 1) {
    for (const [server, command] of Object.entries(servers)) {
      if (!takesPart(scenario, server)) continue;
      process.stderr.write(`${scenario.name}, round ${round}: ${server}\n`);
      const outcome = await run(scenario, command).catch((error) => ({ error: error.message }));
      runs.push({ round, server, load: os.loadavg()[0], ...outcome });
    }
  }
  const figures = summarize(scenario, runs, flags.base);
  return { scenario, figures, remarks: remarks(runs), runs };
}

function firstLine(program, args) {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' }).split('\n')[0];
  } catch {
    return 'unknown';
  }
}

/** What each server says it is; the program is the first word that sets no variable. */
function version(command) {
  const program = command.split(' ').find((word) => !word.includes('='));
  return firstLine(program, ['--version']);
}

function parseServer(text) {
  const at = text.indexOf('=');
  if (at < 1) throw new Error(`--server takes NAME=COMMAND, not ${text}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

const servers = Object.fromEntries(flags.server.map(parseServer));
const all = JSON.parse(readFileSync(flags.scenarios, 'utf8')).scenarios;
const chosen = flags.only ? all.filter(({ name }) => flags.only.includes(name)) : all;
if (chosen.length === 0 || flags.server.length === 0) {
  const names = all.map(({ name }) => name).join(', ');
  throw new Error(`give a --server NAME=COMMAND; scenarios for --only are ${names}`);
}

const comparison = {
  date: new Date().toISOString().slice(0, 10),
  machine: {
    cpu: os.cpus()[0].model,
    cores: os.cpus().length,
    system: `${os.type()} ${os.release()}`,
    memory_bytes: os.totalmem(),
  },
  commit: firstLine('git', ['rev-parse', 'HEAD']),
  versions: Object.fromEntries(
    Object.entries({ bench: flags.bench, ...servers }).map(([name, command]) => [
      name,
      version(command),
    ]),
  ),
  rounds: Number(flags.rounds),
  seconds: Number(flags.seconds),
  servers,
  summaries: [],
};
for (const scenario of chosen) {
  comparison.summaries.push(await measure(scenario, servers));
  if (flags.out) writeFileSync(flags.out, `${JSON.stringify(comparison, null, 2)}\n`);
}
process.stdout.write(`${report(comparison)}\n`);
