// What the tests of entities share: entities that are served, and handlers in few words.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { memory } from 'headwater';

/** Entities of an engine of their own, served by these classes until the test ends. */
export async function served(t, config, ...types) {
  const engine = memory();
  const entities = await engine.entities(config);
  const serving = entities.serve(...types);
  t.after(async () => {
    await entities.close();
    await serving;
    await engine.close();
  });
  return entities;
}

/** A class of kind `counter`, whose methods are these. */
export function kind(methods) {
  class Counter {
    static kind = 'counter';
    sum = 0;
  }
  Object.assign(Counter.prototype, methods);
  return Counter;
}

/** Asks again until the answer is this. */
export async function until(look, wanted) {
  for (let tries = 0; tries < 1000; tries++) {
    if ((await look()) === wanted) return;
    await sleep(5);
  }
  assert.equal(await look(), wanted);
}
