//! A presence store without its stream: what nodes say comes in, what this one says goes out to a [`Log`], time comes
//! with each call. All of it may be called from many threads; a user's lock is held while its record is handed to the
//! log, so the log has the records of a user in the order in which they came about.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::task::Waker;

use foldhash::fast::FixedState;

use super::change::{Change, History, differences};
use super::config::Settings;
use super::log::Log;
use super::nodes::Nodes;
use super::row::{Row, Subjects};
use super::session::Epoch;
use super::shard::{Shard, hash};
use super::space::{Space, Spaces};
use super::time::{Moment, Mono, Passing, Wall};
use super::user::{Bench, User};
use super::view::UserView;
use crate::error::{Error, ErrorKind, Result};
use crate::hybrid::HybridClock;
use crate::locks::{lock, read, write};
use crate::pending::Pending;
use crate::record::Ack;

/// Into how many parts users are divided, each under a lock of its own.
pub(crate) const SHARDS: usize = 64;

/// A store.
pub(crate) struct Core {
    pub(crate) settings: Settings,
    pub(crate) epoch: Epoch,
    pub(crate) subjects: Subjects,
    pub(super) log: Box<dyn Log>,
    pub(super) shards: Box<[RwLock<Shard>]>,
    pub(super) hasher: FixedState,
    pub(crate) nodes: RwLock<Nodes>,
    pub(crate) spaces: Spaces,
    pub(crate) history: History,
    passing: Mutex<Passing>,
    stamps: Mutex<HybridClock>,
    /// Sessions that this node answers for.
    pub(crate) answered: AtomicU64,
    pub(super) life: Mutex<Life>,
    /// Asked at each read, so it is no part of what has a lock.
    pub(super) is_closed: AtomicBool,
}

/// What becomes of the store as a whole.
#[derive(Default)]
pub(super) struct Life {
    /// Why the log did not take the last record.
    pub(super) failed: Option<Error>,
    /// Records of others that could not be read, and why the last one could not.
    pub(super) refused: u64,
    pub(super) last_refused: Option<Error>,
    /// When this node says next that it is at work.
    pub(super) beat_due: Mono,
    /// When those who follow a large space are told its counts.
    pub(super) counts_due: Mono,
}

/// Who is there, and up to which change of each shard.
pub(crate) struct Snapshot {
    pub(crate) position: u64,
    pub(crate) users: Vec<Arc<UserView>>,
    up_to: Box<[u64]>,
}

impl Snapshot {
    /// Up to which change it has what happened in a shard.
    pub(crate) fn up_to(&self, shard: usize) -> u64 {
        self.up_to[shard]
    }
}

/// What a change of a user came to.
pub(crate) struct Written {
    pub(crate) view: Arc<UserView>,
    /// The record of it, if there is one.
    pub(crate) ack: Option<Pending<Ack>>,
}

/// What is open while one user is changed.
pub(crate) struct Turn<'a> {
    pub(crate) user: &'a mut User,
    pub(crate) now: Moment,
    pub(crate) stamp: u64,
}

impl Core {
    /// A store that knows nothing yet: what the log has is told to it with [`Core::restore`].
    pub(crate) fn new(settings: Settings, epoch: u64, seed: u64, log: Box<dyn Log>, now_ms: Wall) -> Core {
        let now = Passing::from(now_ms).look(now_ms);
        let epoch = Epoch::new(epoch).unwrap_or(Epoch::MIN);
        let nodes = Nodes::new(settings.node.as_str().into(), epoch, now);
        Core {
            subjects: Subjects::of(&settings.name),
            epoch,
            log,
            shards: (0..SHARDS).map(|_| RwLock::new(Shard::new(now.mono))).collect(),
            hasher: FixedState::with_seed(seed),
            nodes: RwLock::new(nodes),
            spaces: Spaces::default(),
            history: History::new(settings.history),
            passing: Mutex::new(Passing::from(now_ms)),
            stamps: Mutex::new(HybridClock::new(0)),
            answered: AtomicU64::new(0),
            life: Mutex::default(),
            is_closed: AtomicBool::new(false),
            settings,
        }
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Closed, format!("presence store '{}' is closed", self.settings.name)));
        }
        Ok(())
    }

    pub(super) fn now(&self, now_ms: Wall) -> Moment {
        lock(&self.passing).look(now_ms)
    }

    /// Where a user is: its hash, and the number of its shard.
    pub(super) fn place(&self, space: &str, user: &str) -> (u64, usize) {
        let hash = hash(&self.hasher, space, user);
        // The upper bits say the shard, and the table uses the others.
        (hash, (hash >> 58) as usize)
    }

    pub(crate) fn shard_of(&self, space: &str, user: &str) -> usize {
        self.place(space, user).1
    }

    pub(super) fn bench<'a>(&self, nodes: &'a Nodes, now: Moment) -> Bench<'a> {
        Bench { nodes, now, grace: self.settings.grace_ms, beat: self.settings.beat_ms }
    }

    /// What is told of a user whom the memory has: whoever asks for many mostly asks for those.
    pub(crate) fn known(&self, space: &str, user: &str) -> Option<Arc<UserView>> {
        let (hash, number) = self.place(space, user);
        read(&self.shards[number]).view(hash, space, user).map(Arc::clone)
    }

    /// As [`Core::known`], of one of whom the log need not be asked either.
    #[cfg(feature = "http")]
    pub(crate) fn told(&self, space: &str, user: &str) -> Option<Arc<UserView>> {
        let (hash, number) = self.place(space, user);
        let shard = read(&self.shards[number]);
        let nobody = || (!shard.has_forgotten).then(|| Arc::new(UserView::nobody(space.into(), user.into())));
        shard.view(hash, space, user).map(Arc::clone).or_else(nobody)
    }

    /// What is told of a user; one of whom nothing is known is offline and was never there.
    pub(crate) fn view(&self, space: &str, user: &str, now_ms: Wall) -> Result<Arc<UserView>> {
        if let Some(view) = self.known(space, user) {
            return Ok(view);
        }
        let (hash, number) = self.place(space, user);
        if read(&self.shards[number]).has_forgotten {
            let now = self.now(now_ms);
            let nodes = read(&self.nodes);
            let mut shard = write(&self.shards[number]);
            let at = self.find(&mut shard, hash, space, user, &nodes, now)?;
            if let Some(found) = at.and_then(|at| shard.get(at)) {
                return Ok(Arc::clone(&found.view));
            }
        }
        Ok(Arc::new(UserView::nobody(space.into(), user.into())))
    }

    /// What is told of users of one shard, and the position of the last change that this has.
    fn views(&self, space: &Space, number: usize, users: &[&String]) -> Result<(u64, Vec<Arc<UserView>>)> {
        let nobody = |user: &str| Arc::new(UserView::nobody(Arc::clone(&space.name), user.into()));
        let hash_of = |user: &str| self.place(&space.name, user).0;
        {
            let shard = read(&self.shards[number]);
            let known = |user: &&String| shard.view(hash_of(user), &space.name, user).map(Arc::clone);
            if !shard.has_forgotten || users.iter().all(|user| known(user).is_some()) {
                let views = users.iter().map(|user| known(user).unwrap_or_else(|| nobody(user)));
                return Ok((self.history.position(), views.collect()));
            }
        }
        let now = lock(&self.passing).last();
        let nodes = read(&self.nodes);
        let mut shard = write(&self.shards[number]);
        let view = |user: &&String| {
            let at = self.find(&mut shard, hash_of(user), &space.name, user, &nodes, now)?;
            Ok(at.and_then(|at| shard.get(at)).map_or_else(|| nobody(user), |found| Arc::clone(&found.view)))
        };
        let views = users.iter().map(view).collect::<Result<_>>()?;
        Ok((self.history.position(), views))
    }

    /// A user's place in its shard; who was forgotten is read from the log.
    fn find(
        &self,
        shard: &mut Shard,
        hash: u64,
        space: &str,
        user: &str,
        nodes: &Nodes,
        now: Moment,
    ) -> Result<Option<u32>> {
        if let Some(at) = shard.find(hash, space, user) {
            return Ok(Some(at));
        }
        if !shard.has_forgotten {
            return Ok(None);
        }
        // Whoever asks for a user whom nobody knows leaves nothing behind, no space either.
        let mut found = None;
        for (number, node) in nodes.all().iter().enumerate() {
            if let Some(payload) = self.log.last(&self.subjects.user(space, user, &node.name))? {
                let found = found.get_or_insert_with(|| User::new(self.spaces.of(space), user));
                found.apply(number as u32, Row::decode(&payload)?, now);
            }
        }
        let Some(mut found) = found.filter(|found| !found.parts.is_empty()) else { return Ok(None) };
        // Whoever was forgotten was cold, and was not counted.
        found.view = Arc::new(found.merge(&self.bench(nodes, now)));
        let at = shard.insert(&self.hasher, hash, found);
        shard.cool(at, self.settings.cold_each, &self.hasher);
        Ok(Some(at))
    }

    /// As [`Core::find`], of a user who is known from now on.
    pub(super) fn find_or_add(
        &self,
        shard: &mut Shard,
        hash: u64,
        space: &str,
        user: &str,
        nodes: &Nodes,
        now: Moment,
    ) -> Result<u32> {
        let found = self.find(shard, hash, space, user, nodes, now)?;
        Ok(found.unwrap_or_else(|| shard.insert(&self.hasher, hash, User::new(self.spaces.of(space), user))))
    }

    /// Changes what this node says of a user. `act` says whether that is to be written.
    pub(crate) fn change(
        &self,
        space: &str,
        user: &str,
        now_ms: Wall,
        act: impl FnOnce(&mut Turn<'_>) -> Result<bool>,
    ) -> Result<Written> {
        self.check_open()?;
        let now = self.now(now_ms);
        let (hash, number) = self.place(space, user);
        let mut wakers = Vec::new();
        let written = {
            let nodes = read(&self.nodes);
            let mut shard = write(&self.shards[number]);
            let at = self.find_or_add(&mut shard, hash, space, user, &nodes, now)?;
            let Some(found) = shard.get_mut(at) else { return Err(lost()) };
            let stamp = lock(&self.stamps).now(now.wall);
            let mut turn = Turn { user: found, now, stamp };
            let done = act(&mut turn);
            let is_written = done.as_ref().is_ok_and(|is| *is);
            self.refresh(&mut shard, at, &self.bench(&nodes, now), &mut wakers);
            done?;
            let Some(found) = shard.get(at) else { return Err(lost()) };
            let ack = is_written.then(|| self.write_row(found, now));
            Written { view: Arc::clone(&found.view), ack }
        };
        wakers.into_iter().for_each(Waker::wake);
        Ok(written)
    }

    /// Changes a session without anything that is told or written: `act` is given this node's sessions.
    pub(crate) fn touch<T>(
        &self,
        space: &str,
        user: &str,
        now_ms: Wall,
        act: impl FnOnce(&mut User, Moment) -> T,
    ) -> Option<T> {
        let now = self.now(now_ms);
        let (hash, number) = self.place(space, user);
        let mut shard = write(&self.shards[number]);
        let at = shard.find(hash, space, user)?;
        shard.get_mut(at).map(|user| act(user, now))
    }

    pub(super) fn write_row(&self, user: &User, now: Moment) -> Pending<Ack> {
        let row = user.row(now);
        let ttl = (!row.has_sessions()).then_some(self.settings.keep).filter(|keep| !keep.is_zero());
        let subject = self.subjects.user(&user.view.space, &user.view.user, &self.settings.node);
        self.log.append(&subject, &row.encode(), ttl)
    }

    /// Makes anew what is told of a user, tells what is other than before, and files when to look again.
    pub(super) fn refresh(&self, shard: &mut Shard, at: u32, bench: &Bench<'_>, wakers: &mut Vec<Waker>) {
        let Some(user) = shard.get_mut(at) else { return };
        let mut next = user.merge(bench);
        let before = Arc::clone(&user.view);
        let mut kinds = differences(&before, &next);
        if kinds.is_empty() {
            if next != *before {
                user.view = Arc::new(next);
                shard.show(at, &self.hasher);
            }
        } else {
            let space = Arc::clone(&user.space);
            space.recount(&before, &next);
            let is_large = self.is_large(&space);
            let make = |first: u64| {
                next.position = first + kinds.len() as u64 - 1;
                let view = Arc::new(next);
                let changes = kinds.iter_mut().enumerate().map(|(at, (kind, session))| {
                    Arc::new(Change {
                        position: first + at as u64,
                        kind: *kind,
                        session: std::mem::take(session),
                        was: before.status,
                        was_invisible: before.invisible,
                        user: Arc::clone(&view),
                    })
                });
                let changes = changes.collect();
                (view, changes)
            };
            // The history's lock comes before the watchers', as where one begins to follow.
            user.view = self.history.publish(make, |changes| read(&space.watchers).tell(changes, is_large, wakers));
            shard.show(at, &self.hasher);
        }
        let Some(user) = shard.get_mut(at) else { return };
        let own = user.own().map_or(0, |own| own.sessions.len() as u16);
        let added = u64::from(own).wrapping_sub(std::mem::replace(&mut user.answered, own).into());
        self.answered.fetch_add(added, Ordering::Relaxed);
        shard.file(at, bench);
        shard.cool(at, self.settings.cold_each, &self.hasher);
    }

    /// Whether a space has more users than changes are told of.
    pub(crate) fn is_large(&self, space: &Space) -> bool {
        self.settings.announce_max > 0 && space.users() > self.settings.announce_max
    }

    /// Since when other nodes can't be heard; `None` while they can.
    pub(crate) fn stale_since(&self) -> Option<Wall> {
        read(&self.nodes).deaf_since()
    }

    /// Who is there in a space, or what is told of users by name.
    ///
    /// # Errors
    /// Those of the log, which is asked about users by name who were forgotten.
    pub(crate) fn snapshot(&self, space: &Space, users: &[String], reveal: bool) -> Result<Snapshot> {
        let position = self.history.position();
        let mut up_to = vec![0; SHARDS].into_boxed_slice();
        let mut found = Vec::new();
        let told = |view: &Arc<UserView>| if reveal { Arc::clone(view) } else { view.public() };
        for (number, up_to) in up_to.iter_mut().enumerate() {
            if users.is_empty() {
                let shard = read(&self.shards[number]);
                *up_to = self.history.position();
                let here = shard.users().filter(|(_, user)| std::ptr::eq(Arc::as_ptr(&user.space), space));
                found
                    .extend(here.map(|(_, user)| told(&user.view)).filter(|view| view.status > super::Status::Offline));
                continue;
            }
            let wanted: Vec<_> = users.iter().filter(|user| self.shard_of(&space.name, user) == number).collect();
            if !wanted.is_empty() {
                let (position, views) = self.views(space, number, &wanted)?;
                *up_to = position;
                found.extend(views.iter().map(told));
            }
        }
        found.sort_by(|a, b| a.user.cmp(&b.user));
        Ok(Snapshot { position, users: found, up_to })
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Internal, "a user was lost while its lock was held")
}
