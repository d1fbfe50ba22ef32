// Data subjects that are forgotten, through repositories and read models.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Repository } from 'headwater';
import { environment } from './helpers.mjs';

const person = {
  name: 'person',
  start: () => ({ names: [], erased: [] }),
  apply: (state, event) => { state.names.push(event.name); },
  applyErased: (state, eventType) => { state.erased.push(eventType); },
  dataSubject: (event) => event.of,
  snapshotSchema: 1,
};

async function shop(t) {
  const { engine } = await environment(t);
  return engine.createEventStore({ name: 'shop' });
}

test('a repository folds what can be read, with snapshots as without', async (t) => {
  const store = await shop(t);
  const people = new Repository(store, person, { snapshotEvery: 2 });
  const plain = new Repository(store, person, { snapshotEvery: 0, cache: 0 });
  const name = (of, named) => people.transact('p', (root) => root.raise({ type: 'named', of, name: named }));
  const states = async () => [(await people.load('p')).state, (await plain.load('p')).state];
  await name(undefined, '0');
  await name('ada', '1');
  await name('bob', '2');
  await name(undefined, '3');
  assert.deepEqual((await store.snapshot('person', 'p')).dataSubjects, ['ada', 'bob']);
  const before = { names: ['0', '1', '2', '3'], erased: [] };
  assert.deepEqual(await states(), [before, before]);
  assert.equal(await store.forget('ada'), true);
  assert.equal(await store.forget('ada'), false);
  assert.equal(await store.snapshot('person', 'p'), null);
  const after = { names: ['0', '2', '3'], erased: ['named'] };
  assert.deepEqual(await states(), [after, after]);
  await name('ada', '4');
  const later = { names: ['0', '2', '3', '4'], erased: ['named'] };
  assert.deepEqual(await states(), [later, later]);
});

test('events say whom they are about, and whether they are erased', async (t) => {
  const store = await shop(t);
  await store.save('person', 'p', [
    { eventType: 'named', data: 'Ada', dataSubject: 'ada' },
    { eventType: 'named', data: 'x' },
  ]);
  const seen = async () => (await store.load('person', 'p')).events
    .map((event) => [event.dataSubject, event.isErased, event.text()]);
  assert.deepEqual(await seen(), [['ada', false, 'Ada'], [null, false, 'x']]);
  await store.forget('ada');
  assert.deepEqual(await seen(), [['ada', true, ''], [null, false, 'x']]);
  await assert.rejects(store.forget(''), { kind: 'invalid' });
  await assert.rejects(store.save('person', 'p', { eventType: 'x', dataSubject: 5 }), { kind: 'invalid' });
});
