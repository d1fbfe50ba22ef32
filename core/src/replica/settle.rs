//! Which rows are shown when a table's constraints can't hold for all: of rows that clash, the one written last.
//!
//! A row ranks by its largest column stamp, then by its key. Rows in the order of their rank, each shown unless it clashes
//! with one that is: that is one set, whatever order things came in. [`settle`] finds it from any other by looking at the
//! hidden rows alone: at its end each has a shown row of higher rank that it clashes with, or is refused by itself.
//!
//! Whom a row clashes with SQLite says: `INSERT OR REPLACE` in a savepoint that is taken back, and a temporary trigger that
//! notes the keys that had to go. So partial and expression indexes and generated columns need no understanding here.

use rusqlite::{Connection, params_from_iter};

use super::clocks::Stamp;
use super::ident::{quote, quote_all};
use super::rows::{Hidden, TableRows};
use super::store::{Fault, Sql};
use super::table::Table;
use super::value::{Value, key_bytes, key_values};
use crate::error::Error;

/// Why a row is hidden of which no insert is known yet.
pub(super) const INCOMPLETE: &str = "only some of its columns have come";

type Rank = (Stamp, Vec<u8>);

/// Shows and hides rows of a table until those are shown that should be.
pub(super) fn settle(conn: &Connection, table: &Table) -> Sql<()> {
    let rows = TableRows::new(conn, table);
    if !rows.has_hidden()? {
        return Ok(());
    }
    while settle_once(conn, table, rows)? {}
    Ok(())
}

/// One pass over the hidden rows; whether it changed anything.
fn settle_once(conn: &Connection, table: &Table, rows: TableRows<'_>) -> Sql<bool> {
    let mut hidden: Vec<Rank> = Vec::new();
    for name in rows.hidden_names()? {
        let state = rows.state(&name)?.unwrap_or_default();
        if state.whole {
            hidden.push((state.rank(table), name));
        }
    }
    hidden.sort_by(|a, b| b.cmp(a));
    let mut is_changed = false;
    for rank in hidden {
        is_changed |= try_show(conn, table, rows, &rank)?;
    }
    Ok(is_changed)
}

fn try_show(conn: &Connection, table: &Table, rows: TableRows<'_>, rank: &Rank) -> Sql<bool> {
    let name = &rank.1;
    let Some(mut row) = rows.hidden(name)? else { return Ok(false) };
    let key = key(name)?;
    let (places, values) = rows.places(&row);
    let why = match rows.show(&key, &places, &values) {
        Ok(()) => {
            rows.unhide(name)?;
            return Ok(true);
        }
        Err(fault) => fault.constraint().ok_or(fault)?,
    };
    let blockers = blockers(conn, table, rows, &key, &places, &values)?;
    let mut wins = !blockers.is_empty();
    for blocker in &blockers {
        let state = rows.state(&key_bytes(blocker))?.unwrap_or_default();
        wins &= (state.rank(table), key_bytes(blocker)) < *rank;
    }
    if wins {
        conn.execute_batch("SAVEPOINT _headwater_show")?;
        for blocker in &blockers {
            hide(rows, blocker, &why)?;
        }
        let shown = rows.show(&key, &places, &values);
        if shown.is_ok() {
            rows.unhide(name)?;
        } else {
            conn.execute_batch("ROLLBACK TO _headwater_show")?;
        }
        conn.execute_batch("RELEASE _headwater_show")?;
        match shown {
            Ok(()) => return Ok(true),
            Err(fault) if fault.constraint().is_none() => return Err(fault),
            Err(_) => {}
        }
    }
    if row.why != why {
        row.why = why;
        rows.hide(name, &row)?;
    }
    Ok(false)
}

/// Takes a shown row out of the table, and keeps it.
pub(super) fn hide(rows: TableRows<'_>, key: &[Value], why: &str) -> Sql<()> {
    let Some((_, values)) = rows.read(key)? else { return Ok(()) };
    rows.delete(key)?;
    rows.hide(&key_bytes(key), &Hidden { why: why.to_owned(), cells: rows.cells(values) })
}

/// The keys of the rows that would have to go for this one; none when it is refused by itself.
fn blockers(
    conn: &Connection,
    table: &Table,
    rows: TableRows<'_>,
    key: &[Value],
    places: &[usize],
    values: &[Value],
) -> Sql<Vec<Vec<Value>>> {
    let keys = || table.keys.iter().map(String::as_str);
    let ours = (0..table.keys.len()).map(|n| format!("k{n}")).collect::<Vec<_>>().join(", ");
    conn.execute_batch(&format!(
        "PRAGMA recursive_triggers = ON; SAVEPOINT _headwater_probe; \
         CREATE TEMP TABLE _headwater_gone({ours}); \
         CREATE TEMP TRIGGER _headwater_going AFTER DELETE ON main.{} BEGIN \
         INSERT INTO _headwater_gone SELECT {}; END",
        quote(&table.name),
        quote_all("OLD.", keys()),
    ))?;
    let probe = conn
        .prepare(&rows.insert_sql("REPLACE", places))
        .and_then(|mut insert| insert.execute(params_from_iter(key.iter().chain(values))))
        .map_err(Fault::from);
    let gone = probe.and_then(|_| {
        let mut list = conn.prepare(&format!("SELECT {ours} FROM temp._headwater_gone"))?;
        let mut found = list.query(())?;
        let mut gone = Vec::new();
        while let Some(row) = found.next()? {
            let mut key = Vec::new();
            for n in 0..table.keys.len() {
                key.push(Value::from(row.get_ref(n)?));
            }
            gone.push(key);
        }
        Ok(gone)
    });
    conn.execute_batch("ROLLBACK TO _headwater_probe; RELEASE _headwater_probe; PRAGMA recursive_triggers = OFF")?;
    match gone {
        Err(fault) if fault.constraint().is_some() => Ok(Vec::new()),
        other => other,
    }
}

fn key(name: &[u8]) -> Sql<Vec<Value>> {
    key_values(name).ok_or_else(|| Error::corrupt("the key of a hidden row of the replica does not decode").into())
}
