// Takes webhooks, and tells at /online who is where.

import express from 'express';
import Pusher from 'pusher';

import { Online } from './online.mjs';

const { env } = process;
const foghorn = new Pusher({
  appId: env.PUSHER_APP_ID ?? 'app-id',
  key: env.PUSHER_APP_KEY ?? 'app-key',
  secret: env.PUSHER_APP_SECRET ?? 'app-secret',
  // Only sent to when something is published, which this application does not do.
  host: env.PUSHER_HOST ?? '127.0.0.1',
  port: Number(env.PUSHER_PORT ?? 6001),
  useTLS: false,
});

const online = new Online();
const app = express();

// The bytes as they came: what has been parsed and written again has another signature.
const raw = express.raw({ type: 'application/json', limit: '10mb' });
app.post('/webhooks', raw, (request, response) => {
  const { headers, body } = request;
  const webhook = foghorn.webhook({ headers, rawBody: body?.toString() });
  if (!webhook.isValid()) {
    response.status(401).json({ error: 'not signed by Foghorn' });
    return;
  }
  online.take(webhook.getTime().getTime(), webhook.getEvents());
  // Anything but 2xx, and it comes again.
  response.status(204).end();
});

app.get('/online', (_, response) => {
  response.json(online.channels());
});

const listener = app.listen(Number(env.PORT ?? 3007), '127.0.0.1', () => {
  console.log(`Webhooks at http://127.0.0.1:${listener.address().port}/webhooks`);
});
