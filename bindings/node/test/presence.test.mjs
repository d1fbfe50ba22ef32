// Who is here: sessions held and leased, time that a test moves, reads, watchers; alone and through a node.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { memory, open } from 'headwater';
import { environment, rejects, scratch, throws } from './helpers.mjs';
import { serving } from './node.mjs';

function engine(t) {
  const opened = memory();
  t.after(() => opened.close());
  return opened;
}

const NOBODY = { users: 0, sessions: 0, online: 0, away: 0, busy: 0, unknown: 0 };

test('a held session is there until it is left', async (t) => {
  const on = engine(t);
  const presence = await on.presence();
  const session = await presence.hold('office', 'ada', { status: 'busy', message: 'in a call', meta: { room: 7 } });
  const user = await presence.get('office', 'ada');
  assert.deepEqual([user.space, user.user, user.status, user.message], ['office', 'ada', 'busy', 'in a call']);
  const [first] = user.sessions;
  assert.deepEqual([first.id, first.ttlMs, first.meta], ['default', null, { room: 7 }]);
  assert.deepEqual([session.space, session.user, session.id], ['office', 'ada', 'default']);
  const away = await session.update({ status: 'away', device: 'phone' });
  assert.deepEqual([away.status, away.message, away.sessions[0].device], ['away', 'in a call', 'phone']);
  assert.equal((await session.update({ message: '' })).message, null);
  await session.active();
  await session.leave();
  await session.leave();
  assert.equal((await presence.get('office', 'ada')).status, 'offline');
  await rejects(session.update({ status: 'busy' }), 'not_found');
  await rejects(session.active(), 'not_found');
  assert.deepEqual(await on.presences(), ['presence']);
  assert.equal(presence.name, 'presence');
});

test('a held session is left at the end of its scope', { skip: !Symbol.asyncDispose }, async (t) => {
  const presence = await engine(t).presence();
  const session = await presence.hold('office', 'ada');
  await session[Symbol.asyncDispose]();
  assert.deepEqual(await presence.counts('office'), NOBODY);
});

test('a lease lives to its deadline and a grace', async (t) => {
  const start = Date.parse('2026-01-01T00:00:00Z');
  const { engine: on, advance } = await environment(t, { clockAt: new Date(start) });
  const presence = await on.presence({ graceMs: 5_000, idleMs: 60_000 });
  const user = await presence.set('office', 'ada', { session: 'tab', ttlMs: 30_000 });
  assert.deepEqual([user.sessions[0].ttlMs, user.sessions[0].sinceMs, user.lastSeenMs], [30_000, start, start]);
  advance(10_000);
  const lease = await presence.heartbeat('office', 'ada', 'tab');
  assert.deepEqual(lease, { expiresMs: start + 40_000, ttlMs: 30_000 });
  const seen = [];
  for (const ms of [10_000, 10_000, 10_000, 4_900, 200]) {
    advance(ms);
    seen.push((await presence.get('office', 'ada')).status);
  }
  assert.deepEqual(seen, ['online', 'online', 'online', 'online', 'offline']);
  await rejects(presence.heartbeat('office', 'ada', 'tab', { active: true }), 'not_found');
});

test('who is there is told', async (t) => {
  const presence = await engine(t).presence({ name: 'site', node: 'n1' });
  await presence.set('office', 'ada', { session: 'tab', status: 'busy' });
  await presence.set('office', 'bob');
  assert.deepEqual(await presence.counts('office'), { ...NOBODY, users: 2, sessions: 2, online: 1, busy: 1 });
  assert.ok((await presence.choose('office', 'bob', 'away', 60_000)).chosen);
  assert.equal((await presence.choose('office', 'bob', null)).status, 'online');
  assert.ok((await presence.hide('office', 'ada')).invisible);
  const { users, stale } = await presence.list('office');
  assert.deepEqual([users.map((user) => user.user), stale], [['bob'], false]);
  await presence.hide('office', 'ada', false);
  const many = await presence.getMany('office', ['nobody', 'ada']);
  assert.deepEqual(many.users.map((user) => [user.user, user.status]), [['nobody', 'offline'], ['ada', 'busy']]);
  assert.equal(many.users[0].lastSeenMs, null);
  assert.equal((await presence.spaces()).get('office').users, 2);
  const status = await presence.status();
  assert.deepEqual([status.name, status.node, status.answered, status.lastError], ['site', 'n1', 2, '']);
  assert.deepEqual(status.nodes.map(({ name, state }) => [name, state]), [['n1', 'up']]);
  assert.equal((await presence.leave('office', 'bob')).status, 'offline');
  assert.equal(await presence.purge({ node: 'n1' }), 1);
  await rejects(presence.purge({ node: 'none' }), 'not_found');
  await presence.close();
  await rejects(presence.get('office', 'ada'), 'closed');
});

test('what cannot be is refused', async (t) => {
  const on = engine(t);
  const presence = await on.presence();
  await rejects(on.presence({ ttlMs: 5_000 }), 'conflict');
  await rejects(on.presence({ colour: 'red' }), 'invalid');
  await rejects(presence.set('office', 'ada', { status: 'gone' }), 'invalid');
  await rejects(presence.set('office', 'ada', { message: 'x'.repeat(1025) }), 'invalid');
  await rejects(presence.set('office', 'ada', { meta: undefined, ttlMs: 1 }), 'invalid');
  await rejects(presence.set('office', 'ada', { meta: () => {} }), 'invalid');
  await rejects(presence.hold('office', 'ada', { ttlMs: 5_000 }), 'invalid');
  await rejects(presence.get('office', 7), 'invalid');
  await rejects(presence.getMany('office', Array.from({ length: 1001 }, (_, i) => `u${i}`)), 'invalid');
  throws(() => presence.watch(''), 'invalid');
  throws(() => presence.watch('office', { since: 1 }), 'invalid');
});

test('a watcher is told, and goes on where it was', async (t) => {
  const presence = await engine(t).presence();
  await presence.set('office', 'ada');
  const watcher = presence.watch('office');
  const [first] = await watcher.next(1);
  assert.deepEqual([first.type, first.users[0].user], ['snapshot', 'ada']);
  const seen = [];
  const following = (async () => {
    for await (const event of watcher) {
      seen.push(event);
      if (event.type === 'left') watcher.close();
    }
  })();
  await presence.set('office', 'ada', { status: 'busy' });
  await presence.leave('office', 'ada');
  await following;
  assert.deepEqual(seen.map((e) => [e.type, e.session, e.was, e.user.status]), [
    ['updated', 'default', 'online', 'busy'],
    ['left', 'default', 'busy', 'offline'],
  ]);
  await presence.set('office', 'bob');
  const again = presence.watch('office', { users: 'ada', after: seen[0].position });
  assert.deepEqual((await again.next()).map((event) => event.type), ['left']);
  assert.deepEqual(again.tryNext(), []);
  again.close();
});

test('through a node', async () => {
  const dir = join(await scratch(), 'data');
  await serving(dir, async () => {
    const [one, other] = [await open(dir), await open(dir)];
    const [here, there] = [await one.presence(), await other.presence()];
    const watcher = there.watch('office');
    assert.equal((await watcher.next(1))[0].type, 'snapshot');
    const session = await here.hold('office', 'ada', { status: 'busy' });
    assert.equal((await there.get('office', 'ada')).status, 'busy');
    assert.equal((await watcher.next(1))[0].type, 'joined');
    await session.leave();
    assert.equal((await there.get('office', 'ada')).status, 'offline');
    watcher.close();
    await one.close();
    await other.close();
  });
});
