//! A part of all users, under one lock: found by name, looked at when something of theirs is due, and forgotten when
//! they are cold and the log knows them.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::time::Mono;
use super::user::{Bench, User};
use super::view::UserView;
use super::wheel::Wheel;

/// The most users that are looked at while the lock is held, so that readers wait for no crowd.
pub(crate) const DUE_MAX: usize = 1_000;

/// Users by name.
pub(crate) struct Shard {
    users: Vec<Option<User>>,
    free: Vec<u32>,
    by_name: HashTable<Known>,
    pub(crate) wheel: Wheel,
    /// Cold users, in the order in which they became it; who is not cold any more is passed over.
    cold: VecDeque<u32>,
    /// Whether users were ever forgotten, so that the log is asked about who is not here.
    pub(crate) has_forgotten: bool,
}

/// Who reads finds here what is told, and looks at nothing else.
struct Known {
    view: Arc<UserView>,
    at: u32,
}

/// A user's place in the world, which says the shard.
pub(crate) fn hash(hasher: &FixedState, space: &str, user: &str) -> u64 {
    hasher.hash_one((space, user))
}

impl Shard {
    pub(crate) fn new(now: Mono) -> Shard {
        Shard {
            users: Vec::new(),
            free: Vec::new(),
            by_name: HashTable::new(),
            wheel: Wheel::new(now),
            cold: VecDeque::new(),
            has_forgotten: false,
        }
    }

    fn known(&self, hash: u64, space: &str, user: &str) -> Option<&Known> {
        self.by_name.find(hash, |known| *known.view.user == *user && *known.view.space == *space)
    }

    pub(crate) fn find(&self, hash: u64, space: &str, user: &str) -> Option<u32> {
        self.known(hash, space, user).map(|known| known.at)
    }

    /// What is told of a user.
    pub(crate) fn view(&self, hash: u64, space: &str, user: &str) -> Option<&Arc<UserView>> {
        self.known(hash, space, user).map(|known| &known.view)
    }

    /// Has what is told of a user found from now on, whose view is another one.
    pub(crate) fn show(&mut self, at: u32, hasher: &FixedState) {
        let Some(user) = self.users[at as usize].as_ref() else { return };
        let hash = self::hash(hasher, &user.view.space, &user.view.user);
        if let Some(known) = self.by_name.find_mut(hash, |known| known.at == at) {
            known.view = Arc::clone(&user.view);
        }
    }

    pub(crate) fn insert(&mut self, hasher: &FixedState, hash: u64, user: User) -> u32 {
        let view = Arc::clone(&user.view);
        let at = self.free.pop().unwrap_or_else(|| {
            // Twice as many would be mostly empty places.
            if self.users.len() == self.users.capacity() {
                self.users.reserve_exact(self.users.len() / 8 + 8);
            }
            self.users.push(None);
            self.users.len() as u32 - 1
        });
        self.users[at as usize] = Some(user);
        let hash_of = |known: &Known| self::hash(hasher, &known.view.space, &known.view.user);
        self.by_name.insert_unique(hash, Known { view, at }, hash_of);
        at
    }

    pub(crate) fn get(&self, at: u32) -> Option<&User> {
        self.users.get(at as usize).and_then(Option::as_ref)
    }

    pub(crate) fn get_mut(&mut self, at: u32) -> Option<&mut User> {
        self.users.get_mut(at as usize).and_then(Option::as_mut)
    }

    /// All users, with their places.
    pub(crate) fn users(&self) -> impl Iterator<Item = (u32, &User)> {
        self.users.iter().enumerate().filter_map(|(at, user)| user.as_ref().map(|user| (at as u32, user)))
    }

    /// How many places there are.
    pub(crate) fn len(&self) -> u32 {
        self.users.len() as u32
    }

    /// Files a user for when it is due, if it is not filed for as early.
    pub(crate) fn file(&mut self, at: u32, bench: &Bench<'_>) {
        let Some(user) = self.users[at as usize].as_mut() else { return };
        let Some(due) = user.due(bench) else { return };
        let tick = self.wheel.tick_of(due);
        if user.filed == 0 || tick < user.filed {
            user.filed = tick;
            self.wheel.file(at, tick);
        }
    }

    /// Whether what came out of the wheel at a tick is filed for it: else it was filed for earlier since.
    pub(crate) fn take_filed(&mut self, at: u32, tick: u64) -> bool {
        match self.get_mut(at) {
            Some(user) if user.filed == tick => {
                user.filed = 0;
                true
            }
            _ => false,
        }
    }

    /// Has a user who is cold wait to be forgotten: that is who waited longest when there are more than `max`.
    pub(crate) fn cool(&mut self, at: u32, max: usize, hasher: &FixedState) {
        let Some(user) = self.get_mut(at).filter(|user| user.is_cold() && !user.is_cooling) else { return };
        user.is_cooling = true;
        self.cold.push_back(at);
        while self.cold.len() > max {
            let Some(oldest) = self.cold.pop_front() else { break };
            let Some(user) = self.get_mut(oldest) else { continue };
            user.is_cooling = false;
            if !user.is_cold() || user.filed != 0 {
                continue;
            }
            let hash = self::hash(hasher, &user.view.space, &user.view.user);
            if let Ok(found) = self.by_name.find_entry(hash, |known| known.at == oldest) {
                found.remove();
            }
            self.users[oldest as usize] = None;
            self.free.push(oldest);
            self.has_forgotten = true;
        }
    }
}
