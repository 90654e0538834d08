// `foghorn bench`, pointed at a server of the tests: counts, never times.

import assert from 'node:assert/strict';

import { Process } from './server.mjs';
import { target } from './tools.mjs';

/** Starts a scenario. */
export function start(server, scenario, more, app = server.app) {
  return new Process(['bench', scenario, ...target(server, app), '--json', ...more]);
}

/** Its result. Nothing may be lost, whatever the load. */
export async function result(bench) {
  const { code } = await bench.exited;
  assert.equal(code, 0, `${bench.stdout}${bench.stderr}`);
  const found = JSON.parse(bench.stdout);
  const { lost = 0, duplicated = 0, reordered = 0 } = found;
  assert.deepEqual({ lost, duplicated, reordered }, { lost: 0, duplicated: 0, reordered: 0 });
  return found;
}

/** Runs a scenario to its end. */
export const bench = async (...what) => result(start(...what));
