// Users signing in, as a client does after it has asked its application.

import assert from 'node:assert/strict';

import { open } from './raw.mjs';
import { userAuth } from './sign.mjs';

const textOf = (user) => (typeof user === 'string' ? user : JSON.stringify(user));

/** What the application answers: the user and its signature for this connection. */
export function signinData(client, user) {
  const text = textOf(user);
  return { auth: userAuth(client.app, client.socketId, text), user_data: text };
}

/** Sends a sign-in with exactly this; gives the answers. */
export async function requestSignin(client, data) {
  client.send({ event: 'pusher:signin', data });
  return client.settle();
}

/** Signs in; success must be the next message. */
export async function signIn(client, user) {
  const data = signinData(client, user);
  client.send({ event: 'pusher:signin', data });
  const { data: text } = await client.expect('pusher:signin_success');
  assert.deepEqual(JSON.parse(text), { user_data: data.user_data });
}

/** A new connection, signed in as the user with this id, or as this user. */
export async function openAs(t, server, user, options) {
  const client = await open(t, server, options);
  await signIn(client, typeof user === 'string' ? { id: user } : user);
  return client;
}

/** The pseudo channel of a user. */
export const channelOf = (id) => `#server-to-user-${id}`;

/** Checks that the answers refuse a sign-in, with the connection left open; gives the reason. */
export function assertNoSignin(answers) {
  assert.equal(answers.length, 1, JSON.stringify(answers));
  const [{ event, data }] = answers;
  assert.deepEqual([event, data.code], ['pusher:error', null], JSON.stringify(answers));
  return data.message;
}
