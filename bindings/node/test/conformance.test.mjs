// The conformance vectors of tests/conformance, through this door. The README beside them is what this file implements.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { HeadwaterError, connect, memory, open } from 'headwater';
import { operations } from './conformance_ops.mjs';
import { presenceOperations } from './conformance_presence.mjs';
import { scratch } from './helpers.mjs';
import { Server } from './nats_server.mjs';
import { serving } from './node.mjs';

const vectors = new URL('../../../tests/conformance/', import.meta.url);
const OWN = ['op', 'expect', 'error', 'within', 'eventually', 'hub'];
/** What may lag behind on a hub, and for how long it is asked again. */
const LAGS = ['consumer_info', 'crdt_read', 'crdt_status', 'stream_info'];
const LAG_MS_MAX = 5000;
/** For how long a step that says so is asked again. */
const EVENTUALLY_MS_MAX = 10_000;

/** Whether `actual` has everything that `wanted` says. */
function matches(wanted, actual, within) {
  if (Array.isArray(wanted)) {
    return Array.isArray(actual) && actual.length === wanted.length
      && wanted.every((item, i) => matches(item, actual[i], within));
  }
  if (typeof wanted === 'object' && wanted !== null) {
    return typeof actual === 'object' && actual !== null
      && Object.entries(wanted).every(([name, value]) => matches(value, actual[name] ?? null, within));
  }
  if (typeof wanted === 'number' && typeof actual === 'number') {
    return wanted === actual || Math.abs(wanted - actual) <= (within ?? 0) * Math.abs(wanted);
  }
  return wanted === (actual ?? null);
}

/** The step, noting which of its arguments are taken. */
function tracked(step) {
  const taken = new Set(OWN);
  const get = (target, name) => {
    taken.add(name);
    return target[name];
  };
  return { step: new Proxy(step, { get }), untaken: () => Object.keys(step).filter((name) => !taken.has(name)) };
}

async function outcome(operation, step) {
  try {
    return { value: (await operation(step)) ?? null };
  } catch (error) {
    if (!(error instanceof HeadwaterError)) throw error;
    const number = (n) => (n === undefined ? null : Number(n));
    const { kind, expected, actual, message } = error;
    return { error: { kind, expected: number(expected), actual: number(actual) }, message };
  }
}

async function runOnce(step, all) {
  const operation = all[step.op];
  assert.ok(operation, `the operation '${step.op}' is unknown`);
  const { step: view, untaken } = tracked(step);
  const came = await outcome(operation, view);
  assert.deepEqual(untaken(), [], `arguments of '${step.op}' that are unknown`);
  const shown = `${JSON.stringify(step)} came to ${JSON.stringify(came)}`;
  if (step.error !== undefined) {
    assert.ok(came.error !== undefined && matches(step.error, came.error), shown);
  } else {
    assert.ok(came.error === undefined, shown);
    if (step.expect !== undefined) assert.ok(matches(step.expect, came.value, step.within), shown);
  }
}

/** Does a step, for so long as it does not hold. */
async function runFor(timeMs, step, all) {
  const end = Date.now() + timeMs;
  for (;;) {
    try {
      return await runOnce(step, all);
    } catch (error) {
      if (Date.now() >= end) throw error;
      await sleep(20);
    }
  }
}

const run = (step, all) => runFor(step.eventually ? EVENTUALLY_MS_MAX : 0, step, all);
/** As `run`, on a hub: what may lag behind is asked again too. */
const runOnHub = (step, all) => (LAGS.includes(step.op) ? runFor(LAG_MS_MAX, step, all) : run(step, all));

const files = (await readdir(vectors)).filter((name) => name.endsWith('.json')).sort();
assert.ok(files.length > 0, 'no vectors were found');

/** The step as it is on a hub: with the fields of its `hub` in place of its own. */
function onHub({ hub = {}, ...step }) {
  const others = 'expect' in hub || 'error' in hub ? { expect: undefined, error: undefined } : {};
  const merged = Object.entries({ ...step, ...others, ...hub });
  return Object.fromEntries(merged.filter(([name, v]) => v !== undefined && (v !== null || name === 'expect')));
}

async function runAll(file, vector, engine, one) {
  const presences = presenceOperations();
  const { operations: all, end } = operations(engine, presences.operations);
  try {
    for (const [index, step] of vector.steps.entries()) {
      await one(step, all).catch((error) => {
        error.message = `${file}, step ${index}: ${error.message}`;
        throw error;
      });
    }
  } finally {
    await end();
    await presences.end();
  }
  await engine.close();
}

const vectorOf = async (file) => JSON.parse(await readFile(new URL(file, vectors), 'utf8'));

for (const file of files) {
  const vector = await vectorOf(file);
  test(`${vector.name}: ${vector.doc}`, () => runAll(file, vector, memory(), run));
}

test('every vector holds through a node', async () => {
  for (const file of files) {
    const dir = await scratch();
    await serving(dir, async () => {
      const engine = await open(dir, { node: 'only' });
      assert.ok(engine.isThroughNode);
      await runAll(file, await vectorOf(file), engine, run);
    });
  }
});

test('every vector holds on a hub', async (t) => {
  const server = await Server.start(await scratch());
  t.after(() => server.stop());
  for (const file of files) {
    const vector = await vectorOf(file);
    if (vector.local !== undefined) continue;
    await runAll(file, vector, await connect(server.url), (step, all) => runOnHub(onHub(step), all));
    const engine = await connect(server.url);
    for (const { config } of await engine.streams()) await engine.deleteStream(config.name);
    await engine.close();
    // A server removes files after it has answered, and may find them again for a stream that comes at once.
    await sleep(50);
  }
});
