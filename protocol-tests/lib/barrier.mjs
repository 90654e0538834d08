// A proxy that lets no WebSocket through, as some companies and hotels have it.

import { Inbox } from './inbox.mjs';
import { startRelay } from './relay.mjs';

const answer = (status) => (socket) =>
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);

/** What proxies do to an upgrade that they do not understand. */
export const REFUSALS = {
  'answers 400': answer('400 Bad Request'),
  'answers 502': answer('502 Bad Gateway'),
  'closes the connection': (socket) => socket.destroy(),
  'never answers': () => {},
};

/**
 * A relay to `target` that does `refuse` to connections that begin with an upgrade; `refused` has
 * the request line of each.
 */
export async function startBarrier(t, target, refuse) {
  const refused = new Inbox('upgrades at the barrier');
  const admit = async (socket) => {
    const head = await headOf(socket);
    if (!/^upgrade: *websocket\r$/im.test(head.toString('latin1'))) return head;
    refused.push(head.toString('latin1').split('\r\n')[0]);
    refuse(socket);
    return null;
  };
  const barrier = await startRelay(t, target, { admit });
  return Object.assign(barrier, { refused });
}

/** The first bytes, with the whole head of a request if they are one. */
function headOf(socket) {
  return new Promise((resolve) => {
    let head = Buffer.alloc(0);
    const take = (chunk) => {
      head = Buffer.concat([head, chunk]);
      if (isRequest(head) && !head.includes('\r\n\r\n')) return;
      socket.off('data', take).pause();
      resolve(head);
    };
    socket.on('data', take);
  });
}

const isRequest = (bytes) => /^[A-Z]/.test(bytes.toString('latin1', 0, 1));
