//! Who a file is the replica of, and how much is waiting in it.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};

use super::Replica;
use super::store::{self, Fault, Sql};
use crate::error::Result;

/// Rows that wait in a file, each kind for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Waiting {
    /// Writes that no cut has taken in.
    pub(super) log: u64,
    /// Units that are not in the log yet.
    pub(super) outbox: u64,
    /// Bundles of changes that no table or column is there for.
    pub(super) parked: u64,
    /// Rows that another one keeps from being shown.
    pub(super) hidden: u64,
    /// Units whose clock is too far ahead.
    pub(super) held: u64,
}

/// The node that a file is the replica of, and the last of its units; none for a file that is no replica.
pub(super) fn identity(conn: &Connection) -> Result<Option<(u64, u64)>> {
    let read = || -> Sql<Option<(u64, u64)>> {
        let found = "SELECT 1 FROM main.sqlite_schema WHERE name = '_headwater_meta'";
        if conn.query_row(found, (), |_| Ok(())).optional()?.is_none() {
            return Ok(None);
        }
        Ok(Some((store::number(conn, "node")? as u64, store::number(conn, "unit")? as u64)))
    };
    read().map_err(Fault::into_error)
}

impl Replica {
    /// Makes a file another node's, which has all that the one before did, as far as this file does. So a copy of a
    /// file never speaks in the name of the original.
    pub(super) fn become_node(&mut self, node: u64, log_is_another: bool) -> Result<()> {
        let before = self.node;
        self.write(|replica| {
            let last = store::number(&replica.conn, "unit")? as u64;
            if last > 0 {
                let mut taken = replica.taken(before)?;
                taken.insert_range(1, last);
                replica.set_taken(before, &taken)?;
            }
            replica.note_life(before, last, log_is_another)?;
            store::set_number(&replica.conn, "node", node as i64)?;
            store::set_number(&replica.conn, "unit", 0)
        })?;
        self.node = node;
        Ok(())
    }

    /// The number of the last unit that was made here.
    pub(super) fn last_unit(&self) -> Result<u64> {
        Ok(store::number(&self.conn, "unit").map_err(Fault::into_error)? as u64)
    }

    /// Rows whose foreign keys name nothing, by table.
    pub(super) fn dangling(&self) -> Result<BTreeMap<String, u64>> {
        let read = || -> Sql<BTreeMap<String, u64>> {
            let mut list = self.conn.prepare("PRAGMA main.foreign_key_check")?;
            let mut rows = list.query(())?;
            let mut dangling = BTreeMap::new();
            while let Some(row) = rows.next()? {
                *dangling.entry(row.get::<_, String>(0)?).or_default() += 1;
            }
            Ok(dangling)
        };
        read().map_err(Fault::into_error)
    }

    /// Rows that have clocks.
    pub(super) fn row_count(&self) -> Result<u64> {
        self.rows_of("row")
    }

    /// Rows of a table of ours.
    pub(super) fn rows_of(&self, table: &str) -> Result<u64> {
        let sql = format!("SELECT count(*) FROM _headwater_{table}");
        let count =
            self.conn.prepare_cached(&sql).and_then(|mut count| count.query_row((), |row| row.get::<_, i64>(0)));
        count.map(|count| count as u64).map_err(|error| Fault::from(error).into_error())
    }

    /// Rows that wait.
    pub(super) fn waiting(&self) -> Result<Waiting> {
        Ok(Waiting {
            log: self.rows_of("log")?,
            outbox: self.rows_of("outbox")?,
            parked: self.rows_of("park")?,
            hidden: self.rows_of("hidden")?,
            held: self.held()?,
        })
    }

    /// Whether rows are left that were there before their table was looked at.
    pub(super) fn has_walk(&self) -> bool {
        self.tables.iter().any(|table| table.walk.is_some())
    }

    /// A number that differs when the schema is another one than before.
    pub(super) fn schema_seen(&self) -> Option<i64> {
        self.schema_version
    }

    /// Whether the application wrote something, or changed its schema, since the last look of this connection. A change
    /// of the schema that another transaction of ours came upon first is due until a cut has dealt with it.
    pub(super) fn is_due(&self) -> Result<bool> {
        let read = || -> Sql<bool> {
            let version: i64 =
                self.conn.prepare_cached("PRAGMA main.schema_version")?.query_row((), |row| row.get(0))?;
            Ok(self.schema_version != Some(version) || self.is_unsettled || self.pending()?)
        };
        read().map_err(Fault::into_error)
    }

    /// A number that differs when another connection has committed since it was asked last.
    pub(super) fn data_version(&self) -> Result<i64> {
        let read = || self.conn.prepare_cached("PRAGMA main.data_version")?.query_row((), |row| row.get(0));
        read().map_err(|error: rusqlite::Error| Fault::from(error).into_error())
    }
}
