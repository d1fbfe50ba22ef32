//! A dot store: things each named by the dot that made them, and the join that every causal kind rests on.
//!
//! A thing of one side alone survives unless the other side has seen its dot, which then removed it (Almeida et al.
//! 2018, section 7; the optimized add-wins set of riak_dt is the same rule).

use super::actor::Dot;
use super::context::{Joining, News};
use super::faults::{Fault, has};

/// A thing that its dot names.
pub(super) trait Dotted {
    fn dot(&self) -> Dot;
    fn dot_mut(&mut self) -> &mut Dot;
}

impl Dotted for Dot {
    fn dot(&self) -> Dot {
        *self
    }

    fn dot_mut(&mut self) -> &mut Dot {
        self
    }
}

/// Joins two lists in the order of their dots; whether the first one changed.
pub(super) fn join<T: Dotted>(mine: &mut Vec<T>, theirs: Vec<T>, joining: &Joining<'_>) -> bool {
    let mut changed = false;
    mine.retain(|own| {
        let dot = own.dot();
        let stays =
            has(Fault::NoRemoval) || !joining.theirs.contains(dot) || theirs.binary_search_by_key(&dot, T::dot).is_ok();
        changed |= !stays;
        stays
    });
    for thing in theirs {
        let dot = thing.dot();
        if let Err(place) = mine.binary_search_by_key(&dot, T::dot)
            && (!joining.mine.contains(dot) || has(Fault::Resurrect))
        {
            mine.reserve_exact(1);
            mine.insert(place, thing);
            changed = true;
        }
    }
    changed
}

/// Whether a join with `theirs` would change `mine`, or tells of an operation that is new.
pub(super) fn is_news<T: Dotted>(mine: &[T], theirs: &[T], by: &News<'_>) -> bool {
    let has = |list: &[T], dot: Dot| list.binary_search_by_key(&dot, T::dot).is_ok();
    let removes = |own: &T| by.joining.theirs.contains(own.dot()) && !has(theirs, own.dot());
    let adds = |their: &T| !by.joining.mine.contains(their.dot()) && !has(mine, their.dot());
    mine.iter().any(removes) || theirs.iter().any(|their| adds(their) || by.new.contains(their.dot()))
}

pub(super) fn remap<T: Dotted>(list: &mut [T], place: &mut dyn FnMut(u32) -> u32) {
    for thing in list.iter_mut() {
        let dot = thing.dot_mut();
        dot.actor = place(dot.actor);
    }
    list.sort_unstable_by_key(T::dot);
}
