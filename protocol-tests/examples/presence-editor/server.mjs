// Documents that several people edit at the same time, and who they are.

import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import express from 'express';
import Pusher from 'pusher';

import { Documents } from './documents.mjs';

const CHANNEL_PREFIX = 'presence-document-';
const COLOURS = ['#4f5bd5', '#12946a', '#cf3a4c', '#b7791f', '#0e8fa8', '#9b4dca'];

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

const documents = new Documents();
/** Who has come in: what the browser's cookie says → `{ id, name, colour }`. */
const editors = new Map();

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const app = express();
app.use(express.static(file('public')));
app.use(express.json(), express.urlencoded());
app.use((request, _, next) => {
  request.body ??= {};
  request.editor = editors.get(/(?:^|; )editor=([\w-]+)/.exec(request.headers.cookie)?.[1]);
  next();
});

app.get('/look.css', (_, response) => response.sendFile(file('../look.css')));
app.get('/pusher.js', (_, response) => {
  response.sendFile(fileURLToPath(import.meta.resolve('pusher-js/dist/web/pusher.min.js')));
});
// What pusher-js needs. The secret stays here.
app.get('/settings', (_, response) => {
  response.json({ key, host, port, channelPrefix: CHANNEL_PREFIX });
});

// A real application has accounts; here it is enough to say a name.
app.post('/join', (request, response) => {
  const name = String(request.body.name ?? '').trim().slice(0, 40);
  if (name === '') return response.sendStatus(400);
  const [session, id] = [randomUUID(), randomUUID()];
  editors.set(session, { id, name, colour: COLOURS[editors.size % COLOURS.length] });
  response.cookie('editor', session, { httpOnly: true, sameSite: 'strict' });
  response.sendStatus(204);
});

app.use((request, response, next) => (request.editor ? next() : response.sendStatus(401)));

app.get('/me', (request, response) => response.json(request.editor));

// pusher-js asks this before it subscribes. What is signed here is what the others get to see, so
// nobody can pass for somebody else.
app.post('/pusher/auth', (request, response) => {
  const { socket_id: socketId, channel_name: channel } = request.body;
  if (!channel?.startsWith(CHANNEL_PREFIX)) return response.sendStatus(403);
  const { id, name, colour } = request.editor;
  const member = { user_id: id, user_info: { name, colour } };
  response.json(foghorn.authorizeChannel(socketId, channel, member));
});

app.get('/documents/:name', (request, response) => {
  response.json(documents.get(request.params.name));
});

// Takes a new text only from somebody who has seen the one before it; the page merges and retries.
app.put('/documents/:name', async (request, response) => {
  const { name } = request.params;
  const { version, text, socketId } = request.body;
  if (typeof text !== 'string') return response.sendStatus(400);
  if (!documents.fits(text)) return response.sendStatus(413);
  const changed = documents.put(name, version, text);
  if (!changed) return response.status(409).json(documents.get(name));
  response.json({ version: changed.version });
  try {
    // The author has the text already: `socket_id` leaves that one connection out.
    const options = { socket_id: socketId };
    await foghorn.trigger(`${CHANNEL_PREFIX}${name}`, 'document.changed', changed, options);
  } catch (error) {
    console.warn(`nobody was told of version ${changed.version}: ${error.status ?? error.error}`);
  }
});

const listener = app.listen(Number(env.PORT ?? 3003), '127.0.0.1', () => {
  console.log(`Presence editor on http://127.0.0.1:${listener.address().port}`);
});
