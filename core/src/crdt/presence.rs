//! Whether one thing is there: the state of a flag, and of each element of a set.
//!
//! Add wins: an addition is a dot, a removal removes the additions it saw (Almeida et al. 2018; riak_dt). Remove wins:
//! a removal is a dot as well, it is there if it has an addition and no removal, and an addition removes the removals
//! it saw.

use crate::error::Result;

use super::actor::Dot;
use super::clock::{expiry_ms, is_expired};
use super::collect::Collecting;
use super::context::{Joining, News};
use super::dots::{self, Dotted};
use super::op::Writing;

#[derive(Debug, Clone, Default)]
pub(crate) struct Presence {
    pub(super) adds: Vec<Add>,
    /// Empty where additions win.
    pub(super) removes: Vec<Dot>,
}

#[derive(Debug, Clone)]
pub(crate) struct Add {
    pub(super) dot: Dot,
    /// Milliseconds since the epoch; 0 is never.
    pub(super) expiry_ms: u64,
}

impl Dotted for Add {
    fn dot(&self) -> Dot {
        self.dot
    }

    fn dot_mut(&mut self) -> &mut Dot {
        &mut self.dot
    }
}

impl Presence {
    pub(super) fn join(&mut self, theirs: Presence, joining: &Joining<'_>) -> bool {
        let adds = dots::join(&mut self.adds, theirs.adds, joining);
        dots::join(&mut self.removes, theirs.removes, joining) | adds
    }

    pub(super) fn is_news(&self, theirs: &Presence, by: &News<'_>) -> bool {
        dots::is_news(&self.adds, &theirs.adds, by) || dots::is_news(&self.removes, &theirs.removes, by)
    }

    pub(super) fn remap(&mut self, place: &mut dyn FnMut(u32) -> u32) {
        dots::remap(&mut self.adds, place);
        dots::remap(&mut self.removes, place);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.adds.is_empty() && self.removes.is_empty()
    }

    pub(super) fn is_there(&self, now_ms: u64) -> bool {
        self.removes.is_empty() && self.adds.iter().any(|a| !is_expired(a.expiry_ms, now_ms))
    }

    pub(super) fn dots(&self) -> impl Iterator<Item = Dot> + '_ {
        self.adds.iter().map(Add::dot).chain(self.removes.iter().copied())
    }

    /// An addition by a dot; all that was there is what it removes.
    pub(super) fn added(ttl_ms: Option<u64>, by: &Writing<'_>) -> Result<Presence> {
        let expiry_ms = expiry_ms(by.stamp, ttl_ms)?;
        Ok(Presence { adds: vec![Add { dot: by.dot, expiry_ms }], removes: Vec::new() })
    }

    /// A removal by a dot; all that was there is what it removes.
    pub(super) fn removed(remove_wins: bool, by: &Writing<'_>) -> Presence {
        Presence { adds: Vec::new(), removes: if remove_wins { vec![by.dot] } else { Vec::new() } }
    }

    /// What removing all that is there names: additions. Removals stay, or what they beat would be there again where it
    /// is still on its way.
    pub(super) fn cleared(&self) -> Vec<Dot> {
        self.adds.iter().map(Add::dot).collect()
    }

    /// Drops additions that have expired: nothing else rests on them.
    pub(super) fn collect(&mut self, by: &Collecting<'_>) -> usize {
        let before = self.adds.len();
        self.adds.retain(|a| !by.is_spent(a.dot, a.expiry_ms));
        before - self.adds.len()
    }

    /// What a collecting operation names to do away with removals: every removal is stable, and every addition was made
    /// by an actor before it had seen them.
    pub(super) fn collectable(&self, by: &Collecting<'_>) -> Vec<Dot> {
        let is_stable = self.removes.iter().all(|&r| by.stable(r));
        if self.removes.is_empty() || !is_stable || !self.adds.iter().all(|a| by.is_before_stable(a.dot)) {
            return Vec::new();
        }
        by.take(self.dots().collect())
    }
}
