//! What replicas send each other: some state with the causality it comes from. A delta, chosen keys and a whole replica
//! are all fragments, and there is one join for them.
//!
//! Scopes differ in what silence means. A delta speaks of what it lists, whole keys of those keys, a whole replica of
//! all there is: what it has seen and does not list was removed. What a replica may say it has applied follows: a delta
//! is its operations whole; keys teach only those keys, which remember what they have seen ahead of their replica.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

use super::actor::{Actors, Ranks};
use super::context::{Causality, Context, Joining, Seen};
use super::kind::Kind;
use super::state::State;

/// What silence means in a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Scope {
    /// Operations: it speaks only of what it lists.
    Delta = 1,
    /// Keys: it has all that is in the keys it lists.
    Keys = 2,
    /// A replica: it has all there is.
    Whole = 3,
}

/// A key's identity.
pub(super) type Key = (Box<str>, Kind);

/// A part of a replica's state that another replica can join. `docs/crdt.md` describes its bytes.
#[derive(Debug, Clone)]
pub struct Fragment {
    pub(super) scope: Scope,
    pub(super) actors: Actors,
    pub(super) body: Body,
}

/// A fragment without the names of its actors.
#[derive(Debug, Clone, Default)]
pub(crate) struct Body {
    pub(super) causality: Causality,
    pub(super) keys: BTreeMap<Key, Entry>,
}

/// One key of a fragment.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(super) state: State,
    /// What this key has seen beside what the fragment has.
    pub(super) ahead: Seen,
}

impl From<State> for Entry {
    fn from(state: State) -> Self {
        Entry { state, ahead: Seen::default() }
    }
}

impl Fragment {
    /// A delta of no keys: operations that were applied, and dots beside them that are known to be removed. True of
    /// whom has exchanged all that they touched.
    #[cfg_attr(not(feature = "mesh"), allow(dead_code, reason = "for what carries keys between peers"))]
    pub(crate) fn standing(applied: &Context, removed: &Context) -> Fragment {
        let mut actors = Actors::default();
        for &writer in applied.0.keys().chain(removed.0.keys()) {
            actors.place(writer);
        }
        let (applied, removed) = (Seen::of(applied, &actors), Seen::of(removed, &actors));
        let body = Body { causality: Causality { applied, removed }, keys: BTreeMap::new() };
        Fragment::of(Scope::Delta, &actors, body)
    }

    /// What silence means in a fragment of these bytes, if they are one.
    pub(super) fn scope_of(bytes: &[u8]) -> Option<Scope> {
        match bytes {
            [_, number, ..] => [Scope::Delta, Scope::Keys, Scope::Whole].into_iter().find(|s| *s as u8 == *number),
            _ => None,
        }
    }

    /// What silence means in it.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The operations whose whole effect is in it; of chosen keys, those that the sender had applied.
    pub fn context(&self) -> Context {
        self.body.causality.applied.named(&self.actors)
    }

    /// The dots beside them that are known to be removed.
    #[cfg(feature = "mesh")]
    pub(crate) fn removed(&self) -> Context {
        self.body.causality.removed.named(&self.actors)
    }

    /// Both.
    pub(crate) fn seen(&self) -> Context {
        self.body.causality.seen().named(&self.actors)
    }

    /// The keys it lists, by name and kind.
    pub fn keys(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.body.keys.keys().map(|(name, kind)| (&**name, *kind))
    }

    /// The same in two, with half of the keys each.
    pub(super) fn halves(mut self) -> [Fragment; 2] {
        let middle = self.body.keys.keys().nth(self.body.keys.len() / 2).cloned();
        let rest = middle.map(|middle| self.body.keys.split_off(&middle)).unwrap_or_default();
        let rest = Body { causality: self.body.causality.clone(), keys: rest };
        [self.body, rest].map(|body| Fragment::of(self.scope, &self.actors, body))
    }

    /// Adds another delta to this one, so that both travel as one. Deltas of any order and origin may be joined, any
    /// number of times.
    ///
    /// # Errors
    /// `invalid` if either is not a delta.
    pub fn join(&mut self, mut other: Fragment) -> Result<()> {
        if (self.scope, other.scope) != (Scope::Delta, Scope::Delta) {
            return Err(Error::invalid("only deltas are joined with each other: apply other fragments to a replica"));
        }
        let places: Vec<u32> = other.actors.iter().map(|writer| self.actors.place(writer)).collect();
        other.body.remap(&mut |place| places[place as usize]);
        self.body.join(other.body, &self.actors);
        *self = Fragment::of(self.scope, &self.actors, std::mem::take(&mut self.body));
        Ok(())
    }

    /// The largest stamp in it.
    pub(super) fn newest_stamp(&self) -> u64 {
        self.body.keys.values().map(|entry| entry.state.newest_stamp()).max().unwrap_or(0)
    }

    /// A fragment of some content with places in a table. It names the actors that it speaks of and no others, in their
    /// order: one state has one such form.
    pub(super) fn of(scope: Scope, table: &Actors, mut body: Body) -> Fragment {
        let (mut used, mut is_used) = (Vec::new(), vec![false; table.len()]);
        body.remap(&mut |place| {
            if !std::mem::replace(&mut is_used[place as usize], true) {
                used.push(place);
            }
            place
        });
        let ranks = Ranks::of(used, table);
        body.remap(&mut |place| ranks.rank(place));
        let mut actors = Actors::default();
        for &place in ranks.places() {
            actors.place(table.writer(place));
        }
        Fragment { scope, actors, body }
    }
}

impl Body {
    pub(super) fn is_empty(&self) -> bool {
        self.causality.applied.is_empty() && self.keys.is_empty()
    }

    pub(super) fn remap(&mut self, place: &mut dyn FnMut(u32) -> u32) {
        self.causality = self.causality.remapped(place);
        for entry in self.keys.values_mut() {
            entry.ahead = entry.ahead.remapped(place);
            entry.state.remap(place);
        }
    }

    /// Joins another delta.
    pub(super) fn join(&mut self, other: Body, actors: &Actors) {
        for (key, entry) in other.keys {
            let theirs = other.causality.view();
            let joining = Joining { actors, mine: self.causality.view(), theirs, dense: false, keep: true };
            match self.keys.entry(key) {
                std::collections::btree_map::Entry::Occupied(mut own) => {
                    own.get_mut().state.join(entry.state, &joining);
                }
                std::collections::btree_map::Entry::Vacant(place) => {
                    let mut state = State::new(place.key().1);
                    state.join(entry.state, &joining);
                    place.insert(state.into());
                }
            }
        }
        self.causality.unite(&other.causality);
    }
}
