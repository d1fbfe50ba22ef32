// The examples run as a user's own program would: in a project of their own that has the package installed.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { scratch } from './helpers.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const examples = fileURLToPath(new URL('../../../examples/node', import.meta.url));
const WANTED = {
  'append_read.mjs': /^appended orders\.eu\.1 as 1 \(fsync\)\n[^]*actual 3\n[^]*last of orders\.us\.2 is 2\n$/,
  'crdt.mjs': /^likes: 5\nchanged: likes .counter.\n[^]*tags = ."blue".\n[^]*likes: 6\n[^]* 5 likes after \d+ bytes\n$/,
  'entities.mjs': /^node east is gone\n200 transfers, 1000 in the bank\nacc-3 had 100 before, by 1 event\n$/,
  'points.mjs': /^cellar\.temperature +00:00 {2}min 12\.0 {2}mean 12\.25 {2}max 12\.5\n[^]*live: kitchen .* = 23\.5\n$/,
  'replica.mjs': /^both files have 1 Emma at 9\.5, [^]*1 Emma Woodhouse at 12\.5, 2 Ivanhoe at 3\.25\nbooks replicates/,
  'subscribe.mjs': /^followed 1000 records, 900 of them live, in order and without a gap\n$/,
};

test('every example runs and prints what it says', async () => {
  const names = (await readdir(examples)).filter((name) => name.endsWith('.mjs'));
  assert.deepEqual(names.sort(), Object.keys(WANTED));
  const project = await scratch();
  await mkdir(join(project, 'node_modules'));
  await symlink(root, join(project, 'node_modules', 'headwater'), 'dir');
  for (const name of names) {
    await copyFile(join(examples, name), join(project, name));
    const { stdout } = await promisify(execFile)(process.execPath, [name], { cwd: project, timeout: 60_000 });
    assert.match(stdout, WANTED[name], name);
  }
});
