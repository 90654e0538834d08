// The life of a session over HTTP, from request to request: fallback-transports.md §10 lines 3 and
// 6 to 9.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAIN, OTHER } from '../lib/apps.mjs';
import { defer } from '../lib/defer.mjs';
import { Session, messagesOf } from '../lib/fallback-session.mjs';
import { assertOk, get, post, publish } from '../lib/http.mjs';
import { until, within } from '../lib/inbox.mjs';
import { dial, open } from '../lib/raw.mjs';
import { OWN_SERVER, Server, useServer } from '../lib/server.mjs';
import { TRANSPORTS, over } from '../lib/transports.mjs';
import { openAs, signIn } from '../lib/users.mjs';

const CLIENT_EVENTS = { ...MAIN, client_events: true, client_events_per_second: -1 };
const apps = [CLIENT_EVENTS, OTHER];
const sections = (fallback) => ({ apps, sections: { fallback } });
const server = useServer(sections({ session_timeout: 60 }));
const lively = useServer(sections({ heartbeat: 1, session_timeout: 60 }));
const forgetful = useServer(sections({ session_timeout: 1 }));
/** An app for each, because sessions leave without a word. */
const CROWDED = {
  xhr_streaming: { ...MAIN, max_connections: 2 },
  xhr_polling: { ...OTHER, max_connections: 2 },
};
const crowded = useServer({ apps: Object.values(CROWDED) });

const HTTP = TRANSPORTS.filter((transport) => transport !== 'ws');
const WS = { transport: 'ws' };
const SUCCEEDED = 'pusher_internal:subscription_succeeded';
const KINDS = ['xhr_streaming', 'xhr'];

test('fallback 3: polling: what is said comes with the next poll, and it ends', async (t) => {
  const channel = 'fallback-3-cycle';
  const session = await Session.open(t, server, 'xhr');
  assert.ok((await session.reception.ended).isComplete, 'the first one ended');
  await session.subscribe(channel);
  const told = messagesOf(await session.poll());
  assert.deepEqual(told, [{ event: SUCCEEDED, channel, data: '{}' }]);
  for (let n = 0; n < 3; n += 1) {
    const waiting = session.poll();
    await publish(server, { name: 'n', channel, data: String(n) });
    assert.deepEqual(messagesOf(await waiting), [{ event: 'n', channel, data: String(n) }]);
  }
});

test('fallback 3: messages queue between polls, and come in order', async (t) => {
  const channel = 'fallback-3-queue';
  const session = await Session.open(t, server, 'xhr');
  await session.subscribe(channel);
  await session.poll();
  for (let n = 0; n < 200; n += 1) await publish(server, { name: 'n', channel, data: String(n) });
  // However many polls it takes.
  const numbers = [];
  while (numbers.length < 200) {
    numbers.push(...messagesOf(await session.poll()).map((m) => Number(m.data)));
  }
  assert.deepEqual(numbers, Array.from({ length: 200 }, (_, n) => n));
});

test('fallback 3: a poll that brings nothing ends with h, each time', OWN_SERVER, async (t) => {
  const session = await Session.open(t, lively, 'xhr');
  // Nobody answers the heartbeats of polls, and nobody is closed for it.
  for (let n = 0; n < 4; n += 1) {
    assert.deepEqual(
      (await session.poll()).map(({ kind }) => kind),
      ['h'],
    );
  }
  await session.send({ event: 'pusher:ping', data: {} });
  assert.deepEqual(messagesOf(await session.poll()), [{ event: 'pusher:pong', data: '{}' }]);
});

test('fallback 6: the next receive request goes on without o', async (t) => {
  const channel = 'fallback-6-attach';
  const session = await Session.open(t, server, 'xhr');
  await session.subscribe(channel);
  await session.poll();
  for (let n = 0; n < 5; n += 1) {
    // Nothing receives now: the poll has ended.
    await publish(server, { name: 'n', channel, data: String(n) });
    const stream = session.attach('xhr_streaming');
    assert.equal((await session.expectEvent('n')).data, String(n), 'it waited');
    session.attach('xhr');
    await within(stream.ended, 'the poll to replace the stream');
    await publish(server, { name: 'mark', channel });
    await session.expectEvent('mark');
    assert.ok((await session.reception.ended).isComplete);
  }
});

for (const [before, after] of KINDS.flatMap((one) => KINDS.map((two) => [one, two]))) {
  test(`fallback 8: ${after} replaces ${before}`, async (t) => {
    const channel = `fallback-8-${before}-${after}`;
    const session = await Session.open(t, server);
    await session.subscribe(channel);
    await session.expectEvent(SUCCEEDED);
    const first = session.reception;
    const old = session.attach(before);
    await within(first.ended, 'the first response to end');
    session.attach(after);
    const end = await within(old.ended, 'the old response to end');
    if (before === 'xhr') assert.deepEqual(end, { isComplete: true, units: 0 });
    else assert.equal(end.isComplete, false, 'its socket is aborted');
    assert.deepEqual(old.frames.drain(), [], 'no frame says so');
    await publish(server, { name: 'n', channel });
    assert.equal((await session.expectEvent('n')).channel, channel);
  });
}

test('fallback 7: who is abandoned is gone: member_removed', OWN_SERVER, async (t) => {
  const channel = 'presence-fallback-7';
  const watcher = await open(t, forgetful);
  await watcher.subscribe(channel, { user_id: 'watcher' });
  for (const transport of HTTP) {
    const client = await open(t, forgetful, { transport });
    await client.subscribe(channel, { user_id: transport });
    await watcher.expect('pusher_internal:member_added', channel);
    client.terminate();
    const { data } = await watcher.expect('pusher_internal:member_removed', channel);
    assert.deepEqual(JSON.parse(data), { user_id: transport });
  }
  const { channels } = assertOk(await get(forgetful, '/channels', [['filter_by_prefix', channel]]));
  assert.deepEqual(Object.keys(channels), [channel]);
});

for (const how of KINDS) {
  test(`fallback 7: the name of who is gone is new (${how})`, OWN_SERVER, async (t) => {
    const session = await Session.open(t, forgetful, how);
    const { socketId } = session;
    session.reception.abort();
    const isUnknown = ({ status }) => status === 404;
    await until(isUnknown, () => session.post([]), 'the session to be forgotten');
    session.attach(how);
    await session.expect('o');
    const { data } = await session.expectEvent('pusher:connection_established');
    assert.notEqual(JSON.parse(data).socket_id, socketId);
  });

  test(`fallback 7: sends alone do not keep a session (${how})`, OWN_SERVER, async (t) => {
    const session = await Session.open(t, forgetful, how);
    session.reception.abort();
    const body = ['{"event":"pusher:ping","data":{}}'];
    await until(({ status }) => status === 404, () => session.post(body), 'the end');
  });
}

test('fallback 7: who polls stays, whatever the time-out', OWN_SERVER, async (t) => {
  const client = await open(t, forgetful, { transport: 'xhr_polling' });
  const abandoned = await Session.open(t, forgetful);
  abandoned.reception.abort();
  await until(({ status }) => status === 404, () => abandoned.post([]), 'the end of another one');
  await client.assertQuiet();
});

for (const transport of HTTP) {
  over(transport)('limits: sessions count as connections', OWN_SERVER, async (t) => {
    const app = CROWDED[transport];
    const inside = [await open(t, crowded, { app }), await open(t, crowded, { app, ...WS })];
    for (const each of TRANSPORTS) {
      const late = dial(t, crowded, { app, transport: each });
      assert.equal((await late.waitForClose()).code, 4004);
    }
    for (const client of inside) await client.assertQuiet();
  });
}

const terminate = async (where, user) =>
  assertOk(await post(where, `/users/${user}/terminate_connections`, {}));

test('fallback 9: c[4009] comes on the stream, which ends', async (t) => {
  const client = await openAs(t, server, 'u-stream', { transport: 'xhr_streaming' });
  await terminate(server, 'u-stream');
  const { code, reason } = await client.waitForClose();
  assert.equal(code, 4009);
  assert.ok(reason.length > 0);
  assert.equal((await client.reception.ended).isComplete, true);
});

test('fallback 9: c[4009] comes with the next poll, and with those after it', async (t) => {
  const session = await Session.open(t, server, 'xhr');
  await signInOver(session, 'u-poll');
  await terminate(server, 'u-poll');
  for (const how of [...KINDS, ...KINDS]) {
    const reception = session.receive(how);
    const [close, ...more] = await reception.frames.readUntil(() => true, 'c');
    assert.deepEqual([close.kind, close.code, more], ['c', 4009, []], 'no o before');
    assert.deepEqual(await reception.ended, { isComplete: true, units: close.end });
  }
});

test('fallback 9: what was said before the close comes before it', async (t) => {
  const session = await Session.open(t, server, 'xhr');
  await signInOver(session, 'u-last');
  await publish(server, { name: 'last words', channel: '#server-to-user-u-last' });
  await terminate(server, 'u-last');
  const frames = await session.poll();
  assert.deepEqual(
    messagesOf(frames).map(({ event }) => event),
    ['last words'],
  );
  const close = frames.at(-1).kind === 'c' ? frames.at(-1) : (await session.poll()).at(-1);
  assert.equal(close.code, 4009);
});

test('fallback 9: some time after the close the name is new', OWN_SERVER, async (t) => {
  const session = await Session.open(t, forgetful, 'xhr');
  await signInOver(session, 'u-later');
  await terminate(forgetful, 'u-later');
  const first = async () => {
    const reception = session.receive('xhr');
    const frame = await reception.frames.next();
    await reception.ended;
    return frame;
  };
  assert.equal((await first()).kind, 'c');
  await until(({ kind }) => kind === 'o', first, 'the session to be forgotten');
});

/** Signs the session's user in, and reads the answer. */
async function signInOver(session, id) {
  const frames = [];
  const client = {
    app: session.app,
    socketId: session.socketId,
    send: (message) => frames.push(session.send(message)),
    async expect(event) {
      await frames.pop();
      const [message] = messagesOf(await session.poll());
      assert.equal(message.event, event);
      return message;
    },
  };
  await signIn(client, { id });
}

for (const transport of HTTP) {
  over(transport)('fallback 9: shutdown is c[4200]', OWN_SERVER, async (t) => {
    const own = new Server({ sections: { fallback: { session_timeout: 60 } } });
    await own.start();
    defer(t, () => own.stop());
    const client = await open(t, own);
    await client.subscribe('fallback-9');
    const abandoned = await Session.open(t, own, 'xhr');
    await abandoned.reception.ended;
    const exit = own.stop();
    assert.equal((await client.waitForClose()).code, 4200);
    assert.deepEqual(await exit, { code: 0, signal: null }, 'nobody is waited for in vain');
  });
}

for (const sender of TRANSPORTS) {
  test(`transports: whoever comes over ${sender} is heard by all others`, async (t) => {
    const channel = `presence-fallback-mixed-${sender}`;
    const from = await open(t, server, { transport: sender });
    const others = [];
    for (const transport of TRANSPORTS) others.push(await open(t, server, { transport }));
    await from.subscribe(channel, { user_id: 'from' });
    for (const [at, other] of others.entries()) {
      await other.subscribe(channel, { user_id: TRANSPORTS[at] });
    }
    for (const client of [from, ...others]) await client.settle();
    for (let n = 0; n < 50; n += 1) from.sendClientEvent(channel, 'client-n', String(n));
    await from.assertQuiet();
    const expected = Array.from({ length: 50 }, (_, n) => String(n));
    for (const other of others) {
      const heard = await other.inbox.readUntil(({ data }) => data === '49', 'the last one');
      assert.deepEqual(
        heard.map(({ event, data, user_id: id }) => [event, data, id]),
        expected.map((data) => ['client-n', data, 'from']),
      );
    }
  });
}
