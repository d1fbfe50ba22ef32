//! Sets of values: each element has its own presence, additions or removals winning as the kind says.
//!
//! A removal names the element and the dots that it saw, so a delta costs what it touches and a large set is never
//! walked.

use std::collections::BTreeMap;

use crate::error::Result;

use super::actor::Dot;
use super::collect::Collecting;
use super::context::{Joining, News};
use super::op::{Delta, Writing};
use super::presence::Presence;
use super::state::State;
use super::value::Value;

#[derive(Debug, Clone, Default)]
pub(crate) struct Set(pub(super) BTreeMap<Value, Presence>);

impl Set {
    pub(super) fn join(&mut self, theirs: Set, joining: &Joining<'_>) -> bool {
        let mut changed = false;
        if joining.dense {
            self.0.retain(|value, presence| {
                changed |= !theirs.0.contains_key(value) && presence.join(Presence::default(), joining);
                joining.keep || !presence.is_empty()
            });
        }
        for (value, their) in theirs.0 {
            if let Some(presence) = self.0.get_mut(&value) {
                changed |= presence.join(their, joining);
                if presence.is_empty() && !joining.keep {
                    self.0.remove(&value);
                }
                continue;
            }
            let mut presence = Presence::default();
            changed |= presence.join(their, joining);
            if joining.keep || !presence.is_empty() {
                self.0.insert(value, presence);
            }
        }
        changed
    }

    pub(super) fn news(&self, theirs: &Set, by: &News<'_>) -> Option<Set> {
        let absent = Presence::default();
        let is_news = |(value, their): &(&Value, &Presence)| self.0.get(*value).unwrap_or(&absent).is_news(their, by);
        let news = theirs.0.iter().filter(is_news).map(|(value, their)| (value.clone(), their.clone()));
        let news: BTreeMap<Value, Presence> = news.collect();
        (!news.is_empty()).then_some(Set(news))
    }

    pub(super) fn remap(&mut self, place: &mut dyn FnMut(u32) -> u32) {
        self.0.values_mut().for_each(|p| p.remap(place));
    }

    pub(super) fn elements(&self, now_ms: u64) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |(_, p)| p.is_there(now_ms)).map(|(value, _)| value)
    }

    pub(super) fn insert(now: Option<&Set>, value: &Value, ttl: Option<u64>, by: &Writing<'_>) -> Result<Delta> {
        value.check()?;
        Ok(Set::delta(value, Presence::added(ttl, by)?, Set::dots_of(now, value)))
    }

    /// The delta of a removal; none where additions win and the element is not there.
    pub(super) fn remove(now: Option<&Set>, value: &Value, wins: bool, by: &Writing<'_>) -> Result<Option<Delta>> {
        value.check()?;
        let seen = Set::dots_of(now, value);
        let touches = wins || !seen.is_empty();
        Ok(touches.then(|| Set::delta(value, Presence::removed(wins, by), seen)))
    }

    fn delta(value: &Value, presence: Presence, removed: Vec<Dot>) -> Delta {
        Delta { state: State::Set(Set(BTreeMap::from([(value.clone(), presence)]))), removed }
    }

    fn dots_of(now: Option<&Set>, value: &Value) -> Vec<Dot> {
        now.and_then(|set| set.0.get(value)).map_or_else(Vec::new, |p| p.dots().collect())
    }

    /// The delta that removes the dots of each element that a rule picks.
    pub(super) fn without(&self, picks: impl Fn(&Presence) -> Vec<Dot>) -> Option<Delta> {
        let (mut state, mut removed) = (BTreeMap::new(), Vec::new());
        for (value, presence) in &self.0 {
            let picked = picks(presence);
            if !picked.is_empty() {
                state.insert(value.clone(), Presence::default());
                removed.extend(picked);
            }
        }
        (!state.is_empty()).then_some(Delta { state: State::Set(Set(state)), removed })
    }

    pub(super) fn collect(&mut self, by: &Collecting<'_>) -> usize {
        let mut dropped = 0;
        self.0.retain(|_, presence| {
            dropped += presence.collect(by);
            !presence.is_empty()
        });
        dropped
    }
}
