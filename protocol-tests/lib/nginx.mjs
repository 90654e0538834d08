// A real nginx in front of servers: started on a free port, with all of its files in a folder of
// its own, ended by its process id.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { endWithTests } from './children.mjs';
import { defer } from './defer.mjs';
import { Inbox, within } from './inbox.mjs';
import { freePort } from './ports.mjs';
import { scratchFolder } from './server.mjs';

// Debian puts it where the search path of ordinary users does not lead.
const NGINX = process.env.NGINX ?? '/usr/sbin/nginx';

/**
 * Starts nginx with `http`, what stands between the braces of its `http` block; every port to
 * `listen` on in it becomes the free one. Stands for `target` where a client wants a server.
 */
export async function startNginx(t, target, http) {
  if (!existsSync(NGINX)) throw new Error(`no nginx at ${NGINX}: install it, or set NGINX`);
  const folder = scratchFolder(t);
  // If root starts it, its worker is another user and has to get to its temporary files.
  chmodSync(folder, 0o755);
  const host = '127.0.0.1';
  const port = await freePort(host);
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, whole(folder, http.replace(/\blisten \d+/g, `listen ${host}:${port}`)));
  await run(t, ['-e', 'stderr', '-p', folder, '-c', file]);
  return { app: target.app, prefix: target.prefix, host, port };
}

const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

const whole = (folder, http) => `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr notice;
events {}
http {
  access_log off;
  ${TEMPORARY.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
${http}
}
`;

/** Runs nginx until the test ends; returns when its worker takes connections. */
async function run(t, args) {
  const child = spawn(NGINX, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  endWithTests(child, 'SIGTERM');
  const exited = once(child, 'close');
  defer(t, async () => {
    child.kill('SIGTERM');
    await within(exited, 'nginx to exit');
  });
  const log = new Inbox('log of nginx');
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (more) => {
    text += more;
    if (text.includes('start worker process ')) log.push('started');
  });
  child.once('close', () => log.end(`it ended: ${text}`));
  await log.next('its worker');
}
