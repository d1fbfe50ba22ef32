//! The kinds of state that merge. A key's identity is its name and its kind.

use std::fmt;

/// What a key or a field of a map is. `docs/crdt.md` has the merge rule of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Kind {
    /// A number that is added to and taken from.
    Counter = 1,
    /// A number that only grows.
    GrowCounter = 2,
    /// A number that never falls below 0, whatever is concurrent.
    BoundedCounter = 3,
    /// One value: the last writer wins.
    Register = 4,
    /// One value, or all that were written concurrently.
    MultiRegister = 5,
    /// Values: what is added and removed concurrently is there.
    Set = 6,
    /// Values: what is added and removed concurrently is not there.
    RemoveWinsSet = 7,
    /// On or off: what is enabled and disabled concurrently is on.
    Flag = 8,
    /// On or off: what is enabled and disabled concurrently is off.
    DisableWinsFlag = 9,
    /// Fields, each of any kind but a bounded counter.
    Map = 10,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Kind; 10] = [
        Kind::Counter,
        Kind::GrowCounter,
        Kind::BoundedCounter,
        Kind::Register,
        Kind::MultiRegister,
        Kind::Set,
        Kind::RemoveWinsSet,
        Kind::Flag,
        Kind::DisableWinsFlag,
        Kind::Map,
    ];

    /// The stable lower-case name, the same in every language.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::GrowCounter => "grow_counter",
            Kind::BoundedCounter => "bounded_counter",
            Kind::Register => "register",
            Kind::MultiRegister => "multi_register",
            Kind::Set => "set",
            Kind::RemoveWinsSet => "remove_wins_set",
            Kind::Flag => "flag",
            Kind::DisableWinsFlag => "disable_wins_flag",
            Kind::Map => "map",
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Kind> {
        Kind::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// Whether removals leave something behind that wins over concurrent additions.
    pub(super) fn remove_wins(self) -> bool {
        matches!(self, Kind::RemoveWinsSet | Kind::DisableWinsFlag)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
