// The admin API: what operators see and change, and what clients and back ends notice of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TOKEN, admin, adminSections, allOf, done, refused } from '../lib/admin.mjs';
import { MAIN, OTHER } from '../lib/apps.mjs';
import { assertFailed, assertOk, post } from '../lib/http.mjs';
import { until } from '../lib/inbox.mjs';
import { connect } from '../lib/pusherjs.mjs';
import { dial, open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';

// What cannot be delivered is given up soon.
const server = useServer({ sections: adminSections({ retry_window: 1 }) });
const off = useServer();

const about = (name, body) => test(`admin: ${name}`, OWN_SERVER, body);

/** A new app of the database, as clients and back ends know it. */
async function create(settings = {}) {
  const app = await done(server, 201, 'POST', '/apps', settings);
  const [{ key, secret }] = app.keys;
  return { id: app.id, key, secret };
}

const at = (app) => Object.create(server, { app: { value: app } });

const event = (channel) => ({ name: 'e', channel, data: 'x' });
const send = (to, body) => post(to, '/events', body);

about('without a token there is none, and it says how to switch it on', async () => {
  const { status, json } = await admin(off, 'GET', '/apps');
  assert.equal(status, 404);
  assert.match(json.error, /admin\.token/);
});

about('who has no token, or another one, gets nothing', async () => {
  for (const token of [null, '', 'wrong', `${TOKEN}x`, TOKEN.slice(1)]) {
    for (const [method, path] of [['GET', '/apps'], ['DELETE', '/apps/1'], ['GET', '/nothing']]) {
      const { status, headers, text } = await admin(server, method, path, undefined, { token });
      assert.equal(status, 401, text);
      assert.equal(headers['www-authenticate'], 'Bearer');
      assert.ok(!text.includes(TOKEN));
    }
  }
});

about('an app comes, serves, is switched off and on again, and goes', async (t) => {
  const app = await create({ name: 'Shop', client_events: true });
  assert.match(app.id, /^\d{7}$/);
  const client = await connect(t, at(app));
  assertOk(await send(at(app), event('news')));

  await done(server, 200, 'PATCH', `/apps/${app.id}`, { enabled: false });
  await client.errors.waitFor(({ data }) => data?.code === 4003, 'the error 4003');
  await client.states.waitFor((state) => state === 'failed' || state === 'disconnected', 'its end');
  assertFailed(await send(at(app), event('news')), 403);
  const late = await dial(t, at(app));
  assert.equal((await late.waitForClose()).code, 4003);

  await done(server, 200, 'PATCH', `/apps/${app.id}`, { enabled: true });
  const again = await open(t, at(app));
  assertOk(await send(at(app), event('news')));

  assert.equal((await admin(server, 'DELETE', `/apps/${app.id}`)).status, 204);
  assert.equal((await again.waitForClose()).code, 4001);
  assertFailed(await send(at(app), event('news')), 404);
  await refused(server, 404, 'GET', `/apps/${app.id}`);
});

about('a change holds at once, and what it does not name stays', async () => {
  const app = await create({ max_event_data_bytes: 10, name: 'Limited' });
  const long = { ...event('news'), data: 'x'.repeat(11) };
  assertFailed(await send(at(app), long), 413);
  const changed = await done(server, 200, 'PATCH', `/apps/${app.id}`, { max_event_data_bytes: 11 });
  assert.equal(changed.name, 'Limited');
  assertOk(await send(at(app), long));
  await done(server, 200, 'PATCH', `/apps/${app.id}`, { max_event_data_bytes: null });
  assert.equal((await done(server, 200, 'GET', `/apps/${app.id}`)).max_event_data_bytes, 10_240);
});

about('a key is replaced without an interruption', async (t) => {
  const old = await create();
  const before = await open(t, at(old));
  const keys = `/apps/${old.id}/keys`;
  await refused(server, 409, 'DELETE', `${keys}/${old.key}`);

  const pair = await done(server, 201, 'POST', keys);
  const renewed = { id: old.id, key: pair.key, secret: pair.secret };
  await open(t, at(renewed));
  assertOk(await send(at(renewed), event('news')));
  assertOk(await send(at(old), event('news')));

  const retired = await done(server, 200, 'PATCH', `${keys}/${old.key}`, { enabled: false });
  assert.deepEqual(retired, { key: old.key, enabled: false });
  await before.settle();
  assert.equal((await (await dial(t, at(old))).waitForClose()).code, 4001);
  assertFailed(await send(at(old), event('news')), 401);
  await refused(server, 409, 'PATCH', `${keys}/${pair.key}`, { enabled: false });
  assert.equal((await admin(server, 'DELETE', `${keys}/${old.key}`)).status, 204);
  await before.settle();
  await refused(server, 404, 'DELETE', `${keys}/${old.key}`);
});

about('secrets are seen when they are made, and never again', async () => {
  const headers = { 'X-Secret': 'h3ader-value' };
  const webhooks = [{ url: 'http://127.0.0.1:9/?t=1', headers }];
  const made = await admin(server, 'POST', '/apps', { webhooks });
  const [{ secret }] = made.json.keys;
  const { id } = made.json;
  const pair = await done(server, 201, 'POST', `/apps/${id}/keys`);
  const hidden = [secret, pair.secret, 'h3ader-value', MAIN.secret, TOKEN];
  for (const path of ['/apps?limit=1000', `/apps/${id}`, `/apps/${MAIN.id}`, '/config']) {
    const { status, text } = await admin(server, 'GET', path);
    assert.equal(status, 200);
    for (const one of hidden) assert.ok(!text.includes(one), `${path} shows ${one}`);
  }
  // What is shown in place of a secret is no secret.
  const body = await refused(server, 400, 'PATCH', `/apps/${id}`, {
    webhooks: [{ url: 'http://127.0.0.1:9/', headers: { 'X-Secret': '…' } }],
  });
  assert.equal(body.problems[0].field, 'webhooks[0].headers.X-Secret');
});

about('what does not fit is named, all at once', async () => {
  const app = await create();
  const wrong = { max_connections: 0, nmae: 'x', webhooks: [{ url: 'ftp://a', event_types: ['b'] }] };
  const fields = ['max_connections', 'nmae', 'webhooks[0].event_types[0]', 'webhooks[0].url'];
  for (const [method, path] of [['POST', '/apps'], ['PATCH', `/apps/${app.id}`]]) {
    const { problems } = await refused(server, 400, method, path, wrong);
    assert.deepEqual(problems.map(({ field }) => field).sort(), fields);
  }
  await refused(server, 400, 'PATCH', `/apps/${app.id}`, { id: 'other' });
  await refused(server, 400, 'PATCH', `/apps/${app.id}`, { keys: [] });
  const { error } = await refused(server, 400, 'GET', '/apps?limt=1');
  assert.match(error, /limt is not known/);
});

about('what is taken, or is the configuration’s, stays as it is', async () => {
  const app = await create();
  await refused(server, 409, 'POST', '/apps', { id: app.id });
  await refused(server, 409, 'POST', '/apps', { id: MAIN.id });
  for (const { key } of [app, MAIN]) {
    await refused(server, 409, 'POST', '/apps', { keys: [{ key, secret: 's' }] });
  }
  for (const [method, path, body] of [
    ['PATCH', '', { name: 'x' }],
    ['DELETE', ''],
    ['POST', '/keys'],
    ['PATCH', `/keys/${MAIN.key}`, { enabled: false }],
    ['DELETE', `/keys/${MAIN.key}`],
  ]) {
    const { error } = await refused(server, 409, method, `/apps/${MAIN.id}${path}`, body);
    assert.match(error, /edit the file/);
  }
});

about('lists come in pages', async (t) => {
  const ids = ['page-1', 'page-2', 'page-3'];
  for (const id of ids) await create({ id });
  const { entries } = await allOf(server, '/apps', 'apps', 2);
  const all = entries.map(({ id }) => id);
  assert.equal(new Set(all).size, all.length);
  assert.deepEqual(all.filter((id) => id.startsWith('page-')), ids);
  const configured = entries.filter(({ source }) => source === 'configuration');
  assert.deepEqual(configured.map(({ id }) => id), ['4242', '4343', '4444', '4545']);

  const app = at(OTHER);
  const clients = [await open(t, app), await open(t, app), await open(t, app)];
  for (const [index, client] of clients.entries()) await client.subscribe(`room-${index}`);
  await clients[0].subscribe('presence-room', { user_id: 'u' });
  await clients[1].subscribe('room-0');
  const connections = await allOf(server, `/apps/${OTHER.id}/connections`, 'connections', 2);
  assert.equal(connections.pages, 2);
  const sockets = connections.entries.map(({ socket_id: socket }) => socket);
  assert.deepEqual(sockets.sort(), clients.map(({ socketId }) => socketId).sort());
  for (const { transport, since } of connections.entries) {
    assert.equal(transport, 'ws');
    assert.ok(Math.abs(Date.parse(since) - Date.now()) < 3_600_000, since);
  }
  const rooms = await allOf(server, `/apps/${OTHER.id}/channels?prefix=room-`, 'channels', 2);
  const counted = rooms.entries.map(({ name, subscription_count: count }) => [name, count]);
  assert.deepEqual(counted, [['room-0', 2], ['room-1', 1], ['room-2', 1]]);
  const { channels } = await done(server, 200, 'GET', `/apps/${OTHER.id}/channels`);
  const presence = { name: 'presence-room', occupied: true, subscription_count: 1, user_count: 1 };
  assert.deepEqual(channels[0], presence);
});

about('one connection is closed, and the others stay', async (t) => {
  const app = at(await create());
  const [one, other] = [await open(t, app), await open(t, app)];
  const path = `/apps/${app.app.id}/connections`;
  assert.equal((await admin(server, 'DELETE', `${path}/${one.socketId}`)).status, 204);
  assert.equal((await one.waitForClose()).code, 4009);
  await other.settle();
  await refused(server, 404, 'DELETE', `${path}/1.1`);
  await refused(server, 404, 'GET', '/apps/nobody/connections');
});

about('usage, webhooks, configuration and document are told', async (t) => {
  const app = at(await create({ max_connections: 7, max_messages_per_day: 100 }));
  await open(t, app);
  assertOk(await send(app, event('news')));
  const usage = await done(server, 200, 'GET', `/apps/${app.app.id}/usage`);
  assert.deepEqual(usage.connections, { used: 1, limit: 7 });
  assert.equal(usage.messages.used, 1);
  assert.equal(usage.messages.limit, 100);
  assert.ok(Array.isArray((await done(server, 200, 'GET', '/webhooks')).apps));
  assert.deepEqual(await done(server, 200, 'GET', '/webhooks/dead'), { dead: [], next: null });
  const { settings } = await done(server, 200, 'GET', '/config');
  const told = Object.fromEntries(settings.map(({ setting, value }) => [setting, value]));
  assert.equal(told['server.host'], '127.0.0.1');
  assert.equal(told['admin.token'], '…');
  assert.equal(told['database.url'], 'sqlite://…');
  const document = await done(server, 200, 'GET', '/openapi.json');
  assert.equal(document.openapi, '3.1.0');
});

about('what was given up is listed, sent again and forgotten', async (t) => {
  const nobody = 'http://127.0.0.1:1/hook?secret=h1dden';
  const app = at(await create({ webhooks: [{ url: nobody, event_types: ['channel_occupied'] }] }));
  const client = await open(t, app);
  await client.subscribe('news');
  const { id } = app.app;
  const dead = (ready) =>
    until(ready, () => done(server, 200, 'GET', `/webhooks/dead?app=${id}`), 'dead letters');
  const { dead: [letter] } = await dead((list) => list.dead.length === 1);
  assert.equal(letter.app, id);
  assert.equal(letter.url, 'http://127.0.0.1:1/hook');
  assert.deepEqual(letter.events, ['channel_occupied']);
  assert.match(letter.reason, /refused/);
  assert.ok(letter.attempts >= 1);
  const { apps } = await done(server, 200, 'GET', '/webhooks');
  assert.equal(apps.find((one) => one.app === id).dead, 1);

  const again = await done(server, 200, 'POST', '/webhooks/dead/redeliver', { ids: [letter.id] });
  assert.deepEqual(again, { redelivered: 1 });
  const { dead: [later] } = await dead(({ dead: [one] }) => one && one.id !== letter.id);
  assert.equal(later.created, letter.created);
  assert.equal((await admin(server, 'DELETE', `/webhooks/dead/${later.id}`)).status, 204);
  assert.deepEqual((await dead(() => true)).dead, []);
  await refused(server, 404, 'DELETE', `/webhooks/dead/${later.id}`);
});
