//! What others in the process know of a mesh without asking its thread: where its nodes are, how they stand, and
//! whether a store is in step. The driver writes it after each of its rounds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use crate::locks::lock;
use crate::member::MemberState;

/// Where a node is, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) address: String,
    pub(super) state: MemberState,
}

impl Place {
    /// Whether it is gone, as far as the mesh knows.
    pub(super) fn is_gone(&self) -> bool {
        matches!(self.state, MemberState::Down | MemberState::Left)
    }
}

#[derive(Default)]
pub(super) struct Roster(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    places: BTreeMap<u64, Place>,
    /// Stores that somebody asked about, and whether they are in step.
    stores: BTreeMap<String, bool>,
}

impl Roster {
    /// The node with an engine; none if it was never there, or forgotten.
    pub(super) fn place(&self, engine: u64) -> Option<Place> {
        lock(&self.0).places.get(&engine).cloned()
    }

    /// The engines of nodes that are gone.
    pub(super) fn gone(&self) -> BTreeSet<u64> {
        lock(&self.0).places.iter().filter(|(_, place)| place.is_gone()).map(|(&engine, _)| engine).collect()
    }

    /// Whether a store is in step; not before the driver has looked, which it does from then on.
    pub(super) fn is_in_step(&self, store: &str) -> bool {
        let mut inner = lock(&self.0);
        match inner.stores.get(store) {
            Some(is_in_step) => *is_in_step,
            None => {
                inner.stores.insert(store.to_owned(), false);
                false
            }
        }
    }

    /// Writes what there is now: all nodes but this one, and what `is_in_step` says of each store that was asked about.
    pub(super) fn write<'a>(
        &self,
        nodes: impl Iterator<Item = (u64, &'a str, MemberState)>,
        is_in_step: impl Fn(&str) -> bool,
    ) {
        let mut inner = lock(&self.0);
        let mut there = BTreeSet::new();
        for (engine, address, state) in nodes {
            there.insert(engine);
            match inner.places.get_mut(&engine) {
                Some(place) if place.address == address => place.state = state,
                _ => {
                    inner.places.insert(engine, Place { address: address.to_owned(), state });
                }
            }
        }
        inner.places.retain(|engine, _| there.contains(engine));
        for (store, told) in &mut inner.stores {
            *told = is_in_step(store);
        }
    }
}
