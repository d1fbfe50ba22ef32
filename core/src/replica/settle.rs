//! Which rows are shown when a table's constraints can't hold for all: of rows that clash, the one written last.
//!
//! A row ranks by its largest column stamp, then by its key. Rows in the order of their rank, each shown unless it
//! clashes with one that is: that is one set, whatever order things came in. [`settle`] finds it from any other by
//! looking at the hidden rows alone: at its end each has a shown row of higher rank that it clashes with, which is
//! noted with it, or is refused by itself. It is looked at again when one of the two was written, so the work is in
//! what was touched, not in how many are hidden.
//!
//! Whom a row clashes with SQLite says: `INSERT OR REPLACE` in a savepoint that is taken back, and a temporary trigger
//! that notes the keys that had to go. So partial and expression indexes and generated columns need no understanding
//! here.

use rusqlite::params_from_iter;

use super::change::Change;
use super::clocks::Stamp;
use super::ident::{quote, quote_all};
use super::rows::{Hidden, TableRows};
use super::store::{Fault, Sql};
use super::value::{Value, key_bytes, key_values};
use crate::error::Error;

/// Why a row is hidden of which no insert is known yet.
pub(super) const INCOMPLETE: &str = "only some of its columns have come";

type Rank = (Stamp, Vec<u8>);

/// Says which rows were touched: those that they keep hidden are looked at again.
pub(super) fn unsettle<'a>(rows: &TableRows<'_>, touched: impl Iterator<Item = &'a Change>) -> Sql<()> {
    if !rows.has_hidden()? {
        return Ok(());
    }
    for change in touched {
        rows.unsettle(&key_bytes(&change.key))?;
    }
    Ok(())
}

/// Shows and hides rows of a table until those are shown that should be. The log has to be empty, as a row in it has no
/// rank yet; and while the walk is not done nothing moves, as it would pass by rows that others have to hear of.
pub(super) fn settle(rows: &TableRows<'_>) -> Sql<()> {
    while rows.table.walk.is_none() && rows.has_hidden()? {
        let mut hidden: Vec<Rank> = Vec::new();
        let names = rows.unsettled_names()?;
        if names.is_empty() {
            break;
        }
        for name in names {
            let state = rows.state(&name)?.unwrap_or_default();
            if state.whole {
                hidden.push((state.rank(rows.table), name));
            } else {
                rows.stay_hidden(&name, INCOMPLETE, None)?;
            }
        }
        hidden.sort_by(|a, b| b.cmp(a));
        for rank in hidden {
            try_show(rows, &rank)?;
        }
    }
    Ok(())
}

fn try_show(rows: &TableRows<'_>, rank: &Rank) -> Sql<()> {
    let name = &rank.1;
    let Some(row) = rows.hidden(name)? else { return Ok(()) };
    let key = key(name)?;
    let (places, values) = rows.places(&row);
    let values: Vec<&Value> = values.iter().collect();
    let mut why = match rows.show(&key, &places, &values) {
        Ok(()) => return rows.unhide(name),
        Err(fault) => fault.constraint().ok_or(fault)?,
    };
    let blockers = blockers(rows, &key, &places, &values)?;
    let mut first: Option<Rank> = None;
    for blocker in &blockers {
        let blocker = key_bytes(blocker);
        let state = rows.state(&blocker)?.unwrap_or_default();
        first = first.max(Some((state.rank(rows.table), blocker)));
    }
    let is_last = first.as_ref().is_some_and(|first| first < rank);
    if is_last {
        rows.conn.execute_batch("SAVEPOINT _headwater_show")?;
        let noted = rows.noted();
        for blocker in &blockers {
            hide(rows, blocker, &why)?;
            rows.unsettle(&key_bytes(blocker))?;
        }
        let shown = rows.show(&key, &places, &values);
        if shown.is_err() {
            rows.conn.execute_batch("ROLLBACK TO _headwater_show")?;
            rows.unnote(noted);
        }
        rows.conn.execute_batch("RELEASE _headwater_show")?;
        why = match shown {
            Ok(()) => return rows.unhide(name),
            Err(fault) => fault.constraint().ok_or(fault)?,
        };
    }
    let by = first.filter(|_| !is_last);
    rows.stay_hidden(name, &why, by.as_ref().map(|by| by.1.as_slice()))
}

/// Takes a shown row out of the table, and keeps it.
pub(super) fn hide(rows: &TableRows<'_>, key: &[Value], why: &str) -> Sql<()> {
    let Some((_, values)) = rows.read(key)? else { return Ok(()) };
    rows.delete(key)?;
    rows.hide(&key_bytes(key), &Hidden { why: why.to_owned(), cells: rows.cells(values) })
}

/// The keys of the rows that would have to go for this one; none when it is refused by itself.
fn blockers(rows: &TableRows<'_>, key: &[Value], places: &[usize], values: &[&Value]) -> Sql<Vec<Vec<Value>>> {
    let (conn, table) = (rows.conn, rows.table);
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
        .and_then(|mut insert| insert.execute(params_from_iter(key.iter().chain(values.iter().copied()))))
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
