//! States that were loaded or saved a while ago, with where they stood: a start for the next load, which looks into the
//! log before it believes them.
//!
//! Two halves: what is used goes into the young one, and when that is full it becomes the old one, whose rest goes.

use std::collections::BTreeSet;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::save::Position;

/// A state and where it stood.
#[derive(Debug, Clone)]
pub(super) struct Cached<A> {
    pub(super) state: A,
    pub(super) position: Position,
    pub(super) snapshot_version: u64,
    /// Empty in what a cache keeps: data that can be forgotten does not stay in memory.
    pub(super) data_subjects: BTreeSet<String>,
}

/// A bounded map from keys.
#[derive(Debug)]
pub(super) struct Cache<A> {
    young: HashMap<String, Cached<A>, FixedState>,
    old: HashMap<String, Cached<A>, FixedState>,
    /// The most states in each half.
    half: usize,
}

impl<A: Clone> Cache<A> {
    /// One of `max` states at the most; of none, when 0.
    pub(super) fn new(max: usize) -> Self {
        Cache { young: HashMap::default(), old: HashMap::default(), half: max.div_ceil(2) }
    }

    pub(super) fn get(&mut self, key: &str) -> Option<Cached<A>> {
        if let Some(cached) = self.young.get(key) {
            return Some(cached.clone());
        }
        let cached = self.old.remove(key)?;
        self.put(key, cached.clone());
        Some(cached)
    }

    /// Keeps a state, if none is there that knows more.
    pub(super) fn put(&mut self, key: &str, cached: Cached<A>) {
        if self.half == 0 {
            return;
        }
        if let Some(there) = self.young.get_mut(key) {
            if there.position.version <= cached.position.version {
                *there = cached;
            }
            return;
        }
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key.to_owned(), cached);
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.young.remove(key);
        self.old.remove(key);
    }
}
