// One address in front of servers that come and go, as a load balancer has it during a deploy.

import net from 'node:net';

import { defer } from './defer.mjs';

/** Passes every new connection on to `target`; stands for a server where a client wants one. */
export async function startRelay(t, target) {
  const relay = new Relay(target);
  await new Promise((ready) => relay.listener.listen(0, '127.0.0.1', ready));
  const { address: host, port } = relay.listener.address();
  Object.assign(relay, { app: target.app, prefix: target.prefix, host, port });
  defer(t, () => {
    relay.cut();
    return new Promise((done) => relay.listener.close(done));
  });
  return relay;
}

class Relay {
  #sockets = new Set();

  constructor(target) {
    this.target = target;
    this.listener = net.createServer((near) => {
      const far = net.connect({ host: this.target.host, port: this.target.port });
      for (const [from, to] of [
        [near, far],
        [far, near],
      ]) {
        this.#sockets.add(from);
        from.on('error', () => to.destroy());
        from.on('close', () => this.#sockets.delete(from));
        from.pipe(to);
      }
    });
  }

  /** Ends all connections without a word. */
  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }
}
