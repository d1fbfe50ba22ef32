// Object stores: bytes, streams and files in, bytes, streams and files out.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { memory } from 'headwater';

const DATA = Buffer.from(Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 31) % 251));

async function store() {
  const engine = memory();
  return { engine, files: await engine.createObjectStore({ bucket: 'files', description: 'd' }) };
}

test('bytes, streams and files go in and come out', async () => {
  const { engine, files } = await store();
  const info = await files.put('a', DATA, { headers: { h: '1' }, metadata: { k: 'v' }, description: 'x' });
  const digest = createHash('sha256').update(DATA).digest('base64').replaceAll('+', '-').replaceAll('/', '_');
  assert.equal(info.digest, `SHA-256=${digest}`);
  assert.deepEqual([info.size, info.chunks, info.link], [3_000_000n, 23n, null]);
  assert.deepEqual([info.headers, info.metadata], [[['h', '1']], { k: 'v' }]);
  assert.ok((await (await files.get('a')).bytes()).equals(DATA));
  assert.ok((await buffer((await files.get('a')).stream())).equals(DATA));
  await files.put('b', Readable.from([DATA.subarray(0, 5), DATA.subarray(5)]));
  await files.put('c', ['te', 'xt']);
  assert.equal(await (await files.get('c')).text(), 'text');
  const dir = await mkdtemp(join(tmpdir(), 'headwater-object-'));
  try {
    const told = [];
    await files.getFile('b', join(dir, 'b'), { onProgress: (done, total) => told.push([done, total]) });
    assert.ok((await readFile(join(dir, 'b'))).equals(DATA));
    assert.deepEqual(told.at(-1), [3_000_000, 3_000_000]);
    assert.equal((await files.putFile('d', pathToFileURL(join(dir, 'b')))).digest, info.digest);
  } finally {
    await rm(dir, { recursive: true });
  }
  assert.deepEqual((await files.list()).map(({ name }) => name), ['a', 'b', 'c', 'd']);
  const { config, bytes } = await files.status();
  assert.ok(config.description === 'd' && bytes > 9_000_000n);
  assert.deepEqual([files.name, files.stream.name, await engine.objectStores()], ['files', 'OBJ_files', ['files']]);
  await engine.close();
});

test('a put that breaks off leaves the object before it', async () => {
  const { engine, files } = await store();
  await files.put('a', 'old');
  async function* broken() {
    yield DATA;
    throw new RangeError('planted');
  }
  await assert.rejects(files.put('a', broken()), RangeError);
  const writer = await files.writer('a', { maxChunkSize: 1000 });
  await writer.write(DATA);
  await writer.abort();
  await assert.rejects(writer.write('x'), { kind: 'closed' });
  await assert.rejects(files.put('a', 5), { kind: 'invalid' });
  assert.equal(await (await files.get('a')).text(), 'old');
  assert.equal((await files.stream.info()).records, 2n);
  await engine.close();
});

test('what is said of an object changes, and is watched', async () => {
  const { engine, files } = await store();
  await files.put('a', '1');
  const watcher = files.watch();
  assert.equal((await watcher.next())[0].name, 'a');
  assert.equal((await files.update('a', { name: 'b', description: 'x' })).description, 'x');
  assert.deepEqual((await watcher.next()).map(({ name, deleted }) => [name, deleted]), [['b', false], ['a', true]]);
  assert.deepEqual((await files.addLink('l', 'files', 'b')).link, { bucket: 'files', name: 'b' });
  assert.equal((await files.get('l')).info.name, 'b');
  await files.delete('b');
  assert.equal(await files.info('b'), null);
  await assert.rejects(files.get('l'), { kind: 'not_found' });
  watcher.close();
  await engine.deleteObjectStore('files');
  await engine.close();
});
