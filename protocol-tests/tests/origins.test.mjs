// From which pages clients may come, and in which order refusals are checked: protocol.md §1.1
// and §1.3, line 2 of §19.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DISABLED, MAIN } from '../lib/apps.mjs';
import { post, publish } from '../lib/http.mjs';
import { dial, open } from '../lib/raw.mjs';
import { OWN_SERVER, useServer } from '../lib/server.mjs';
import { overEach } from '../lib/transports.mjs';

/** An app with this list, and what it must say to which origins. */
const CASES = {
  'a whole origin': {
    allowed_origins: ['https://shop.example'],
    accepted: ['https://shop.example'],
    refused: [
      'http://shop.example',
      'https://shop.example:8443',
      'https://www.shop.example',
      'https://shop.example.attacker.test',
      'https://attacker.test',
      'https://notshop.example',
      'https://example',
      'null',
      '',
    ],
  },
  'an origin with a port': {
    allowed_origins: ['http://localhost:3000'],
    accepted: ['http://localhost:3000'],
    refused: ['http://localhost', 'http://localhost:30000', 'https://localhost:3000'],
  },
  'a host': {
    allowed_origins: ['shop.example'],
    accepted: ['https://shop.example', 'http://shop.example', 'http://shop.example:8080'],
    refused: ['https://www.shop.example', 'https://notshop.example', 'https://shop.example.test'],
  },
  'the hosts below one': {
    allowed_origins: ['*.shop.example'],
    accepted: ['https://www.shop.example', 'http://a.b.shop.example', 'https://a.shop.example:444'],
    refused: [
      'https://shop.example',
      'https://notshop.example',
      'https://www.shop.example.attacker.test',
      'https://www.shop',
    ],
  },
  'several entries': {
    allowed_origins: ['https://shop.example', 'admin.example', '*.partner.example'],
    accepted: ['https://shop.example', 'http://admin.example', 'https://x.partner.example'],
    refused: ['http://shop.example', 'https://x.admin.example', 'https://partner.example'],
  },
  'any origin among others': {
    allowed_origins: ['https://shop.example', '*'],
    accepted: ['https://shop.example', 'https://attacker.test', 'null'],
    refused: [],
  },
  'the default': {
    allowed_origins: undefined,
    accepted: ['https://shop.example', 'http://localhost:3000', 'null'],
    refused: [],
  },
};

const appOf = (n) => ({ id: `60${n}`, key: `kor161n${n}`, secret: `s3cr3t-or161n-${n}` });
const cases = Object.entries(CASES).map(([what, { allowed_origins: list, ...verdicts }], n) => {
  const setting = list === undefined ? {} : { allowed_origins: list };
  return { what, app: { ...appOf(n), ...setting }, ...verdicts };
});

const ONLY = { allowed_origins: ['https://shop.example'] };
const STRICT = { ...MAIN, ...ONLY, max_connections: 1 };
const PLAIN = { ...appOf(90), ...ONLY, force_tls: true };
const OFF = { ...DISABLED, ...ONLY, enabled: false, force_tls: true };
const server = useServer({ apps: [STRICT, PLAIN, OFF, ...cases.map(({ app }) => app)] });

const from = (origin, app, more) => ({ app, headers: { Origin: origin }, ...more });

for (const { what, app, accepted, refused } of cases) {
  overEach(`protocol 2: allowed origins, ${what}`, OWN_SERVER, async (t) => {
    for (const origin of accepted) {
      await (await open(t, server, from(origin, app))).assertQuiet(origin);
    }
    for (const origin of refused) {
      const client = dial(t, server, from(origin, app));
      assert.equal((await client.waitForClose()).code, 4009, origin);
      assert.deepEqual(client.inbox.drain(), [], 'no event before the close');
    }
  });

  overEach(`protocol 2: allowed origins, ${what}: none at all passes`, OWN_SERVER, async (t) => {
    await (await open(t, server, { app })).assertQuiet('as native clients come');
  });
}

for (const protocol of [4, 5, 6, 7]) {
  const told = protocol <= 5 ? 'event first, then ' : '';
  overEach(`protocol 2: a foreign origin at ${protocol}: ${told}4009`, OWN_SERVER, async (t) => {
    const client = dial(t, server, from('https://attacker.test', cases[0].app, { protocol }));
    if (protocol <= 5) assert.equal((await client.expect('pusher:error')).data.code, 4009);
    assert.equal((await client.waitForClose()).code, 4009);
    assert.deepEqual(client.inbox.drain(), []);
  });
}

overEach('protocol 2: scheme and host are compared whatever their case', OWN_SERVER, async (t) => {
  await open(t, server, from('HTTPS://Shop.Example', cases[0].app));
});

const FOREIGN = 'https://attacker.test';

for (const [what, code, attempt] of [
  ['the protocol comes before the key', 4007, from(FOREIGN, { key: 'unknown' }, { protocol: 8 })],
  ['the key comes before the origin', 4001, from(FOREIGN, { key: 'unknown' })],
  ['a disabled app comes before TLS', 4003, from(FOREIGN, OFF)],
  ['TLS comes before the origin', 4000, from(FOREIGN, PLAIN)],
  ['TLS is required whatever the origin', 4000, from('https://shop.example', PLAIN)],
]) {
  overEach(`protocol 2: ${what}: ${code}`, OWN_SERVER, async (t) => {
    assert.equal((await dial(t, server, attempt).waitForClose()).code, code);
  });
}

overEach('protocol 2: origin comes before quota: 4009, then 4004', OWN_SERVER, async (t) => {
  const inside = await open(t, server, from('https://shop.example', STRICT));
  assert.equal((await dial(t, server, from(FOREIGN, STRICT)).waitForClose()).code, 4009);
  assert.equal((await dial(t, server, { app: STRICT }).waitForClose()).code, 4004);
  await inside.assertQuiet();
});

test('http 3: back ends have no origin to show', OWN_SERVER, async () => {
  await publish(server, { channel: 'origins' });
  const headers = { Origin: FOREIGN };
  const event = { name: 'e', channel: 'origins', data: '' };
  assert.equal((await post(server, '/events', event, { headers })).status, 200);
});
