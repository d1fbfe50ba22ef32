//! What a replica has seen: for each actor the set of its sequences, as intervals, one from 1 in the common case.
//!
//! A dot that is in the context and not in the state was removed, so nothing else has to remember removals (Almeida,
//! Shoker and Baquero, "Delta state replicated data types", 2018: causal contexts over dot stores).

use std::collections::BTreeMap;

use crate::intervals::Intervals;
use crate::origin::Writer;

use super::actor::{Actors, Dot};

/// A causal context by the names of its actors: what replicas tell each other they have applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context(pub(super) BTreeMap<Writer, Intervals>);

impl Context {
    /// Whether an operation is in it.
    pub fn contains(&self, actor: Writer, seq: u64) -> bool {
        self.0.get(&actor).is_some_and(|seen| seen.contains(seq))
    }

    /// Whether all that another context has is in it.
    pub fn covers(&self, other: &Context) -> bool {
        other.0.iter().all(|(actor, seen)| self.0.get(actor).is_some_and(|own| own.covers(seen)))
    }

    /// What it has that another one lacks.
    pub fn without(&self, other: &Context) -> Context {
        let mut rest = BTreeMap::new();
        for (actor, seen) in &self.0 {
            let mut seen = seen.clone();
            if let Some(other) = other.0.get(actor) {
                seen.subtract(other);
            }
            if !seen.is_empty() {
                rest.insert(*actor, seen);
            }
        }
        Context(rest)
    }

    /// Adds all that another one has.
    #[cfg(feature = "mesh")]
    pub(crate) fn unite(&mut self, other: &Context) {
        for (actor, seen) in &other.0 {
            self.0.entry(*actor).or_default().unite(seen);
        }
    }

    /// The engines of its actors, each once.
    #[cfg(feature = "mesh")]
    pub(crate) fn engines(&self) -> std::collections::BTreeSet<u64> {
        self.0.keys().map(|actor| actor.engine).collect()
    }

    /// How many operations it has.
    pub fn count(&self) -> u64 {
        self.iter().map(|(_, first, last)| last - first + 1).sum()
    }

    /// First and last sequence of each interval of each actor, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Writer, u64, u64)> + '_ {
        self.0.iter().flat_map(|(&actor, seen)| seen.iter().map(move |(first, last)| (actor, first, last)))
    }
}

/// A causal context by places in a table of actors.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Vec<Intervals>);

impl Seen {
    pub(super) fn contains(&self, dot: Dot) -> bool {
        self.0.get(dot.actor as usize).is_some_and(|seen| seen.contains(dot.seq))
    }

    pub(super) fn insert(&mut self, dot: Dot) {
        self.of_mut(dot.actor).insert(dot.seq);
    }

    pub(super) fn insert_range(&mut self, actor: u32, first: u64, last: u64) {
        self.of_mut(actor).insert_range(first, last);
    }

    fn of_mut(&mut self, actor: u32) -> &mut Intervals {
        let place = actor as usize;
        if self.0.len() <= place {
            self.0.resize_with(place + 1, Intervals::default);
        }
        &mut self.0[place]
    }

    pub(super) fn unite(&mut self, other: &Seen) {
        for (actor, seen) in other.actors() {
            self.of_mut(actor).unite(seen);
        }
    }

    pub(super) fn subtract(&mut self, other: &Seen) {
        for (own, seen) in self.0.iter_mut().zip(&other.0) {
            own.subtract(seen);
        }
    }

    pub(super) fn take_out(&mut self, dot: Dot) {
        let mut one = Intervals::default();
        one.insert(dot.seq);
        if let Some(seen) = self.0.get_mut(dot.actor as usize) {
            seen.subtract(&one);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(Intervals::is_empty)
    }

    /// Actors with what was seen of each, those with nothing left out.
    pub(super) fn actors(&self) -> impl Iterator<Item = (u32, &Intervals)> {
        self.0.iter().enumerate().filter(|(_, seen)| !seen.is_empty()).map(|(place, seen)| (place as u32, seen))
    }

    /// Whether what was seen of an actor is all up to this sequence, and nothing more.
    pub(super) fn is_up_to(&self, actor: u32, last: u64) -> bool {
        self.0.get(actor as usize).is_some_and(|seen| seen.iter().eq([(1, last)]))
    }

    pub(super) fn last(&self, actor: u32) -> u64 {
        self.0.get(actor as usize).and_then(Intervals::last).unwrap_or(0)
    }

    /// The same with other places for its actors.
    pub(super) fn remapped(&self, place: &mut dyn FnMut(u32) -> u32) -> Seen {
        let mut seen = Seen::default();
        for (actor, intervals) in self.actors() {
            *seen.of_mut(place(actor)) = intervals.clone();
        }
        seen
    }

    pub(super) fn named(&self, actors: &Actors) -> Context {
        Context(self.actors().map(|(place, seen)| (actors.writer(place), seen.clone())).collect())
    }

    /// A context by names in the places of a table, without the actors that have none there.
    pub(super) fn of(context: &Context, actors: &Actors) -> Seen {
        let mut seen = Seen::default();
        for (&writer, intervals) in &context.0 {
            if let Some(place) = actors.find(writer) {
                *seen.of_mut(place) = intervals.clone();
            }
        }
        seen
    }

    pub(super) fn covers(&self, other: &Seen) -> bool {
        other.actors().all(|(actor, seen)| self.0.get(actor as usize).is_some_and(|own| own.covers(seen)))
    }
}

/// What a whole replica or fragment has seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Causality {
    /// Operations whose whole effect is in it.
    pub(super) applied: Seen,
    /// Dots beside them that are known to be removed, though what else their operations did may not be here.
    pub(super) removed: Seen,
}

impl Causality {
    pub(super) fn unite(&mut self, other: &Causality) {
        self.applied.unite(&other.applied);
        self.removed.unite(&other.removed);
        self.removed.subtract(&self.applied);
    }

    pub(super) fn remove(&mut self, dot: Dot) {
        if !self.applied.contains(dot) {
            self.removed.insert(dot);
        }
    }

    /// All that is seen.
    pub(super) fn seen(&self) -> Seen {
        let mut seen = self.applied.clone();
        seen.unite(&self.removed);
        seen
    }

    /// Whether all of something is seen.
    pub(super) fn covers(&self, seen: &Seen) -> bool {
        self.applied.covers(seen) || !self.removed.is_empty() && self.seen().covers(seen)
    }

    /// Operations that were made, as later ones of their actors are known, or their removals, and that are not applied.
    pub(super) fn missing(&self) -> u64 {
        let gaps = |(_, seen): (u32, &Intervals)| {
            let (mut missing, mut before) = (0, 0);
            for (first, last) in seen.iter() {
                missing += first - before - 1;
                before = last;
            }
            missing
        };
        let removed = self.removed.actors().flat_map(|(_, dots)| dots.iter()).map(|(first, last)| last - first + 1);
        self.seen().actors().map(gaps).sum::<u64>() + removed.sum::<u64>()
    }

    pub(super) fn view(&self) -> View<'_> {
        View { causality: Some(self), ahead: None, dots: &[] }
    }

    pub(super) fn remapped(&self, place: &mut dyn FnMut(u32) -> u32) -> Causality {
        Causality { applied: self.applied.remapped(place), removed: self.removed.remapped(place) }
    }
}

/// What is seen where one state is looked at: of the whole replica, what the key knows ahead of it, a few dots.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(super) causality: Option<&'a Causality>,
    pub(super) ahead: Option<&'a Seen>,
    pub(super) dots: &'a [Dot],
}

impl View<'_> {
    pub(super) fn contains(&self, dot: Dot) -> bool {
        self.causality.is_some_and(|c| c.applied.contains(dot) || c.removed.contains(dot))
            || self.ahead.is_some_and(|a| a.contains(dot))
            || self.dots.contains(&dot)
    }
}

/// How one state is joined with another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joining<'a> {
    /// For the order of actors, which places do not give.
    pub(super) actors: &'a Actors,
    pub(super) mine: View<'a>,
    pub(super) theirs: View<'a>,
    /// What the other side does not list is not there, rather than not spoken of.
    pub(super) dense: bool,
    /// What was emptied stays listed: this side is a delta too.
    pub(super) keep: bool,
}

/// How the part of a delta that is new to a state is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct News<'a> {
    pub(super) joining: Joining<'a>,
    /// The operations that are new to the whole replica.
    pub(super) new: &'a Seen,
}
