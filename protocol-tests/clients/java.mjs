// pusher-websocket-java, for Java and Android.
//
// It serialises with Gson: members of a map come in the order of Java's HashMap, and characters
// that mean something in HTML are escaped. The data of its client events is a string.

import assert from 'node:assert/strict';

import { error, reader, signedIn } from './reading.mjs';

const escaped = (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
const gson = (value) => JSON.stringify(value).replace(/[<>&='\u2028\u2029]/g, escaped);

export const JAVA = {
  name: 'Java',
  version: '2.4',
  protocol: 5,
  query: '?client=java-client&protocol=5&version=2.4.4',
  pings: 'with messages',
  cannot: ['watchlist'],

  ping: () => '{"event": "pusher:ping"}',
  subscribe: (channel) => gson({ event: 'pusher:subscribe', data: { channel } }),
  subscribeWith: (channel, { auth, channel_data }) =>
    gson({
      event: 'pusher:subscribe',
      data: channel_data === undefined ? { auth, channel } : { channel_data, auth, channel },
    }),
  unsubscribe: (channel) => gson({ event: 'pusher:unsubscribe', data: { channel } }),
  trigger: (channel, event, data) => gson({ event, channel, data: JSON.stringify(data) }),
  signIn: ({ auth, user_data }) => gson({ event: 'pusher:signin', data: { auth, user_data } }),

  read: reader({
    errorOf({ channel, data }) {
      assert.equal(channel, undefined, 'with a channel it is taken for an event of that channel');
      return error(typeof data === 'string' ? JSON.parse(data) : data);
    },
    dataOf(message) {
      assert.ok('data' in message, 'getData() throws without data');
      return message.data;
    },
    decrypts: (_, data) => data !== '{}',
    events: { 'pusher:signin_success': signedIn },
  }),
};
