//! Local operations: each is turned into the delta that says what it does, and that delta is then joined here as
//! anywhere else, so there is one way in which states change.

use crate::error::{Error, ErrorKind, Result};
use crate::origin::Writer;

use super::actor::{Actors, Dot};
use super::bounded::Bounded;
use super::counter::Counter;
use super::kind::Kind;
use super::map::{MAP_DEPTH_MAX, Map};
use super::presence::Presence;
use super::register::Register;
use super::set::Set;
use super::state::State;
use super::value::Value;

/// Most bytes of the name of a key or field; the least is 1.
pub const KEY_BYTES_MAX: usize = 1_024;

/// Where a state is: a key, and the fields of maps that lead to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path<'a> {
    /// The key, UTF-8 of 1 to [`KEY_BYTES_MAX`] bytes.
    pub key: &'a str,
    /// At most [`MAP_DEPTH_MAX`] names of fields, each as a key; none for the key itself.
    pub fields: &'a [&'a str],
}

impl<'a> From<&'a str> for Path<'a> {
    fn from(key: &'a str) -> Self {
        Path { key, fields: &[] }
    }
}

/// What is done to a state.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Op<'a> {
    /// Counters: adds, or takes away where it is negative and the kind allows it.
    Add(i64),
    /// A bounded counter: gives rights to another actor.
    Give {
        /// To whom.
        to: Writer,
        /// How much.
        amount: u64,
    },
    /// Registers: writes a value, which lives for so many milliseconds.
    Write {
        /// The value.
        value: &'a Value,
        /// At least 1; none is for ever.
        ttl_ms: Option<u64>,
    },
    /// Sets: adds a value, which lives for so many milliseconds.
    Insert {
        /// The value.
        value: &'a Value,
        /// At least 1; none is for ever.
        ttl_ms: Option<u64>,
    },
    /// Sets: removes a value.
    Remove(&'a Value),
    /// Flags: turns it on, for so many milliseconds.
    Enable {
        /// At least 1; none is for ever.
        ttl_ms: Option<u64>,
    },
    /// Flags: turns it off.
    Disable,
    /// Any kind but a bounded counter: removes all that is there.
    Clear,
}

impl Op<'_> {
    fn name(&self) -> &'static str {
        match self {
            Op::Add(_) => "add",
            Op::Give { .. } => "give",
            Op::Write { .. } => "write",
            Op::Insert { .. } => "insert",
            Op::Remove(_) => "remove",
            Op::Enable { .. } => "enable",
            Op::Disable => "disable",
            Op::Clear => "clear",
        }
    }
}

/// By whom and when an operation is made.
#[derive(Debug)]
pub(crate) struct Writing<'a> {
    pub(super) dot: Dot,
    pub(super) stamp: u64,
    pub(super) now_ms: u64,
    pub(super) actors: &'a Actors,
}

/// What an operation does: a sparse state that lists all it touches, and the dots that it removes.
#[derive(Debug, Clone)]
pub(crate) struct Delta {
    pub(super) state: State,
    pub(super) removed: Vec<Dot>,
}

/// Refuses a path whose names are too long or empty, or that goes too deep.
pub(super) fn check_path(path: &Path<'_>) -> Result<()> {
    if path.fields.len() > MAP_DEPTH_MAX {
        let message = format!("a path of {} fields: the most is {MAP_DEPTH_MAX}", path.fields.len());
        return Err(Error::new(ErrorKind::Limit, message));
    }
    for name in path.fields.iter().chain([&path.key]) {
        if !(1..=KEY_BYTES_MAX).contains(&name.len()) {
            return Err(Error::invalid(format!("a name of {} bytes: it has 1 to {KEY_BYTES_MAX}", name.len())));
        }
    }
    Ok(())
}

/// The delta of an operation at some fields below a state; none if there is nothing to do.
pub(super) fn change(
    now: Option<&State>,
    fields: &[&str],
    kind: Kind,
    op: &Op<'_>,
    by: &Writing<'_>,
) -> Result<Option<Delta>> {
    let Some((&name, fields)) = fields.split_first() else { return change_here(now, kind, op, by) };
    if kind == Kind::BoundedCounter {
        return Err(Error::new(ErrorKind::Unsupported, "a bounded_counter is not kept in a map: it can't be removed"));
    }
    let inner = if fields.is_empty() { kind } else { Kind::Map };
    let map = match now {
        Some(State::Map(map)) => Some(map),
        _ => None,
    };
    let other = map.and_then(|m| m.0.get(name)).and_then(|slot| slot.other(inner, by.now_ms, by.actors));
    if let Some(other) = other.filter(|_| !matches!(op, Op::Clear)) {
        return Err(wrong_kind(name, other, inner));
    }
    let delta = change(map.and_then(|m| m.get(name, inner)), fields, kind, op, by)?;
    Ok(delta.map(|d| Delta { state: State::Map(Map::of(name, inner, d.state)), removed: d.removed }))
}

pub(super) fn wrong_kind(name: &str, is: Kind, wanted: Kind) -> Error {
    Error::new(ErrorKind::Conflict, format!("{name} is a {is}, not a {wanted}"))
}

fn change_here(now: Option<&State>, kind: Kind, op: &Op<'_>, by: &Writing<'_>) -> Result<Option<Delta>> {
    let empty = State::new(kind);
    let now = now.unwrap_or(&empty);
    match (now, op) {
        (State::Bounded(_), Op::Clear) => {
            Err(Error::new(ErrorKind::Unsupported, "a bounded_counter can't be removed: rights would be lost"))
        }
        (_, Op::Clear) => Ok(now.clear(by.dot)),
        (State::Counter(s), Op::Add(amount)) => Counter::add(Some(s), *amount, kind == Kind::GrowCounter, by).map(Some),
        (State::Bounded(s), Op::Add(amount)) if *amount < 0 => {
            Bounded::take(Some(s), amount.unsigned_abs(), by).map(Some)
        }
        (State::Bounded(s), Op::Add(amount)) => Bounded::add(Some(s), amount.unsigned_abs(), by).map(Some),
        (State::Bounded(s), Op::Give { to, amount }) => {
            let to = by.actors.find(*to).ok_or_else(|| Error::invalid("the actor that is given to is not known"))?;
            Bounded::give(Some(s), to, *amount, by).map(Some)
        }
        (State::Register(s), Op::Write { value, ttl_ms }) => Register::write(Some(s), value, *ttl_ms, by).map(Some),
        (State::Set(s), Op::Insert { value, ttl_ms }) => Set::insert(Some(s), value, *ttl_ms, by).map(Some),
        (State::Set(s), Op::Remove(value)) => Set::remove(Some(s), value, kind.remove_wins(), by),
        (State::Flag(s), Op::Enable { ttl_ms }) => {
            Ok(Some(Delta { state: State::Flag(Presence::added(*ttl_ms, by)?), removed: s.dots().collect() }))
        }
        (State::Flag(s), Op::Disable) => {
            let touches = kind.remove_wins() || !s.is_empty();
            let state = Presence::removed(kind.remove_wins(), by);
            Ok(touches.then(|| Delta { state: State::Flag(state), removed: s.dots().collect() }))
        }
        _ => Err(Error::invalid(format!("a {kind} has no operation '{}'", op.name()))),
    }
}
