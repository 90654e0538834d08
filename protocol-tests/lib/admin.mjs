// The admin API: servers that have it, and requests to it.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { deferToEnd } from './defer.mjs';
import { send } from './http.mjs';

export const TOKEN = 'adm1n-t0ken-5f4e3d2c1b0a';

/** Sections of a configuration with the admin API, and with a database of this file's own. */
export function adminSections(webhooks = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'protocol-tests-'));
  deferToEnd(() => rmSync(folder, { recursive: true, force: true }));
  return {
    admin: { token: TOKEN },
    database: { url: `sqlite://${join(folder, 'apps.db')}` },
    webhooks: { store: 'memory', ...webhooks },
  };
}

/** The private listener of a server. */
export const privateUrl = ({ metricsHost, metricsPort }) => `http://${metricsHost}:${metricsPort}`;

/** A request to the admin API; `path` is below `/admin/v1`, `token` may be another, or null. */
export async function admin(server, method, path, body, { token = TOKEN } = {}) {
  const response = await send(
    { host: server.metricsHost, port: server.metricsPort },
    {
      method,
      target: `/admin/v1${path}`,
      headers: token === null ? {} : { Authorization: `Bearer ${token}` },
      body: body === undefined ? undefined : JSON.stringify(body),
    },
  );
  return { ...response, json: response.text === '' ? undefined : JSON.parse(response.text) };
}

/** The same, where it must succeed with this status. */
export async function done(server, status, method, path, body) {
  const response = await admin(server, method, path, body);
  assert.equal(response.status, status, response.text);
  return response.json;
}

/** The same, where it must be refused; gives the answer's body. */
export async function refused(server, status, method, path, body) {
  const response = await admin(server, method, path, body);
  assert.equal(response.status, status, response.text);
  assert.equal(response.json.code, status);
  return response.json;
}

/** All entries of a list, page by page; and how many pages that took. */
export async function allOf(server, path, list, limit) {
  const entries = [];
  let next = null;
  let pages = 0;
  do {
    const mark = path.includes('?') ? '&' : '?';
    const after = next === null ? '' : `&after=${encodeURIComponent(next)}`;
    const page = await done(server, 200, 'GET', `${path}${mark}limit=${limit}${after}`);
    assert.ok(page[list].length <= limit);
    entries.push(...page[list]);
    next = page.next;
    pages += 1;
  } while (next !== null);
  return { entries, pages };
}
