// Certificates for tests, made by `headwater certs`: a CA and those of nodes.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../../target/debug/headwater', import.meta.url));

/** Makes them in a directory, for nodes of these names. */
export function certificates(out, names) {
  assert.ok(existsSync(PROGRAM), `${PROGRAM} is missing: run \`cargo build -p headwater-cli\``);
  execFileSync(PROGRAM, ['certs', 'ca', '--out', out]);
  for (const name of names) execFileSync(PROGRAM, ['certs', 'node', '--ca', out, '--name', name, '--out', out]);
}
