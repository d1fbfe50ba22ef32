//! Rows with all their clocks, as units that join anywhere and count for no node's sequence: how a node gives others
//! what the log no longer has. Whole lattices are joined, so it does no harm to give a row that somebody has, or to
//! give it twice.

use std::collections::BTreeMap;

use super::Replica;
use super::change::{Change, Unit};
use super::clocks::{RowState, Stamp};
use super::rows::TableRows;
use super::store::{Fault, Sql};
use super::table::Table;
use super::value::{Value, key_values};
use crate::error::{Error, Result};

/// Some rows of a table, and where it goes on.
#[derive(Debug, Default)]
pub(super) struct Exported {
    pub(super) units: Vec<Unit>,
    /// The key of the last row that was looked at; none when there is none behind it.
    pub(super) next: Option<Vec<u8>>,
}

impl Replica {
    /// Rows of a table that are behind a key and that `wants` takes, at most `rows_max` looked at. Of a table that is
    /// not there any more, none. What was there at attach and was not walked over is not among them.
    pub(super) fn export(
        &self,
        table: i64,
        after: &[u8],
        rows_max: usize,
        wants: impl Fn(&[u8], &RowState) -> bool,
    ) -> Result<Exported> {
        self.export_rows(table, after, rows_max, wants).map_err(Fault::into_error)
    }

    fn export_rows(
        &self,
        table: i64,
        after: &[u8],
        rows_max: usize,
        wants: impl Fn(&[u8], &RowState) -> bool,
    ) -> Sql<Exported> {
        let Some(place) = self.table(table) else { return Ok(Exported::default()) };
        let table = &self.tables[place];
        let rows = TableRows::new(&self.conn, table);
        let sql = "SELECT key, state FROM _headwater_row WHERE tbl = ?1 AND key > ?2 ORDER BY key LIMIT ?3";
        let mut list = self.conn.prepare_cached(sql)?;
        let mut found = list.query((table.id, after, rows_max as i64))?;
        let mut units: BTreeMap<u64, Unit> = BTreeMap::new();
        let (mut count, mut next) = (0, None);
        while let Some(row) = found.next()? {
            let name: Vec<u8> = row.get(0)?;
            let state = RowState::decode(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?)?;
            if wants(&name, &state) {
                export_row(&rows, table, &name, &state, &mut units)?;
            }
            count += 1;
            next = Some(name);
        }
        Ok(Exported { units: units.into_values().collect(), next: next.filter(|_| count == rows_max) })
    }

    /// Joins what [`Replica::export`] gave.
    pub(super) fn import(&mut self, units: &[Unit]) -> Result<()> {
        self.write(|replica| {
            replica.cut_all()?;
            units.iter().try_for_each(|unit| {
                replica.clock.observe(unit.time_max());
                replica.join_unit(unit)
            })
        })
    }
}

/// One row: a change for each stamp that its columns have.
fn export_row(
    rows: &TableRows<'_>,
    table: &Table,
    name: &[u8],
    state: &RowState,
    units: &mut BTreeMap<u64, Unit>,
) -> Sql<()> {
    let key = key_values(name).ok_or_else(|| Error::corrupt("the key of a row of the replica does not decode"))?;
    let mut cells: Vec<Option<Value>> = vec![None; table.columns.len()];
    if let Some(hidden) = rows.hidden(name)? {
        let (places, values) = rows.places(&hidden);
        places.into_iter().zip(values).for_each(|(place, value)| cells[place] = Some(value));
    } else if let Some((_, values)) = rows.read(&key)? {
        cells = values.into_iter().map(Some).collect();
    } else if state.whole {
        // The application has deleted it since: that goes out with the next cut.
        return Ok(());
    }
    let mut by_stamp: BTreeMap<Stamp, Vec<(usize, Value)>> = BTreeMap::new();
    for written in &state.columns {
        let Some(place) = table.columns.iter().position(|column| column.id == written.column) else { continue };
        // The application has written it since: what it is now goes out with the next cut.
        let Some(value) = cells[place].take().filter(|value| value.digest() == written.digest) else { continue };
        by_stamp.entry(written.stamp).or_default().push((place, value));
    }
    if by_stamp.is_empty() {
        by_stamp.insert(Stamp { time: 0, node: state.life.node }, Vec::new());
    }
    for (stamp, mut columns) in by_stamp {
        columns.sort_by_key(|(place, _)| *place);
        let (columns, values) = columns.into_iter().unzip();
        let unit = units.entry(stamp.node).or_insert_with(|| Unit::new(stamp.node));
        let table = unit.table(table);
        let (key, life, whole) = (key.clone(), state.life, state.whole);
        unit.changes.push(Change { table, key, life, time: stamp.time, whole, columns, values });
    }
    Ok(())
}
