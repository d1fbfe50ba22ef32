//! What is told of a user.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::session::Session;
use super::status::Status;
use super::time::Wall;

/// A user as all nodes' records together say, at a moment. It does not change; a change makes another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView {
    /// The space.
    pub space: Arc<str>,
    /// The user.
    pub user: Arc<str>,
    /// The status that the user chose, or the highest of the live sessions.
    pub status: Status,
    /// When the user was last there, milliseconds since the epoch; 0 is never. Of one who is there it is when that was
    /// last looked at.
    pub last_seen_ms: Wall,
    /// When the status changed last, milliseconds since the epoch; 0 is never.
    pub changed_ms: Wall,
    /// The position of the change that made this; 0 when none did since the store was opened.
    pub position: u64,
    /// Whether others are told that the user is offline.
    pub invisible: bool,
    /// Whether the status was chosen, and not merged.
    pub chosen: bool,
    /// Sessions that are live or unknown, by name.
    pub sessions: Box<[SessionView]>,
}

/// One session and what it counts as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// What it said.
    pub session: Arc<Session>,
    /// What it counts as: unknown while its node is not heard of.
    pub status: Status,
}

impl UserView {
    /// One of whom nothing is known.
    pub(crate) fn nobody(space: Arc<str>, user: Arc<str>) -> UserView {
        UserView {
            space,
            user,
            status: Status::Offline,
            last_seen_ms: 0,
            changed_ms: 0,
            position: 0,
            invisible: false,
            chosen: false,
            sessions: Box::default(),
        }
    }

    /// What the session says that counts most: of those with the highest status the one that was set last.
    pub fn message(&self) -> Option<&str> {
        self.top()?.session.message()
    }

    /// The session that counts most.
    pub(crate) fn top(&self) -> Option<&SessionView> {
        self.sessions.iter().max_by_key(|s| (s.status, s.session.stamp))
    }

    /// The session of this name.
    pub fn session(&self, id: &str) -> Option<&SessionView> {
        self.sessions.iter().find(|s| &*s.session.id == id)
    }

    /// What others are told of the status.
    pub fn public_status(&self) -> Status {
        if self.invisible { Status::Offline } else { self.status }
    }

    /// What others are told: of one who is invisible, that nobody is there.
    pub fn public(self: &Arc<Self>) -> Arc<UserView> {
        if !self.invisible {
            return Arc::clone(self);
        }
        let hidden = UserView {
            status: Status::Offline,
            invisible: false,
            chosen: false,
            sessions: Box::default(),
            ..UserView::clone(self)
        };
        Arc::new(hidden)
    }
}

/// How many are in a space.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Users who are not offline.
    pub users: u64,
    /// Their sessions.
    pub sessions: u64,
    /// Users who are online.
    pub online: u64,
    /// Users who are away.
    pub away: u64,
    /// Users who are busy.
    pub busy: u64,
    /// Users of whom nothing is heard.
    pub unknown: u64,
}
