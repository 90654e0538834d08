// What an app is to those who use it: there, gone, or not for them.

import assert from 'node:assert/strict';

import { assertFailed, get } from './http.mjs';
import { sdkFor } from './node-sdk.mjs';
import * as pusherJs from './pusherjs.mjs';
import { dial } from './raw.mjs';

/** A client of pusher-js, which asks for the key, meets the Node SDK, which asks for the id. */
export async function assertInUse(t, server) {
  const client = await pusherJs.connect(t, server);
  const channel = await pusherJs.subscribe(client, 'greetings');
  await sdkFor(server).trigger('greetings', 'greet', { n: 1 });
  const { data } = await channel.events.waitFor((e) => e.event === 'greet', 'the event');
  assert.deepEqual(data, { n: 1 });
  return client;
}

/** Somebody who connects now is sent away with this code; gives the reason. */
export async function assertNotLetIn(t, server, code, transport) {
  const client = dial(t, server, { transport });
  const told = await client.waitForClose();
  assert.equal(told.code, code, told.reason);
  return told.reason;
}

/** Neither clients nor back ends find the app. */
export async function assertUnknown(t, server) {
  await assertNotLetIn(t, server, 4001);
  assertFailed(await get(server, '/channels'), 404);
}
