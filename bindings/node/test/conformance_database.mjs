// The operations of the conformance vectors on SQLite files, through this door: each file with an engine of its own,
// and all of them linked to one hub.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RawText, memory } from 'headwater';
import { fields } from './conformance_values.mjs';

function cellIn(cell) {
  if (cell === null) return null;
  const [[kind, value], ...more] = Object.entries(cell);
  if (more.length > 0) throw new TypeError(`a cell has one kind: ${JSON.stringify(cell)}`);
  switch (kind) {
    case 'int': return BigInt(value);
    case 'float':
    case 'text': return value;
    case 'blob': return Buffer.from(value, 'base64');
    case 'text_base64': return new RawText(Buffer.from(value, 'base64'));
    default: throw new TypeError(`a cell of kind ${kind}`);
  }
}

function cellOut(value) {
  if (value === null) return null;
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return { int: String(value) };
  if (typeof value === 'number') return { float: value };
  if (typeof value === 'string') return { text: value };
  if (value instanceof RawText) return { text_base64: value.bytes.toString('base64') };
  return { blob: value.toString('base64') };
}

function answerOut({ columns, rows, changes, lastInsertRowid }) {
  return { columns, rows: rows.map((row) => row.map(cellOut)), changes, last_insert_rowid: Number(lastInsertRowid) };
}

function changeOut({ table, key, kind }) {
  return { table, key: key.map(cellOut), kind };
}

/** The operations; `end` closes and removes what they made. `follow` names a queue once it is open. */
export function databaseOperations(follow) {
  const engines = new Map();
  const databases = new Map();
  const connections = new Map();
  let hub;
  let dir;

  async function end() {
    for (const connection of connections.values()) await connection.close();
    for (const engine of engines.values()) await engine.close();
    await hub?.close();
    if (dir !== undefined) await rm(dir, { recursive: true });
  }

  async function attach({ as, config }) {
    const {
      name, node_id: nodeId, include, exclude, per_row: perRow, publish, replicate,
      scan_max_changes: scanMaxChanges, log_shards: logShards, snapshots = false, ...unknown
    } = config;
    if (Object.keys(unknown).length > 0) throw new TypeError(`unknown fields ${Object.keys(unknown)}`);
    dir ??= await mkdtemp(join(tmpdir(), 'headwater-'));
    const path = join(dir, `${as}.db`);
    if (!engines.has(as)) {
      engines.set(as, memory());
      await writeFile(path, '');
    }
    const snapshotStore = snapshots ? join(dir, 'snapshots') : undefined;
    const database = await engines.get(as).attach({
      path, name, nodeId, include, exclude, perRow, publish, replicate, scanMaxChanges, logShards, snapshotStore,
    });
    databases.set(as, database);
    return { name: database.name, stream_names: database.streamNames };
  }

  async function connection(name) {
    if (!connections.has(name)) connections.set(name, await databases.get(name).connect());
    return connections.get(name);
  }

  const of = (name) => databases.get(name);
  const nodeOut = ({ nodeId }) => ({ node_id: nodeId });
  const operations = {
    database_attach: attach,
    database_find: async ({ database, name }) => (await engines.get(database).database(name)).name,
    databases: async ({ database }) => (await engines.get(database).databases()).map(({ name }) => name),
    database_link: async ({ database }) => {
      hub ??= memory();
      const [stream] = of(database).streamNames;
      const link = { name: 'hub', stream, remote: stream, create: {} };
      await engines.get(database).addLink(link, hub);
    },
    database_unlink: async ({ database }) => engines.get(database).removeLink('hub'),
    database_execute: async ({ database, sql, values = [] }) => {
      return answerOut(await (await connection(database)).execute(sql, values.map(cellIn)));
    },
    database_in_transaction: async ({ database }) => (await connection(database)).isInTransaction,
    database_sync: async ({ database }) => of(database).sync(),
    database_pause: async ({ database }) => of(database).pause(),
    database_resume: async ({ database }) => of(database).resume(),
    database_detach: async ({ database }) => of(database).detach(),
    database_release: async ({ database }) => Number(await of(database).release()),
    database_watch: async ({ database, as }) => follow(as, of(database).watch(), changeOut),
    database_status: async ({ database }) => fields(
      await of(database).status(),
      'name', 'node_id', 'state', 'tables', 'refused', 'pending', 'unsent', 'conflicts', 'parked', 'held', 'missing',
    ),
    database_check: async ({ database, repair }) => {
      const { nodes, dangling, repaired } = await of(database).check({ repair });
      const node = ({ compared, differing, schema, nodeId }) => ({ compared, differing, schema, node_id: nodeId });
      const counts = Object.entries(dangling).map(([table, count]) => [table, Number(count)]);
      return { nodes: nodes.map(node), dangling: Object.fromEntries(counts), repaired };
    },
    database_schema: async ({ database }) => {
      return (await of(database).schema()).map(({ table, forms }) => ({ table, forms: Object.keys(forms).length }));
    },
    database_snapshot: async ({ database }) => nodeOut(await of(database).snapshot()),
    database_snapshots: async ({ database }) => (await of(database).snapshots()).map(nodeOut),
    database_restore: async ({ database, id }) => nodeOut(await of(database).restore(id)),
  };
  return { operations, end };
}
