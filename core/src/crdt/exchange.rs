//! Fragments in and out of a replica: what arrives is joined, held back while its clock is too far ahead, or refused;
//! what leaves is a delta, some keys, or everything.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::hash_map::Entry as Place;
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};

use super::clock::is_expired;
use super::codec_state::put_state;
use super::context::{Context, Joining, News, Seen, View};
use super::faults::{Fault, has};
use super::fragment::{Body, Entry, Fragment, Key, Scope};
use super::kind::Kind;
use super::replica::Replica;
use super::state::State;

/// Most fragments that a replica holds because their stamps are ahead of its clock.
pub const HELD_MAX: usize = 1_024;

/// Keys with something ahead that are looked at for each join, at the most.
const AHEAD_A_JOIN: usize = 64;

/// What became of a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// It was joined; these keys changed.
    Changed(Vec<(Box<str>, Kind)>),
    /// Its stamps are further ahead than the bound: it is held until their time has come or it is let in.
    Held,
}

impl Replica {
    /// Joins a fragment of another replica. It may come late, twice and in any order.
    ///
    /// # Errors
    /// `limit` if it had to be held and [`HELD_MAX`] are; `conflict` if it has operations of this replica's own actor
    /// that this replica did not make. Nothing was changed.
    pub fn apply(&mut self, fragment: Fragment, now_ms: u64) -> Result<Applied> {
        self.check_own(&fragment)?;
        if !self.clock.is_ahead(fragment.newest_stamp(), now_ms) {
            return Ok(Applied::Changed(self.join(fragment)));
        }
        if self.held.len() == HELD_MAX {
            let message =
                format!("{HELD_MAX} fragments are held already, as their clocks are ahead: let them in or wait");
            return Err(Error::new(ErrorKind::Limit, message));
        }
        self.held.push(fragment);
        Ok(Applied::Held)
    }

    /// Joins a fragment that this replica itself wrote down, whatever its stamps, its own actor's operations included.
    pub fn restore(&mut self, fragment: Fragment) {
        self.join(fragment);
        self.go_on_after();
    }

    /// The fragments that are held.
    pub fn held(&self) -> &[Fragment] {
        &self.held
    }

    /// Joins the fragments that are held whose time has come, or all of them; the keys that changed.
    pub fn release(&mut self, all: bool, now_ms: u64) -> Vec<(Box<str>, Kind)> {
        let mut changed = Vec::new();
        for fragment in std::mem::take(&mut self.held) {
            if !all && self.clock.is_ahead(fragment.newest_stamp(), now_ms) {
                self.held.push(fragment);
            } else {
                changed.extend(self.join(fragment));
            }
        }
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// The part of a delta that is new here, to be sent on (Enes et al. 2019); none if all of it is known. Asked before
    /// the delta is applied.
    ///
    /// What it leaves out is what is listed for operations that are known. Where any of its operations left nothing
    /// alive, such as a removal, nothing says what it touched, and the delta stays whole.
    ///
    /// # Errors
    /// `invalid` if it is not a delta.
    pub fn extract(&mut self, delta: &Fragment) -> Result<Option<Fragment>> {
        if delta.scope != Scope::Delta {
            return Err(Error::invalid("only of a delta is the new part taken"));
        }
        let mut body = self.placed(delta.clone());
        let mut new = body.causality.applied.clone();
        new.subtract(&self.causality.applied);
        let mut unnamed = body.causality.applied.clone();
        let mut keys = BTreeMap::new();
        for (key, entry) in &body.keys {
            entry.state.dots(&mut |dot| unnamed.take_out(dot));
            let mine = self.view(key);
            let theirs = body.causality.view();
            let joining = Joining { actors: &self.actors, mine, theirs, dense: false, keep: false };
            let own = self.state(&key.0, key.1).unwrap_or_else(|| Cow::Owned(State::new(key.1)));
            if let Some(news) = own.news(&entry.state, &News { joining, new: &new }) {
                keys.insert(key.clone(), Entry::from(news));
            }
        }
        if new.is_empty() && keys.is_empty() {
            return Ok(None);
        }
        if unnamed.is_empty() {
            body.causality.applied = new;
            body.keys = keys;
        }
        Ok(Some(Fragment::of(Scope::Delta, &self.actors, body)))
    }

    /// The keys of some that another replica sent in full that would change here, or know more than is known here;
    /// none if no key would. Asked before they are applied.
    ///
    /// # Errors
    /// `invalid` if it is not keys in full.
    pub(super) fn extract_keys(&mut self, keys: Fragment) -> Result<Option<Fragment>> {
        if keys.scope != Scope::Keys {
            return Err(Error::invalid("only keys in full are compared with those that are here"));
        }
        let mut body = self.placed(keys);
        let Body { causality, keys } = &mut body;
        keys.retain(|key, entry| {
            let mine = self.view(key);
            let theirs = View { ahead: Some(&entry.ahead), ..causality.view() };
            let joining = Joining { actors: &self.actors, mine, theirs, dense: true, keep: false };
            let mut joined = self.state(&key.0, key.1).map_or_else(|| State::new(key.1), Cow::into_owned);
            joined.join(entry.state.clone(), &joining) || !self.knows(key, &entry.ahead)
        });
        Ok((!body.keys.is_empty()).then(|| Fragment::of(Scope::Keys, &self.actors, body)))
    }

    /// What is seen where a key is looked at.
    fn view(&self, key: &Key) -> View<'_> {
        View { ahead: self.ahead.get(key).map(|seen| &**seen), ..self.causality.view() }
    }

    /// Whether all of something is seen where a key is looked at.
    fn knows(&self, key: &Key, seen: &Seen) -> bool {
        let by_key = || self.ahead.get(key).is_some_and(|ahead| ahead.covers(seen));
        self.causality.covers(seen) || by_key()
    }

    /// A fragment's content with the actors in this replica's places.
    fn placed(&mut self, fragment: Fragment) -> Body {
        let Fragment { actors, mut body, .. } = fragment;
        let places: Vec<u32> = actors.iter().map(|writer| self.actors.place(writer)).collect();
        body.remap(&mut |place| places[place as usize]);
        body
    }

    fn join(&mut self, fragment: Fragment) -> Vec<Key> {
        self.clock.observe(fragment.newest_stamp());
        let scope = fragment.scope;
        let body = self.placed(fragment);
        let mut changed: Vec<Key> = Vec::new();
        if scope == Scope::Whole {
            changed = self.join_silence(&body);
        }
        // What all keys that came in full have seen with their replica.
        let seen = Arc::new(if scope == Scope::Keys { body.causality.seen() } else { Seen::default() });
        let is_news = !self.causality.covers(&seen);
        for (key, entry) in body.keys {
            let Replica { keys, causality, actors, ahead, .. } = self;
            let mine = View { ahead: ahead.get(&key).map(|seen| &**seen), ..causality.view() };
            let theirs = View { ahead: Some(&entry.ahead), ..body.causality.view() };
            let joining = Joining { actors, mine, theirs, dense: scope != Scope::Delta, keep: false };
            let has_changed = keys.change(&key.0, |slot| slot.entry(key.1).join(entry.state, &joining));
            if (is_news || !causality.covers(&entry.ahead)) && !has(Fault::NothingAhead) {
                match ahead.entry(key.clone()) {
                    Place::Vacant(place) if entry.ahead.is_empty() => {
                        place.insert(Arc::clone(&seen));
                    }
                    place => {
                        let known = Arc::make_mut(place.or_default());
                        known.unite(&seen);
                        known.unite(&entry.ahead);
                    }
                }
            }
            if has_changed {
                changed.push(key);
            }
        }
        if scope != Scope::Keys || has(Fault::KeysAreAll) {
            self.causality.unite(&body.causality);
            self.forget_ahead_in_time();
        }
        changed
    }

    /// Joins the keys that a whole replica does not have.
    fn join_silence(&mut self, body: &Body) -> Vec<Key> {
        let absent = |name: &str, kind| !body.keys.contains_key(&(name.into(), kind));
        let mut changed = Vec::new();
        let Replica { keys, causality, actors, ahead, .. } = self;
        keys.change_all(|name, slot| {
            for (kind, state) in slot.iter_mut().filter(|(kind, _)| absent(name, *kind)) {
                let key: Key = (name.into(), kind);
                let mine = View { ahead: ahead.get(&key).map(|seen| &**seen), ..causality.view() };
                let joining = Joining { actors, mine, theirs: body.causality.view(), dense: true, keep: false };
                if state.join(State::new(kind), &joining) {
                    changed.push(key);
                }
            }
        });
        changed
    }

    /// As [`Replica::forget_ahead`], so rarely that what it looks at is in proportion to what was joined. What is kept
    /// for longer says nothing that the causality does not.
    fn forget_ahead_in_time(&mut self) {
        self.joins_kept += 1;
        if self.ahead.len() <= AHEAD_A_JOIN * self.joins_kept {
            self.forget_ahead();
        }
    }

    /// Drops what keys had seen ahead of the replica, where it has caught up with them.
    pub(super) fn forget_ahead(&mut self) {
        self.joins_kept = 0;
        let causality = &self.causality;
        self.ahead.retain(|_, seen| !causality.covers(seen));
    }

    /// Says that all keys that a replica had when its context was this one have been applied here, one by one: what it
    /// had seen is seen here too.
    pub fn caught_up(&mut self, context: &Context) {
        for &writer in context.0.keys() {
            self.actors.place(writer);
        }
        self.causality.applied.unite(&Seen::of(context, &self.actors));
        self.causality.removed.subtract(&self.causality.applied);
        self.forget_ahead();
        self.go_on_after();
    }

    /// All that it has seen, as a delta of no keys: of one who has compared all keys it is true.
    pub(super) fn standing(&self) -> Fragment {
        let body = Body { causality: self.causality.clone(), ..Body::default() };
        Fragment::of(Scope::Delta, &self.actors, body)
    }

    /// Whether all that another replica has seen is seen here too.
    pub(super) fn covers(&self, standing: &Fragment) -> bool {
        let own = self.standing();
        own.context().covers(&standing.context()) && own.seen().covers(&standing.seen())
    }

    /// All there is.
    pub fn whole(&self) -> Fragment {
        let all = self.keys().map(|(name, kind)| (name.into(), kind));
        let known: Vec<Key> = all.chain(self.ahead.keys().cloned()).collect();
        self.fragment(Scope::Whole, known)
    }

    /// Some keys in full, also those that are not here. Their order and repetition do not matter.
    pub fn some<'a>(&self, keys: impl IntoIterator<Item = (&'a str, Kind)>) -> Fragment {
        self.fragment(Scope::Keys, keys.into_iter().map(|(name, kind)| (name.into(), kind)).collect())
    }

    /// Every key in full in which something is alive that a replica with this context has not applied. What was only
    /// removed is not in it: that travels in the deltas of the removals, or with keys that are found to differ.
    pub fn since(&self, context: &Context) -> Fragment {
        let seen = Seen::of(context, &self.actors);
        let mut unseen = Vec::new();
        for (name, slot) in self.keys.iter() {
            for (kind, state) in slot.iter() {
                let mut is_unseen = false;
                state.dots(&mut |dot| is_unseen |= !seen.contains(dot));
                if is_unseen {
                    unseen.push((name.into(), kind));
                }
            }
        }
        self.fragment(Scope::Keys, unseen)
    }

    /// The same of keys that are given away.
    pub(super) fn fragment(&self, scope: Scope, keys: Vec<Key>) -> Fragment {
        let entry = |key: Key| {
            let state = self.state(&key.0, key.1).map_or_else(|| State::new(key.1), Cow::into_owned);
            let mut ahead = self.ahead.get(&key).map(|seen| Seen::clone(seen)).unwrap_or_default();
            ahead.subtract(&self.causality.applied);
            ahead.subtract(&self.causality.removed);
            let is_said = scope != Scope::Whole || !state.is_empty() || !ahead.is_empty();
            is_said.then_some((key, Entry { state, ahead }))
        };
        let body = Body { causality: self.causality.clone(), keys: keys.into_iter().filter_map(entry).collect() };
        Fragment::of(scope, &self.actors, body)
    }

    /// All keys by name and kind, in no order. A key may hold nothing that is alive.
    pub fn keys(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.keys.kinds()
    }

    /// Whether there is a state of a name and kind, alive or not.
    pub(super) fn has(&self, name: &str, kind: Kind) -> bool {
        self.keys.has(name, kind)
    }

    /// All names and kinds of which something is known, each once, in no order.
    pub(super) fn names(&self) -> Vec<Key> {
        let unlisted = self.ahead.keys().filter(|(name, kind)| !self.has(name, *kind));
        self.keys().map(|(name, kind)| (name.into(), kind)).chain(unlisted.cloned()).collect()
    }

    /// A digest of a key: the first 8 bytes of SHA-256 over its canonical encoding, without what has expired and
    /// decides nothing about anything else, which replicas drop each in its own time. What is dead and would decide
    /// about what is still to come is in it until it is collected. 0 for a key in which nothing is.
    pub fn digest(&self, key: &str, kind: Kind, now_ms: u64) -> u64 {
        let Some(mut state) = self.state(key, kind).map(Cow::into_owned) else { return 0 };
        state.drop_expired(kind, &|expiry_ms| !is_expired(expiry_ms, now_ms));
        if state.is_empty() {
            return 0;
        }
        let keys = BTreeMap::from([((key.into(), kind), state.into())]);
        let body = Body { keys, ..Body::default() };
        let fragment = Fragment::of(Scope::Keys, &self.actors, body);
        let mut bytes = Vec::new();
        for writer in fragment.actors.iter() {
            bytes.extend_from_slice(&writer.engine.to_be_bytes());
            bytes.extend_from_slice(&writer.epoch.to_be_bytes());
        }
        fragment.body.keys.values().for_each(|entry| put_state(&mut bytes, &entry.state));
        digest_word(Sha256::new_with_prefix(&bytes))
    }
}

/// The first 8 bytes of a digest, as a number.
pub(crate) fn digest_word(digest: Sha256) -> u64 {
    digest.finalize().iter().take(8).fold(0, |word, &byte| word << 8 | u64::from(byte))
}
