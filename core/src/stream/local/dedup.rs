//! Message ids and the sequences that they were appended with, for as long as the stream's window says.

use std::collections::VecDeque;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::clock::Nanos;

/// The ids seen within the window.
#[derive(Default)]
pub(crate) struct Dedup {
    seqs: HashMap<Box<str>, u64, FixedState>,
    ages: VecDeque<(Nanos, Box<str>)>,
}

impl Dedup {
    pub(crate) fn get(&self, id: &str) -> Option<u64> {
        self.seqs.get(id).copied()
    }

    pub(crate) fn insert(&mut self, id: &str, seq: u64, time: Nanos) {
        if self.seqs.insert(id.into(), seq).is_none() {
            self.ages.push_back((time, id.into()));
        }
    }

    /// Forgets what is older than the window.
    pub(crate) fn expire(&mut self, now: Nanos, window: Nanos) {
        while let Some((time, _)) = self.ages.front()
            && time.saturating_add(window) <= now
        {
            if let Some((_, id)) = self.ages.pop_front() {
                self.seqs.remove(&id);
            }
        }
    }

    /// Id, sequence and time of each, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, u64, Nanos)> {
        self.ages.iter().map(|(time, id)| (&**id, self.get(id).unwrap_or(0), *time))
    }

    pub(crate) fn len(&self) -> usize {
        self.ages.len()
    }
}
