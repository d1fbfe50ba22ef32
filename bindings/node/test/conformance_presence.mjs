// The operations of the conformance vectors on presence stores, through this door: each store with an engine of its own
// whose time the vector moves.

import { testEnvironment } from 'headwater';
import { ms } from './conformance_values.mjs';

const BEGIN = new Date('2026-01-01T00:00:00Z');
const STEP_MS = 10_000;

const timeOut = (at) => (at === null ? null : new Date(at).toISOString().replace('.000Z', 'Z'));

function sessionOut({ id, status, message, device, meta, sinceMs, ttlMs }) {
  const held = ttlMs === null ? true : null;
  const ttl = ttlMs === null ? null : ttlMs / 1000;
  return { session: id, status, message, device, metadata: meta, since: timeOut(sinceMs), ttl, held };
}

function userOut({ space, user, status, message, lastSeenMs, changedMs, invisible, chosen, sessions }) {
  return {
    space,
    user_id: user,
    status,
    message,
    last_seen: timeOut(lastSeenMs),
    updated_at: timeOut(changedMs),
    invisible: invisible || null,
    chosen: chosen || null,
    sessions: sessions.map(sessionOut),
  };
}

function readingOut({ users, asOfMs, stale }) {
  return { users: users.map(userOut), as_of: timeOut(asOfMs), stale };
}

/** An event as a vector has it. */
function eventOut({ users, user, asOfMs, ...event }) {
  if (users !== undefined) return { ...event, users: users.map(userOut) };
  if (user !== undefined) return { ...event, user: userOut(user) };
  return { ...event, as_of: asOfMs === undefined ? null : timeOut(asOfMs) };
}

function configIn({
  name, node, ttl, heartbeat, grace, idle, keep, beat, silence, cold_users: coldUsers, history,
  announce_max: announceMax, counts_every: countsEvery, ...unknown
}) {
  if (Object.keys(unknown).length > 0) throw new TypeError(`unknown fields ${Object.keys(unknown)}`);
  return {
    name,
    node,
    ttlMs: ms(ttl),
    heartbeatMs: ms(heartbeat),
    graceMs: ms(grace),
    idleMs: ms(idle),
    keepMs: ms(keep),
    beatMs: ms(beat),
    silenceMs: ms(silence),
    coldUsers,
    history,
    announceMax,
    countsEveryMs: ms(countsEvery),
  };
}

const updateIn = ({ status, message, device, meta, idle }) => ({ status, message, device, meta, idleMs: ms(idle) });
const holdIn = (step) => {
  const { session } = step;
  return { session, ...updateIn(step) };
};
const setIn = (step) => {
  const { ttl } = step;
  return { ttlMs: ms(ttl), ...holdIn(step) };
};

/** The operations, given what names a queue; `end` closes what they made. */
export function presenceOperations() {
  const environments = new Map();
  const presences = new Map();
  const held = new Map();

  async function end() {
    for (const environment of environments.values()) await environment.close();
  }

  async function advance(name, left, atOnce) {
    while (left > 0) {
      const step = atOnce ? left : Math.min(left, STEP_MS);
      environments.get(name).advance(step);
      left -= step;
    }
  }

  const of = (name) => presences.get(name);
  const operations = (follow) => ({
    presence_open: async ({ as, config = {} }) => {
      if (!environments.has(as)) environments.set(as, await testEnvironment({ clockAt: BEGIN }));
      presences.set(as, await environments.get(as).engine.presence(configIn(config)));
    },
    presence_advance: ({ presence, ms: time, at_once: atOnce = false }) => advance(presence, time, atOnce),
    presence_set: async (step) => {
      const { presence, space, user } = step;
      return userOut(await of(presence).set(space, user, setIn(step)));
    },
    presence_hold: async (step) => {
      const { presence, as, space, user } = step;
      held.set(as, await of(presence).hold(space, user, holdIn(step)));
    },
    presence_update: async (step) => userOut(await held.get(step.held).update(updateIn(step))),
    presence_active: ({ held: name }) => held.get(name).active(),
    presence_release: ({ held: name }) => held.get(name).leave(),
    presence_heartbeat: async ({ presence, space, user, session, active }) => {
      const { expiresMs, ttlMs } = await of(presence).heartbeat(space, user, session, { active });
      return { expires_ms: expiresMs, ttl_ms: ttlMs };
    },
    presence_leave: async ({ presence, space, user, session }) => (
      userOut(await of(presence).leave(space, user, session))
    ),
    presence_choose: async ({ presence, space, user, status, how_long: time }) => (
      userOut(await of(presence).choose(space, user, status, ms(time)))
    ),
    presence_hide: async ({ presence, space, user, on }) => userOut(await of(presence).hide(space, user, on)),
    presence_get: async ({ presence, space, user }) => userOut(await of(presence).get(space, user)),
    presence_get_many: async ({ presence, space, users }) => readingOut(await of(presence).getMany(space, users)),
    presence_list: async ({ presence, space }) => readingOut(await of(presence).list(space)),
    presence_counts: async ({ presence, space }) => of(presence).counts(space),
    presence_spaces: async ({ presence }) => Object.fromEntries(await of(presence).spaces()),
    presence_purge: async ({ presence, space, user, node }) => of(presence).purge({ space, user, node }),
    presence_status: async ({ presence }) => {
      const { lastError, asOfMs, ...status } = await of(presence).status();
      return { ...status, last_error: lastError, as_of: timeOut(asOfMs) };
    },
    presence_close: ({ presence }) => of(presence).close(),
    presence_watch: async ({ presence, as, space, users, after, reveal }) => {
      await follow(as, of(presence).watch(space, { users, after, reveal }), eventOut);
    },
  });
  return { operations, end };
}
