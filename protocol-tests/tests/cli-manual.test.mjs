// The manual of the tools, docs/cli.md: every example is typed, and shows what it says.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { TOKEN, adminSections, privateUrl } from '../lib/admin.mjs';
import { defer } from '../lib/defer.mjs';
import { open } from '../lib/raw.mjs';
import { Process, useServer } from '../lib/server.mjs';
import { plain } from '../lib/tools.mjs';

const server = useServer({ sections: adminSections() });

const tools = (name, body) => test(`cli tools: ${name}`, body);

const MANUAL = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');

/** The manual's examples: what is typed, and what it says is seen. */
const EXAMPLES = [...MANUAL.matchAll(/^```console\n\$ ([^]*?[^\\])\n([^]*?)```$/gm)].map(
  ([, typed, seen]) => ({ typed, seen }),
);

/** `…` stands for anything. */
function assertSeen(stdout, seen) {
  const escaped = seen.split('…').map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  assert.match(plain(stdout), new RegExp(`^${escaped.join('.*')}$`));
}

/** Types an example at a server. */
function type({ typed }) {
  const { id, key, secret } = server.app;
  const app = { FOGHORN_APP_ID: id, FOGHORN_APP_KEY: key, FOGHORN_APP_SECRET: secret };
  const line = `foghorn() { "$0" "$@"; }; ${typed} --color always`;
  const launcher = ['/bin/sh', '-c', line];
  const admin = { FOGHORN_ADMIN_URL: privateUrl(server), FOGHORN_ADMIN_TOKEN: TOKEN };
  return new Process([], { env: { FOGHORN_URL: server.url, ...admin, ...app }, launcher });
}

tools('the manual has an example of every command', () => {
  const commands = EXAMPLES.map(({ typed }) => /foghorn (\w+)/.exec(typed)[1]);
  const tools = ['trigger', 'subscribe', 'channels', 'terminate', 'keygen', 'sign', 'verify'];
  assert.deepEqual([...new Set(commands)], [...tools, 'apps', 'webhooks']);
});

for (const example of EXAMPLES) {
  tools(`the manual: ${example.typed.split('\n')[0]}`, async (t) => {
    const client = await open(t, server);
    await client.subscribe('presence-lobby', { user_id: 'u-17' });
    const child = type(example);
    defer(t, () => child.end('SIGKILL'));
    if (example.typed.includes('subscribe')) {
      await child.output.waitFor((line) => line.includes('private-orders'), 'the subscriptions');
      await type(EXAMPLES[0]).exited;
    }
    const { code } = await child.exited;
    assert.equal(code, example.typed.includes('verify') ? 1 : 0, child.stderr);
    assertSeen(child.stdout, example.seen);
  });
}
