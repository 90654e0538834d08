// Where pusher-js goes: all of it. What is left out leads to the hosts of the hosted service.

/** The transports of pusher-js that a self-hosted server can serve. */
export const TRANSPORTS = ['ws', 'wss', 'xhr_streaming', 'xhr_polling'];

/** Options that send every transport to `server`. */
export const addressOf = ({ host, port, prefix = '' }) => ({
  cluster: 'unused',
  wsHost: host,
  wsPort: port,
  wssPort: port,
  wsPath: prefix,
  httpHost: host,
  httpPort: port,
  httpsPort: port,
  httpPath: `${prefix}/pusher`,
  forceTLS: false,
  enableStats: false,
});
