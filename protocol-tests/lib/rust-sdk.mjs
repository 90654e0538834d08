// The Rust server SDK, as methods that return promises.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { SdkProcess } from './sdk-process.mjs';

const BUILT = new URL('../../target/clients/debug/rust-pusher', import.meta.url);
const PROGRAM = process.env.FOGHORN_RUST_SDK ?? fileURLToPath(BUILT);

export class RustSdk extends SdkProcess {
  constructor(t, { app, host, port }) {
    assert.ok(existsSync(PROGRAM), `no ${PROGRAM}: build it as README.md says`);
    super(t, 'Rust SDK', PROGRAM, [app.id, app.key, app.secret, `${host}:${port}`]);
  }
}
