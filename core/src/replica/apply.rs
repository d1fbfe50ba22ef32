//! Apply: a unit of another node is joined into this file.
//!
//! Rows, clocks and what is known of that node's units change in one transaction, which first takes in what the
//! application wrote here: so a write here is compared by its own stamp, and a unit that comes twice is nothing the
//! second time. Any order of units does.

use std::borrow::Cow;

use super::change::{Change, Unit, UnitTable};
use super::clocks::{RowState, Stamp};
use super::rows::{Hidden, TableRows};
use super::settle::{INCOMPLETE, settle, unsettle};
use super::store::Sql;
use super::table::Table;
use super::value::{Value, key_bytes};
use super::{Planted, Replica, capture, fresh};
#[cfg(test)]
use crate::error::Result;

/// What became of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It is in the file.
    Done,
    /// It was in the file, or is this node's own.
    Already,
    /// Its clock is further ahead of `now_ms` than is believed; nothing was changed, and it may come again later.
    Ahead,
}

impl Replica {
    /// Joins a unit of another node.
    #[cfg(test)]
    pub(crate) fn apply(&mut self, unit: &Unit, now_ms: u64) -> Result<Applied> {
        if unit.origin == self.node {
            return Ok(Applied::Already);
        }
        self.write(|replica| replica.apply_unit(unit, now_ms))
    }

    pub(super) fn apply_unit(&mut self, unit: &Unit, now_ms: u64) -> Sql<Applied> {
        // Rows that somebody gave are of no sequence, and join as often as they come.
        let is_given = unit.seq == 0;
        let mut taken = self.taken(unit.origin)?;
        if !is_given && taken.contains(unit.seq) {
            return Ok(Applied::Already);
        }
        if self.clock.is_ahead(unit.time_max(), now_ms) {
            return Ok(Applied::Ahead);
        }
        if !self.has_fault(Planted::NoCutFirst) {
            self.cut_all()?;
        }
        self.clock.observe(unit.time_max());
        let parked = self.parked_bytes()?;
        if self.has_fault(Planted::ArrivalOrder) {
            let mut late = unit.clone();
            late.changes.iter_mut().filter(|change| change.time > 0).for_each(|change| change.time = self.clock.now(0));
            self.join_unit(&late)?;
        } else {
            self.join_unit(unit)?;
        }
        self.check_parked(parked)?;
        if !is_given {
            taken.insert(unit.seq);
            self.set_taken(unit.origin, &taken)?;
        }
        Ok(Applied::Done)
    }

    /// Joins a unit's changes, and keeps those that no table or column is there for.
    pub(super) fn join_unit(&self, unit: &Unit) -> Sql<()> {
        let mut parked = Unit { tables: unit.tables.clone(), ..Unit::new(unit.origin) };
        let rows: Vec<_> = self.tables.iter().map(|table| self.rows(table)).collect();
        let mut touched = Vec::new();
        for (n, named) in unit.tables.iter().enumerate() {
            let Some(place) = self.table_named(&named.name) else {
                if !self.is_refused(&named.name) {
                    parked.changes.extend(unit.changes.iter().filter(|change| change.table == n).cloned());
                }
                continue;
            };
            touched.push((n, &rows[place], Places::new(&self.tables[place], named)));
        }
        let (mut rest, mut are_fresh) = (unit.changes.as_slice(), true);
        while let Some((change, behind)) = rest.split_first() {
            let Some((_, rows, places)) = touched.iter().find(|(n, ..)| *n == change.table) else {
                rest = behind;
                continue;
            };
            let is_fresh =
                |next: &&Change| next.table == change.table && fresh::is_fresh(rows.table, next, &places.here);
            if are_fresh && rest.iter().take(fresh::ROWS_AT_ONCE).take_while(is_fresh).count() == fresh::ROWS_AT_ONCE {
                let (many, behind) = rest.split_at(fresh::ROWS_AT_ONCE);
                are_fresh = rows.add_many(many, unit.origin)?;
                if are_fresh {
                    rest = behind;
                    continue;
                }
            }
            rest = behind;
            if change.key.len() != rows.table.keys.len() {
                parked.changes.push(change.clone());
                continue;
            }
            let change = places.kept(change);
            let places = &places.here;
            self.notes.sign(Stamp { time: change.time.max(change.life.time), node: unit.origin });
            let missing = change.columns.iter().any(|column| places[*column].is_none());
            if missing {
                let (known, unknown) = part(&change, places);
                parked.changes.push(unknown);
                self.join_change(rows, &known, places, unit.origin)?;
            } else {
                self.join_change(rows, &change, places, unit.origin)?;
            }
        }
        for (n, rows, _) in touched.iter().filter(|_| !self.has_fault(Planted::NoSettle)) {
            unsettle(rows, unit.changes.iter().filter(|change| change.table == *n))?;
            settle(rows)?;
        }
        if self.has_fault(Planted::NoPark) { Ok(()) } else { self.park(parked) }
    }

    fn join_change(&self, rows: &TableRows<'_>, change: &Change, places: &[Option<usize>], origin: u64) -> Sql<()> {
        if !change.whole && change.columns.is_empty() && change.life == Stamp::default() {
            return Ok(());
        }
        let table = rows.table;
        let places: Vec<usize> = change.columns.iter().filter_map(|column| places[*column]).collect();
        let name = key_bytes(&change.key);
        let mut state = RowState::default();
        let mut joined = state.join(change, table, &places, origin);
        let (mut hidden, mut is_shown) = (None, false);
        // Of most rows that come whole nothing is known, and then one statement does.
        let is_new = change.whole && table.walk.is_none() && rows.add_state(&name, &state)?;
        if !is_new {
            state = match rows.state(&name)? {
                Some(state) => state,
                // The walk has not come to this row, so it is as it was at attach.
                None if table.walk.is_some() => rows
                    .read(&change.key)?
                    .map_or_else(RowState::default, |(_, values)| rows.first_state(&values, Stamp::default())),
                None => RowState::default(),
            };
            let was_whole = state.whole;
            let was_known = was_whole || !state.columns.is_empty();
            joined = state.join(change, table, &places, origin);
            if !joined.is_changed {
                return Ok(());
            }
            hidden = if was_known { rows.hidden(&name)? } else { None };
            is_shown = was_whole && hidden.is_none();
            if joined.ended {
                if is_shown {
                    rows.delete(&change.key)?;
                } else if hidden.is_some() {
                    rows.unhide(&name)?;
                }
                (hidden, is_shown) = (None, false);
            }
            rows.set_state(&name, &state)?;
        }
        let (places, values): (Vec<usize>, Vec<&Value>) = if joined.won.len() == places.len() && places.is_sorted() {
            (places, change.values.iter().collect())
        } else {
            let mut won: Vec<_> = joined.won.iter().map(|n| (places[*n], &change.values[*n])).collect();
            won.sort_by_key(|(place, _)| *place);
            won.into_iter().unzip()
        };
        if is_shown {
            if !update(rows, &change.key, &places, &values)? {
                // An INSERT OR REPLACE took it out by a UNIQUE constraint, and no trigger fired.
                capture::log(&self.conn, table, &change.key, &self.options.time_sql)?;
            }
            return Ok(());
        }
        if hidden.is_none() && !state.whole && state.columns.is_empty() {
            return Ok(());
        }
        let was_hidden = hidden.is_some();
        let mut row = hidden.unwrap_or_else(|| Hidden { why: INCOMPLETE.to_owned(), cells: Vec::new() });
        if !was_hidden && state.whole {
            match rows.show(&change.key, &places, &values) {
                Ok(()) => return Ok(()),
                Err(fault) => row.why = fault.constraint().ok_or(fault)?,
            }
        }
        row.set_places(table, &places, &values);
        rows.hide(&name, &row)
    }

    fn table_named(&self, name: &str) -> Option<usize> {
        let by_name = self.tables.iter().position(|table| super::ident::is_same(&table.name, name));
        by_name.or_else(|| self.tables.iter().position(|table| table.answers_to(name)))
    }

    fn is_refused(&self, name: &str) -> bool {
        self.refused.iter().any(|refused| super::ident::is_same(&refused.name, name))
    }
}

/// Where the columns that a unit names are in a table here.
struct Places {
    here: Vec<Option<usize>>,
    /// The places in the unit's columns of those that this node leaves out.
    left_out: Vec<usize>,
}

impl Places {
    fn new(table: &Table, named: &UnitTable) -> Places {
        let mut here: Vec<_> = named.columns.iter().map(|name| table.column(name)).collect();
        // Then by former names: here, or at the origin where this node did not look between two changes of a name.
        let former = named.columns.iter().enumerate();
        for (n, name) in former.chain(named.was.iter().map(|(n, was)| (*n, was))) {
            if here.get(n) == Some(&None) {
                let found = table.column(name).or_else(|| table.former_column(name));
                here[n] = found.filter(|place| !here.contains(&Some(*place)));
            }
        }
        let is_left_out = |n: &usize| here[*n].is_none() && table.is_left_out(&named.columns[*n]);
        Places { left_out: (0..here.len()).filter(is_left_out).collect(), here }
    }

    /// A change without what is left out.
    fn kept<'a>(&self, change: &'a Change) -> Cow<'a, Change> {
        let is_left_out = |column: &usize| self.left_out.contains(column);
        if self.left_out.is_empty() || !change.columns.iter().any(is_left_out) {
            return Cow::Borrowed(change);
        }
        let cells = change.columns.iter().zip(&change.values).filter(|(column, _)| !is_left_out(column));
        let (columns, values) = cells.map(|(column, value)| (*column, value.clone())).unzip();
        Cow::Owned(Change { columns, values, key: change.key.clone(), ..*change })
    }
}

/// Updates a shown row, or hides it when its table's constraints refuse what it is now. Whether it was there.
fn update(rows: &TableRows<'_>, key: &[Value], places: &[usize], values: &[&Value]) -> Sql<bool> {
    let why = match rows.update(key, places, values) {
        Ok(is_there) => return Ok(is_there),
        Err(fault) => fault.constraint().ok_or(fault)?,
    };
    super::settle::hide(rows, key, &why)?;
    let name = key_bytes(key);
    let Some(mut row) = rows.hidden(&name)? else { return Ok(true) };
    row.set_places(rows.table, places, values);
    rows.hide(&name, &row)?;
    Ok(true)
}

/// A change in two: of the columns that are here, and of those that are not.
fn part(change: &Change, places: &[Option<usize>]) -> (Change, Change) {
    let bare = Change { columns: Vec::new(), values: Vec::new(), ..change.clone() };
    let (mut known, mut unknown) = (bare.clone(), Change { whole: false, ..bare });
    for (column, value) in change.columns.iter().zip(&change.values) {
        let to = if places[*column].is_some() { &mut known } else { &mut unknown };
        to.columns.push(*column);
        to.values.push(value.clone());
    }
    (known, unknown)
}
