//! A session that lives as long as its handle.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::remote::KeptAlive;
use super::{Presence, Source, written};
use crate::error::Result;
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
}

impl HeldSession {
    pub(super) fn begin(presence: &Presence, space: &str, user: &str, mut set: SessionSet) -> Result<HeldSession> {
        set.ttl = None;
        let kept_alive = match &presence.0 {
            Source::Here(worker) => {
                written(worker.core.set(space, user, set.clone(), true, worker.now_ms())).wait()?;
                None
            }
            Source::There(there) => Some(Arc::new(KeptAlive::begin(there, presence, space, user, &mut set)?)),
        };
        let (space, user, set) = (space.to_owned(), user.to_owned(), Arc::new(Mutex::new(set)));
        Ok(HeldSession { presence: presence.clone(), space, user, set, kept_alive })
    }

    fn lock(&self) -> MutexGuard<'_, SessionSet> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// As [`Presence::set`]; it is as it was then.
    pub fn update(&self, change: impl FnOnce(&mut SessionSet)) -> Pending<Arc<UserView>> {
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
            *known.lock().unwrap_or_else(PoisonError::into_inner) = next;
            view
        })
    }

    /// Somebody did something there.
    pub fn active(&self) -> Result<()> {
        let id = self.id();
        self.presence.heartbeat(&self.space, &self.user, &id, true).wait().map(drop)
    }

    /// Ends it, as dropping it does, and says what went wrong.
    pub fn leave(self) -> Result<()> {
        self.end()
    }

    fn end(&self) -> Result<()> {
        if let Some(kept_alive) = &self.kept_alive {
            kept_alive.stop();
        }
        let id = self.id();
        self.presence.leave(&self.space, &self.user, &id).wait().map(drop)
    }
}

impl Drop for HeldSession {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

impl std::fmt::Debug for HeldSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HeldSession").field("space", &self.space).field("user", &self.user).finish_non_exhaustive()
    }
}
