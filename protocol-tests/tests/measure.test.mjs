// The arithmetic of measure/compare.mjs, and the scenarios that it reads.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import {
  number,
  pick,
  remarks,
  report,
  spread,
  summarize,
  takesPart,
} from '../measure/figures.mjs';

const { scenarios } = JSON.parse(
  readFileSync(new URL('../measure/scenarios.json', import.meta.url), 'utf8'),
);
const SCENARIO = {
  name: 's',
  title: 'a scenario',
  floors: ['floor'],
  figures: [
    { at: 'server.cpu', unit: 'µs', ratio: 1.5 },
    { at: 'bytes', unit: 'bytes', most: 6000 },
  ],
};
const run = (server, cpu, bytes) => ({ server, round: 1, result: { server: { cpu }, bytes } });
const RUNS = [
  run('floor', 4, 100),
  run('ours', 7, 5000),
  run('floor', 2, 100),
  run('ours', 5, 5002),
  run('floor', 10, 100),
  { server: 'ours', round: 2, error: 'refused' },
];

test('measure: a figure is found by its path', () => {
  assert.equal(pick({ server: { cpu: 3 } }, 'server.cpu'), 3);
  assert.equal(pick({ server: { cpu: 'x' } }, 'server.cpu'), undefined);
  assert.equal(pick(undefined, 'server.cpu'), undefined);
});

test('measure: the median is in the middle, or between two', () => {
  assert.deepEqual(spread([10, 9, 2]), { median: 9, min: 2, max: 10 });
  assert.deepEqual(spread([4, 10]), { median: 7, min: 4, max: 10 });
  assert.equal(spread([]), undefined);
});

test('measure: ratios are between medians, and runs without a result do not count', () => {
  const [cpu] = summarize(SCENARIO, RUNS);
  assert.deepEqual(cpu.servers.floor, { values: [4, 2, 10], median: 4, min: 2, max: 10, ratio: 1 });
  assert.deepEqual(cpu.servers.ours, { values: [7, 5], median: 6, min: 5, max: 7, ratio: 1.5 });
  const [other] = summarize(SCENARIO, RUNS, 'ours');
  assert.equal(other.servers.ours.ratio, 1);
});

test('measure: a server that never gave a result has no median', () => {
  const [cpu] = summarize(SCENARIO, [run('floor', 4, 100), { server: 'ours', error: 'refused' }]);
  assert.deepEqual(cpu.servers.ours, { values: [] });
});

test('measure: loss, errors and a busy bench are told', () => {
  const lossy = { server: 'peer', round: 1, result: { lost: 3, duplicated: 0, reordered: 1 } };
  const busy = { server: 'peer', round: 2, result: { lost: 0, client: { busiest_share: 0.93 } } };
  assert.deepEqual(remarks([...RUNS, lossy, busy]), [
    'ours, round 2: refused',
    'peer, round 1: 3 lost, 1 reordered',
    'peer, round 2: the bench used 93 % of a core',
  ]);
});

test('measure: numbers have three digits that count', () => {
  assert.deepEqual([0.123, 4.006, 12.34, 152_600.4].map(number), [
    '0.12',
    '4.01',
    '12.3',
    '152,600',
  ]);
});

test('measure: a report has a row for each figure and has the remarks', () => {
  const text = report({
    date: '2026-11-21',
    machine: { cores: 2, cpu: 'CPU', system: 'Linux 6' },
    versions: { ours: 'ours 1' },
    rounds: 3,
    seconds: 10,
    servers: { floor: 'a', ours: 'b', absent: 'c' },
    summaries: [
      { scenario: SCENARIO, figures: summarize(SCENARIO, RUNS), remarks: remarks(RUNS) },
    ],
  });
  const rows = [
    '| Scenario | Unit | floor | ours | absent | Target |',
    '| --- | --- | --- | --- | --- | --- |',
    '| a scenario | µs | 4.00 (2.00–10.0) | 6.00 (5.00–7.00) · ×1.50 | – | ≤ 1.5 × floor |',
    '| a scenario | bytes | 100 (100–100) | 5,001 (5,000–5,002) · ×50.01 | – | ≤ 6,000 |',
  ];
  assert.ok(text.includes(rows.join('\n')), text);
  assert.ok(text.includes('* s: ours, round 2: refused'), text);
});

test('measure: of the floor only the variants take part that a scenario names', () => {
  const servers = ['floor', 'floor-auth', 'foghorn', 'floorboard'];
  assert.deepEqual(
    servers.filter((server) => takesPart(SCENARIO, server)),
    ['floor', 'foghorn', 'floorboard'],
  );
});

test('measure: every scenario has a name of its own and figures', () => {
  assert.equal(new Set(scenarios.map(({ name }) => name)).size, scenarios.length);
  for (const { name, title, bench, floors, figures } of scenarios) {
    assert.ok(title && bench && Array.isArray(floors) && figures.length > 0, name);
    for (const { at, unit, ratio, most } of figures) {
      assert.ok(at && unit && !(ratio && (most || floors.length === 0)), `${name}: ${at}`);
    }
  }
});
