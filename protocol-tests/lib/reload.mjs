// A server whose configuration changes while it runs.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { start } from './cli.mjs';
import { defer } from './defer.mjs';
import { configText, scratchFolder } from './server.mjs';

/**
 * Starts a server with a file of these settings. `place` puts a text where the server is to read
 * it; it gives the path, and is called for each later text too.
 */
export async function startReloadable(t, settings, place = inPlace) {
  const folder = scratchFolder(t);
  const secrets = new Set();
  const write = (text) => {
    for (const [, secret] of text.matchAll(/"?secret"? = "([^"]+)"/g)) secrets.add(secret);
    return place(folder, text);
  };
  const server = await start(t, ['--config', write(configText(settings))]);
  const { process } = server;
  defer(t, () => {
    process.assertHealthy();
    const printed = process.stdout + process.stderr;
    for (const secret of secrets) assert.ok(!printed.includes(secret), `a secret: ${printed}`);
  });
  return Object.assign(server, {
    folder,
    /** Puts a text where the configuration was. */
    write,
    /** Puts other settings there, and tells the server. */
    reload(later) {
      write(typeof later === 'string' ? later : configText(later));
      process.child.kill('SIGHUP');
    },
    /** The same server for another app, or with other credentials. */
    of: (app) => ({ ...server, app }),
  });
}

/** Writes over what was there. */
export function inPlace(folder, text) {
  const path = join(folder, 'foghorn.toml');
  writeFileSync(path, text);
  return path;
}
