// The application's end of webhooks: an endpoint that keeps every request as it came, byte by
// byte, and answers as a test says. Whatever else a test looks at, each request has to be one that
// the protocol allows.
//
// That nothing is sent is shown by `fence`: by a webhook that is due after whatever should not be.

import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';

import { MAIN, OTHER } from './apps.mjs';
import { defer } from './defer.mjs';
import { PATIENCE_MS } from './inbox.mjs';
import { sdkFor } from './node-sdk.mjs';
import { open } from './raw.mjs';
import { Server } from './server.mjs';
import { checkWebhook } from './webhook-rules.mjs';

/** Answers besides a status, and besides a status with headers: none, and the end. */
export const HANG = 'never answers';
export const CLOSE = 'closes the connection';

/** Gives these answers in turn, whatever the requests are; then success. */
export const inTurn = (...answers) => () => answers.shift() ?? 200;

/**
 * Starts an endpoint. `answer` decides on each request; `tls` is a certificate. Requests have to be
 * signed by one of `apps`.
 */
export async function startEndpoint(t, { answer = () => 200, tls, apps = [MAIN, OTHER] } = {}) {
  const endpoint = new Endpoint({ answer, tls, apps });
  await endpoint.open();
  defer(t, () => endpoint.close());
  return endpoint;
}

class Endpoint {
  /** All requests in the order in which they came. */
  requests = [];
  /** How many were unanswered at the same time, at most. */
  mostAtOnce = 0;
  #tls;
  #apps;
  #listener = null;
  #port = 0;
  #waiters = new Set();
  #fault = null;
  #atOnce = 0;

  constructor({ answer, tls, apps }) {
    /** May be replaced at any time. */
    this.answer = answer;
    this.#tls = tls;
    this.#apps = apps;
  }

  get url() {
    return `${this.#tls ? 'https' : 'http'}://127.0.0.1:${this.#port}/hooks`;
  }

  /** Listens: on any port at first, on the same one later. */
  async open() {
    const take = (request, response) => this.#take(request, response);
    this.#listener = this.#tls ? https.createServer(this.#tls, take) : http.createServer(take);
    const listener = this.#listener;
    await new Promise((ready) => listener.listen(this.#port, '127.0.0.1', ready));
    this.#port = listener.address().port;
  }

  /** Nobody listens there any more: connections are refused. */
  close() {
    const listener = this.#listener;
    if (listener === null) return undefined;
    this.#listener = null;
    listener.closeAllConnections();
    return new Promise((done) => listener.close(done));
  }

  /** Waits until `find`, asked for all requests so far, finds something; gives that. */
  when(find, what, patience = PATIENCE_MS) {
    return new Promise((resolve, reject) => {
      const give = (settle, result) => {
        clearTimeout(timer);
        this.#waiters.delete(look);
        settle(result);
      };
      const fail = (why) => {
        const had = this.requests.map(({ path, attempt, text, answer }) =>
          [path, attempt, String(answer?.status ?? answer), text].join(' '),
        );
        const shown = had.join('\n').slice(-4000);
        give(reject, new Error(`waited for ${what}: ${why}; came so far:\n${shown}`));
      };
      const timer = setTimeout(() => fail(`nothing within ${patience} ms`), patience);
      const look = () => {
        if (this.#fault !== null) return fail(this.#fault);
        const found = find(this.requests);
        return found && give(resolve, found);
      };
      this.#waiters.add(look);
      look();
    });
  }

  /** The first `count` requests, once they are there. */
  received(count) {
    const find = (all) => all.length >= count && all.slice(0, count);
    return this.when(find, `${count} requests`);
  }

  /** The first event that was taken and satisfies the predicate. */
  receivedEvent(predicate, { what = predicate.toString(), patience } = {}) {
    return this.when(() => this.events().find(predicate), what, patience);
  }

  /** All events that were taken: those of requests that were answered with success. */
  events() {
    return this.requests.filter(({ isTaken }) => isTaken).flatMap(({ events }) => events);
  }

  /** What it has been told of a channel so far, in order. */
  toldSoFar(channel) {
    return this.events().filter((event) => event.channel === channel);
  }

  /** What it is told of a channel, once that is `count` events. */
  told(channel, count, patience) {
    const find = () => {
      const events = this.toldSoFar(channel);
      return events.length >= count && events;
    };
    return this.when(find, `${count} events of ${channel}`, patience);
  }

  /** The requests with events of a channel, each attempt counted. */
  requestsFor(channel) {
    return this.requests.filter(({ events }) => events.some((event) => event.channel === channel));
  }

  async #take(message, response) {
    this.#atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
    response.on('close', () => (this.#atOnce -= 1));
    const chunks = [];
    try {
      for await (const chunk of message) chunks.push(chunk);
    } catch {
      return; // Whoever sent it is gone.
    }
    const { method, url: path, headers, rawHeaders } = message;
    const body = Buffer.concat(chunks);
    const request = { method, path, headers, rawHeaders, body, text: body.toString('utf8') };
    try {
      Object.assign(request, checkWebhook(request, this.#apps));
      request.answer = this.answer(request);
    } catch (error) {
      this.#fault ??= `it must not be sent this: ${error.message}\n${request.text.slice(0, 2000)}`;
      request.answer = 500;
    }
    request.isTaken = respond(response, request.answer);
    this.requests.push(request);
    for (const look of [...this.#waiters]) look();
  }
}

/** Gives whether the answer was success. */
function respond(response, answer) {
  if (answer === HANG) return false;
  if (answer === CLOSE) {
    response.destroy();
    return false;
  }
  const { status = answer, headers = {}, body = '', isEndless = false } = answer;
  response.writeHead(status, headers);
  if (isEndless) response.write(body);
  else response.end(body);
  return status >= 200 && status < 300;
}

/** The webhooks of an app in the configuration: each a URL, with `more` to it. */
export const to = (endpoint, more = {}) => [{ url: endpoint.url, ...more }];

/**
 * A server of a test's own that has the app `MAIN` with `app` added, and tells after a second that
 * somebody has gone, unless `webhooks`, its settings for them, say otherwise.
 */
export async function startServer(t, { app = {}, apps, webhooks = {}, sections, ...more } = {}) {
  const server = new Server({
    apps: apps ?? [{ ...MAIN, client_events: true, client_events_per_second: -1, ...app }],
    sections: { webhooks: { delay: 1, ...webhooks }, ...sections },
    ...more,
  });
  await server.start();
  defer(t, () => server.stop());
  return server;
}

/** An endpoint, and a server whose app has one webhook to it, with `webhook` added. */
export async function startHooked(t, { answer, tls, webhook = {}, app = {}, ...more } = {}) {
  const hook = await startEndpoint(t, { answer, tls });
  const server = await startServer(t, { app: { ...app, webhooks: to(hook, webhook) }, ...more });
  return { hook, server };
}

let fences = 0;

/**
 * Waits for a webhook that is due only after all that have been due until now, and after what would
 * be due when the delay of everybody who has gone until now is over.
 */
export async function fence(t, server, hook, prefix = '') {
  const channel = `${prefix}fence-${++fences}`;
  const client = await open(t, server, { transport: 'ws' });
  await client.subscribe(channel, member(channel, 'fence'));
  await client.close();
  const isOver = (event) => event.channel === channel && event.name === 'channel_vacated';
  await hook.receivedEvent(isOver, { what: `the fence ${channel}`, patience: 3 * PATIENCE_MS });
}

const member = (channel, id) => (channel.startsWith('presence-') ? { user_id: id } : undefined);

/** A new connection on a channel; on presence channels it is this user's. */
export async function join(t, server, channel, id = 'u', options = {}) {
  const client = await open(t, server, options);
  await client.subscribe(channel, member(channel, id));
  return client;
}

/** Insists that exactly these are the events of a channel, which the endpoint has been told. */
export function assertTold(hook, channel, expected) {
  const named = expected.map((event) => (typeof event === 'string' ? { name: event } : event));
  const events = named.map(({ name, ...rest }) => ({ name, channel, ...rest }));
  assert.deepEqual(hook.toldSoFar(channel), events, channel);
}

/** What the Node SDK makes of a request; it throws if that is not valid. */
export function readByNode(server, { headers, text }) {
  const read = sdkFor(server).webhook({ headers, rawBody: text });
  assert.equal(read.isValid(), true, text);
  return { time: read.getTime().getTime(), events: read.getEvents() };
}
