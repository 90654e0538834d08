// Notifications for one user, on all of their tabs, and the end of them on log-out.

import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import express from 'express';
import Pusher from 'pusher';

const EVERYBODY = 'private-announcements';
/** A real application has passwords. */
const ACCOUNTS = new Map([
  ['anna', { id: 'anna', name: 'Anna Albrecht' }],
  ['ben', { id: 'ben', name: 'Ben Okafor' }],
  ['zoe', { id: 'zoe', name: 'Zoë Marin' }],
]);

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

/** What a browser's cookie says → whose it is. */
const sessions = new Map();

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const app = express();
app.use(express.static(file('public')));
app.use(express.json(), express.urlencoded());
app.use((request, _, next) => {
  request.body ??= {};
  request.user = sessions.get(/(?:^|; )session=([\w-]+)/.exec(request.headers.cookie)?.[1]);
  next();
});

app.get('/look.css', (_, response) => response.sendFile(file('../look.css')));
app.get('/pusher.js', (_, response) => {
  response.sendFile(fileURLToPath(import.meta.resolve('pusher-js/dist/web/pusher.min.js')));
});
// What pusher-js needs. The secret stays here.
app.get('/settings', (_, response) => {
  response.json({ key, host, port, channel: EVERYBODY, accounts: [...ACCOUNTS.values()] });
});

app.post('/login', (request, response) => {
  const user = ACCOUNTS.get(request.body.user);
  if (!user) return response.sendStatus(403);
  const session = randomUUID();
  sessions.set(session, user);
  response.cookie('session', session, { httpOnly: true, sameSite: 'strict' });
  response.sendStatus(204);
});

app.use((request, response, next) => (request.user ? next() : response.sendStatus(401)));

app.get('/me', (request, response) => response.json(request.user));

// pusher-js asks this when the page calls `signin()`: the server learns whose connection it is.
app.post('/pusher/user-auth', (request, response) => {
  const { id, name } = request.user;
  response.json(foghorn.authenticateUser(request.body.socket_id, { id, user_info: { name } }));
});

// And this before it subscribes to a private channel.
app.post('/pusher/auth', (request, response) => {
  const { socket_id: socketId, channel_name: channel } = request.body;
  if (channel !== EVERYBODY) return response.sendStatus(403);
  response.json(foghorn.authorizeChannel(socketId, channel));
});

app.post('/notify', async (request, response) => {
  const { to, text } = request.body;
  const event = { from: request.user.name, text: String(text).slice(0, 500), at: Date.now() };
  if (to === 'everybody') await foghorn.trigger(EVERYBODY, 'announcement', event);
  else if (ACCOUNTS.has(to)) await foghorn.sendToUser(to, 'notification', event);
  else return response.sendStatus(404);
  response.sendStatus(204);
});

// Everywhere at once. First the sessions, so that no tab can sign in again; then the connections.
app.post('/logout', async (request, response) => {
  for (const [session, user] of sessions) {
    if (user === request.user) sessions.delete(session);
  }
  await foghorn.terminateUserConnections(request.user.id);
  response.sendStatus(204);
});

const listener = app.listen(Number(env.PORT ?? 3004), '127.0.0.1', () => {
  console.log(`Notifications on http://127.0.0.1:${listener.address().port}`);
});
