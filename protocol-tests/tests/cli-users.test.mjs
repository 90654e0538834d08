// The tools for users: signing in, hearing of others, events for one user, termination.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN } from '../lib/apps.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { ok, subscribe, target } from '../lib/tools.mjs';

const server = useServer();
const watched = useServer({ apps: [{ ...MAIN, watchlist_events: true }] });

const tools = (name, body) => test(`cli tools: ${name}`, body);

tools('a signed-in user is a member, gets events of their own, and is terminated', async (t) => {
  const signIn = ['--sign-in', 'tools-u', '--user-info', '{"nick":"Zoë"}'];
  const presence = await subscribe(t, server, ['presence-tools-o'], signIn);
  const [{ id }] = await ok(['channels', ...target(server), 'presence-tools-o', '--users']);
  assert.equal(id, 'tools-u');
  const [line] = await ok(['trigger', ...target(server), '--user', 'tools-u', 'greet', '"hi"']);
  assert.deepEqual(line, { event: 'greet', channels: { '#server-to-user-tools-u': {} } });
  const greeting = { event: 'greet', channel: '#server-to-user-tools-u', data: '"hi"' };
  assert.deepEqual(await presence.next('greet'), greeting);

  assert.deepEqual(await ok(['terminate', ...target(server), 'tools-u']), [
    { terminated: 'tools-u' },
  ]);
  assert.equal((await presence.child.exited).code, 1);
  assert.match(presence.child.stderr, /closed with 4009/);
});

const WATCHLIST = 'pusher_internal:watchlist_events';
const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

test('cli tools: a signed-in user hears who comes and goes', OWN_SERVER, async (t) => {
  const watching = ['--sign-in', 'watcher', '--watch', 'friend', '--watch', 'stranger'];
  const watcher = await subscribe(t, watched, ['tools-p'], watching);
  const friend = await subscribe(t, watched, ['tools-p'], ['--sign-in', 'friend']);
  const online = { name: 'online', user_ids: ['friend'] };
  const heard = async () => JSON.parse((await watcher.next(WATCHLIST)).data).events;
  while (!(await heard()).some((event) => isSame(event, online)));
  assert.deepEqual(await friend.child.end('SIGINT'), { code: 0, signal: null });
  const offline = { name: 'offline', user_ids: ['friend'] };
  while (!(await heard()).some((event) => isSame(event, offline)));
});
