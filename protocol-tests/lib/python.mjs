// The Python server SDK, as methods that return promises.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { defer } from './defer.mjs';
import { Inbox, within } from './inbox.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const PYTHON = process.env.FOGHORN_PYTHON ?? here('../.venv/bin/python');

/** The Python to run, with everything in `requirements.txt`. */
export function python() {
  assert.ok(existsSync(PYTHON), `no Python at ${PYTHON}: see README.md, or set FOGHORN_PYTHON`);
  return PYTHON;
}

/** Runs a program that must succeed. */
export async function runPython(program) {
  const child = spawn(python(), ['-c', program], { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (text) => (errors += text));
  const code = await within(new Promise((done) => child.on('close', done)), 'Python to end');
  assert.equal(code, 0, errors);
}

export class PythonSdk {
  #child;
  #answers = new Inbox('Python SDK');
  #errors = '';
  #calls = 0;

  constructor(t, server, settings = {}) {
    const { id, key, secret } = server.app;
    const { host, port } = server;
    const all = { app_id: id, key, secret, ssl: false, host, port, timeout: 20, ...settings };
    this.#child = spawn(python(), [here('sdk.py'), JSON.stringify(all)]);
    this.#child.stderr.on('data', (text) => (this.#errors += text));
    createInterface({ input: this.#child.stdout })
      .on('line', (line) => this.#answers.push(JSON.parse(line)))
      .on('close', () => this.#answers.end(`it ended: ${this.#errors}`));
    defer(t, () => this.#child.kill());
  }

  /** Calls a method of `pusher.Pusher`; rejects with the SDK's exception as `name: message`. */
  async call(method, args = [], kwargs = {}) {
    const id = ++this.#calls;
    this.#child.stdin.write(`${JSON.stringify({ id, call: method, args, kwargs })}\n`);
    const { result, error } = await this.#answers.waitFor((a) => a.id === id, `${method}()`);
    if (error) throw Object.assign(new Error(error.message), { name: error.type });
    return result;
  }
}
