// The command line tools, pointed at a server.

import assert from 'node:assert/strict';

import { defer } from './defer.mjs';
import { Process, run } from './server.mjs';

/** The flags that name a server and one of its apps. */
export function target(server, app = server.app) {
  const { id, key, secret } = app;
  return ['--url', server.url, '--app-id', id, '--key', key, '--secret', secret];
}

/** Runs a tool to its end; gives its exit code and what it printed, a line of JSON each. */
export async function tool(args, options) {
  const { code, stdout, stderr } = await run(args, options);
  return { code, stdout, stderr, lines: stdout.split('\n').filter(Boolean).map(parse) };
}

/** Runs a tool that must succeed; gives its lines. */
export async function ok(args, options) {
  const { code, lines, stderr } = await tool(args, options);
  assert.equal(code, 0, stderr);
  return lines;
}

const parse = (line) => {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
};

/** Options that give a tool something to read. */
export const reading = (text) => ({
  env: { TEXT: text },
  launcher: ['/bin/sh', '-c', 'printf %s "$TEXT" | "$0" "$@"'],
});

/** Starts `foghorn subscribe` and waits until it has all its channels. */
export async function subscribe(t, server, channels, more = []) {
  const child = new Process(['subscribe', ...target(server), ...channels, ...more]);
  defer(t, () => child.end('SIGKILL'));
  const heard = {
    child,
    /** The next line that an event of this name is in. */
    next: async (event) => {
      const line = await child.output.waitFor((text) => parse(text).event === event, event);
      return parse(line);
    },
  };
  const missing = new Set(channels);
  while (missing.size > 0) {
    const { channel } = await heard.next('pusher_internal:subscription_succeeded');
    missing.delete(channel);
  }
  return heard;
}

/** What a person sees, without its colours. */
export const plain = (text) => text.replace(/\x1b\[[0-9;]*m/g, '');
