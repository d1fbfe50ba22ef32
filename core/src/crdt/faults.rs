//! Faults that tests plant, to show that they would find them. Outside of tests there are none, at no cost.

/// A mistake that could be made, one for each rule that the joins rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) enum Fault {
    /// What a dot store lacks and has seen is taken in again.
    Resurrect,
    /// What the other side has seen and lacks is kept.
    NoRemoval,
    /// Of two rows of a counter the larger total wins, not the later.
    LargerTotal,
    /// A base does not travel.
    NoBase,
    /// Keys that were exchanged forget what they had seen.
    NothingAhead,
    /// Keys that were exchanged count as everything.
    KeysAreAll,
    /// A removal with nothing left in it is not passed on.
    LostRemoval,
    /// What any replica has seen counts as stable.
    UnstableCollected,
    /// A replica collects although others have what it lacks.
    CollectEarly,
    /// The delta of a bounded counter is its writer's row alone.
    BareRow,
}

#[cfg(test)]
pub(crate) use planted::{has, plant};

/// Whether a fault is planted.
#[cfg(not(test))]
pub(crate) const fn has(_fault: Fault) -> bool {
    false
}

#[cfg(test)]
mod planted {
    use std::cell::Cell;

    use super::Fault;

    impl Fault {
        pub(crate) const ALL: [Fault; 10] = [
            Fault::Resurrect,
            Fault::NoRemoval,
            Fault::LargerTotal,
            Fault::NoBase,
            Fault::NothingAhead,
            Fault::KeysAreAll,
            Fault::LostRemoval,
            Fault::UnstableCollected,
            Fault::CollectEarly,
            Fault::BareRow,
        ];
    }

    thread_local! {
        static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
    }

    pub(crate) fn plant(fault: Option<Fault>) {
        PLANTED.set(fault);
    }

    pub(crate) fn has(fault: Fault) -> bool {
        PLANTED.get() == Some(fault)
    }
}
