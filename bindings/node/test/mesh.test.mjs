// Two engines of one process in a mesh: what is written at one is read at the other; who is there, and who left.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { memory, openConfig } from 'headwater';
import { rejects } from './helpers.mjs';
import { made, until } from './mesh_helpers.mjs';

function engine(t) {
  const opened = memory();
  t.after(() => opened.close());
  return opened;
}

test('what is written at one node is read at the other', async (t) => {
  const { node } = await made('a', 'b');
  const [a, b] = [engine(t), engine(t)];
  assert.equal(await a.mesh(), null);
  await a.joinMesh(node('a'));
  await rejects(a.joinMesh(node('a')), 'conflict');
  const { own, members } = await a.mesh({ timeoutMs: 5000 });
  assert.deepEqual([own.name, own.engine, own.state, members], ['a', a.id, 'alive', []]);
  assert.ok(own.since > 1_600_000_000_000_000_000n);
  await b.joinMesh(node('b', { seeds: own.address }));
  const states = async () => (await b.mesh()).members.map((member) => `${member.engine} ${member.state}`).join();
  await until('a mesh of two', async () => (await states()) === `${a.id} alive`);

  const [here, there] = [await a.crdt('app'), await b.crdt('app')];
  await here.counter('likes').incr(5);
  await until('the counter', async () => (await there.counter('likes').value()) === 5n);
  const [{ store, behind }] = (await b.mesh()).members[0].stores;
  assert.deepEqual([store, behind], ['app', 0n]);

  await a.leaveMesh();
  await a.leaveMesh();
  assert.equal(await a.mesh(), null);
  await until('a good-bye', async () => (await states()) === `${a.id} left`);
});

test('a mesh that cannot be is refused', async (t) => {
  const { node } = await made('a', 'b');
  const one = engine(t);
  await rejects(one.joinMesh(node('a', { bind: 'nowhere' })), 'invalid');
  await rejects(one.joinMesh(node('c')), 'not_found');
  await rejects(one.joinMesh(node('a', { preset: 'man' })), 'invalid');
  await rejects(one.joinMesh(node('a', { seeds: 7 })), 'invalid');
  await rejects(one.joinMesh(node('a', { seed: 'x' })), 'invalid');
  await rejects(one.joinMesh({ bind: '127.0.0.1:0' }), 'invalid');
  await rejects(one.joinMesh(), 'invalid');
  assert.equal(await one.mesh(), null);
});

test('a file may have a mesh', async () => {
  const { dir } = await made('a', 'b');
  const path = join(dir, 'headwater.toml');
  const mesh = '[mesh]\nname = "a"\nbind = "127.0.0.1:0"\nca = "ca.pem"\ncert = "a.pem"\nkey = "a.key"\n';
  await writeFile(path, `dir = "data"\n${mesh}`);
  const opened = await openConfig(path);
  assert.equal((await opened.mesh()).own.name, 'a');
  await opened.close();
});
