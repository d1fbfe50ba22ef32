//! Those that are idle, the one first that was asked longest ago: a list through the entries themselves.

use super::entity::Entry;

/// No place.
pub(super) const NOBODY: u32 = u32::MAX;

/// The ends of the list.
pub(super) struct Idle {
    first: u32,
    last: u32,
}

impl Default for Idle {
    fn default() -> Self {
        Idle { first: NOBODY, last: NOBODY }
    }
}

impl Idle {
    /// The one that was asked longest ago.
    pub(super) fn first(&self) -> Option<u32> {
        (self.first != NOBODY).then_some(self.first)
    }

    /// Puts one at the end.
    pub(super) fn push(&mut self, entries: &mut [Option<Entry>], at: u32) {
        if let Some(entry) = &mut entries[at as usize] {
            (entry.before, entry.after) = (self.last, NOBODY);
        }
        match entries.get_mut(self.last as usize) {
            Some(Some(last)) => last.after = at,
            _ => self.first = at,
        }
        self.last = at;
    }

    /// Takes one out, if it is in.
    pub(super) fn remove(&mut self, entries: &mut [Option<Entry>], at: u32) {
        let Some(entry) = &mut entries[at as usize] else { return };
        let (before, after) = (entry.before, entry.after);
        if before == NOBODY && self.first != at {
            return;
        }
        (entry.before, entry.after) = (NOBODY, NOBODY);
        match entries.get_mut(before as usize) {
            Some(Some(entry)) => entry.after = after,
            _ => self.first = after,
        }
        match entries.get_mut(after as usize) {
            Some(Some(entry)) => entry.before = before,
            _ => self.last = before,
        }
    }
}
