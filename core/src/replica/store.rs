//! The tables of ours in an application's file, and the errors of SQLite.
//!
//! They are ordinary tables whose names start with `_headwater_`, so that they are in the application's transactions
//! and copies. None is named by anything of the application's.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OptionalExtension};

use crate::error::{Error, ErrorKind};

/// Key columns of a table, at most.
pub(super) const KEY_COLUMNS_MAX: usize = 8;

/// Columns of the log before those of the key.
pub(super) const LOG_COLUMNS: usize = 4;

/// The layout of these tables: 2 since rows are named in the order of their numbers. Nothing reads what was before.
const VERSION: i64 = 2;

/// Statements that a connection keeps prepared: a handful for each table, and one for each set of columns updated.
const STATEMENTS_CACHED: usize = 256;

/// Pages of the file that the replica's connection keeps in memory, at most, in KiB.
const CACHE_KIB: i64 = 8 << 10;

/// Pages in the WAL after which the replica's connection moves them into the file, with two fsyncs: it writes about
/// three times what the application does, for which SQLite takes 1,000.
const WAL_PAGES: i64 = 4000;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS _headwater_meta(name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _headwater_table(
  id INTEGER PRIMARY KEY, name TEXT, was TEXT, walk BLOB, gone INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS _headwater_column(
  id INTEGER PRIMARY KEY, tbl INTEGER, name TEXT, was TEXT, kind TEXT, rest INTEGER, place INTEGER,
  gone INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS _headwater_log(
  seq INTEGER PRIMARY KEY, tbl INTEGER, op INTEGER, time INTEGER, k0);
CREATE TABLE IF NOT EXISTS _headwater_row(tbl INTEGER, key BLOB, state BLOB, PRIMARY KEY(tbl, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _headwater_hidden(
  tbl INTEGER, key BLOB, why TEXT, by BLOB, cells BLOB, PRIMARY KEY(tbl, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS _headwater_hidden_by ON _headwater_hidden(tbl, by);
CREATE TABLE IF NOT EXISTS _headwater_park(id INTEGER PRIMARY KEY, tbl TEXT COLLATE NOCASE, unit BLOB);
CREATE TABLE IF NOT EXISTS _headwater_origin(node INTEGER PRIMARY KEY, taken BLOB, known INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS _headwater_held(id INTEGER PRIMARY KEY, unit BLOB);
CREATE TABLE IF NOT EXISTS _headwater_outbox(
  place INTEGER PRIMARY KEY, node INTEGER, shard INTEGER, unit BLOB);
";

/// What went wrong inside: SQLite's answer, which some look at, or an error as the caller sees it.
#[derive(Debug)]
pub(super) enum Fault {
    Sql(rusqlite::Error),
    Ours(Error),
}

/// What everything that asks SQLite returns.
pub(super) type Sql<T> = std::result::Result<T, Fault>;

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Fault {
        Fault::Sql(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault::Ours(error)
    }
}

impl Fault {
    pub(super) fn into_error(self) -> Error {
        let error = match self {
            Fault::Ours(error) => return error,
            Fault::Sql(error) => error,
        };
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ErrorKind::Busy,
            Some(ErrorCode::DiskFull | ErrorCode::TooBig) => ErrorKind::Limit,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ErrorKind::Corrupt,
            Some(_) => ErrorKind::Io,
            None => ErrorKind::Internal,
        };
        Error::new(kind, format!("sqlite: {error}"))
    }

    /// SQLite's words, when a constraint of the table refused a row.
    pub(super) fn constraint(&self) -> Option<String> {
        match self {
            Fault::Sql(error) => {
                let code = error.sqlite_error_code()?;
                let is_refusal = matches!(code, ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch);
                is_refusal.then(|| error.to_string())
            }
            Fault::Ours(_) => None,
        }
    }
}

/// Makes a connection the replica's: what it writes fires no trigger and asks no foreign key.
pub(super) fn prepare(conn: &Connection) -> Sql<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
    conn.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    Ok(())
}

/// Makes the tables if they are not there.
pub(super) fn create(conn: &Connection, node: u64) -> Sql<()> {
    let found: bool =
        conn.query_row("SELECT count(*) FROM sqlite_schema WHERE name = '_headwater_meta'", (), |row| row.get(0))?;
    if !found {
        conn.execute_batch(TABLES)?;
        set_number(conn, "version", VERSION)?;
        set_number(conn, "node", node as i64)?;
    }
    let version = number(conn, "version")?;
    if version != VERSION {
        let message = format!(
            "the replica in this file has layout {version}, and this build reads {VERSION}: detach it with the build \
             that wrote it, and attach it anew"
        );
        return Err(Error::new(ErrorKind::Unsupported, message).into());
    }
    let was = number(conn, "node")? as u64;
    if was != node {
        let message = format!("this file is the replica of node {was}, not of node {node}");
        return Err(Error::new(ErrorKind::Conflict, message).into());
    }
    Ok(())
}

/// Makes room in the log for keys of so many columns. Columns cost each write, also where they are NULL, so there are
/// as many as some table needs.
pub(super) fn widen_log(conn: &Connection, keys: usize) -> Sql<()> {
    let has: i64 =
        conn.query_row("SELECT count(*) FROM pragma_table_info('_headwater_log', 'main')", (), |row| row.get(0))?;
    for n in (has as usize).saturating_sub(LOG_COLUMNS)..keys {
        conn.execute_batch(&format!("ALTER TABLE main._headwater_log ADD COLUMN k{n}"))?;
    }
    Ok(())
}

/// Takes the tables out.
pub(super) fn remove(conn: &Connection) -> Sql<()> {
    for table in ["meta", "table", "column", "log", "row", "hidden", "park", "origin", "held", "outbox"] {
        conn.execute_batch(&format!("DROP TABLE IF EXISTS _headwater_{table}"))?;
    }
    Ok(())
}

/// A number kept under a name; 0 when it never was.
pub(super) fn number(conn: &Connection, name: &str) -> Sql<i64> {
    let mut statement = conn.prepare_cached("SELECT value FROM _headwater_meta WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// Adds to a number; what it is then.
pub(super) fn add_number(conn: &Connection, name: &str, more: i64) -> Sql<i64> {
    let sum = number(conn, name)?.saturating_add(more);
    set_number(conn, name, sum)?;
    Ok(sum)
}

pub(super) fn set_number(conn: &Connection, name: &str, value: i64) -> Sql<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO _headwater_meta(name, value) VALUES (?1, ?2)")?
        .execute((name, value))?;
    Ok(())
}
