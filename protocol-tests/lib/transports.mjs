// What carries the protocol. Most of it is the same whatever the transport, and so are its tests:
// each is written once and runs over all of them.

import { before, describe, test } from 'node:test';

import { OWN_SERVER, restartServers } from './server.mjs';

export const TRANSPORTS = ['ws', 'xhr_streaming', 'xhr_polling'];

const [FIRST, ...OTHERS] = TRANSPORTS;
const transports = new WeakMap();
const cases = [];

/** The transport of the test with this context: a WebSocket, unless it says otherwise. */
export const transportOf = (t) => transports.get(t) ?? FIRST;

/** Registers tests like `test`, over this transport; its name is added to theirs. */
export const over =
  (transport) =>
  (name, ...rest) => {
    const body = rest.pop();
    test(`${name} over ${transport}`, ...rest, (t) => {
      transports.set(t, transport);
      return body(t);
    });
  };

/**
 * Registers a test like `test`, once for each transport. The file's tests run over WebSockets
 * first, then over each other transport, with servers that have been started anew: sessions over
 * HTTP say no goodbye, and what a server has cached is there for all.
 */
export function overEach(...definition) {
  over(FIRST)(...definition);
  cases.push(definition);
  // All of the file's tests are known when it has been read.
  if (cases.length === 1) queueMicrotask(() => OTHERS.forEach(runAll));
}

// A server that somebody else runs keeps its traces.
const { skip = false } = OWN_SERVER;

function runAll(transport) {
  describe(transport, { skip }, () => {
    before(restartServers);
    for (const definition of cases) over(transport)(...definition);
  });
}
