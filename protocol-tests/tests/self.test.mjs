// The ruler is measured first: signatures against published values, frames against themselves.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { Lines, parseFrame as parseLine } from '../lib/fallback-requests.mjs';
import { Inbox } from '../lib/inbox.mjs';
import { canonical, channelText, hmac, md5, signedParams, userAuth } from '../lib/sign.mjs';
import { checkWebhook } from '../lib/webhook-rules.mjs';
import { OPCODE, frame, parseFrame } from '../lib/wire.mjs';

const OURS = { key: 'k7f3d0c1b2a39485', secret: 's3cr3t-9f8e7d6c5b4a' };
const PUBLISHED = { key: '278d425bdf160c739803', secret: '7ad3773142a6692b25b8' };

const zoe = '{"user_id":"u-17","user_info":{"nick":"Zoë"}}';
const subscriptions = [
  [
    OURS,
    '52107.884321',
    'private-orders',
    undefined,
    'ea64bd8f526c0314597dbcf1efcc433e13feab443ee28ff42e38caa7aded1aa9',
  ],
  [
    OURS,
    '52107.884321',
    'private-encrypted-vault',
    undefined,
    '8c69de16af8622d3794f361ed3291fac50590b02386a9377c00700daec751249',
  ],
  [
    OURS,
    '52107.884321',
    'private-orders',
    '{"note":"x"}',
    '0f19cf7ed1ca3e350014d5d23aa16bb34ce426227ace45c2b372c4d02f07337b',
  ],
  [
    OURS,
    '52107.884321',
    'presence-lobby',
    zoe,
    '2e3c302f93e0bdd8b0e1302c7e8cb69a0053ddcec24dc3542746e02abf79e230',
  ],
  [
    OURS,
    '52107.884321',
    'presence-lobby',
    undefined,
    '25c6bd18941f4a841db5508f81983d6e58186f0bce3f7d098e2e2cba0909899b',
  ],
  [
    PUBLISHED,
    '1234.1234',
    'private-foobar',
    undefined,
    '58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4',
  ],
  [
    PUBLISHED,
    '1234.1234',
    'presence-foobar',
    '{"user_id":10,"user_info":{"name":"Mr. Pusher"}}',
    'afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c',
  ],
];

for (const [app, socketId, channel, data, digest] of subscriptions) {
  test(`self: signature of ${channelText(socketId, channel, data)}`, () => {
    assert.equal(hmac(app.secret, channelText(socketId, channel, data)), digest);
  });
}

for (const [app, socketId, user, digest] of [
  [
    OURS,
    '52107.884321',
    '{"id":"u-17","user_info":{"nick":"Zoë"},"watchlist":["u-18","u-19"]}',
    'd8f30c20def1af20b08989ab9f8a7ca7c43fb4f9cb71094143c4d86aab8ea302',
  ],
  [
    PUBLISHED,
    '1234.1234',
    '{"id":"12345"}',
    '4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba',
  ],
]) {
  test(`self: signature of the user ${user}`, () => {
    assert.equal(userAuth(app, socketId, user), `${app.key}:${digest}`);
  });
}

test('self: signature of a webhook', () => {
  const body =
    '{"time_ms":1760000000123,"events":[{"name":"channel_occupied","channel":"private-orders"}]}';
  const signature = 'dd584dfde1aeb3b949be856af1ff386638a9a1ff0906bd8adbc3fcfe84ca8a3b';
  assert.equal(hmac(OURS.secret, body), signature);
});

const paid = '{"name":"order.paid","channels":["private-orders"],"data":"{\\"id\\":981}"}';
const batch =
  '{"batch":[{"channel":"news","name":"tick","data":"1"},{"channel":"private-orders",' +
  '"name":"order.paid","data":"{}","socket_id":"52107.884321"}]}';
const both = [['info', 'user_count,subscription_count']];
const list = [
  ['filter_by_prefix', 'presence-'],
  ['info', 'user_count'],
];
const requests = [
  [
    'POST',
    '/apps/4242/events',
    { body: paid },
    '3e2586cf311e65efa8bee54a3f97fc63c55c2c31f9a32c5242e310ad9046705a',
  ],
  [
    'GET',
    '/apps/4242/channels',
    { params: list },
    'd3f9f0e0dd537801c295e70731476c1286734331290ca1117154041fc072c47e',
  ],
  [
    'GET',
    '/apps/4242/channels',
    { params: list, bodyMd5: md5('') },
    'd7a40e1470a8c9b8f68c2d080432269b2dcebb05983deb530318eacb67c53cfe',
  ],
  [
    'GET',
    '/apps/4242/channels/presence-lobby/users',
    {},
    '11a22ccfc524422802d1bd09d0c3329655934e21dd2a2997d56a797e4941a19d',
  ],
  [
    'GET',
    '/apps/4242/channels/presence-a@b,c;d=e',
    { params: both },
    'e234823b8127d7440c927dad537a52ad93558574e237572fb43bf52f345746e2',
  ],
  [
    'GET',
    '/apps/4242/channels/presence-a%40b%2Cc%3Bd%3De',
    { params: both },
    '85ca5bacb02074243341d8d40334bb68244d7c71319ef744bc5a0c273aac2a9d',
  ],
  [
    'POST',
    '/apps/4242/batch_events',
    { body: batch },
    '093e580d74937a7d16449a2262959b12fd7e8f4c967f62f1b3436720c364b559',
  ],
  [
    'POST',
    '/apps/4242/users/u-17/terminate_connections',
    { body: '{}' },
    'da399159fb6b356188d626938b359ec55cb55e3cc3594e7e01f6b58903d3ac1f',
  ],
  [
    'POST',
    '/users/u-17/terminate_connections',
    { body: '{}' },
    'abb1c294f0dd304d78e97fe835ce9d9917230f90a920af40f57e0a049c160993',
  ],
];

for (const [method, path, more, signature] of requests) {
  test(`self: signature of ${method} ${path} ${JSON.stringify(more)}`, () => {
    const params = signedParams(OURS, { method, path, timestamp: 1_760_000_000, ...more });
    assert.deepEqual(params.at(-1), ['auth_signature', signature]);
  });
}

test('self: signature of the published request', () => {
  const body = '{"name":"foo","channels":["project-3"],"data":"{\\"some\\":\\"data\\"}"}';
  const request = { method: 'POST', path: '/apps/3/events', body, timestamp: 1_353_088_179 };
  const params = Object.fromEntries(signedParams(PUBLISHED, request));
  assert.equal(params.body_md5, 'ec365a775a4cd0599faeb73354201b6f');
  const expected = 'da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c';
  assert.equal(params.auth_signature, expected);
});

test('self: the canonical string sorts and lower-cases keys and drops the signature', () => {
  const params = [
    ['B', '2'],
    ['auth_signature', 'x'],
    ['a', 'ä,1'],
  ];
  assert.equal(canonical('get', '/p', params), 'GET\n/p\na=ä,1&b=2');
});

test('self: frames of every length class are read back', () => {
  for (const length of [0, 1, 125, 126, 65_535, 65_536, 100_000]) {
    const payload = Buffer.alloc(length, 'x');
    const bytes = frame({ opcode: OPCODE.text, payload, masked: false });
    const [found, used] = parseFrame(Buffer.concat([bytes, Buffer.from('rest')]));
    assert.deepEqual(found, { opcode: OPCODE.text, fin: true, payload });
    assert.equal(used, bytes.length);
    assert.equal(parseFrame(bytes.subarray(0, -1)), null);
  }
});

test('self: a masked frame is the payload under its mask', () => {
  const bytes = frame({ opcode: OPCODE.ping, payload: 'hello' });
  assert.equal(bytes[1], 0x80 | 5);
  const [mask, hidden] = [bytes.subarray(2, 6), bytes.subarray(6)];
  assert.equal(Buffer.from(hidden.map((b, at) => b ^ mask[at % 4])).toString(), 'hello');
});

test('self: frames of the fallback transports are read, and nothing else', () => {
  for (const [line, frame] of [
    ['o', { kind: 'o' }],
    ['o{"hostname":"a.example"}', { kind: 'o', hostname: 'a.example' }],
    ['a[]', { kind: 'a', messages: [] }],
    ['a["{}","\\n"]', { kind: 'a', messages: ['{}', '\n'] }],
    ['h', { kind: 'h' }],
    ['c[4200,"why"]', { kind: 'c', code: 4200, reason: 'why' }],
  ]) {
    assert.deepEqual(parseLine(line), frame);
  }
  const bad = ['o{}', 'o{"hostname":"a","b":1}', 'a{}', 'a[1]', 'hh', 'c[]', 'c["4200","why"]'];
  for (const line of [...bad, 'c[4200]', 'c[4200,"why",1]', 'x', '{}']) {
    assert.throws(() => parseLine(line), line);
  }
});

test('self: lines are put together from pieces, and counted in UTF-16 units', () => {
  const text = 'oÄ🐦\nh\n';
  const bytes = Buffer.from(text);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const lines = new Lines();
    const found = [...lines.push(bytes.subarray(0, cut)), ...lines.push(bytes.subarray(cut))];
    assert.deepEqual([found, lines.units, lines.isAtEnd], [['oÄ🐦', 'h'], text.length, true]);
    lines.end();
  }
  for (const wrong of ['o\r\n', '\n', 'o\n\nh\n', Buffer.from([0x6f, 0xff, 0x0a])]) {
    assert.throws(() => new Lines().push(Buffer.from(wrong)), String(wrong));
  }
  const unfinished = new Lines();
  assert.deepEqual(unfinished.push(Buffer.from('o\nh')), ['o']);
  assert.throws(() => unfinished.end());
});

test('self: a webhook is held to its rules, and each broken one is found', () => {
  const event = { name: 'member_added', channel: 'presence-x', user_id: '17' };
  const request = (change = {}, events = [event]) => {
    const text = change.text ?? JSON.stringify({ time_ms: 1_760_000_000_123, events });
    const headers = {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(text)),
      'x-pusher-key': OURS.key,
      'x-pusher-signature': hmac(OURS.secret, text),
      'x-webhook-attempt': '1',
      ...change.headers,
    };
    const rawHeaders = Object.entries(headers).flat();
    return { method: 'POST', headers, rawHeaders, body: Buffer.from(text), text };
  };
  const check = (...how) => checkWebhook(request(...how), [OURS]);
  assert.deepEqual(check().events, [event]);
  for (const headers of [
    { 'content-type': 'application/json; charset=utf-8' },
    { 'x-pusher-key': 'another' },
    { 'x-pusher-signature': hmac('another', request().text) },
    { 'x-webhook-attempt': '0' },
  ]) {
    assert.throws(() => check({ headers }), JSON.stringify(headers));
  }
  assert.throws(() => check({ text: `${request().text}\n` }), 'a newline at the end');
  for (const wrong of [
    { ...event, user_id: 17 },
    { ...event, user_info: {} },
    { name: 'member_added', channel: 'presence-x' },
    { name: 'channel_occupied', channel: 'x', user_id: null },
    { name: 'client_event', channel: 'private-x', event: 'client-x', data: {}, socket_id: '1.1' },
    { name: 'subscription_count', channel: 'x', subscription_count: '3' },
    { name: 'unknown', channel: 'x' },
  ]) {
    assert.throws(() => check({}, [wrong]), JSON.stringify(wrong));
  }
  assert.throws(() => check({}, []), 'no event');
});

test('self: an inbox gives items in order, skips on request and fails at the end', async () => {
  const inbox = new Inbox('test');
  const early = inbox.waitFor((n) => n === 3);
  [1, 2, 3, 4, 5].forEach((n) => inbox.push(n));
  assert.equal(await early, 3);
  assert.equal(await inbox.next(), 4);
  inbox.end('over');
  assert.equal(await inbox.next(), 5);
  await assert.rejects(inbox.next(), /test: waited for any item: over/);
});

test('self: the lock file pins every package by hash and names no registry', () => {
  const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url)));
  for (const [name, entry] of Object.entries(lock.packages)) {
    if (name === '') continue;
    assert.match(entry.integrity, /^sha512-/, name);
    assert.equal(entry.resolved, undefined, name);
  }
});

/** The checklist lines that the titles of the tests begin with, as in "http 3". */
function coveredLines() {
  const folder = new URL('./', import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith('.test.mjs'));
  const texts = files.map((name) => readFileSync(new URL(name, folder), 'utf8'));
  const title = /\b\w+(?:\(\w+\))?\(\s*['"`]((?:protocol|http|fallback|webhooks) \d+):/g;
  return new Set(texts.flatMap((text) => [...text.matchAll(title)].map(([, line]) => line)));
}

test('self: the checklist lines in the titles of tests are those of the checklists', () => {
  const lines = (name, count) => Array.from({ length: count }, (_, n) => `${name} ${n + 1}`);
  const lengths = { protocol: 18, http: 11, fallback: 12, webhooks: 11 };
  const expected = Object.entries(lengths).flatMap(([name, count]) => lines(name, count));
  assert.deepEqual([...coveredLines()].sort(), expected.sort());
});
