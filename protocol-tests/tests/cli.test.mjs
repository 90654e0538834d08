// The binary as an operator meets it: start, configuration, log, metrics, exit codes.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import PusherJs from 'pusher-js';
import PusherServer from 'pusher';

import { MAIN } from '../lib/apps.mjs';
import { defer } from '../lib/defer.mjs';
import { assertFailed, assertOk, get, post, publish, send } from '../lib/http.mjs';
import { Inbox, within } from '../lib/inbox.mjs';
import { runPython } from '../lib/python.mjs';
import { open } from '../lib/raw.mjs';
import { OWN_SERVER, Process, Server, configText, run, scratchFolder } from '../lib/server.mjs';
import { hmac } from '../lib/sign.mjs';

const ANY_PORTS = ['--port', '0', '--metrics-port', '0'];

/** Starts the binary with flags only; gives the process and where it listens. */
async function start(t, args = [], options = {}) {
  const process = new Process([...ANY_PORTS, '--log-format', 'json', ...args], options);
  defer(t, () => process.end());
  const line = await process.lines.waitFor((l) => l.fields?.message === 'listening');
  const [host, port] = line.fields.address.split(':');
  const app = { id: 'app-id', key: 'app-key', secret: 'app-secret' };
  return { process, host, port: Number(port), app, prefix: '' };
}

function file(t, text) {
  const path = join(scratchFolder(t), 'foghorn.toml');
  writeFileSync(path, text);
  return path;
}

const onOwn = (name, body) => test(`cli: ${name}`, OWN_SERVER, body);

onOwn('without any configuration it announces an app and how to use it', async (t) => {
  const { process, host, port } = await start(t);
  await process.output.waitFor((line) => line.includes('Python'));
  assert.equal(host, '127.0.0.1');
  for (const text of ['app-id', 'app-key', 'app-secret', `http://127.0.0.1:${port}`]) {
    assert.ok(process.stdout.includes(text), text);
  }
});

for (const [language, execute] of [
  ['Node', (code) => new Function('Pusher', `return (async () => { ${code} })();`)(PusherServer)],
  ['Python', (code) => runPython(`import pusher\n${code}`)],
]) {
  onOwn(`the announced ${language} snippet reaches the announced page`, async (t) => {
    const { process } = await start(t);
    const last = (line) => line.includes('pusher_client.trigger');
    await process.output.waitFor(last, 'the end of the announcement');

    const heard = new Inbox('console of the announced page');
    const page = snippet(process.stdout, 'Page');
    const console = { log: (data) => heard.push(data) };
    const client = new Function('Pusher', 'console', `${page}; return pusher;`)(PusherJs, console);
    defer(t, () => client.disconnect());
    const ready = new Promise((ok) => {
      client.channel('news').bind('pusher:subscription_succeeded', ok);
    });
    await within(ready, 'the announced page to subscribe');

    await execute(snippet(process.stdout, language));
    assert.deepEqual(await heard.next(), { from: language });
  });
}

/** The indented lines below the heading that begins with `title`, less their indentation. */
function snippet(text, title) {
  const [, body] = new RegExp(`^${title}[^\n]*:\n((?:  [^\n]*\n)+)`, 'm').exec(text);
  return body.replace(/^  /gm, '');
}

onOwn('nothing is printed but the log once apps are configured', async (t) => {
  const path = file(t, configText());
  const { process } = await start(t, ['--config', path]);
  assert.deepEqual(await process.end(), { code: 0, signal: null });
  assert.equal(process.stdout, '');
});

for (const host of ['0.0.0.0', '::']) {
  onOwn(`it refuses to listen on ${host} with the built-in app`, async () => {
    const { code, stderr, stdout } = await run([...ANY_PORTS, '--host', host]);
    assert.notEqual(code, 0);
    assert.match(stderr, /app/);
    assert.match(stderr, /--host/);
    assert.equal(stdout, '');
  });
}

onOwn('it listens on all addresses with an app of its own', async (t) => {
  const path = file(t, configText());
  const { process } = await start(t, ['--config', path, '--host', '0.0.0.0']);
  assert.deepEqual(await process.end(), { code: 0, signal: null });
});

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

onOwn('a second instance on the same port fails and names the address', async (t) => {
  const { port } = await start(t);
  const { code, stderr } = await run(['--port', String(port), '--metrics-port', '0']);
  assert.notEqual(code, 0);
  assert.ok(stderr.includes(`127.0.0.1:${port}`), stderr);
  assert.match(stderr, /in use/);
});

onOwn('an occupied metrics port fails too', async (t) => {
  const { process } = await start(t);
  const { address } = process.logs.find((l) => l.fields?.message === 'metrics listening').fields;
  const { code, stderr } = await run(['--port', '0', '--metrics-port', address.split(':')[1]]);
  assert.notEqual(code, 0);
  assert.ok(stderr.includes(address), stderr);
});

for (const signal of ['SIGTERM', 'SIGINT']) {
  onOwn(`${signal} ends it with 0`, async (t) => {
    const { process } = await start(t);
    assert.deepEqual(await process.end(signal), { code: 0, signal: null });
    process.assertHealthy();
  });
}

onOwn('the text log has no colours when nobody watches', async (t) => {
  const process = new Process([...ANY_PORTS, '--log-format', 'text']);
  defer(t, () => process.end());
  await process.output.waitFor((line) => line.includes('Python'), 'the announcement');
  await process.end();
  assert.match(process.stderr, /listening/);
  assert.ok(!process.stderr.includes('\u001b'), process.stderr);
});

onOwn('no secret and no valid signature is ever logged, not even at trace', async (t) => {
  const server = new Server({ log: { level: 'trace' } });
  await server.start();
  defer(t, () => server.stop());
  const client = await open(t, server);
  await client.subscribe('private-cli');
  await client.subscribe('presence-cli', { user_id: 'u' });
  await client.request({ channel: 'private-cli-2', auth: `${server.app.key}:00` });
  client.sendText('{');
  await client.settle();
  await publish(server, { channel: 'private-cli' });
  await client.expect('event', 'private-cli');
  const timestamp = 1_760_000_000;
  assertFailed(await get(server, '/channels', [], { timestamp }), 401);
  const app = { ...server.app, secret: 'wrong' };
  assertFailed(await post(server, '/events', { name: 'e', channel: 'a', data: '' }, { app }), 401);
  const { code } = await server.stop();
  assert.equal(code, 0);

  const { logs, stderr, stdout } = server.process;
  assert.ok(
    logs.some((line) => line.level === 'TRACE'),
    'the log is at trace level',
  );
  const printed = stderr + stdout;
  const signed = hmac(server.app.secret, `${client.socketId}:private-cli-2`);
  for (const hidden of [server.app.secret, signed]) assert.ok(!printed.includes(hidden), hidden);
});

onOwn('the health paths answer on the main port', async (t) => {
  const server = await start(t);
  for (const target of ['/', '/ready']) {
    assert.equal((await send(server, { target })).status, 200, target);
    assert.equal((await send(server, { method: 'HEAD', target })).status, 200, target);
  }
});

onOwn('the metrics tell of some traffic', async (t) => {
  const server = new Server();
  await server.start();
  defer(t, () => server.stop());
  const clients = [await open(t, server), await open(t, server), await open(t, server)];
  for (const client of clients) await client.subscribe('private-cli-metrics');
  await publish(server, { name: 'e', channels: ['private-cli-metrics', 'cli-nobody'] });
  for (const client of clients) await client.expect('e', 'private-cli-metrics');
  clients[0].sendClientEvent('private-cli-metrics', 'client-x', {});
  await clients[1].expect('client-x', 'private-cli-metrics');

  const { metricsHost: host, metricsPort: port } = server;
  const { status, headers, text } = await send({ host, port }, { target: '/metrics' });
  assert.equal(status, 200);
  assert.match(headers['content-type'], /^text\/plain/);
  const value = (name, labels = {}) => {
    const all = text
      .split('\n')
      .filter((l) => l.startsWith(`${name}{`) || l.startsWith(`${name} `));
    const line = all.find((l) => {
      return Object.entries(labels).every(([key, label]) => l.includes(`${key}="${label}"`));
    });
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  };
  const app = { app_id: server.app.id };
  assert.equal(value('foghorn_connections', app), 3);
  assert.equal(value('foghorn_connections_opened_total', app), 3);
  assert.equal(value('foghorn_subscriptions', app), 3);
  assert.equal(value('foghorn_channels'), 1);
  assert.equal(value('foghorn_events_published_total', { ...app, origin: 'client' }), 1);
  assert.ok(value('foghorn_events_published_total', { ...app, origin: 'api' }) >= 1);
  assert.ok(value('foghorn_messages_received_total', app) >= 4);
  assert.ok(value('foghorn_messages_sent_total', app) >= 10);
  assert.ok(value('process_resident_memory_bytes') > 0);
  for (const name of ['foghorn_connections', 'foghorn_events_published_total']) {
    assert.match(text, new RegExp(`^# HELP ${name} .+$`, 'm'));
    assert.match(text, new RegExp(`^# TYPE ${name} (gauge|counter)$`, 'm'));
  }
  assert.ok(!text.includes(server.app.secret));
});
