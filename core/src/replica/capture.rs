//! Capture: triggers that log the key of each row that the application writes, and their upkeep when its schema changes.
//!
//! A trigger names the key columns alone and copies no value. So `ADD`, `DROP` and `RENAME COLUMN` and `DROP TABLE` work as if
//! there were none: SQLite refuses to drop a column of a primary key by itself, and rewrites triggers when it renames. What
//! the row is, a cut reads later, so the order in which triggers fire does not matter. Only functions that a trigger may use
//! with `PRAGMA trusted_schema = OFF` are used.
//!
//! A trigger's name holds the table's id, and SQLite knows which table it is on: so a renamed table is known again, and one
//! that was rebuilt under its name (new table, copy, drop, rename) is found without triggers and compared row by row.

use rusqlite::Connection;

use super::ident::{OURS, is_same, quote};
use super::rows::TableRows;
use super::store::{self, KEY_COLUMNS_MAX, Sql};
use super::table::{self, Cell, Column, Shape, Table};
use super::value::{Value, key_values};
use super::{Options, Replica, settle};

/// Milliseconds since the epoch, in words that every SQLite of the last ten years knows.
pub(super) const TIME_SQL: &str = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)";

/// What the log says was done. A cut looks at the row itself; only `MOVED` matters, which holds two rows of the log together.
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
        let mut tables = Vec::new();
        let mut is_new = vec![true; shapes.len()];
        for known in known(&self.conn)? {
            let on = triggered(&self.conn, known.id)?;
            let by_trigger = on.as_deref().and_then(|on| shapes.iter().position(|shape| is_same(&shape.name, on)));
            let by_name = || shapes.iter().position(|shape| is_same(&shape.name, &known.name));
            match by_trigger.or_else(by_name).filter(|place| is_new[*place]) {
                Some(place) => {
                    is_new[place] = false;
                    let table = self.keep(&known, &shapes[place])?;
                    if by_trigger.is_none() {
                        self.retake(&table)?;
                    }
                    tables.push(table);
                }
                None => forget(&self.conn, known.id)?,
            }
        }
        for (shape, _) in shapes.iter().zip(&is_new).filter(|(_, is_new)| **is_new) {
            let id = store::next_number(&self.conn, "table")?;
            let sql = "INSERT INTO _headwater_table(id, name, walk) VALUES (?1, ?2, x'')";
            self.conn.prepare_cached(sql)?.execute((id, &shape.name))?;
            let known = Known { id, name: shape.name.clone(), was: None, walk: Some(Vec::new()) };
            let table = self.keep(&known, shape)?;
            create_triggers(&self.conn, &table, &self.options)?;
            tables.push(table);
        }
        (self.tables, self.refused) = (tables, refused);
        self.unpark()?;
        for table in &self.tables {
            settle::settle(&self.conn, table)?;
        }
        self.schema_version = Some(schema_version(&self.conn)?);
        Ok(())
    }

    /// A known table with the columns that it has now.
    fn keep(&self, known: &Known, shape: &Shape) -> Sql<Table> {
        let mut was = known.was.clone();
        if !is_same(&known.name, &shape.name) {
            was = Some(known.name.clone());
        }
        if known.name != shape.name {
            let sql = "UPDATE _headwater_table SET name = ?2, was = ?3 WHERE id = ?1";
            self.conn.execute(sql, (known.id, &shape.name, &was))?;
        }
        let columns = columns(&self.conn, known.id, shape)?;
        let mut table = Table::new(known.id, was, shape, columns, &self.options);
        table.walk.clone_from(&known.walk);
        Ok(table)
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
    was: Option<String>,
    walk: Option<Vec<u8>>,
}

fn schema_version(conn: &Connection) -> Sql<i64> {
    Ok(conn.query_row("PRAGMA main.schema_version", (), |row| row.get(0))?)
}

fn known(conn: &Connection) -> Sql<Vec<Known>> {
    let mut list = conn.prepare("SELECT id, name, was, walk FROM _headwater_table ORDER BY id")?;
    let rows = list
        .query_map((), |row| Ok(Known { id: row.get(0)?, name: row.get(1)?, was: row.get(2)?, walk: row.get(3)? }))?;
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
    (0..keys.min(KEY_COLUMNS_MAX)).map(|n| format!("k{n}")).collect::<Vec<_>>().join(", ")
}

fn create_triggers(conn: &Connection, table: &Table, options: &Options) -> Sql<()> {
    let (name, into, time) = (quote(&table.name), log_columns(table.keys.len()), &options.time_sql);
    let each = |row: &str| table.keys.iter().map(|key| format!("{row}.{}", quote(key))).collect::<Vec<_>>();
    let (old, new) = (each("OLD"), each("NEW"));
    let is_moved =
        old.iter().zip(&new).map(|(old, new)| format!("{old} IS NOT {new}")).collect::<Vec<_>>().join(" OR ");
    let entry = |op: i64, key: &[String], when: &str| {
        let (id, key) = (table.id, key.join(", "));
        format!("INSERT INTO _headwater_log(tbl, op, time, {into}) SELECT {id}, {op}, {time}, {key}{when};")
    };
    let moved = entry(op::MOVED, &old, &format!(" WHERE {is_moved}"));
    for (event, body) in EVENTS.into_iter().zip([
        entry(op::INSERT, &new, ""),
        moved + " " + &entry(op::UPDATE, &new, ""),
        entry(op::DELETE, &old, ""),
    ]) {
        let trigger = quote(&trigger_name(table.id, event));
        conn.execute_batch(&format!(
            "DROP TRIGGER IF EXISTS {trigger}; \
             CREATE TRIGGER {trigger} AFTER {event} ON {name} FOR EACH ROW BEGIN {body} END"
        ))?;
    }
    Ok(())
}

fn log(conn: &Connection, table: &Table, key: &[Value], time: &str) -> Sql<()> {
    let marks = (1..=key.len()).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
    let (into, op) = (log_columns(key.len()), op::DELETE);
    let sql = format!("INSERT INTO _headwater_log(tbl, op, time, {into}) VALUES ({}, {op}, {time}, {marks})", table.id);
    conn.prepare_cached(&sql)?.execute(rusqlite::params_from_iter(key))?;
    Ok(())
}

/// Everything that was known of a table that is gone.
fn forget(conn: &Connection, id: i64) -> Sql<()> {
    for event in EVENTS {
        conn.execute_batch(&format!("DROP TRIGGER IF EXISTS {}", quote(&trigger_name(id, event))))?;
    }
    conn.execute("DELETE FROM _headwater_table WHERE id = ?1", [id])?;
    for ours in ["column", "log", "row", "hidden"] {
        conn.execute(&format!("DELETE FROM _headwater_{ours} WHERE tbl = ?1"), [id])?;
    }
    Ok(())
}

/// The columns with their ids: those known by name, one renamed in its place, and those that came.
fn columns(conn: &Connection, table: i64, shape: &Shape) -> Sql<Vec<Column>> {
    let sql = "SELECT id, name, was, rest, kind FROM _headwater_column WHERE tbl = ?1 ORDER BY id";
    let mut list = conn.prepare_cached(sql)?;
    let known = list.query_map([table], |row| {
        let rest = row.get::<_, i64>(3)? as u64;
        Ok((Column { id: row.get(0)?, name: row.get(1)?, was: row.get(2)?, rest }, row.get::<_, String>(4)?))
    })?;
    let mut known = known.collect::<rusqlite::Result<Vec<_>>>()?;
    let cells: Vec<&Cell> = shape.columns().collect();
    rename(conn, &mut known, &cells)?;
    let mut known: Vec<Column> = known.into_iter().map(|(column, _)| column).collect();
    known.retain(|column| cells.iter().any(|cell| is_same(&cell.name, &column.name)));
    let names = known.iter().map(|column| column.id.to_string()).collect::<Vec<_>>().join(", ");
    conn.execute(&format!("DELETE FROM _headwater_column WHERE tbl = ?1 AND id NOT IN ({names})"), [table])?;
    for cell in cells {
        if known.iter().any(|column| is_same(&column.name, &cell.name)) {
            continue;
        }
        let rest = rest(conn, cell, shape.is_strict)?.digest();
        let id = store::next_number(conn, "column")?;
        let sql = "INSERT INTO _headwater_column(id, tbl, name, rest, kind) VALUES (?1, ?2, ?3, ?4, ?5)";
        conn.prepare_cached(sql)?.execute((id, table, &cell.name, rest as i64, &cell.decltype))?;
        known.push(Column { id, name: cell.name.clone(), was: None, rest });
    }
    Ok(known)
}

/// Gives columns that were renamed in their place their new names. `ALTER TABLE` adds a column last, so what lies between
/// two columns that kept their names, as many as before and of the same types, is the same columns under other names. At the
/// end more may have come. (One dropped there and one of its type added before anybody looked can't be told from a rename.)
fn rename(conn: &Connection, known: &mut [(Column, String)], cells: &[&Cell]) -> Sql<()> {
    let is_new: Vec<bool> =
        cells.iter().map(|cell| !known.iter().any(|(column, _)| is_same(&column.name, &cell.name))).collect();
    let (mut from, mut to) = (0, 0);
    while from < known.len() {
        let is_kept = |(column, _): &(Column, String)| cells.iter().any(|cell| is_same(&cell.name, &column.name));
        let gone = known[from..].iter().take_while(|column| !is_kept(column)).count();
        let anchor = known.get(from + gone);
        let found = |anchor: &(Column, String)| cells[to..].iter().position(|cell| is_same(&cell.name, &anchor.0.name));
        let come = anchor.and_then(found).unwrap_or(cells.len() - to);
        let is_whole = if anchor.is_some() { gone == come } else { gone <= come };
        let pairs = known[from..from + gone].iter_mut().zip(cells[to..].iter().zip(&is_new[to..]));
        for ((column, kind), (cell, is_new)) in pairs.filter(|_| is_whole) {
            if !is_new || !is_same(kind, &cell.decltype) {
                continue;
            }
            column.was = Some(std::mem::replace(&mut column.name, cell.name.clone()));
            let sql = "UPDATE _headwater_column SET name = ?2, was = ?3 WHERE id = ?1";
            conn.execute(sql, (column.id, &column.name, &column.was))?;
        }
        from += gone + 1;
        to = (to + come + 1).min(cells.len());
    }
    Ok(())
}

/// What a column has where nobody wrote it: its default, as SQLite stores it in a column of this type.
fn rest(conn: &Connection, cell: &Cell, is_strict: bool) -> Sql<Value> {
    let Some(default) = &cell.default else { return Ok(Value::Null) };
    let strict = if is_strict { " STRICT" } else { "" };
    conn.execute_batch(&format!(
        "DROP TABLE IF EXISTS temp._headwater_rest; \
         CREATE TEMP TABLE _headwater_rest(\"c\" {} DEFAULT ({default})){strict}; \
         INSERT INTO temp._headwater_rest DEFAULT VALUES",
        cell.decltype
    ))?;
    let value = conn.query_row("SELECT c FROM temp._headwater_rest", (), |row| Ok(Value::from(row.get_ref(0)?)))?;
    conn.execute_batch("DROP TABLE temp._headwater_rest")?;
    Ok(value)
}
