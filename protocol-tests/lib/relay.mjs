// One address in front of servers that come and go, as a load balancer has it during a deploy.

import net from 'node:net';

import { defer } from './defer.mjs';

/**
 * Passes every new connection on to `target`; stands for a server where a client wants one.
 * `admit(socket)` decides on a connection: it gives the bytes that it read, which are passed on
 * first, or null if it dealt with the connection itself. Any free `port` will do by default.
 */
export async function startRelay(t, target, { admit = everybody, port: wanted = 0 } = {}) {
  const relay = new Relay(target, admit);
  await new Promise((ready) => relay.listener.listen(wanted, '127.0.0.1', ready));
  const { address: host, port } = relay.listener.address();
  Object.assign(relay, { app: target.app, prefix: target.prefix, host, port });
  defer(t, () => {
    relay.cut();
    return new Promise((done) => relay.listener.close(done));
  });
  return relay;
}

const everybody = () => Buffer.alloc(0);

class Relay {
  #sockets = new Set();

  constructor(target, admit) {
    this.target = target;
    this.listener = net.createServer(async (near) => {
      this.#keep(near);
      const read = await admit(near);
      if (read) this.#pass(near, read);
    });
  }

  #pass(near, read) {
    const far = net.connect({ host: this.target.host, port: this.target.port });
    this.#keep(far);
    far.write(read);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      from.on('error', () => to.destroy());
      from.pipe(to);
    }
  }

  #keep(socket) {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }

  /** Ends all connections without a word. */
  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }
}
