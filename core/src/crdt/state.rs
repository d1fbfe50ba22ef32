//! The state of one key: which of the structures below it is follows from its kind, and every one answers the same
//! questions.

use super::actor::{Actors, Dot};
use super::bounded::Bounded;
use super::collect::Collecting;
use super::context::{Joining, News};
use super::counter::Counter;
use super::kind::Kind;
use super::map::Map;
use super::op::Delta;
use super::presence::Presence;
use super::register::Register;
use super::set::Set;

#[derive(Debug, Clone)]
pub(crate) enum State {
    Counter(Counter),
    Bounded(Bounded),
    Register(Register),
    Flag(Presence),
    Set(Set),
    Map(Map),
}

impl State {
    /// The empty state of a kind.
    pub(super) fn new(kind: Kind) -> State {
        match kind {
            Kind::Counter | Kind::GrowCounter => State::Counter(Counter::default()),
            Kind::BoundedCounter => State::Bounded(Bounded::default()),
            Kind::Register | Kind::MultiRegister => State::Register(Register::default()),
            Kind::Set | Kind::RemoveWinsSet => State::Set(Set::default()),
            Kind::Flag | Kind::DisableWinsFlag => State::Flag(Presence::default()),
            Kind::Map => State::Map(Map::default()),
        }
    }

    /// Joins a state of the same kind; whether this one changed.
    pub(super) fn join(&mut self, theirs: State, joining: &Joining<'_>) -> bool {
        match (self, theirs) {
            (State::Counter(mine), State::Counter(theirs)) => mine.join(theirs, joining),
            (State::Bounded(mine), State::Bounded(theirs)) => mine.join(theirs),
            (State::Register(mine), State::Register(theirs)) => mine.join(theirs, joining),
            (State::Flag(mine), State::Flag(theirs)) => mine.join(theirs, joining),
            (State::Set(mine), State::Set(theirs)) => mine.join(theirs, joining),
            (State::Map(mine), State::Map(theirs)) => mine.join(theirs, joining),
            _ => unreachable!("states are found by their kind"),
        }
    }

    /// The part of a delta that would change this state; none if nothing would.
    pub(super) fn news(&self, theirs: &State, by: &News<'_>) -> Option<State> {
        match (self, theirs) {
            (State::Counter(mine), State::Counter(theirs)) => mine.news(theirs, by).map(State::Counter),
            (State::Bounded(mine), State::Bounded(theirs)) => mine.news(theirs).map(State::Bounded),
            (State::Register(mine), State::Register(theirs)) => mine.news(theirs, by).map(State::Register),
            (State::Flag(mine), State::Flag(theirs)) => mine.is_news(theirs, by).then(|| State::Flag(theirs.clone())),
            (State::Set(mine), State::Set(theirs)) => mine.news(theirs, by).map(State::Set),
            (State::Map(mine), State::Map(theirs)) => mine.news(theirs, by).map(State::Map),
            _ => unreachable!("states are found by their kind"),
        }
    }

    /// The dots that are alive in it: of a row, its writer's last.
    pub(super) fn dots(&self, visit: &mut dyn FnMut(Dot)) {
        match self {
            State::Counter(s) => s.0.iter().for_each(|row| visit(row.dot())),
            State::Bounded(s) => s.0.iter().for_each(|row| visit(Dot { actor: row.actor, seq: row.seq })),
            State::Register(s) => s.dots().into_iter().for_each(visit),
            State::Flag(s) => s.dots().for_each(visit),
            State::Set(s) => s.0.values().flat_map(Presence::dots).for_each(visit),
            State::Map(s) => s.iter().for_each(|(_, _, state)| state.dots(visit)),
        }
    }

    /// Gives every actor in it another place.
    pub(super) fn remap(&mut self, place: &mut dyn FnMut(u32) -> u32) {
        match self {
            State::Counter(s) => s.remap(place),
            State::Bounded(s) => s.remap(place),
            State::Register(s) => s.remap(place),
            State::Flag(s) => s.remap(place),
            State::Set(s) => s.remap(place),
            State::Map(s) => s.remap(place),
        }
    }

    /// Whether it holds nothing at all, so that it need not be kept.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            State::Counter(s) => s.0.is_empty(),
            State::Bounded(s) => s.0.is_empty(),
            State::Register(s) => s.0.is_empty(),
            State::Flag(s) => s.is_empty(),
            State::Set(s) => s.0.is_empty(),
            State::Map(s) => s.0.is_empty(),
        }
    }

    /// Whether it is there for those who read.
    pub(super) fn is_alive(&self, kind: Kind, now_ms: u64, actors: &Actors) -> bool {
        match self {
            State::Counter(s) => s.is_alive(),
            State::Bounded(s) => !s.0.is_empty(),
            State::Register(s) => s.is_alive(kind == Kind::MultiRegister, now_ms, actors),
            State::Flag(s) => s.is_there(now_ms),
            State::Set(s) => s.elements(now_ms).next().is_some(),
            State::Map(s) => s.iter().any(|(_, kind, state)| state.is_alive(kind, now_ms, actors)),
        }
    }

    /// The largest stamp in it.
    pub(super) fn newest_stamp(&self) -> u64 {
        match self {
            State::Register(s) => s.newest_stamp(),
            State::Map(s) => s.iter().map(|(_, _, state)| state.newest_stamp()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// The delta that removes all that is there.
    pub(super) fn clear(&self, by: Dot) -> Option<Delta> {
        match self {
            State::Counter(s) => s.clear(by),
            State::Bounded(_) => None,
            State::Register(s) => Self::register_without(s.dots()),
            State::Flag(s) => Self::flag_without(s.cleared()),
            State::Set(s) => s.without(Presence::cleared),
            State::Map(s) => s.each(|_, state| state.clear(by)),
        }
    }

    fn register_without(removed: Vec<Dot>) -> Option<Delta> {
        (!removed.is_empty()).then(|| Delta { state: State::Register(Register::default()), removed })
    }

    fn flag_without(removed: Vec<Dot>) -> Option<Delta> {
        (!removed.is_empty()).then(|| Delta { state: State::Flag(Presence::default()), removed })
    }

    /// Drops what has expired and decides nothing about anything else, which each replica does in its own time.
    pub(super) fn drop_expired(&mut self, kind: Kind, lives: &dyn Fn(u64) -> bool) {
        match self {
            State::Counter(_) | State::Bounded(_) => {}
            State::Register(s) if kind == Kind::MultiRegister => s.0.retain(|w| lives(w.expiry_ms)),
            State::Register(_) => {}
            State::Flag(s) => s.adds.retain(|a| lives(a.expiry_ms)),
            State::Set(s) => s.0.retain(|_, presence| {
                presence.adds.retain(|a| lives(a.expiry_ms));
                !presence.is_empty()
            }),
            State::Map(s) => s.drop_expired(lives),
        }
    }

    /// Drops what is dead and stable, alone and without telling; how much.
    pub(super) fn collect(&mut self, kind: Kind, by: &Collecting<'_>) -> usize {
        match self {
            State::Counter(s) => s.collect(by),
            State::Bounded(_) => 0,
            State::Register(s) if kind == Kind::MultiRegister => s.collect(by),
            State::Register(_) => 0,
            State::Flag(s) => s.collect(by),
            State::Set(s) => s.collect(by),
            State::Map(s) => s.collect(by),
        }
    }

    /// The delta that does away with what is stable and would still decide about what comes late: as an operation, so
    /// that all end with the same even where one came that nobody knew of.
    pub(super) fn collection(&self, kind: Kind, by: &Collecting<'_>) -> Option<Delta> {
        match self {
            State::Register(s) if kind == Kind::Register => Self::register_without(s.collectable(by)),
            State::Flag(s) => Self::flag_without(s.collectable(by)),
            State::Set(s) => s.without(|presence| presence.collectable(by)),
            State::Map(s) => s.each(|kind, state| state.collection(kind, by)),
            _ => None,
        }
    }
}
