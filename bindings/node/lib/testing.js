'use strict';
// A test environment in one call: an engine that leaves nothing behind, with what a test wants in it.

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

module.exports = { testEnvironment };
