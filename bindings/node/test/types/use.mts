// Compiled, never run: the declarations as a program in TypeScript uses them, through `import`.

import headwater, {
  EntitiesClient, HeadwaterError, Json, RawText, Replica, Repository, memory, open, shardOf, shardOwner,
  testEnvironment,
} from 'headwater';
import type {
  Ack, EntityContext, EntityMessage, Message, PointsRow, Record as StreamRecord, PresenceUser, SqlValue,
} from 'headwater';

const engine = await open(new URL('file:///data'), { create: true });
const stream = await engine.createStream({ name: 's', subjects: 's.>', maxMsgs: 5, maxBytes: 5n, durability: 'os' });
const ack: Ack = await stream.append('s.1', 'x', { expectLastSeq: 4n, signal: AbortSignal.timeout(3) });
const seq: bigint = ack.seq;
await stream.appendBatch([{ subject: 's.1', payload: Buffer.from('x'), headers: { a: 'b' }, eventTime: new Date() }]);
await engine.updateStream((await stream.info()).config);
const replicas: number | undefined = stream.config.hub?.replicas;
await engine.createStream({ name: 'copy', hub: { replicas: 3, mirror: { name: 's', startTime: new Date() } } });
await engine.addLink({ name: 'l', stream: 's', remote: 'S', create: { hub: { storage: 'memory' } } }, engine);

for await (const record of stream.subscribe({ filters: ['s.*'], startSeq: seq })) {
  const one: StreamRecord = record;
  const payload: Buffer = one.payload;
  if (payload.length > 0) break;
}

const consumer = await stream.createConsumer({ name: 'c', ackWaitMs: 5, deliverPolicy: 'last_per_subject' });
const messages: Message[] = await consumer.next(10, { timeoutMs: 5 });
messages.forEach((message) => message.ack());
await stream.createConsumer((await consumer.info()).config);

const bucket = await engine.createBucket({ bucket: 'b', history: 3 });
const revision: bigint = await bucket.put('k', 'v');
await bucket.update('k', 'w', revision);

const points = await engine.createPoints({ name: 'p' });
await points.write({ node: 'n', kind: 'k', time: 1n, value: 1.5 });
const rows = await points.query({ filters: '>', aggregates: ['mean', 'p50'], everyMs: 1 });
const mean: number | null | undefined = rows[0]?.mean;
const series: string | undefined = rows[0]?.series;
const dynamic: PointsRow[] = await points.query({ aggregates: ['count'] as string[] });

const app = await engine.crdt('app', { durability: 'os', snapshotRecords: 5n, timeoutMs: 5 });
const total: bigint = await app.counter('likes').incr(5, { timeoutMs: 5 });
await app.set('tags').add({ any: 'thing' }, { ttlMs: 5 });
for await (const value of app.set('tags')) if (value instanceof Json) console.log(value.parse());
const { seq: record } = await app.transaction((both) => {
  both.counter('likes').decr();
  both.map('user').set('tags').remove(1n);
});
for await (const { key, kind } of app.watch('user.')) console.log(key, kind, await app.read(key, kind));
const replica = new Replica(app.actor.engine, 1);
const changed: string[] | undefined = replica.apply(replica.whole(), Date.now())?.map(({ key }) => key);
await engine.joinMesh({ bind: '127.0.0.1:0', seeds: 'b:1', ca: 'ca.pem', cert: 'a.pem', key: 'a.key', preset: 'wan' });
const state: 'alive' | 'suspect' | 'down' | 'left' | undefined = (await engine.mesh())?.members[0]?.state;
const file = await engine.attach({ path: 'app.db', nodeId: 'shop', exclude: 'sessions', logMaxEntries: 5n });
const connection = await file.connect({ timeoutMs: 5 });
const answer = await connection.execute('select ?, ?', [1, new RawText(Buffer.from([255]))], { timeoutMs: 5 });
const cell: SqlValue | undefined = answer.rows[0]?.[0];
const equal: boolean = (await file.check({ repair: true })).isEqual && connection.isInTransaction;
const parked: bigint | undefined = (await engine.databases())[0]?.parked;

const presence = await engine.presence({ ttlMs: 60_000, announceMax: 5 });
{
  await using session = await presence.hold('office', 'ada', { status: 'busy', meta: { room: 7 } });
  const away: PresenceUser = await session.update({ status: 'away' });
  console.log(away.sessions[0]?.ttlMs, (await presence.counts('office')).users);
}
for await (const event of presence.watch('office', { users: ['ada'], after: 3 })) {
  if (event.type === 'snapshot') console.log(event.users.length);
  else if (event.type === 'joined') console.log(event.user.status, event.was);
}

try {
  memory();
} catch (error) {
  if (error instanceof HeadwaterError && error.code === 'ERR_HEADWATER_CONFLICT') console.log(error.expected);
}
{
  await using environment = await testEnvironment({ streams: [{ name: 'x' }], clockAt: 1n });
  environment.advance(5);
}
console.log(headwater.version, replicas, mean, series, dynamic, total, record, changed, state);

// @ts-expect-error a time is never a number
await stream.append('s.1', 'x', { eventTime: 5 });
// @ts-expect-error no option has this name
await stream.read({ from: 5n });
// @ts-expect-error the aggregate was not asked for
console.log(rows[0]?.max);
// @ts-expect-error nobody makes a stream but an engine
new headwater.Stream(1);
// @ts-expect-error nobody makes a handle but a store
new headwater.Counter(app, ['k'], 'counter');
// @ts-expect-error nothing waits in a transaction
await app.transaction((both) => both.counter('k').value());
// @ts-expect-error no kind has this name
await app.read('k', 'heap');
// @ts-expect-error nobody sets what is only told
await presence.set('office', 'ada', { status: 'unknown' });

interface Account {
  balance: number;
}
type AccountEvent = { type: 'deposited' | 'withdrawn'; amount: number };
const store = await engine.createEventStore({ name: 'shop', durability: 'os', maxBytes: 5n });
const deposited = { eventType: 'deposited', data: '{}' };
const saved = await store.save('account', 'a', deposited, { expected: 'none', command: 'c', metadata: { a: 'b' } });
const loaded = await store.load('account', 'a', { asOfTime: new Date(), behind: saved.position, timeoutMs: 5 });
const kind: string | undefined = loaded.events[0]?.eventType;
const accounts = new Repository<Account, AccountEvent>(store, {
  name: 'account',
  start: () => ({ balance: 0 }),
  apply: (state, event) => {
    state.balance += event.amount;
  },
  isSnapshotDue: (state, behind, every) => state.balance === 0 || behind >= 2n * every,
});
const before: number = (await accounts.loadAsOf('a', { asOfVersion: 1 })).state.balance;
// @ts-expect-error how a load begins is not the caller's to say
await accounts.loadAsOf('a', { snapshotSchema: 1 });
const archived = await store.archive('account', 'a', { upTo: 3, timeoutMs: 5 });
const moved: [bigint, bigint, string | null] = [archived.events, archived.upTo, archived.heldBackBy];
const done = await accounts.transact('a', async (root) => {
  root.raise({ type: 'deposited', amount: 5 });
  return root.state.balance;
}, { metadata: [['user', 'ada']] });
await accounts.save(done.root, { metadata: new Map([['user', 'ada']]) });
const balance: number | undefined = done.isRepeat ? done.root.state.balance : done.decided;
for await (const event of store.follow({ filters: { aggregate: 'account' } })) if (event.seq > 5n) break;

class Till {
  static readonly kind = 'till';
  sum = 0;

  async start(context: EntityContext): Promise<void> {
    context.setTimer('close', 1000);
  }

  async handle({ name, payload }: EntityMessage, context: EntityContext): Promise<string | undefined> {
    if (name === 'refuse') throw new HeadwaterError('conflict', 'not now');
    if (name === 'audit') context.spawn('audited', async (signal) => (signal.aborted ? undefined : 'done'));
    if (name !== 'add') return undefined;
    this.sum += Number(payload.toString());
    context.holds(8);
    return String(this.sum);
  }

  timer(name: string, context: EntityContext): boolean {
    return context.cancelTimer(name);
  }
}
{
  await using entities = await engine.entities({ cluster: 'town', node: 'a', ttlMs: 5000, memory: 1n << 30n });
  const serving: Promise<void> = entities.serve(Till, class { static kind = 'quiet'; handle() {} });
  const answer: Buffer = await entities.request('till', 't1', 'add', '5', { timeoutMs: 100 });
  const epoch: bigint | null = entities.where('till', 't1').epoch;
  console.log(answer, epoch, entities.active, shardOf('till', 't1'), shardOwner(0, [{ name: 'a' }]), serving);
}
{
  const files = { ca: 'ca.pem', cert: 'a.pem', key: 'a.key' };
  await using client = await EntitiesClient.connect('grpcs://a:1', { ...files, cluster: 'town', timeoutMs: 5 });
  const answer: Buffer = await client.request('till', 't1', 'add', '5', { timeoutMs: 100 });
  const [info, node] = [(await client.list('till'))[0], (await client.nodes())[0]];
  const isHere: boolean = (await client.where('till', 't1', { timeoutMs: 5 })).isHere;
  console.log(answer, info?.state, node?.isAlive, isHere, client.notify('till', 't1', 'add', '5'));
  // @ts-expect-error nobody makes a client but connect
  new EntitiesClient(1);
  // @ts-expect-error a node talks to nobody without a certificate
  await EntitiesClient.connect('grpcs://a:1', { ca: 'ca.pem' });
}
// @ts-expect-error a class of handlers has a kind
(await engine.entities()).serve(class { handle() {} });
