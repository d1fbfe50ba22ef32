// What several tests share: directories that go away, and errors by their kind.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HeadwaterError, testEnvironment } from 'headwater';

const scratched = [];
// Not after each test: what was begun first ends first there, and a server would still write into its directory.
process.on('exit', () => {
  for (const dir of scratched) rmSync(dir, { recursive: true, force: true, maxRetries: 10 });
});

/** A new directory that is removed when the process ends. */
export async function scratch() {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'headwater-test-')));
  scratched.push(dir);
  return dir;
}

/** An environment that is closed after the test. */
export async function environment(t, options = undefined) {
  const made = await testEnvironment(options);
  t.after(() => made.close());
  return made;
}

function isKind(error, kinds) {
  assert.ok(error instanceof HeadwaterError, `a HeadwaterError was expected, not ${error}`);
  assert.ok(kinds.includes(error.kind), `kind ${kinds.join(' or ')} was expected, not ${error.kind}: ${error.message}`);
  assert.equal(error.code, `ERR_HEADWATER_${error.kind.toUpperCase()}`);
  return error;
}

/** The error of one of these kinds that the promise is rejected with. */
export async function rejects(promise, ...kinds) {
  const error = await promise.then(() => assert.fail('an error was expected'), (reason) => reason);
  return isKind(error, kinds);
}

/** The error of one of these kinds that the call throws. */
export function throws(call, ...kinds) {
  try {
    call();
  } catch (error) {
    return isKind(error, kinds);
  }
  return assert.fail('an error was expected');
}
