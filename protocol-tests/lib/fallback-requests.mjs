// The requests of the HTTP fallback transports, with every part under the test's control, and the
// frames of their responses, read by every rule there is (fallback-transports.md §3).

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import http from 'node:http';

import { defer } from './defer.mjs';
import { send } from './http.mjs';
import { Inbox, within } from './inbox.mjs';

const DIGITS = '0123456789abcdefghijklmnopqrstuv';

/** The units of a stream's text that pusher-js reads before it asks for a new one. */
export const BUFFER_LIMIT = 262_144;

/** The query of a receive request. */
export const queryFor = (protocol) =>
  `?protocol=${protocol}&client=js&version=8.6.0&t=1795232341772&n=1`;

/** What every answer that frames come in must say. */
export const FRAME_HEADERS = {
  'content-type': 'application/javascript; charset=UTF-8',
  'access-control-allow-origin': '*',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
};

/** The two parts of a session's name in a path: `{server}/{session}`, as pusher-js draws them. */
export function randomName() {
  const letters = Array.from({ length: 8 }, () => DIGITS[randomInt(DIGITS.length)]);
  return `${randomInt(1000)}/${letters.join('')}`;
}

/** Where a session's requests go; what is not given is as pusher-js has it. */
export function basePath(server, { app = server.app, path = '/pusher', name = randomName() } = {}) {
  return `${server.prefix}${path}/app/${app.key}/${name}`;
}

/** Sends messages; gives the whole answer. */
export function post(server, base, messages, more = {}) {
  const body = typeof messages === 'string' ? messages : JSON.stringify(messages);
  const headers = { 'Content-Type': 'application/json', ...more.headers };
  const target = `${base}/xhr_send?t=1795232341772&n=1`;
  return send(server, { method: 'POST', target, ...more, headers, body });
}

/** The answer to messages that have been taken. */
export function assertTaken({ status, text, headers }) {
  assert.deepEqual([status, text], [204, '']);
  assert.equal(headers['access-control-allow-origin'], '*');
}

/** What a line says: `{ kind, … }` with the hostname, the messages, or code and reason. */
export function parseFrame(line) {
  const kind = line[0];
  const rest = line.slice(1);
  switch (kind) {
    case 'o': {
      if (rest === '') return { kind };
      const { hostname, ...more } = JSON.parse(rest);
      assert.deepEqual([typeof hostname, more], ['string', {}], 'a hostname and nothing else');
      return { kind, hostname };
    }
    case 'a': {
      const messages = JSON.parse(rest);
      assert.ok(Array.isArray(messages) && messages.every((m) => typeof m === 'string'));
      return { kind, messages };
    }
    case 'h':
      assert.equal(rest, '', 'a heartbeat has no content');
      return { kind };
    case 'c': {
      const [code, reason, ...more] = JSON.parse(rest);
      assert.deepEqual([typeof reason, more], ['string', []], 'a code and a reason');
      assert.ok(Number.isInteger(code), 'the code is a number');
      return { kind, code, reason };
    }
    default:
      throw new Error('no frame begins like this');
  }
}

/** Turns the bytes of one response into lines; keeps count of them as a browser does. */
export class Lines {
  #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #rest = '';
  /** UTF-16 units so far. */
  units = 0;

  push(bytes) {
    const text = this.#decoder.decode(bytes, { stream: true });
    this.units += text.length;
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop();
    for (const line of lines) {
      assert.notEqual(line, '', 'an empty line would stall the reader');
      assert.ok(!line.includes('\r'), 'a line ends with LF alone');
    }
    return lines;
  }

  get isAtEnd() {
    return this.#rest === '';
  }

  /** Nothing more comes: no line and no character may be unfinished. */
  end() {
    this.#rest += this.#decoder.decode();
    assert.equal(this.#rest, '', 'the last line ends with LF');
  }
}

/** One receive request: hands on its frames one by one. */
export class Reception {
  #lines = new Lines();
  #taker;
  #isAborted = false;
  #told = 0;
  isOver = false;

  /**
   * `taker` has `take(frame)`, `fault(error, text)` for a broken rule, and may have `consumed()`
   * for the end of each piece that has been read to its last frame. A frame's `end` is where it
   * ends in the response, in UTF-16 units.
   */
  constructor(server, target, { headers = {}, agent, taker }) {
    this.#taker = taker;
    const { host, port } = server;
    this.request = http.request({
      host,
      port,
      method: 'POST',
      path: target,
      agent,
      headers: { 'Content-Type': 'application/json', ...headers },
    });
    this.head = new Promise((resolve) => this.request.once('response', resolve));
    /** How it ended: `isComplete` if as the server meant it to, and why if not. */
    this.ended = new Promise((resolve) => {
      const end = (how) => {
        this.isOver = true;
        resolve(how);
      };
      const fail = (error) => end({ isComplete: false, why: error.message });
      this.request.on('error', fail);
      this.request.once('close', () => fail(new Error('the connection was closed')));
      this.request.once('response', (response) => this.#read(response, end, fail));
    });
    this.request.end();
  }

  get units() {
    return this.#lines.units;
  }

  /** Reads nothing more until told to, so that the server finds its socket full. */
  async pause() {
    (await this.head).pause();
  }

  async resume() {
    (await this.head).resume();
  }

  /** Drops it, with whatever is still under way. */
  abort() {
    this.#isAborted = true;
    this.request.destroy();
  }

  #read(response, end, fail) {
    this.response = response;
    response.on('error', fail);
    if (response.statusCode !== 200) {
      const chunks = [];
      response.on('data', (bytes) => chunks.push(bytes));
      const text = () => Buffer.concat(chunks).toString();
      response.on('end', () => fail(new Error(`status ${response.statusCode}: ${text()}`)));
      return;
    }
    this.#guard('', () => checkHeaders(response.headers));
    response.on('data', (bytes) => this.#push(bytes));
    response.on('end', () => {
      this.#guard('', () => this.#lines.end());
      end({ isComplete: true, units: this.units });
    });
  }

  #push(bytes) {
    let lines = [];
    this.#guard(bytes, () => (lines = this.#lines.push(bytes)));
    for (const line of lines) {
      // Who takes a frame may drop the rest.
      if (this.#isAborted) return;
      this.#told += line.length + 1;
      this.#guard(line, () => this.#taker.take({ ...parseFrame(line), end: this.#told }));
    }
    if (!this.#isAborted && this.#lines.isAtEnd) this.#taker.consumed?.();
  }

  #guard(text, read) {
    try {
      read();
    } catch (error) {
      this.#taker.fault(error, String(text));
    }
  }
}

function checkHeaders(headers) {
  const found = Object.keys(FRAME_HEADERS).map((name) => [name, headers[name]]);
  assert.deepEqual(Object.fromEntries(found), FRAME_HEADERS);
  assert.equal(headers['content-encoding'], undefined, 'nothing is compressed');
}

/** A receive request whose frames are read one after the other. */
export function receive(t, server, base, how = 'xhr_streaming', more = {}) {
  const { query = queryFor(7), headers } = more;
  const frames = new Inbox(`frames of ${how}`);
  const taker = {
    take: (frame) => frames.push(frame),
    fault: (error, text) => frames.end(`bad frame: ${error.message}: ${text.slice(0, 300)}`),
  };
  const reception = new Reception(server, `${base}/${how}${query}`, { headers, taker });
  reception.frames = frames;
  reception.ended.then(({ why = 'as it should' }) => frames.end(`the response ended: ${why}`));
  defer(t, () => reception.abort());
  return reception;
}

/** The frames of a response that the server ends, all of them. */
export async function receiveAll(t, server, base, how, more) {
  const reception = receive(t, server, base, how, more);
  const { isComplete, why } = await within(reception.ended, 'the response to end');
  assert.ok(isComplete, why);
  return reception.frames.drain();
}
