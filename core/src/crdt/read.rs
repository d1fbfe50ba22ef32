//! What a state says to those who read it.

use std::borrow::Cow;

use super::kind::Kind;
use super::op::Path;
use super::replica::Replica;
use super::slot::Slot;
use super::state::State;
use super::value::Value;

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// Counters.
    Number(i128),
    /// A register; none if it was never written, was removed or has expired.
    Value(Option<Value>),
    /// A multi-value register: what was written concurrently, by falling (stamp, actor). A set: its elements, in order.
    Values(Vec<Value>),
    /// Flags.
    Flag(bool),
    /// A map: the fields that are there, by name and kind.
    Fields(Vec<(Box<str>, Kind)>),
}

impl Replica {
    /// What is at a path as a kind; what is not there reads as 0, none, empty or off.
    pub fn read<'a>(&self, path: impl Into<Path<'a>>, kind: Kind, now_ms: u64) -> Reading {
        let path = path.into();
        if let Some(number) = self.keys.number(path.key, kind).filter(|_| path.fields.is_empty()) {
            return Reading::Number(number);
        }
        match &*self.find(&path, kind).unwrap_or_else(|| Cow::Owned(State::new(kind))) {
            State::Counter(s) => Reading::Number(s.value()),
            State::Bounded(s) => Reading::Number(s.value()),
            State::Register(s) if kind == Kind::MultiRegister => {
                Reading::Values(s.all(now_ms, &self.actors).into_iter().cloned().collect())
            }
            State::Register(s) => Reading::Value(s.last(now_ms, &self.actors).cloned()),
            State::Flag(s) => Reading::Flag(s.is_there(now_ms)),
            State::Set(s) => Reading::Values(s.elements(now_ms).cloned().collect()),
            State::Map(s) => {
                let alive = s.iter().filter(|(_, kind, state)| state.is_alive(*kind, now_ms, &self.actors));
                Reading::Fields(alive.map(|(name, kind, _)| (name.into(), kind)).collect())
            }
        }
    }

    /// Whether a value is in a set.
    pub fn contains<'a>(&self, path: impl Into<Path<'a>>, kind: Kind, value: &Value, now_ms: u64) -> bool {
        match self.find(&path.into(), kind).as_deref() {
            Some(State::Set(set)) => set.0.get(value).is_some_and(|presence| presence.is_there(now_ms)),
            _ => false,
        }
    }

    /// How much this replica's actor may take from a bounded counter, or give of it.
    pub fn rights(&self, key: &str) -> i128 {
        match self.state(key, Kind::BoundedCounter).as_deref() {
            Some(State::Bounded(bounded)) => bounded.rights(self.own),
            _ => 0,
        }
    }

    /// The value of a register, and the stamp of its last write; none if nothing is read of it.
    pub(super) fn stamped(&self, key: &str, now_ms: u64) -> Option<(u64, Value)> {
        match self.state(key, Kind::Register).as_deref() {
            Some(State::Register(s)) => s.last_stamped(now_ms, &self.actors).map(|(stamp, v)| (stamp, v.clone())),
            _ => None,
        }
    }

    /// The keys in which something is alive, by name and kind, in no order.
    pub(super) fn alive(&self, now_ms: u64) -> impl Iterator<Item = (&str, Kind)> {
        self.keys.iter().flat_map(move |(name, slot)| self.alive_of(&slot, now_ms).into_iter().map(move |k| (name, k)))
    }

    /// As what kinds something is alive under a name.
    pub(super) fn alive_kinds(&self, key: &str, now_ms: u64) -> Vec<Kind> {
        self.keys.slot(key).map_or_else(Vec::new, |slot| self.alive_of(&slot, now_ms))
    }

    fn alive_of(&self, slot: &Slot, now_ms: u64) -> Vec<Kind> {
        let alive = slot.iter().filter(|(kind, state)| state.is_alive(*kind, now_ms, &self.actors));
        alive.map(|(kind, _)| kind).collect()
    }

    fn find(&self, path: &Path<'_>, kind: Kind) -> Option<Cow<'_, State>> {
        let Some((last, maps)) = path.fields.split_last() else { return self.state(path.key, kind) };
        let mut state = self.keys.loose(path.key, Kind::Map)?;
        for name in maps {
            state = field(state, name, Kind::Map)?;
        }
        field(state, last, kind).map(Cow::Borrowed)
    }
}

fn field<'a>(state: &'a State, name: &str, kind: Kind) -> Option<&'a State> {
    match state {
        State::Map(map) => map.get(name, kind),
        _ => None,
    }
}
