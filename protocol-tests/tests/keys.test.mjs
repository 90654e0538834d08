// Several pairs of credentials of one app: how secrets are replaced without an interruption.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { appPath, assertFailed, assertOk, call } from '../lib/http.mjs';
import { assertRefused, dial, open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { overEach } from '../lib/transports.mjs';
import { assertNoSignin, requestSignin, signIn, signinData } from '../lib/users.mjs';

const OLD = { key: 'kold0c1b2a394855', secret: 's3cr3t-old-8e7d6c5b' };
const NEW = { key: 'knew0c1b2a394855', secret: 's3cr3t-new-8e7d6c5b' };
const OFF = { key: 'koff0c1b2a394855', secret: 's3cr3t-off-8e7d6c5b', enabled: false };

const ID = '4646';
const server = useServer({ apps: [{ id: ID, client_events: true, keys: [OLD, NEW, OFF] }] });

const as = (pair) => ({ id: ID, ...pair });
const name = (pair) => ({ [OLD.key]: 'old', [NEW.key]: 'new', [OFF.key]: 'disabled' })[pair.key];

/** Publishes to a channel in the name of a pair. */
function publish(pair, channel) {
  const path = appPath(server, '/events', as(pair));
  const body = { name: 'e', channel, data: JSON.stringify(name(pair)) };
  return call(server, { method: 'POST', path, app: as(pair), body });
}

for (const connecting of [OLD, NEW]) {
  for (const signing of [OLD, NEW]) {
    const who = `connected with the ${name(connecting)} pair, signed with the ${name(signing)} one`;
    overEach(`protocol 5: ${who}`, OWN_SERVER, async (t) => {
      const client = await open(t, server, { app: as(connecting) });
      client.app = as(signing);
      const suffix = `keys-${name(connecting)}-${name(signing)}`;
      for (const channel of [`private-${suffix}`, `presence-${suffix}`]) {
        const member = channel.startsWith('presence-') ? { user_id: 'u' } : undefined;
        await client.subscribe(channel, member);
        assertOk(await publish(signing, channel));
        await client.expect('e', channel);
      }
    });
  }
}

overEach('protocol 5: clients of all pairs are on the same channel', OWN_SERVER, async (t) => {
  const channel = 'private-keys-shared';
  const left = await open(t, server, { app: as(OLD) });
  const right = await open(t, server, { app: as(NEW) });
  await left.subscribe(channel);
  await right.subscribe(channel);
  left.sendClientEvent(channel, 'client-x', {});
  await right.expect('client-x', channel);
  for (const pair of [OLD, NEW]) {
    assertOk(await publish(pair, channel));
    for (const client of [left, right]) await client.expect('e', channel);
  }
});

overEach('protocol 5: a key with the secret of another pair is refused', OWN_SERVER, async (t) => {
  const mixed = { key: OLD.key, secret: NEW.secret };
  const client = await open(t, server, { app: as(OLD) });
  const channel = 'private-keys-mixed';
  client.app = as(mixed);
  assertRefused(await client.request({ channel, auth: client.auth(channel) }), channel);
  assertFailed(await publish(mixed, channel), 401);
});

overEach('protocol 2: nobody connects with a disabled pair', OWN_SERVER, async (t) => {
  const client = dial(t, server, { app: as(OFF) });
  const { code } = await client.waitForClose();
  assert.equal(code, 4001);
  assert.deepEqual(client.inbox.drain(), []);
});

overEach('protocol 5: no subscription is signed with a disabled pair', OWN_SERVER, async (t) => {
  const client = await open(t, server, { app: as(OLD) });
  client.app = as(OFF);
  const data = JSON.stringify({ user_id: 'u' });
  for (const [channel, channelData] of [
    ['private-keys-off', undefined],
    ['presence-keys-off', data],
  ]) {
    const auth = client.auth(channel, channelData);
    assertRefused(await client.request({ channel, auth, channel_data: channelData }), channel);
  }
});

overEach('protocol 13: users sign in with each pair but a disabled one', OWN_SERVER, async (t) => {
  for (const pair of [OLD, NEW]) {
    const client = await open(t, server, { app: as(OLD) });
    client.app = as(pair);
    await signIn(client, { id: 'u-keys' });
  }
  const client = await open(t, server, { app: as(OLD) });
  for (const pair of [OFF, { key: OLD.key, secret: NEW.secret }]) {
    client.app = as(pair);
    assertNoSignin(await requestSignin(client, signinData(client, { id: 'u-keys' })));
  }
});

test('http 1: no request is signed with a disabled pair', OWN_SERVER, async () => {
  assertFailed(await publish(OFF, 'keys-off'), 401);
  assertOk(await publish(NEW, 'keys-off'));
});
