// What a web application consists of: the server with every feature on, the application's own
// server with the Node SDK, and a browser.

import { MAIN } from './apps.mjs';
import { launchBrowser, serveSite } from './browser.mjs';
import { deferToEnd } from './defer.mjs';
import { sdkFor } from './node-sdk.mjs';
import { useServer } from './server.mjs';

const ALL_FEATURES = { client_events: true, subscription_count: true, watchlist_events: true };

/**
 * Settings of a server that has every feature on, no heartbeat while a test waits, and little
 * patience with clients that went away by HTTP, which say nothing when they do.
 */
export const SETTINGS = {
  server: { offline_delay: 0, shutdown_grace: 1 },
  apps: [{ ...MAIN, ...ALL_FEATURES }],
  sections: { fallback: { heartbeat: 60, session_timeout: 5 } },
};

/** Set up before the tests of the calling file, taken down after them. */
export function useStage(settings = SETTINGS) {
  const stage = {};
  stage.server = useServer(settings, async (started) => {
    stage.sdk = sdkFor(started);
    stage.site = await serveSite(stage.sdk, memberOf, userOf);
    stage.browser = await launchBrowser();
  });
  deferToEnd(() => stage.site?.close());
  deferToEnd(() => stage.browser?.close());
  return stage;
}

/** The headers of a visitor. The application believes everybody. */
export const as = (user, watchlist) => ({
  headers: { 'X-User': user, ...(watchlist && { 'X-Watchlist': watchlist.join(' ') }) },
});

const memberOf = ({ headers }) => ({
  user_id: headers['x-user'],
  user_info: { nick: `Zoë ${headers['x-user']}` },
});

const userOf = ({ headers }) => ({
  id: headers['x-user'],
  ...(headers['x-watchlist'] && { watchlist: headers['x-watchlist'].split(' ') }),
});
