//! The state of one key as bytes, within a fragment: what each kind writes and what it takes.
//!
//! An actor is its place among the fragment's. A state that no sequence of operations leads to is refused where its own
//! bytes show it, such as a base beyond its total.

use crate::error::Result;
use crate::varint::{put_varint, zigzag};

use super::actor::Dot;
use super::bounded::{Bounded, Rights};
use super::clock::STAMP_MAX;
use super::codec::put_name;
use super::counter::{Base, Counter, Row};
use super::kind::Kind;
use super::map::{MAP_DEPTH_MAX, Map};
use super::presence::{Add, Presence};
use super::reader::Reader;
use super::register::{Register, Write};
use super::set::Set;
use super::state::State;
use super::value::{VALUE_BYTES_MAX, Value};

pub(super) fn put_state(out: &mut Vec<u8>, state: &State) {
    match state {
        State::Counter(s) => put_list(out, &s.0, put_row),
        State::Bounded(s) => put_list(out, &s.0, put_rights),
        State::Register(s) => put_list(out, &s.0, put_write),
        State::Flag(s) => put_presence(out, s),
        State::Set(s) => {
            put_varint(out, s.0.len() as u64);
            for (value, presence) in &s.0 {
                put_value(out, value);
                put_presence(out, presence);
            }
        }
        State::Map(s) => {
            put_varint(out, s.iter().count() as u64);
            for (name, kind, state) in s.iter() {
                put_name(out, name);
                out.push(kind as u8);
                put_state(out, state);
            }
        }
    }
}

fn put_list<T>(out: &mut Vec<u8>, list: &[T], put: fn(&mut Vec<u8>, &T)) {
    put_varint(out, list.len() as u64);
    for thing in list {
        put(out, thing);
    }
}

pub(super) fn put_dot(out: &mut Vec<u8>, dot: &Dot) {
    put_varint(out, dot.actor.into());
    put_varint(out, dot.seq);
}

pub(super) fn put_row(out: &mut Vec<u8>, row: &Row) {
    put_varint(out, row.actor.into());
    put_varint(out, row.generation);
    put_varint(out, row.seq - row.generation);
    put_varint(out, zigzag(row.total));
    // 0 is no base.
    let Some(base) = &row.base else { return out.push(0) };
    put_varint(out, base.seq - row.generation + 1);
    put_varint(out, zigzag(base.total));
    put_dot(out, &base.by);
}

fn put_rights(out: &mut Vec<u8>, row: &Rights) {
    put_varint(out, row.actor.into());
    put_varint(out, row.seq);
    put_varint(out, row.added);
    put_varint(out, row.taken);
    put_list(out, &row.given, |out, &(to, amount)| {
        put_varint(out, to.into());
        put_varint(out, amount);
    });
}

fn put_write(out: &mut Vec<u8>, write: &Write) {
    put_dot(out, &write.dot);
    put_varint(out, write.stamp);
    put_varint(out, write.expiry_ms);
    put_value(out, &write.value);
}

fn put_presence(out: &mut Vec<u8>, presence: &Presence) {
    put_list(out, &presence.adds, |out, add| {
        put_dot(out, &add.dot);
        put_varint(out, add.expiry_ms);
    });
    put_list(out, &presence.removes, put_dot);
}

pub(super) fn put_value(out: &mut Vec<u8>, value: &Value) {
    let mut put = |tag: u8, bytes: &[u8]| {
        out.push(tag);
        put_varint(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    };
    match value {
        Value::Bytes(v) => put(BYTES, v),
        Value::Text(v) => put(TEXT, v.as_bytes()),
        Value::Json(v) => put(JSON, v.as_bytes()),
        Value::Int(v) => {
            out.push(INT);
            put_varint(out, zigzag(*v));
        }
        Value::Float(v) => {
            out.push(FLOAT);
            out.extend_from_slice(&v.to_bits().to_le_bytes());
        }
    }
}

const BYTES: u8 = 1;
const INT: u8 = 2;
const FLOAT: u8 = 3;
const TEXT: u8 = 4;
const JSON: u8 = 5;

/// A fragment being decoded.
#[derive(Debug)]
pub(super) struct Decoding<'a> {
    pub(super) from: Reader<'a>,
    /// Which actors something has spoken of; of bytes that a replica keeps for itself, nobody asks.
    pub(super) used: Option<Vec<bool>>,
    /// Whether what is emptied may be listed.
    pub(super) sparse: bool,
}

impl<'a> Decoding<'a> {
    /// Of bytes that a replica keeps for itself: values are not looked at again.
    pub(super) fn own(bytes: &'a [u8]) -> Decoding<'a> {
        Decoding { from: Reader::new(bytes), used: None, sparse: true }
    }
}

impl Decoding<'_> {
    pub(super) fn state(&mut self, kind: Kind, depth: usize) -> Result<State> {
        Ok(match kind {
            Kind::Counter | Kind::GrowCounter => State::Counter(Counter(self.rows(kind == Kind::GrowCounter)?)),
            Kind::BoundedCounter if depth > 0 => return Err(self.from.fault("a bounded_counter in a map")),
            Kind::BoundedCounter => State::Bounded(Bounded(self.list("rows", Self::rights, |r| r.actor)?)),
            Kind::Register | Kind::MultiRegister => {
                State::Register(Register(self.list("writes", Self::write, |w| w.dot)?))
            }
            Kind::Flag | Kind::DisableWinsFlag => State::Flag(self.presence(kind)?),
            Kind::Set | Kind::RemoveWinsSet => State::Set(self.set(kind)?),
            Kind::Map => State::Map(self.map(depth)?),
        })
    }

    pub(super) fn actor(&mut self) -> Result<u32> {
        let place = self.from.number()?;
        if let Some(used) = &mut self.used {
            let used = usize::try_from(place).ok().and_then(|place| used.get_mut(place));
            *used.ok_or_else(|| self.from.fault("an actor that is not among the actors"))? = true;
        }
        Ok(place as u32)
    }

    fn dot(&mut self) -> Result<Dot> {
        let dot = Dot { actor: self.actor()?, seq: self.from.number()? };
        if dot.seq == 0 { Err(self.from.fault("a sequence of 0")) } else { Ok(dot) }
    }

    /// Things in the order of what names them.
    fn list<T, K: Ord>(&mut self, what: &str, take: fn(&mut Self) -> Result<T>, name: fn(&T) -> K) -> Result<Vec<T>> {
        let mut list: Vec<T> = Vec::new();
        for _ in 0..self.from.count()? {
            let thing = take(self)?;
            if list.last().is_some_and(|last| name(last) >= name(&thing)) {
                return Err(self.from.fault(&format!("{what} out of order")));
            }
            list.push(thing);
        }
        Ok(list)
    }

    fn rows(&mut self, grows: bool) -> Result<Vec<Row>> {
        let rows = self.list("rows", Self::row, |row| row.actor)?;
        let base = |row: &Row| row.base.as_ref().map_or(0, |b| b.total);
        if grows && rows.iter().any(|row| base(row) < 0 || row.total < base(row)) {
            return Err(self.from.fault("a grow_counter that has shrunk"));
        }
        Ok(rows)
    }

    fn row(&mut self) -> Result<Row> {
        let Dot { actor, seq: generation } = self.dot()?;
        let seq = generation.checked_add(self.from.number()?);
        let seq = seq.ok_or_else(|| self.from.fault("a sequence beyond 64 bits"))?;
        let mut row = Row { actor, generation, seq, total: self.from.signed()?, base: None };
        if let Some(since) = self.from.number()?.checked_sub(1) {
            let base_seq = generation.checked_add(since).filter(|&base| base <= seq);
            let base_seq = base_seq.ok_or_else(|| self.from.fault("a base beyond what it is the base of"))?;
            let base = Base { seq: base_seq, total: self.from.signed()?, by: self.dot()? };
            if base.seq == seq && base.total != row.total {
                return Err(self.from.fault("a base that is not the total it was taken from"));
            }
            row.base = Some(Box::new(base));
        }
        Ok(row)
    }

    fn rights(&mut self) -> Result<Rights> {
        let Dot { actor, seq } = self.dot()?;
        let (added, taken) = (self.from.number()?, self.from.number()?);
        let given = self.list("gifts", |d| Ok((d.actor()?, d.from.number()?)), |g| g.0)?;
        Ok(Rights { actor, seq, added, taken, given })
    }

    fn write(&mut self) -> Result<Write> {
        let (dot, stamp) = (self.dot()?, self.from.number()?);
        if stamp > STAMP_MAX {
            return Err(self.from.fault("a stamp beyond the end of time"));
        }
        Ok(Write { dot, stamp, expiry_ms: self.from.number()?, value: self.value()? })
    }

    /// A write that never expires, of bytes that do not say so.
    pub(super) fn lone_write(&mut self) -> Result<Write> {
        Ok(Write { dot: self.dot()?, stamp: self.from.number()?, expiry_ms: 0, value: self.value()? })
    }

    fn presence(&mut self, kind: Kind) -> Result<Presence> {
        let adds = self.list("additions", |d| Ok(Add { dot: d.dot()?, expiry_ms: d.from.number()? }), |a| a.dot)?;
        let removes = self.list("removals", Self::dot, |&dot| dot)?;
        if !kind.remove_wins() && !removes.is_empty() {
            return Err(self.from.fault(&format!("a removal in a {kind}, which keeps none")));
        }
        Ok(Presence { adds, removes })
    }

    fn set(&mut self, kind: Kind) -> Result<Set> {
        let mut set = Set::default();
        for _ in 0..self.from.count()? {
            let value = self.value()?;
            if set.0.last_key_value().is_some_and(|(last, _)| *last >= value) {
                return Err(self.from.fault("elements out of order"));
            }
            let presence = self.presence(kind)?;
            if presence.is_empty() && !self.sparse {
                return Err(self.from.fault("an element without a dot"));
            }
            set.0.insert(value, presence);
        }
        Ok(set)
    }

    fn map(&mut self, depth: usize) -> Result<Map> {
        if depth == MAP_DEPTH_MAX {
            return Err(self.from.fault(&format!("more than {MAP_DEPTH_MAX} maps in each other")));
        }
        let mut map = Map::default();
        let mut last: Option<(&str, Kind)> = None;
        for _ in 0..self.from.count()? {
            let name = self.from.name()?;
            let kind = self.kind()?;
            if last >= Some((name, kind)) {
                return Err(self.from.fault("fields out of order"));
            }
            last = Some((name, kind));
            let state = self.state(kind, depth + 1)?;
            if state.is_empty() && !self.sparse {
                return Err(self.from.fault("a field with nothing in it"));
            }
            *map.0.entry(name.into()).or_default().entry(kind) = state;
        }
        Ok(map)
    }

    fn value(&mut self) -> Result<Value> {
        let value = match self.from.byte()? {
            BYTES => {
                let len = self.from.count()?;
                Value::Bytes(self.from.take(len)?.into())
            }
            INT => Value::Int(self.from.signed()?),
            FLOAT => {
                let bytes = self.from.take(8)?;
                Value::Float(f64::from_bits(bytes.iter().rev().fold(0, |bits, &byte| bits << 8 | u64::from(byte))))
            }
            TEXT => Value::Text(self.from.text()?.into()),
            JSON => Value::Json(self.from.text()?.into()),
            _ => return Err(self.from.fault("a type of value that is none")),
        };
        if self.used.is_some() {
            value.check().map_err(|e| self.from.fault(&format!("{e} (of at most {VALUE_BYTES_MAX} bytes)")))?;
        }
        Ok(value)
    }
}
