//! A session that lives as long as its handle.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::remote::{HELD_TTL, KeptAlive};
use super::{Presence, Source, written};
use crate::error::Error;
use crate::locks::lock;
use crate::pending::Pending;
use crate::presence::view::UserView;
use crate::presence::write::SessionSet;

/// A session that a program holds: it is there until the handle goes, and no process that dies leaves it behind.
///
/// Where the store is this process's own, nothing keeps it alive but the handle. Through a node it is a leased one that
/// the library gives a sign of life of, and it ends by itself where the process is killed.
pub struct HeldSession {
    presence: Presence,
    space: String,
    user: String,
    set: Arc<Mutex<SessionSet>>,
    /// What keeps it alive through a node.
    kept_alive: Option<Arc<KeptAlive>>,
    /// It was left: another session of its name is not this handle's business.
    is_over: AtomicBool,
}

impl HeldSession {
    pub(super) fn begin(presence: &Presence, space: &str, user: &str, mut set: SessionSet) -> Pending<HeldSession> {
        let presence = presence.clone();
        let (space, user) = (space.to_owned(), user.to_owned());
        match &presence.0 {
            Source::Here(worker) => {
                set.ttl = None;
                let done = match worker.core.set(&space, &user, set.clone(), true, worker.now_ms()) {
                    Ok(done) => written(Ok(done)),
                    Err(error) => return Pending::ready(Err(error)),
                };
                // Made before it is waited for, so that who gives up the wait leaves no session behind.
                let held = HeldSession::new(presence, space, user, set, None);
                done.map(|_| held)
            }
            Source::There(there) => {
                set.ttl = Some(HELD_TTL);
                let there = Arc::clone(there);
                presence.set(&space, &user, set.clone()).and_then(move |_| {
                    let kept_alive = KeptAlive::begin(&there, &space, &user, &set);
                    let held = |kept| HeldSession::new(presence, space, user, set, Some(Arc::new(kept)));
                    Pending::ready(kept_alive.map(held))
                })
            }
        }
    }

    fn new(
        presence: Presence,
        space: String,
        user: String,
        set: SessionSet,
        kept_alive: Option<Arc<KeptAlive>>,
    ) -> HeldSession {
        let (set, is_over) = (Arc::new(Mutex::new(set)), AtomicBool::new(false));
        HeldSession { presence, space, user, set, kept_alive, is_over }
    }

    fn lock(&self) -> MutexGuard<'_, SessionSet> {
        lock(&self.set)
    }

    /// The space.
    pub fn space(&self) -> &str {
        &self.space
    }

    /// The user.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Its name.
    pub fn id(&self) -> String {
        self.lock().session.clone()
    }

    /// Changes it: `change` is given what it is.
    ///
    /// # Errors
    /// As [`Presence::set`]: it is as it was then. [`crate::ErrorKind::NotFound`] when it was left.
    pub fn update(&self, change: impl FnOnce(&mut SessionSet)) -> Pending<Arc<UserView>> {
        if self.is_over.load(Ordering::Acquire) {
            return Pending::ready(Err(Error::not_found("this session was left: hold another one")));
        }
        let mut next = self.lock().clone();
        let (session, ttl) = (next.session.clone(), next.ttl);
        change(&mut next);
        (next.session, next.ttl) = (session, ttl);
        let done = match &self.presence.0 {
            Source::Here(worker) => {
                written(worker.core.set(&self.space, &self.user, next.clone(), true, worker.now_ms()))
            }
            Source::There(_) => self.presence.set(&self.space, &self.user, next.clone()),
        };
        let (known, kept_alive) = (Arc::clone(&self.set), self.kept_alive.clone());
        done.map(move |view| {
            if let Some(kept_alive) = kept_alive {
                kept_alive.is_now(&next);
            }
            *lock(&known) = next;
            view
        })
    }

    /// Somebody did something there.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`] when it was left or purged.
    pub fn active(&self) -> Pending<()> {
        let id = self.id();
        self.presence.heartbeat(&self.space, &self.user, &id, true).map(drop)
    }

    /// Ends it, as dropping it does, and says what went wrong. Twice is nothing.
    pub fn leave(&self) -> Pending<()> {
        if self.is_over.swap(true, Ordering::AcqRel) {
            return Pending::ready(Ok(()));
        }
        if let Some(kept_alive) = &self.kept_alive {
            kept_alive.stop();
        }
        let id = self.id();
        self.presence.leave(&self.space, &self.user, &id).map(drop)
    }
}

impl Drop for HeldSession {
    fn drop(&mut self) {
        let _ = self.leave().wait();
    }
}

impl std::fmt::Debug for HeldSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HeldSession").field("space", &self.space).field("user", &self.user).finish_non_exhaustive()
    }
}
