// The Python server SDK, as methods that return promises.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { within } from './inbox.mjs';
import { SdkProcess } from './sdk-process.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const PYTHON = process.env.FOGHORN_PYTHON ?? here('../.venv/bin/python');

/** The Python to run, with everything in `requirements.txt`. */
export function python() {
  assert.ok(existsSync(PYTHON), `no Python at ${PYTHON}: see README.md, or set FOGHORN_PYTHON`);
  return PYTHON;
}

/** Runs Python with these arguments, which must succeed. */
export async function runPython(args) {
  const child = spawn(python(), args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (text) => (errors += text));
  const code = await within(new Promise((done) => child.on('close', done)), 'Python to end');
  assert.equal(code, 0, errors);
}

export class PythonSdk extends SdkProcess {
  constructor(t, server, settings = {}) {
    const { id, key, secret } = server.app;
    const { host, port } = server;
    const all = { app_id: id, key, secret, ssl: false, host, port, timeout: 20, ...settings };
    super(t, 'Python SDK', python(), [here('sdk.py'), JSON.stringify(all)]);
  }
}
