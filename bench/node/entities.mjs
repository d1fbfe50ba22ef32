// Asks an entity from Node, or an async function through an array of promises, and says how long one request took.
//
//     node entities.mjs entity|queue WARM_UP REQUESTS
//
// See src/rows/entities_calls.rs. The job `load` does nothing: it shows that the packages are there.

import { memory } from 'headwater';

const ONE = Buffer.alloc(8);
ONE.writeUInt32LE(1);

const [job, warmUp, requests] = process.argv.slice(2);

/** Adds up what it is told, and answers the sum. */
class Sum {
  sum = 0;

  add(payload) {
    this.sum += payload.readUInt32LE();
    const answer = Buffer.alloc(8);
    answer.writeUInt32LE(this.sum);
    return answer;
  }
}

class Counter {
  static kind = 'counter';
  total = new Sum();

  handle(message) {
    return this.total.add(message.payload);
  }
}

async function timed(ask) {
  for (let i = 0; i < Number(warmUp); i++) await ask();
  let answer;
  const began = process.hrtime.bigint();
  for (let i = 0; i < Number(requests); i++) answer = await ask();
  console.log(`ns ${Number(process.hrtime.bigint() - began) / Number(requests)}`);
  console.log(`sum ${answer.readUInt32LE()}`);
}

async function entity() {
  const engine = memory();
  const entities = await engine.entities();
  const serving = entities.serve(Counter);
  await timed(() => entities.request('counter', 'a', 'add', ONE));
  await entities.close();
  await serving;
  await engine.close();
}

async function queue() {
  const letters = [];
  let wake;
  const serve = async () => {
    const total = new Sum();
    for (;;) {
      while (letters.length === 0) {
        await new Promise((resolve) => {
          wake = resolve;
        });
      }
      const { payload, resolve } = letters.shift();
      if (payload === undefined) return;
      resolve(total.add(payload));
    }
  };
  const put = (payload) => new Promise((resolve) => {
    letters.push({ payload, resolve });
    wake?.();
  });
  const serving = serve();
  await timed(() => put(ONE));
  put();
  await serving;
}

if (job !== 'load') await { entity, queue }[job]();
