// Starts and stops the binary under test, or stands for a server that somebody else runs.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { before } from 'node:test';
import { fileURLToPath } from 'node:url';

import { MAIN, STANDARD_APPS } from './apps.mjs';
import { endWithTests } from './children.mjs';
import { defer, deferToEnd } from './defer.mjs';
import { Inbox, within } from './inbox.mjs';

const EXTERNAL = process.env.FOGHORN_URL ? new URL(process.env.FOGHORN_URL) : null;
const DEFAULT_BINARY = fileURLToPath(new URL('../../target/debug/foghorn', import.meta.url));

export const BINARY = resolve(process.env.FOGHORN_BIN ?? DEFAULT_BINARY);

/** Options for tests that choose settings, or watch the process itself. */
export const OWN_SERVER = EXTERNAL
  ? { skip: 'needs a server started by the test, but FOGHORN_URL names a running one' }
  : {};

/** The servers of this file. */
const inUse = [];

/**
 * A server for the tests of the calling file: started before them, stopped after them. What needs
 * its address goes into `prepare`: Node does not run `before` hooks one after the other.
 */
export function useServer(options = {}, prepare = () => {}) {
  const server = new Server(options);
  inUse.push(server);
  before(async () => {
    await server.start();
    await prepare(server);
  });
  deferToEnd(() => server.stop());
  return server;
}

/** Starts the servers of this file anew, where they were: nothing is left of earlier tests. */
export async function restartServers() {
  for (const server of inUse) await server.restart();
}

/** The configuration file for some settings; what is not named keeps the server's default. */
export function configText({ server = {}, apps = STANDARD_APPS, log = {}, sections = {} } = {}) {
  const lines = [];
  const section = (name, settings) => {
    lines.push(`[${name}]`, ...Object.entries(settings).filter(isGiven).map(setting), '');
  };
  section('server', { host: '127.0.0.1', port: 0, ...server });
  section('metrics', { port: 0, ...sections.metrics });
  // Clients over HTTP leave without a word, and tests wait until that is noticed.
  section('fallback', { session_timeout: 2, ...sections.fallback });
  const { metrics, fallback, ...others } = sections;
  for (const [name, settings] of Object.entries(others)) section(name, settings);
  section('log', { format: 'json', ...log });
  for (const { key, secret, keys = [{ key, secret }], ...rest } of apps) {
    lines.push('[[apps]]', ...Object.entries({ ...rest, keys }).map(setting), '');
  }
  return lines.join('\n');
}

const isGiven = ([, value]) => value !== undefined;
const setting = ([name, value]) => `${name} = ${toml(value)}`;

// Strings, numbers and booleans are written the same way in JSON and TOML.
function toml(value) {
  if (Array.isArray(value)) return `[${value.map(toml).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const pair = ([name, one]) => `${JSON.stringify(name)} = ${toml(one)}`;
  return `{ ${Object.entries(value).map(pair).join(', ')} }`;
}

/** A run of the binary: collects what it prints, ends it by its own process id only. */
export class Process {
  stdout = '';
  stderr = '';
  logs = [];
  lines = new Inbox('log of the server');
  #foreseen = new Set();
  output = new Inbox('standard output of the server');

  /**
   * `launcher` is a command that goes on as the one given behind it. It works in a folder of its
   * own, `cwd` for one: what it keeps there by default is nobody else's.
   */
  constructor(args, { env = {}, cwd, launcher = [] } = {}) {
    assert.ok(existsSync(BINARY), `no binary at ${BINARY}: build it, or set FOGHORN_BIN`);
    const [command, ...words] = [...launcher, BINARY, ...args];
    const own = cwd ?? mkdtempSync(join(tmpdir(), 'protocol-tests-'));
    this.child = spawn(command, words, {
      cwd: own,
      env: { ...withoutSettings(process.env), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.exited = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code, signal) => {
        const exit = { code, signal };
        this.exit = exit;
        if (cwd === undefined) rmSync(own, { recursive: true, force: true });
        const why = `the process ended with ${JSON.stringify(exit)}; stderr: ${this.stderr}`;
        this.lines.end(why);
        this.output.end(why);
        resolve(exit);
      });
    });
    this.exited.catch(() => {});
    endWithTests(this.child);
    this.#read('stdout', (line) => this.output.push(line));
    this.#read('stderr', (line) => this.#log(line));
  }

  /** Asks it to end (or makes it) and gives how it ended. */
  async end(signal = 'SIGTERM') {
    if (this.exit === undefined) this.child.kill(signal);
    return within(this.exited, `the server to exit after ${signal}`).catch((error) => {
      this.child.kill('SIGKILL');
      throw error;
    });
  }

  /** The next line with this message, and perhaps with these fields. */
  logged(message, fields = {}) {
    const isThat = (line) =>
      line.fields?.message === message &&
      Object.entries(fields).every(([name, value]) => line.fields[name] === value);
    return this.lines.waitFor(isThat, `${message} ${JSON.stringify(fields)}`);
  }

  /** The next line of level ERROR, which the test has asked for. */
  async error() {
    const line = await this.lines.waitFor(({ level }) => level === 'ERROR', 'an error');
    this.#foreseen.add(line);
    return line.fields;
  }

  /** Errors so far that say this are what the test has asked for, however often they came. */
  excuse(pattern) {
    const isMeant = ({ fields }) => pattern.test(fields.error);
    for (const line of this.#errors().filter(isMeant)) this.#foreseen.add(line);
  }

  #errors() {
    return this.logs.filter((line) => line.level === 'ERROR' && !this.#foreseen.has(line));
  }

  /** A log line of level ERROR or a panic means the server is broken, whatever the test saw. */
  assertHealthy() {
    const bad = this.#errors().map((line) => JSON.stringify(line));
    const panics = this.stderr.match(/^.*panicked at[^]*?\n.*$/gm) ?? [];
    assert.deepEqual([...bad, ...panics], [], 'the server logged errors');
  }

  #read(name, take) {
    let rest = '';
    this.child[name].setEncoding('utf8').on('data', (text) => {
      this[name] += text;
      if (process.env.FOGHORN_TEST_LOGS) process.stderr.write(text);
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      lines.forEach(take);
    });
  }

  #log(line) {
    let entry;
    try {
      entry = JSON.parse(line);
    } catch {
      return; // Not a log line: a panic message or a usage text; `stderr` has it.
    }
    this.logs.push(entry);
    this.lines.push(entry);
  }
}

// The server reads settings from variables of these prefixes; the reader's own must not leak in.
function withoutSettings(env) {
  const isSetting = ([name]) => /^(FOGHORN|SOKETI)_/.test(name);
  return Object.fromEntries(Object.entries(env).filter((variable) => !isSetting(variable)));
}

/** Runs the binary to its end. */
export async function run(args, options) {
  const child = new Process(args, options);
  const { code, signal } = await within(child.exited, `foghorn ${args.join(' ')} to exit`).catch(
    async (error) => {
      await child.end('SIGKILL');
      throw error;
    },
  );
  return { code, signal, stdout: child.stdout, stderr: child.stderr };
}

/** A folder of its own for one test, removed afterwards. */
export function scratchFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'protocol-tests-'));
  defer(t, () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export class Server {
  app = MAIN;
  prefix = '';
  #options;
  #folder;

  constructor(options = {}) {
    this.#options = options;
    this.prefix = options.server?.path_prefix ?? '';
  }

  async start({ port = 0 } = {}) {
    if (EXTERNAL) {
      this.host = EXTERNAL.hostname;
      this.port = Number(EXTERNAL.port || 80);
      return;
    }
    this.#folder = mkdtempSync(join(tmpdir(), 'protocol-tests-'));
    await this.#run(port);
  }

  /** Where it keeps what outlives it. */
  get dataFolder() {
    return join(this.#folder, 'data');
  }

  async #run(port) {
    const file = join(this.#folder, 'foghorn.toml');
    const { server, ...rest } = this.#options;
    // What one server remembers is no other's business, unless a test says so.
    const own = { data_dir: this.dataFolder, ...server, port };
    writeFileSync(file, configText({ ...rest, server: own }));
    this.process = new Process(['serve', '--config', file]);
    // Several seconds may pass on a busy machine, and either line may come first.
    const announced = {};
    while (!announced.listening || !announced['metrics listening']) {
      const line = await this.process.lines.next('the listening addresses');
      announced[line.fields?.message] = line.fields?.address;
    }
    [this.host, this.port] = hostAndPort(announced.listening);
    [this.metricsHost, this.metricsPort] = hostAndPort(announced['metrics listening']);
  }

  /** Starts again on the port it had, with nothing of what it knew. */
  async restart(signal) {
    const { port } = this;
    const exit = await this.stop(signal);
    await this.start({ port });
    return exit;
  }

  /**
   * Starts again where it was, with the data that it had: what is left after a crash, or after a
   * deploy. `meanwhile` runs between its end and its start.
   */
  async comeBack(signal, meanwhile = () => {}) {
    const { port } = this;
    const exit = await this.process.end(signal);
    this.process.assertHealthy();
    await meanwhile();
    await this.#run(port);
    return exit;
  }

  async stop(signal = 'SIGTERM') {
    if (!this.process) return undefined;
    const exit = await this.process.end(signal);
    rmSync(this.#folder, { recursive: true, force: true });
    this.process.assertHealthy();
    return exit;
  }

  get url() {
    return `http://${this.host}:${this.port}${this.prefix}`;
  }
}

/** The two parts of an address; an IPv6 one comes in brackets and goes without. */
export function hostAndPort(address) {
  const at = address.lastIndexOf(':');
  return [address.slice(0, at).replace(/^\[(.*)\]$/, '$1'), Number(address.slice(at + 1))];
}
