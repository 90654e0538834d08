// The clients that cannot run here: their frames are recorded, and replayed by
// `tests/clients-recorded`, one test for each client and feature.

import { DOTNET } from './dotnet.mjs';
import { JAVA } from './java.mjs';
import { SWIFT } from './swift.mjs';

export const RECORDED = [JAVA, DOTNET, SWIFT];

export const FEATURES = [
  'public',
  'private',
  'presence',
  'encrypted',
  'cache',
  'client events',
  'sign-in',
  'watchlist',
  'counts',
  'errors',
  'liveness',
  'reconnect',
];

/** The names of the tests that `docs/compatibility.md` speaks of. */
export const titleOf = (family, feature) => `clients: ${family.name}: ${feature}`;

export const featuresOf = ({ cannot }) => FEATURES.filter((feature) => !cannot.includes(feature));
