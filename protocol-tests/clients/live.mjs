// The clients and SDKs that run here, in the versions that `package.json`, `requirements.txt` and
// `rust-pusher/Cargo.toml` install.

import { readFileSync } from 'node:fs';

const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
const { dependencies } = JSON.parse(read('../package.json'));
const requirements = Object.fromEntries(
  read('../requirements.txt')
    .trim()
    .split('\n')
    .map((line) => line.split('==')),
);

const pusherJs = (client) => ({
  version: dependencies['pusher-js'],
  tests: '../lib/pusherjs-features.mjs',
  transports: ['ws'],
  cannot: [],
  ...client,
});

/** Every build of pusher-js: where it runs, and what its file is called. */
const BUILDS = [
  pusherJs({ name: 'pusher-js Node', place: 'node' }),
  pusherJs({
    name: 'pusher-js web',
    place: 'page',
    build: '/pusher.js',
    cannot: ['encrypted'],
  }),
  pusherJs({
    name: 'pusher-js web with-encryption',
    place: 'page',
    build: '/pusher-with-encryption.js',
  }),
  pusherJs({
    name: 'pusher-js worker',
    place: 'worker',
    build: '/pusher.worker.js',
    cannot: ['encrypted'],
  }),
  pusherJs({
    name: 'pusher-js worker with-encryption',
    place: 'worker',
    build: '/pusher-with-encryption.worker.js',
  }),
];

const COMPLETE = BUILDS.filter(({ cannot }) => cannot.length === 0);

/** The builds that can do everything: one for each place. They differ from the rest in that. */
export const [NODE, PAGE, WORKER] = COMPLETE;

/** The same client over one HTTP transport. */
export const by = (transport) => (client) => ({
  ...client,
  name: `${client.name} ${transport}`,
  transports: [transport],
});

/** Every build over WebSockets, and each place over each HTTP transport. */
export const PUSHER_JS = [
  ...BUILDS,
  ...COMPLETE.map(by('xhr_streaming')),
  ...COMPLETE.map(by('xhr_polling')),
];

/** Those of them that connect so. */
export const pusherJsOver = (transport) =>
  PUSHER_JS.filter(({ transports }) => transports.includes(transport));

export const ECHO = {
  name: 'Laravel Echo',
  version: dependencies['laravel-echo'],
  tests: 'clients-echo.test.mjs',
  cannot: ['watchlist', 'counts'],
};

export const PYSHER = {
  name: 'pysher',
  version: requirements.Pysher,
  tests: 'clients-pysher.test.mjs',
  cannot: ['encrypted', 'sign-in', 'watchlist'],
};

export const LIVE_SDKS = [
  { name: 'Node', version: dependencies.pusher, cannot: [] },
  { name: 'Python', version: requirements.pusher, cannot: ['info'] },
  {
    name: 'Rust',
    version: /^pusher = "=(.*)"$/m.exec(read('rust-pusher/Cargo.toml'))[1],
    cannot: ['info', 'batch', 'terminate', 'to user'],
  },
];
