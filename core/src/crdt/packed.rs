//! A name with one small state as bytes: kind, name, and the state as fragments have it, but with the places of the
//! replica. Of a register with one write that never expires, as most are, neither count nor expiry is there. Counting
//! and writing a register again are done on the bytes.

use crate::error::Result;
use crate::varint::{put_varint, take_varint, unzigzag, zigzag};

use super::actor::Dot;
use super::clock::expiry_ms;
use super::codec::put_name;
use super::codec_state::{Decoding, put_dot, put_state, put_value};
use super::counter::Counter;
use super::kind::Kind;
use super::op::Writing;
use super::register::{Register, Write};
use super::slot::Slot;
use super::state::State;
use super::value::Value;

/// Most bytes of a name with its state: more is worked on faster as it is.
const PACKED_BYTES_MAX: usize = 320;

/// Most rows of a counter: they are walked to find one.
const ROWS_MAX: usize = 24;

/// Beside the number of the kind: a register of one write that never expires.
const LONE: u8 = 0x80;

/// Packs the state under a name, if it is one and small, into `out`; whether it is.
pub(super) fn pack(name: &str, slot: &Slot, out: &mut Vec<u8>) -> bool {
    let Some((kind, state)) = slot.only() else { return false };
    let is_small = match state {
        State::Counter(counter) => counter.0.len() <= ROWS_MAX,
        State::Bounded(bounded) => bounded.0.iter().map(|row| 1 + row.given.len()).sum::<usize>() <= ROWS_MAX,
        State::Register(register) => register.0.iter().map(|w| w.value.len()).sum::<usize>() <= PACKED_BYTES_MAX,
        State::Flag(flag) => flag.dots().count() <= ROWS_MAX,
        State::Set(_) | State::Map(_) => false,
    };
    if !is_small {
        return false;
    }
    let lone = match state {
        State::Register(Register(writes)) if writes.len() == 1 => writes.first().filter(|write| write.expiry_ms == 0),
        _ => None,
    };
    out.clear();
    out.push(kind as u8 | if lone.is_some() { LONE } else { 0 });
    put_name(out, name);
    match lone {
        Some(write) => put_lone(out, write.dot, write.stamp, &write.value),
        None => put_state(out, state),
    }
    out.len() <= PACKED_BYTES_MAX
}

fn put_lone(out: &mut Vec<u8>, dot: Dot, stamp: u64, value: &Value) {
    put_dot(out, &dot);
    put_varint(out, stamp);
    put_value(out, value);
}

fn take(rest: &mut &[u8]) -> u64 {
    take_varint(rest).expect("a replica packed it")
}

/// A packed cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packed<'a> {
    bytes: &'a [u8],
    name_at: usize,
    state_at: usize,
}

impl<'a> Packed<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Packed<'a> {
        let mut rest = &bytes[1..];
        let len = take(&mut rest) as usize;
        let name_at = bytes.len() - rest.len();
        Packed { bytes, name_at, state_at: name_at + len }
    }

    pub(super) fn kind(&self) -> Kind {
        Kind::from_number(self.bytes[0] & !LONE).expect("a replica packed it")
    }

    fn is_lone(&self) -> bool {
        self.bytes[0] & LONE != 0
    }

    pub(super) fn name(&self) -> &'a [u8] {
        &self.bytes[self.name_at..self.state_at]
    }

    fn state(&self) -> &'a [u8] {
        &self.bytes[self.state_at..]
    }

    /// The state that was packed.
    pub(super) fn unpacked(&self) -> State {
        let mut decoding = Decoding::own(self.state());
        let state = if self.is_lone() {
            decoding.lone_write().map(|write| State::Register(Register(vec![write])))
        } else {
            decoding.state(self.kind(), 0)
        };
        state.expect("a replica packed it")
    }

    /// What it reads as if it is a counter.
    pub(super) fn number(&self, kind: Kind) -> Option<i128> {
        if self.kind() != kind || !matches!(kind, Kind::Counter | Kind::GrowCounter) {
            return None;
        }
        let mut rest = self.state();
        let rows = 0..take(&mut rest);
        Some(rows.map(|_| RowAt::take(&mut rest)).map(|row| i128::from(row.total) - i128::from(row.base_total)).sum())
    }
}

/// A row of a counter, as it lies.
struct RowAt {
    actor: u64,
    generation: u64,
    total: i64,
    base_seq: Option<u64>,
    base_total: i64,
    /// How many bytes there were behind its generation, and behind its total.
    left: (usize, usize),
}

impl RowAt {
    fn take(rest: &mut &[u8]) -> RowAt {
        let (actor, generation) = (take(rest), take(rest));
        let from = rest.len();
        // How far its sequence is from there.
        take(rest);
        let total = unzigzag(take(rest));
        let mut row = RowAt { actor, generation, total, base_seq: None, base_total: 0, left: (from, rest.len()) };
        if let Some(since) = take(rest).checked_sub(1) {
            (row.base_seq, row.base_total) = (Some(generation + since), unzigzag(take(rest)));
            // The dot of the removal.
            take(rest);
            take(rest);
        }
        row
    }
}

/// A packed cell that is changed.
#[derive(Debug)]
pub(crate) struct PackedMut<'a> {
    bytes: &'a mut Box<[u8]>,
    scratch: &'a mut Vec<u8>,
}

impl<'a> PackedMut<'a> {
    pub(super) fn of(bytes: &'a mut Box<[u8]>, scratch: &'a mut Vec<u8>) -> PackedMut<'a> {
        PackedMut { bytes, scratch }
    }

    fn row(&self, actor: u32) -> Option<RowAt> {
        let mut rest = Packed::of(self.bytes).state();
        let rows = 0..take(&mut rest);
        rows.map(|_| RowAt::take(&mut rest)).find(|row| row.actor == u64::from(actor))
    }

    /// Puts what is in scratch in the place of some bytes.
    fn splice(&mut self, from: usize, to: usize) {
        if to - from == self.scratch.len() {
            self.bytes[from..to].copy_from_slice(self.scratch);
        } else {
            *self.bytes = [&self.bytes[..from], &self.scratch[..], &self.bytes[to..]].concat().into_boxed_slice();
        }
    }

    fn put_row(&mut self, row: &RowAt, seq: u64, total: i64) {
        self.scratch.clear();
        put_varint(self.scratch, seq - row.generation);
        put_varint(self.scratch, zigzag(total));
        let len = self.bytes.len();
        self.splice(len - row.left.0, len - row.left.1);
    }

    /// As [`Counter::add_again`].
    pub(super) fn add_again(
        &mut self,
        delta: &mut Counter,
        amount: i64,
        grows: bool,
        by: &Writing<'_>,
    ) -> Option<Result<()>> {
        let Dot { actor, seq } = by.dot;
        let (row, sent) = (self.row(actor)?, delta.row_mut(actor)?);
        let sent_base = sent.base.as_ref().map(|base| base.seq);
        if grows && amount < 0 || row.generation != sent.generation || row.base_seq != sent_base {
            return None;
        }
        let total = row.total.checked_add(amount)?;
        self.put_row(&row, seq, total);
        (sent.seq, sent.total) = (seq, total);
        Some(Ok(()))
    }

    /// Adds to the actor's row, if it has one that was never removed: its generation and its total then.
    pub(super) fn add(&mut self, amount: i64, grows: bool, dot: Dot) -> Option<(u64, i64)> {
        let row = self.row(dot.actor).filter(|row| row.base_seq.is_none() && (amount >= 0 || !grows))?;
        let total = row.total.checked_add(amount)?;
        self.put_row(&row, dot.seq, total);
        Some((row.generation, total))
    }

    /// The dot of the write in a register that has one.
    fn only_write(&self) -> Option<Dot> {
        let packed = Packed::of(self.bytes);
        let mut rest = packed.state();
        let count = if packed.is_lone() { 1 } else { take(&mut rest) };
        let dot = Dot { actor: take(&mut rest) as u32, seq: take(&mut rest) };
        (count == 1).then_some(dot)
    }

    /// As [`Register::write_again`].
    pub(super) fn write_again(
        &mut self,
        delta: &mut Register,
        value: &Value,
        ttl: Option<u64>,
        by: &Writing<'_>,
    ) -> Option<Result<()>> {
        let [sent] = &mut delta.0[..] else { return None };
        if self.only_write()? != sent.dot {
            return None;
        }
        Some(self.write(value, ttl, by)?.map(|(_, expiry_ms)| {
            *sent = Write { dot: by.dot, stamp: by.stamp, expiry_ms, value: value.clone() };
        }))
    }

    /// Writes a register over the one write that it has, if that is the actor's own: the dot of that one, and when the
    /// new one expires.
    pub(super) fn write(&mut self, value: &Value, ttl: Option<u64>, by: &Writing<'_>) -> Option<Result<(Dot, u64)>> {
        let before = self.only_write().filter(|dot| dot.actor == by.dot.actor)?;
        if value.len() > PACKED_BYTES_MAX / 2 {
            return None;
        }
        let expiry_ms = match value.check().and_then(|()| expiry_ms(by.stamp, ttl)) {
            Ok(expiry_ms) => expiry_ms,
            Err(e) => return Some(Err(e)),
        };
        self.scratch.clear();
        let from = Packed::of(self.bytes).state_at;
        if expiry_ms == 0 {
            self.bytes[0] |= LONE;
            put_lone(self.scratch, by.dot, by.stamp, value);
        } else {
            self.bytes[0] &= !LONE;
            self.scratch.push(1);
            put_dot(self.scratch, &by.dot);
            put_varint(self.scratch, by.stamp);
            put_varint(self.scratch, expiry_ms);
            put_value(self.scratch, value);
        }
        self.splice(from, self.bytes.len());
        Some(Ok((before, expiry_ms)))
    }
}
