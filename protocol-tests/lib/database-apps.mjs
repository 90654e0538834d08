// Apps in databases, and servers that look for them there.

import assert from 'node:assert/strict';

import { defer } from './defer.mjs';
import { assertFailed, get } from './http.mjs';
import { Server } from './server.mjs';
import { PASSWORD } from './databases.mjs';

let numbers = 0;

/** An app that nobody else has. Its secret must never be read in a log. */
export function newApp() {
  const number = ++numbers;
  return { id: `${1000 + number}`, key: `key-${number}`, secret: `hunter2-of-app-${number}` };
}

/** Writes an app into the server's own tables, which are there: what is said besides, in JSON. */
export async function insert(database, { id, key, secret, enabled = 1, ...settings }) {
  // Nobody finds a key whose app is not there yet.
  await insertKey(database, id, { key, secret });
  const sql = 'INSERT INTO foghorn_apps (id, settings, enabled) VALUES (?, ?, ?)';
  await database.execute(sql, [id, JSON.stringify(settings), enabled]);
}

export function insertKey(database, id, { key, secret, ordinal = 1 }) {
  const columns = 'app_key, app_id, secret, enabled, ordinal';
  const sql = `INSERT INTO foghorn_app_keys (${columns}) VALUES (?, ?, ?, 1, ?)`;
  return database.execute(sql, [key, id, secret, ordinal]);
}

/** Changes the columns of an app's row. */
export function update(database, { id }, columns) {
  const names = Object.keys(columns).map((name) => `${name} = ?`);
  const sql = `UPDATE foghorn_apps SET ${names.join(', ')} WHERE id = ?`;
  return database.execute(sql, [...Object.values(columns), id]);
}

/**
 * A server of a test's own with the apps of a database, as `more` says; it believes nothing for
 * longer than a second. What it logs must hold no secrets.
 */
export async function startOn(t, url, { database = {}, sections = {}, apps = [], ...more } = {}) {
  const soon = { cache_ttl: 1, negative_ttl: 1 };
  const server = new Server({
    ...{ apps, ...more },
    sections: { ...sections, database: { url, ...soon, ...database } },
  });
  await server.start();
  defer(t, async () => {
    await server.stop();
    assertKeepsSecrets(server.process);
  });
  return Object.assign(server, { of: (app) => at(server, app) });
}

/** The same with the server's own tables, which are made by the first question. */
export async function startWithTables(t, database, options) {
  const server = await startOn(t, database.url, options);
  assertFailed(await get(server.of({ ...newApp(), id: 'nobody' }), '/channels'), 404);
  return server;
}

/** A server as somebody sees it who has credentials of this app; it may have restarted since. */
const at = (server, app) => Object.assign(Object.create(server), { app });

export function assertKeepsSecrets({ stdout, stderr }) {
  for (const secret of [PASSWORD, 'hunter2']) {
    assert.ok(!`${stdout}${stderr}`.includes(secret), `a secret: ${stderr}`);
  }
}
