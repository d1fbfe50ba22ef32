//! Faults that tests plant in repairs, to show that they would find them. Outside of tests there are none, at no cost.

/// A mistake that a repair could make. What deltas could lose, repairs find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(test), allow(dead_code))]
pub(super) enum Fault {
    /// What came from others during a repair is not looked at again.
    NothingMeanwhile,
    /// Keys that the other side does not have are not asked for.
    AbsentKeys,
    /// A repair is over when it has asked for the last keys.
    DoneWhenAsked,
    /// Sums of ranges say which keys there are, not what is in them.
    NamesAlone,
    /// What is dead is forgotten before all have applied it.
    NotAll,
    /// What one that is away would go on with is forgotten too.
    AwayForgotten,
    /// Seeds are called while nobody is there alone, and nodes of before never.
    HalvesApart,
    /// Rows that are dead are no part of what a repair compares.
    DeadUncompared,
    /// What the other side knew to be removed, and had not applied, is not told.
    RemovedUntold,
}

#[cfg(test)]
pub(super) use planted::{has, plant};

/// Whether a fault is planted.
#[cfg(not(test))]
pub(super) const fn has(_fault: Fault) -> bool {
    false
}

#[cfg(test)]
mod planted {
    use std::cell::Cell;

    use super::Fault;

    thread_local! {
        static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
    }

    pub(in crate::mesh) fn plant(fault: Option<Fault>) {
        PLANTED.set(fault);
    }

    pub(in crate::mesh) fn has(fault: Fault) -> bool {
        PLANTED.get() == Some(fault)
    }
}
