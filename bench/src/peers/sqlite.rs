//! SQLite: the log as a table with an index by subject.
//!
//! Settings: compiled with fdatasync, no misuse checks and no memory statistics (`.cargo/config.toml`); WAL, 256 MB of
//! cache, memory-mapped reads, exclusive locking (no shared-memory index), rare checkpoints, prepared statements.

use std::ops::Range;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::time_of;
use crate::Outcome;
use crate::source::{BATCH_RECORDS, Digest, Source};

/// How safe a commit is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sync {
    /// On disk: synchronous=FULL.
    Full,
    /// With the operating system: synchronous=NORMAL.
    Normal,
}

/// Every entry of an index ends with the row's id, which is the sequence: this is the index on (subject, seq).
const RECORDS: &str = "
    CREATE TABLE records (seq INTEGER PRIMARY KEY, subject TEXT NOT NULL, time INTEGER NOT NULL, payload BLOB NOT NULL);
    CREATE INDEX records_by_subject ON records (subject);";

const INSERT: &str = "INSERT INTO records (seq, subject, time, payload) VALUES (?1, ?2, ?3, ?4)";

/// An open database.
pub(crate) struct Sqlite {
    /// The connection.
    pub(crate) connection: Connection,
}

impl Sqlite {
    /// A new database in a new directory, with the table of records.
    pub(crate) fn create(dir: PathBuf, sync: Sync) -> Outcome<Self> {
        Sqlite::create_with(dir, sync, RECORDS)
    }

    /// A new database in a new directory, with another schema.
    pub(crate) fn create_with(dir: PathBuf, sync: Sync, schema: &str) -> Outcome<Self> {
        let sqlite = Sqlite::open(&super::make(dir)?, sync)?;
        sqlite.connection.execute_batch(schema)?;
        Ok(sqlite)
    }

    /// The database in a directory.
    pub(crate) fn open(dir: &Path, sync: Sync) -> Outcome<Self> {
        let connection = Connection::open(dir.join("records.sqlite"))?;
        let synchronous = match sync {
            Sync::Full => "FULL",
            Sync::Normal => "NORMAL",
        };
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", synchronous)?;
        connection.pragma_update(None, "cache_size", -262_144)?;
        connection.pragma_update(None, "mmap_size", 4_i64 << 30)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "wal_autocheckpoint", 16_384)?;
        Ok(Sqlite { connection })
    }

    /// Inserts the records, a commit for each.
    pub(crate) fn insert_each(&self, records: Range<u64>, source: &mut Source) -> Outcome<()> {
        let mut insert = self.connection.prepare_cached(INSERT)?;
        for record in records {
            let (subject, payload) = source.one(record);
            insert.execute(params![record as i64 + 1, subject, time_of(record) as i64, payload])?;
        }
        Ok(())
    }

    /// Inserts the records, a commit for each thousand.
    pub(crate) fn insert_batches(&self, records: Range<u64>, source: &mut Source) -> Outcome<()> {
        let mut insert = self.connection.prepare_cached(INSERT)?;
        let mut from = records.start;
        while from < records.end {
            let to = (from + BATCH_RECORDS).min(records.end);
            let transaction = self.connection.unchecked_transaction()?;
            for record in from..to {
                let (subject, payload) = source.one(record);
                insert.execute(params![record as i64 + 1, subject, time_of(record) as i64, payload])?;
            }
            transaction.commit()?;
            from = to;
        }
        Ok(())
    }

    /// Closes the database, which writes its log back.
    pub(crate) fn close(self) -> Outcome<()> {
        Ok(self.connection.close().map_err(|(_, error)| error)?)
    }

    /// Reads everything in order and says what it is.
    pub(crate) fn digest(dir: &Path) -> Outcome<Digest> {
        let sqlite = Sqlite::open(dir, Sync::Normal)?;
        let mut digest = Digest::default();
        let mut select = sqlite.connection.prepare("SELECT seq, subject, payload FROM records ORDER BY seq")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let seq: i64 = row.get(0)?;
            if seq != digest.count as i64 + 1 {
                return Err(format!("sequence {seq} follows {}", digest.count).into());
            }
            digest.add(row.get_ref(1)?.as_bytes()?, row.get_ref(2)?.as_bytes()?);
        }
        Ok(digest)
    }
}
