// pusher-websocket-swift, for Apple's systems.
//
// It serialises with JSONSerialization, which keeps no order of members (here it is backwards) and
// escapes slashes. It offers a sub-protocol. `data` that is no string does not exist for it.

import { error, establishedWithTimeout, isApplications, reader, string } from './reading.mjs';

const json = (value) => JSON.stringify(value).replaceAll('/', '\\/');

export const SWIFT = {
  name: 'Swift',
  version: '10.1.10',
  protocol: 7,
  query: '?client=pusher-websocket-swift&version=10.1.10&protocol=7',
  subprotocol: 'pusher-channels-protocol-7',
  pings: 'with frames',
  cannot: ['sign-in', 'watchlist'],

  ping: () => '',
  subscribe: (channel) => json({ data: { channel }, event: 'pusher:subscribe' }),
  subscribeWith: (channel, { auth, channel_data }) =>
    json({ data: { channel_data, channel, auth }, event: 'pusher:subscribe' }),
  unsubscribe: (channel) => json({ data: { channel }, event: 'pusher:unsubscribe' }),
  trigger: (channel, event, data) => json({ data, channel, event }),

  read: reader({
    errorOf: ({ data }) => error(data),
    dataOf: ({ data }) => string(data, 'data'),
    decrypts: isApplications,
    events: { 'pusher:connection_established': establishedWithTimeout },
  }),
};
