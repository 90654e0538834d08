// The binary as an operator meets it: start, announcement, log, signals, exit codes.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import PusherJs from 'pusher-js';
import PusherServer from 'pusher';

import { ANY_PORTS, file, onOwn, start } from '../lib/cli.mjs';
import { defer } from '../lib/defer.mjs';
import { appPath, assertFailed, call, post, send } from '../lib/http.mjs';
import { Inbox, within } from '../lib/inbox.mjs';
import { runPython } from '../lib/python.mjs';
import { open } from '../lib/raw.mjs';
import { Process, Server, configText, run } from '../lib/server.mjs';
import { hmac } from '../lib/sign.mjs';

onOwn('without any configuration it announces an app and how to use it', async (t) => {
  const { process, host, port } = await start(t);
  await process.output.waitFor((line) => line.includes('Python'));
  assert.equal(host, '127.0.0.1');
  for (const text of ['app-id', 'app-key', 'app-secret', `http://127.0.0.1:${port}`]) {
    assert.ok(process.stdout.includes(text), text);
  }
});

const HOSTS = ['127.0.0.1', '::1'];
const LANGUAGES = [
  ['Node', (code) => new Function('Pusher', `return (async () => { ${code} })();`)(PusherServer)],
  ['Python', (code) => runPython(['-c', `import pusher\n${code}`])],
];
for (const host of HOSTS) {
  for (const [language, execute] of LANGUAGES) {
    onOwn(`the announced ${language} snippet reaches the announced page at ${host}`, async (t) => {
      const { process } = await start(t, ['--host', host]);
      const last = (line) => line.includes('pusher_client.trigger');
      await process.output.waitFor(last, 'the end of the announcement');

      const heard = await announcedPage(t, process.stdout);
      await execute(snippet(process.stdout, language));
      assert.deepEqual(await heard.next(), { from: language });
    });
  }
}

/** Runs the announced page; gives what it prints. */
async function announcedPage(t, announcement) {
  const heard = new Inbox('console of the announced page');
  const page = snippet(announcement, 'Page');
  const console = { log: (data) => heard.push(data) };
  const client = new Function('Pusher', 'console', `${page}; return pusher;`)(PusherJs, console);
  defer(t, () => client.disconnect());
  const ready = new Promise((ok) => {
    client.channel('news').bind('pusher:subscription_succeeded', ok);
  });
  await within(ready, 'the announced page to subscribe');
  return heard;
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

onOwn('a log on a full disk stops nobody', async (t) => {
  const launcher = ['/bin/sh', '-c', 'exec "$0" "$@" 2>/dev/full'];
  const process = new Process([...ANY_PORTS], { launcher });
  defer(t, () => process.end());
  // The log cannot tell the address, but the announcement does.
  const line = await process.output.waitFor((text) => text.includes('listening on http://'));
  const [, host, port] = line.match(/http:\/\/([^:]+):(\d+)/);
  const client = await open(t, { host, port, prefix: '', app: { key: 'app-key' } });
  await client.assertQuiet('it answers');
  await client.close();
  assert.equal((await process.end()).code, 0);
});

onOwn('no secret and no valid signature is ever logged, not even at trace', async (t) => {
  const server = new Server({ log: { level: 'trace' } });
  await server.start();
  defer(t, () => server.stop());
  const hidden = [server.app.secret];

  const client = await open(t, server);
  const member = { user_id: 'hidden-user-5b0e', user_info: { mail: 'hidden-mail-7c1d' } };
  for (const [channel, data] of [
    ['private-cli', undefined],
    ['presence-cli', JSON.stringify(member)],
  ]) {
    const [, signature] = client.auth(channel, data).split(':');
    hidden.push(signature);
    if (data !== undefined) hidden.push(data, JSON.stringify(data).slice(1, -1));
  }
  hidden.push(member.user_id, member.user_info.mail);
  await client.subscribe('private-cli');
  await client.subscribe('presence-cli', member);
  // Refused, but valid elsewhere: the right signature of another connection or channel.
  const [, other] = client.auth('private-cli-3').split(':');
  hidden.push(other);
  await client.request({ channel: 'private-cli-2', auth: `${server.app.key}:${other}` });
  client.sendText('{');
  await client.settle();

  for (const [method, rest, body, timestamp, status] of [
    ['POST', '/events', '{"name":"e","channel":"private-cli","data":"{}"}', undefined, 200],
    ['GET', '/channels', undefined, undefined, 200],
    ['GET', '/channels', undefined, 1_760_000_000, 401],
    ['POST', '/events', '{', undefined, 400],
    ['POST', '/nothing', '{}', undefined, 404],
  ]) {
    const note = (params) => {
      hidden.push(params.find(([key]) => key === 'auth_signature')[1]);
      return params;
    };
    const path = appPath(server, rest);
    const response = await call(server, { method, path, body, timestamp, arrange: note });
    assert.equal(response.status, status, response.text);
  }
  await client.expect('e', 'private-cli');
  const app = { ...server.app, secret: 'wrong' };
  assertFailed(await post(server, '/events', { name: 'e', channel: 'a', data: '' }, { app }), 401);
  const { code } = await server.stop();
  assert.equal(code, 0);

  const { logs, stderr, stdout } = server.process;
  const byUs = logs.filter((line) => line.target?.startsWith('foghorn'));
  assert.ok(byUs.length > 0, 'the server logs under its own name');
  // What was signed for this server and never sent must not be there either: the right digests.
  hidden.push(hmac(server.app.secret, `${client.socketId}:private-cli-2`));
  const printed = stderr + stdout;
  assert.deepEqual(
    hidden.filter((text) => printed.includes(text)).map((text) => lineWith(printed, text)),
    [],
  );
});

function lineWith(text, part) {
  const line = text.split('\n').find((l) => l.includes(part));
  return `${part} in: ${line.slice(0, 400)}`;
}

onOwn('it raises a lowered limit on open files and tells what is left for clients', async (t) => {
  const launcher = ['/bin/sh', '-c', 'ulimit -S -n 300; exec "$0" "$@"'];
  const { process } = await start(t, [], { launcher });
  const { open_files: openFiles, connections } = process.logs.find(
    (l) => l.fields?.message === 'capacity',
  ).fields;
  const limits = readFileSync(`/proc/${process.child.pid}/limits`, 'utf8');
  const [, soft, hard] = /^Max open files +(\d+) +(\d+)/m.exec(limits);
  assert.ok(Number(hard) > 300, `a hard limit of ${hard} leaves nothing to raise`);
  assert.deepEqual([openFiles, soft], [Number(hard), hard]);
  // 256 are for everything else (docs/architecture.md); a tiny limit is split in halves.
  assert.equal(connections, Math.max(openFiles - 256, Math.floor(openFiles / 2)));
});

onOwn('the health paths answer on the main port', async (t) => {
  const server = await start(t);
  for (const target of ['/', '/ready']) {
    assert.equal((await send(server, { target })).status, 200, target);
    assert.equal((await send(server, { method: 'HEAD', target })).status, 200, target);
  }
});
