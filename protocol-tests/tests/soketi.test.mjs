// A server that was given soketi's environment: limits-and-quotas.md §3.

import assert from 'node:assert/strict';

import { onOwn } from '../lib/cli.mjs';
import { defer } from '../lib/defer.mjs';
import { assertFailed, assertOk, get, post, publish } from '../lib/http.mjs';
import * as pusherJs from '../lib/pusherjs.mjs';
import { open } from '../lib/raw.mjs';
import { Process, hostAndPort, run } from '../lib/server.mjs';
import { channelAuth } from '../lib/sign.mjs';

const APP = { id: '4242', key: '77', secret: 's3cr3t-of-soketi' };

/** One app, with a number, a JSON string and a text for its credentials. */
const CREDENTIALS = {
  SOKETI_DEFAULT_APP_ID: '4242',
  SOKETI_DEFAULT_APP_KEY: '"77"',
  SOKETI_DEFAULT_APP_SECRET: APP.secret,
};

const LOCAL = { SOKETI_HOST: '127.0.0.1', SOKETI_PORT: '0' };

/** Starts the binary without a file; the one flag is for the log that the test reads. */
async function start(t, env) {
  const process = new Process(['--log-format', 'json'], { env });
  defer(t, () => process.end());
  const line = await process.lines.waitFor((l) => l.fields?.message === 'listening');
  const [host, port] = hostAndPort(line.fields.address);
  return { process, host, port, app: APP, prefix: env.SOKETI_PATH_PREFIX ?? '' };
}

const startWithApp = (t, env) => start(t, { ...LOCAL, ...CREDENTIALS, ...env });

/** The settings that are in force, without their spaces. */
async function show(env, args = []) {
  const { code, stdout, stderr } = await run(['config', 'show', ...args], { env });
  assert.equal(code, 0, stderr);
  return stdout.replace(/ +#/g, ' #').split('\n');
}

onOwn('pusher-js meets the app that soketi had', async (t) => {
  const server = await startWithApp(t, {
    SOKETI_PATH_PREFIX: '/realtime',
    SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES: '1',
  });
  const authorize = (socketId, channel) => ({ auth: channelAuth(APP, socketId, channel) });
  const [one, two] = await Promise.all([1, 2].map(() => pusherJs.connect(t, server, authorize)));
  const here = await pusherJs.subscribe(one, 'private-room');
  const there = await pusherJs.subscribe(two, 'private-room');
  await publish(server, { name: 'news', channel: 'private-room', data: '{"n":1}' });
  const news = await there.events.waitFor((e) => e.event === 'news', 'the published event');
  assert.deepEqual(news.data, { n: 1 });
  here.trigger('client-hello', { n: 2 });
  const hello = await there.events.waitFor((e) => e.event === 'client-hello', 'the client event');
  assert.deepEqual(hello.data, { n: 2 });
});

onOwn('the limits are those of soketi', async (t) => {
  const server = await startWithApp(t, { SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES: 'true' });
  const [one, two] = [await open(t, server), await open(t, server)];
  for (const client of [one, two]) await client.subscribe('private-large');

  // Quotes are escaped, twice by a client: the message is far larger than its data.
  const largest = '"'.repeat(100 * 1024);
  const event = { name: 'large', channel: 'private-large' };
  await publish(server, { ...event, data: largest });
  for (const client of [one, two]) {
    assert.equal((await client.expect('large', 'private-large')).data, largest);
  }
  assertFailed(await post(server, '/events', { ...event, data: `${largest}x` }), 413);
  const batch = Array.from({ length: 10 }, () => ({ ...event, data: largest }));
  assertOk(await post(server, '/batch_events', { batch }));
  for (let n = 0; n < 10; n += 1) await one.expect('large', 'private-large');
  const oneMore = { batch: [...batch, { ...event, data: '' }] };
  assertFailed(await post(server, '/batch_events', oneMore), 400);

  one.sendClientEvent('private-large', 'client-large', largest);
  const received = await two.waitFor((m) => m.event === 'client-large', 'the large client event');
  assert.equal(received.data, largest);
  one.sendClientEvent('private-large', 'client-large', `${largest}x`);
  const [error] = await one.settle();
  assert.deepEqual([error.event, error.data.code], ['pusher:error', null]);

  // Far more than the ten a second that we allow by default.
  for (let n = 0; n < 100; n += 1) one.sendClientEvent('private-large', 'client-n', String(n));
  await one.assertQuiet('no client event is one too many');
  for (let n = 0; n < 100; n += 1) {
    assert.equal((await two.expect('client-n', 'private-large')).data, String(n));
  }
});

onOwn('limits in the units of soketi are obeyed', async (t) => {
  const server = await startWithApp(t, {
    SOKETI_EVENT_MAX_SIZE_IN_KB: '0.5',
    SOKETI_EVENT_MAX_CHANNELS_AT_ONCE: '"2"',
    SOKETI_CHANNEL_LIMITS_MAX_NAME_LENGTH: '5',
  });
  const events = (event) => post(server, '/events', { name: 'e', data: '', ...event });
  assertOk(await events({ channel: 'short', data: 'x'.repeat(512) }));
  assertFailed(await events({ channel: 'short', data: 'x'.repeat(513) }), 413);
  assertOk(await events({ channels: ['a', 'b'] }));
  assertFailed(await events({ channels: ['a', 'b', 'c'] }), 400);
  assertFailed(await events({ channel: 'longer' }), 400);
});

onOwn('metrics are where soketi has them, if they are on', async (t) => {
  const metrics = { SOKETI_METRICS_HOST: '127.0.0.1', SOKETI_METRICS_SERVER_PORT: '0' };
  const server = await startWithApp(t, { ...metrics, SOKETI_METRICS_ENABLED: 'true' });
  const line = server.process.logs.find((l) => l.fields?.message === 'metrics listening');
  assert.match(line.fields.address, /^127\.0\.0\.1:/);
  const without = await startWithApp(t, metrics);
  assert.ok(!without.process.logs.some((l) => l.fields?.message === 'metrics listening'));
});

const UNMET = {
  SOKETI_QUEUE_DRIVER: 'redis',
  SOKETI_DB_REDIS_PASSWORD: 's3cr3t-of-redis',
  SOKETI_ADAPTER_DRIVER: 'redis',
  SOKETI_APP_MANAGER_DYNAMODB_TABLE: 'apps',
  SOKETI_PROT: '6001',
};
const MET = {
  SOKETI_MODE: 'full',
  SOKETI_DEFAULT_APP_WEBHOOKS: '[{"url":"http://127.0.0.1/"}]',
  SOKETI_CACHE_DRIVER: 'memory',
  SOKETI_APP_MANAGER_DRIVER: 'array',
  SOKETI_DB_MYSQL_HOST: '',
};

onOwn('every variable that is not followed is logged once', async (t) => {
  const { process } = await startWithApp(t, { ...UNMET, ...MET });
  const warnings = process.logs.filter((line) => line.level === 'WARN');
  const messages = warnings.map((line) => line.fields.message);
  const texts = messages.filter((message) => message.includes('SOKETI_'));
  assert.deepEqual(
    texts.map((text) => text.split(' ')[0]),
    Object.keys(UNMET).sort(),
  );
  assert.match(texts.join('\n'), /SOKETI_QUEUE_DRIVER .*webhooks/);
  assert.match(texts.join('\n'), /SOKETI_PROT .*did you mean SOKETI_PORT\?/);
  assert.ok(!process.stderr.includes('s3cr3t'), process.stderr);
});

onOwn('config check prints the same warnings', async () => {
  const env = { ...LOCAL, ...CREDENTIALS, ...UNMET, ...MET };
  const { code, stdout, stderr } = await run(['config', 'check'], { env });
  assert.deepEqual([code, stderr], [0, '']);
  const warned = stdout.match(/^warning: \S+/gm).map((line) => line.replace('warning: ', ''));
  assert.deepEqual(warned, Object.keys(UNMET).sort());
  assert.match(stdout, /in order/);
});

onOwn('nothing of soketi, nothing of its defaults', async () => {
  const env = { SOKETI_PORT: 'tcp://10.0.0.1:6001', SOKETI_SERVICE_HOST: '10.0.0.1' };
  assert.deepEqual(await show(env), await show({}));
});

onOwn('config show tells what is from soketi', async () => {
  const lines = await show({ ...CREDENTIALS, SOKETI_SHUTDOWN_GRACE_PERIOD: '2500' });
  for (const line of [
    'host = "0.0.0.0" # soketi\'s default',
    'port = 6001 # soketi\'s default',
    'shutdown_grace = 3 # environment SOKETI_SHUTDOWN_GRACE_PERIOD',
    'id = "4242" # environment SOKETI_DEFAULT_APP_ID',
    'key = "77" # environment SOKETI_DEFAULT_APP_KEY',
    'secret = "…" # environment SOKETI_DEFAULT_APP_SECRET',
    'max_event_data_bytes = 102400 # soketi\'s default',
    'client_events_per_second = -1 # soketi\'s default',
    'cache_ttl = 3600 # soketi\'s default',
  ]) {
    assert.ok(lines.includes(line), `${line} in\n${lines.join('\n')}`);
  }
});

onOwn('our own variables and flags precede those of soketi', async () => {
  const env = { ...CREDENTIALS, SOKETI_PORT: '7001', SOKETI_DEFAULT_APP_MAX_CONNS: '5' };
  const ours = { FOGHORN_PORT: '7002', FOGHORN_APP_MAX_CONNECTIONS: '6' };
  assert.ok((await show(env)).includes('port = 7001 # environment SOKETI_PORT'));
  const lines = await show({ ...env, ...ours });
  assert.ok(lines.includes('port = 7002 # environment FOGHORN_PORT'));
  assert.ok(lines.includes('max_connections = 6 # environment FOGHORN_APP_MAX_CONNECTIONS'));
  assert.ok(lines.includes('id = "4242" # environment SOKETI_DEFAULT_APP_ID'));
  const flagged = await show({ ...env, ...ours }, ['--port', '7003']);
  assert.ok(flagged.includes('port = 7003 # flag --port'));
});

onOwn('credentials that everybody knows are for the loopback address only', async (t) => {
  const { code, stderr } = await run(['serve'], { env: { SOKETI_DEBUG: '1' } });
  assert.equal(code, 1);
  assert.match(stderr, /no app is configured.*SOKETI_DEFAULT_APP_ID/);
  const app = { id: 'app-id', key: 'app-key', secret: 'app-secret' };
  assertOk(await get({ ...(await start(t, LOCAL)), app }, '/channels'));
});

onOwn('a value that cannot be right keeps the server from starting', async () => {
  const env = { ...LOCAL, ...CREDENTIALS, SOKETI_EVENT_MAX_SIZE_IN_KB: 'big' };
  const { code, stderr } = await run(['serve'], { env });
  assert.equal(code, 1);
  assert.match(stderr, /SOKETI_EVENT_MAX_SIZE_IN_KB: expected a number of KB, found "big"/);
});
