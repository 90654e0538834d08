// Bytes per idle connection: opens connections to a server of its own in steps, each subscribed to
// one of a hundred channels, and reads the server's resident memory from /proc in between.
//
//   FOGHORN_BIN=../target/release/foghorn node measure/idle.mjs [STEPS] [CONNECTIONS PER STEP]

import { readFileSync } from 'node:fs';
import net from 'node:net';

import { Server } from '../lib/server.mjs';

const steps = Number(process.argv[2] ?? 4);
const perStep = Number(process.argv[3] ?? 2_000);
const CHANNELS = 100;
const AT_ONCE = 100;

const server = new Server();
await server.start();
const { hostname, port } = new URL(server.url);
const handshake = [
  `GET /app/${server.app.key}?protocol=7 HTTP/1.1`,
  `Host: ${hostname}`,
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '',
  '',
].join('\r\n');

/** A text frame, masked with zeros, shorter than 126 bytes. */
function frame(message) {
  const text = Buffer.from(JSON.stringify(message));
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]);
}

function connect(number) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), hostname, () => socket.write(handshake));
    let seen = '';
    socket.on('error', reject);
    socket.on('data', (bytes) => {
      seen += bytes.toString('latin1');
      if (seen.includes('subscription_succeeded')) {
        socket.removeAllListeners('data');
        resolve(socket);
      } else if (seen.includes('connection_established')) {
        const channel = `c-${number % CHANNELS}`;
        socket.write(frame({ event: 'pusher:subscribe', data: { channel } }));
        seen = '';
      }
    });
  });
}

function residentBytes() {
  const status = readFileSync(`/proc/${server.process.child.pid}/status`, 'utf8');
  return Number(status.match(/VmRSS:\s+(\d+) kB/)[1]) * 1024;
}

const sockets = [];
const table = [{ connections: 0, resident: residentBytes() }];
for (let step = 0; step < steps; step += 1) {
  for (let begun = 0; begun < perStep; begun += AT_ONCE) {
    const batch = Array.from({ length: AT_ONCE }, (_, n) => connect(sockets.length + n));
    sockets.push(...(await Promise.all(batch)));
  }
  table.push({ connections: sockets.length, resident: residentBytes() });
}
const perConnection = table.map((row, at) => {
  if (at === 0) return { ...row, 'bytes per added connection': '' };
  const before = table[at - 1];
  const bytes = (row.resident - before.resident) / (row.connections - before.connections);
  return { ...row, 'bytes per added connection': Math.round(bytes) };
});
console.table(perConnection);
for (const socket of sockets) socket.destroy();
await server.stop();
