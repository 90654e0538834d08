// pysher, a client for Python, in a process of its own.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { defer } from './defer.mjs';
import { Inbox } from './inbox.mjs';
import { python } from './python.mjs';

const DRIVER = fileURLToPath(new URL('pysher_client.py', import.meta.url));

/** Starts it; `settings` are those of `pysher.Pusher`, and attributes of its connection. */
export function startPysher(t, { app, host, port }, settings = {}) {
  const address = { custom_host: host, port, secure: false };
  const all = { key: app.key, secret: app.secret, reconnect_interval: 0, ...address, ...settings };
  const child = spawn(python(), [DRIVER, JSON.stringify(all)]);
  const told = new Inbox('pysher');
  let errors = '';
  child.stderr.on('data', (text) => (errors += text));
  createInterface({ input: child.stdout })
    .on('line', (line) => told.push(JSON.parse(line)))
    .on('close', () => told.end(`it ended: ${errors}`));
  defer(t, () => child.kill());
  return {
    call: (...call) => child.stdin.write(`${JSON.stringify(call)}\n`),
    expect: (what, predicate) => told.waitFor(predicate, what),
  };
}
