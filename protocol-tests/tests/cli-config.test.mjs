// The configuration as an operator meets it: sources, their order, and every kind of mistake.

import assert from 'node:assert/strict';

import { MAIN } from '../lib/apps.mjs';
import { file, onOwn, start } from '../lib/cli.mjs';
import { assertOk, get } from '../lib/http.mjs';
import { open } from '../lib/raw.mjs';
import { configText, run } from '../lib/server.mjs';

const BROKEN = `
[server]
prot = 1
activity_timeout = "soon"
[log]
format = "yaml"
[metric]
port = 1
[[apps]]
id = "4242"
client_events = "yes"
`;
for (const command of [['serve'], ['config', 'check'], ['config', 'show'], []]) {
  onOwn(`foghorn ${command.join(' ')} tells all problems of a configuration at once`, async (t) => {
    const path = file(t, BROKEN);
    const args = [...command, '--config', path, '--port', 'many'];
    const { code, stderr, stdout } = await run(args, { env: { FOGHORN_METRICS_PORT: '-1' } });
    assert.equal(code, 1);
    assert.equal(stdout, '');
    for (const [what, where] of [
      ['server.prot', `${path}:3:`],
      ['server.activity_timeout', `${path}:4:`],
      ['log.format', `${path}:6:`],
      ['metric', `${path}:`],
      ['apps[0]', `${path}:9:`],
      ['apps[0].client_events', `${path}:11:`],
      ['expected', 'FOGHORN_METRICS_PORT'],
      ['expected', '--port'],
    ]) {
      const line = stderr.split('\n').find((l) => l.includes(what) && l.includes(where));
      assert.ok(line, `${where} ${what} in: ${stderr}`);
    }
    assert.match(stderr, /did you mean/);
  });
}

for (const [what, args, pattern] of [
  ['a file that is not there', ['--config', '/nonexistent.toml'], /\/nonexistent\.toml/],
  ['an unknown flag', ['--prot', '1'], /--prot/],
  ['an unknown command', ['server'], /server/],
]) {
  onOwn(`${what} is an error`, async () => {
    const { code, stderr } = await run(args);
    assert.notEqual(code, 0);
    assert.match(stderr, pattern);
  });
}

onOwn('config check reads the files of TLS', async (t) => {
  const path = file(t, configText());
  for (const [cert, expected] of [
    ['/nonexistent.pem', /server\.tls_cert.*\/nonexistent\.pem/],
    [path, /server\.tls_cert.*no certificate/],
  ]) {
    const env = { FOGHORN_SERVER_TLS_CERT: cert, FOGHORN_SERVER_TLS_KEY: path };
    const { code, stderr, stdout } = await run(['config', 'check'], { env });
    assert.equal(code, 1, stderr);
    assert.match(stderr, expected);
    assert.doesNotMatch(stdout, /in order/);
  }
});

onOwn("a flag's value may be called like a tool", async () => {
  const { code, stderr } = await run(['--config', 'channels', 'config', 'check', '--port', '1']);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /channels/);
});

onOwn('an argument that is not UTF-8 is an error', async () => {
  const launcher = ['/bin/sh', '-c', '"$0" "$(printf "\\377")"'];
  const { code, stderr } = await run([], { launcher });
  assert.equal(code, 2, stderr);
});

onOwn('an unknown variable is an error', async () => {
  const env = { FOGHORN_SERVER_PROT: '1' };
  const { code, stderr } = await run(['config', 'check'], { env });
  assert.equal(code, 1);
  assert.match(stderr, /FOGHORN_SERVER_PROT/);
});

onOwn('a file that is no TOML is an error with its place', async (t) => {
  const path = file(t, '[server]\nhost = \n');
  const { code, stderr } = await run(['config', 'check', '--config', path]);
  assert.equal(code, 1);
  assert.ok(stderr.includes(`${path}:2`), stderr);
});

onOwn('config check accepts what is right', async (t) => {
  const { code, stderr } = await run(['config', 'check', '--config', file(t, configText())]);
  assert.deepEqual([code, stderr], [0, '']);
});

onOwn('config example is in order and changes nothing', async (t) => {
  const { code, stdout } = await run(['config', 'example']);
  assert.equal(code, 0);
  const path = file(t, stdout);
  assert.equal((await run(['config', 'check', '--config', path])).code, 0);
  const shown = async (...args) => {
    const { stdout: settings } = await run(['config', 'show', ...args]);
    return settings.replace(/ +#.*$/gm, '');
  };
  assert.equal(await shown('--config', path), await shown());
});

onOwn('config show tells every value, where it comes from, and no secret', async (t) => {
  const path = file(t, configText({ server: { port: 7001 } }));
  const args = ['config', 'show', '--config', path, '--log-level', 'debug'];
  const { code, stdout } = await run(args, { env: { FOGHORN_METRICS_PORT: '7002' } });
  assert.equal(code, 0);
  const line = (text) => stdout.split('\n').find((l) => l.startsWith(text));
  assert.ok(line('port = 7001').includes(`${path}:`));
  assert.ok(line('port = 7002').includes('FOGHORN_METRICS_PORT'));
  assert.ok(line('level = "debug"').includes('--log-level'));
  assert.ok(line('activity_timeout = 120').includes('default'));
  assert.ok(stdout.includes(MAIN.key));
  assert.ok(!stdout.includes(MAIN.secret));
});

onOwn('the defaults are the ones in the manual', async () => {
  const { stdout } = await run(['config', 'show']);
  assert.match(stdout, /^host = "127\.0\.0\.1"/m);
  assert.match(stdout, /^port = 6001/m);
  assert.match(stdout, /^id = "app-id"/m);
});

onOwn('a flag precedes a variable, a variable the file', async (t) => {
  const path = file(t, configText({ server: { path_prefix: '/file', pong_timeout: 7 } }));
  const env = { FOGHORN_SERVER_PATH_PREFIX: '/variable', FOGHORN_CONFIG: path };
  const byVariable = await run(['config', 'show'], { env });
  assert.match(byVariable.stdout, /^path_prefix = "\/variable"/m);
  assert.match(byVariable.stdout, /^pong_timeout = 7 /m);
  const byFlag = await run(['config', 'show', '--path-prefix', '/flag'], { env });
  assert.match(byFlag.stdout, /^path_prefix = "\/flag"/m);
});

onOwn('an app may come from the environment', async (t) => {
  const app = { id: '77', key: 'kenv', secret: 's3cr3t-env' };
  const env = { FOGHORN_APP_ID: '77', FOGHORN_APP_KEY: 'kenv', FOGHORN_APP_SECRET: app.secret };
  const server = await start(t, [], { env });
  await open(t, { ...server, app });
  assertOk(await get({ ...server, app }, '/channels'));
});

for (const [what, argsWith] of [
  ['before', (path) => ['--config', path, 'config', 'check']],
  ['between', (path) => ['config', '--config', path, 'check']],
  ['behind', (path) => ['config', 'check', '--config', path]],
]) {
  onOwn(`--config may stand ${what} config check`, async (t) => {
    const right = await run(argsWith(file(t, configText())));
    assert.deepEqual([right.code, right.stderr], [0, '']);
    const path = file(t, '[server]\nprot = 1\n');
    const wrong = await run(argsWith(path));
    assert.equal(wrong.code, 1);
    assert.ok(wrong.stderr.includes(`${path}:2`), wrong.stderr);
  });
}

onOwn('flags before a subcommand are heard', async (t) => {
  const path = file(t, configText());
  const flags = ['--config', path, '--port', '7003'];
  const { code, stdout } = await run([...flags, 'config', 'show', '--log-level', 'debug']);
  assert.equal(code, 0);
  assert.match(stdout, /^port = 7003 .*--port/m);
  assert.match(stdout, /^level = "debug" .*--log-level/m);
  assert.ok(stdout.includes(MAIN.key));
});

for (const [flag, value] of [
  ['--path-prefix', 'bad'],
  ['--metrics-port', '-1'],
  ['--host', 'nowhere at all'],
  ['--log-level', 'foghorn=loud'],
]) {
  onOwn(`a wrong ${flag} is named as it was given`, async () => {
    const { code, stderr } = await run(['config', 'check', `${flag}=${value}`]);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`(^|[^\\w-])${flag}($|[^\\w-])`, 'm'));
  });
}

onOwn('an id without quotes is taken, or the message tells how to write it', async (t) => {
  const path = file(t, '[[apps]]\nid = 42\nkey = "k"\nsecret = "s3cr3t-number"\n');
  const { code, stderr } = await run(['config', 'check', '--config', path]);
  if (code === 0) {
    const { stdout } = await run(['config', 'show', '--config', path]);
    assert.match(stdout, /^id = "42"/m);
  } else {
    assert.equal(code, 1);
    const line = stderr.split('\n').find((l) => l.includes(`${path}:2:`));
    assert.ok(line?.includes('"42"'), stderr);
  }
});

onOwn('an empty FOGHORN_CONFIG counts as unset', async () => {
  const env = { FOGHORN_CONFIG: '' };
  const { code, stderr, stdout } = await run(['config', 'show'], { env });
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^id = "app-id"/m);
});
