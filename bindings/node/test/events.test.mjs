// Event stores, repositories, and tests of decisions.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AggregateType, Repository, given, upcast } from 'headwater';
import { environment, rejects, throws } from './helpers.mjs';

const PLACED = { eventType: 'placed', data: '{"n":1}', metadata: { by: 'ann' } };
const SHIPPED = { eventType: 'shipped', schema: 2, time: new Date('2024-05-01') };

async function made(t) {
  const { engine } = await environment(t);
  return { engine, store: await engine.createEventStore({ name: 'shop' }) };
}

test('what is saved is loaded', async (t) => {
  const { store } = await made(t);
  const told = { expected: 'none', command: 'c', correlation: 'r', causation: 'b' };
  const saved = await store.save('order', '7', [PLACED, SHIPPED], told);
  assert.deepEqual(saved, { position: { version: 2n, seq: 2n }, isRepeat: false, durability: 'fsync' });
  const { position, snapshot, events: [placed, shipped] } = await store.load('order', '7');
  assert.deepEqual([position, snapshot], [saved.position, null]);
  assert.deepEqual({ ...placed, saved: 0n, time: 0n }, {
    aggregate: 'order', key: '7', eventType: 'placed', version: 1n, seq: 1n, schema: 1, saved: 0n, time: 0n,
    command: 'c', correlation: 'r', causation: 'b', metadata: [['by', 'ann']], data: Buffer.from('{"n":1}'),
    dataSubject: null, isErased: false,
  });
  assert.deepEqual([placed.json(), placed.text(), placed.position], [{ n: 1 }, '{"n":1}', { version: 1n, seq: 1n }]);
  assert.deepEqual([shipped.schema, shipped.time, shipped.metadata], [2, 1_714_521_600_000_000_000n, []]);
  assert.deepEqual([await store.lastSeq('order', '7'), await store.lastSeq('order', '8')], [2n, 0n]);
  assert.equal((await store.load('order', '8')).position.version, 0n);
  assert.deepEqual([store.name, (await store.stream.info()).records], ['shop', 2n]);
});

test('a save is what it expects, or nothing', async (t) => {
  const { store } = await made(t);
  const first = await store.save('order', '7', PLACED, { expected: 0, command: 'one' });
  for (const expected of ['none', 3, 3n, { version: 2n, seq: 2 }]) {
    await rejects(store.save('order', '7', PLACED, { expected }), 'conflict');
  }
  await rejects(store.save('order', '8', PLACED, { expected: 'exists' }), 'conflict');
  const again = await store.save('order', '7', PLACED, { expected: 'none', command: 'one' });
  assert.deepEqual(again, { ...first, isRepeat: true });
  const next = await store.save('order', '7', PLACED, { expected: first.position });
  assert.equal(next.position.version, 2n);
  const condition = { filter: { aggregate: 'order' }, lastSeq: 2 };
  assert.deepEqual((await store.save('order', '9', PLACED, { condition })).position, { version: 1n, seq: 3n });
  const refused = await rejects(store.save('order', '9', PLACED, { condition }), 'conflict');
  assert.deepEqual([refused.expected, refused.actual], [2n, 3n]);
  for (const expected of ['some', true, {}, { version: 1n }]) {
    await rejects(store.save('order', '7', PLACED, { expected }), 'invalid');
  }
  for (const event of [{}, { eventType: 5 }, { eventType: 'x', schema: -1 }, { ...PLACED, more: 1 }, null, []]) {
    await rejects(store.save('order', '7', event), 'invalid');
  }
  await rejects(store.save('order', '7', Array(1001).fill(PLACED)), 'invalid');
  await rejects(store.save('order', '7', PLACED, { signal: AbortSignal.abort() }), 'timeout');
});

test('what a save says further goes with each of its events, behind their own', async (t) => {
  const { store } = await made(t);
  await store.save('order', '7', [PLACED, SHIPPED], { metadata: { tenant: 't-1' } });
  await store.save('order', '7', PLACED, { metadata: [['to', 'bob'], ['to', 'eve']] });
  await store.save('order', '7', PLACED, { metadata: undefined });
  assert.deepEqual((await store.load('order', '7')).events.map(({ metadata }) => metadata), [
    [['by', 'ann'], ['tenant', 't-1']], [['tenant', 't-1']], [['by', 'ann'], ['to', 'bob'], ['to', 'eve']],
    [['by', 'ann']],
  ]);
  for (const name of ['Headwater-Tenant', 'nats-msg-id']) {
    const refused = await rejects(store.save('order', '7', PLACED, { metadata: { [name]: '1' } }), 'invalid');
    assert.match(refused.message, /a save: metadata may not be named/);
  }
  for (const metadata of ['by', { by: 5 }, [['by']], [5]]) {
    await rejects(store.save('order', '7', PLACED, { metadata }), 'invalid');
  }
  assert.equal((await store.stream.info()).records, 4n);
});

test('loads go back and begin late', async (t) => {
  const { store } = await made(t);
  for (let n = 0; n < 3; n++) await store.save('order', '7', PLACED);
  const second = await store.load('order', '7', { asOfVersion: 2 });
  assert.deepEqual([second.position, second.events.length], [{ version: 2n, seq: 2n }, 2]);
  assert.equal((await store.load('order', '7', { asOfSeq: 1n })).position.version, 1n);
  assert.equal((await store.load('order', '7', { asOfTime: second.events[0].saved - 1n })).events.length, 0);
  const behind = await store.load('order', '7', { behind: second.position });
  assert.deepEqual(behind.events.map((event) => event.version), [3n]);
  await rejects(store.load('order', '7', { asOfVersion: 4 }), 'not_found');
  await rejects(store.load('order', '7', { asOfVersion: 1, asOfSeq: 1 }), 'invalid');
  assert.equal(await store.snapshot('order', '7'), null);
  assert.equal(await store.saveSnapshot('order', '7', { position: second.position, schema: 1, data: 'two' }), true);
  const older = { position: { version: 1, seq: 1 }, schema: 1, data: 'one' };
  assert.equal(await store.saveSnapshot('order', '7', older), false);
  await rejects(store.saveSnapshot('order', '7', { schema: 1 }), 'invalid');
  const fromTwo = await store.load('order', '7', { snapshotSchema: 1 });
  assert.deepEqual(fromTwo.snapshot, await store.snapshot('order', '7'));
  assert.deepEqual([fromTwo.snapshot.data.toString(), fromTwo.events.length], ['two', 1]);
  assert.equal((await store.load('order', '7', { snapshotSchema: 2 })).events.length, 3);
});

test('stores and aggregates are listed', async (t) => {
  const { engine, store } = await made(t);
  for (const key of ['a', 'b', 'c']) await store.save('order', key, PLACED);
  await store.save('cart', 'a', SHIPPED);
  const first = await store.list({ aggregate: 'order', max: 2 });
  assert.deepEqual(first.aggregates.map((info) => info.key), ['a', 'b']);
  const rest = await store.list({ aggregate: 'order', after: first.next });
  assert.deepEqual(rest.aggregates.map(({ key, eventType, position }) => [key, eventType, position]), [
    ['c', 'placed', { version: 1n, seq: 3n }],
  ]);
  assert.equal(rest.next, null);
  assert.deepEqual(await engine.eventStores(), ['shop']);
  assert.equal(await (await engine.eventStore('shop')).lastSeq('cart', 'a'), 4n);
  await rejects(engine.createEventStore({ name: 'shop', maxBytes: 5 }), 'conflict');
  await engine.deleteEventStore('shop');
  await rejects(engine.eventStore('shop'), 'not_found');
});

test('a feed has history, then what comes, and errors in their place', async (t) => {
  const { store } = await made(t);
  await store.save('order', '7', [PLACED, SHIPPED]);
  await store.save('cart', '1', PLACED);
  const feed = store.follow({ filters: { aggregate: 'order' } });
  assert.equal(feed.lag, 3n);
  assert.deepEqual((await feed.next()).map((event) => event.version), [1n, 2n]);
  assert.deepEqual(feed.tryNext(), []);
  await rejects(feed.next(1, { timeoutMs: 5 }), 'timeout');
  const later = feed.next();
  await store.save('order', '8', PLACED);
  assert.deepEqual((await later).map((event) => event.key), ['8']);
  assert.equal(feed.lag, 0n);
  await store.save('order', '8', SHIPPED);
  await store.stream.append('$EVENTS.shop.order.9', 'no event');
  await store.save('order', '8', [PLACED, PLACED]);
  assert.deepEqual((await feed.next()).map((event) => event.version), [2n]);
  throws(() => feed.tryNext(), 'corrupt');
  assert.deepEqual((await feed.next(1)).map((event) => event.version), [3n]);
  assert.deepEqual(feed.tryNext().map((event) => event.version), [4n]);
  setTimeout(() => feed.close(), 5);
  for await (const event of feed) assert.fail(`${event.key} came`);
  const both = store.follow({ filters: [{ aggregate: 'order', key: '7' }, { aggregate: 'cart' }], after: 1 });
  assert.deepEqual(both.tryNext().map((event) => [event.aggregate, event.version]), [['order', 2n], ['cart', 1n]]);
  throws(() => store.follow({ filters: 'order' }), 'invalid');
});

const ACCOUNT = new AggregateType({
  name: 'account',
  start: () => ({ balance: 0 }),
  apply: (state, event) => {
    state.balance += event.type === 'deposited' ? event.amount : -event.amount;
  },
  snapshotSchema: 1,
  upcasters: { paid_in: { 1: ({ data }) => ({ eventType: 'deposited', schema: 1, data }) } },
});

function withdraw(amount) {
  return (account) => {
    if (account.state.balance < amount) throw new RangeError('not enough');
    account.raise({ type: 'withdrawn', amount });
    return account.state.balance;
  };
}

const deposit = (amount) => (account) => account.raise({ type: 'deposited', amount });

test('a repository folds, decides and saves', async (t) => {
  const { store } = await made(t);
  const accounts = new Repository(store, ACCOUNT);
  await rejects(accounts.load('a'), 'not_found');
  const root = accounts.start('a');
  root.raise({ type: 'deposited', amount: 5 });
  assert.deepEqual([root.raised, root.exists], [[{ type: 'deposited', amount: 5 }], false]);
  await accounts.save(root);
  assert.deepEqual([root.raised, root.position], [[], { version: 1n, seq: 1n }]);
  assert.deepEqual((await accounts.load('a')).state, { balance: 5 });
  assert.equal((await accounts.transact('a', withdraw(2))).decided, 3);
  await assert.rejects(accounts.transact('a', withdraw(9)), RangeError);
  await store.save('account', 'a', { eventType: 'paid_in', data: '{"amount":10}' });
  assert.equal((await accounts.load('a')).state.balance, 13);
  // What a caller does to a state is nobody else's.
  (await accounts.load('a')).state.balance = 99;
  assert.equal((await accounts.load('a')).state.balance, 13);
  const late = accounts.start('a');
  late.raise({ type: 'deposited', amount: 1 });
  await rejects(accounts.save(late), 'conflict');
  await store.save('account', 'b', { eventType: 'broken', data: '{' });
  const error = await rejects(accounts.load('b'), 'invalid');
  assert.match(error.message, /^event 1 of account 'b', 'broken' of schema 1: /);
});

test('snapshots are kept when due, and believed when they can be read', async (t) => {
  const { store } = await made(t);
  const accounts = new Repository(store, ACCOUNT, { snapshotEvery: 3, cache: 0 });
  for (let n = 0; n < 4; n++) await accounts.transact('a', deposit(1));
  const kept = await store.snapshot('account', 'a');
  assert.deepEqual([kept.position.version, kept.data.toString()], [3n, '{"balance":3}']);
  const here = async (data) => {
    const { position } = await store.load('account', 'a');
    await store.saveSnapshot('account', 'a', { position, schema: 1, data });
  };
  await here('{"balance":40}');
  assert.equal((await accounts.load('a')).state.balance, 40);
  await accounts.transact('a', deposit(1));
  await here('{');
  assert.equal((await accounts.load('a')).state.balance, 5);
});

test('a command that was carried out is not decided again', async (t) => {
  const { store } = await made(t);
  const accounts = new Repository(store, ACCOUNT);
  const once = { command: 'pay' };
  const pay = (root) => {
    deposit(5)(root);
    return 'paid';
  };
  const never = () => assert.fail('it is decided again');
  const first = await accounts.transact('a', pay, once);
  assert.deepEqual([first.decided, first.isRepeat, first.root.state.balance], ['paid', false, 5]);
  await accounts.transact('a', deposit(1));
  const again = await accounts.transact('a', never, once);
  assert.deepEqual([again.decided, again.isRepeat, again.root.state.balance], [undefined, true, 6]);
  assert.equal(again.root.position.version, 2n);
  assert.equal((await accounts.transact('b', pay, once)).isRepeat, false);
});

test('a command is carried out once, and many who transact at once lose nothing', async (t) => {
  const { store } = await made(t);
  const accounts = new Repository(store, ACCOUNT);
  for (const amount of [5, 6]) {
    // The second time nobody has heard of the first.
    const root = accounts.start('a');
    root.raise({ type: 'deposited', amount });
    await accounts.save(root, { command: 'pay' });
    assert.deepEqual([root.state, root.position.version, root.raised], [{ balance: 5 }, 1n, []]);
  }
  await Promise.all(Array.from({ length: 10 }, () => accounts.transact('a', deposit(1))));
  const loads = await Promise.all(Array.from({ length: 5 }, () => new Repository(store, ACCOUNT).load('a')));
  for (const { state, position } of loads) assert.deepEqual([state, position.version], [{ balance: 15 }, 11n]);
  // Loads at once share a read, and each has a root of its own.
  const fresh = new Repository(store, ACCOUNT);
  const [one, other] = await Promise.all([fresh.load('a'), fresh.load('a')]);
  one.raise({ type: 'deposited', amount: 1 });
  assert.deepEqual([one.state.balance, other.state.balance, other.raised], [16, 15, []]);
});

test('upcasters that lead back, and kinds that are not whole, are named', () => {
  const to = (eventType) => ({ schema, data }) => ({ eventType, schema, data });
  const back = { a: { 1: to('b') }, b: { 1: to('a') } };
  const round = () => upcast(back, { eventType: 'a', schema: 1, data: Buffer.of() });
  assert.match(throws(round, 'invalid').message, /'a' lead/);
  assert.match(throws(() => new AggregateType({ name: 'x', start: Object }), 'invalid').message, /apply is missing/);
  assert.match(throws(() => new AggregateType({ nane: 'x' }), 'invalid').message, /no field 'nane'/);
  throws(() => new Repository({}, ACCOUNT), 'invalid');
});

test('a decision is tested without an engine', () => {
  const five = { type: 'deposited', amount: 5 };
  const decided = given(ACCOUNT, five).when(withdraw(2)).expect({ type: 'withdrawn', amount: 2 });
  decided.expectState((state) => assert.equal(state.balance, 3));
  given(ACCOUNT).when(withdraw(1)).expectError(RangeError).expectError(/not enough/).expectError();
  assert.throws(() => given(ACCOUNT, five).when(withdraw(2)).expect(), assert.AssertionError);
  assert.throws(() => given(ACCOUNT).when(withdraw(1)).expect(), /was refused: RangeError/);
  assert.throws(() => given(ACCOUNT, five).when(withdraw(1)).expectError(), /was not refused/);
  assert.throws(() => given(ACCOUNT).when(withdraw(1)).expectError(TypeError));
});
