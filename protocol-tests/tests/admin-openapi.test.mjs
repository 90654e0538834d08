// The document of the admin API against a running server: schemathesis makes requests that fit it
// and requests that do not, and compares every answer with what the document says.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { TOKEN, adminSections, privateUrl } from '../lib/admin.mjs';
import { defer } from '../lib/defer.mjs';
import { python } from '../lib/python.mjs';
import { OWN_SERVER, scratchFolder, useServer } from '../lib/server.mjs';

const server = useServer({ sections: adminSections() });
const LIB = dirname(fileURLToPath(import.meta.resolve('../lib/admin_openapi.py')));

// Longer than other tests: one of a thousand requests would still have to be noticed.
const TIMEOUT = { timeout: 300_000 };

/** Runs schemathesis; gives its exit code and what it printed. */
async function schemathesis(t, args) {
  const child = spawn(python(), ['-m', 'schemathesis.cli', ...args], {
    cwd: scratchFolder(t),
    env: { ...process.env, SCHEMATHESIS_HOOKS: 'admin_openapi', PYTHONPATH: LIB },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  defer(t, () => child.kill('SIGKILL'));
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (printed += text));
  }
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, printed };
}

test('admin: the server and its OpenAPI document agree', { ...OWN_SERVER, ...TIMEOUT }, async (t) => {
  const url = privateUrl(server);
  const { code, printed } = await schemathesis(t, [
    'run',
    `${url}/admin/v1/openapi.json`,
    ...['--url', url],
    ...['--header', `Authorization: Bearer ${TOKEN}`],
    ...['--checks', 'all'],
    // It needs two users of whom one must not see what is the other's.
    ...['--exclude-checks', 'object_level_authorization'],
    ...['--phases', 'coverage,fuzzing,stateful'],
    ...['--max-examples', '10'],
    ...['--seed', '7'],
    ...['--generation-database', 'none'],
    ...['--warnings', 'off'],
    '--continue-on-failure',
    '--no-shrink',
    '--no-color',
  ]);
  assert.equal(code, 0, printed);
  assert.match(printed, /Tested: 17\b/);
});
