// A node for the tests: `headwater serve` on a directory, so that engines of this process work through it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../../target/debug/headwater', import.meta.url));

/** Runs a node on `dir` while `work` does; it ends by its process id. */
export async function serving(dir, work) {
  assert.ok(existsSync(PROGRAM), `${PROGRAM} is missing: run \`cargo build -p headwater-cli\``);
  const process = spawn(PROGRAM, ['serve', '--dir', dir], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(process, 'exit');
  try {
    const [line] = await once(process.stdout, 'data');
    assert.match(line.toString(), /^serving /);
    await work();
  } finally {
    process.kill('SIGTERM');
    await ended;
  }
}
