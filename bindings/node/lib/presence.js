'use strict';
// Who is here: presence stores, the sessions that a program holds, and watchers. src/presence.rs is the other side.

const { invalid } = require('./errors.js');
const { own } = require('./handle.js');
const { native } = require('./native.js');
const { LIMITS, check, flag, millis, text, texts, u32, u64 } = require('./options.js');
const { Follower } = require('./source.js');
const { begin, same, settle } = require('./waits.js');

const PRESENCE = {
  name: text,
  node: text,
  durability: text,
  ttlMs: millis,
  heartbeatMs: millis,
  graceMs: millis,
  idleMs: millis,
  keepMs: millis,
  beatMs: millis,
  silenceMs: millis,
  coldUsers: u32,
  history: u32,
  announceMax: u64,
  countsEveryMs: millis,
};
const UPDATE = { status: text, message: text, device: text, meta: json, idleMs: millis };
const HOLD = { session: text, ...UPDATE };
const SET = { ...HOLD, ttlMs: millis };
const HEARTBEAT = { active: flag, ...LIMITS };
const PURGE = { space: text, user: text, node: text, ...LIMITS };
const WATCH = { users: texts, after: u64, reveal: flag };
const DEFAULT = 'default';

function json(what, value) {
  const written = JSON.stringify(value);
  if (written === undefined) throw invalid(`${what} must be a value that JSON has`);
  return written;
}

/** What a store is told, checked. */
function presenceRequest(config) {
  return check('presence', config, PRESENCE);
}

function timeOf(told) {
  return told === undefined ? null : Date.parse(told);
}

function sessionOf({ session, status, message = null, device = null, metadata = null, since, ttl }) {
  const ttlMs = ttl === undefined ? null : Math.round(ttl * 1000);
  return { id: session, status, message, device, meta: metadata, sinceMs: timeOf(since), ttlMs };
}

function userOf({
  space, user_id: user, status, message = null, last_seen: seen, updated_at: changed, invisible = false, chosen = false,
  sessions,
}) {
  return {
    space,
    user,
    status,
    message,
    lastSeenMs: timeOf(seen),
    changedMs: timeOf(changed),
    invisible,
    chosen,
    sessions: sessions.map(sessionOf),
  };
}

function readUser(told) {
  return userOf(JSON.parse(told));
}

function readReading(told) {
  const { users, as_of: asOf, stale } = JSON.parse(told);
  return { users: users.map(userOf), asOfMs: timeOf(asOf), stale };
}

function readStatus(told) {
  const { as_of: asOf, last_error: lastError, nodes, ...status } = JSON.parse(told);
  const node = ({ heard, ...rest }) => ({ ...rest, heardMs: timeOf(heard) });
  return { ...status, asOfMs: timeOf(asOf), lastError, nodes: nodes.map(node) };
}

function eventOf({ type, position, users, session = null, was, user, counts, stale, as_of: asOf }) {
  switch (type) {
    case 'snapshot':
      return { type, position, users: users.map(userOf) };
    case 'counts':
      return { type, counts };
    case 'view':
      return { type, stale, asOfMs: timeOf(asOf) };
    default:
      return { type, position, session, was, user: userOf(user) };
  }
}

/** Who is here: sessions of users in spaces. */
class Presence {
  #id;

  constructor(id) {
    this.#id = id;
    own(this, id, native.releasePresence);
    this.name = native.presenceName(id);
  }

  /** Sets a leased session as a whole: it lives until its time to live has passed without a sign of life. */
  async set(space, user, session = undefined, limits = undefined) {
    const checked = begin('set', limits);
    const call = native.presenceSet(this.#id, text('space', space), text('user', user), check('session', session, SET));
    return settle(call, readUser, checked);
  }

  /** A session that lives until it is left, and dies with the process at the latest. */
  async hold(space, user, session = undefined, limits = undefined) {
    const checked = begin('hold', limits);
    const set = check('session', session, HOLD);
    const call = native.presenceHold(this.#id, text('space', space), text('user', user), set);
    return settle(call, (id) => new HeldSession(id, space, user), checked);
  }

  /** A sign of life of a leased session; `active` says that somebody did something there. */
  async heartbeat(space, user, session = DEFAULT, options = undefined) {
    const { active = false, ...limits } = begin('heartbeat', options, HEARTBEAT);
    const [where, who, name] = [text('space', space), text('user', user), text('session', session)];
    return settle(native.presenceHeartbeat(this.#id, where, who, name, active), same, limits);
  }

  /** Ends a session, whichever node answers for it; one that is not there is nothing. */
  async leave(space, user, session = DEFAULT, limits = undefined) {
    const checked = begin('leave', limits);
    const [where, who, name] = [text('space', space), text('user', user), text('session', session)];
    return settle(native.presenceLeave(this.#id, where, who, name), readUser, checked);
  }

  /** Chooses a status for a user who is there, for a time or until it is changed; null is what the sessions say. */
  async choose(space, user, status, howLongMs = undefined, limits = undefined) {
    const checked = begin('choose', limits);
    const name = status === null || status === undefined ? undefined : text('status', status);
    const time = howLongMs === undefined ? undefined : millis('howLongMs', howLongMs);
    const call = native.presenceChoose(this.#id, text('space', space), text('user', user), name, time);
    return settle(call, readUser, checked);
  }

  /** Hides a user, who is offline for others then, or shows it again. */
  async hide(space, user, on = true, limits = undefined) {
    const checked = begin('hide', limits);
    const call = native.presenceHide(this.#id, text('space', space), text('user', user), flag('on', on));
    return settle(call, readUser, checked);
  }

  /** A user as it is. */
  async get(space, user, limits = undefined) {
    const checked = begin('get', limits);
    return settle(native.presenceGet(this.#id, text('space', space), text('user', user)), readUser, checked);
  }

  /** Users by name, 1,000 at the most. */
  async getMany(space, users, limits = undefined) {
    const checked = begin('getMany', limits);
    const call = native.presenceGetMany(this.#id, text('space', space), texts('users', users));
    return settle(call, readReading, checked);
  }

  /** All of a space who are not offline for others, by name. */
  async list(space, limits = undefined) {
    const checked = begin('list', limits);
    return settle(native.presenceList(this.#id, text('space', space)), readReading, checked);
  }

  /** How many are in a space: kept, and not counted. */
  async counts(space, limits = undefined) {
    const checked = begin('counts', limits);
    return settle(native.presenceCounts(this.#id, text('space', space)), same, checked);
  }

  /** All spaces that were heard of, by name, with how many are in them. */
  async spaces(limits = undefined) {
    const checked = begin('spaces', limits);
    const all = (spaces) => new Map(spaces.map(({ name, counts }) => [name, counts]));
    return settle(native.presenceSpaces(this.#id), all, checked);
  }

  /** Ends the sessions of a space, a user, a node, or of all that are named; returns how many. */
  async purge(options = undefined) {
    const { space, user, node, ...limits } = begin('purge', options, PURGE);
    return settle(native.presencePurge(this.#id, space, user, node), same, limits);
  }

  /** Follows users: who is there, then what changes. Without `users` it is all of the space. */
  watch(space, options = undefined) {
    const { users = [], after, reveal = false } = check('watch', options, WATCH);
    return new PresenceWatcher(native.presenceWatch(this.#id, text('space', space), users, after, reveal));
  }

  /** How it stands. */
  async status(limits = undefined) {
    const checked = begin('status', limits);
    return settle(native.presenceStatus(this.#id), readStatus, checked);
  }

  /** Ends it in good order for all handles of this process: what it holds is over. Through a node it is nothing. */
  async close(limits = undefined) {
    const checked = begin('close', limits);
    await settle(native.presenceClose(this.#id), Boolean, checked);
  }
}

/** A session that a program holds. */
class HeldSession {
  #id;

  constructor(id, space, user) {
    this.#id = id;
    own(this, id, native.releaseHeldSession);
    this.space = space;
    this.user = user;
    this.id = native.heldSessionId(id);
  }

  /** Changes what is named, and leaves the rest as it is; an empty message or device is none. */
  async update(session, limits = undefined) {
    const checked = begin('update', limits);
    return settle(native.heldSessionUpdate(this.#id, check('session', session, UPDATE)), readUser, checked);
  }

  /** Somebody did something there. */
  async active(limits = undefined) {
    const checked = begin('active', limits);
    await settle(native.heldSessionActive(this.#id), Boolean, checked);
  }

  /** Ends it; twice is nothing. */
  async leave(limits = undefined) {
    const checked = begin('leave', limits);
    await settle(native.heldSessionLeave(this.#id), Boolean, checked);
  }
}

if (Symbol.asyncDispose) {
  HeldSession.prototype[Symbol.asyncDispose] = function dispose() {
    return this.leave();
  };
}

const CALLS = {
  next: 'presenceWatcherNext', tryNext: 'presenceWatcherTryNext',
  close: 'presenceWatcherClose', release: 'releasePresenceWatcher',
};
const BATCH = 256;

/** Follows users of a presence store. */
class PresenceWatcher extends Follower {
  constructor(id) {
    super(id, CALLS, (told) => JSON.parse(told).map(eventOf), BATCH);
  }
}

module.exports = { HeldSession, Presence, PresenceWatcher, presenceRequest };
