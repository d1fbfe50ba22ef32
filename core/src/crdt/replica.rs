//! A replica: keys with their states, one causal context, one clock, and the actor whose operations are made here.
//!
//! An operation takes the next sequence of the actor. What was done since the last look waits as one delta for those
//! who send it; counted a million times, a counter is one row in it. A transaction is several operations that change
//! all or nothing here and that one delta carries.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::error::{Error, Result};
use crate::origin::Writer;

use super::actor::{Actors, Dot};
use super::alone;
use super::clock::{DRIFT_MS_MAX, HybridClock};
use super::context::{Causality, Context, Joining, Seen, View};
use super::fragment::{Fragment, Key, Scope};
use super::keys::Keys;
use super::kind::Kind;
use super::op::{self, Op, Path, Writing, check_path, wrong_kind};
use super::pending::Pending;
use super::slot::Slot;
use super::state::State;

/// One operation on one state.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// Where.
    pub path: Path<'a>,
    /// As what.
    pub kind: Kind,
    /// What is done.
    pub op: Op<'a>,
}

/// State of many keys that merges with that of other replicas.
///
/// ```
/// use headwater::Writer;
/// use headwater::crdt::{Fragment, Kind, Op, Reading, Replica};
/// # fn main() -> headwater::Result<()> {
/// let mut here = Replica::new(Writer { engine: 1, epoch: 10 });
/// let mut there = Replica::new(Writer { engine: 2, epoch: 20 });
/// here.write("likes", Kind::Counter, &Op::Add(2), 0)?;
/// there.write("likes", Kind::Counter, &Op::Add(3), 0)?;
/// let delta = here.take_delta().expect("something was done").encode();
/// there.apply(Fragment::decode(&delta)?, 0)?;
/// assert_eq!(there.read("likes", Kind::Counter, 0), Reading::Number(5));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Replica {
    pub(super) actors: Actors,
    pub(super) own: u32,
    pub(super) next_seq: u64,
    pub(super) causality: Causality,
    pub(super) keys: Keys,
    /// What single keys have seen ahead of the replica: those that came together share it.
    pub(crate) ahead: HashMap<Key, Arc<Seen>, foldhash::fast::FixedState>,
    /// Joins since what the causality has caught up with was dropped of it.
    pub(super) joins_kept: usize,
    pub(super) clock: HybridClock,
    pub(super) pending: Pending,
    pub(super) held: Vec<Fragment>,
}

impl Replica {
    /// An empty replica whose operations are those of an actor. No two replicas may ever have been given the same one.
    pub fn new(actor: Writer) -> Replica {
        Replica::with_drift(actor, DRIFT_MS_MAX)
    }

    /// The same with another bound on how far ahead the stamps of others may be, milliseconds.
    pub fn with_drift(actor: Writer, drift_ms_max: u64) -> Replica {
        let mut actors = Actors::default();
        let own = actors.place(actor);
        Replica {
            actors,
            own,
            next_seq: 1,
            causality: Causality::default(),
            keys: Keys::default(),
            ahead: HashMap::default(),
            joins_kept: 0,
            clock: HybridClock::new(drift_ms_max),
            pending: Pending::default(),
            held: Vec::new(),
        }
    }

    /// The actor whose operations are made here.
    pub fn actor(&self) -> Writer {
        self.actors.writer(self.own)
    }

    /// The operations whose whole effect is here.
    pub fn context(&self) -> Context {
        self.causality.applied.named(&self.actors)
    }

    /// How many operations are known to have been made that are not applied here: they are on their way, or a log
    /// lost them.
    pub(super) fn missing(&self) -> u64 {
        self.causality.missing()
    }

    /// Does one operation; whether there was anything to do.
    ///
    /// # Errors
    /// As [`Replica::transaction`].
    pub fn write<'a>(&mut self, path: impl Into<Path<'a>>, kind: Kind, op: &Op<'_>, now_ms: u64) -> Result<bool> {
        let mut pending = std::mem::take(&mut self.pending);
        let written = self.write_into(&mut pending, path.into(), kind, op, now_ms);
        self.pending = pending;
        written
    }

    /// Does all of several operations or, if one of them is refused, nothing. They are one delta, with a sequence each.
    ///
    /// # Errors
    /// `conflict` if a key or field is alive as another kind, or a bounded counter lacks the rights, `limit` if a
    /// value, a name, a path or a total is too large, `unsupported` for the removal of a bounded counter, `invalid` for
    /// an operation that the kind does not have. Nothing was changed.
    pub fn transaction(&mut self, changes: &[Change<'_>], now_ms: u64) -> Result<()> {
        let before = (self.next_seq, self.causality.removed.clone());
        let mut saved = BTreeMap::new();
        let mut group = Pending::default();
        for (place, change) in changes.iter().enumerate() {
            let key = change.path.key;
            saved.entry(key).or_insert_with(|| self.keys.slot(key).map(Cow::into_owned));
            if let Err(e) = self.write_into(&mut group, change.path, change.kind, &change.op, now_ms) {
                self.undo(saved, &group, before);
                return Err(e.context(format!("operation {} of a transaction", place + 1)));
            }
        }
        self.pending.join(group, &self.actors);
        Ok(())
    }

    fn undo(&mut self, saved: BTreeMap<&str, Option<Slot>>, group: &Pending, before: (u64, Seen)) {
        for (key, slot) in saved {
            self.keys.change(key, |there| *there = slot.unwrap_or_default());
        }
        self.causality.applied.subtract(group.applied());
        (self.next_seq, self.causality.removed) = before;
    }

    /// Does one operation and adds it to a delta.
    fn write_into(&mut self, to: &mut Pending, path: Path<'_>, kind: Kind, op: &Op<'_>, now_ms: u64) -> Result<bool> {
        let (dot, stamp) = self.begin(&path, op, now_ms)?;
        let by = Writing { dot, stamp, now_ms, actors: &self.actors };
        if path.fields.is_empty() && self.ahead.is_empty() {
            let state = self.keys.only_mut(path.key, kind);
            if let Some(done) = state.and_then(|state| to.again(path.key, kind, state, op, &by)) {
                done.map_err(|e| e.context(format!("key {}", path.key)))?;
                self.next_seq += 1;
                self.causality.applied.insert(dot);
                return Ok(true);
            }
        }
        let Some((root, delta)) = self.change(&path, kind, op, &by)? else { return Ok(false) };
        self.join_own(path.key, root, dot, delta.clone());
        to.push(path.key, root, dot, delta, &self.actors);
        Ok(true)
    }

    /// Does one operation; the bytes of its delta, which [`Replica::take_delta`] then does not have, or none if there
    /// was nothing to do.
    ///
    /// # Errors
    /// As [`Replica::transaction`].
    pub(super) fn write_alone(
        &mut self,
        path: &Path<'_>,
        kind: Kind,
        op: &Op<'_>,
        now_ms: u64,
    ) -> Result<Option<Vec<u8>>> {
        let (dot, stamp) = self.begin(path, op, now_ms)?;
        let by = Writing { dot, stamp, now_ms, actors: &self.actors };
        if path.fields.is_empty() && self.ahead.is_empty() {
            let only = self.keys.only_mut(path.key, kind);
            if let Some(done) = only.and_then(|only| alone::in_place(path.key, kind, only, op, &by)) {
                let bytes = done.map_err(|e| e.context(format!("key {}", path.key)))?;
                self.next_seq += 1;
                self.causality.applied.insert(dot);
                return Ok(Some(bytes));
            }
        }
        let Some((root, mut delta)) = self.change(path, kind, op, &by)? else { return Ok(None) };
        let bytes = alone::encode(&self.actors, path.key, root, dot, &mut delta);
        self.join_own(path.key, root, dot, delta);
        Ok(Some(bytes))
    }

    /// The dot and the stamp of the next operation.
    fn begin(&mut self, path: &Path<'_>, op: &Op<'_>, now_ms: u64) -> Result<(Dot, u64)> {
        check_path(path)?;
        if let Op::Give { to, .. } = op {
            self.actors.place(*to);
        }
        Ok((Dot { actor: self.own, seq: self.next_seq }, self.clock.now(now_ms)))
    }

    /// What an operation does, and as what its key is kept; none if there is nothing to do.
    fn change(&self, path: &Path<'_>, kind: Kind, op: &Op<'_>, by: &Writing<'_>) -> Result<Option<(Kind, op::Delta)>> {
        let root = if path.fields.is_empty() { kind } else { Kind::Map };
        let slot = self.keys.slot(path.key);
        let other = slot.as_deref().and_then(|slot| slot.other(root, by.now_ms, &self.actors));
        if let Some(other) = other.filter(|_| !matches!(op, Op::Clear)) {
            return Err(wrong_kind(path.key, other, root));
        }
        let delta = op::change(slot.as_deref().and_then(|slot| slot.get(root)), path.fields, kind, op, by);
        let delta = delta.map_err(|e| e.context(format!("key {}", path.key)))?;
        Ok(delta.map(|delta| (root, delta)))
    }

    /// Joins the delta of the next operation made here.
    pub(super) fn join_own(&mut self, key: &str, kind: Kind, dot: Dot, delta: op::Delta) {
        let op::Delta { state, removed } = delta;
        let Replica { keys, causality, actors, ahead, .. } = self;
        let ahead = if ahead.is_empty() { None } else { ahead.get(&(key.into(), kind)).map(|seen| &**seen) };
        let mine = View { ahead, ..causality.view() };
        let theirs = View { causality: None, ahead: None, dots: &removed };
        let joining = Joining { actors, mine, theirs, dense: false, keep: false };
        keys.change(key, |slot| slot.entry(kind).join(state, &joining));
        causality.applied.insert(dot);
        for &removed in &removed {
            causality.remove(removed);
        }
        self.next_seq = dot.seq + 1;
    }

    /// What was done here since the last call, as one delta for the others; none if nothing was.
    pub fn take_delta(&mut self) -> Option<Fragment> {
        let body = self.pending.take();
        (!body.is_empty()).then(|| Fragment::of(Scope::Delta, &self.actors, body))
    }

    pub(super) fn state(&self, key: &str, kind: Kind) -> Option<Cow<'_, State>> {
        self.keys.state(key, kind)
    }

    /// Goes on behind the last sequence of the actor that is here, so that none is ever given out twice.
    pub(super) fn go_on_after(&mut self) {
        self.next_seq = self.next_seq.max(self.causality.applied.last(self.own).saturating_add(1));
    }

    /// Goes on as another actor if all that it did before this sequence is here, and nothing after it. Nothing may have
    /// been done yet.
    pub(super) fn go_on_as(&mut self, actor: Writer, next_seq: u64) -> bool {
        let Some(place) = self.actors.find(actor) else { return false };
        let is_whole = self.causality.applied.is_up_to(place, next_seq.saturating_sub(1)) && self.next_seq == 1;
        if is_whole {
            (self.own, self.next_seq) = (place, next_seq);
        }
        is_whole
    }

    /// Refuses another actor's name for one's own.
    pub(super) fn check_own(&self, fragment: &Fragment) -> Result<()> {
        let Some(place) = fragment.actors.find(self.actor()) else { return Ok(()) };
        if fragment.body.causality.applied.last(place) < self.next_seq {
            return Ok(());
        }
        let message =
            format!("a fragment has operations of {} that were not made here: the actor is used twice", self.actor());
        Err(Error::new(crate::error::ErrorKind::Conflict, message))
    }
}
