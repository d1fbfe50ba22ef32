//! The clocks of one row: its life, and for each column who wrote it when, and the digest of what.
//!
//! This is the lattice that the module documentation describes; [`RowState::join`] is its join. The values themselves
//! are in the application's table, or with the hidden rows. A state is a few bytes and ten for each column, those that
//! were dropped too.

use super::change::Change;
use super::store::{Fault, Sql};
use super::table::Table;
use super::value::Value;
use crate::error::Error;
use crate::varint::{put_varint, take_varint};

/// When and by whom: unique for each write of a node. Zero, of no node, is what was there at attach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Stamp {
    /// A hybrid clock's.
    pub(crate) time: u64,
    pub(crate) node: u64,
}

/// The last write of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    /// The column's id here.
    pub(super) column: i64,
    pub(super) stamp: Stamp,
    pub(super) digest: u64,
}

/// What is known of a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct RowState {
    /// The last delete of this key; zero when there was none.
    pub(super) life: Stamp,
    /// Whether an insert of this life is known, so that every column has a value.
    pub(super) whole: bool,
    pub(super) columns: Vec<Written>,
}

/// What a join did.
#[derive(Debug, Default)]
pub(super) struct Joined {
    /// The life before is over, and what was written in it.
    pub(super) ended: bool,
    /// The change's columns that won, as places in it.
    pub(super) won: Vec<usize>,
    /// The state is another one than before.
    pub(super) is_changed: bool,
}

impl RowState {
    /// A column's last write; a column that came after the row has the default that it came with.
    pub(super) fn written(&self, column: i64) -> Option<&Written> {
        self.columns.iter().find(|written| written.column == column)
    }

    /// What ranks rows that clash: the last write to a column that the table has.
    pub(super) fn rank(&self, table: &Table) -> Stamp {
        let has = |written: &&Written| table.columns.iter().any(|column| column.id == written.column);
        self.columns.iter().filter(has).map(|written| written.stamp).max().unwrap_or_default()
    }

    /// The last write of all to this row.
    pub(super) fn newest(&self) -> Stamp {
        self.columns.iter().map(|written| written.stamp).max().unwrap_or_default().max(self.life)
    }

    /// Writes a column, if it wins; `rest` is the digest of what the column has where nobody wrote it.
    pub(super) fn set(&mut self, new: Written, rest: u64) -> bool {
        let order = |written: &Written| (written.stamp, written.digest);
        match self.columns.iter_mut().find(|written| written.column == new.column) {
            Some(old) if order(&new) > order(old) => *old = new,
            Some(_) => return false,
            // A row that is whole has the default there, which is as old as what was there at attach.
            None if self.whole && order(&new) <= (Stamp::default(), rest) => return false,
            None => self.columns.push(new),
        }
        true
    }

    /// Joins a change whose values are for the columns at `places` of the table.
    pub(super) fn join(&mut self, change: &Change, table: &Table, places: &[usize], origin: u64) -> Joined {
        let mut joined = Joined::default();
        if change.life < self.life {
            return joined;
        }
        if change.life > self.life {
            *self = RowState { life: change.life, ..RowState::default() };
            joined.ended = true;
            joined.is_changed = true;
        }
        let stamp = change.stamp(origin);
        for (n, (place, value)) in places.iter().zip(&change.values).enumerate() {
            let column = &table.columns[*place];
            if self.set(Written { column: column.id, stamp, digest: value.digest() }, column.rest) {
                joined.won.push(n);
            }
        }
        joined.is_changed |= !joined.won.is_empty() || (change.whole && !self.whole);
        self.whole |= change.whole;
        joined
    }

    /// Becomes that of a row of which all was written at once, in this life, and nothing else is known.
    pub(super) fn set_whole(&mut self, table: &Table, values: &[Value], stamp: Stamp, life: Stamp) {
        let columns = table.columns.iter().zip(values);
        (self.life, self.whole) = (life, true);
        self.columns.clear();
        self.columns.extend(columns.map(|(column, value)| Written {
            column: column.id,
            stamp,
            digest: value.digest(),
        }));
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(40 + 12 * self.columns.len());
        self.encode_to(&mut out);
        out
    }

    pub(super) fn encode_to(&self, out: &mut Vec<u8>) {
        let mut stamps: Vec<Stamp> = Vec::with_capacity(1);
        for written in &self.columns {
            if !stamps.contains(&written.stamp) {
                stamps.push(written.stamp);
            }
        }
        out.push(u8::from(self.whole));
        put_stamp(out, self.life);
        put_varint(out, stamps.len() as u64);
        for stamp in &stamps {
            put_stamp(out, *stamp);
        }
        for written in &self.columns {
            let place = stamps.iter().position(|stamp| *stamp == written.stamp).unwrap_or_default();
            put_varint(out, written.column as u64);
            put_varint(out, place as u64);
            out.extend_from_slice(&written.digest.to_le_bytes());
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Sql<RowState> {
        decode(bytes).ok_or_else(|| Fault::Ours(Error::corrupt("the clocks of a row of the replica do not decode")))
    }
}

fn decode(mut bytes: &[u8]) -> Option<RowState> {
    let (&whole, rest) = bytes.split_first()?;
    bytes = rest;
    let life = take_stamp(&mut bytes)?;
    let count = take_varint(&mut bytes)?;
    let mut stamps = Vec::new();
    for _ in 0..count {
        stamps.push(take_stamp(&mut bytes)?);
    }
    let mut columns = Vec::new();
    while !bytes.is_empty() {
        let column = take_varint(&mut bytes)? as i64;
        let stamp = *stamps.get(usize::try_from(take_varint(&mut bytes)?).ok()?)?;
        let (digest, rest) = bytes.split_at_checked(8)?;
        bytes = rest;
        columns.push(Written { column, stamp, digest: u64::from_le_bytes(digest.try_into().ok()?) });
    }
    Some(RowState { life, whole: whole != 0, columns })
}

fn put_stamp(out: &mut Vec<u8>, stamp: Stamp) {
    put_varint(out, stamp.time);
    put_varint(out, stamp.node);
}

fn take_stamp(bytes: &mut &[u8]) -> Option<Stamp> {
    Some(Stamp { time: take_varint(bytes)?, node: take_varint(bytes)? })
}
