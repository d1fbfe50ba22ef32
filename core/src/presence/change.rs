//! What happened, in order: changes have positions, and the last ones are kept, so that who was away for a moment goes
//! on where it was.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};

use super::few::Few;
use super::status::Status;
use super::view::UserView;

use crate::locks::lock;

/// What a change is of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It is there, and was not.
    Joined,
    /// It is another one, or the user is.
    Updated,
    /// It is over.
    Left,
}

impl ChangeKind {
    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            ChangeKind::Joined => "joined",
            ChangeKind::Updated => "updated",
            ChangeKind::Left => "left",
        }
    }
}

/// One change of one session, or of a user as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its position; they grow within one opening of a store.
    pub position: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// The session; empty when it is about the user as a whole.
    pub session: Box<str>,
    /// The status of the user before.
    pub was: Status,
    /// Whether the user was invisible before.
    pub was_invisible: bool,
    /// The user after it, and after the other changes of the same moment.
    pub user: Arc<UserView>,
}

impl Change {
    /// As others are told of it; `None` for what they are not told.
    pub(crate) fn public(change: &Arc<Change>) -> Option<Arc<Change>> {
        if !change.user.invisible && !change.was_invisible {
            return Some(Arc::clone(change));
        }
        let was = if change.was_invisible { Status::Offline } else { change.was };
        let user = change.user.public();
        if was == user.status {
            return None;
        }
        let kind = if was == Status::Offline { ChangeKind::Joined } else { ChangeKind::Left };
        Some(Arc::new(Change {
            kind,
            was,
            was_invisible: false,
            session: Box::default(),
            user,
            ..Change::clone(change)
        }))
    }
}

/// What is other of the sessions, or of the user as a whole.
pub(super) fn differences(before: &UserView, after: &UserView) -> Few<(ChangeKind, Box<str>)> {
    let mut kinds: Few<(ChangeKind, Box<str>)> = Few::default();
    for is in &after.sessions {
        let id = || is.session.id.clone();
        match before.session(&is.session.id) {
            None => kinds.push((ChangeKind::Joined, id())),
            Some(was) if was.status != is.status || !was.session.looks_like(&is.session) => {
                kinds.push((ChangeKind::Updated, id()));
            }
            Some(_) => {}
        }
    }
    let left = before.sessions.iter().filter(|was| after.session(&was.session.id).is_none());
    left.for_each(|was| kinds.push((ChangeKind::Left, was.session.id.clone())));
    let is_other = before.status != after.status || before.invisible != after.invisible;
    if kinds.is_empty() && is_other {
        kinds.push((ChangeKind::Updated, Box::default()));
    }
    kinds
}

/// The last changes, and the one place where changes come about, one after the other.
pub(crate) struct History {
    kept: usize,
    recent: Mutex<Recent>,
}

/// What is open while a change comes about.
pub(crate) struct Recent {
    last: u64,
    changes: VecDeque<Arc<Change>>,
}

impl History {
    pub(crate) fn new(kept: usize) -> History {
        History { kept, recent: Mutex::new(Recent { last: 0, changes: VecDeque::new() }) }
    }

    /// Stops changes for a moment: short, as all who write wait.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Recent> {
        lock(&self.recent)
    }

    /// The position of the last change.
    pub(crate) fn position(&self) -> u64 {
        self.lock().last
    }

    /// Makes changes, of which the first has the position that `make` is given; `tell` hears of them in order.
    pub(crate) fn publish<T>(
        &self,
        make: impl FnOnce(u64) -> (T, Few<Arc<Change>>),
        tell: impl FnOnce(&[Arc<Change>]),
    ) -> T {
        let mut recent = self.lock();
        let (made, changes) = make(recent.last + 1);
        recent.last += changes.len() as u64;
        tell(&changes);
        recent.changes.extend(changes.iter().map(Arc::clone));
        let over = recent.changes.len().saturating_sub(self.kept);
        // What is let go of is taken apart when nobody waits for the lock any more.
        let over: Few<_> = recent.changes.drain(..over).collect();
        drop(recent);
        drop(over);
        made
    }
}

impl Recent {
    /// All changes after a position, if all of them are kept and the position was given out.
    pub(crate) fn since(&self, position: u64) -> Option<impl Iterator<Item = &Arc<Change>>> {
        if position > self.last || position + (self.changes.len() as u64) < self.last {
            return None;
        }
        let at = self.changes.len() - (self.last - position) as usize;
        Some(self.changes.range(at..))
    }
}
