// The tables of `docs/compatibility.md` say what the tests show, no more and no less.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { FEATURES, featuresOf } from '../clients/features.mjs';
import { ECHO, LIVE_SDKS, PUSHER_JS, PYSHER } from '../clients/live.mjs';
import { RECORDED } from '../clients/recorded.mjs';
import { CALLS, RECORDED_SDKS, callsOf } from '../clients/sdks.mjs';
import { TRANSPORTS, addressOf } from '../lib/address.mjs';

const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
const doc = read('../../docs/compatibility.md');

const LIVE = '●';
const REPLAYED = '○';
const IMPOSSIBLE = '–';

/** The rows of the table with this first column, as lists of cells, head included. */
function table(first) {
  const lines = doc.split('\n');
  const from = lines.findIndex((line) => line.startsWith(`| ${first} |`));
  assert.ok(from >= 0, `docs/compatibility.md needs a table of ${first}s`);
  const to = lines.findIndex((line, at) => at > from && !line.startsWith('|'));
  return lines.slice(from, to).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((c) => c.trim()),
  );
}

function expected(first, columns, able, groups) {
  const row = (mark) => (kind) => [
    kind.name,
    kind.version,
    ...columns.map((column) => (able(kind).includes(column) ? mark : IMPOSSIBLE)),
  ];
  const rows = groups.flatMap(([kinds, mark]) => kinds.map(row(mark)));
  return [[first, 'Version', ...columns], ...rows];
}

const withoutRule = ([head, , ...rows]) => [head, ...rows];

test('compatibility: the table of clients is what the tests show', () => {
  const live = [...PUSHER_JS, ECHO, PYSHER];
  const groups = [
    [live, LIVE],
    [RECORDED, REPLAYED],
  ];
  const rows = expected('Client', FEATURES, featuresOf, groups);
  assert.deepEqual(withoutRule(table('Client')), rows);
});

test('compatibility: the table of server SDKs is what the tests show', () => {
  const groups = [
    [LIVE_SDKS, LIVE],
    [RECORDED_SDKS, REPLAYED],
  ];
  assert.deepEqual(withoutRule(table('SDK')), expected('SDK', CALLS, callsOf, groups));
});

const recorded = RECORDED.map((client) => ({ ...client, tests: 'clients-recorded.test.mjs' }));
const sdks = [...LIVE_SDKS, ...RECORDED_SDKS];

for (const [kinds, ableTo, tests] of [
  ...[...PUSHER_JS, ECHO, PYSHER, ...recorded].map((kind) => [[kind], featuresOf, kind.tests]),
  [sdks, callsOf, 'clients-sdks.test.mjs'],
]) {
  const who = kinds.map(({ name }) => name).join(', ');
  test(`compatibility: every mark of ${who} has its test`, () => {
    const source = read(tests);
    assert.match(source, /test\((callT|t)itleOf\(/, `${tests} names its tests by the table`);
    for (const what of new Set(kinds.flatMap(ableTo))) {
      assert.match(source, scenario(what), `${tests} needs a scenario for "${what}"`);
    }
  });
}

/** A member of an object: a method, or a value. */
const scenario = (name) => new RegExp(`^  (async )?'?${name}'?(\\(|:)`, 'm');

/** Other places of the page that name tests of ours. */
test('compatibility: the test files that are named exist', () => {
  for (const [, name] of doc.matchAll(/`tests\/([\w-]+)`/g)) read(`${name}.test.mjs`);
});

/** The options of the first `new Pusher` of a text. */
function optionsIn(text) {
  const [, body] = /new Pusher\("[^"]*", (\{\n.*?\n\})\)/s.exec(text);
  return Function(`return ${body}`)();
}

for (const path of ['../../README.md', '../../docs/fallback.md']) {
  test(`compatibility: ${path.slice(6)} shows all the options that the tests use`, () => {
    const options = optionsIn(read(path));
    const { wsPath: _, httpPath: __, ...address } = addressOf({ host: 'a', port: 1 });
    for (const name of Object.keys(address)) assert.ok(name in options, name);
    assert.equal(options.httpHost, options.wsHost);
    assert.deepEqual(
      [options.httpPort, options.httpsPort, options.enableStats],
      [options.wsPort, options.wssPort, false],
    );
    assert.deepEqual(options.enabledTransports, TRANSPORTS);
  });
}
