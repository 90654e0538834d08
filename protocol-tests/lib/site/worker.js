// pusher-js in a worker: the first message names the build to load, others are calls.

let driven;

onmessage = ({ data: [method, ...args] }) => {
  if (method !== 'start') return driven[method](...args);
  const [build, settings] = args;
  importScripts(build, '/drive.js');
  driven = drive(Pusher, settings, (entry) => postMessage(entry));
};
