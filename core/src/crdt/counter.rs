//! Counters: for each actor what it added in all, and how much of that was there when the counter was removed.
//!
//! A row has one writer for its total (Shapiro et al. 2011: PN-counter, the two sides as one signed sum), absolute, so
//! that what comes twice counts once. A removal writes the base: what it saw of each total. What is added concurrently
//! stays, exactly, and what was seen goes, so a counter in a map has no anomaly (Baquero, Almeida and Lerche, "The
//! problem with embedded CRDT counters and a solution", PaPoC 2016). A row that is all base is dead and goes by causal
//! stability; an actor that counts again after that begins a new generation, which wins as a whole over what is left of
//! the old one.

use crate::error::{Error, ErrorKind, Result};

use super::actor::{Actors, Dot};
use super::collect::Collecting;
use super::context::{Joining, News};
use super::faults::{Fault, has};
use super::op::{Delta, Writing};
use super::state::State;

#[derive(Debug, Clone, Default)]
pub(crate) struct Counter(pub(super) Vec<Row>);

#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(super) actor: u32,
    /// The sequence of its first addition.
    pub(super) generation: u64,
    /// The sequence of its last addition.
    pub(super) seq: u64,
    pub(super) total: i64,
    pub(super) base: Option<Box<Base>>,
}

/// What was there of a row when it was removed.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    pub(super) seq: u64,
    pub(super) total: i64,
    /// The removal.
    pub(super) by: Dot,
}

impl Row {
    pub(super) fn dot(&self) -> Dot {
        Dot { actor: self.actor, seq: self.seq }
    }

    pub(super) fn is_dead(&self) -> bool {
        self.base.as_ref().is_some_and(|b| b.seq == self.seq)
    }

    fn value(&self) -> i128 {
        i128::from(self.total) - self.base.as_ref().map_or(0, |b| i128::from(b.total))
    }

    /// Whether `other` has anything that this row lacks.
    fn lacks(&self, other: &Row, actors: &Actors) -> bool {
        if self.generation != other.generation {
            return other.generation > self.generation;
        }
        other.seq > self.seq || Base::order(other.base.as_deref(), actors) > Base::order(self.base.as_deref(), actors)
    }

    fn join(&mut self, other: Row, actors: &Actors) -> bool {
        if !self.lacks(&other, actors) {
            return false;
        }
        if other.generation > self.generation {
            *self = other;
            return true;
        }
        let is_later = if has(Fault::LargerTotal) { other.total > self.total } else { other.seq > self.seq };
        if is_later {
            (self.seq, self.total) = (other.seq, other.total);
        }
        if Base::order(other.base.as_deref(), actors) > Base::order(self.base.as_deref(), actors) {
            self.base = if has(Fault::NoBase) { None } else { other.base };
        }
        true
    }
}

impl Base {
    fn order(base: Option<&Base>, actors: &Actors) -> Option<(u64, crate::origin::Writer, u64)> {
        base.map(|b| (b.seq, actors.writer(b.by.actor), b.by.seq))
    }
}

impl Counter {
    fn find(&self, actor: u32) -> Result<usize, usize> {
        self.0.binary_search_by_key(&actor, |r| r.actor)
    }

    pub(super) fn row_mut(&mut self, actor: u32) -> Option<&mut Row> {
        self.find(actor).ok().map(|place| &mut self.0[place])
    }

    pub(super) fn join(&mut self, theirs: Counter, joining: &Joining<'_>) -> bool {
        let mut changed = false;
        if joining.dense {
            self.0.retain(|row| {
                let stays = theirs.find(row.actor).is_ok() || !joining.theirs.contains(row.dot());
                changed |= !stays;
                stays
            });
        }
        for row in theirs.0 {
            match self.find(row.actor) {
                Ok(place) => changed |= self.0[place].join(row, joining.actors),
                Err(place) if !joining.mine.contains(row.dot()) => {
                    self.0.reserve_exact(1);
                    self.0.insert(place, row);
                    changed = true;
                }
                Err(_) => {}
            }
        }
        changed
    }

    pub(super) fn news(&self, theirs: &Counter, by: &News<'_>) -> Option<Counter> {
        let is_news = |row: &&Row| match self.find(row.actor) {
            Ok(place) => by.new.contains(row.dot()) || self.0[place].lacks(row, by.joining.actors),
            Err(_) => by.new.contains(row.dot()) || !by.joining.mine.contains(row.dot()),
        };
        let rows: Vec<Row> = theirs.0.iter().filter(is_news).cloned().collect();
        (!rows.is_empty()).then_some(Counter(rows))
    }

    pub(super) fn remap(&mut self, place: &mut dyn FnMut(u32) -> u32) {
        for row in &mut self.0 {
            row.actor = place(row.actor);
            if let Some(base) = &mut row.base {
                base.by.actor = place(base.by.actor);
            }
        }
        self.0.sort_unstable_by_key(|row| row.actor);
    }

    pub(super) fn is_alive(&self) -> bool {
        self.0.iter().any(|row| !row.is_dead())
    }

    /// The sum; it fits, as every row fits 64 bits and a base takes one more.
    pub(super) fn value(&self) -> i128 {
        self.0.iter().map(Row::value).sum()
    }

    /// The delta of an addition: the writer's own row, whole.
    pub(super) fn add(now: Option<&Counter>, amount: i64, grows: bool, by: &Writing<'_>) -> Result<Delta> {
        if grows && amount < 0 {
            return Err(Error::invalid(format!("a grow_counter does not take {amount}: use a counter")));
        }
        let Dot { actor, seq } = by.dot;
        let own = now.and_then(|counter| counter.find(actor).ok().map(|place| &counter.0[place]));
        let mut row = own.cloned().unwrap_or(Row { actor, generation: seq, seq, total: 0, base: None });
        row.total = row.total.checked_add(amount).ok_or_else(|| {
            let message = format!("{amount} more than {} is beyond what one actor counts, 64 bits signed", row.total);
            Error::new(ErrorKind::Limit, message)
        })?;
        row.seq = seq;
        Ok(Delta { state: State::Counter(Counter(vec![row])), removed: Vec::new() })
    }

    /// An addition in place, here and in the delta that has this actor's row already; none if one of them has not.
    pub(super) fn add_again(
        &mut self,
        delta: &mut Counter,
        amount: i64,
        grows: bool,
        by: &Writing<'_>,
    ) -> Option<Result<()>> {
        let Dot { actor, seq } = by.dot;
        let (row, sent) = (self.row_mut(actor)?, delta.row_mut(actor)?);
        let base = |row: &Row| row.base.as_ref().map(|b| b.seq);
        if grows && amount < 0 || row.generation != sent.generation || base(row) != base(sent) {
            return None;
        }
        (row.seq, row.total) = (seq, row.total.checked_add(amount)?);
        (sent.seq, sent.total) = (row.seq, row.total);
        Some(Ok(()))
    }

    /// The delta of a removal.
    pub(super) fn clear(&self, by: Dot) -> Option<Delta> {
        let mut rows: Vec<Row> = self.0.iter().filter(|row| !row.is_dead()).cloned().collect();
        for row in &mut rows {
            row.base = Some(Box::new(Base { seq: row.seq, total: row.total, by }));
        }
        (!rows.is_empty()).then(|| Delta { state: State::Counter(Counter(rows)), removed: Vec::new() })
    }

    /// Drops dead rows whose removal is stable, but for those that an actor which is away would go on with.
    pub(super) fn collect(&mut self, by: &Collecting<'_>) -> usize {
        let before = self.0.len();
        self.0.retain(|row| {
            let stable = |base: &Base| base.seq == row.seq && by.stable(base.by) && by.stable(row.dot());
            !row.base.as_deref().is_some_and(stable) || by.is_away(row.actor)
        });
        before - self.0.len()
    }
}
