// Starts the back ends of `examples/` as a reader would, and opens their pages.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { defer } from './defer.mjs';
import { Inbox, PATIENCE_MS, within } from './inbox.mjs';
import { python } from './python.mjs';

const EXAMPLES = fileURLToPath(new URL('../examples/', import.meta.url));

/** Starts an example's back end against this server; gives the address it prints. */
export async function startExample(t, name, { host, port, app }) {
  const folder = join(EXAMPLES, name);
  const inPython = existsSync(join(folder, 'server.py'));
  const [command, file] = inPython ? [python(), 'server.py'] : [process.execPath, 'server.mjs'];
  const child = spawn(command, [file], {
    cwd: folder,
    env: {
      ...process.env,
      PORT: '0',
      PUSHER_HOST: host,
      PUSHER_PORT: String(port),
      PUSHER_APP_ID: app.id,
      PUSHER_APP_KEY: app.key,
      PUSHER_APP_SECRET: app.secret,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const orphan = () => child.kill('SIGKILL');
  process.once('exit', orphan);
  const lines = new Inbox(`output of ${name}`);
  const ended = new Promise((resolve) => {
    child.once('close', resolve);
    child.once('error', (error) => {
      lines.end(error.message);
      resolve();
    });
  });
  ended.then(() => {
    process.removeListener('exit', orphan);
    lines.end('the back end ended');
  });
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => lines.push(line));
  }
  defer(t, async () => {
    child.kill();
    await within(ended, `${name} to end`).catch((error) => {
      orphan();
      throw error;
    });
  });
  const address = /http:\/\/127\.0\.0\.1:\d+/;
  return address.exec(await lines.waitFor((line) => address.test(line), 'its address'))[0];
}

/** A browser of its own: cookies are shared by the tabs of one visitor, not with others. */
export async function visitor(t, browser) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(PATIENCE_MS);
  defer(t, () => context.close());
  context.faults = [];
  context.on('weberror', (fault) => context.faults.push(fault.error().message));
  return context;
}

/** Opens a tab there. */
export async function openTab(context, url) {
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

/** Waits until the text of the element satisfies the expression; gives it. */
export async function waitForText(page, selector, pattern) {
  const found = await page.waitForFunction(
    ([where, source]) => {
      const text = document.querySelector(where)?.textContent ?? '';
      return new RegExp(source).test(text) && { text };
    },
    [selector, pattern.source],
  );
  return (await found.jsonValue()).text;
}

/** Waits until the element's text is not this one any more. */
export function waitForOtherText(page, selector, earlier) {
  return page.waitForFunction(
    ([where, text]) => document.querySelector(where).textContent !== text,
    [selector, earlier],
  );
}
