// `foghorn verify`: what is right is accepted, and what is wrong is explained.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { canonical, channelAuth, hmac } from '../lib/sign.mjs';
import { tool } from '../lib/tools.mjs';

const tools = (name, body) => test(`cli tools: ${name}`, body);

const APP = { key: 'k7f3d0c1b2a39485', secret: 's3cr3t-9f8e7d6c5b4a' };

/** What `foghorn verify` says; exit code 0 if and only if it is well. */
async function verify(...args) {
  const credential = ['--key', APP.key, '--secret', APP.secret];
  const { code, lines, stderr } = await tool(['verify', ...args, ...credential]);
  assert.equal(lines.length, 1, stderr);
  assert.equal(code, lines[0].ok ? 0 : 1);
  return lines[0];
}

// protocol.md §18, http-api.md §14, webhooks.md §1.
const ORDER = '{"name":"order.paid","channels":["private-orders"],"data":"{\\"id\\":981}"}';
const PARAMS = [
  ['auth_key', APP.key],
  ['auth_timestamp', '1760000000'],
  ['auth_version', '1.0'],
  ['body_md5', '1c7ea915f93f1a602b0643b15affc8b8'],
];
const wire = (signature) =>
  `/apps/4242/events?${PARAMS.map((pair) => pair.join('=')).join('&')}&auth_signature=${signature}`;
const ORDER_SIGNATURE = '3e2586cf311e65efa8bee54a3f97fc63c55c2c31f9a32c5242e310ad9046705a';
const HOOK = `{"time_ms":1760000000123,"events":[{"name":"channel_occupied","channel":\
"private-orders"}]}`;
const HOOK_SIGNATURE = 'dd584dfde1aeb3b949be856af1ff386638a9a1ff0906bd8adbc3fcfe84ca8a3b';

tools('verify accepts the published signatures', async () => {
  const orders = 'ea64bd8f526c0314597dbcf1efcc433e13feab443ee28ff42e38caa7aded1aa9';
  const user = '{"id":"u-17","user_info":{"nick":"Zoë"},"watchlist":["u-18","u-19"]}';
  const zoe = 'd8f30c20def1af20b08989ab9f8a7ca7c43fb4f9cb71094143c4d86aab8ea302';
  for (const args of [
    ['channel', `${APP.key}:${orders}`, '52107.884321', 'private-orders'],
    ['user', `${APP.key}:${zoe}`, '52107.884321', user],
    ['request', 'POST', wire(ORDER_SIGNATURE), '--body', ORDER],
    ['webhook', HOOK_SIGNATURE, HOOK],
  ]) {
    const { ok: right, error } = await verify(...args);
    assert.ok(right, `${args[0]}: ${error}`);
  }
});

tools('verify names the mistake and marks the difference', async () => {
  const sign = (text, secret = APP.secret) => hmac(secret, text);
  const data = '{"user_id":"u-17"}';
  const text = `1.2:presence-a:${data}`;
  const channel = (signature, ...more) =>
    verify('channel', `${APP.key}:${signature}`, '1.2', 'presence-a', data, ...more);

  const without = await channel(sign('1.2:presence-a'));
  assert.equal(without.mistake, 'channel_data was not signed');
  assert.equal(without.expected_text, text);
  assert.equal(without.signed_text, '1.2:presence-a');
  assert.equal(without.difference.at, 14);
  assert.match((await channel(sign(text, APP.key))).mistake, /the key was used/);
  assert.match((await channel(sign(text, `${APP.secret}\n`))).mistake, /line break/);
  const python = await channel(sign('1.2:presence-a:{"user_id": "u-17"}'));
  assert.match(python.mistake, /serialised once more, with spaces/);

  const other = '1.3:presence-a:{"user_id":"u-17"}';
  const told = await channel(sign(other), '--signed-text', other);
  assert.deepEqual(told.difference, { at: 2, hint: 'another socket id was signed' });
  const unknown = await channel(sign('something else'));
  assert.equal(unknown.mistake, null);
  assert.match(unknown.notes.join(), /--signed-text/);

  const canonicalText = canonical('POST', '/apps/4242/events', PARAMS);
  const literal = sign(canonicalText.replaceAll('\n', '\\n'));
  const request = await verify('request', 'POST', wire(literal), '--body', ORDER);
  assert.match(request.mistake, /a backslash and an n/);
  const body = await verify('request', 'POST', wire(ORDER_SIGNATURE), '--body', `${ORDER}\n`);
  assert.match(body.mistake, /body_md5 is of another body: without the white space/);
  const hook = await verify('webhook', sign(`${HOOK}\n`), HOOK);
  assert.match(hook.mistake, /with a line break at its end/);
  for (const { expected_text, error, ...rest } of [without, python, unknown]) {
    assert.ok(!JSON.stringify({ error, ...rest }).includes(sign(expected_text)));
  }
  const ofOther = channelAuth({ ...APP, key: 'x' }, '1.2', 'private-a');
  const key = await verify('channel', ofOther, '1.2', 'private-a');
  assert.match(key.mistake, /another key/);
});

tools('verify notes that a presence channel needs a member', async () => {
  for (const [data, noted] of [
    [[], true],
    [['[1]'], true],
    [['{"user_id":"u-17"}'], false],
  ]) {
    const signature = hmac(APP.secret, ['1.2', 'presence-a', ...data].join(':'));
    const auth = `${APP.key}:${signature}`;
    const { ok: right, notes } = await verify('channel', auth, '1.2', 'presence-a', ...data);
    assert.ok(right);
    assert.equal(/user_id/.test(notes.join()), noted, `${data}`);
  }
});
