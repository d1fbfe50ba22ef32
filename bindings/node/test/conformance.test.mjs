// The conformance vectors of tests/conformance, through this door. The README beside them is what this file implements.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { HeadwaterError, memory } from 'headwater';
import { operations } from './conformance_ops.mjs';

const vectors = new URL('../../../tests/conformance/', import.meta.url);
const OWN = ['op', 'expect', 'error', 'within'];

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

async function run(step, all) {
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

const files = (await readdir(vectors)).filter((name) => name.endsWith('.json')).sort();
assert.ok(files.length > 0, 'no vectors were found');

for (const file of files) {
  const vector = JSON.parse(await readFile(new URL(file, vectors), 'utf8'));
  test(`${vector.name}: ${vector.doc}`, async () => {
    const engine = memory();
    const all = operations(engine);
    for (const [index, step] of vector.steps.entries()) {
      await run(step, all).catch((error) => {
        error.message = `${file}, step ${index}: ${error.message}`;
        throw error;
      });
    }
    await engine.close();
  });
}
