//! Causal stability: what every replica has seen is no longer concurrent with anything to come, so what is dead of it
//! can go (Baquero, Almeida and Shoker, "Pure operation-based replicated data types", 2017).
//!
//! It rests on two things that the replica checks: what is dropped is in the context of every replica, and the replica
//! itself has all that they had when they said so, so nothing concurrent with it is on its way here.
//!
//! What has expired and decides nothing about anything else, as an element of a set, needs no such knowledge: it goes
//! once it has been over for a while.

use std::cell::Cell;
use std::collections::BTreeSet;

use crate::origin::Writer;

use super::actor::{Actors, Dot};
use super::clock::is_expired;
use super::context::{Context, Seen};
use super::faults::{Fault, has};
use super::replica::Replica;

/// How long what has expired is kept for those whose clocks are behind, where nothing is known of them: 1 minute.
const EXPIRED_KEPT_MS: u64 = 60_000;

/// Most dots that the operations of one collection do away with, so that they fit in a record.
const DOTS_MAX: usize = 10_000;

/// What is known of others while collecting.
#[derive(Debug)]
pub(crate) struct Collecting<'a> {
    pub(super) actors: &'a Actors,
    pub(super) own: u32,
    pub(super) applied: &'a Seen,
    /// What each of the others has applied; none where nothing is known of them.
    peers: Option<&'a [(u32, Seen)]>,
    /// Engines that have not been heard of for long, and may still come back.
    away: &'a BTreeSet<u64>,
    pub(super) now_ms: u64,
    /// Dots that operations may still do away with.
    left: Cell<usize>,
}

impl Collecting<'_> {
    /// Whether all have seen it.
    pub(super) fn stable(&self, dot: Dot) -> bool {
        has(Fault::UnstableCollected)
            || self.applied.contains(dot)
                && self.peers.is_some_and(|peers| peers.iter().all(|(_, seen)| seen.contains(dot)))
    }

    /// Whether what has expired can go that decides nothing about anything else.
    pub(super) fn is_spent(&self, dot: Dot, expiry_ms: u64) -> bool {
        is_expired(expiry_ms, self.now_ms) && self.stable(dot)
            || is_expired(expiry_ms, self.now_ms.saturating_sub(EXPIRED_KEPT_MS))
    }

    /// Whether an actor may do something that rests on what it knew long ago.
    pub(super) fn is_away(&self, actor: u32) -> bool {
        !self.away.is_empty() && self.away.contains(&self.actors.writer(actor).engine)
    }

    /// Takes dots for an operation, if there is still room for some.
    pub(super) fn take(&self, dots: Vec<Dot>) -> Vec<Dot> {
        if self.left.get() == 0 {
            return Vec::new();
        }
        self.left.set(self.left.get().saturating_sub(dots.len()));
        dots
    }

    /// Whether an addition that still stands beside a stable removal was made before its actor had seen that removal:
    /// one made later would have named it, unless its actor had collected it before, which we would have applied by
    /// now. Of an actor that is gone, what any replica has seen counts.
    pub(super) fn is_before_stable(&self, dot: Dot) -> bool {
        if dot.actor == self.own {
            return true;
        }
        let peers = self.peers.unwrap_or_default();
        match peers.iter().find(|(actor, _)| *actor == dot.actor) {
            Some((_, seen)) => seen.contains(dot),
            None => peers.iter().all(|(_, seen)| seen.contains(dot)),
        }
    }
}

/// What collecting did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Dead rows of counters and expired dots that were dropped.
    pub dropped: usize,
    /// Keys in which stable removals, or writes that have expired, were done away with by an operation that goes to the
    /// others.
    pub operations: usize,
}

impl Replica {
    /// Drops what is dead and causally stable, given what each other replica there is had applied when last heard of.
    /// With no others, all that is dead goes. Nothing that is read changes.
    ///
    /// Nothing is collected while one of them has applied what this replica has not.
    pub fn stable(&mut self, peers: &[(Writer, Context)], now_ms: u64) -> Collected {
        let placed: Option<Vec<(u32, Seen)>> =
            peers.iter().map(|(writer, context)| self.heard(*writer, context)).collect();
        placed.map_or_else(Collected::default, |peers| self.collect(Some(&peers), &BTreeSet::new(), now_ms))
    }

    /// The same where it is known of all at once that they have applied what a context has, but for engines that are
    /// away: what those would go on with is kept. This replica has applied all that the others had when they said so.
    #[cfg(feature = "mesh")]
    pub(super) fn stable_within(&mut self, context: &Context, away: &BTreeSet<u64>, now_ms: u64) -> Collected {
        let all = [(self.own, Seen::of(context, &self.actors))];
        self.collect(Some(&all), away, now_ms)
    }

    /// Drops what has been expired for a minute and decides nothing about anything else; how much. Nothing that is read
    /// changes, and nobody has to be asked.
    pub(crate) fn expire(&mut self, now_ms: u64) -> usize {
        self.collect(None, &BTreeSet::new(), now_ms).dropped
    }

    fn collect(&mut self, peers: Option<&[(u32, Seen)]>, away: &BTreeSet<u64>, now_ms: u64) -> Collected {
        self.forget_ahead();
        let Replica { keys, actors, causality, ahead, own, .. } = self;
        let (applied, left) = (&causality.applied, Cell::new(DOTS_MAX));
        let by = Collecting { actors, own: *own, applied, peers, away, now_ms, left };
        let (mut collected, mut found) = (Collected::default(), Vec::<(Box<str>, _, _)>::new());
        keys.change_all(|name, slot| {
            for (kind, state) in slot.iter_mut() {
                // A key that is ahead knows removals of which the contexts say nothing.
                if !ahead.is_empty() && ahead.contains_key(&(name.into(), kind)) {
                    continue;
                }
                collected.dropped += state.collect(kind, &by);
                if peers.is_some() {
                    found.extend(state.collection(kind, &by).map(|delta| (Box::from(name), kind, delta)));
                }
            }
        });
        found.sort_unstable_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        for (name, kind, delta) in found {
            let dot = Dot { actor: self.own, seq: self.next_seq };
            self.join_own(&name, kind, dot, delta.clone());
            self.pending.push(&name, kind, dot, delta, &self.actors);
            collected.operations += 1;
        }
        collected
    }

    /// What another replica has applied, if all of it is applied here too.
    fn heard(&mut self, writer: Writer, context: &Context) -> Option<(u32, Seen)> {
        let known = context.0.iter().all(|(&writer, seen)| seen.is_empty() || self.actors.find(writer).is_some());
        let seen = Seen::of(context, &self.actors);
        (known && self.causality.applied.covers(&seen) || has(Fault::CollectEarly))
            .then(|| (self.actors.place(writer), seen))
    }
}
