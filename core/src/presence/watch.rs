//! Following users: who is there now, then what changes, with no gap between. Each watcher has a short queue; one that
//! does not read it is told everything anew, and slows nobody.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use serde::{Deserialize, Serialize};

use super::change::Change;
use super::core::Core;
use super::space::Space;
use super::view::{Counts, UserView};
use crate::error::{Error, ErrorKind, Result};
use crate::locks::{lock, write};

/// Changes that wait for a watcher; one who has more is told everything anew.
pub const WATCH_QUEUE_MAX: usize = 1_024;

/// Whom to follow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchOptions {
    /// The space.
    pub space: String,
    /// The users, [`super::BATCH_USERS_MAX`] at the most; none is all of the space.
    pub users: Vec<String>,
    /// Go on behind this position, which an event of the same opening of the store had; where that is too long ago,
    /// or of another opening, it begins with who is there.
    pub after: Option<u64>,
    /// Tell of those who are invisible as they are, for who may know.
    pub reveal: bool,
}

/// What a watcher is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchEvent {
    /// Who is there now, of those who are followed; of users by name also who is not. It comes first, and again where
    /// changes were left out because nobody took them.
    Snapshot {
        /// The position to go on behind.
        position: u64,
        /// The users, by name.
        users: Vec<Arc<UserView>>,
    },
    /// One change.
    Change(Arc<Change>),
    /// How many are there: in the place of changes while the space is larger than changes are told of.
    Counts(Counts),
    /// Whether what is told of other nodes' users is as of now, or as of then: milliseconds since the epoch.
    View {
        /// Other nodes can't be heard.
        stale: bool,
        /// When they were heard last.
        as_of_ms: u64,
    },
}

/// Those who follow a space.
#[derive(Default)]
pub(crate) struct Watchers {
    of_all: Vec<Arc<Watching>>,
    by_user: BTreeMap<Box<str>, Vec<Arc<Watching>>>,
}

/// One who follows.
pub(crate) struct Watching {
    users: Vec<String>,
    reveal: bool,
    queue: Mutex<Queue>,
}

struct Queue {
    events: VecDeque<WatchEvent>,
    /// It is to be told who is there.
    is_behind: bool,
    /// Changes were not told because the space is large.
    has_skipped: bool,
    waker: Option<Waker>,
    is_closed: bool,
}

impl Watchers {
    fn add(&mut self, watching: &Arc<Watching>) {
        if watching.users.is_empty() {
            self.of_all.push(Arc::clone(watching));
        }
        for user in &watching.users {
            self.by_user.entry(user.as_str().into()).or_default().push(Arc::clone(watching));
        }
    }

    fn remove(&mut self, watching: &Arc<Watching>) {
        self.of_all.retain(|other| !Arc::ptr_eq(other, watching));
        for user in &watching.users {
            if let Some(all) = self.by_user.get_mut(user.as_str()) {
                all.retain(|other| !Arc::ptr_eq(other, watching));
                if all.is_empty() {
                    self.by_user.remove(user.as_str());
                }
            }
        }
    }

    /// Tells those who follow a user of its changes; `is_large` leaves out who follows the whole space.
    pub(crate) fn tell(&self, changes: &[Arc<Change>], is_large: bool, wakers: &mut Vec<Waker>) {
        let Some(first) = changes.first() else { return };
        if let Some(named) = self.by_user.get(&*first.user.user) {
            for watching in named {
                watching.tell(changes, wakers);
            }
        }
        for watching in &self.of_all {
            if is_large {
                watching.queue().has_skipped = true;
            } else {
                watching.tell(changes, wakers);
            }
        }
    }

    /// Tells those who follow the whole space.
    pub(crate) fn tell_all(&self, event: &WatchEvent, wakers: &mut Vec<Waker>) {
        self.of_all.iter().for_each(|watching| watching.push(event.clone(), wakers));
    }

    /// Tells everybody.
    pub(crate) fn tell_everyone(&self, event: &WatchEvent, wakers: &mut Vec<Waker>) {
        self.tell_all(event, wakers);
        self.by_user.values().flatten().for_each(|watching| watching.push(event.clone(), wakers));
    }

    /// Has those who follow the whole space, and were not told of changes, told who is there.
    pub(crate) fn resume(&self, wakers: &mut Vec<Waker>) {
        for watching in &self.of_all {
            let mut queue = watching.queue();
            if std::mem::take(&mut queue.has_skipped) {
                queue.is_behind = true;
                wakers.extend(queue.waker.take());
            }
        }
    }

    /// Has everybody look.
    pub(crate) fn wake_everyone(&self, wakers: &mut Vec<Waker>) {
        let all = self.of_all.iter().chain(self.by_user.values().flatten());
        all.for_each(|watching| wakers.extend(watching.queue().waker.take()));
    }

    /// How many follow.
    pub(crate) fn len(&self) -> usize {
        self.of_all.len() + self.by_user.values().map(Vec::len).sum::<usize>()
    }
}

impl Watching {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    fn follows(&self, change: &Change) -> bool {
        self.users.is_empty() || self.users.iter().any(|user| **user == *change.user.user)
    }

    fn tell(&self, changes: &[Arc<Change>], wakers: &mut Vec<Waker>) {
        let mut queue = self.queue();
        if queue.is_behind {
            return;
        }
        for change in changes {
            queue.push_change(change, self.reveal);
        }
        wakers.extend(queue.waker.take());
    }

    fn push(&self, event: WatchEvent, wakers: &mut Vec<Waker>) {
        let mut queue = self.queue();
        queue.push(event);
        wakers.extend(queue.waker.take());
    }
}

impl Queue {
    fn push_change(&mut self, change: &Arc<Change>, reveal: bool) {
        let change = if reveal { Some(Arc::clone(change)) } else { Change::public(change) };
        if let Some(change) = change {
            self.push(WatchEvent::Change(change));
        }
    }

    fn push(&mut self, event: WatchEvent) {
        if self.events.len() >= WATCH_QUEUE_MAX {
            self.events.clear();
            self.is_behind = true;
        }
        // Counts stand for all before them.
        if matches!(event, WatchEvent::Counts(_)) {
            self.events.retain(|event| !matches!(event, WatchEvent::Counts(_)));
        }
        self.events.push_back(event);
    }
}

/// One who follows users of a store in this process.
pub(crate) struct Following {
    core: Arc<Core>,
    space: Arc<Space>,
    watching: Arc<Watching>,
}

impl Following {
    pub(crate) fn new(core: &Arc<Core>, options: WatchOptions) -> Following {
        let space = core.spaces.followed(&options.space);
        let queue =
            Queue { events: VecDeque::new(), is_behind: true, has_skipped: false, waker: None, is_closed: false };
        let watching = Arc::new(Watching { users: options.users, reveal: options.reveal, queue: Mutex::new(queue) });
        // Nothing changes meanwhile, so what is kept and what is told later are all there is.
        let recent = core.history.lock();
        let mut watchers = write(&space.watchers);
        watchers.add(&watching);
        if let Some(missed) = options.after.and_then(|after| recent.since(after)) {
            let mut queue = watching.queue();
            queue.is_behind = false;
            for change in missed.filter(|change| change.user.space == space.name && watching.follows(change)) {
                queue.push_change(change, watching.reveal);
            }
        }
        drop((watchers, recent));
        Following { core: Arc::clone(core), space, watching }
    }

    /// Ready when there is something to take; else wakes `cx` then.
    pub(crate) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let is_closed = self.core.check_open().is_err();
        let mut queue = self.watching.queue();
        if is_closed || queue.is_behind || !queue.events.is_empty() || queue.is_closed {
            return Poll::Ready(());
        }
        queue.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Takes up to `max` events that are there, one at the least; none is an empty list.
    pub(crate) fn try_next(&self, max: usize) -> Result<Vec<WatchEvent>> {
        let (core, space, watching) = (&self.core, &self.space, &self.watching);
        let mut queue = watching.queue();
        if queue.is_closed {
            return Err(Error::new(ErrorKind::Closed, "this watcher is closed"));
        }
        core.check_open()?;
        if !queue.is_behind {
            let count = queue.events.len().min(max.max(1));
            return Ok(queue.events.drain(..count).collect());
        }
        // From here on changes are queued; those that the snapshot has are taken out again.
        queue.events.clear();
        queue.is_behind = false;
        drop(queue);
        let snapshot = core.snapshot(space, &watching.users, watching.reveal);
        let mut queue = watching.queue();
        queue.is_behind |= snapshot.is_err();
        let snapshot = snapshot?;
        queue.events.retain(|event| match event {
            WatchEvent::Change(change) => {
                change.position > snapshot.up_to(core.shard_of(&space.name, &change.user.user))
            }
            _ => true,
        });
        let mut events = vec![WatchEvent::Snapshot { position: snapshot.position, users: snapshot.users }];
        events.extend(core.stale_since().map(|as_of_ms| WatchEvent::View { stale: true, as_of_ms }));
        Ok(events)
    }

    /// Ends it.
    pub(crate) fn close(&self) {
        write(&self.space.watchers).remove(&self.watching);
        self.core.spaces.forget(&self.space);
        let mut queue = self.watching.queue();
        queue.is_closed = true;
        let waker = queue.waker.take();
        drop(queue);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.close();
    }
}
