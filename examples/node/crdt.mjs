// State that merges: two handles of one store count, add and follow each other, and two replicas without an engine
// become equal by the fragments that they send.

import { Replica, temporary } from 'headwater';

const TIMEOUT_MS = 30_000;

// Several changes as one record: a tag, and a field of a map.
async function describe(store) {
  await store.transaction((both) => {
    both.set('tags').add('blue');
    both.map('user').register('name').set('Ann');
  });
}

// Waits until three keys changed, then prints what is in the store.
async function follow(store, watcher) {
  let seen = 0;
  for await (const { key, kind } of watcher.items({ signal: AbortSignal.timeout(TIMEOUT_MS) })) {
    console.log(`changed: ${key} (${kind})`);
    if (++seen === 3) break;
  }
  for (const { key, json } of await store.dump()) console.log(`${key} = ${json}`);
}

// The same without an engine: what one replica did reaches the other as bytes, by whatever carrier.
function withoutAnEngine() {
  const nowMs = 1_000;
  const replicas = [1, 2].map((engine) => new Replica(engine, 1));
  const deltas = replicas.map((replica, i) => {
    replica.write({ path: 'likes', kind: 'counter', op: 'add', value: 2 + i }, nowMs);
    return replica.takeDelta();
  });
  for (const [i, replica] of replicas.entries()) {
    const delta = deltas[1 - i];
    replica.apply(delta, nowMs);
    const likes = replica.read('likes', 'counter', nowMs);
    console.log(`replica ${replica.actor.engine}: ${likes} likes after ${delta.length} bytes`);
  }
}

const engine = temporary();
const here = await engine.crdt('app');
const there = await engine.openCrdt('app');
const watcher = there.watch();
console.log(`likes: ${await here.counter('likes').incr(5)}`);
await describe(here);
await follow(there, watcher);
console.log(`likes: ${await there.counter('likes').incr()}`);
withoutAnEngine();
await engine.close();
