'use strict';
// A test environment in one call, an engine that leaves nothing behind, with what a test wants in it; and decisions of
// aggregates, which need no engine.

const assert = require('node:assert/strict');
const { AggregateType, Root, inner } = require('./aggregate.js');
const { memory, memoryAt, temporary } = require('./engine.js');
const { invalid } = require('./errors.js');
const { check, commitTime, flag } = require('./options.js');

function configs(what, value) {
  if (!Array.isArray(value)) throw invalid(`${what} must be an array of configurations`);
  return value;
}

const ENVIRONMENT = { onDisk: flag, clockAt: commitTime, streams: configs, buckets: configs, points: configs };

function makeEngine(onDisk, clockAt) {
  if (clockAt === undefined) return { engine: onDisk ? temporary() : memory(), advance: realTime };
  if (onDisk) throw invalid('testEnvironment: clockAt goes with an engine in memory only');
  return memoryAt(clockAt);
}

function realTime() {
  throw invalid('this environment goes by real time: give it clockAt');
}

async function makeAll(list, name, make) {
  const made = {};
  for (const config of list) made[config[name]] = await make(config);
  return made;
}

/**
 * An engine in memory (in a temporary directory with `onDisk`), and the streams, buckets and point stores of these
 * configurations, each under its name. With `clockAt` time stands there, and moves with `advance(byMs)` only. `close`
 * takes all of it away; so does `await using`.
 */
async function testEnvironment(options = undefined) {
  const { onDisk = false, clockAt, ...wanted } = check('testEnvironment', options, ENVIRONMENT);
  const { streams = [], buckets = [], points = [] } = wanted;
  const { engine, advance } = makeEngine(onDisk, clockAt);
  const environment = { engine, advance, close: () => engine.close() };
  if (Symbol.asyncDispose) environment[Symbol.asyncDispose] = environment.close;
  try {
    environment.streams = await makeAll(streams, 'name', (config) => engine.createStream(config));
    environment.buckets = await makeAll(buckets, 'bucket', (config) => engine.createBucket(config));
    environment.points = await makeAll(points, 'name', (config) => engine.createPoints(config));
  } catch (error) {
    await engine.close();
    throw error;
  }
  return environment;
}

/**
 * A test of a decision: given what happened, when something is decided, then that is expected. It is `expect` and not
 * `then`, as whatever has a `then` is a promise here.
 */
class Decision {
  constructor(root) {
    this.root = root;
    this.error = undefined;
  }

  /** Decides. */
  when(decide) {
    try {
      decide(this.root);
    } catch (error) {
      this.error = error;
    }
    return this;
  }

  /** Expects that these events, and no others, were raised in this order, and no error. */
  expect(...events) {
    if (this.error !== undefined) assert.fail(`the decision was refused: ${this.error}`);
    assert.deepEqual(this.root.raised, events);
    return this;
  }

  /** Expects that the decision was refused, with an error that `assert.throws` would take; any when not given. */
  expectError(expected = undefined) {
    const count = this.root.raised.length;
    if (this.error === undefined) assert.fail(`the decision was not refused, and raised ${count} events`);
    const again = () => {
      throw this.error;
    };
    if (expected === undefined) assert.throws(again);
    else assert.throws(again, expected);
    return this;
  }

  /** Looks at the state that came of it. */
  expectState(look) {
    look(this.root.state);
    return this;
  }
}

/** An aggregate of a kind to which these events happened. */
function given(kind, ...events) {
  const root = new Root(kind instanceof AggregateType ? kind : new AggregateType(kind), 'test');
  for (const event of events) inner.apply(root, event);
  root.position = { version: BigInt(events.length), seq: BigInt(events.length) };
  return new Decision(root);
}

module.exports = { given, testEnvironment };
