// The columns of the table in `docs/compatibility.md`. Each client has one test for each of them,
// unless the client cannot do it; `tests/self` compares the table with these names.

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

export const titleOf = (client, feature) => `clients: ${client.name}: ${feature}`;

export const featuresOf = ({ cannot }) => FEATURES.filter((feature) => !cannot.includes(feature));
