// Measures what webhooks for client events cost: CPU of the server per client event without a
// webhook and with one whose deliveries wait in memory or on disk, and how long a publish takes
// meanwhile. Then the same with a flood: far more events than may wait for an endpoint that never
// answers. All cases in turn, round after round; what counts are the ratios to no webhook.
//
//   node measure/webhooks.mjs --rounds 3 --seconds 5

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

import PusherServer from 'pusher';
import WebSocket from 'ws';

import { Metrics } from '../lib/metrics.mjs';
import { channelAuth } from '../lib/sign.mjs';
import { spread } from './figures.mjs';
import { APP, freePort, look, start, stop } from './runs.mjs';

const APP_ID = APP.FOGHORN_APP_ID;
const PAIR = { key: APP.FOGHORN_APP_KEY, secret: APP.FOGHORN_APP_SECRET };
const CHANNEL = 'private-measured';
const MESSAGE = JSON.stringify({
  event: 'client-measured',
  channel: CHANNEL,
  data: JSON.stringify({ x: 12.5, y: 817, by: 'somebody who moves a pointer' }),
});
/** Between two bursts of client events, and between two publishes. */
const TICK_MS = 10;
const PUBLISH_EVERY_MS = 25;
/** How long a server that has been told everything is given to send and store what waits. */
const SETTLE_SECONDS = 30;

const ON_DISK = { store: 'disk' };
const CASES = [
  { name: 'no webhook' },
  { name: 'in memory', webhooks: { store: 'memory' } },
  { name: 'on disk', webhooks: ON_DISK },
  { name: 'in memory, batches', webhooks: { store: 'memory' }, batches: true },
  { name: 'on disk, batches', webhooks: ON_DISK, batches: true },
  { name: 'no webhook, flood', hangs: true },
  { name: 'flood in memory', webhooks: { store: 'memory' }, hangs: true },
  { name: 'flood on disk', webhooks: ON_DISK, hangs: true },
];

/** What runs in threads of its own, so that it waits for nobody but the server. */
const ROLES = { endpoint: serveEndpoint, publisher: publishUntilTold };

async function main() {
  const { values: flags } = parseArgs({
    options: {
      server: { type: 'string', default: '../target/release/foghorn' },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '5' },
      rate: { type: 'string', default: '2000' },
      flood: { type: 'string', default: '10000' },
      only: { type: 'string', multiple: true },
    },
  });
  const cases = CASES.filter(({ name }) => flags.only?.includes(name) ?? true);
  const runs = Object.fromEntries(cases.map(({ name }) => [name, []]));
  for (let round = 0; round < Number(flags.rounds); round += 1) {
    for (const one of cases) {
      const rate = Number(one.hangs ? flags.flood : flags.rate);
      const events = rate * Number(flags.seconds);
      const run = await withServer(flags.server, one, (at) => measure(at, { rate, events }));
      runs[one.name].push(run);
      console.error(`round ${round + 1}, ${one.name}: ${JSON.stringify(run)}`);
    }
  }
  report(runs);
}

const inThread = (workerData) => new Worker(new URL(import.meta.url), { workerData });

/** Runs `body` with a server for one case, and an endpoint of its webhook. */
async function withServer(program, { webhooks, batches = false, hangs }, body) {
  const folder = mkdtempSync(join(tmpdir(), 'foghorn-webhooks-'));
  const endpoint = inThread({ role: 'endpoint' });
  const [url] = await once(endpoint, 'message');
  const metricsPort = await freePort();
  const file = join(folder, 'foghorn.toml');
  const hooks = `[{ url = "${url}${hangs ? '/hangs' : ''}", event_types = ["client_event"] }]`;
  const lines = [
    `server.data_dir = ${JSON.stringify(join(folder, 'data'))}`,
    `metrics.port = ${metricsPort}`,
    'log.level = "warn"',
    ...Object.entries(webhooks ?? {}).map(([name, value]) => `webhooks.${name} = "${value}"`),
    '[[apps]]',
    `id = "${APP_ID}"`,
    `keys = [{ key = "${PAIR.key}", secret = "${PAIR.secret}" }]`,
    'client_events = true',
    'client_events_per_second = -1',
    `batch_webhooks = ${batches}`,
    ...(webhooks ? [`webhooks = ${hooks}`] : []),
  ];
  writeFileSync(file, lines.join('\n'));
  const { child, port } = await start(`${program} --config ${file} --port {port}`);
  try {
    return await body({ pid: child.pid, port, metricsPort });
  } finally {
    await stop(child);
    await endpoint.terminate();
    rmSync(folder, { recursive: true });
  }
}

/** Sends client events at a steady pace, and publishes beside them. */
async function measure({ pid, port, metricsPort }, { rate, events }) {
  const [sender, hearer] = [await subscriber(port), await subscriber(port)];
  const before = look(pid);
  const publisher = inThread({ role: 'publisher', port });
  const begin = performance.now();
  for (let sent = 0; sent < events; ) {
    const due = Math.min(events, Math.ceil(((performance.now() - begin) / 1000) * rate));
    for (; sent < due; sent += 1) sender.socket.send(MESSAGE);
    await pause(TICK_MS);
  }
  while (hearer.heard < events) await pause(TICK_MS);
  publisher.postMessage('enough');
  const [latencies] = await once(publisher, 'message');
  const told = await settled(metricsPort);
  const after = look(pid);
  for (const { socket } of [sender, hearer]) socket.terminate();
  await publisher.terminate();
  latencies.sort((a, b) => a - b);
  return {
    cpu: ((after.cpu - before.cpu) * 1e6) / events,
    p50: latencies[Math.floor(latencies.length / 2)],
    p99: latencies[Math.floor(latencies.length * 0.99)],
    peak: after.peak,
    dropped: told.dropped / events,
  };
}

async function subscriber(port) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/app/${PAIR.key}?protocol=7`, {
    perMessageDeflate: false,
  });
  const [greeting] = await once(socket, 'message');
  const { socket_id: id } = JSON.parse(JSON.parse(greeting).data);
  const data = { channel: CHANNEL, auth: channelAuth(PAIR, id, CHANNEL) };
  socket.send(JSON.stringify({ event: 'pusher:subscribe', data }));
  await once(socket, 'message');
  const client = { socket, heard: 0 };
  socket.on('message', () => (client.heard += 1));
  return client;
}

/** Waits until nothing more comes or goes; gives what the metrics say then. */
async function settled(metricsPort) {
  const at = { metricsHost: '127.0.0.1', metricsPort };
  const deadline = performance.now() + SETTLE_SECONDS * 1000;
  let last;
  for (;;) {
    const { text } = await Metrics.scrape(at);
    const told = { waiting: sum(text, 'queue_depth'), dropped: sum(text, 'dropped_total') };
    const isStill = last && last.waiting === told.waiting && last.dropped === told.dropped;
    if (told.waiting === 0 || isStill || performance.now() > deadline) return told;
    last = told;
    await pause(500);
  }
}

function sum(text, name) {
  const values = text.matchAll(new RegExp(`^foghorn_webhook_${name}(?:\\{.*\\})? (\\S+)$`, 'gm'));
  return [...values].reduce((total, [, value]) => total + Number(value), 0);
}

function report(runs) {
  const median = (name, figure) => spread(runs[name].map((run) => run[figure])).median;
  const hangs = (name) => CASES.find((one) => one.name === name).hangs;
  const baseOf = (name) => CASES.find((one) => !one.webhooks && one.hangs === hangs(name)).name;
  const ratio = (name, figure) => (median(name, figure) / median(baseOf(name), figure)).toFixed(2);
  console.log('| Case | CPU per client event | publish p50 | publish p99 | memory | dropped |');
  console.log('|---|---|---|---|---|---|');
  for (const name of Object.keys(runs)) {
    const ratios = ['cpu', 'p50', 'p99', 'peak'].map((figure) => `× ${ratio(name, figure)}`);
    const dropped = `${(median(name, 'dropped') * 100).toFixed(1)} %`;
    console.log(`| ${[name, ...ratios, dropped].join(' | ')} |`);
  }
}

/** The endpoint, in a thread of its own: it takes everything, or answers nothing. */
async function serveEndpoint() {
  const endpoint = http.createServer((request, response) => {
    request.resume();
    if (request.url !== '/hangs') request.on('end', () => response.end());
  });
  endpoint.listen(0, '127.0.0.1');
  await once(endpoint, 'listening');
  parentPort.postMessage(`http://127.0.0.1:${endpoint.address().port}`);
}

/** Publishes to a channel of nobody's until it is told to end; tells how long each took, in ms. */
async function publishUntilTold({ port }) {
  const { key, secret } = PAIR;
  const agent = new http.Agent({ keepAlive: true });
  const sdk = new PusherServer({ appId: APP_ID, key, secret, host: '127.0.0.1', port, agent });
  let isOver = false;
  parentPort.once('message', () => (isOver = true));
  const latencies = [];
  while (!isOver) {
    const begin = performance.now();
    await sdk.trigger('published', 'beside', '{}');
    latencies.push(performance.now() - begin);
    await pause(PUBLISH_EVERY_MS);
  }
  agent.destroy();
  parentPort.postMessage(latencies);
}

if (isMainThread) await main();
else await ROLES[workerData.role](workerData);
