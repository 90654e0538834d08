// `foghorn subscribe` as a client: what it says to a server, and what it does when it is sent away.
// The server is a stub, since a good one does not misbehave on demand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';

import { MAIN } from '../lib/apps.mjs';
import { defer } from '../lib/defer.mjs';
import { Inbox } from '../lib/inbox.mjs';
import { Process } from '../lib/server.mjs';
import { channelAuth, hmac } from '../lib/sign.mjs';

const tools = (name, body) => test(`cli tools: ${name}`, body);

/** Listens, and runs the tool against itself. */
async function stub(t, args) {
  const listener = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  const connections = new Inbox('connections to the stub');
  listener.on('connection', (socket, request) => {
    const inbox = new Inbox('messages to the stub');
    socket.on('message', (bytes) => inbox.push(JSON.parse(bytes.toString())));
    socket.on('close', (code) => inbox.end(`closed with ${code}`));
    connections.push({ socket, inbox, path: request.url });
  });
  await new Promise((resolve) => listener.once('listening', resolve));
  defer(t, () => listener.close());
  const { id, key, secret } = MAIN;
  const app = ['--app-id', id, '--key', key, '--secret', secret];
  const url = `http://127.0.0.1:${listener.address().port}/prefix`;
  const child = new Process(['subscribe', '--url', url, ...app, ...args]);
  defer(t, () => child.end('SIGKILL'));
  return { child, connections };
}

const SOCKET_ID = '52107.884321';

function say(socket, event, data, channel) {
  socket.send(JSON.stringify({ event, channel, data: JSON.stringify(data) }));
}

function greet(socket, activityTimeout = 120) {
  const data = { socket_id: SOCKET_ID, activity_timeout: activityTimeout };
  say(socket, 'pusher:connection_established', data);
}

tools('a client asks for its channels once it is greeted, and keeps in touch', async (t) => {
  const { connections } = await stub(t, ['private-a']);
  const { socket, inbox, path } = await connections.next();
  const query = '?protocol=7&client=foghorn-cli&version=';
  assert.ok(path.startsWith(`/prefix/app/${MAIN.key}${query}`), path);
  greet(socket, 1);
  const auth = channelAuth(MAIN, SOCKET_ID, 'private-a');
  const wanted = { event: 'pusher:subscribe', data: { channel: 'private-a', auth } };
  assert.deepEqual(await inbox.next(), wanted);
  say(socket, 'pusher:ping', {});
  assert.equal((await inbox.next()).event, 'pusher:pong');
  // Nothing is said for longer than agreed.
  assert.equal((await inbox.next()).event, 'pusher:ping');
});

tools('a user is signed in first', async (t) => {
  const { connections } = await stub(t, ['--sign-in', 'u-17', '--watch', 'u-18', 'presence-a']);
  const { socket, inbox } = await connections.next();
  greet(socket);
  const user_data = '{"id":"u-17","watchlist":["u-18"]}';
  const auth = `${MAIN.key}:${hmac(MAIN.secret, `${SOCKET_ID}::user::${user_data}`)}`;
  assert.deepEqual(await inbox.next(), { event: 'pusher:signin', data: { auth, user_data } });
  say(socket, 'pusher:signin_success', { user_data });
  const channels = [(await inbox.next()).data.channel, (await inbox.next()).data.channel];
  assert.deepEqual(channels, ['presence-a', '#server-to-user-u-17']);
});

tools('a client comes back unless the close code forbids it', async (t) => {
  const { child, connections } = await stub(t, ['a']);
  for (const code of [4200, 4100]) {
    const { socket, inbox } = await connections.next(`a connection to close with ${code}`);
    greet(socket);
    assert.equal((await inbox.next()).event, 'pusher:subscribe');
    socket.close(code, 'try again');
  }
  const { socket } = await connections.next('a connection to close with 4001');
  socket.close(4001, 'no such app');
  assert.deepEqual(await child.exited, { code: 1, signal: null });
  for (const code of [4200, 4100]) {
    assert.match(child.stderr, new RegExp(`closed with ${code}: try again; reconnecting in `));
  }
  assert.match(child.stderr, /closed with 4001: no such app\nhint: /);
});

tools('a refused subscription ends it, a mere warning does not', async (t) => {
  const { child, connections } = await stub(t, ['a']);
  const { socket, inbox } = await connections.next();
  greet(socket);
  await inbox.next();
  const error = (code, message) => {
    socket.send(JSON.stringify({ event: 'pusher:error', data: { code, message } }));
  };
  error(4302, 'watchlist too long');
  error(null, 'Presence channel a is full');
  assert.equal((await child.exited).code, 1);
  assert.match(child.stderr, /the server says: watchlist too long \(4302\)/);
  assert.match(child.stderr, /the server refuses: Presence channel a is full/);
});
