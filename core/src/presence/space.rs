//! A space: a room, a site, a tenant; whose users see each other. It counts them, so that asking costs nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, RwLock};

use super::status::Status;
use super::view::{Counts, UserView};
use super::watch::Watchers;

use crate::locks::{read, write};

/// One space. It stays once somebody was in it, as long as the store is open; one that is only followed goes with the
/// last who does.
pub(crate) struct Space {
    pub(crate) name: Arc<str>,
    /// Somebody was in it.
    is_used: AtomicBool,
    sessions: AtomicU64,
    /// Users by status, as others are told; offline ones are not counted.
    by_status: [AtomicU64; Status::ALL.len()],
    pub(crate) watchers: RwLock<Watchers>,
}

impl Space {
    fn new(name: &str) -> Space {
        Space {
            name: name.into(),
            is_used: AtomicBool::new(false),
            sessions: AtomicU64::new(0),
            by_status: Default::default(),
            watchers: RwLock::default(),
        }
    }

    /// A user is another one than before.
    pub(crate) fn recount(&self, before: &UserView, after: &UserView) {
        let (was, is) = (before.public_status(), after.public_status());
        if was != is {
            if was != Status::Offline {
                self.by_status[was as usize].fetch_sub(1, Relaxed);
            }
            if is != Status::Offline {
                self.by_status[is as usize].fetch_add(1, Relaxed);
            }
        }
        let (had, has) = (shown(before), shown(after));
        // Wrapping: never less than nothing, as what is taken was added.
        self.sessions.fetch_add(has.wrapping_sub(had), Relaxed);
    }

    pub(crate) fn counts(&self) -> Counts {
        let of = |status: Status| self.by_status[status as usize].load(Relaxed);
        let (online, away) = (of(Status::Online), of(Status::Away));
        let (busy, unknown) = (of(Status::Busy), of(Status::Unknown));
        Counts {
            users: online + away + busy + unknown,
            sessions: self.sessions.load(Relaxed),
            online,
            away,
            busy,
            unknown,
        }
    }

    /// How many users are there.
    pub(crate) fn users(&self) -> u64 {
        self.by_status[1..].iter().map(|count| count.load(Relaxed)).sum()
    }
}

fn shown(view: &UserView) -> u64 {
    if view.invisible { 0 } else { view.sessions.len() as u64 }
}

/// All spaces, by name.
#[derive(Default)]
pub(crate) struct Spaces(RwLock<BTreeMap<Arc<str>, Arc<Space>>>);

impl Spaces {
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Space>> {
        read(&self.0).get(name).map(Arc::clone)
    }

    /// The space of a user.
    pub(crate) fn of(&self, name: &str) -> Arc<Space> {
        let space = self.followed(name);
        space.is_used.store(true, Relaxed);
        space
    }

    /// The space of who follows it, who calls [`Spaces::forget`] at the end.
    pub(crate) fn followed(&self, name: &str) -> Arc<Space> {
        if let Some(space) = self.find(name) {
            return space;
        }
        let mut all = write(&self.0);
        if let Some(space) = all.get(name) {
            return Arc::clone(space);
        }
        let space = Arc::new(Space::new(name));
        all.insert(Arc::clone(&space.name), Arc::clone(&space));
        space
    }

    /// Takes a space away that nobody was in, and nobody else follows.
    pub(crate) fn forget(&self, space: &Arc<Space>) {
        let mut all = write(&self.0);
        let is_here = all.get(&space.name).is_some_and(|known| Arc::ptr_eq(known, space));
        // Nobody takes hold of one without this lock: there is the one here, and that of who asks.
        if is_here && !space.is_used.load(Relaxed) && Arc::strong_count(space) == 2 {
            all.remove(&space.name);
        }
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Space>> {
        let all = read(&self.0);
        all.values().map(Arc::clone).collect()
    }
}
