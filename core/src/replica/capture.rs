//! Capture: triggers that log the key of each row that the application writes, and their upkeep when its schema
//! changes.
//!
//! A trigger names the key columns alone and copies no value. So `ADD`, `DROP` and `RENAME COLUMN` and `DROP TABLE`
//! work as if there were none: SQLite refuses to drop a column of a primary key by itself, and rewrites triggers when
//! it renames. What the row is, a cut reads later, so the order in which triggers fire does not matter. Only functions
//! that a trigger may use with `PRAGMA trusted_schema = OFF` are used.
//!
//! A trigger's name holds the table's id, and SQLite knows which table it is on: so a renamed table is known again, and
//! one that was rebuilt under its name (new table, copy, drop, rename), or dropped and made again, is found without
//! triggers and compared row by row: what is no longer in it was deleted.

use rusqlite::Connection;

use super::ident::{OURS, is_same, quote};
use super::names::Names;
use super::rows::TableRows;
use super::store::{self, Sql};
use super::table::{self, Shape, Table};
use super::value::{Value, key_values};
use super::{Options, Replica, columns};

/// Milliseconds since the epoch, in words that every SQLite of the last ten years knows.
pub(super) const TIME_SQL: &str = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)";

/// The number under which the schema is known that rows were shown and hidden by.
pub(super) const SETTLED: &str = "settled";

/// What the log says was done. A cut looks at the row itself; only `MOVED` matters, which holds two rows of the log
/// together.
pub(super) mod op {
    pub(crate) const INSERT: i64 = 0;
    pub(crate) const UPDATE: i64 = 1;
    pub(crate) const DELETE: i64 = 2;
    /// The key a row had: the next row of the log has the key that it was given.
    pub(crate) const MOVED: i64 = 3;
}

impl Replica {
    /// Brings tables, columns and triggers up to the schema as it is in this transaction.
    pub(super) fn sync_schema(&mut self) -> Sql<()> {
        let version = schema_version(&self.conn)?;
        if self.schema_version == Some(version) {
            return Ok(());
        }
        let (shapes, refused) = table::shapes(&self.conn, &self.options)?;
        store::widen_log(&self.conn, shapes.iter().map(|shape| shape.keys().len()).max().unwrap_or_default())?;
        let known = known(&self.conn)?;
        let found = find(&self.conn, &known, &shapes)?;
        let mut tables = Vec::new();
        let mut is_new = vec![true; shapes.len()];
        for (known, found) in known.iter().zip(found) {
            let Some(found) = found else {
                self.lose(known)?;
                continue;
            };
            is_new[found.place] = false;
            let (table, is_again) = self.keep(known, &shapes[found.place], !found.has_triggers)?;
            if !found.has_triggers || is_again {
                self.retake(&table)?;
            }
            tables.push(table);
        }
        for (shape, _) in shapes.iter().zip(&is_new).filter(|(_, is_new)| **is_new) {
            let id = store::add_number(&self.conn, "table", 1)?;
            // Of a table without a row nothing is left to walk over, and what is known of no row is known to be new.
            let rows = format!("SELECT 1 FROM main.{}", quote(&shape.name));
            let walk = self.conn.prepare(&rows)?.exists(())?.then(Vec::new);
            let sql = "INSERT INTO _headwater_table(id, name, walk) VALUES (?1, ?2, ?3)";
            self.conn.prepare_cached(sql)?.execute((id, &shape.name, &walk))?;
            let known = Known { id, name: shape.name.clone(), was: Names::default(), walk, gone: 0 };
            let (table, _) = self.keep(&known, shape, false)?;
            create_triggers(&self.conn, &table, &self.options)?;
            tables.push(table);
        }
        (self.tables, self.refused) = (tables, refused);
        self.is_unsettled = store::number(&self.conn, SETTLED)? != version;
        self.schema_version = Some(schema_version(&self.conn)?);
        Ok(())
    }

    /// A table that is no longer there. Its clocks stay: if one of its name comes, its rows were deleted and others
    /// written.
    fn lose(&self, known: &Known) -> Sql<()> {
        if known.gone != 0 {
            return Ok(());
        }
        drop_triggers(&self.conn, known.id)?;
        for ours in ["log", "hidden"] {
            self.conn.execute(&format!("DELETE FROM _headwater_{ours} WHERE tbl = ?1"), [known.id])?;
        }
        let gone = self.clock.last().max(1) as i64;
        self.conn.execute("UPDATE _headwater_table SET gone = ?2, walk = NULL WHERE id = ?1", (known.id, gone))?;
        Ok(())
    }

    /// A known table with the columns that it has now, and whether its rows have to be compared one by one.
    fn keep(&self, known: &Known, shape: &Shape, is_rebuilt: bool) -> Sql<(Table, bool)> {
        let mut was = known.was.clone();
        if !is_same(&known.name, &shape.name) {
            was.push(known.name.clone());
        }
        if known.name != shape.name || known.gone != 0 {
            let sql = "UPDATE _headwater_table SET name = ?2, was = ?3, gone = 0 WHERE id = ?1";
            self.conn.execute(sql, (known.id, &shape.name, was.kept()))?;
        }
        let (columns, is_again) = columns::sync(&self.conn, known.id, shape, is_rebuilt)?;
        let mut table = Table::new(known.id, was, shape, columns, &self.options);
        table.walk.clone_from(&known.walk);
        Ok((table, is_again))
    }

    /// Triggers for a table that was written without them, and every row of it, then and now, into the log.
    fn retake(&self, table: &Table) -> Sql<()> {
        create_triggers(&self.conn, table, &self.options)?;
        let name = quote(&table.name);
        let keys = table.keys.iter().map(|key| quote(key)).collect::<Vec<_>>().join(", ");
        let (into, time) = (log_columns(table.keys.len()), &self.options.time_sql);
        let op = op::UPDATE;
        self.conn.execute_batch(&format!(
            "INSERT INTO _headwater_log(tbl, op, time, {into}) SELECT {}, {op}, {time}, {keys} FROM main.{name}",
            table.id
        ))?;
        let mut states = self.conn.prepare("SELECT key FROM _headwater_row WHERE tbl = ?1")?;
        let mut rows = states.query([table.id])?;
        while let Some(row) = rows.next()? {
            let key = key_values(row.get_ref(0)?.as_blob().unwrap_or_default()).unwrap_or_default();
            if key.len() == table.keys.len() && !TableRows::new(&self.conn, table).has(&key)? {
                log(&self.conn, table, &key, time)?;
            }
        }
        Ok(())
    }
}

/// Takes the triggers out.
pub(super) fn remove(conn: &Connection) -> Sql<()> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND substr(name, 1, ?1) = ?2";
    let mut list = conn.prepare(sql)?;
    let names = list.query_map((OURS.len() as i64, OURS), |row| row.get::<_, String>(0))?;
    for name in names.collect::<rusqlite::Result<Vec<_>>>()? {
        conn.execute_batch(&format!("DROP TRIGGER {}", quote(&name)))?;
    }
    Ok(())
}

struct Known {
    id: i64,
    name: String,
    was: Names,
    walk: Option<Vec<u8>>,
    /// When it was dropped, by the clock; 0 is not.
    gone: i64,
}

fn schema_version(conn: &Connection) -> Sql<i64> {
    Ok(conn.query_row("PRAGMA main.schema_version", (), |row| row.get(0))?)
}

fn known(conn: &Connection) -> Sql<Vec<Known>> {
    let mut list = conn.prepare("SELECT id, name, was, walk, gone FROM _headwater_table ORDER BY id")?;
    let rows = list.query_map((), |row| {
        let was = Names::read(row.get(2)?);
        Ok(Known { id: row.get(0)?, name: row.get(1)?, was, walk: row.get(3)?, gone: row.get(4)? })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn trigger_name(id: i64, event: &str) -> String {
    format!("{OURS}t{id}_{event}")
}

/// The table that has the triggers of `id`; `None` when one is missing.
fn triggered(conn: &Connection, id: i64) -> Sql<Option<String>> {
    let sql = "SELECT min(tbl_name) FROM sqlite_schema WHERE type = 'trigger' AND name IN (?1, ?2, ?3) \
               HAVING count(*) = 3";
    let mut find = conn.prepare_cached(sql)?;
    let mut rows = find.query(EVENTS.map(|event| trigger_name(id, event)))?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
}

const EVENTS: [&str; 3] = ["insert", "update", "delete"];

fn log_columns(keys: usize) -> String {
    (0..keys).map(|n| format!("k{n}")).collect::<Vec<_>>().join(", ")
}

fn create_triggers(conn: &Connection, table: &Table, options: &Options) -> Sql<()> {
    let (name, into, time) = (quote(&table.name), log_columns(table.keys.len()), &options.time_sql);
    let each = |row: &str| table.keys.iter().map(|key| format!("{row}.{}", quote(key))).collect::<Vec<_>>();
    let (old, new) = (each("OLD"), each("NEW"));
    let is_moved =
        old.iter().zip(&new).map(|(old, new)| format!("{old} IS NOT {new}")).collect::<Vec<_>>().join(" OR ");
    let cells = |op: i64, key: &[String]| format!("{}, {op}, {time}, {}", table.id, key.join(", "));
    let into = format!("INSERT INTO _headwater_log(tbl, op, time, {into})");
    let entry = |op: i64, key: &[String]| format!("{into} VALUES ({});", cells(op, key));
    let moved = format!("{into} SELECT {} WHERE {is_moved}; ", cells(op::MOVED, &old));
    for (event, body) in
        EVENTS.into_iter().zip([entry(op::INSERT, &new), moved + &entry(op::UPDATE, &new), entry(op::DELETE, &old)])
    {
        let trigger = quote(&trigger_name(table.id, event));
        conn.execute_batch(&format!(
            "DROP TRIGGER IF EXISTS {trigger}; \
             CREATE TRIGGER {trigger} AFTER {event} ON {name} FOR EACH ROW BEGIN {body} END"
        ))?;
    }
    Ok(())
}

/// Logs that a row is not there.
pub(super) fn log(conn: &Connection, table: &Table, key: &[Value], time: &str) -> Sql<()> {
    let marks = (1..=key.len()).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
    let (into, op) = (log_columns(key.len()), op::DELETE);
    let sql = format!("INSERT INTO _headwater_log(tbl, op, time, {into}) VALUES ({}, {op}, {time}, {marks})", table.id);
    conn.prepare_cached(&sql)?.execute(rusqlite::params_from_iter(key))?;
    Ok(())
}

/// Forgets tables that were dropped when the clock was at a stamp that `is_old`.
pub(super) fn forget_gone(conn: &Connection, is_old: impl Fn(u64) -> bool) -> Sql<()> {
    for known in known(conn)?.iter().filter(|known| known.gone != 0 && is_old(known.gone as u64)) {
        forget(conn, known.id)?;
    }
    Ok(())
}

/// Everything that was known of a table.
fn forget(conn: &Connection, id: i64) -> Sql<()> {
    drop_triggers(conn, id)?;
    conn.execute("DELETE FROM _headwater_table WHERE id = ?1", [id])?;
    for ours in ["column", "log", "row", "hidden"] {
        conn.execute(&format!("DELETE FROM _headwater_{ours} WHERE tbl = ?1"), [id])?;
    }
    Ok(())
}

fn drop_triggers(conn: &Connection, id: i64) -> Sql<()> {
    for event in EVENTS {
        conn.execute_batch(&format!("DROP TRIGGER IF EXISTS {}", quote(&trigger_name(id, event))))?;
    }
    Ok(())
}

/// Where a known table is now.
struct Found {
    place: usize,
    has_triggers: bool,
}

/// The places of the known tables among those that there are. Each is where its triggers are, which follow it when it
/// is renamed; else where its name is. A table renamed to the name of one that has no triggers any more took its place:
/// new table, copy, drop, rename is how SQLite's documentation says to change a table.
fn find(conn: &Connection, known: &[Known], shapes: &[Shape]) -> Sql<Vec<Option<Found>>> {
    let place = |name: &str| shapes.iter().position(|shape| is_same(&shape.name, name));
    let mut found = Vec::new();
    for known in known {
        let on = if known.gone == 0 { triggered(conn, known.id)? } else { None };
        found.push(on.and_then(|on| place(&on)).map(|place| Found { place, has_triggers: true }));
    }
    for n in 0..known.len() {
        let Some(place) = place(&known[n].name).filter(|_| found[n].is_none()) else { continue };
        match found.iter().position(|other| other.as_ref().is_some_and(|other| other.place == place)) {
            Some(other) if known[n].gone == 0 && !is_same(&known[other].name, &shapes[place].name) => {
                drop_triggers(conn, known[other].id)?;
                found[other] = None;
            }
            Some(_) => continue,
            None => {}
        }
        found[n] = Some(Found { place, has_triggers: false });
    }
    Ok(found)
}
