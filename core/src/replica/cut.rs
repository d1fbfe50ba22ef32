//! A cut: what the application wrote since the last one becomes a unit for the other nodes.
//!
//! The log says which rows were touched and when; the row itself and its clocks say what was done. A row that is
//! touched often goes out once. Which columns changed is known from the digests of what they were. Log, clocks and the
//! unit in the outbox change in one transaction, so that a unit is made once and a crash loses nothing.
//!
//! What of a row was written between two cuts has the time of the last of those writes.
//!
//! A unit holds all that was committed between two cuts, unless that is more than its bounds: then several units follow
//! each other, and a write may be in an earlier one than its place in the log, with a stamp that is up to a backlog too
//! old.

use rusqlite::params_from_iter;

use super::capture::{self, op};
use super::change::{Change, Unit};
use super::clocks::{RowState, Stamp, Written};
use super::ident::{quote, quote_all};
use super::rows::{TableRows, split};
use super::settle;
use super::shard;
use super::store::{self, LOG_COLUMNS, Sql};
use super::table::Table;
use super::value::{Value, key_bytes, key_values};
use super::{Planted, Replica};
use crate::error::Result;
use crate::hybrid::HybridClock;

/// A unit on its way out. A file that became another node's may have units of the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// Where it stands among those on their way.
    pub(crate) place: i64,
    /// The node that made it.
    pub(crate) node: u64,
    /// Which of the logs it goes to, from 0 on.
    pub(crate) shard: usize,
    pub(crate) unit: Vec<u8>,
}

/// One touched row.
struct Touched {
    seq: i64,
    table: i64,
    op: i64,
    time_ms: u64,
    key: Vec<Value>,
    name: Vec<u8>,
}

impl Replica {
    /// Takes in what the application wrote, up to the bounds of a unit. The unit's sequence in the outbox, or `None`
    /// when nothing that others need was written. Whether more is in the log [`Replica::is_pending`] says.
    pub(crate) fn cut(&mut self) -> Result<Option<u64>> {
        self.write(|replica| {
            let unit = replica.cut_unit()?;
            replica.settle_all()?;
            Ok(unit)
        })
    }

    /// Whether the log has rows that no cut has taken in.
    pub(crate) fn is_pending(&self) -> Result<bool> {
        self.pending().map_err(store::Fault::into_error)
    }

    /// Takes in rows that were there at attach, at most `rows_max` of one table, with the lowest stamp. Whether there
    /// may be more.
    pub(crate) fn walk(&mut self, rows_max: usize) -> Result<bool> {
        self.write(|replica| {
            replica.cut_all()?;
            let Some(place) = replica.tables.iter().position(|table| table.walk.is_some()) else { return Ok(false) };
            replica.walk_table(place, rows_max)?;
            Ok(true)
        })
    }

    /// The first units that nobody has said to be sent.
    pub(crate) fn outbox(&self, units_max: usize) -> Result<Vec<Outgoing>> {
        let read = || -> Sql<Vec<Outgoing>> {
            let sql = "SELECT place, node, shard, unit FROM _headwater_outbox ORDER BY place LIMIT ?1";
            let mut list = self.conn.prepare_cached(sql)?;
            let units = list.query_map([units_max as i64], |row| {
                let (node, shard) = (row.get::<_, i64>(1)? as u64, row.get::<_, i64>(2)? as usize);
                Ok(Outgoing { place: row.get(0)?, node, shard, unit: row.get(3)? })
            })?;
            Ok(units.collect::<rusqlite::Result<_>>()?)
        };
        read().map_err(store::Fault::into_error)
    }

    /// Forgets the units up to a place: they are where others find them.
    pub(crate) fn sent(&mut self, place: i64) -> Result<()> {
        self.write(|replica| {
            replica.conn.prepare_cached("DELETE FROM _headwater_outbox WHERE place <= ?1")?.execute([place])?;
            Ok(())
        })
    }

    pub(super) fn pending(&self) -> Sql<bool> {
        Ok(self.conn.prepare_cached("SELECT 1 FROM _headwater_log LIMIT 1")?.exists(())?)
    }

    /// Cuts until the log is empty.
    pub(super) fn cut_all(&mut self) -> Sql<()> {
        while self.pending()? {
            self.cut_unit()?;
        }
        self.settle_all()
    }

    /// Shows and hides rows, and joins what waited for the schema that came. Not before the log is empty: a row in it
    /// has no stamp yet, so it would lose to each that has one.
    fn settle_all(&mut self) -> Sql<()> {
        if self.pending()? {
            return Ok(());
        }
        if std::mem::take(&mut self.is_unsettled) {
            for table in &self.tables {
                TableRows::new(&self.conn, table).unsettle_all()?;
            }
            self.unpark()?;
            store::set_number(&self.conn, capture::SETTLED, self.schema_version.unwrap_or_default())?;
        }
        self.notes.sign(Stamp { time: self.clock.last(), node: self.node });
        let is_settled = !self.conn.prepare_cached("SELECT 1 FROM _headwater_hidden LIMIT 1")?.exists(())?;
        for table in self.tables.iter().filter(|_| !is_settled) {
            settle::settle(&self.rows(table))?;
        }
        Ok(())
    }

    fn cut_unit(&mut self) -> Sql<Option<u64>> {
        let touched = self.touched()?;
        let Some(last) = touched.last().map(|touched| touched.seq) else { return Ok(None) };
        let (node, is_one_life) = (self.node, self.has_fault(Planted::OneLife));
        let mut unit = Unit::new(node);
        let Replica { conn, tables, clock, options, .. } = self;
        let rows: Vec<_> = tables.iter().map(|table| TableRows::new(conn, table)).collect();
        let mut cutting = Cutting { unit: &mut unit, clock, node, is_one_life };
        let (mut bytes, mut end) = (0, last);
        let mut holds = false;
        for touched in latest(touched) {
            if bytes >= options.unit_bytes_max && !holds {
                break;
            }
            (end, holds) = (touched.seq, touched.op == op::MOVED);
            let Some(rows) = rows.iter().find(|rows| rows.table.id == touched.table) else { continue };
            if let Some(change) = cutting.take_in(rows, &touched)? {
                bytes += change.bytes();
                cutting.unit.changes.push(change);
            }
        }
        conn.prepare_cached("DELETE FROM _headwater_log WHERE seq <= ?1")?.execute([end])?;
        for (n, named) in unit.tables.iter().enumerate() {
            if let Some(rows) = rows.iter().find(|rows| rows.table.name == named.name) {
                settle::unsettle(rows, unit.changes.iter().filter(|change| change.table == n))?;
            }
        }
        drop(rows);
        self.put_out(unit)
    }

    /// The first rows of the log. A row and the one that its key was moved to stay together.
    fn touched(&self) -> Sql<Vec<Touched>> {
        let mut list = self.conn.prepare_cached("SELECT * FROM _headwater_log ORDER BY seq")?;
        let mut rows = list.query(())?;
        let mut touched: Vec<Touched> = Vec::new();
        while let Some(row) = rows.next()? {
            let table: i64 = row.get(1)?;
            let keys = self.table(table).map_or(0, |place| self.tables[place].keys.len());
            let mut key = Vec::with_capacity(keys);
            for n in 0..keys {
                key.push(Value::from(row.get_ref(LOG_COLUMNS + n)?));
            }
            let time_ms = row.get::<_, Option<i64>>(3)?.unwrap_or(0).max(0) as u64;
            let name = key_bytes(&key);
            touched.push(Touched { seq: row.get(0)?, table, op: row.get(2)?, time_ms, key, name });
            let is_moved = touched.last().is_some_and(|touched| touched.op == op::MOVED);
            if touched.len() >= self.options.unit_changes_max && !is_moved {
                break;
            }
        }
        Ok(touched)
    }

    fn walk_table(&mut self, place: usize, rows_max: usize) -> Sql<()> {
        let table = &self.tables[place];
        let rows = TableRows::new(&self.conn, table);
        let from = key_values(table.walk.as_deref().unwrap_or_default()).unwrap_or_default();
        let keys = quote_all("", table.keys.iter().map(String::as_str));
        let marks = (1..=from.len()).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
        // A key with a NULL names no row, and no key is behind it.
        let usable = table.keys.iter().map(|key| format!("{} IS NOT NULL", quote(key)));
        let usable = usable.collect::<Vec<_>>().join(" AND ");
        let after = if from.is_empty() { String::new() } else { format!(" AND ({keys}) > ({marks})") };
        let sql = format!("{} WHERE {usable}{after} ORDER BY {keys} LIMIT {rows_max}", table.select);
        let mut unit = Unit::new(self.node);
        let mut statement = self.conn.prepare_cached(&sql)?;
        let mut found = statement.query(params_from_iter(&from))?;
        let (mut count, mut last) = (0, None);
        while let Some(row) = found.next()? {
            count += 1;
            let (key, values) = split(row, table)?;
            let name = key_bytes(&key);
            let change = walk_row(&rows, table, &mut unit, &name, key, values)?;
            unit.changes.extend(change);
            last = Some(name);
        }
        drop(found);
        drop(statement);
        let walk = last.filter(|_| count == rows_max);
        if walk.is_none() {
            walk_hidden(&rows, table, &mut unit)?;
        }
        drop(rows);
        self.conn.execute("UPDATE _headwater_table SET walk = ?2 WHERE id = ?1", (table.id, &walk))?;
        self.tables[place].walk = walk;
        self.put_out(unit)?;
        self.settle_all()
    }

    /// Puts a unit into the outbox, as one for each shard, with the next sequences of this node; the last of these.
    fn put_out(&self, unit: Unit) -> Sql<Option<u64>> {
        if unit.changes.is_empty() || !self.options.publish {
            return Ok(None);
        }
        let mut last = None;
        for (shard, mut unit) in shard::split(unit, self.options.shards) {
            unit.seq = store::add_number(&self.conn, "unit", 1)? as u64;
            let place = store::add_number(&self.conn, "place", 1)?;
            let sql = "INSERT INTO _headwater_outbox(place, node, shard, unit) VALUES (?1, ?2, ?3, ?4)";
            let bytes = unit.encode_with(self.options.compress)?;
            self.conn.prepare_cached(sql)?.execute((place, unit.origin as i64, shard as i64, bytes))?;
            last = Some(unit.seq);
        }
        Ok(last)
    }
}

/// A unit in the making.
struct Cutting<'a> {
    unit: &'a mut Unit,
    clock: &'a mut HybridClock,
    node: u64,
    is_one_life: bool,
}

impl Cutting<'_> {
    fn stamp(&mut self, touched: &Touched) -> Stamp {
        Stamp { time: self.clock.now(touched.time_ms), node: self.node }
    }

    /// One touched row: its clocks are brought up to what it is now.
    fn take_in(&mut self, rows: &TableRows<'_>, touched: &Touched) -> Sql<Option<Change>> {
        let table = rows.table;
        if touched.key.contains(&Value::Null) {
            // Two rows may have this key: it names neither.
            store::add_number(rows.conn, "null_keys", 1)?;
            rows.unsettle_all()?;
            return Ok(None);
        }
        let (name, found) = (&touched.name, rows.read(&touched.key)?);
        // Of most rows that were inserted nothing is known, and then one statement does.
        if let (op::INSERT, Some((_, values)), None) = (touched.op, &found, &table.walk) {
            let stamp = self.stamp(touched);
            if rows.add_state(name, &rows.first_state(values, stamp))? {
                let table = self.unit.table(table);
                return Ok(found.map(|(key, values)| {
                    let columns = (0..values.len()).collect();
                    Change { table, key, time: stamp.time, whole: true, columns, values, ..Change::default() }
                }));
            }
        }
        let old = rows.state(name)?;
        let is_known = old.is_some();
        let mut state = old.unwrap_or_default();
        let Some((key, values)) = found else {
            let is_shown = state.whole && rows.hidden(name)?.is_none();
            // What was there at attach and was deleted before the walk came to it is as good as known.
            let was_there = !is_known && table.walk.is_some();
            if !is_shown && !was_there {
                return Ok(None);
            }
            let life = self.stamp(touched);
            rows.set_state(name, &RowState { life, ..RowState::default() })?;
            let table = self.unit.table(table);
            return Ok(Some(Change { table, key: touched.key.clone(), life, ..Change::default() }));
        };
        let is_new = !state.whole;
        let digests: Vec<u64> = values.iter().map(Value::digest).collect();
        let is_written = |n: usize| {
            let column = &table.columns[n];
            is_new || state.written(column.id).map_or(column.rest, |written| written.digest) != digests[n]
        };
        let mut changed: Vec<usize> = (0..values.len()).filter(|n| is_written(*n)).collect();
        // A row that was hidden and is in the table was inserted again, whatever it says.
        let was_hidden = !is_new && rows.hidden(name)?.is_some();
        if changed.is_empty() && !is_new && !was_hidden {
            return Ok(None);
        }
        if table.is_per_row || was_hidden {
            changed = (0..values.len()).collect();
        }
        let stamp = self.stamp(touched);
        state.whole = true;
        for &n in &changed {
            state.set(Written { column: table.columns[n].id, stamp, digest: digests[n] }, table.columns[n].rest);
        }
        rows.set_state(name, &state)?;
        rows.unhide(name)?;
        let life = if self.is_one_life { Stamp::default() } else { state.life };
        let mut values: Vec<Option<Value>> = values.into_iter().map(Some).collect();
        let values = changed.iter().filter_map(|n| values[*n].take()).collect();
        let table = self.unit.table(table);
        Ok(Some(Change { table, key, life, time: stamp.time, whole: is_new, columns: changed, values }))
    }
}

/// A row that was there at attach. One that others wrote to since still has columns here that nobody else knows of.
fn walk_row(
    rows: &TableRows<'_>,
    table: &Table,
    unit: &mut Unit,
    name: &[u8],
    key: Vec<Value>,
    mut values: Vec<Value>,
) -> Sql<Option<Change>> {
    let mut columns: Vec<usize> = (0..values.len()).collect();
    let state = rows.state(name)?;
    if let Some(state) = &state {
        let is_first =
            |n: &usize| state.written(table.columns[*n].id).is_some_and(|written| written.stamp == Stamp::default());
        columns.retain(is_first);
        values = columns.iter().map(|n| values[*n].clone()).collect();
        if columns.is_empty() {
            return Ok(None);
        }
    } else {
        rows.set_state(name, &rows.first_state(&values, Stamp::default()))?;
    }
    let table = unit.table(table);
    Ok(Some(Change { table, key, whole: state.is_none(), columns, values, ..Change::default() }))
}

/// Rows that were there at attach and were hidden before the walk came to them.
fn walk_hidden(rows: &TableRows<'_>, table: &Table, unit: &mut Unit) -> Sql<()> {
    for name in rows.hidden_names()? {
        let (Some(state), Some(hidden)) = (rows.state(&name)?, rows.hidden(&name)?) else { continue };
        let (places, values) = rows.places(&hidden);
        let is_first =
            |n: usize| state.written(table.columns[n].id).is_some_and(|written| written.stamp == Stamp::default());
        let (columns, values): (Vec<_>, Vec<_>) = places.into_iter().zip(values).filter(|(n, _)| is_first(*n)).unzip();
        if !columns.is_empty() {
            let (table, key) = (unit.table(table), key_values(&name).unwrap_or_default());
            unit.changes.push(Change { table, key, columns, values, ..Change::default() });
        }
    }
    Ok(())
}

/// Each row once, where it is last in the log.
fn latest(mut touched: Vec<Touched>) -> Vec<Touched> {
    let mut seen = std::collections::BTreeSet::new();
    let mut kept: Vec<bool> =
        touched.iter().rev().map(|touched| seen.insert((touched.table, touched.name.as_slice()))).collect();
    touched.retain(|_| kept.pop().unwrap_or_default());
    touched
}
