// A certificate of the tests' own, made anew for each run.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { runPython } from './python.mjs';

const SCRIPT = fileURLToPath(new URL('./certificate.py', import.meta.url));

/**
 * Makes a certificate for 127.0.0.1: its file, that of its key and that of who vouches for it.
 * `remove` takes them away again.
 */
export async function makeCertificate() {
  const folder = mkdtempSync(join(tmpdir(), 'foghorn-tls-'));
  await runPython([SCRIPT, folder]);
  const cert = join(folder, 'cert.pem');
  const key = join(folder, 'key.pem');
  const caFile = join(folder, 'ca.pem');
  const remove = () => rmSync(folder, { recursive: true, force: true });
  return { cert, key, caFile, ca: readFileSync(caFile), remove };
}
