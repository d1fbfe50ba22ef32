//! SQLite files replicated in the shape of HarmonyLite 0.10: triggers copy each changed row into a change log; each row
//! of that is read, published as an event of CBOR and zstd, waited for, and marked in a commit of its own; each event
//! is put into the other file in a commit of its own, and the place in the stream is synced to a file before it is
//! acknowledged.
//!
//! Tables, triggers, guard and order of steps are those of the original, written anew; what it costs a Go program
//! beside that is not in the figures.

use std::io::Write;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use crate::Outcome;

/// The table of all sides.
pub(crate) const TABLE: &str = "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b REAL, c INTEGER)";
/// A row of it.
pub(crate) const INSERT: &str = "INSERT INTO t VALUES (?1, 'a title of a song', ?1 * 0.5, ?1)";
/// Whoever has this function is the replicator itself, whose writes are not logged.
const GUARD: &str = "(SELECT COUNT(*) FROM pragma_function_list WHERE name = 'replicator_version') < 1";

/// A file with the table, as an application has it open: WAL and synchronous=NORMAL.
pub(crate) fn file(path: &Path) -> Outcome<Connection> {
    let connection = open(path)?;
    connection.execute_batch(TABLE)?;
    Ok(connection)
}

/// The same of a file that has the table.
pub(crate) fn open(path: &Path) -> Outcome<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    Ok(connection)
}

/// Makes the change logs and the triggers.
pub(crate) fn install(connection: &Connection) -> Outcome<()> {
    let log = "CREATE TABLE log_global(id INTEGER PRIMARY KEY AUTOINCREMENT, change_table_id INTEGER, table_name TEXT);
        CREATE TABLE t_change_log(id INTEGER PRIMARY KEY AUTOINCREMENT, val_id INTEGER, val_a TEXT, val_b REAL,
            val_c INTEGER, type TEXT, created_at INTEGER, state INTEGER);
        CREATE INDEX t_change_log_state ON t_change_log(state);";
    connection.execute_batch(log)?;
    for (operation, row) in [("insert", "NEW"), ("update", "NEW"), ("delete", "OLD")] {
        connection.execute_batch(&format!(
            "CREATE TRIGGER t_on_{operation} AFTER {operation} ON t WHEN {GUARD} BEGIN
                INSERT INTO t_change_log(val_id, val_a, val_b, val_c, type, created_at, state)
                VALUES ({row}.id, {row}.a, {row}.b, {row}.c, '{operation}',
                    CAST((strftime('%s', 'now') || substr(strftime('%f', 'now'), 4)) AS INTEGER), 0);
                INSERT INTO log_global(change_table_id, table_name) VALUES (last_insert_rowid(), 't');
            END;"
        ))?;
    }
    Ok(())
}

/// Publishes what the change log has, one row at a time; how many there were.
pub(crate) fn publish(connection: &Connection, mut send: impl FnMut(Vec<u8>) -> Outcome<()>) -> Outcome<u64> {
    let mut count = 0;
    let mut first = connection.prepare("SELECT id, change_table_id FROM log_global ORDER BY id LIMIT 1")?;
    let mut entry = connection.prepare("SELECT val_id, val_a, val_b, val_c, type FROM t_change_log WHERE id = ?1")?;
    while let Some((global, id)) =
        first.query_row((), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))).optional()?
    {
        let payload = entry.query_row([id], |row| {
            Ok(event(id, &row.get::<_, String>(4)?, row.get(0)?, &row.get::<_, String>(1)?, row.get(2)?, row.get(3)?))
        })??;
        send(payload)?;
        let transaction = connection.unchecked_transaction()?;
        transaction.execute("UPDATE t_change_log SET state = 1 WHERE id = ?1", [id])?;
        transaction.execute("DELETE FROM log_global WHERE id = ?1", [global])?;
        transaction.commit()?;
        count += 1;
    }
    Ok(count)
}

/// The event of one row: a map of CBOR with named fields, compressed by itself.
pub(crate) fn event(id: i64, kind: &str, key: i64, a: &str, b: f64, c: i64) -> Outcome<Vec<u8>> {
    let mut cbor = minicbor::Encoder::new(Vec::new());
    cbor.map(2)?.str("FromNodeId")?.u64(0x1234_5678_9abc_def0)?.str("Payload")?;
    cbor.map(5)?.str("Id")?.i64(id)?.str("Type")?.str(kind)?.str("TableName")?.str("t")?.str("Row")?;
    cbor.map(4)?.str("id")?.i64(key)?.str("a")?.str(a)?.str("b")?.f64(b)?.str("c")?.i64(c)?;
    cbor.str("SchemaHash")?.str("b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9")?;
    Ok(zstd::bulk::compress(&cbor.into_writer(), 3)?)
}

/// Puts one event into the other file, and notes the place in the stream.
pub(crate) fn apply(connection: &Connection, place: &mut std::fs::File, payload: &[u8]) -> Outcome<()> {
    let bytes = zstd::bulk::decompress(payload, 1 << 20)?;
    let mut cbor = minicbor::Decoder::new(&bytes);
    cbor.map()?;
    for _ in 0..3 {
        cbor.skip()?;
    }
    cbor.map()?;
    for _ in 0..7 {
        cbor.skip()?;
    }
    cbor.map()?;
    let mut next = || cbor.skip();
    next()?;
    let key = cbor.i64()?;
    cbor.skip()?;
    let a = cbor.str()?;
    cbor.skip()?;
    let b = cbor.f64()?;
    cbor.skip()?;
    let c = cbor.i64()?;
    let transaction = connection.unchecked_transaction()?;
    transaction.execute("INSERT OR REPLACE INTO t(id, a, b, c) VALUES (?1, ?2, ?3, ?4)", params![key, a, b, c])?;
    transaction.commit()?;
    place.write_all(&key.to_le_bytes())?;
    place.sync_all()?;
    Ok(())
}
