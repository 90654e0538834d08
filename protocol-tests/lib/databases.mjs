// Databases that tests fill behind the server's back: SQLite, and servers of PostgreSQL and MariaDB
// from Debian's packages, each on a free port with a folder of its own.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { endWithTests } from './children.mjs';
import { defer } from './defer.mjs';
import { Inbox, within } from './inbox.mjs';
import { freePort } from './ports.mjs';
import { python } from './python.mjs';
import { SdkProcess } from './sdk-process.mjs';
import { scratchFolder } from './server.mjs';

const HOST = '127.0.0.1';
/** The password of the database's user: nobody may ever read it in a log. */
export const PASSWORD = 'hunter2-of-the-database';

const NOBODY = 65_534;
const IS_ROOT = process.getuid() === 0;
/** PostgreSQL refuses to be root, and nobody else should be. */
const UNPRIVILEGED = IS_ROOT ? { uid: NOBODY, gid: NOBODY } : {};

/** The kinds of databases, each started with `start(t)`. */
export const DATABASES = [
  { name: 'SQLite', isServer: false, start: (t) => new Sqlite(t) },
  { name: 'PostgreSQL', isServer: true, driver: 'postgres', start: startPostgres },
  { name: 'MariaDB', isServer: true, driver: 'mysql', start: startMariadb },
];

let names = 0;
const newName = () => `apps${++names}`;

/** What all have in common: `fresh()` gives an empty database. */
class Databases {
  #sql;

  constructor(t) {
    const script = fileURLToPath(new URL('./sql.py', import.meta.url));
    this.#sql = new SdkProcess(t, 'SQL', python(), [script]);
  }

  execute(url, sql, values = []) {
    return this.#sql.call('execute', [url, sql, values]);
  }

  database(url) {
    return {
      url,
      execute: (sql, values) => this.execute(url, sql, values),
      /** A name that may be a word of the language. */
      quoted: (name) => (url.startsWith('mysql') ? `\`${name}\`` : `"${name}"`),
    };
  }
}

class Sqlite extends Databases {
  #folder;

  constructor(t) {
    super(t);
    this.#folder = scratchFolder(t);
  }

  fresh() {
    return this.database(`sqlite://${join(this.#folder, newName())}.db`);
  }
}

/** A server that can be stopped and started again. */
class DatabaseServer extends Databases {
  #program;
  #child;

  constructor(t, program) {
    super(t);
    this.#program = program;
    defer(t, () => this.stop());
  }

  /** The address of one of its databases. */
  url(name, password = PASSWORD) {
    const { scheme, user, port } = this.#program;
    return `${scheme}://${user}:${password}@${HOST}:${port}/${name}`;
  }

  get port() {
    return this.#program.port;
  }

  get user() {
    return this.#program.user;
  }

  async fresh() {
    const name = newName();
    await this.execute(this.url(this.#program.main), `CREATE DATABASE ${name}`);
    return Object.assign(this.database(this.url(name)), { name });
  }

  async start() {
    const { command, args, folder, ready } = this.#program;
    const stdio = ['ignore', 'ignore', 'pipe'];
    const child = spawn(command, args, { cwd: folder, stdio, ...UNPRIVILEGED });
    endWithTests(child, 'SIGQUIT');
    child.ended = once(child, 'close');
    const log = new Inbox(`log of ${command}`);
    createInterface({ input: child.stderr })
      .on('line', (line) => log.push(line))
      .on('close', () => log.end('it has ended'));
    this.#child = child;
    await log.waitFor((line) => line.includes(ready), ready);
  }

  /** Ends it without waiting for its clients. */
  async stop() {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    child.kill(this.#program.end);
    await within(child.ended, 'the database to end');
  }
}

async function startPostgres(t) {
  const folder = databaseFolder(t);
  const programs = postgresPrograms();
  const data = join(folder, 'data');
  const password = join(folder, 'password');
  writeFileSync(password, PASSWORD);
  await must(join(programs, 'initdb'), folder, [
    ...['--pgdata', data, '--pwfile', password, '--username=postgres'],
    ...['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync'],
  ]);
  const port = await freePort(HOST);
  const settings = [`listen_addresses=${HOST}`, 'unix_socket_directories=', 'fsync=off'];
  return started(t, {
    ...{ folder, port, scheme: 'postgres', user: 'postgres', main: 'postgres' },
    command: join(programs, 'postgres'),
    args: ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    ready: 'database system is ready to accept connections',
    end: 'SIGINT',
  });
}

/** Debian has a folder for each version, none of them on the search path. */
function postgresPrograms() {
  const all = '/usr/lib/postgresql';
  const versions = existsSync(all) ? readdirSync(all).map((name) => join(all, name, 'bin')) : [];
  const last = versions.filter((folder) => existsSync(join(folder, 'initdb'))).sort().at(-1);
  assert.ok(last, 'no PostgreSQL: `cargo xtask setup` installs it');
  return last;
}

async function startMariadb(t) {
  const command = '/usr/sbin/mariadbd';
  assert.ok(existsSync(command), 'no MariaDB: `cargo xtask setup` installs it');
  const folder = databaseFolder(t);
  const data = join(folder, 'data');
  mkdirSync(data);
  handOver(data);
  // What Debian's script does, which is in another package.
  const parts = ['tables', 'tables_data'].map((part) => `/usr/share/mysql/mysql_system_${part}.sql`);
  const make = [
    'CREATE DATABASE mysql;\nUSE mysql;\n',
    'SET @auth_root_socket = NULL;\nSET @skip_auth_anonymous = 1;\n',
    ...parts.map((part) => readFileSync(part, 'utf8')),
  ].join('');
  await must(command, folder, ['--no-defaults', '--bootstrap', `--datadir=${data}`], make);
  const accounts = join(folder, 'accounts.sql');
  writeFileSync(
    accounts,
    `CREATE USER IF NOT EXISTS 'foghorn'@'%' IDENTIFIED BY '${PASSWORD}';\n` +
      "GRANT ALL ON *.* TO 'foghorn'@'%';\n",
  );
  const port = await freePort(HOST);
  return started(t, {
    ...{ folder, port, scheme: 'mysql', user: 'foghorn', main: 'mysql' },
    command,
    args: [
      ...['--no-defaults', `--datadir=${data}`, `--init-file=${accounts}`],
      ...[`--socket=${join(folder, 'socket')}`, `--port=${port}`, `--bind-address=${HOST}`],
      ...['--skip-name-resolve', '--innodb-flush-log-at-trx-commit=0'],
    ],
    ready: 'ready for connections',
    end: 'SIGTERM',
  });
}

async function started(t, program) {
  const server = new DatabaseServer(t, program);
  await server.start();
  return server;
}

/** A folder that the database may write to. */
function databaseFolder(t) {
  const folder = scratchFolder(t);
  handOver(folder);
  return folder;
}

function handOver(folder) {
  if (IS_ROOT) chownSync(folder, NOBODY, NOBODY);
}

/** Runs a program that must succeed; `input` is what it reads. */
async function must(command, folder, args, input = '') {
  const child = spawn(command, args, { cwd: folder, ...UNPRIVILEGED });
  let said = '';
  child.stderr.on('data', (text) => (said += text));
  child.stdout.resume();
  child.stdin.end(input);
  const [code] = await within(once(child, 'close'), `${command} to end`);
  assert.equal(code, 0, `${command}: ${said}`);
}
