//! The columns of a table across changes of its schema: each has an id, by which the clocks of rows know it.
//!
//! A column is known by its name. One that was renamed is found by where it stands, its type, and what is in it, which
//! the digests in the clocks tell. One that was dropped is remembered: if one of its name comes, each row has the
//! default there now, and others have to hear that. (The last column dropped and added again before anybody looked
//! can't be told.)

use std::collections::BTreeSet;

use rusqlite::{Connection, params_from_iter};

use super::clocks::RowState;
use super::ident::{is_same, quote};
use super::names::Names;
use super::store::{self, LOG_COLUMNS, Sql};
use super::table::{Cell, Column, Shape, found_by};
use super::value::{Value, key_bytes, key_values};

/// Rows that are asked, at most, whether a column was renamed or another one came.
const ROWS_ASKED: usize = 256;

struct Known {
    column: Column,
    kind: String,
    is_gone: bool,
}

/// A digest of no value: in a column that came with a rebuilt table every value was written.
const NO_REST: u64 = 0;

/// The columns with their ids, and whether one was dropped and added again.
pub(super) fn sync(conn: &Connection, table: i64, shape: &Shape, is_rebuilt: bool) -> Sql<(Vec<Column>, bool)> {
    let cells: Vec<&Cell> = shape.columns().collect();
    let (mut live, gone): (Vec<_>, Vec<_>) = known(conn, table)?.into_iter().partition(|known| !known.is_gone);
    rename(conn, table, shape, &mut live, &cells)?;
    live.retain(|known| cells.iter().any(|cell| is_same(&cell.name, &known.column.name)));
    let places = live.iter().filter_map(|known| cells.iter().position(|cell| is_same(&cell.name, &known.column.name)));
    let is_moved = !places.collect::<Vec<_>>().is_sorted();
    let mut is_again = is_moved;
    conn.prepare_cached("UPDATE _headwater_column SET gone = 1 WHERE tbl = ?1")?.execute([table])?;
    let mut columns = Vec::with_capacity(cells.len());
    for (place, cell) in cells.into_iter().enumerate() {
        let is_it = |known: &Known| is_same(&known.column.name, &cell.name);
        let (id, was, rest) = if let Some(n) = live.iter().position(is_it) {
            let known = live.swap_remove(n).column;
            let rest = if is_moved { rest(conn, cell, shape.is_strict)?.digest() } else { known.rest };
            (known.id, known.was, rest)
        } else {
            let rest = if is_rebuilt { NO_REST } else { rest(conn, cell, shape.is_strict)?.digest() };
            let again = gone.iter().find(|known| is_it(known)).map(|known| known.column.id);
            is_again |= again.is_some();
            let id = match again {
                Some(id) => id,
                None => store::add_number(conn, "column", 1)?,
            };
            let sql = "INSERT OR IGNORE INTO _headwater_column(id, tbl) VALUES (?1, ?2)";
            conn.prepare_cached(sql)?.execute((id, table))?;
            (id, Names::default(), rest)
        };
        let sql = "UPDATE _headwater_column SET name = ?2, was = ?3, kind = ?4, rest = ?5, place = ?6, gone = 0 \
                   WHERE id = ?1";
        let update = (id, &cell.name, was.kept(), &cell.decltype, rest as i64, place as i64);
        conn.prepare_cached(sql)?.execute(update)?;
        columns.push(Column { id, name: cell.name.clone(), was, rest });
    }
    Ok((columns, is_again))
}

fn known(conn: &Connection, table: i64) -> Sql<Vec<Known>> {
    let sql = "SELECT id, name, was, rest, kind, gone FROM _headwater_column WHERE tbl = ?1 ORDER BY place, id";
    let mut list = conn.prepare_cached(sql)?;
    let known = list.query_map([table], |row| {
        let rest = row.get::<_, i64>(3)? as u64;
        let column = Column { id: row.get(0)?, name: row.get(1)?, was: Names::read(row.get(2)?), rest };
        Ok(Known { column, kind: row.get(4)?, is_gone: row.get(5)? })
    })?;
    Ok(known.collect::<rusqlite::Result<_>>()?)
}

/// Gives columns that were renamed their new names. `ALTER TABLE` adds a column last, so what lies between two columns
/// that kept their names are the same columns under other names, or fewer. At the end more may have come. Where the
/// rows do not tell, as many columns as before are the same ones, and of more the first of its type.
fn rename(conn: &Connection, table: i64, shape: &Shape, live: &mut [Known], cells: &[&Cell]) -> Sql<()> {
    let is_new: Vec<bool> =
        cells.iter().map(|cell| !live.iter().any(|known| is_same(&known.column.name, &cell.name))).collect();
    let mut logged = None;
    let (mut from, mut to) = (0, 0);
    while from < live.len() {
        let is_kept = |known: &Known| cells.iter().any(|cell| is_same(&cell.name, &known.column.name));
        let gone = live[from..].iter().take_while(|known| !is_kept(known)).count();
        let anchor = live.get(from + gone);
        let found = |anchor: &Known| cells[to..].iter().position(|cell| is_same(&cell.name, &anchor.column.name));
        let come = anchor.and_then(found).unwrap_or(cells.len() - to);
        let is_whole = if anchor.is_some() { gone == come } else { gone <= come };
        let mut next = 0;
        for n in (0..come).filter(|n| is_new[to + n]) {
            let cell = cells[to + n];
            let mut renamed = None;
            for g in (next..gone).filter(|g| is_same(&live[from + g].kind, &cell.decltype)) {
                let logged = match &mut logged {
                    Some(logged) => &*logged,
                    none => none.insert(logged_keys(conn, table, shape)?),
                };
                let told = is_renamed(conn, table, shape, logged, &live[from + g].column, cell)?;
                if told == Some(true) {
                    renamed = Some(g);
                    break;
                }
                if told.is_none() && renamed.is_none() && (g == n || !is_whole) {
                    renamed = Some(g);
                }
            }
            if let Some(g) = renamed {
                let column = &mut live[from + g].column;
                column.was.push(std::mem::replace(&mut column.name, cell.name.clone()));
                next = g + 1;
            }
        }
        from += gone + 1;
        to = (to + come + 1).min(cells.len());
    }
    Ok(())
}

/// The keys of the rows that were written since anybody looked.
fn logged_keys(conn: &Connection, table: i64, shape: &Shape) -> Sql<BTreeSet<Vec<u8>>> {
    let keys = shape.keys().len();
    let mut list = conn.prepare("SELECT * FROM _headwater_log WHERE tbl = ?1")?;
    let mut rows = list.query([table])?;
    let mut logged = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let mut key = Vec::with_capacity(keys);
        for n in 0..keys {
            key.push(Value::from(row.get_ref(LOG_COLUMNS + n)?));
        }
        logged.insert(key_bytes(&key));
    }
    Ok(logged)
}

/// Whether a cell has what a known column had, as far as rows tell that nobody wrote since.
fn is_renamed(
    conn: &Connection,
    table: i64,
    shape: &Shape,
    logged: &BTreeSet<Vec<u8>>,
    column: &Column,
    cell: &Cell,
) -> Sql<Option<bool>> {
    let rest = rest(conn, cell, shape.is_strict)?.digest();
    let found = found_by(&shape.keys(), 1);
    let sql = format!("SELECT {} FROM main.{} WHERE {found}", quote(&cell.name), quote(&shape.name));
    let mut read = conn.prepare(&sql)?;
    let mut list = conn.prepare("SELECT key, state FROM _headwater_row WHERE tbl = ?1 LIMIT ?2")?;
    let mut rows = list.query((table, ROWS_ASKED as i64))?;
    let mut told = None;
    while let Some(row) = rows.next()? {
        let state = RowState::decode(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?)?;
        let Some(written) = state.written(column.id).filter(|written| written.digest != rest) else { continue };
        let name = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        if logged.contains(name) {
            continue;
        }
        let key = key_values(name).unwrap_or_default();
        let mut value = read.query(params_from_iter(key))?;
        let Some(value) = value.next()? else { continue };
        if Value::from(value.get_ref(0)?).digest() == written.digest {
            return Ok(Some(true));
        }
        told = Some(false);
    }
    Ok(told)
}

/// What a column has where nobody wrote it: its default, as SQLite stores it in a column of this type. A default that
/// this connection can't compute is taken for NULL.
fn rest(conn: &Connection, cell: &Cell, is_strict: bool) -> Sql<Value> {
    let Some(default) = &cell.default else { return Ok(Value::Null) };
    conn.execute_batch(&format!(
        "DROP TABLE IF EXISTS temp._headwater_rest; CREATE TEMP TABLE _headwater_rest(c {})",
        affinity(&cell.decltype, is_strict)
    ))?;
    let value = conn
        .execute_batch(&format!("INSERT INTO temp._headwater_rest VALUES (({default}))"))
        .and_then(|()| conn.query_row("SELECT c FROM temp._headwater_rest", (), |row| Ok(Value::from(row.get_ref(0)?))))
        .unwrap_or(Value::Null);
    conn.execute_batch("DROP TABLE temp._headwater_rest")?;
    Ok(value)
}

/// A type with the affinity that SQLite gives to a declared one (its documentation, "Datatypes", 3.1).
fn affinity(decltype: &str, is_strict: bool) -> &'static str {
    let decltype = decltype.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| decltype.contains(word));
    if has(&["INT"]) {
        "INTEGER"
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        "TEXT"
    } else if has(&["BLOB"]) || decltype.is_empty() || (is_strict && decltype == "ANY") {
        "BLOB"
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        "REAL"
    } else {
        "NUMERIC"
    }
}
