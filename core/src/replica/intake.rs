//! Intake: units of others as the log has them, joined some at a time, with the place in the log in the same
//! transaction.
//!
//! A unit whose clock is too far ahead is held, in a table of ours, until this node's clock comes near it or somebody
//! lets it in.

use super::Replica;
use super::apply::Applied;
use super::change::Unit;
use super::store::{self, Fault, Sql};
use crate::error::{Error, ErrorKind, Result};

/// Bytes of units that are held, at most: with more, the log is not read on.
const HELD_BYTES_MAX: i64 = 64 << 20;

/// A place in a log: whose it is, and the last sequence that is taken with all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    /// Which log of the database, from 0 on.
    pub(super) shard: usize,
    /// The engine that has the log.
    pub(super) engine: u64,
    pub(super) seq: u64,
}

/// What became of some units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Taken {
    pub(super) units: u64,
    pub(super) changes: u64,
    /// The largest stamp among them.
    pub(super) time_max: u64,
}

/// What a number of each log is called.
fn of_shard(name: &str, shard: usize) -> String {
    if shard == 0 { name.to_owned() } else { format!("{name}_{shard}") }
}

impl Replica {
    /// The place in the log of a shard to go on from; none before the first unit was taken.
    pub(super) fn place(&self, shard: usize) -> Result<Place> {
        let read = || -> Sql<Place> {
            let engine = store::number(&self.conn, &of_shard("log_engine", shard))? as u64;
            Ok(Place { shard, engine, seq: store::number(&self.conn, &of_shard("log_seq", shard))? as u64 })
        };
        read().map_err(Fault::into_error)
    }

    /// Joins units, in one transaction with the place in the log that they reach to.
    pub(super) fn take_units(&mut self, units: &[Unit], place: Place, now_ms: u64) -> Result<Taken> {
        self.write(|replica| {
            let mut taken = Taken::default();
            for unit in units {
                replica.take_unit(unit, now_ms, &mut taken)?;
            }
            store::set_number(&replica.conn, &of_shard("log_engine", place.shard), place.engine as i64)?;
            store::set_number(&replica.conn, &of_shard("log_seq", place.shard), place.seq as i64)?;
            Ok(taken)
        })
    }

    fn take_unit(&mut self, unit: &Unit, now_ms: u64, taken: &mut Taken) -> Sql<()> {
        if unit.seq > 0 && unit.origin == self.node {
            return Ok(());
        }
        match self.apply_unit(unit, now_ms)? {
            Applied::Done => {
                taken.units += 1;
                taken.changes += unit.changes.len() as u64;
                taken.time_max = taken.time_max.max(unit.time_max());
            }
            Applied::Already => {}
            Applied::Ahead => self.hold(unit)?,
        }
        Ok(())
    }

    fn hold(&self, unit: &Unit) -> Sql<()> {
        let bytes = unit.encode()?;
        let sum = "SELECT coalesce(sum(length(unit)), 0) FROM _headwater_held";
        let held: i64 = self.conn.query_row(sum, (), |row| row.get(0))?;
        if held.saturating_add(bytes.len() as i64) > HELD_BYTES_MAX {
            let message = format!(
                "units of {HELD_BYTES_MAX} bytes are held, as the clock of node {:016x} is ahead: set it right, or let \
                 them in",
                unit.origin
            );
            return Err(Error::new(ErrorKind::Limit, message).into());
        }
        self.conn.prepare_cached("INSERT INTO _headwater_held(unit) VALUES (?1)")?.execute([bytes])?;
        Ok(())
    }

    /// How many units are held.
    pub(super) fn held(&self) -> Result<u64> {
        self.rows_of("held")
    }

    /// Joins what is held and is no more ahead of `now_ms`; with `u64::MAX`, all of it.
    pub(super) fn release(&mut self, now_ms: u64) -> Result<Taken> {
        self.write(|replica| {
            let mut list = replica.conn.prepare("SELECT id, unit FROM _headwater_held ORDER BY id")?;
            let units = list.query_map((), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
            let units = units.collect::<rusqlite::Result<Vec<_>>>()?;
            drop(list);
            let mut taken = Taken::default();
            for (id, bytes) in units {
                let unit = Unit::decode(&bytes)?;
                if replica.clock.is_ahead(unit.time_max(), now_ms) {
                    continue;
                }
                replica.take_unit(&unit, now_ms, &mut taken)?;
                replica.conn.prepare_cached("DELETE FROM _headwater_held WHERE id = ?1")?.execute([id])?;
            }
            Ok(taken)
        })
    }
}
