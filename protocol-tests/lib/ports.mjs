// Ports for servers that do not tell which one the system gives them.

import { once } from 'node:events';
import net from 'node:net';

/** A port that was free a moment ago. */
export async function freePort(host) {
  const probe = net.createServer().listen(0, host);
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
