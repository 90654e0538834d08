// Where pusher-js sends its statistics if it is told to (enableStats): fallback-transports.md §9.
// They are taken and dropped.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { NODE, PAGE, WORKER } from '../clients/live.mjs';
import { startRecorder } from '../lib/recorder.mjs';
import { event, join, openPusherJs } from '../lib/driven.mjs';
import { send } from '../lib/http.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { as, useStage } from '../lib/stage.mjs';

const stage = useStage();
const server = useServer();
const mounted = useServer({ server: { path_prefix: '/ws' } });
const without = useServer({ sections: { fallback: { enabled: false } } });

const get = (where, path) => send(where, { target: `${where.prefix}/timeline/v2/${path}` });
const QUERY = '?session=MTIz&bundle=MQ%3D%3D&key=ImsiCg%3D%3D&lib=ImpzIg%3D%3D&timeline=W10%3D';

for (const n of ['0', '1', '2', '007', '4294967296', '9'.repeat(20)]) {
  test(`timeline: script ${n} is called back`, async () => {
    const { status, headers, text } = await get(server, `jsonp/${n}${QUERY}`);
    assert.deepEqual([status, text], [200, `Pusher.ScriptReceivers[${n}](null,{});`]);
    assert.match(headers['content-type'], /^text\/javascript\b/);
  });

  test(`timeline: request ${n} is answered with an empty object`, async () => {
    const { status, headers, text } = await get(server, `xhr/${n}${QUERY}`);
    assert.deepEqual([status, text], [200, '{}']);
    assert.match(headers['content-type'], /^application\/json\b/);
    assert.equal(headers['access-control-allow-origin'], '*');
  });
}

const BAD = ['', 'a', '1a', '-1', '1.5', '0x1', '%31', '1%0a', '1;alert(1)', '1](0);//', '1/2'];

for (const form of ['jsonp', 'xhr']) {
  for (const n of BAD) {
    test(`timeline: ${form}/${n} is 404`, async () => {
      const { status, text } = await get(server, `${form}/${n}${QUERY}`);
      assert.equal(status, 404);
      assert.ok(!text.includes('ScriptReceivers'));
    });
  }

  test(`timeline: only GET of ${form}`, async () => {
    const target = `${server.prefix}/timeline/v2/${form}/1`;
    const { status } = await send(server, { method: 'POST', target });
    assert.equal(status, 405);
  });

  test(`timeline: below the prefix of the server (${form})`, OWN_SERVER, async () => {
    assert.equal((await get(mounted, `${form}/1`)).status, 200);
    const below = `${mounted.prefix}/pusher/timeline/v2/${form}/1`;
    assert.equal((await send(mounted, { target: below })).status, 404, 'not below httpPath');
  });

  test(`timeline: not where the transports are switched off (${form})`, OWN_SERVER, async () => {
    assert.equal((await get(without, `${form}/1`)).status, 404);
  });
}

for (const [client, form] of [
  [NODE, 'xhr'],
  [PAGE, 'jsonp'],
  [WORKER, 'xhr'],
]) {
  test(`timeline: ${client.name} reports and goes on`, OWN_SERVER, async (t) => {
    const recorder = await startRecorder(t, stage.server);
    const { host, port } = recorder;
    const settings = { ...as('u-17'), enableStats: true, statsHost: `${host}:${port}` };
    const driven = await openPusherJs(t, stage, stage.server, client, settings);
    const { url, status } = await recorder.answers.next('the answer to a report');
    assert.match(url, new RegExp(`^/timeline/v2/${form}/\\d+\\?.*key=`));
    assert.equal(status, 200);
    // A page that could not take the answer would have told of a fault by now.
    const channel = `timeline-${client.place}`;
    await join(driven, channel);
    await stage.sdk.trigger(channel, 'greet', {});
    await event(driven, channel, 'greet');
  });
}
