//! The actors of CRDT stores that nobody is at work as: who opens a store next goes on as one of them, so that a
//! thousand runs leave one actor and not a thousand.
//!
//! An actor must never be two. Within one open of the engine that is easy; `handover.rs` keeps them from a clean close
//! to the next open. ADR 0016 has the proof.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Engine, Kind};
use crate::locks::lock;
use crate::origin::Writer;

/// The actors of this directory, by the stream of their store.
#[derive(Debug, Default)]
pub(crate) struct Actors(Mutex<BTreeMap<String, BTreeMap<Writer, Standing>>>);

/// Actors by the stream of their store, each with the sequence of its next operation.
pub(super) type Left = BTreeMap<String, Vec<(Writer, u64)>>;

#[derive(Debug)]
struct Standing {
    /// The sequence of its next operation: who goes on as it has to have found all before it.
    next_seq: Arc<AtomicU64>,
    is_free: bool,
}

impl Actors {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<Writer, Standing>>> {
        lock(&self.0)
    }

    /// An actor to go on as, which is then nobody else's, and where the sequence of its next operation is to be said.
    fn take(&self, stream: &str) -> Option<(Writer, Arc<AtomicU64>)> {
        let mut all = self.all();
        let (&actor, standing) = all.get_mut(stream)?.iter_mut().find(|(_, standing)| standing.is_free)?;
        standing.is_free = false;
        Some((actor, Arc::clone(&standing.next_seq)))
    }

    /// An actor of which the stream has all before this sequence.
    fn add(&self, stream: &str, actor: Writer, next_seq: u64, is_free: bool) -> Arc<AtomicU64> {
        let next_seq = Arc::new(AtomicU64::new(next_seq));
        let standing = Standing { next_seq: Arc::clone(&next_seq), is_free };
        self.all().entry(stream.to_owned()).or_default().insert(actor, standing);
        next_seq
    }

    /// Nobody shall go on as this actor.
    fn forget(&self, stream: &str, actor: Writer) {
        if let Some(actors) = self.all().get_mut(stream) {
            actors.remove(&actor);
        }
    }

    /// Those that the last close of this directory left.
    pub(super) fn take_over(&self, left: Left) {
        for (stream, actors) in left {
            for (actor, next_seq) in actors {
                self.add(&stream, actor, next_seq, true);
            }
        }
    }

    /// Those to leave to the next open, all streams being closed and whole.
    pub(super) fn leave(&self) -> Left {
        let mut left = Left::new();
        for (stream, actors) in std::mem::take(&mut *self.all()) {
            let actors = actors.into_iter().map(|(actor, at)| (actor, at.next_seq.load(Ordering::Relaxed)));
            let actors: Vec<(Writer, u64)> = actors.filter(|&(_, next_seq)| next_seq > 1).collect();
            if !actors.is_empty() {
                left.insert(stream, actors);
            }
        }
        left
    }
}

impl Engine {
    /// An actor to go on as in a CRDT store, which is then nobody else's, and where the sequence of its next operation
    /// is to be said; none where nobody is known to have gone.
    pub(crate) fn take_actor(&self, stream: &str) -> Option<(Writer, Arc<AtomicU64>)> {
        match &self.0 {
            Kind::Local(inner) => inner.actors.take(stream),
            Kind::Other(other) => {
                // It goes without if the node does not answer: what is asked next says why.
                let (actor, next_seq) = other.ops.take_actor(stream).wait().ok().flatten()?;
                Some((actor, Arc::new(AtomicU64::new(next_seq))))
            }
        }
    }

    /// A new actor is at work; where the sequence of its next operation is to be said.
    pub(crate) fn begin_actor(&self, stream: &str, actor: Writer) -> Arc<AtomicU64> {
        match &self.0 {
            Kind::Local(inner) => inner.actors.add(stream, actor, 1, false),
            Kind::Other(_) => Arc::new(AtomicU64::new(1)),
        }
    }

    /// Nobody is at work as this actor any more, and the stream has all that it did before this sequence.
    pub(crate) fn free_actor(&self, stream: &str, actor: Writer, next_seq: u64) {
        match &self.0 {
            Kind::Local(inner) => drop(inner.actors.add(stream, actor, next_seq, true)),
            // Nobody waits for a node that may be gone: then it is an actor less.
            Kind::Other(other) => drop(other.ops.free_actor(stream, actor, next_seq)),
        }
    }

    /// Nobody shall go on as this actor.
    pub(crate) fn forget_actor(&self, stream: &str, actor: Writer) {
        if let Kind::Local(inner) = &self.0 {
            inner.actors.forget(stream, actor);
        }
    }

    /// As a node: an actor for a client, as its numbers and the sequence of its next operation.
    pub(crate) fn lend_actor(&self, stream: &str) -> Option<(u64, u64, u64)> {
        let (actor, next_seq) = self.take_actor(stream)?;
        Some((actor.engine, actor.epoch, next_seq.load(Ordering::Relaxed)))
    }

    /// As a node: an actor that a client is done with.
    pub(crate) fn take_back_actor(&self, stream: &str, (engine, epoch, next_seq): (u64, u64, u64)) {
        if engine == self.id() && next_seq > 1 {
            self.free_actor(stream, Writer { engine, epoch }, next_seq);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTOR: Writer = Writer { engine: 7, epoch: 9 };

    #[test]
    fn an_actor_that_did_something_is_left_and_taken_once() {
        let actors = Actors::default();
        actors.add("CRDT_app", Writer { epoch: 1, ..ACTOR }, 1, false);
        actors.add("CRDT_app", ACTOR, 1, false).store(5, Ordering::Relaxed);
        let next = Actors::default();
        next.take_over(actors.leave());
        let take = || next.take("CRDT_app").map(|(actor, next_seq)| (actor, next_seq.load(Ordering::Relaxed)));
        assert_eq!([take(), take()], [Some((ACTOR, 5)), None]);
    }

    #[test]
    fn an_actor_is_free_once_it_is_given_back_and_not_before() {
        let actors = Actors::default();
        let take = |stream| actors.take(stream).map(|(actor, _)| actor);
        assert_eq!(take("s"), None);
        actors.add("s", ACTOR, 1, false);
        assert_eq!(take("s"), None);
        actors.add("s", ACTOR, 2, true);
        assert_eq!((take("s"), take("s"), take("t")), (Some(ACTOR), None, None));
        actors.add("s", ACTOR, 2, true);
        actors.forget("s", ACTOR);
        assert_eq!(take("s"), None);
    }
}
