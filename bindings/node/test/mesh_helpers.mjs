// What the tests of meshes share: certificates, what a node is told, and waits for what comes about by itself.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { certificates } from './certs.mjs';
import { scratch } from './helpers.mjs';

const WAIT_MS_MAX = 20_000;

/** Waits for what comes about by itself. */
export async function until(what, isSo) {
  const end = Date.now() + WAIT_MS_MAX;
  while (!(await isSo())) {
    assert.ok(Date.now() < end, `${what} did not come to be in ${WAIT_MS_MAX} ms`);
    await sleep(5);
  }
}

/** A directory with certificates of nodes of these names, and what such a node is told. */
export async function made(...names) {
  const dir = await scratch();
  certificates(dir, names);
  const node = (name, more = {}) => ({
    name, bind: '127.0.0.1:0', ca: join(dir, 'ca.pem'), cert: join(dir, `${name}.pem`), key: join(dir, `${name}.key`),
    ...more,
  });
  return { dir, node };
}
