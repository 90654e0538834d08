// Apps in databases: the same in each of them.

import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, test } from 'node:test';

import { assertInUse, assertNotLetIn, assertUnknown } from '../lib/app-states.mjs';
import { MAIN } from '../lib/apps.mjs';
import {
  assertKeepsSecrets,
  insert,
  insertKey,
  newApp,
  startOn,
  startWithTables,
  update,
} from '../lib/database-apps.mjs';
import { DATABASES, PASSWORD } from '../lib/databases.mjs';
import { defer } from '../lib/defer.mjs';
import { assertFailed, assertOk, get, post, publish, send } from '../lib/http.mjs';
import { until } from '../lib/inbox.mjs';
import * as pusherJs from '../lib/pusherjs.mjs';
import { assertRefused, open } from '../lib/raw.mjs';
import { startReloadable } from '../lib/reload.mjs';
import { OWN_SERVER, Process, hostAndPort, run } from '../lib/server.mjs';
import { insertRow, makeTable } from '../lib/soketi-table.mjs';
import { TRANSPORTS } from '../lib/transports.mjs';
import { join, startEndpoint, to } from '../lib/webhooks.mjs';

const CHANGED = 'app changed in the database';
const REMOVED = 'app removed from the database';
const STAY = 'apps of the database stay as they are known';
const SOKETI = { layout: 'soketi' };
/** An hour: as good as for ever. */
const LONG = 3600;

/** Waits until the answer to a request of the app has this status. */
const answers = (server, status) =>
  until((answer) => answer.status === status, () => get(server, '/channels'), `status ${status}`);

/** Nobody can say whether there is such an app: clients come back, and back ends may. */
async function assertUnsure(t, server) {
  // Who asks at the same time waits for the same.
  const clients = TRANSPORTS.map((transport) => assertNotLetIn(t, server, 4100, transport));
  const [answer, ...reasons] = await Promise.all([get(server, '/channels'), ...clients]);
  const all = [assertFailed(answer, 503), ...reasons].join();
  assert.ok(!all.includes('hunter2') && !all.includes('127.0.0.1'), all);
  assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
}

const CASES = {
  async 'an app is found by its key, and by its id'(t, databases) {
    const database = await databases.fresh();
    const server = await startWithTables(t, database);
    const [first, second] = [newApp(), newApp()];
    for (const app of [first, second]) await insert(database, app);
    // Clients ask first for one of them, back ends for the other.
    await assertInUse(t, server.of(first));
    assertOk(await get(server.of(second), '/channels'));
    await assertInUse(t, server.of(second));
    await assertUnknown(t, server.of(newApp()));
    assertFailed(await get(server.of({ ...first, secret: second.secret }), '/channels'), 401);
  },

  async 'what is not there is not asked for again at once'(t, databases) {
    const database = await databases.fresh();
    const server = await startWithTables(t, database, { database: { negative_ttl: LONG } });
    const app = newApp();
    await assertNotLetIn(t, server.of(app), 4001);
    await insert(database, app);
    await assertNotLetIn(t, server.of(app), 4001);
    // Its id has not been asked for, and when the app is known its key is as well.
    assertOk(await get(server.of(app), '/channels'));
    await assertInUse(t, server.of(app));
  },

  async 'what has not been there is found later'(t, databases) {
    const database = await databases.fresh();
    const server = await startWithTables(t, database);
    const app = newApp();
    await assertUnknown(t, server.of(app));
    await insert(database, app);
    await answers(server.of(app), 200);
    await assertInUse(t, server.of(app));
  },

  async 'a row that changes takes hold'(t, databases) {
    const database = await databases.fresh();
    const server = await startWithTables(t, database);
    const app = newApp();
    const here = server.of(app);
    await insert(database, app);
    const client = await open(t, here);
    await client.subscribe('private-changing');
    client.sendClientEvent('private-changing', 'client-x', {});
    assert.equal((await client.settle())[0].event, 'pusher:error');
    await update(database, app, { settings: '{"client_events": true, "max_batch_size": 1}' });
    const { changes } = (await server.process.logged(CHANGED, { id: app.id })).fields;
    assert.ok(changes.includes('client_events: false is now true'), changes);
    client.sendClientEvent('private-changing', 'client-x', {});
    await client.assertQuiet('client events are on');
    const batch = [1, 2].map(() => ({ name: 'e', channel: 'c', data: '1' }));
    assertFailed(await post(here, '/batch_events', { batch }), 400);

    // What cannot be is not taken over, and the log says why.
    await update(database, app, { settings: '{"max_batch_size": 0}' });
    assert.match((await server.process.error()).error, /max_batch_size/);
    assertOk(await post(here, '/batch_events', { batch: batch.slice(1) }));
    await update(database, app, { settings: '{}', enabled: 0 });
    const told = await client.waitForClose();
    assert.equal(told.code, 4003, told.reason);
    // While it was wrong it may have been told of more than once.
    server.process.excuse(/max_batch_size/);
  },

  async 'an app that is disabled, enabled and deleted'(t, databases) {
    const database = await databases.fresh();
    const server = await startWithTables(t, database);
    const [app, other] = [newApp(), newApp()];
    const here = server.of(app);
    for (const one of [app, other]) await insert(database, one);
    const bystander = await open(t, server.of(other));
    for (const [change, code, status] of [
      [() => update(database, app, { enabled: 0 }), 4003, 403],
      [() => database.execute('DELETE FROM foghorn_apps WHERE id = ?', [app.id]), 4001, 404],
    ]) {
      const client = await assertInUse(t, here);
      const connected = [];
      for (const transport of TRANSPORTS) connected.push(await open(t, here, { transport }));
      client.states.drain();
      await change();
      for (const one of connected) assert.equal((await one.waitForClose()).code, code);
      await client.states.waitFor((state) => state === 'disconnected', 'the end');
      assertFailed(await get(here, '/channels'), status);
      await assertNotLetIn(t, here, code);
      if (code === 4003) {
        await update(database, app, { enabled: 1 });
        await answers(here, 200);
        await assertInUse(t, here);
      }
      assert.deepEqual(client.states.drain(), [], 'it has not tried again');
    }
    await server.process.logged(REMOVED, { id: app.id });
    await bystander.assertQuiet('another app is not affected');
  },

  async 'keys come, go, and go to other apps'(t, databases) {
    const database = await databases.fresh();
    const server = await startWithTables(t, database);
    const [first, second, later] = [newApp(), newApp(), newApp()];
    for (const one of [first, second]) await insert(database, one);
    const give = (key, { id }) =>
      database.execute('UPDATE foghorn_app_keys SET app_id = ? WHERE app_key = ?', [id, key]);
    const clients = [];
    for (const transport of TRANSPORTS) {
      const client = await open(t, server.of(first), { transport });
      await client.subscribe('kept');
      clients.push(client);
    }
    await open(t, server.of(second));
    const spare = newApp();
    await insertKey(database, first.id, { ...spare, ordinal: 2 });
    await server.process.logged(CHANGED, { id: first.id });
    assertOk(await get(server.of({ ...spare, id: first.id }), '/channels'));

    // Two apps exchange their keys; both have to change at once.
    await database.execute(
      'UPDATE foghorn_app_keys SET app_id = CASE app_id WHEN ? THEN ? ELSE ? END ' +
        'WHERE app_key IN (?, ?)',
      [first.id, second.id, first.id, first.key, second.key],
    );
    const swapped = { ...second, key: first.key, secret: first.secret };
    await server.process.logged(CHANGED, { id: second.id });
    assertOk(await get(server.of(swapped), '/channels'));
    assertFailed(await get(server.of(first), '/channels'), 401);
    const came = await open(t, server.of(swapped));
    await came.subscribe('kept');
    await publish(server.of({ ...spare, id: first.id }), { name: 'e', channel: 'kept' });
    for (const client of clients) {
      await client.expect('e', 'kept');
      await client.assertQuiet('it is where it was');
    }
    await came.assertQuiet('it is in the other app');

    // A key goes to an app that nobody has asked for.
    await database.execute(
      "INSERT INTO foghorn_apps (id, settings, enabled) VALUES (?, '{}', 1)",
      [later.id],
    );
    await give(spare.key, later);
    await server.process.logged(CHANGED, { id: first.id });
    const last = server.of({ ...spare, id: later.id });
    await assertInUse(t, last);
  },

  async 'an app of the configuration precedes one of the database'(t, databases) {
    const database = await databases.fresh();
    const settings = { database: { url: database.url, cache_ttl: 1, negative_ttl: 1 } };
    const server = await startReloadable(t, { apps: [], sections: settings });
    const [app, other] = [newApp(), newApp()];
    assertFailed(await get(server.of(other), '/channels'), 404);
    for (const one of [app, other]) await insert(database, one);
    const client = await open(t, server.of(app));
    await answers(server.of(other), 200);
    server.reload({ apps: [{ ...app, client_events: true }], sections: settings });
    await server.process.logged('app added', { id: app.id });
    // The answer that has the other one's removal has this one's as well.
    await database.execute('DELETE FROM foghorn_apps');
    await server.process.logged(REMOVED, { id: other.id });
    await client.assertQuiet('it stays');
    await assertInUse(t, server.of(app));
    assertKeepsSecrets(server.process);
  },

  async 'two servers of one database'(t, databases) {
    const database = await databases.fresh();
    const servers = [];
    for (let n = 0; n < 2; n += 1) servers.push(await startWithTables(t, database));
    const app = newApp();
    await insert(database, app);
    const clients = [];
    for (const server of servers) {
      await assertInUse(t, server.of(app));
      clients.push(await open(t, server.of(app)));
    }
    await update(database, app, { settings: '{"name": "another"}' });
    for (const { process } of servers) await process.logged(CHANGED, { id: app.id });
    for (const client of clients) await client.assertQuiet('nobody has noticed');
    await update(database, app, { enabled: 0 });
    for (const client of clients) assert.equal((await client.waitForClose()).code, 4003);
    for (const server of servers) assertFailed(await get(server.of(app), '/channels'), 403);
  },

  async 'what its webhooks were told is taken back after kill -9'(t, databases) {
    const database = await databases.fresh();
    const app = newApp();
    const hook = await startEndpoint(t, { apps: [app] });
    const webhooks = { delay: 1, restart_delay: 1 };
    const server = await startWithTables(t, database, { sections: { webhooks } });
    await insert(database, { ...app, webhooks: to(hook) });
    const [lost, kept] = ['presence-lost', 'presence-kept'];
    for (const channel of [lost, kept]) {
      await join(t, server.of(app), channel, 'anna');
      await hook.told(channel, 2);
    }
    // Nobody asks for the app any more, neither by its key nor by its id.
    await server.comeBack('SIGKILL');
    for (const channel of [lost, kept]) {
      const isOver = (event) => event.channel === channel && event.name === 'channel_vacated';
      await hook.receivedEvent(isOver, { what: `the end of ${channel}` });
      // What had not been written down yet as taken comes again.
      const told = new Set(hook.toldSoFar(channel).map(({ name }) => name));
      const expected = ['channel_occupied', 'member_added', 'member_removed', 'channel_vacated'];
      assert.deepEqual([...told], expected);
    }
    await join(t, server.of(app), kept, 'ben');
    const isBen = ({ name, user_id: id }) => name === 'member_added' && id === 'ben';
    await hook.receivedEvent(isBen, { what: 'the next one' });
  },

  async 'rows of soketi are apps'(t, databases) {
    const database = await databases.fresh();
    await makeTable(database);
    const [full, bare, off] = [newApp(), newApp(), newApp()];
    const hook = await startEndpoint(t, { apps: [full] });
    await insertRow(database, {
      ...full,
      enable_client_messages: 1,
      webhooks: JSON.stringify([{ url: hook.url, event_types: ['channel_occupied'] }]),
      max_presence_members_per_channel: 1,
      max_presence_member_size_in_kb: 1,
      max_channel_name_length: 20,
      max_event_channels_at_once: 2,
      max_event_name_length: 10,
      max_event_payload_in_kb: 1,
      max_event_batch_size: 1,
      enable_user_authentication: 0,
    });
    await insertRow(database, bare);
    await insertRow(database, { ...off, enabled: 0 });
    const server = await startOn(t, database.url, { database: SOKETI });
    const [here, plain] = [server.of(full), server.of(bare)];
    await assertInUse(t, here);
    await assertInUse(t, plain);
    await hook.told('greetings', 1);
    await assertNotLetIn(t, server.of(off), 4003);
    assertFailed(await get(server.of(off), '/channels'), 403);
    await assertUnknown(t, server.of(newApp()));

    const event = { name: 'e', channel: 'c', data: 'x'.repeat(1024) };
    assertOk(await post(here, '/events', event));
    assertFailed(await post(here, '/events', { ...event, data: `${event.data}x` }), 413);
    assertFailed(await post(here, '/batch_events', { batch: [event, event] }), 400);
    assertOk(await post(plain, '/batch_events', { batch: [event, event] }));
    assertFailed(await post(here, '/events', { ...event, name: 'e'.repeat(11) }), 400);
    assertFailed(await post(here, '/events', { ...event, channel: 'c'.repeat(21) }), 400);
    const channels = ['a', 'b', 'c'];
    assertFailed(await post(here, '/events', { name: 'e', data: '1', channels }), 400);
    const channel = 'presence-full';
    await join(t, here, channel, 'anna');
    const late = await open(t, here);
    const data = JSON.stringify({ user_id: 'ben' });
    const request = { channel, channel_data: data, auth: late.auth(channel, data) };
    assertRefused(await late.request(request), channel);

    // NULL is as in every app: no client events without being asked for.
    const client = await open(t, plain);
    await client.subscribe('private-null');
    client.sendClientEvent('private-null', 'client-x', {});
    assert.equal((await client.settle())[0].event, 'pusher:error');
    const set = (sql) => database.execute(`UPDATE apps SET ${sql} WHERE id = ?`, [bare.id]);
    await set('enable_client_messages = 1');
    await server.process.logged(CHANGED, { id: bare.id });
    client.sendClientEvent('private-null', 'client-x', {});
    await client.assertQuiet('client events are on');
    await set('enabled = 0');
    assert.equal((await client.waitForClose()).code, 4003);
    await database.execute('DELETE FROM apps WHERE id = ?', [bare.id]);
    await answers(plain, 404);
    await assertNotLetIn(t, plain, 4001);
  },

  async 'numbers are ids of soketi, and a table has another name'(t, databases) {
    const database = await databases.fresh();
    const name = 'soketi_apps';
    await makeTable(database, { name, id: 'integer' });
    const [app, wrong] = [newApp(), newApp()];
    await insertRow(database, { ...app, id: Number(app.id) }, { name });
    const bad = { ...wrong, id: Number(wrong.id), max_event_batch_size: -7 };
    await insertRow(database, bad, { name });
    const server = await startOn(t, database.url, { database: { ...SOKETI, table: name } });
    assertOk(await get(server.of(app), '/channels'));
    await assertInUse(t, server.of(app));
    // Somebody will mend it.
    assertFailed(await get(server.of(wrong), '/channels'), 503);
    assert.match((await server.process.error()).error, /max_event_batch_size/);
    await database.execute(`DELETE FROM ${name} WHERE id = ?`, [bad.id]);
    await answers(server.of(wrong), 404);
    server.process.excuse(/max_event_batch_size/);
  },
};

/** What concerns those that are servers of their own, all of it side by side. */
const CASES_OF_SERVERS = {
  async "soketi's environment says where the table is"(t, databases, { driver }) {
    const database = await databases.fresh();
    const name = 'the_apps';
    await makeTable(database, { name });
    const app = newApp();
    await insertRow(database, app, { name });
    const upper = driver.toUpperCase();
    const { server } = await startProcess(t, {
      SOKETI_HOST: '127.0.0.1',
      SOKETI_PORT: '0',
      SOKETI_APP_MANAGER_DRIVER: driver,
      SOKETI_APP_MANAGER_CACHE_ENABLED: 'true',
      SOKETI_APP_MANAGER_CACHE_TTL: '1',
      [`SOKETI_APP_MANAGER_${upper}_TABLE`]: name,
      [`SOKETI_DB_${upper}_HOST`]: '127.0.0.1',
      [`SOKETI_DB_${upper}_PORT`]: String(databases.port),
      [`SOKETI_DB_${upper}_USERNAME`]: databases.user,
      [`SOKETI_DB_${upper}_PASSWORD`]: PASSWORD,
      [`SOKETI_DB_${upper}_DATABASE`]: database.name,
    });
    const here = { ...server, app };
    const client = await assertInUse(t, here);
    await assertUnknown(t, { ...server, app: newApp() });
    await database.execute(`UPDATE ${name} SET enabled = 0`);
    await client.states.waitFor((state) => state === 'disconnected', 'the end');
    await answers(here, 403);
  },

  async 'a server starts with a password that is wrong'(t, databases) {
    const url = databases.url('postgres', 'hunter2-that-is-wrong');
    await assertWaits(t, url, [MAIN]);
  },

  async 'a server starts with a database that is down'(t, databases) {
    await assertWaits(t, databases.url('x').replace(`:${databases.port}/`, ':1/'), [MAIN]);
  },

  async 'a server starts with a database that says nothing'(t, databases) {
    const silent = net.createServer(() => {});
    await new Promise((ready) => silent.listen(0, '127.0.0.1', ready));
    const sockets = new Set();
    silent.on('connection', (socket) => sockets.add(socket.on('error', () => {})));
    defer(t, () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((done) => silent.close(done));
    });
    const url = databases.url('x').replace(`:${databases.port}/`, `:${silent.address().port}/`);
    const server = await assertWaits(t, url, [MAIN]);
    const isLate = ({ fields }) => fields?.error?.includes('has not answered within 2 seconds');
    assert.ok(server.process.logs.some(isLate));
  },
};

/** A server runs without its database, and tells nobody what it knows of it. */
async function assertWaits(t, url, apps) {
  const server = await startOn(t, url, { apps });
  await assertUnsure(t, server.of(newApp()));
  await assertInUse(t, server);
  for (const target of ['/', '/ready']) assert.equal((await send(server, { target })).status, 200);
  const isTold = ({ fields }) => fields?.message === STAY;
  assert.ok(server.process.logs.some(isTold), server.process.stderr);
  return server;
}

/** The binary with nothing but its environment; the one flag is for the log that is read. */
async function startProcess(t, env) {
  const process = new Process(['--log-format', 'json'], { env });
  defer(t, async () => {
    await process.end();
    process.assertHealthy();
    assertKeepsSecrets(process);
  });
  const line = await process.logged('listening');
  const [host, port] = hostAndPort(line.fields.address);
  return { process, server: { host, port, prefix: '' } };
}

/** Nothing else may be asked of these databases meanwhile. */
async function outage(t, databases) {
  const database = await databases.fresh();
  const server = await startWithTables(t, database);
  const [known, other] = [newApp(), newApp()];
  for (const app of [known, other]) await insert(database, { ...app, client_events: true });
  const here = server.of(known);
  const clients = [];
  for (const transport of TRANSPORTS) {
    const client = await open(t, here, { transport });
    await client.subscribe('private-kept');
    clients.push(client);
  }
  await databases.stop();
  const assertLives = async () => {
    await publish(here, { name: 'e', channel: 'private-kept' });
    for (const client of clients) await client.expect('e', 'private-kept');
    clients[0].sendClientEvent('private-kept', 'client-x', {});
    for (const client of clients.slice(1)) await client.expect('client-x', 'private-kept');
    await assertInUse(t, here);
    for (const path of ['/', '/ready']) {
      assert.equal((await send(server, { target: path })).status, 200);
    }
  };
  await assertLives();
  for (const app of [other, newApp()]) await assertUnsure(t, server.of(app));
  await server.process.logged(STAY);
  await assertLives();
  const waiting = pusherJs.create(t, server.of(other));
  const error = await waiting.errors.next('why');
  assert.equal(error.data?.code ?? error.error?.data?.code, 4100, JSON.stringify(error));

  await databases.start();
  await server.process.logged('the database of apps answers again');
  await waiting.states.waitFor((state) => state === 'connected', 'pusher-js to connect');
  await answers(server.of(other), 200);
  await assertLives();
  await update(database, known, { enabled: 0 });
  for (const client of clients) assert.equal((await client.waitForClose()).code, 4003);
  await assertUnknown(t, server.of(newApp()));
}

describe('apps in databases', { concurrency: true }, () => {
  for (const kind of DATABASES) {
    test(`apps in ${kind.name}: all of it`, { ...OWN_SERVER, concurrency: 4 }, async (t) => {
      const databases = await kind.start(t);
      const cases = { ...CASES, ...(kind.isServer ? CASES_OF_SERVERS : {}) };
      const run = ([name, body]) => {
        const title = `apps in ${kind.name}: ${name}`;
        return t.test(title, (t) => body(t, databases, kind));
      };
      await Promise.all(Object.entries(cases).map(run));
      if (kind.isServer) await run(['one that stops stops nobody', outage]);
    });
  }
});

for (const url of ['redis://me:hunter2@127.0.0.1/apps', 'postgres://me:hunter2@127.0.0.1:x/apps']) {
  const scheme = url.split(':')[0];
  test(`apps in databases: a URL of ${scheme} that is wrong is refused`, OWN_SERVER, async () => {
    const env = { FOGHORN_DATABASE_URL: url, FOGHORN_PORT: '0', FOGHORN_METRICS_PORT: '0' };
    const { code, stderr } = await run(['serve'], { env });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /database\.url|FOGHORN_DATABASE_URL/);
    assert.doesNotMatch(stderr, /hunter2/);
  });
}
