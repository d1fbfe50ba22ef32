// Repositories: when a snapshot is due, what becomes of one that could not be kept, aggregates as they were, and what
// goes with a save.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AggregateType, Repository } from 'headwater';
import { environment, rejects, throws } from './helpers.mjs';

const SNAPSHOT_BYTES_MAX = 8 * 1024 * 1024;
const START = 1_700_000_000_000_000_000n;

/** What was applied, in order: what a load had to read. */
const applied = [];

const TALLY = {
  name: 'tally',
  start: () => ({ total: 0 }),
  apply: (state, { amount }) => {
    applied.push(amount);
    state.total += amount;
  },
  snapshotSchema: 1,
};

async function made(t, options = undefined) {
  const { engine, advance } = await environment(t, options);
  return { engine, advance, store: await engine.createEventStore({ name: 'shop' }) };
}

async function add(tallies, amount) {
  return (await tallies.transact('a', (root) => root.raise({ type: 'added', amount }))).root;
}

/** The warnings of ours until the test ends. */
function warnings(t) {
  const said = [];
  const hear = (warning) => {
    if (warning.name === 'HeadwaterWarning') said.push(warning.message);
  };
  process.on('warning', hear);
  t.after(() => process.off('warning', hear));
  return async () => {
    // A warning is told in a tick of its own.
    await new Promise(setImmediate);
    return said.splice(0);
  };
}

for (const cache of [0, 10]) {
  test(`a kind says itself when a snapshot is due, with a cache of ${cache}`, async (t) => {
    const { store } = await made(t);
    const asked = [];
    const isSnapshotDue = ({ total }, behind, every) => {
      asked.push([total, behind, every]);
      return total % 10 === 0;
    };
    const tallies = new Repository(store, { ...TALLY, isSnapshotDue }, { snapshotEvery: 2, cache });
    const kept = [];
    for (const amount of [1, 2, 3, 4, 5]) {
      await add(tallies, amount);
      const snapshot = await store.snapshot('tally', 'a');
      kept.push(snapshot && [snapshot.position.version, snapshot.data.toString()]);
    }
    assert.deepEqual(kept, [null, null, null, [4n, '{"total":10}'], [4n, '{"total":10}']]);
    assert.deepEqual(asked.splice(0), [[1, 1n, 2n], [3, 2n, 2n], [6, 3n, 2n], [10, 4n, 2n], [15, 1n, 2n]]);
    // Several events of one save are asked about once, and a save of nothing is none.
    const root = await tallies.load('a');
    root.raise({ type: 'added', amount: 1 });
    root.raise({ type: 'added', amount: 1 });
    await tallies.save(await tallies.save(root));
    assert.deepEqual(asked, [[17, 3n, 2n]]);
  });
}

test('a kind is not asked when snapshots are off', async (t) => {
  const { store } = await made(t);
  const isSnapshotDue = () => assert.fail('it is asked');
  const said = warnings(t);
  await add(new Repository(store, { ...TALLY, isSnapshotDue }, { snapshotEvery: 0 }), 1);
  await add(new Repository(store, { ...TALLY, isSnapshotDue, snapshotSchema: 0 }, { snapshotEvery: 1 }), 1);
  assert.deepEqual([await store.snapshot('tally', 'a'), await said()], [null, []]);
  throws(() => new AggregateType({ ...TALLY, isSnapshotDue: true }), 'invalid');
});

test('an aggregate is loaded as it was', async (t) => {
  const { store, advance } = await made(t, { clockAt: START });
  const tallies = new Repository(store, TALLY, { snapshotEvery: 0 });
  for (const amount of [1, 2, 4]) {
    advance(10_000);
    await add(tallies, amount);
    await store.save('other', 'a', { eventType: 'added' });
  }
  const { saved: second } = (await store.load('tally', 'a')).events[1];
  const at = async (asOf) => {
    const { state, position, raised } = await tallies.loadAsOf('a', asOf);
    assert.deepEqual(raised, []);
    return [state.total, position.version, position.seq];
  };
  const states = [[1, 1n, 1n], [3, 2n, 3n], [7, 3n, 5n]];
  for (const [n, state] of states.entries()) assert.deepEqual(await at({ asOfVersion: n + 1 }), state);
  // The last event at or before a sequence, or a time.
  for (const [asOfSeq, n] of [[1, 0], [2n, 0], [3, 1], [4, 1], [99, 2]]) {
    assert.deepEqual(await at({ asOfSeq }), states[n]);
  }
  const moment = (seconds) => new Date(Number(START / 1_000_000n) + 1000 * seconds);
  for (const [asOfTime, n] of [[second, 1], [second - 1n, 0], [moment(25), 1], [moment(15), 0]]) {
    assert.deepEqual(await at({ asOfTime }), states[n]);
  }
});

test('an aggregate that had no event by then is not found', async (t) => {
  const { store } = await made(t);
  const tallies = new Repository(store, TALLY);
  await store.save('other', 'a', { eventType: 'added' });
  await add(tallies, 1);
  const { saved } = (await store.load('tally', 'a')).events[0];
  for (const asOf of [{ asOfSeq: 1 }, { asOfTime: saved - 1n }, { asOfVersion: 0 }]) {
    const error = await rejects(tallies.loadAsOf('a', asOf), 'not_found');
    assert.equal(error.message, "tally 'a' had no event by then");
  }
  await rejects(tallies.loadAsOf('a', { asOfVersion: 2 }), 'not_found');
  await rejects(tallies.loadAsOf('b', { asOfSeq: 9 }), 'not_found');
  await rejects(tallies.loadAsOf('a', { asOfVersion: 1, asOfSeq: 2 }), 'invalid');
  await rejects(tallies.loadAsOf('a', { snapshotSchema: 1 }), 'invalid');
  await rejects(tallies.loadAsOf('a', { asOfTime: 5 }), 'invalid');
  await rejects(tallies.loadAsOf(7, { asOfVersion: 1 }), 'invalid');
});

test('a load as of begins with a snapshot that fits', async (t) => {
  const { store } = await made(t);
  const tallies = new Repository(store, TALLY, { snapshotEvery: 3 });
  for (const amount of [1, 2, 3, 4, 5]) await add(tallies, amount);
  const read = async (repository, asOfVersion) => {
    applied.length = 0;
    const { state } = await repository.loadAsOf('a', { asOfVersion });
    return [state.total, applied.slice()];
  };
  assert.deepEqual(await read(tallies, 4), [10, [4]]);
  assert.deepEqual(await read(tallies, 3), [6, []]);
  assert.deepEqual(await read(tallies, 2), [3, [1, 2]]);
  assert.deepEqual(await read(new Repository(store, TALLY, { snapshotEvery: 0 }), 4), [10, [1, 2, 3, 4]]);
  // One that can't be read is as good as none, and what lies behind the version stays out.
  const { position } = await store.load('tally', 'a', { asOfVersion: 4 });
  assert.ok(await store.saveSnapshot('tally', 'a', { position, schema: 1, data: '{' }));
  assert.deepEqual(await read(tallies, 4), [10, [1, 2, 3, 4]]);
});

test('a load as of has nothing to do with the cache', async (t) => {
  const { store } = await made(t);
  const fresh = () => new Repository(store, TALLY, { snapshotEvery: 0 });
  for (const amount of [1, 2, 3]) await add(fresh(), amount);
  const tallies = fresh();
  const read = async (loading) => {
    applied.length = 0;
    const { state } = await loading();
    return [state.total, applied.slice()];
  };
  const asOf = (asOfVersion) => read(() => tallies.loadAsOf('a', { asOfVersion }));
  const now = () => read(() => tallies.load('a'));
  // Nothing is kept: a load reads all that there is.
  assert.deepEqual(await asOf(2), [3, [1, 2]]);
  assert.deepEqual(await asOf(3), [6, [1, 2, 3]]);
  assert.deepEqual(await now(), [6, [1, 2, 3]]);
  // Nothing is taken, nor is what is kept put back.
  assert.deepEqual(await asOf(3), [6, [1, 2, 3]]);
  assert.deepEqual(await asOf(1), [1, [1]]);
  assert.deepEqual(await now(), [6, []]);
  await add(fresh(), 4);
  assert.deepEqual(await asOf(4), [10, [1, 2, 3, 4]]);
  assert.deepEqual(await now(), [10, [4]]);
  assert.deepEqual(await now(), [10, []]);
});

test('an aggregate as it was is saved only when nothing is behind it', async (t) => {
  const { store } = await made(t);
  const tallies = new Repository(store, TALLY);
  for (const amount of [1, 2]) await add(tallies, amount);
  const save = async (asOf) => {
    const root = await tallies.loadAsOf('a', asOf);
    root.raise({ type: 'added', amount: 4 });
    return tallies.save(root);
  };
  await rejects(save({ asOfVersion: 1 }), 'conflict');
  await rejects(save({ asOfSeq: 1 }), 'conflict');
  assert.deepEqual((await tallies.load('a')).state, { total: 3 });
  // A sequence that the store has not reached is of now.
  assert.equal((await save({ asOfSeq: 99 })).position.version, 3n);
  assert.deepEqual((await tallies.load('a')).state, { total: 7 });
});

const fail = () => {
  throw new RangeError('no room');
};
const WRONG = {
  'a dump that throws': [{ dump: fail }, /: RangeError: no room$/],
  'a policy that throws': [{ isSnapshotDue: fail }, /: RangeError: no room$/],
  'a dump that makes no bytes': [{ dump: () => 7 }, /: HeadwaterError: what dump returns must be /],
  'too much for a snapshot': [{ dump: () => new Uint8Array(SNAPSHOT_BYTES_MAX + 1) }, /: HeadwaterError: ./],
};
for (const [name, [wrong, why]] of Object.entries(WRONG)) {
  test(`a snapshot that could not be kept is said: ${name}`, async (t) => {
    const { store } = await made(t);
    const said = warnings(t);
    const tallies = new Repository(store, { ...TALLY, ...wrong }, { snapshotEvery: 2 });
    const isSaid = async () => {
      const [warning, ...more] = await said();
      assert.match(warning, /^tally 'a' got no snapshot: /);
      assert.match(warning, why);
      assert.deepEqual(more, []);
    };
    assert.deepEqual((await add(tallies, 1)).state, { total: 1 });
    await said();
    const root = await add(tallies, 2);
    assert.deepEqual([root.state, root.position.version, root.raised], [{ total: 3 }, 2n, []]);
    await isSaid();
    // The next save tries again.
    root.raise({ type: 'added', amount: 4 });
    await tallies.save(root);
    await isSaid();
    assert.deepEqual([await store.snapshot('tally', 'a'), (await tallies.load('a')).state], [null, { total: 7 }]);
    await add(new Repository(store, TALLY, { snapshotEvery: 2 }), 1);
    assert.equal((await store.snapshot('tally', 'a')).data.toString(), '{"total":8}');
    assert.deepEqual(await said(), []);
  });
}

test('what a save of a repository says further goes with each of its events', async (t) => {
  const { store } = await made(t);
  const encode = ({ type, amount }) => (
    { eventType: type, data: JSON.stringify({ amount }), metadata: amount === 1 ? { own: '1' } : [] }
  );
  const tallies = new Repository(store, { ...TALLY, encode });
  const root = tallies.start('a');
  for (const amount of [1, 2]) root.raise({ type: 'added', amount });
  await tallies.save(root, { metadata: { by: 'save' } });
  const said = async () => (await store.load('tally', 'a')).events.map(({ metadata }) => metadata);
  const saved = [[['own', '1'], ['by', 'save']], [['by', 'save']]];
  assert.deepEqual(await said(), saved);
  let tries = 0;
  const decide = async (decided) => {
    tries += 1;
    // Somebody is faster than the first try.
    if (tries === 1) await store.save('tally', 'a', { eventType: 'added', data: '{"amount":4}' });
    decided.raise({ type: 'added', amount: 8 });
  };
  // What gives its pairs once goes with the second try all the same.
  const done = await tallies.transact('a', decide, { metadata: new Map([['by', 'transact']]).entries() });
  assert.deepEqual([tries, done.root.state], [2, { total: 15 }]);
  assert.deepEqual(await said(), [...saved, [], [['by', 'transact']]]);
  for (const metadata of [{ 'Nats-Msg-Id': '1' }, { by: 5 }, 'by']) {
    const raise = (decided) => decided.raise({ type: 'added', amount: 16 });
    await rejects(tallies.transact('a', raise, { metadata }), 'invalid');
  }
  assert.equal((await said()).length, 4);
});

test('a snapshot that has no bucket is said', async (t) => {
  const { engine, store } = await made(t);
  const said = warnings(t);
  const tallies = new Repository(store, TALLY, { snapshotEvery: 1, cache: 0 });
  await engine.deleteBucket('EVENTS_shop');
  assert.equal((await add(tallies, 1)).position.version, 1n);
  assert.match((await said()).join('\n'), /^tally 'a' got no snapshot: HeadwaterError: .+$/);
  assert.deepEqual((await tallies.load('a')).state, { total: 1 });
  assert.deepEqual((await tallies.loadAsOf('a', { asOfVersion: 1 })).state, { total: 1 });
});
