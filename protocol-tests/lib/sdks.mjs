// Every server SDK with the same calls, whatever it calls them itself. Each gives the answer as the
// SDK understood it.

import { RECORDED_SDKS, write } from '../clients/sdks.mjs';
import { send } from './http.mjs';
import { sdkFor } from './node-sdk.mjs';
import { PythonSdk } from './python.mjs';
import { RustSdk } from './rust-sdk.mjs';

export function openSdk(t, server, { name }) {
  const recorded = RECORDED_SDKS.find((sdk) => sdk.name === name);
  return recorded ? replayed(recorded, server) : LIVE[name](t, server);
}

/** Lists of attributes are written with commas; what is not asked for is left out. */
const query = (parameters) => Object.entries(parameters).filter(([, value]) => value);

const LIVE = {
  Node(_, server) {
    const sdk = sdkFor(server);
    const json = async (answer) => (await answer).json();
    const get = (path, params) =>
      json(sdk.get({ path, params: Object.fromEntries(query(params)) }));
    return {
      trigger: (channels, event, data, { sender, info } = {}) =>
        json(sdk.trigger(channels, event, data, { socket_id: sender, info })),
      batch: (events) => json(sdk.triggerBatch(events)),
      channels: (prefix, info) => get('/channels', { filter_by_prefix: prefix, info }),
      channel: (channel, info) => get(`/channels/${channel}`, { info }),
      users: (channel) => get(`/channels/${channel}/users`, {}),
      terminate: (user) => json(sdk.terminateUserConnections(user)),
      toUser: (user, event, data) => json(sdk.sendToUser(user, event, data)),
    };
  },

  Python(t, server) {
    const sdk = new PythonSdk(t, server);
    const list = (info) => (info === undefined ? [] : info.split(','));
    return {
      trigger: (channels, event, data, { sender } = {}) =>
        sdk.call('trigger', [channels, event, data], sender ? { socket_id: sender } : {}),
      batch: (events) => sdk.call('trigger_batch', [events]),
      channels: (prefix, info) => sdk.call('channels_info', [prefix, list(info)]),
      channel: (channel, info) => sdk.call('channel_info', [channel, list(info)]),
      users: (channel) => sdk.call('users_info', [channel]),
      terminate: (user) => sdk.call('terminate_user_connections', [user]),
      toUser: (user, event, data) => sdk.call('send_to_user', [user, event, data]),
    };
  },

  Rust(t, server) {
    const sdk = new RustSdk(t, server);
    const asked = (parameters) => Object.fromEntries(query(parameters));
    return {
      trigger: (channels, event, data, { sender } = {}) =>
        sdk.call('trigger', [channels, event, data, sender ?? null]),
      channels: (prefix, info) => sdk.call('channels', [asked({ filter_by_prefix: prefix, info })]),
      channel: (channel, info) => sdk.call('channel', [channel, asked({ info })]),
      users: (channel) => sdk.call('users', [channel]),
    };
  },
};

/** Sends what the recorded SDK would send, and reads the answer as it would. */
function replayed(sdk, server) {
  const request = async (method, rest, more) => {
    const path = `${server.prefix}/apps/${server.app.id}${rest}`;
    return sdk.read(await send(server, write(sdk, server.app, { method, path, ...more })));
  };
  const get = (rest, params) => request('GET', rest, { params: query(params) });
  const post = (rest, body) => request('POST', rest, { body });
  const trigger = (channels, name, data, { sender, info } = {}) => {
    const more = Object.fromEntries(query({ socket_id: sender, info }));
    return post('/events', sdk.event({ channels, name, data: sdk.json(data), ...more }));
  };
  return {
    trigger,
    batch: (events) =>
      post('/batch_events', {
        batch: events.map(({ data, ...event }) => ({ ...event, data: sdk.json(data) })),
      }),
    channels: (prefix, info) => get('/channels', { filter_by_prefix: prefix, info }),
    channel: (channel, info) => get(`/channels/${channel}`, { info }),
    users: (channel) => get(`/channels/${channel}/users`, {}),
    terminate: (user) => post(`/users/${user}/terminate_connections`, {}),
    toUser: (user, event, data) => trigger([`#server-to-user-${user}`], event, data),
  };
}
