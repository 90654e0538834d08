// An address in front of a server that passes HTTP requests on and tells how they were answered.

import http from 'node:http';

import { defer } from './defer.mjs';
import { Inbox } from './inbox.mjs';

/** Gives its address, and `answers`: the path and the status of each request. */
export async function startRecorder(t, { host, port }) {
  const answers = new Inbox('requests that were passed on');
  const recorder = http.createServer((near, response) => {
    const { method, url, headers } = near;
    const far = http.request({ host, port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
      answer.on('end', () => answers.push({ url, status: answer.statusCode }));
    });
    far.on('error', (error) => response.destroy(error));
    near.pipe(far);
  });
  await new Promise((ready) => recorder.listen(0, '127.0.0.1', ready));
  defer(t, () => {
    recorder.closeAllConnections();
    return new Promise((done) => recorder.close(done));
  });
  return { host: '127.0.0.1', port: recorder.address().port, answers };
}
