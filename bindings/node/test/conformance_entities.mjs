// The operations of the conformance vectors on live entities, through this door, and the counter that it handles.

import { HeadwaterError, shardOf, shardOwner } from 'headwater';
import { bytesIn, bytesOut, configIn, plain } from './conformance_values.mjs';

class Counter {
  static kind = 'counter';
  sum = 0;

  start({ key }) {
    if (key.startsWith('none')) throw new HeadwaterError('not_found', `there is no counter '${key}'`);
  }

  async handle({ name, payload }, context) {
    const text = payload.toString();
    switch (name) {
      case 'add':
      case 'worked':
        this.sum += Number(text || 1);
        return name === 'add' ? String(this.sum) : undefined;
      case 'get':
        return String(this.sum);
      case 'echo':
        return payload;
      case 'fail':
        throw new HeadwaterError('conflict', text);
      case 'break':
        throw new TypeError('it breaks');
      case 'ask':
        return context.request('counter', text, 'get');
      case 'ask_back':
        return context.request('counter', text, 'ask', context.key);
      case 'set_timer':
        return context.setTimer('tick', Number(text));
      case 'cancel_timer':
        return String(context.cancelTimer('tick'));
      case 'work':
        return context.spawn('worked', () => payload);
      default:
        throw new HeadwaterError('unsupported', `a counter has no '${name}'`);
    }
  }

  timer() {
    this.sum += 1000;
  }
}

/** The operations on entities of an engine; `end` closes what they opened. */
export function entityOperations(engine) {
  const opened = new Map();
  const of = (name) => opened.get(name).entities;

  async function close(name) {
    const { entities, serving } = opened.get(name);
    await entities.close();
    await serving;
  }

  const operations = {
    entities: async ({ as, config }) => {
      const entities = await engine.entities(configIn(config));
      opened.set(as, { entities, serving: entities.serve(Counter) });
    },
    entity_request: async (step) => {
      const { entities, kind, key, name, timeout_ms: timeoutMs } = step;
      const payload = bytesIn(step, 'payload');
      return bytesOut('payload', await of(entities).request(kind, key, name, payload, { timeoutMs }));
    },
    entity_notify: async (step) => {
      const { entities, kind, key, name } = step;
      await of(entities).notify(kind, key, name, bytesIn(step, 'payload'));
    },
    entity_pause: async ({ entities, kind, key }) => of(entities).pause(kind, key),
    entity_step: async ({ entities, kind, key }) => of(entities).step(kind, key),
    entity_resume: async ({ entities, kind, key }) => of(entities).resume(kind, key),
    entities_active: async ({ entities }) => of(entities).active,
    entities_list: async ({ entities, kind }) => of(entities).list(kind),
    entity_where: async ({ entities, kind, key }) => {
      const { isHere, epoch, ...place } = of(entities).where(kind, key);
      return { ...place, epoch: plain(epoch), is_here: isHere };
    },
    entity_nodes: async ({ entities }) => {
      return of(entities).nodes().map(({ isAlive, ...node }) => ({ ...node, is_alive: isAlive }));
    },
    shard_of: async ({ kind, key, shards }) => shardOf(kind, key, shards),
    shard_owner: async ({ shard, nodes }) => shardOwner(shard, nodes.map(([name, weight]) => ({ name, weight }))),
  };
  const end = async () => {
    for (const name of opened.keys()) await close(name);
  };
  return { operations, close, end };
}
