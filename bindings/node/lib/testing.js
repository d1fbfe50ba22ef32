'use strict';
// A test environment in one call: an engine that leaves nothing behind, with what a test wants in it.

const { memory, temporary } = require('./engine.js');
const { check, flag } = require('./options.js');
const { invalid } = require('./errors.js');

function configs(what, value) {
  if (!Array.isArray(value)) throw invalid(`${what} must be an array of configurations`);
  return value;
}

const ENVIRONMENT = { onDisk: flag, streams: configs, buckets: configs, points: configs };

async function makeAll(list, name, make) {
  const made = {};
  for (const config of list) made[config[name]] = await make(config);
  return made;
}

/**
 * An engine in memory (in a temporary directory with `onDisk`), and the streams, buckets and point stores of these
 * configurations, each under its name. `close` takes all of it away; so does `await using`.
 */
async function testEnvironment(options = undefined) {
  const { onDisk = false, streams = [], buckets = [], points = [] } = check('testEnvironment', options, ENVIRONMENT);
  const engine = onDisk ? temporary() : memory();
  const environment = { engine, close: () => engine.close() };
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
