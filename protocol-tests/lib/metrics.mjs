// What a server says about itself at its metrics listener.

import assert from 'node:assert/strict';

import { send } from './http.mjs';
import { PATIENCE_MS } from './inbox.mjs';

/** One scrape. */
export class Metrics {
  static async scrape({ metricsHost: host, metricsPort: port }) {
    const { status, headers, text } = await send({ host, port }, { target: '/metrics' });
    assert.equal(status, 200);
    assert.match(headers['content-type'], /^text\/plain/);
    return new Metrics(text);
  }

  constructor(text) {
    this.text = text;
  }

  /** The value of the one series that has all these labels, or `undefined`. */
  value(name, labels = {}) {
    const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
    const isNamed = (l) => l.startsWith(`${name}{`) || l.startsWith(`${name} `);
    const lines = this.text.split('\n').filter(isNamed);
    const found = lines.filter((l) => wanted.every((label) => l.includes(label)));
    assert.ok(found.length <= 1, `${name} ${wanted}: several series: ${found.join('; ')}`);
    return found.length === 0 ? undefined : Number(found[0].split(' ').at(-1));
  }
}

/**
 * Scrapes until the series have the expected values, given as `[name, labels, value]`: what has
 * just been written to a client is counted a moment after the client has it.
 */
export async function assertMetrics(server, expected) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const metrics = await Metrics.scrape(server);
    const found = expected.map(([name, labels]) => [name, labels, metrics.value(name, labels)]);
    const wrong = found.some(([, , value], at) => value !== expected[at][2]);
    if (!wrong) return metrics;
    if (Date.now() > deadline) assert.deepEqual(found, expected);
  }
}
