// The rules by which recorded clients read are measured, too: each takes what hosted Pusher sends,
// and refuses what is known to break that client.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DOTNET } from '../clients/dotnet.mjs';
import { JAVA } from '../clients/java.mjs';
import { featuresOf } from '../clients/features.mjs';
import { RECORDED } from '../clients/recorded.mjs';
import { SWIFT } from '../clients/swift.mjs';

const json = JSON.stringify;
const internal = (event, channel, data) => ({ event: `pusher_internal:${event}`, channel, data });
const succeeded = (channel, data) => internal('subscription_succeeded', channel, data);
const presence = (ids, hash) => json({ presence: { ids, hash, count: ids.length } });

const GOOD = [
  [
    { event: 'pusher:connection_established', data: '{"socket_id":"1.2","activity_timeout":120}' },
    '1.2',
  ],
  [{ event: 'pusher:pong', data: '{}' }, '{}'],
  [
    { event: 'pusher:error', data: { code: null, message: 'no' } },
    { code: null, message: 'no' },
  ],
  [
    { event: 'pusher:error', data: { code: 4301, message: 'slow' } },
    { code: 4301, message: 'slow' },
  ],
  [{ event: 'pusher:cache_miss', channel: 'cache-a', data: '{}' }, '{}'],
  [{ event: 'client-a', channel: 'presence-a', user_id: 'u', data: '{"a":1}' }, '{"a":1}'],
  [
    succeeded('presence-a', presence(['u', 'v'], { u: { a: 1 }, v: null })),
    { u: { a: 1 }, v: null },
  ],
  [internal('member_added', 'presence-a', '{"user_id":"u","user_info":{"a":1}}'), { u: { a: 1 } }],
  [internal('member_removed', 'presence-a', '{"user_id":"u"}'), 'u'],
  [internal('subscription_count', 'a', '{"subscription_count":3}'), 3],
  [
    { event: 'a', channel: 'private-encrypted-a', data: '{"nonce":"n","ciphertext":"c"}' },
    { nonce: 'n', ciphertext: 'c' },
  ],
];

for (const family of RECORDED) {
  test(`rules: ${family.name} takes what hosted Pusher sends`, () => {
    for (const [message, shown] of GOOD) {
      assert.deepEqual(family.read(json(message)).shown, shown, json(message));
    }
    for (const channel of ['a', 'private-a', 'private-encrypted-a']) {
      family.read(json(succeeded(channel, '{}')));
    }
    if (!featuresOf(family).includes('sign-in')) return;
    const data = json({ user_data: json({ id: 'u' }) });
    assert.equal(family.read(json({ event: 'pusher:signin_success', data })).shown, 'u');
  });
}

test('rules: .NET takes what hosted Pusher sends of a watchlist', () => {
  const data = '{"events":[{"name":"online","user_ids":["u"]}]}';
  const { shown } = DOTNET.read(json({ event: 'pusher_internal:watchlist_events', data }));
  assert.deepEqual(shown, { online: ['u'] });
});

const soketiRefusal = { type: 'AuthError', error: 'no', status: 401 };
const reverbError = { event: 'pusher:error', data: '{"code":4009,"message":"no"}' };

/** Family, whose message it is, the message, and what the client trips over. */
const BAD = [
  [SWIFT, 'soketi', succeeded('private-a', undefined), /data must be a string/],
  [JAVA, 'soketi', succeeded('private-a', undefined), /getData/],
  [JAVA, 'soketi', { event: 'pusher:cache_miss', channel: 'cache-a' }, /getData/],
  [SWIFT, 'Reverb', { event: 'pusher:cache_miss', channel: 'cache-a' }, /data must be a string/],
  [SWIFT, 'Reverb', { event: 'pusher:pong' }, /data must be a string/],
  [SWIFT, 'Reverb', reverbError, /data of pusher:error must be an object/],
  [DOTNET, 'Reverb', reverbError, /data of pusher:error must be an object/],
  [SWIFT, 'soketi', { event: 'client-a', channel: 'private-a', data: { a: 1 } }, /data must be/],
  [
    JAVA,
    'soketi',
    {
      event: 'pusher:subscription_error',
      channel: 'private-encrypted-a',
      data: json(soketiRefusal),
    },
    /nonce must be a string/,
  ],
  [
    JAVA,
    'hosted Pusher (perhaps)',
    internal('subscription_count', 'private-encrypted-a', '{"subscription_count":1}'),
    /nonce must be a string/,
  ],
  [JAVA, 'soketi', succeeded('presence-a', presence([10], { 10: null })), /an id must be a string/],
  [DOTNET, 'a server', succeeded('presence-a', presence(['u'], {})), /hash must have u/],
  [SWIFT, 'a server', succeeded('presence-a', presence(['u'], {})), /hash must have u/],
  [DOTNET, 'soketi', succeeded('presence-a', undefined), /data must be a string/],
  [JAVA, 'soketi', internal('member_added', 'presence-a', '{"user_id":10}'), /user_id must be/],
  [
    JAVA,
    'a server',
    { event: 'pusher:error', data: { code: '4001', message: 'a' } },
    /code must be/,
  ],
  [SWIFT, 'a server', { event: 'pusher:error', data: { code: 4001 } }, /message must be a string/],
  [
    JAVA,
    'a server',
    { event: 'pusher:error', channel: 'private-a', data: { code: null, message: 'no' } },
    /taken for an event of that channel/,
  ],
  [
    SWIFT,
    'a server',
    { event: 'pusher:connection_established', data: '{"socket_id":"1.2"}' },
    /activity_timeout/,
  ],
  [
    JAVA,
    'a server',
    { event: 'pusher:connection_established', data: { socket_id: '1.2' } },
    /data must be a string/,
  ],
  ...[JAVA, DOTNET].map((family) => [
    family,
    'soketi',
    { event: 'pusher:signin_success', data: json({ user_data: '{"id":10}' }) },
    /id must be a string/,
  ]),
  ...RECORDED.map((family) => [
    family,
    'a careless server',
    { event: 'a', channel: 'private-encrypted-a', data: '{"plain":true}' },
    /nonce must be a string/,
  ]),
];

for (const [family, peer, message, why] of BAD) {
  const sent = json(message);
  test(`rules: ${family.name} cannot use what ${peer} sends: ${sent}`, () => {
    assert.throws(() => family.read(sent), why);
  });
}

test('rules: each family writes its own bytes', () => {
  const auth = { auth: 'k:h', channel_data: '"=/"' };
  const written = RECORDED.map((family) => family.subscribeWith('presence-a', auth));
  assert.deepEqual(written, [
    '{"event":"pusher:subscribe","data":' +
      '{"channel_data":"\\"\\u003d/\\"","auth":"k:h","channel":"presence-a"}}',
    '{"event":"pusher:subscribe","data":' +
      '{"auth":"k:h","channel_data":"\\"=/\\"","channel":"presence-a"}}',
    '{"data":{"channel_data":"\\"=\\/\\"","channel":"presence-a","auth":"k:h"},' +
      '"event":"pusher:subscribe"}',
  ]);
  const talk = RECORDED.map((family) => family.trigger('private-a', 'client-a', { on: true }));
  assert.deepEqual(talk, [
    '{"event":"client-a","channel":"private-a","data":"{\\"on\\":true}"}',
    '{"channel":"private-a","event":"client-a","data":{"on":true}}',
    '{"data":{"on":true},"channel":"private-a","event":"client-a"}',
  ]);
});
