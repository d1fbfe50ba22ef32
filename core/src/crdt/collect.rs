//! Causal stability: what every replica has seen is no longer concurrent with anything to come, so what is dead of it
//! can go (Baquero, Almeida and Shoker, "Pure operation-based replicated data types", 2017).
//!
//! It rests on two things that the replica checks: what is dropped is in the context of every replica, and the replica
//! itself has all that they had when they said so, so nothing concurrent with it is on its way here.

use crate::origin::Writer;

use super::actor::{Actors, Dot};
use super::context::{Context, Seen};
use super::faults::{Fault, has};
use super::replica::Replica;

/// What is known of others while collecting.
#[derive(Debug)]
pub(crate) struct Collecting<'a> {
    pub(super) actors: &'a Actors,
    pub(super) own: u32,
    pub(super) applied: &'a Seen,
    /// What each of the others has applied.
    pub(super) peers: &'a [(u32, Seen)],
    pub(super) now_ms: u64,
}

impl Collecting<'_> {
    /// Whether all have seen it.
    pub(super) fn stable(&self, dot: Dot) -> bool {
        has(Fault::UnstableCollected)
            || self.applied.contains(dot) && self.peers.iter().all(|(_, seen)| seen.contains(dot))
    }

    /// Whether an addition that still stands beside a stable removal was made before its actor had seen that removal:
    /// one made later would have named it, unless its actor had collected it before, which we would have applied by
    /// now. Of an actor that is gone, what any replica has seen counts.
    pub(super) fn is_before_stable(&self, dot: Dot) -> bool {
        if dot.actor == self.own {
            return true;
        }
        match self.peers.iter().find(|(actor, _)| *actor == dot.actor) {
            Some((_, seen)) => seen.contains(dot),
            None => self.peers.iter().all(|(_, seen)| seen.contains(dot)),
        }
    }
}

/// What collecting did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Dead rows of counters and expired dots that were dropped.
    pub dropped: usize,
    /// Keys in which stable removals were done away with, by an operation that goes to the others.
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
        let Some(peers) = placed else { return Collected::default() };
        let Replica { keys, actors, causality, ahead, own, .. } = self;
        let by = Collecting { actors, own: *own, applied: &causality.applied, peers: &peers, now_ms };
        let (mut collected, mut found) = (Collected::default(), Vec::<(Box<str>, _, _)>::new());
        keys.change_all(|name, slot| {
            for (kind, state) in slot.iter_mut() {
                // A key that is ahead knows removals of which the contexts say nothing.
                if !ahead.is_empty() && ahead.contains_key(&(name.into(), kind)) {
                    continue;
                }
                collected.dropped += state.collect(kind, &by);
                found.extend(state.collection(&by).map(|delta| (Box::from(name), kind, delta)));
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
