// `foghorn apps` and `foghorn webhooks`, as a pipe reads them, and what they say when they cannot.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { TOKEN, adminSections, privateUrl } from '../lib/admin.mjs';
import { OWN_SERVER, scratchFolder, useServer } from '../lib/server.mjs';
import { ok, tool } from '../lib/tools.mjs';

const server = useServer({ sections: adminSections() });
const off = useServer();

const tools = (name, body) => test(`cli tools: ${name}`, OWN_SERVER, body);

const env = (more = {}) => ({
  env: { FOGHORN_ADMIN_URL: privateUrl(server), FOGHORN_ADMIN_TOKEN: TOKEN, ...more },
});

/** Runs a tool that must fail; gives what it complains about. */
async function fails(expected, args, options = env()) {
  const { code, stdout, stderr } = await tool(args, options);
  assert.deepEqual([code, stdout], [expected, ''], stderr);
  return stderr;
}

tools('an app from its first day to its last', async () => {
  const [made] = await ok(['apps', 'create', '-', '--id', '7'], {
    ...env({ TEXT: '{"client_events":true,"name":"Shop"}' }),
    launcher: ['/bin/sh', '-c', 'printf %s "$TEXT" | "$0" "$@"'],
  });
  assert.deepEqual([made.id, made.name, made.client_events], ['7', 'Shop', true]);
  const [pair] = await ok(['apps', 'rotate', '7'], env());
  assert.ok(pair.key && pair.secret && pair.enabled);
  const [{ key }] = made.keys;
  assert.deepEqual(await ok(['apps', 'retire', '7', key], env()), [{ key, enabled: false }]);
  assert.match(await fails(1, ['apps', 'retire', '7', pair.key]), /last active/);
  const [off] = await ok(['apps', 'disable', '7'], env());
  assert.equal(off.enabled, false);
  const [on] = await ok(['apps', 'enable', '7'], env());
  assert.equal(on.enabled, true);
  const [shown] = await ok(['apps', 'show', '7'], env());
  assert.deepEqual(shown.keys.map((one) => one.enabled).sort(), [false, true]);
  const listed = await ok(['apps', 'list'], env());
  assert.deepEqual(listed.map(({ id }) => id), ['4242', '4343', '4444', '4545', '7']);
  assert.deepEqual(await ok(['apps', 'delete', '7'], env()), [{ deleted: '7' }]);
  assert.match(await fails(1, ['apps', 'show', '7']), /There is no app/);
});

tools('a body that does not fit is explained', async () => {
  const wrong = '{"max_connections":0,"webhooks":[{"url":"x"}]}';
  const said = await fails(1, ['apps', 'create', wrong]);
  assert.match(said, /hint: .*max_connections expected.*webhooks\[0\]\.url must/);
  assert.match(await fails(2, ['apps', 'create', 'x']), /JSON object/);
  assert.match(await fails(1, ['apps', 'disable', server.app.id]), /edit the file/);
});

tools('webhooks without any', async () => {
  assert.deepEqual(await ok(['webhooks', 'dead'], env()), []);
  assert.deepEqual(await ok(['webhooks', 'status'], env()), []);
  assert.deepEqual(await ok(['webhooks', 'redeliver', '1', '2'], env()), [{ redelivered: 0 }]);
  assert.match(await fails(1, ['webhooks', 'discard', '1']), /no dead letter/);
});

tools('a token comes from a file or a variable, and has to be right', async (t) => {
  const file = join(scratchFolder(t), 'token');
  writeFileSync(file, `${TOKEN}\n`);
  const none = env({ FOGHORN_ADMIN_TOKEN: '' });
  await ok(['apps', 'list', '--token-file', file], none);
  assert.match(await fails(2, ['apps', 'list'], none), /--token-file or FOGHORN_ADMIN_TOKEN/);
  const said = await fails(1, ['apps', 'list'], env({ FOGHORN_ADMIN_TOKEN: 'wr0ng-t0ken' }));
  assert.match(said, /401.*\n.*another token/);
  assert.ok(!said.includes('wr0ng-t0ken'));
});

tools('a server that has no admin API, is none or is away', async () => {
  const at = (url) => env({ FOGHORN_ADMIN_URL: url });
  assert.match(await fails(1, ['apps', 'list'], at(privateUrl(off))), /404.*admin\.token/);
  assert.match(await fails(1, ['apps', 'list'], at(server.url)), /404.*\n.*private listener/);
  assert.match(await fails(1, ['apps', 'list'], at('http://127.0.0.1:1')), /--admin-url/);
});
