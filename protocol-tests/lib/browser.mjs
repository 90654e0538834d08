// Headless Chromium with a page that an application could have: unmodified pusher-js, its own
// auth endpoint, and a table of what arrives.

import { mkdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

import { PATIENCE_MS } from './inbox.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const DIST = '../node_modules/pusher-js/dist/web';
const ARTEFACTS = here('../artefacts/');

// Without the switches against background traffic Chromium tries to reach the outside.
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const FILES = {
  '/': ['text/html; charset=utf-8', here('page.html')],
  '/pusher.js': ['text/javascript', here(`${DIST}/pusher.js`)],
  '/pusher-with-encryption.js': ['text/javascript', here(`${DIST}/pusher-with-encryption.js`)],
  '/blank': ['text/html; charset=utf-8', here('site/blank.html')],
  ...scripts('../node_modules/pusher-js/dist/worker/', [
    'pusher.worker.js',
    'pusher-with-encryption.worker.js',
  ]),
  ...scripts('../node_modules/laravel-echo/dist/', ['echo.iife.js']),
  ...scripts('site/', ['drive.js', 'drive-echo.js', 'worker.js']),
};

function scripts(folder, names) {
  return Object.fromEntries(
    names.map((name) => [`/${name}`, ['text/javascript', here(`${folder}${name}`)]]),
  );
}

export function launchBrowser() {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  return chromium.launch({ executablePath, args: FLAGS, headless: true });
}

/**
 * The application's web server: pages, libraries, and `POST /auth` and `POST /user-auth`, signing
 * with the Node SDK.
 */
export async function serveSite(sdk, memberFor, userFor) {
  const site = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://site');
    if (request.method === 'POST' && pathname === '/auth') {
      const form = new URLSearchParams(await bodyOf(request));
      const [socketId, channel] = [form.get('socket_id'), form.get('channel_name')];
      const member = channel.startsWith('presence-') ? memberFor(request) : undefined;
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(sdk.authorizeChannel(socketId, channel, member)));
    } else if (request.method === 'POST' && pathname === '/forged-auth') {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ auth: `${sdk.config.token.key}:${'0'.repeat(64)}` }));
    } else if (request.method === 'POST' && pathname === '/user-auth') {
      const socketId = new URLSearchParams(await bodyOf(request)).get('socket_id');
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(sdk.authenticateUser(socketId, userFor(request))));
    } else if (FILES[pathname]) {
      const [type, file] = FILES[pathname];
      response.setHeader('Content-Type', type);
      response.end(readFileSync(file));
    } else {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise((ready) => site.listen(0, '127.0.0.1', ready));
  return {
    url: `http://127.0.0.1:${site.address().port}`,
    close: () => {
      site.closeAllConnections();
      return new Promise((done) => site.close(done));
    },
  };
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** Opens the page: `build` is the pusher-js file to load, `user` who the visitor is. */
export async function openPage(browser, site, server, { build, user, channels }) {
  const page = await browser.newPage({ viewport: { width: 900, height: 500 } });
  page.setDefaultTimeout(PATIENCE_MS);
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(error.message));
  const query = new URLSearchParams({
    build,
    user,
    channels: channels.join(' '),
    key: server.app.key,
    host: server.host,
    port: server.port,
  });
  await page.goto(`${site.url}/?${query}`);
  return page;
}

/** Waits until the page shows a row with exactly these cells. */
export function waitForRow(page, cells) {
  return page.waitForFunction((wanted) => {
    const rows = [...document.querySelectorAll('#events tr')];
    return rows.some((row) => [...row.cells].map((c) => c.textContent).join('\n') === wanted);
  }, cells.join('\n'));
}

export function rows(page) {
  return page.$$eval('#events tr', (all) => all.map((r) => [...r.cells].map((c) => c.textContent)));
}

export async function screenshot(page, name) {
  mkdirSync(ARTEFACTS, { recursive: true });
  await page.screenshot({ path: `${ARTEFACTS}${name}.png` });
}
