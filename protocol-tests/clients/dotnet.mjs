// pusher-websocket-dotnet.
//
// It serialises with Newtonsoft.Json, members of a derived class before those of its base. Its
// socket library pings every second. It acts on `pusher:error` and looks at no close code.

import { error, isApplications, reader, signedIn, watchlist } from './reading.mjs';

const json = JSON.stringify;

export const DOTNET = {
  name: '.NET',
  version: '2.3.1',
  protocol: 5,
  query: '?protocol=5&client=pusher-dotnet-client&version=2.3.1',
  pings: 'with frames',
  cannot: [],

  // The time of day: one a second.
  ping: (n) => new Date(n * 1000).toISOString().slice(0, 19),
  subscribe: (channel) => json({ event: 'pusher:subscribe', data: { channel } }),
  subscribeWith: (channel, { auth, channel_data }) =>
    json({ event: 'pusher:subscribe', data: { auth, channel_data, channel } }),
  unsubscribe: (channel) => json({ event: 'pusher:unsubscribe', data: { channel } }),
  trigger: (channel, event, data) => json({ channel, event, data }),
  signIn: ({ auth, user_data }) => json({ event: 'pusher:signin', data: { auth, user_data } }),

  read: reader({
    errorOf: ({ data }) => error(data),
    // What is no string is turned back into its text; what is missing stays missing.
    dataOf: ({ data }) => (data === undefined || typeof data === 'string' ? data : json(data)),
    decrypts: isApplications,
    events: {
      'pusher:signin_success': signedIn,
      'pusher_internal:watchlist_events': watchlist,
    },
  }),
};
