// Real clients in a page, in a worker or in Node, all driven the same way: `call` does something,
// `told` has what happened.

import PusherJs from 'pusher-js';

import './site/drive.js';
import { addressOf } from './address.mjs';
import { defer } from './defer.mjs';
import { Inbox, PATIENCE_MS } from './inbox.mjs';

/**
 * pusher-js as `client` (of `clients/live`) says, once it is connected, by `transport`; `settings`
 * may have options of its own.
 */
export async function openPusherJs(t, { browser, site }, server, client, settings) {
  const all = {
    ...destination(server, site),
    enabledTransports: client.transports,
    ...settings,
  };
  const driven = await OPEN[client.place](t, browser, site, client.build, all);
  driven.transport = (await connected(driven)).transport;
  return driven;
}

export const SUCCEEDED = 'pusher:subscription_succeeded';

/** The next event of this name on a channel, at pusher-js. */
export const event = (client, channel, name) =>
  client.expect(`${name} on ${channel}`, (e) => e.channel === channel && e.event === name);

/** Has pusher-js subscribe; gives the event of success. */
export async function join(client, channel) {
  await client.call('subscribe', channel);
  return event(client, channel, SUCCEEDED);
}

/** Laravel Echo in a page, with the web build of pusher-js. */
export async function openEcho(t, { browser, site }, server, settings) {
  const all = { ...destination(server, site), ...settings };
  const { page, driven } = await openPage(t, browser, site);
  const scripts = ['/pusher-with-encryption.js', '/echo.iife.js', '/drive-echo.js'];
  for (const url of scripts) await page.addScriptTag({ url });
  await page.evaluate((given) => {
    window.driven = driveEcho(Echo.default, given, window.tell);
  }, all);
  driven.call = callPage(page);
  await connected(driven);
  return driven;
}

async function connected(driven) {
  const entry = await driven.expect(
    'the connection',
    ({ state, error }) => state === 'connected' || error,
  );
  if (entry.error) throw new Error(`refused: ${JSON.stringify(entry.error)}`);
  return entry;
}

const destination = (server, site) => ({
  ...addressOf(server),
  key: server.app.key,
  site: site.url,
});

class Driven {
  constructor(what) {
    this.told = new Inbox(what);
  }

  /** The next thing told that the predicate accepts; a fault of the page fails the test. */
  async expect(what, predicate) {
    const found = await this.told.waitFor((entry) => entry.fault || predicate(entry), what);
    if (found.fault) throw new Error(`the page failed: ${found.fault}`);
    return found;
  }
}

const OPEN = {
  async node(t, _browser, _site, _build, settings) {
    const driven = new Driven('pusher-js in Node');
    const client = globalThis.drive(PusherJs, settings, (entry) => driven.told.push(entry));
    driven.call = async (method, ...args) => client[method](...args);
    defer(t, () => client.disconnect());
    return driven;
  },

  async page(t, browser, site, build, settings) {
    const { page, driven } = await openPage(t, browser, site);
    for (const url of [build, '/drive.js']) await page.addScriptTag({ url });
    await page.evaluate((given) => {
      window.driven = drive(Pusher, given, window.tell);
    }, settings);
    driven.call = callPage(page);
    return driven;
  },

  async worker(t, browser, site, build, settings) {
    const { page, driven } = await openPage(t, browser, site);
    await page.evaluate(() => {
      window.worker = new Worker('/worker.js');
      worker.onmessage = ({ data }) => window.tell(data);
      worker.onerror = ({ message }) => window.tell({ fault: message });
    });
    driven.call = (...message) => page.evaluate((given) => worker.postMessage(given), message);
    await driven.call('start', build, settings);
    return driven;
  },
};

async function openPage(t, browser, site) {
  const driven = new Driven('page');
  const page = await browser.newPage({ ignoreHTTPSErrors: true });
  defer(t, () => page.close());
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('pageerror', (error) => driven.told.push({ fault: error.message }));
  const visit = (url) => isForeign(url) && driven.told.push({ fault: `it went to ${url}` });
  page.on('request', (request) => visit(request.url()));
  page.on('websocket', (socket) => visit(socket.url()));
  await page.exposeFunction('tell', (entry) => driven.told.push(entry));
  await page.goto(`${site.url}/blank`);
  return { page, driven };
}

/** Whether something left the machine, such as for the hosted service. */
function isForeign(url) {
  const { protocol, hostname } = new URL(url);
  return /^(http|ws)s?:$/.test(protocol) && !hostname.startsWith('127.');
}

const callPage =
  (page) =>
  (method, ...args) =>
    page.evaluate(([name, given]) => window.driven[name](...given), [method, args]);
