// State that merges: a counter and a set are changed in a store, and two replicas that worked apart become equal.

import { Replica, temporary } from 'headwater';

const TIMEOUT_MS = 30_000;
const NOW_MS = 1_772_323_200_000;

async function countAndTag(store) {
  const changes = store.watch();
  const total = await store.counter('likes').incr(5);
  console.log(`likes are ${total}, and then ${await store.counter('likes').decr(2)}`);
  await store.transaction((both) => {
    both.set('tags').add('blue');
    both.set('tags').add('green');
    both.map('ada').register('colour').set('blue');
  });
  const seen = new Set();
  for await (const { key } of changes.items({ signal: AbortSignal.timeout(TIMEOUT_MS) })) {
    seen.add(key);
    if (seen.size === 3) break;
  }
  changes.close();
  console.log(`changed: ${[...seen].sort().join(', ')}`);
}

async function read(store) {
  const tags = [];
  for await (const tag of store.set('tags')) tags.push(tag);
  const colour = await store.map('ada').register('colour').value();
  console.log(`tags are ${tags.join(', ')}; Ada's colour is ${colour}`);
}

// What a program does that carries fragments by itself: no store, no network, no clock.
function merge() {
  const [here, there] = [new Replica(1, 1), new Replica(2, 1)];
  here.write({ path: 'likes', kind: 'counter', op: 'add', value: 2 }, NOW_MS);
  here.write({ path: 'tags', kind: 'set', op: 'insert', value: 'blue' }, NOW_MS);
  there.apply(here.whole(), NOW_MS);
  here.takeDelta();
  // From here on they know nothing of each other.
  here.write({ path: 'likes', kind: 'counter', op: 'add', value: 2 }, NOW_MS);
  here.write({ path: 'tags', kind: 'set', op: 'remove', value: 'blue' }, NOW_MS);
  there.write({ path: 'likes', kind: 'counter', op: 'add', value: 1 }, NOW_MS);
  there.write({ path: 'tags', kind: 'set', op: 'insert', value: 'green' }, NOW_MS);
  const deltas = [here.takeDelta(), there.takeDelta()];
  there.apply(deltas[0], NOW_MS);
  here.apply(deltas[1], NOW_MS);
  if (!here.whole().equals(there.whole())) throw new Error('the replicas differ');
  const [likes, tags] = [there.read('likes', 'counter', NOW_MS), there.read('tags', 'set', NOW_MS)];
  console.log(`after the exchange both have ${likes} likes and the tags ${tags.join(', ')}`);
}

const engine = temporary();
const store = await engine.crdt('app');
await countAndTag(store);
await store.close();
await read(await engine.openCrdt('app'));
merge();
await engine.close();
