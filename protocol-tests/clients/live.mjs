// The clients that run here, each in a test file of its own kind, one test for each feature.

/** Every build of pusher-js: where it runs, and what its files are called. */
export const PUSHER_JS = [
  { name: 'pusher-js Node', place: 'node', cannot: [] },
  { name: 'pusher-js web', place: 'page', build: '/pusher.js', cannot: ['encrypted'] },
  {
    name: 'pusher-js web with-encryption',
    place: 'page',
    build: '/pusher-with-encryption.js',
    cannot: [],
  },
  { name: 'pusher-js worker', place: 'worker', build: '/pusher.worker.js', cannot: ['encrypted'] },
  {
    name: 'pusher-js worker with-encryption',
    place: 'worker',
    build: '/pusher-with-encryption.worker.js',
    cannot: [],
  },
];

export const ECHO = { name: 'Laravel Echo', cannot: ['watchlist', 'counts'] };

export const PYSHER = {
  name: 'pysher',
  cannot: ['encrypted', 'sign-in', 'watchlist'],
};
