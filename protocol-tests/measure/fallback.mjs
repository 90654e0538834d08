// Measures what a session of `xhr_streaming` costs beside a WebSocket connection: memory while it is
// idle, and CPU per delivery. Both in turn, each on a server of its own, round after round.
//
//   node measure/fallback.mjs --rounds 3 --connections 5000
//
// Every client has subscribed to one public channel; the requests that a session sends are over and
// their sockets closed when its memory is read.

import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import PusherServer from 'pusher';

import { number, spread } from './figures.mjs';
import { APP, look, start, stop } from './runs.mjs';

const { values: flags } = parseArgs({
  options: {
    server: {
      type: 'string',
      default: '../target/release/foghorn --config measure/foghorn.toml --port {port}',
    },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '5000' },
    publishes: { type: 'string', default: '60' },
  },
});

const KEY = APP.FOGHORN_APP_KEY;
const CHANNEL = 'measured';
const SUBSCRIBE = JSON.stringify({ event: 'pusher:subscribe', data: { channel: CHANNEL } });
const SUCCEEDED = 'subscription_succeeded';
/** How many clients connect at a time. */
const AT_ONCE = 100;
/** Between two publishes: longer than a delivery to all takes, or they would share writes. */
const PACE_MS = 100;
/** How long a server is left alone before its memory is read. */
const REST_SECONDS = 3;

/** A socket whose incoming text is searched for words, each in its turn. */
class Client {
  #text = '';
  #waiting = null;
  /** Events that have come in. */
  events = 0;

  constructor(port) {
    this.socket = net.connect(port, '127.0.0.1');
    this.socket.setNoDelay();
    this.socket.setEncoding('latin1').on('data', (text) => this.#take(text));
  }

  write(bytes) {
    this.socket.write(bytes);
  }

  until(word) {
    return new Promise((resolve, reject) => {
      this.#waiting = { word, resolve };
      this.socket.once('close', () => reject(new Error(`closed before ${word}`)));
      this.#take('');
    });
  }

  #take(text) {
    this.#text += text;
    this.events += this.#text.split('measured.tick').length - 1;
    const waiting = this.#waiting;
    if (waiting && this.#text.includes(waiting.word)) {
      this.#waiting = null;
      waiting.resolve();
    }
    this.#text = this.#text.slice(-11).replaceAll('measured.tick', '');
  }
}

const post = (path, body) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n` +
  `Content-Length: ${body.length}\r\n\r\n${body}`;

/** How a client connects and subscribes; gives its client. */
const transports = {
  async ws(port) {
    const client = new Client(port);
    client.write(
      `GET /app/${KEY}?protocol=7 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n` +
        'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`,
    );
    await client.until('connection_established');
    const mask = Buffer.alloc(4);
    client.write(Buffer.concat([Buffer.from([0x81, 0x80 | SUBSCRIBE.length]), mask]));
    client.write(SUBSCRIBE);
    await client.until(SUCCEEDED);
    return client;
  },

  async xhr_streaming(port, index) {
    const base = `/pusher/app/${KEY}/1/${index.toString(32).padStart(8, '0')}`;
    const client = new Client(port);
    client.write(post(`${base}/xhr_streaming?protocol=7`, ''));
    await client.until('connection_established');
    const sender = new Client(port);
    sender.write(post(`${base}/xhr_send`, JSON.stringify([SUBSCRIBE])));
    await Promise.all([sender.until('204'), client.until(SUCCEEDED)]);
    sender.socket.destroy();
    return client;
  },
};

async function measure(transport) {
  const { child, port } = await start(flags.server);
  const clients = [];
  try {
    await pause(REST_SECONDS * 1000);
    const before = look(child.pid);
    const count = Number(flags.connections);
    while (clients.length < count) {
      const some = Array.from({ length: Math.min(AT_ONCE, count - clients.length) });
      const opening = some.map((_, at) => transports[transport](port, clients.length + at));
      clients.push(...(await Promise.all(opening)));
    }
    await pause(REST_SECONDS * 1000);
    const idle = look(child.pid);
    const sdk = new PusherServer({
      appId: APP.FOGHORN_APP_ID,
      key: KEY,
      secret: APP.FOGHORN_APP_SECRET,
      host: '127.0.0.1',
      port,
    });
    const publishes = Number(flags.publishes);
    for (let n = 0; n < publishes; n += 1) {
      await sdk.trigger(CHANNEL, 'measured.tick', 'x'.repeat(200));
      await pause(PACE_MS);
    }
    const heard = () => clients.reduce((sum, client) => sum + client.events, 0);
    while (heard() < count * publishes) await pause(50);
    const after = look(child.pid);
    return {
      bytes: (idle.resident - before.resident) / count,
      delivery: ((after.cpu - idle.cpu) * 1e6) / (count * publishes),
    };
  } finally {
    for (const { socket } of clients) socket.destroy();
    await stop(child);
  }
}

const found = { ws: [], xhr_streaming: [] };
for (let round = 0; round < Number(flags.rounds); round += 1) {
  for (const transport of Object.keys(found)) found[transport].push(await measure(transport));
}
const figures = {
  bytes: 'resident bytes per idle connection',
  delivery: 'µs CPU per delivery',
};
for (const [figure, name] of Object.entries(figures)) {
  const medians = Object.entries(found).map(([transport, runs]) => [
    transport,
    spread(runs.map((run) => run[figure])).median,
  ]);
  const shown = medians.map(([transport, median]) => `${transport} ${number(median)}`);
  const [[, ws], [, streaming]] = medians;
  console.log(`${name}: ${shown.join(', ')}; ratio ${(streaming / ws).toFixed(2)}`);
}
