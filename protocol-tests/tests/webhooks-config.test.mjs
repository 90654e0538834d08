// Webhooks as an operator writes them, and what is wrong with some: webhooks.md §7.

import assert from 'node:assert/strict';

import { MAIN } from '../lib/apps.mjs';
import { file, onOwn, start } from '../lib/cli.mjs';
import { open } from '../lib/raw.mjs';
import { configText, run, scratchFolder } from '../lib/server.mjs';
import { startEndpoint } from '../lib/webhooks.mjs';

const URL = 'https://app.example/hooks';
const FIELD = 'apps[0].webhooks[0]';

for (const [what, webhook, field, reason] of [
  ['no URL', {}, 'url', /missing/],
  ['a relative URL', { url: '/hooks' }, 'url', /absolute/],
  ['another scheme', { url: 'ftp://app.example/hooks' }, 'url', /http/],
  ['a password in the URL', { url: 'https://me:hunter2@app.example/' }, 'url', /user/],
  ['a fragment', { url: `${URL}#top` }, 'url', /fragment/],
  ['a port that is none', { url: 'https://app.example:99999/' }, 'url', /port|URL/],
  ['an unknown event', { event_types: ['channel_ocupied'] }, 'event_types[0]', /channel_occupied/],
  ['no events', { event_types: [] }, 'event_types', /no event/],
  ['a broken pattern', { filter: { channel_pattern: '(' } }, 'filter.channel_pattern', /regular/],
  ['an unknown filter', { filter: { channel: 'x' } }, 'filter.channel', /unknown/],
  ['a header that is ours', { headers: { 'X-Pusher-Key': 'x' } }, 'headers.X-Pusher-Key', /set by/],
  ['a header with a line break', { headers: { 'X-A': 'a\nb' } }, 'headers.X-A', /characters/],
  ['an unknown member', { uri: URL }, 'uri', /unknown/],
  ['a Lambda function', { lambda_function: 'f' }, 'lambda_function', /Lambda/],
]) {
  onOwn(`config check refuses a webhook with ${what}`, async (t) => {
    const whole = what === 'no URL' ? webhook : { url: URL, ...webhook };
    const path = file(t, configText({ apps: [{ ...MAIN, webhooks: [whole] }] }));
    for (const command of [['config', 'check'], ['serve']]) {
      const { code, stderr, stdout } = await run([...command, '--config', path]);
      assert.equal(code, 1, stdout);
      const line = stderr.split('\n').find((one) => one.includes(`${FIELD}.${field}`));
      assert.ok(line, `${FIELD}.${field} in: ${stderr}`);
      assert.match(line, reason);
      assert.doesNotMatch(stderr, /hunter2/);
    }
  });
}

onOwn('config check tells all problems of all webhooks at once', async (t) => {
  const webhooks = [{ url: 'nowhere' }, { url: URL }, { url: URL, event_types: ['x', 'y'] }];
  const path = file(t, configText({ apps: [{ ...MAIN, webhooks }] }));
  const { code, stderr } = await run(['config', 'check', '--config', path]);
  assert.equal(code, 1);
  for (const field of ['[0].url', '[2].event_types[0]', '[2].event_types[1]']) {
    assert.ok(stderr.includes(`apps[0].webhooks${field}`), `${field} in: ${stderr}`);
  }
  assert.ok(!stderr.includes('webhooks[1]'), stderr);
});

onOwn('config check takes webhooks in all their forms', async (t) => {
  const filter = { channel_name_starts_with: 'private-', channel_name_ends_with: '-room' };
  const webhooks = [
    { url: 'http://10.0.0.1:8080/hooks?a=b' },
    { url: URL, event_types: ['channel_occupied', 'subscription_count'], filter },
    { url: URL, filter: { channel_pattern: '^a|b$' }, headers: { 'X-Env': 'prod' } },
  ];
  const path = file(t, configText({ apps: [{ ...MAIN, webhooks }] }));
  const { code, stderr } = await run(['config', 'check', '--config', path]);
  assert.equal(code, 0, stderr);
});

for (const prefix of ['FOGHORN_APP', 'SOKETI_DEFAULT_APP']) {
  onOwn(`webhooks come from ${prefix}_WEBHOOKS`, async (t) => {
    const app = { key: 'app-key', secret: 'app-secret' };
    const hook = await startEndpoint(t, { apps: [app] });
    const webhooks = [{ url: hook.url, event_types: ['channel_occupied'] }];
    const server = await start(t, [], {
      env: {
        FOGHORN_SERVER_DATA_DIR: scratchFolder(t),
        [`${prefix}_ID`]: 'app-id',
        [`${prefix}_KEY`]: app.key,
        [`${prefix}_SECRET`]: app.secret,
        [`${prefix}_WEBHOOKS`]: JSON.stringify(webhooks),
      },
    });
    const client = await open(t, server);
    await client.subscribe('from-the-environment');
    await hook.told('from-the-environment', 1);
  });
}

onOwn('config show hides what headers of webhooks say', async (t) => {
  const headers = { Authorization: 'Bearer made-up-and-secret' };
  const path = file(t, configText({ apps: [{ ...MAIN, webhooks: [{ url: URL, headers }] }] }));
  const { code, stdout, stderr } = await run(['config', 'show', '--config', path]);
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stdout, /made-up-and-secret/);
});
