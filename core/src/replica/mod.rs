//! SQLite files that replicate: many writers, no leader, no change to the application.
//!
//! A program has a [`Database`], by [`crate::Engine::attach`]. Behind it `node/` joins a file to its log, stepped by a
//! thread of the engine's. All beside that is pure: it works on one connection, and knows no
//! stream, thread, clock of the machine or door.
//!
//! A [`Replica`] is one file at one node. The application's writes leave keys in a log by triggers ([`capture`]);
//! [`cut`] turns them into a [`change::Unit`]; [`apply`] joins a unit of another node into this file.
//!
//! What is replicated is a lattice for each row ([`clocks`]), so that the order in which units of different nodes come
//! does not matter, nor how often:
//!
//! * **Life.** A row has a life, named by the stamp of the last delete of its key (zero before any). The larger life
//!   wins whole. So a delete wins over every write that had not seen it, even a later one, and of two deletes that had
//!   not seen each other the later one; a row inserted after its delete begins a new life, which a write of the old one
//!   can't touch.
//! * **Columns.** Within a life each column is a register: the write with the larger (stamp, node, digest of the value)
//!   wins. An insert writes all columns. Rows that were there at attach have the lowest stamp, so any later write beats
//!   them.
//! * **Shown or hidden.** A constraint of the table (UNIQUE, CHECK, NOT NULL) may keep rows apart that merge. Among
//!   rows that clash the one written last is shown, by (largest column stamp, key); the others are kept whole in a
//!   table of ours, with the reason, and come back when the clash is over ([`settle`]). Which rows are shown depends on
//!   the lattice alone.
//! * **Parked.** What names a table or column that is not there is kept, and joined when the schema comes ([`park`]).
//! * **Forgotten.** That a key was deleted is known for a time ([`sweep`]), and no node may be away for longer.
//!
//! Every write here, rows, clocks, positions and what goes out, is one SQLite transaction that also takes in what the
//! application wrote before it. Stamps are of the time of the write: all that is in the log is newer than all that was
//! applied.

mod apply;
mod capture;
mod change;
mod clocks;
mod columns;
mod cut;
mod digest;
mod export;
mod formers;
mod fresh;
mod ident;
mod intake;
mod names;
pub(crate) mod node;
mod noted;
mod park;
mod pattern;
mod peers;
mod rows;
mod schema;
mod schema_view;
mod settle;
mod shard;
mod standing;
mod status;
mod store;
mod sweep;
mod table;
mod taken;
mod value;

#[cfg(test)]
mod tests;

pub use node::changes::RowChange;
pub use node::check::{CheckReport, Compared, ComparedNode};
pub use node::config::{CLEANUP_INTERVAL, DatabaseConfig, LogConfig, POLLING_INTERVAL, STORE_TIMEOUT, SnapshotConfig};
pub use node::database::Database;
pub use node::opened::refuse_opened;
pub use node::places::{S3Config, Secret, SftpConfig, WebDavConfig};
pub use node::session::{Answer, Connection, InterruptHandle};
pub use node::snapshot::SnapshotInfo;
pub use node::watcher::ChangeWatcher;
pub use noted::ChangeKind;
pub use schema_view::SchemaOf;

pub use status::{DatabaseState, DatabaseStatus, JobStatus, RefusedTable};
pub use value::Value;

use self::noted::{Noted, Notes};
use self::rows::TableRows;
use self::store::{Fault, Sql};
use self::table::{Refused, Table};
use crate::error::Result;
use crate::hybrid::{DRIFT_MS_MAX, HybridClock};

/// Faults that the random test has to find; only tests plant any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Planted {
    /// A write here is taken in after what others wrote.
    NoCutFirst,
    /// What comes last wins.
    ArrivalOrder,
    /// Rows that clash stay as they came.
    NoSettle,
    /// What there is no column for is dropped.
    NoPark,
    /// A row inserted after its delete says nothing of it.
    OneLife,
}

/// What a replica is told when it is opened.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Tables to replicate, without regard to case; none names all.
    pub(crate) include: Vec<String>,
    /// Tables to leave out, without regard to case.
    pub(crate) exclude: Vec<String>,
    /// Tables whose rows are written whole: two writes of one row never merge.
    pub(crate) per_row: Vec<String>,
    /// Columns to leave out, as [`pattern`] has them.
    pub(crate) exclude_columns: Vec<String>,
    /// Rows of the log that one unit takes in, at most; what is committed together is split by nothing else.
    pub(crate) unit_changes_max: usize,
    /// Bytes of values after which a unit takes in no more rows.
    pub(crate) unit_bytes_max: usize,
    /// Bytes of changes that are kept for tables and columns that are not here; a unit with more is refused.
    pub(crate) park_bytes_max: u64,
    /// Milliseconds for which it is known that a row was deleted: no node may be away for longer.
    pub(crate) forget_ms: u64,
    /// How many logs the changes are spread over, by table and key; 1 keeps what was written together together.
    pub(crate) shards: usize,
    /// Whether units are compressed.
    pub(crate) compress: bool,
    /// Whether what is written here becomes units. Where it does not, no number of a unit is used up either, so nobody
    /// waits for one.
    pub(crate) publish: bool,
    /// SQL for the milliseconds since the epoch at a write. Tests have their own.
    pub(crate) time_sql: String,
    #[cfg(test)]
    pub(crate) planted: Option<Planted>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            include: Vec::new(),
            exclude: Vec::new(),
            per_row: Vec::new(),
            exclude_columns: Vec::new(),
            unit_changes_max: 4096,
            unit_bytes_max: 1 << 20,
            park_bytes_max: 64 << 20,
            forget_ms: 90 * 24 * 60 * 60 * 1000,
            shards: 1,
            compress: true,
            publish: true,
            time_sql: capture::TIME_SQL.to_owned(),
            #[cfg(test)]
            planted: None,
        }
    }
}

/// One SQLite file at one node.
pub(crate) struct Replica {
    conn: rusqlite::Connection,
    node: u64,
    options: Options,
    clock: HybridClock,
    tables: Vec<Table>,
    refused: Vec<Refused>,
    /// `PRAGMA schema_version` when `tables` was read.
    schema_version: Option<i64>,
    /// The schema was read anew: what is hidden or parked may no longer have to be.
    is_unsettled: bool,
    /// The last row that the sweep looked at.
    swept: Option<(i64, Vec<u8>)>,
    notes: Notes,
}

impl Replica {
    /// Opens a file as a replica, and makes it one if it is not: tables and triggers of ours come into it. The
    /// connection is the replica's alone: its triggers and foreign keys are off from now on. `node` differs at every
    /// node.
    pub(crate) fn open(conn: rusqlite::Connection, node: u64, options: Options) -> Result<Replica> {
        store::prepare(&conn).map_err(Fault::into_error)?;
        let clock = HybridClock::new(DRIFT_MS_MAX);
        let tables = Vec::new();
        let refused = Vec::new();
        let (schema_version, is_unsettled, swept) = (None, true, None);
        let notes = Notes::default();
        let mut replica =
            Replica { conn, node, options, clock, tables, refused, schema_version, is_unsettled, swept, notes };
        replica.write(|replica| store::create(&replica.conn, replica.node))?;
        Ok(replica)
    }

    /// The tables that replicate, and those that do not with the reason.
    pub(crate) fn tables(&self) -> (&[Table], &[Refused]) {
        (&self.tables, &self.refused)
    }

    /// Takes every trace of the replica out of the file.
    pub(crate) fn detach(mut self) -> Result<rusqlite::Connection> {
        self.begin()?;
        let done = capture::remove(&self.conn).and_then(|()| store::remove(&self.conn));
        self.end(done)?;
        Ok(self.conn)
    }

    /// Runs `work` in one writing transaction: all or nothing of it stays. The schema is as it is now.
    fn write<T>(&mut self, work: impl FnOnce(&mut Replica) -> Sql<T>) -> Result<T> {
        self.begin()?;
        let (before, noted) = (self.clock.last(), self.notes.len());
        let done = work_with_schema(self, work);
        let done = self.end(done);
        if done.is_err() {
            self.notes.truncate(noted);
            // What was read of the schema may be of the transaction that is taken back.
            self.schema_version = None;
            self.clock = HybridClock::new(DRIFT_MS_MAX);
            self.clock.observe(before);
        }
        done
    }

    fn begin(&mut self) -> Result<()> {
        self.conn.execute_batch("BEGIN IMMEDIATE").map_err(|error| Fault::from(error).into_error())
    }

    fn end<T>(&mut self, done: Sql<T>) -> Result<T> {
        let done = done.and_then(|value| {
            self.conn.execute_batch("COMMIT")?;
            Ok(value)
        });
        if done.is_err() && !self.conn.is_autocommit() {
            let _ = self.conn.execute_batch("ROLLBACK");
        }
        done.map_err(Fault::into_error)
    }

    #[cfg(test)]
    fn has_fault(&self, fault: Planted) -> bool {
        self.options.planted == Some(fault)
    }

    #[cfg(not(test))]
    #[allow(clippy::unused_self, reason = "tests ask the options")]
    fn has_fault(&self, _: Planted) -> bool {
        false
    }

    /// Notes from now on what joins do to rows.
    pub(crate) fn begin_notes(&mut self) {
        self.notes.begin();
    }

    /// What was noted since this was asked last.
    pub(crate) fn take_notes(&self) -> Vec<Noted> {
        self.notes.take()
    }

    /// The rows of a table, with what is done to them noted.
    fn rows<'a>(&'a self, table: &'a Table) -> TableRows<'a> {
        TableRows::new(&self.conn, table).noting(&self.notes)
    }

    fn table(&self, id: i64) -> Option<usize> {
        self.tables.iter().position(|table| table.id == id)
    }
}

fn work_with_schema<T>(replica: &mut Replica, work: impl FnOnce(&mut Replica) -> Sql<T>) -> Sql<T> {
    if replica.schema_version.is_none() {
        store::create(&replica.conn, replica.node)?;
        let last = store::number(&replica.conn, "clock")?;
        replica.clock.observe(last as u64);
    }
    let before = replica.clock.last();
    replica.sync_schema()?;
    let value = work(replica)?;
    if replica.clock.last() != before {
        store::set_number(&replica.conn, "clock", replica.clock.last() as i64)?;
    }
    Ok(value)
}
