// pusher-js in its Node build, as an application would set it up.

import PusherJs from 'pusher-js';

import { addressOf } from './address.mjs';
import { defer } from './defer.mjs';
import { Inbox } from './inbox.mjs';

// Its WebSocket waits for the end once more when it is closed after its end, and keeps the tests
// waiting for half a minute.
const CLOSED = 3;
const { createWebSocket } = PusherJs.Runtime;
PusherJs.Runtime.createWebSocket = (url) => {
  const socket = createWebSocket.call(PusherJs.Runtime, url);
  const close = socket.close.bind(socket);
  socket.close = (...why) => (socket.readyState === CLOSED ? undefined : close(...why));
  return socket;
};

/**
 * A client on its way. `authorize(socketId, channel)` stands for the application's auth endpoint:
 * it gives what that would answer, or throws.
 */
export function create(t, server, authorize = refuseAll, options = {}) {
  const client = new PusherJs(server.app.key, {
    ...addressOf(server),
    enabledTransports: ['ws'],
    channelAuthorization: { customHandler: (request, done) => answer(authorize, request, done) },
    ...options,
  });
  defer(t, () => client.disconnect());
  client.states = new Inbox('states of pusher-js');
  client.errors = new Inbox('errors of pusher-js');
  client.connection.bind('state_change', ({ current }) => client.states.push(current));
  client.connection.bind('error', (error) => client.errors.push(error));
  return client;
}

/** The same, once it is connected. */
export async function connect(t, server, authorize, options) {
  const client = create(t, server, authorize, options);
  await client.states.waitFor((state) => state === 'connected', 'pusher-js to connect');
  return client;
}

async function answer(authorize, { socketId, channelName }, done) {
  try {
    done(null, await authorize(socketId, channelName));
  } catch (error) {
    done(error, null);
  }
}

function refuseAll(_, channel) {
  throw new Error(`no authoriser for ${channel}`);
}

/** Subscribes; gives the channel with everything it emits in `events`, and what success brought. */
export async function subscribe(client, name) {
  const channel = listen(client, name);
  const succeeded = 'pusher:subscription_succeeded';
  const { data } = await channel.events.waitFor((e) => e.event === succeeded, succeeded);
  channel.succeededWith = data;
  return channel;
}

/** Subscribes without waiting for the outcome. */
export function listen(client, name) {
  const channel = client.subscribe(name);
  channel.events = new Inbox(`events of ${name} at pusher-js`);
  // The third parameter is the metadata of client events.
  channel.bind_global((event, data) => channel.events.push({ event, data }));
  return channel;
}
