// A megabyte of events at once: several times what one streaming response holds.

import assert from 'node:assert/strict';

/** A queue that takes all of it, since the publisher waits for nobody. */
export const ROOM = { send_queue_bytes: 8 * 1024 * 1024 };

/** Text whose UTF-16 units, bytes and characters are three different numbers. */
export const TEXT = 'Grüße 🐦 aus Zürich, 東京! '.repeat(100);

const EVENTS = 320;
const BATCH = 10;

assert.ok(Buffer.byteLength(TEXT) * EVENTS > 1024 * 1024);

/** Publishes them as fast as it goes, named by their number. */
export async function publishBurst(channel, sdk) {
  for (let first = 0; first < EVENTS; first += BATCH) {
    const events = Array.from({ length: BATCH }, (_, n) => ({
      name: String(first + n),
      channel,
      data: { n: first + n, text: TEXT },
    }));
    await sdk.triggerBatch(events);
  }
}

/** All of them arrive at pusher-js, in order, and no error comes in between. */
export async function expectBurst(client, channel) {
  for (let n = 0; n < EVENTS; n += 1) {
    const next = await client.expect(`event ${n}`, (e) => /^\d+$/.test(e.event) || e.error);
    assert.deepEqual(next, { channel, event: String(n), data: { n, text: TEXT } });
  }
}
