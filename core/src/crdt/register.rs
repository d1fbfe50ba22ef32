//! Registers: each write is a dot with a value, and removes the writes that it saw.
//!
//! What was written concurrently is all kept until a later write has seen it, which makes deltas commute; a
//! last-writer-wins register reads the write with the highest (stamp, actor), a multi-value one reads them all (Shapiro
//! et al. 2011; Almeida et al. 2018). The stamp is a hybrid one that has seen all that the writer had, so a clock set
//! back loses nothing.

use crate::error::Result;

use super::actor::{Actors, Dot};
use super::clock::{expiry_ms, is_expired};
use super::collect::Collecting;
use super::context::{Joining, News};
use super::dots::{self, Dotted};
use super::op::{Delta, Writing};
use super::state::State;
use super::value::Value;

#[derive(Debug, Clone, Default)]
pub(crate) struct Register(pub(super) Vec<Write>);

#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(super) dot: Dot,
    pub(super) stamp: u64,
    /// Milliseconds since the epoch; 0 is never.
    pub(super) expiry_ms: u64,
    pub(super) value: Value,
}

impl Dotted for Write {
    fn dot(&self) -> Dot {
        self.dot
    }

    fn dot_mut(&mut self) -> &mut Dot {
        &mut self.dot
    }
}

impl Register {
    pub(super) fn join(&mut self, theirs: Register, joining: &Joining<'_>) -> bool {
        dots::join(&mut self.0, theirs.0, joining)
    }

    pub(super) fn news(&self, theirs: &Register, by: &News<'_>) -> Option<Register> {
        dots::is_news(&self.0, &theirs.0, by).then(|| theirs.clone())
    }

    pub(super) fn remap(&mut self, place: &mut dyn FnMut(u32) -> u32) {
        dots::remap(&mut self.0, place);
    }

    pub(super) fn newest_stamp(&self) -> u64 {
        self.0.iter().map(|w| w.stamp).max().unwrap_or(0)
    }

    /// The delta of a write over what is there.
    pub(super) fn write(now: Option<&Register>, value: &Value, ttl: Option<u64>, by: &Writing<'_>) -> Result<Delta> {
        value.check()?;
        let expiry_ms = expiry_ms(by.stamp, ttl)?;
        let write = Write { dot: by.dot, stamp: by.stamp, expiry_ms, value: value.clone() };
        let removed = now.map_or_else(Vec::new, Register::dots);
        Ok(Delta { state: State::Register(Register(vec![write])), removed })
    }

    /// A write in place over one that this actor made and that the delta still has; none if that is not all there is.
    pub(super) fn write_again(
        &mut self,
        delta: &mut Register,
        value: &Value,
        ttl: Option<u64>,
        by: &Writing<'_>,
    ) -> Option<Result<()>> {
        let ([own], [sent]) = (&mut self.0[..], &mut delta.0[..]) else { return None };
        if own.dot != sent.dot || own.dot.actor != by.dot.actor {
            return None;
        }
        let expiry_ms = match value.check().and_then(|()| expiry_ms(by.stamp, ttl)) {
            Ok(expiry_ms) => expiry_ms,
            Err(e) => return Some(Err(e)),
        };
        *own = Write { dot: by.dot, stamp: by.stamp, expiry_ms, value: value.clone() };
        sent.clone_from(own);
        Some(Ok(()))
    }

    pub(super) fn dots(&self) -> Vec<Dot> {
        self.0.iter().map(Write::dot).collect()
    }

    /// The winner, expired or not.
    fn winner(&self, actors: &Actors) -> Option<&Write> {
        self.0.iter().max_by_key(|w| w.order(actors))
    }

    /// Whether anything is read of it.
    pub(super) fn is_alive(&self, is_multi: bool, now_ms: u64, actors: &Actors) -> bool {
        if is_multi { !self.all(now_ms, actors).is_empty() } else { self.last(now_ms, actors).is_some() }
    }

    /// The value of the last writer; absent once that has expired, whatever lost to it.
    pub(super) fn last(&self, now_ms: u64, actors: &Actors) -> Option<&Value> {
        self.last_stamped(now_ms, actors).map(|(_, value)| value)
    }

    /// The same with the stamp of that write.
    pub(super) fn last_stamped(&self, now_ms: u64, actors: &Actors) -> Option<(u64, &Value)> {
        let alive = self.winner(actors).filter(|w| !is_expired(w.expiry_ms, now_ms));
        alive.map(|w| (w.stamp, &w.value))
    }

    /// All values, the last writer's first.
    pub(super) fn all(&self, now_ms: u64, actors: &Actors) -> Vec<&Value> {
        let mut writes: Vec<&Write> = self.0.iter().filter(|w| !is_expired(w.expiry_ms, now_ms)).collect();
        writes.sort_unstable_by_key(|w| std::cmp::Reverse(w.order(actors)));
        writes.into_iter().map(|w| &w.value).collect()
    }

    /// Drops values of a multi_register that have expired: nothing else rests on them.
    pub(super) fn collect(&mut self, by: &Collecting<'_>) -> usize {
        let before = self.0.len();
        self.0.retain(|w| !by.is_spent(w.dot, w.expiry_ms));
        before - self.0.len()
    }

    /// What a collecting operation names to do away with a last writer that has expired: it goes with all that lost to
    /// it, so that none of them shows, and only when all are stable, as then all that was concurrent with it is here.
    pub(super) fn collectable(&self, by: &Collecting<'_>) -> Vec<Dot> {
        let is_over = self.last(by.now_ms, by.actors).is_none() && self.0.iter().all(|w| by.stable(w.dot));
        if is_over && !self.0.is_empty() { by.take(self.dots()) } else { Vec::new() }
    }
}

impl Write {
    fn order(&self, actors: &Actors) -> (u64, crate::origin::Writer, u64) {
        (self.stamp, actors.writer(self.dot.actor), self.dot.seq)
    }
}
