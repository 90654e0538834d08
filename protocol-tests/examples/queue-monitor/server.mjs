// The counters of a made-up job queue, sent twice a second.

import { setInterval } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import express from 'express';
import Pusher from 'pusher';

import { Queue } from './queue.mjs';

const CHANNEL = 'queue-monitor';
const EVENT = 'counters.updated';
const MS_BETWEEN_UPDATES = 500;

const { env } = process;
const host = env.PUSHER_HOST ?? '127.0.0.1';
const port = Number(env.PUSHER_PORT ?? 6001);
const key = env.PUSHER_APP_KEY ?? 'app-key';

const foghorn = new Pusher({
  appId: env.PUSHER_APP_ID ?? 'app-id',
  key,
  secret: env.PUSHER_APP_SECRET ?? 'app-secret',
  // Without these the SDK would call the hosted service.
  host,
  port,
  useTLS: false,
});

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const app = express();
app.use(express.static(file('public')));
app.get('/look.css', (_, response) => response.sendFile(file('../look.css')));
app.get('/pusher.js', (_, response) => {
  response.sendFile(fileURLToPath(import.meta.resolve('pusher-js/dist/web/pusher.min.js')));
});
// What pusher-js needs. The secret stays here.
app.get('/settings', (_, response) => {
  response.json({ key, host, port, channel: CHANNEL, event: EVENT });
});

const listener = app.listen(Number(env.PORT ?? 3005), '127.0.0.1', () => {
  console.log(`Queue monitor on http://127.0.0.1:${listener.address().port}`);
});

const queue = new Queue();
let reachable = true;
for await (const _ of setInterval(MS_BETWEEN_UPDATES)) {
  const counters = queue.work();
  try {
    await foghorn.trigger(CHANNEL, EVENT, counters);
    if (!reachable) console.log('updates get through again');
    reachable = true;
  } catch (error) {
    // Counters are only worth sending now: the next update says all that this one would have.
    if (reachable) console.warn(`updates do not get through: ${error.status ?? error.error}`);
    reachable = false;
  }
}
