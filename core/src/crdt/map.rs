//! Maps: fields by name, each of any kind but a bounded counter, nested to a bound.
//!
//! A field is there while anything in it is alive, so a change wins over a concurrent removal of its field, which
//! removes what it saw of it (Almeida et al. 2018, ORMap over dot stores; riak_dt_map). The map has no causality of its
//! own.

use std::collections::BTreeMap;

use super::collect::Collecting;
use super::context::{Joining, News};
use super::kind::Kind;
use super::op::Delta;
use super::slot::Slot;
use super::state::State;

/// Most maps in each other.
pub const MAP_DEPTH_MAX: usize = 32;

#[derive(Debug, Clone, Default)]
pub(crate) struct Map(pub(super) BTreeMap<Box<str>, Slot>);

impl Map {
    pub(super) fn of(name: &str, kind: Kind, state: State) -> Map {
        Map(BTreeMap::from([(name.into(), Slot::of(kind, state))]))
    }

    pub(super) fn get(&self, name: &str, kind: Kind) -> Option<&State> {
        self.0.get(name).and_then(|slot| slot.get(kind))
    }

    /// All fields of all kinds, by name and kind.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Kind, &State)> {
        self.0.iter().flat_map(|(name, slot)| slot.iter().map(|(kind, state)| (&**name, kind, state)))
    }

    pub(super) fn join(&mut self, theirs: Map, joining: &Joining<'_>) -> bool {
        let mut changed = false;
        if joining.dense {
            for (name, slot) in &mut self.0 {
                for (kind, state) in slot.iter_mut().filter(|(kind, _)| theirs.get(name, *kind).is_none()) {
                    changed |= state.join(State::new(kind), joining);
                }
            }
        }
        for (name, mut their) in theirs.0 {
            let slot = self.0.entry(name).or_default();
            for (kind, state) in their.iter_mut() {
                changed |= slot.entry(kind).join(std::mem::replace(state, State::new(kind)), joining);
            }
        }
        if !joining.keep {
            self.prune();
        }
        changed
    }

    fn prune(&mut self) {
        self.0.retain(|_, slot| !slot.prune());
    }

    pub(super) fn news(&self, theirs: &Map, by: &News<'_>) -> Option<Map> {
        let mut news = Map::default();
        for (name, kind, their) in theirs.iter() {
            let absent = State::new(kind);
            if let Some(state) = self.get(name, kind).unwrap_or(&absent).news(their, by) {
                *news.0.entry(name.into()).or_default().entry(kind) = state;
            }
        }
        (!news.0.is_empty()).then_some(news)
    }

    pub(super) fn remap(&mut self, place: &mut dyn FnMut(u32) -> u32) {
        self.states_mut().for_each(|(_, state)| state.remap(place));
    }

    fn states_mut(&mut self) -> impl Iterator<Item = (Kind, &mut State)> {
        self.0.values_mut().flat_map(Slot::iter_mut)
    }

    /// The delta of what a rule makes of each field.
    pub(super) fn each(&self, mut rule: impl FnMut(Kind, &State) -> Option<Delta>) -> Option<Delta> {
        let (mut map, mut removed) = (Map::default(), Vec::new());
        for (name, kind, state) in self.iter() {
            if let Some(delta) = rule(kind, state) {
                *map.0.entry(name.into()).or_default().entry(kind) = delta.state;
                removed.extend(delta.removed);
            }
        }
        (!map.0.is_empty()).then_some(Delta { state: State::Map(map), removed })
    }

    pub(super) fn drop_expired(&mut self, lives: &dyn Fn(u64) -> bool) {
        self.states_mut().for_each(|(kind, state)| state.drop_expired(kind, lives));
        self.prune();
    }

    pub(super) fn collect(&mut self, by: &Collecting<'_>) -> usize {
        let dropped = self.states_mut().map(|(kind, state)| state.collect(kind, by)).sum();
        self.prune();
        dropped
    }
}
