// Drives Laravel Echo as a page of a Laravel application would use it.

globalThis.driveEcho = (Echo, { key, site, headers, ...options }, tell) => {
  const echo = new Echo({
    broadcaster: 'pusher',
    key,
    enabledTransports: ['ws'],
    authEndpoint: `${site}/auth`,
    auth: { headers },
    userAuthentication: { endpoint: `${site}/user-auth`, headers },
    ...options,
  });
  const { connection, user } = echo.connector.pusher;
  connection.bind('state_change', ({ current }) => tell({ state: current }));
  connection.bind('error', (error) => tell({ error: error.error ?? error }));
  connection.bind('message', ({ event }) => event === 'pusher:pong' && tell({ pong: true }));
  user.bind_global((event, data) => tell({ forUser: event, data }));

  const heard = (what) => (data) => tell({ heard: what, data });
  return {
    /** `kind` is `channel`, `private`, `encryptedPrivate` or `join`. */
    listen(kind, name, ...events) {
      const channel = echo[kind](name).subscribed(() => tell({ subscribed: name }));
      for (const event of events) channel.listen(event, heard(event));
      channel.error((error) => tell({ refused: name, error }));
    },
    present(name) {
      echo.join(name).here(heard('here')).joining(heard('joining')).leaving(heard('leaving'));
    },
    listenForWhisper: (kind, name, event) => {
      echo[kind](name).listenForWhisper(event, heard(`whisper ${event}`));
    },
    whisper: (kind, name, event, data) => {
      echo[kind](name).whisper(event, data);
    },
    notification: (name) => {
      echo.private(name).notification(heard('notification'));
    },
    leave: (name) => echo.leave(name),
    signIn: () => echo.connector.signin(),
    disconnect: () => echo.disconnect(),
  };
};
