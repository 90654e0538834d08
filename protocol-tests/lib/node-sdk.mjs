// The Node server SDK, pointed at a server.

import PusherServer from 'pusher';

const MASTER_KEY = Buffer.alloc(32, 'k').toString('base64');

export const sdkFor = ({ app, host, port }) =>
  new PusherServer({
    appId: app.id,
    key: app.key,
    secret: app.secret,
    host,
    port,
    useTLS: false,
    encryptionMasterKeyBase64: MASTER_KEY,
  });
