//! What was done here and not yet sent: one delta, by key, that every operation adds to.
//!
//! An operation on what the delta already has, as in counting or writing one register over and over, changes the state
//! and the delta where they are.

use crate::error::Result;

use super::actor::{Actors, Dot};
use super::context::{Causality, Joining, View};
use super::faults::{Fault, has};
use super::fragment::Body;
use super::keys::Only;
use super::kind::Kind;
use super::op::{Delta, Op, Writing};
use super::slot::{Slot, Slots};
use super::state::State;

/// A delta that grows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pending {
    causality: Causality,
    keys: Slots,
}

impl Pending {
    /// Adds one operation.
    pub(super) fn push(&mut self, key: &str, kind: Kind, dot: Dot, delta: Delta, actors: &Actors) {
        let theirs = View { causality: None, ahead: None, dots: &delta.removed };
        let joining = Joining { actors, mine: self.causality.view(), theirs, dense: false, keep: true };
        if let Some(slot) = self.keys.get_mut(key) {
            slot.entry(kind).join(delta.state, &joining);
        } else {
            self.keys.insert(key.into(), Slot::of(kind, delta.state));
        }
        self.causality.applied.insert(dot);
        for removed in delta.removed.into_iter().filter(|_| !has(Fault::LostRemoval)) {
            self.causality.remove(removed);
        }
    }

    /// Adds the operations of another delta, made after its own.
    pub(super) fn join(&mut self, other: Pending, actors: &Actors) {
        let mut body = self.take();
        body.join(other.into_body(), actors);
        self.causality = body.causality;
        for ((name, kind), entry) in body.keys {
            *self.keys.entry(name).or_default().entry(kind) = entry.state;
        }
    }

    /// All of it; what is left is empty.
    pub(super) fn take(&mut self) -> Body {
        std::mem::take(self).into_body()
    }

    fn into_body(self) -> Body {
        let states = |(name, slot): (Box<str>, Slot)| {
            slot.into_states().map(move |(kind, state)| ((name.clone(), kind), state.into()))
        };
        Body { causality: self.causality, keys: self.keys.into_iter().flat_map(states).collect() }
    }

    pub(super) fn applied(&self) -> &super::context::Seen {
        &self.causality.applied
    }

    /// Does an operation in place on a state and on what there is of it here; none if it is not that simple. What it
    /// overwrites is then this actor's own and in the delta already, so there is nothing to be named.
    pub(super) fn again(
        &mut self,
        key: &str,
        kind: Kind,
        state: Only<'_>,
        op: &Op<'_>,
        by: &Writing<'_>,
    ) -> Option<Result<()>> {
        let own = self.keys.get_mut(key)?.get_mut(kind)?;
        let done = match (state, own, op) {
            (Only::Packed(mut state), State::Counter(own), Op::Add(amount)) => {
                state.add_again(own, *amount, kind == Kind::GrowCounter, by)?
            }
            (Only::Packed(mut state), State::Register(own), Op::Write { value, ttl_ms }) => {
                state.write_again(own, value, *ttl_ms, by)?
            }
            (Only::Loose(State::Counter(state)), State::Counter(own), Op::Add(amount)) => {
                state.add_again(own, *amount, kind == Kind::GrowCounter, by)?
            }
            (Only::Loose(State::Register(state)), State::Register(own), Op::Write { value, ttl_ms }) => {
                state.write_again(own, value, *ttl_ms, by)?
            }
            _ => return None,
        };
        if done.is_ok() {
            self.causality.applied.insert(by.dot);
        }
        Some(done)
    }
}
