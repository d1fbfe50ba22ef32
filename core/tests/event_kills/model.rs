//! The read models that are made: what they are, in memory and in a file, and how somebody else sees that.

use std::collections::BTreeMap;
use std::path::Path;

use headwater::events::{EventView, Folded};
use headwater::rusqlite::{Connection, OptionalExtension as _, Result};

use crate::common::patience::PATIENCE;

/// Of each account, how many events it has had, and a number that they make in their order: what is left out, is taken
/// in twice, or out of order, makes another one.
pub(crate) type State = BTreeMap<String, (i64, i64)>;

/// A read model as it was seen: where it stood, and what it was.
pub(crate) type Look = (u64, State);

pub(crate) fn add(state: &mut State, event: &EventView<'_>) -> Folded {
    let (count, chain) = state.entry(event.id()?.1).or_default();
    (*count, *chain) = (*count + 1, (*chain * 31 + event.seq().cast_signed()) % 1_000_003);
    Ok(())
}

/// The same in SQL.
pub(crate) fn add_row(connection: &Connection, event: &EventView<'_>) -> Folded {
    connection.execute_batch("CREATE TABLE IF NOT EXISTS accounts (key TEXT PRIMARY KEY, count, chain)")?;
    let sql = "INSERT INTO accounts VALUES (?1, 1, ?2)
               ON CONFLICT (key) DO UPDATE SET count = count + 1, chain = (chain * 31 + ?2) % 1000003";
    connection.prepare_cached(sql)?.execute((event.id()?.1, event.seq().cast_signed()))?;
    Ok(())
}

/// As well, with a message for others of each event.
pub(crate) fn add_and_mail(connection: &Connection, event: &EventView<'_>) -> Folded {
    add_row(connection, event)?;
    let sql = "INSERT INTO headwater_outbox (seq, stream, subject, payload) VALUES (?1, 'mail', 'mail', ?2)";
    connection.prepare_cached(sql)?.execute((event.seq().cast_signed(), event.seq().to_string().into_bytes()))?;
    Ok(())
}

pub(crate) fn rows(connection: &Connection) -> Result<State> {
    let mut found = connection.prepare("SELECT key, count, chain FROM accounts")?;
    let rows = found.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
    rows.collect()
}

/// Somebody who reads the file.
pub(crate) struct Reader(Connection);

impl Reader {
    pub(crate) fn open(file: &Path) -> Self {
        let connection = Connection::open(file).unwrap();
        connection.busy_timeout(PATIENCE).unwrap();
        Reader(connection)
    }

    /// What is there at one moment.
    pub(crate) fn look(&self) -> Look {
        let moment = self.0.unchecked_transaction().unwrap();
        let is_there = |table: &str| moment.table_exists(None, table).unwrap();
        let position = if is_there("headwater_projection") { self.place("position") } else { 0 };
        (position, if is_there("accounts") { rows(&moment).unwrap() } else { State::new() })
    }

    /// The last sequence of the stream before the messages that are noted as being sent, if any are. A young program
    /// may have no table of them yet.
    pub(crate) fn noted(&self) -> Option<u64> {
        let noted = self.0.query_row("SELECT max(tried) FROM headwater_outbox", [], |row| row.get::<_, Option<i64>>(0));
        noted.unwrap_or_default().map(i64::cast_unsigned)
    }

    /// How many rows there are.
    pub(crate) fn count(&self, of: &str) -> i64 {
        self.0.query_row(&format!("SELECT count(*) FROM {of}"), [], |row| row.get(0)).unwrap_or_default()
    }

    /// What is kept of where it stands.
    pub(crate) fn place(&self, column: &str) -> u64 {
        let sql = format!("SELECT {column} FROM headwater_projection WHERE name = 'live'");
        let found: Option<i64> = self.0.query_row(&sql, [], |row| row.get(0)).optional().unwrap();
        found.unwrap_or_default().cast_unsigned()
    }
}
