// The applications the tests know. Credentials are made up.

const external = {
  id: process.env.FOGHORN_APP_ID,
  key: process.env.FOGHORN_APP_KEY,
  secret: process.env.FOGHORN_APP_SECRET,
};

/** The one nearly every test uses. An external server must have it, with client events on. */
export const MAIN = {
  id: external.id ?? '4242',
  key: external.key ?? 'k7f3d0c1b2a39485',
  secret: external.secret ?? 's3cr3t-9f8e7d6c5b4a',
};

/** Another customer on the same server. */
export const OTHER = { id: '4343', key: 'k0a1b2c3d4e5f607', secret: 's3cr3t-0b1c2d3e4f50' };

/** Known, but switched off. */
export const DISABLED = { id: '4444', key: 'kd15ab1edd15ab1e', secret: 's3cr3t-d15ab1edd15a' };

/** On, but without client events. */
export const SILENT = { id: '4545', key: 'k51e27a90c3d4e5f', secret: 's3cr3t-51e27a90c3d4' };

export const STANDARD_APPS = [
  { ...MAIN, client_events: true },
  { ...OTHER, client_events: true },
  { ...DISABLED, enabled: false },
  { ...SILENT, client_events: false },
];
