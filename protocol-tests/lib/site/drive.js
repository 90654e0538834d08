// Drives pusher-js in a page, a worker or Node. What happens is told as plain data, which passes
// from a worker to its page, and from there to the test.

const plain = (value) => JSON.parse(JSON.stringify(value ?? null));

globalThis.drive = (Pusher, { key, site, headers, ...options }, tell) => {
  const auth = (path) => ({ transport: 'ajax', endpoint: `${site}${path}`, headers });
  const client = new Pusher(key, {
    channelAuthorization: auth('/auth'),
    userAuthentication: auth('/user-auth'),
    ...options,
  });
  const { connection, user } = client;
  connection.bind('state_change', ({ current }) => {
    // No public property says which transport it is.
    const { name: transport } = connection.connection?.transport ?? {};
    tell({ state: current, transport });
    // What an HTTP transport gets for its pings, or as a heartbeat, is no message.
    if (current === 'connected') connection.connection.bind('activity', () => tell({ alive: true }));
  });
  connection.bind('error', (error) => tell({ error: plain(error) }));
  connection.bind('message', ({ event, channel }) => {
    if (event === 'pusher:pong') tell({ alive: true });
    // The channel of a signed-in user is not to be seen from outside.
    if (event === 'pusher_internal:subscription_succeeded' && channel.startsWith('#')) {
      tell({ signedIn: true });
    }
  });
  user.bind_global((event, data) => tell({ forUser: event, data: plain(data) }));
  user.watchlist.bind_global((event, data) => tell({ watched: event, data: plain(data) }));

  return {
    subscribe(name) {
      const channel = client.subscribe(name);
      channel.bind_global((event, data) => tell({ channel: name, event, data: plain(data) }));
    },
    /** Who sent a client event is told only to those who listen for that event. */
    listen(name, event) {
      client.channel(name).bind(event, (_, metadata) => tell({ from: metadata?.user_id ?? null }));
    },
    unsubscribe: (name) => client.unsubscribe(name),
    trigger: (name, event, data) => client.channel(name).trigger(event, data),
    signIn: () => client.signin(),
    disconnect: () => client.disconnect(),
  };
};
