// Servers and runs of `foghorn bench` against them, for the scripts that measure.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** The app that all servers serve. */
export const APP = {
  FOGHORN_APP_ID: 'app-id',
  FOGHORN_APP_KEY: 'app-key',
  FOGHORN_APP_SECRET: 'app-secret',
};
const START_SECONDS = 30;
/** What takes longer than this hangs. */
const BENCH_SECONDS = 300;

/** A port that was free a moment ago. */
export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** Starts a server, and waits until it takes connections. */
export async function start(command) {
  const port = await freePort();
  // `env` takes the variables before a command; with `exec` the shell's process becomes it.
  const line = `exec env ${command.replaceAll('{port}', port)}`;
  const child = spawn('/bin/sh', ['-c', line], { stdio: ['ignore', 'ignore', 'inherit'] });
  const deadline = Date.now() + START_SECONDS * 1000;
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`the server ended: ${command}`);
    if (Date.now() > deadline) {
      await stop(child);
      throw new Error(`the server did not listen within ${START_SECONDS} s: ${command}`);
    }
    await pause(50);
  }
  return { child, port };
}

/** Ends it at once. */
export async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** What the bench says, or why it says nothing. */
export async function bench(program, args, app = APP) {
  const child = spawn(program, ['bench', ...args], {
    env: { ...process.env, ...app },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: BENCH_SECONDS * 1000,
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => (texts[name] += text));
  }
  await once(child, 'close');
  try {
    // Loss is a result too, although the bench then ends with 1.
    return { result: JSON.parse(texts.stdout) };
  } catch {
    const words = texts.stderr.trim().replaceAll(/\s+/g, ' ');
    return { error: words || `the bench ended with ${child.exitCode ?? child.signalCode}` };
  }
}

/** Resident bytes of a process, now and at most, and its CPU seconds. */
export function look(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 13);
  const bytes = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) * 1024;
  return {
    resident: bytes('VmRSS'),
    peak: bytes('VmHWM'),
    cpu: (Number(user) + Number(system)) / 100,
  };
}
