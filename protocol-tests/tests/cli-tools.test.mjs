// The tools of the command line, each against a server, read as a pipe reads them.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { file } from '../lib/cli.mjs';
import { defer } from '../lib/defer.mjs';
import { appPath, assertOk, get, publish, send } from '../lib/http.mjs';
import { open } from '../lib/raw.mjs';
import { OWN_SERVER, Process, Server, run, scratchFolder, useServer } from '../lib/server.mjs';
import { hmac } from '../lib/sign.mjs';
import { ok, plain, reading, subscribe, target, tool } from '../lib/tools.mjs';

const server = useServer();

const tools = (name, body) => test(`cli tools: ${name}`, body);

/** The flags of the tools that sign by themselves. */
const credential = ({ key, secret }) => ['--key', key, '--secret', secret];

tools('trigger publishes data from the command line, a file and a pipe', async (t) => {
  const client = await open(t, server);
  await client.subscribe('tools-a');
  const path = join(scratchFolder(t), 'data');
  writeFileSync(path, 'from a file');
  for (const [word, data, options] of [
    ['{"a":"Zoë"}', '{"a":"Zoë"}'],
    ['-5', '-5'],
    [`@${path}`, 'from a file'],
    ['-', 'from a pipe\n', reading('from a pipe\n')],
  ]) {
    const lines = await ok(['trigger', ...target(server), 'tools-a', 'hello', word], options);
    assert.deepEqual(lines, [{ event: 'hello', channels: { 'tools-a': {} } }]);
    assert.equal((await client.expect('hello', 'tools-a')).data, data);
  }
  await ok(['trigger', ...target(server), 'tools-a', 'hello']);
  assert.equal((await client.expect('hello', 'tools-a')).data, '{}');
});

tools('trigger publishes to several channels, tells counts, leaves one out', async (t) => {
  const [one, two] = [await open(t, server), await open(t, server)];
  await one.subscribe('presence-tools-b', { user_id: 'x' });
  await two.subscribe('presence-tools-b', { user_id: 'y' });
  const channels = ['--channel', 'presence-tools-b', '--channel', 'tools-b'];
  const more = ['--socket-id', one.socketId, '--info', 'user_count'];
  const [line] = await ok(['trigger', ...target(server), ...channels, ...more, 'hello', '1']);
  const expected = { 'presence-tools-b': { user_count: 2 }, 'tools-b': {} };
  assert.deepEqual(line, { event: 'hello', channels: expected });
  await two.waitFor((message) => message.event === 'hello', 'hello');
  const heard = await one.settle();
  assert.deepEqual(heard.filter((message) => message.event === 'hello'), []);
});

tools('trigger publishes what a file of lines says, more than one request holds', async (t) => {
  const client = await open(t, server);
  await client.subscribe('tools-c');
  const events = Array.from({ length: 12 }, (_, n) => ({
    channel: 'tools-c',
    event: 'tick',
    data: { n },
  }));
  const text = events.map((event) => JSON.stringify(event)).join('\n');
  const lines = await ok(['trigger', ...target(server), '--batch', '-'], reading(text));
  assert.equal(lines.length, 12);
  assert.deepEqual(lines[11], { event: 'tick', channels: { 'tools-c': {} } });
  for (const { data } of events) {
    const message = await client.expect('tick', 'tools-c');
    assert.equal(message.data, JSON.stringify(data));
  }
  const bad = await tool(['trigger', ...target(server), '--batch', '-'], reading(`${text}\n{`));
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /line 13/);
  await client.assertQuiet('nothing of a bad file is published');
});

tools('trigger sends as many events in a request as it is told', async () => {
  const text = Array.from({ length: 11 }, () => '{"channel":"tools-c2","event":"e"}').join('\n');
  const batch = (...args) => tool(['trigger', ...target(server), '--batch', '-', ...args],
    reading(text));
  assert.equal((await batch('--batch-size', '3')).lines.length, 11);
  const all = await batch('--batch-size', '11');
  assert.deepEqual([all.code, all.lines], [1, []]);
  assert.match(all.stderr, /400[^]*published 0 of 11|published 0 of 11[^]*400/);
  for (const args of [['--batch', '-', '--batch-size', '0'], ['c', 'e', '--batch-size', '3']]) {
    const { code, stderr } = await tool(['trigger', ...target(server), ...args]);
    assert.equal(code, 2, stderr);
  }
});

tools('subscribe prints events as JSON and ends after as many as asked for', async (t) => {
  const { child, next } = await subscribe(t, server, ['tools-d', 'private-tools-d'], ['-n', '2']);
  await publish(server, { name: 'one', channel: 'tools-d', data: '{"a":1}' });
  assert.deepEqual(await next('one'), { event: 'one', channel: 'tools-d', data: '{"a":1}' });
  await publish(server, { name: 'two', channel: 'private-tools-d', data: 'text' });
  assert.deepEqual(await next('two'), { event: 'two', channel: 'private-tools-d', data: 'text' });
  assert.deepEqual(await child.exited, { code: 0, signal: null });
});

tools('subscribe asks for a secret only to sign', async () => {
  const app = ['--url', server.url, '--key', server.app.key];
  const wanted = ['--event', 'pusher_internal:subscription_succeeded', '-n', '1'];
  const [heard] = await ok(['subscribe', ...app, 'tools-d2', ...wanted]);
  assert.equal(heard.channel, 'tools-d2');
  for (const args of [['private-tools-d2'], ['--sign-in', 'u']]) {
    const { code, stderr } = await tool(['subscribe', ...app, ...args]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /missing: a secret \(--secret-file/);
  }
});

tools('subscribe is a member, and hears client events and others come and go', async (t) => {
  const member = ['--user-id', 'me', '--user-info', '{"nick":"Zoë"}'];
  const { next } = await subscribe(t, server, ['presence-tools-e'], member);
  const other = await open(t, server);
  const { presence } = await other.subscribe('presence-tools-e', { user_id: 'you' });
  assert.deepEqual(presence.hash.me, { nick: 'Zoë' });
  const added = await next('pusher_internal:member_added');
  assert.equal(JSON.parse(added.data).user_id, 'you');
  other.sendClientEvent('presence-tools-e', 'client-hi', { n: 1 });
  const heard = await next('client-hi');
  const expected = { event: 'client-hi', channel: 'presence-tools-e', data: '{"n":1}' };
  assert.deepEqual(heard, { ...expected, user_id: 'you' });
  await other.close();
  await next('pusher_internal:member_removed');
});

tools('subscribe prints and counts only the events it is asked for', async (t) => {
  const args = ['subscribe', ...target(server), 'tools-f', '--event', 'wanted', '-n', '1'];
  const child = new Process(args);
  defer(t, () => child.end('SIGKILL'));
  // It prints nothing that tells when it has subscribed, but the API does.
  const occupied = async () => assertOk(await get(server, '/channels/tools-f')).occupied;
  while (!(await occupied()));
  await publish(server, { name: 'other', channel: 'tools-f' });
  await publish(server, { name: 'wanted', channel: 'tools-f' });
  assert.equal((await child.exited).code, 0);
  const lines = child.stdout.trim().split('\n').map((line) => JSON.parse(line).event);
  assert.deepEqual(lines, ['wanted']);
});

const MASTER_KEY = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';

tools('what is encrypted on the way is decrypted at the end', async (t) => {
  const channel = 'private-encrypted-tools-g';
  const key = ['--master-key', MASTER_KEY];
  const client = await open(t, server);
  await client.subscribe(channel);
  const { next } = await subscribe(t, server, [channel], key);
  await ok(['trigger', ...target(server), ...key, channel, 'secret', '{"amount":12}']);
  const { data } = await client.expect('secret', channel);
  assert.deepEqual(Object.keys(JSON.parse(data)), ['nonce', 'ciphertext']);
  assert.equal((await next('secret')).data, '{"amount":12}');
  const clear = await tool(['trigger', ...target(server), channel, 'secret', '{}']);
  assert.equal(clear.code, 2);
  assert.match(clear.stderr, /--master-key/);
});

tools('an interrupted subscription says goodbye', async (t) => {
  const { child } = await subscribe(t, server, ['presence-tools-h'], ['--user-id', 'me']);
  const witness = await open(t, server);
  await witness.subscribe('presence-tools-h', { user_id: 'witness' });
  assert.deepEqual(await child.end('SIGINT'), { code: 0, signal: null });
  await witness.expect('pusher_internal:member_removed', 'presence-tools-h');
});

test('cli tools: subscribe comes back when the server does', OWN_SERVER, async (t) => {
  const own = new Server();
  await own.start();
  defer(t, () => own.stop());
  const { child, next } = await subscribe(t, own, ['tools-i']);
  await own.restart();
  await next('pusher_internal:subscription_succeeded');
  await publish(own, { name: 'again', channel: 'tools-i' });
  await next('again');
  assert.match(child.stderr, /closed with 4200: .*; reconnecting in 0 s/);

  const once = await subscribe(t, own, ['tools-i'], ['--no-reconnect']);
  await child.end('SIGINT');
  await own.stop();
  assert.equal((await once.child.exited).code, 1);
  assert.match(once.child.stderr, /closed with 4200/);
});

tools('what a server refuses is an error that says so', async () => {
  const other = { ...server.app, secret: 'wrong' };
  const nobody = { ...server.app, key: 'nobody' };
  for (const [args, pattern] of [
    [['subscribe', ...target(server, other), 'private-tools-j'], /Invalid signature[^]*hint: /],
    [['subscribe', ...target(server, nobody), 'tools-j'], /4001[^]*hint: .*--key/],
    [['trigger', ...target(server, other), 'tools-j', 'e'], /401.*signature[^]*verify request/],
    [['trigger', ...target(server), '#tools', 'e'], /400/],
    [['channels', ...target(server), '--info', 'user_count'], /400/],
    [['channels', ...target(server, { ...server.app, id: '1' })], /404[^]*--url/],
    [['trigger', '--url', 'http://127.0.0.1:1', 'tools-j', 'e'], /cannot connect[^]*running/],
  ]) {
    const { code, stderr, stdout } = await tool(args);
    assert.equal(code, 1, stderr);
    assert.match(stderr, pattern);
    assert.equal(stdout, '');
  }
});

tools('what is asked wrongly is an error before anything is tried', async () => {
  for (const [args, pattern] of [
    [['trigger', ...target(server), 'tools-k'], /EVENT/],
    [['trigger', ...target(server), '--user', 'u', 'tools-k', 'e', '{}'], /too many/],
    [['subscribe', ...target(server)], /CHANNEL/],
    [['subscribe', ...target(server), 'presence-tools-k'], /--user-id/],
    [['channels', '--url', 'nonsense'], /--url/],
    [['channels', '--key', 'k'], /--app-id.*--secret-file/],
    [['trigger', '--port', '1', 'tools-k', 'e'], /--port/],
    [['--port', '1', 'trigger', 'tools-k', 'e'], /server\.port/],
    [['channels', ...target(server), '--secret-file', '/nonexistent'], /--secret/],
  ]) {
    const { code, stderr, stdout } = await tool(args);
    assert.deepEqual([code, stdout], [2, ''], `${args}: ${stderr}`);
    assert.match(stderr, pattern);
  }
});

tools('channels lists, and tells of one', async (t) => {
  const client = await open(t, server);
  await client.subscribe('presence-tools-l', { user_id: 'x' });
  await client.subscribe('presence-tools-l2', { user_id: 'x' });
  const channels = (...args) => ok(['channels', ...target(server), ...args]);
  const list = ['--prefix', 'presence-tools-l', '--info', 'user_count'];
  assert.deepEqual(await channels(...list), [
    { channel: 'presence-tools-l', user_count: 1 },
    { channel: 'presence-tools-l2', user_count: 1 },
  ]);
  assert.deepEqual(await channels('--prefix', 'tools-nothing'), []);
  const state = { channel: 'presence-tools-l', occupied: true, user_count: 1 };
  assert.deepEqual(await channels('presence-tools-l'), [state]);
  assert.deepEqual(await channels('presence-tools-l', '--users'), [{ id: 'x' }]);
  assert.deepEqual(await channels('tools-l'), [{ channel: 'tools-l', occupied: false }]);
});

tools('the address and the app may be in the environment', async (t) => {
  const { id, key, secret } = server.app;
  const path = join(scratchFolder(t), 'secret');
  writeFileSync(path, `${secret}\n`);
  const withUser = server.url.replace('://', `://${key}:${secret}@`);
  const app = { FOGHORN_APP_ID: id, FOGHORN_APP_KEY: key, FOGHORN_APP_SECRET: secret };
  for (const [env, args] of [
    [{ FOGHORN_URL: server.url, ...app }, []],
    [{ PUSHER_URL: `${withUser}/apps/${id}` }, []],
    [{ ...app, FOGHORN_APP_SECRET: 'wrong' }, ['--url', server.url, '--secret-file', path]],
  ]) {
    await ok(['trigger', ...args, 'tools-m', 'e'], { env });
  }
});

test('cli tools: the server does not mind the variable of the tools', OWN_SERVER, async () => {
  const { code, stderr } = await run(['config', 'check'], { env: { FOGHORN_URL: 'http://h' } });
  assert.deepEqual([code, stderr], [0, '']);
});

test('cli tools: keygen makes an app that the server takes', OWN_SERVER, async (t) => {
  const [one] = await ok(['keygen']);
  const [two] = await ok(['keygen']);
  assert.match(one.id, /^[1-9]\d{6}$/);
  assert.match(one.key, /^[0-9a-f]{20}$/);
  assert.match(one.secret, /^[0-9a-f]{40}$/);
  for (const part of ['id', 'key', 'secret']) assert.notEqual(one[part], two[part]);
  const { stdout } = await run(['keygen', '--color', 'always']);
  const check = await run(['config', 'check', '--config', file(t, plain(stdout))]);
  assert.equal(check.code, 0, check.stderr);
});

tools('what is signed, the server accepts', async (t) => {
  const { app } = server;
  const client = await open(t, server);
  const sign = (...args) => ok(['sign', ...args, ...credential(app)]);
  const data = '{"user_id":"u-17","user_info":{"nick":"Zoë"}}';
  const [{ auth, channel_data }] = await sign('channel', client.socketId, 'presence-tools-n', data);
  const channel = 'presence-tools-n';
  const [answer] = await client.request({ channel, auth, channel_data });
  assert.equal(answer.event, 'pusher_internal:subscription_succeeded');

  const path = appPath(server, '/channels');
  const params = ['--param', 'filter_by_prefix=presence-', '--param', 'info=user_count'];
  const [request] = await sign('request', 'GET', path, ...params);
  assertOk(await sent(request.target));

  const user = '{"id":"u-17"}';
  const [signed] = await sign('user', '1.2', user);
  const text = `1.2::user::${user}`;
  assert.deepEqual(signed, {
    auth: `${app.key}:${hmac(app.secret, text)}`,
    user_data: user,
    signed_text: text,
  });
  const [webhook] = await sign('webhook', '{"time_ms":1}');
  const signature = hmac(app.secret, '{"time_ms":1}');
  assert.deepEqual(webhook, { key: app.key, signature });
});

async function sent(wire) {
  const response = await send(server, { target: wire });
  return { ...response, json: JSON.parse(response.text) };
}
