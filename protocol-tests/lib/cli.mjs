// The binary started from the command line, without `Server` choosing its settings.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { defer } from './defer.mjs';
import { OWN_SERVER, Process, hostAndPort, scratchFolder } from './server.mjs';

export const ANY_PORTS = ['--port', '0', '--metrics-port', '0'];

/** A test that starts the binary itself. */
export const onOwn = (name, body) => test(`cli: ${name}`, OWN_SERVER, body);

/** Starts the binary with flags only; gives the process and where it listens. */
export async function start(t, args = [], options = {}) {
  const process = new Process([...ANY_PORTS, '--log-format', 'json', ...args], options);
  defer(t, () => process.end());
  const line = await process.lines.waitFor((l) => l.fields?.message === 'listening');
  const [host, port] = hostAndPort(line.fields.address);
  const app = { id: 'app-id', key: 'app-key', secret: 'app-secret' };
  return { process, host, port, app, prefix: '' };
}

/** A configuration file that lasts as long as the test. */
export function file(t, text) {
  const path = join(scratchFolder(t), 'foghorn.toml');
  writeFileSync(path, text);
  return path;
}
