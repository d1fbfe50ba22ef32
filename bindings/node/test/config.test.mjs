// An engine as a file says: its streams, what stands for variables, and the place of a mistake.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openConfig } from 'headwater';
import { rejects, scratch } from './helpers.mjs';

test('a file says which directory and which streams', async () => {
  const dir = await scratch();
  const path = join(dir, 'headwater.toml');
  process.env.HEADWATER_TEST_STREAM = 'orders';
  await writeFile(path, 'dir = "data"\n[[stream]]\nname = "${HEADWATER_TEST_STREAM}"\nmax_age = "1h"\n');
  const engine = await openConfig(path);
  assert.equal(engine.dir, join(dir, 'data'));
  assert.equal((await engine.stream('orders')).name, 'orders');
  await engine.close();
  await writeFile(path, '[[stream]]\nname = "orders"\nmax_agee = "1h"\n');
  await assert.rejects(openConfig(path), /headwater\.toml: line 3, column 1: .*max_agee/);
  await rejects(openConfig(path), 'invalid');
  await rejects(openConfig(join(dir, 'nowhere.toml')), 'not_found');
});
