//! What one name holds: a state of one kind, and in the rare case that two replicas made it as two kinds, both.

use hashbrown::HashMap;

use super::actor::Actors;
use super::kind::Kind;
use super::state::State;

/// Slots by name.
pub(super) type Slots = HashMap<Box<str>, Slot, foldhash::fast::FixedState>;

/// The states under one name, by kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slot(Vec<(Kind, State)>);

impl Slot {
    pub(super) fn of(kind: Kind, state: State) -> Slot {
        Slot(vec![(kind, state)])
    }

    fn find(&self, kind: Kind) -> Result<usize, usize> {
        self.0.binary_search_by_key(&kind, |s| s.0)
    }

    pub(super) fn get(&self, kind: Kind) -> Option<&State> {
        self.find(kind).ok().map(|place| &self.0[place].1)
    }

    pub(super) fn get_mut(&mut self, kind: Kind) -> Option<&mut State> {
        self.find(kind).ok().map(|place| &mut self.0[place].1)
    }

    /// Its state if it has one.
    pub(super) fn only(&self) -> Option<(Kind, &State)> {
        match &self.0[..] {
            [(kind, state)] => Some((*kind, state)),
            _ => None,
        }
    }

    /// The state of a kind if there is no other.
    pub(super) fn only_mut(&mut self, kind: Kind) -> Option<&mut State> {
        match &mut self.0[..] {
            [(only, state)] if *only == kind => Some(state),
            _ => None,
        }
    }

    pub(super) fn into_states(self) -> impl Iterator<Item = (Kind, State)> {
        self.0.into_iter()
    }

    /// The state of a kind, empty if it is not there.
    pub(super) fn entry(&mut self, kind: Kind) -> &mut State {
        let place = self.find(kind).unwrap_or_else(|place| {
            self.0.reserve_exact(1);
            self.0.insert(place, (kind, State::new(kind)));
            place
        });
        &mut self.0[place].1
    }

    /// Drops states that hold nothing; whether none is left.
    pub(super) fn prune(&mut self) -> bool {
        self.0.retain(|(_, state)| !state.is_empty());
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Kind, &State)> {
        self.0.iter().map(|(kind, state)| (*kind, state))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Kind, &mut State)> {
        self.0.iter_mut().map(|(kind, state)| (*kind, state))
    }

    /// The other kind that is alive under this name.
    pub(super) fn other(&self, kind: Kind, now_ms: u64, actors: &Actors) -> Option<Kind> {
        if matches!(self.0[..], [(only, _)] if only == kind) {
            return None;
        }
        self.iter().find(|(k, state)| *k != kind && state.is_alive(*k, now_ms, actors)).map(|(k, _)| k)
    }
}
