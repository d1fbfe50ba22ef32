//! A presence store as programs use it: on a stream of this process's engine, or through the node that has the
//! directory open. Where it is here, `worker.rs` has it follow the stream and the time.

pub(crate) mod call;
mod held;
pub(crate) mod remote;
mod watcher;
pub(crate) mod worker;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::pending::Pending;
use crate::presence::core::Written;
use crate::presence::limits::{BATCH_USERS_MAX, check_id};
use crate::presence::status::Status;
use crate::presence::time::Wall;
use crate::presence::view::{Counts, UserView};
use crate::presence::watch::WatchOptions;
use crate::presence::write::{Lease, Purge, SessionSet};
use call::{PresenceAnswer, PresenceCall};
use remote::There;
use worker::Opened;

pub use held::HeldSession;
pub use watcher::PresenceWatcher;

/// Users, and as of when they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The users; asked for by name, in the order of the question.
    pub users: Vec<Arc<UserView>>,
    /// As of when other nodes' users are told of, milliseconds since the epoch.
    pub as_of_ms: Wall,
    /// Other nodes can't be heard: their users are told of as they were then.
    pub stale: bool,
}

/// How a store stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceStatus {
    /// Its name.
    pub name: String,
    /// Who this node is in it.
    pub node: String,
    /// Sessions that this node answers for.
    pub answered: u64,
    /// Other nodes can't be heard.
    pub stale: bool,
    /// When they were heard last, milliseconds since the epoch.
    pub as_of_ms: Wall,
    /// The position of the last change.
    pub position: u64,
    /// Records of others that could not be read.
    pub refused: u64,
    /// Why the last of them could not, or the log did not take the last record; empty is well.
    pub last_error: String,
    /// Every node that was heard of, this one first.
    pub nodes: Vec<PresenceNode>,
}

/// A node that shares a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceNode {
    /// Its name.
    pub name: String,
    /// `up`, `silent` or `closed`.
    pub state: String,
    /// When it said something last, by its own clock; milliseconds since the epoch.
    pub heard_ms: Wall,
}

/// Who is here: sessions of users in spaces. Cheap to clone; the last handle to go ends it, and with it the sessions
/// that it holds.
///
/// ```
/// use headwater::Engine;
/// use headwater::presence::{PresenceConfig, SessionSet, Status};
/// # fn main() -> headwater::Result<()> {
/// let engine = Engine::memory()?;
/// let presence = engine.presence(PresenceConfig::default())?;
/// let ada = presence.hold("office", "ada", SessionSet { status: Status::Busy, ..SessionSet::default() }).wait()?;
/// assert_eq!(presence.get("office", "ada").wait()?.status, Status::Busy);
/// assert_eq!(presence.counts("office").wait()?.users, 1);
/// ada.leave().wait()?;
/// assert_eq!(presence.get("office", "ada").wait()?.status, Status::Offline);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Presence(Source);

#[derive(Clone)]
enum Source {
    Here(Arc<Opened>),
    There(Arc<There>),
}

impl Presence {
    pub(crate) fn here(worker: Arc<Opened>) -> Presence {
        Presence(Source::Here(worker))
    }

    pub(crate) fn there(there: There) -> Presence {
        Presence(Source::There(Arc::new(there)))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match &self.0 {
            Source::Here(worker) => &worker.core.settings.name,
            Source::There(there) => &there.config.name,
        }
    }

    /// A session that lives as long as the handle that this gives, and dies with the process at the latest.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] for what is beyond its bounds; [`crate::ErrorKind::Limit`] for a 65th session.
    pub fn hold(&self, space: &str, user: &str, set: SessionSet) -> Pending<HeldSession> {
        HeldSession::begin(self, space, user, set)
    }

    /// Sets a leased session: it lives until its time to live has passed without a sign of life. Setting it to what it
    /// is already is a sign of life, and so is any other setting. Offline ends it.
    ///
    /// # Errors
    /// As [`Presence::hold`].
    pub fn set(&self, space: &str, user: &str, set: SessionSet) -> Pending<Arc<UserView>> {
        match &self.0 {
            Source::Here(worker) => written(worker.core.set(space, user, set, false, worker.now_ms())),
            Source::There(there) => {
                there.ask_for(PresenceCall::Set { space: space.into(), user: user.into(), set }, user_of)
            }
        }
    }

    /// A sign of life of a leased session, which says until when it lives then; `active` says that somebody did
    /// something there.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotFound`] when this node does not answer for it (any more): set it.
    pub fn heartbeat(&self, space: &str, user: &str, session: &str, active: bool) -> Pending<Lease> {
        match &self.0 {
            Source::Here(worker) => {
                Pending::ready(worker.core.heartbeat(space, user, session, active, worker.now_ms()))
            }
            Source::There(there) => {
                let (space, user, session) = (space.into(), user.into(), session.into());
                there.ask_for(PresenceCall::Heartbeat { space, user, session, active }, |answer| match answer {
                    PresenceAnswer::Lease(lease) => Ok(lease),
                    other => Err(other),
                })
            }
        }
    }

    /// Ends a session, whoever answers for it; one that is not there is nothing.
    pub fn leave(&self, space: &str, user: &str, session: &str) -> Pending<Arc<UserView>> {
        match &self.0 {
            Source::Here(worker) => written(worker.core.leave(space, user, session, worker.now_ms())),
            Source::There(there) => {
                let (space, user, session) = (space.into(), user.into(), session.into());
                there.ask_for(PresenceCall::Leave { space, user, session }, user_of)
            }
        }
    }

    /// Chooses a status for a user who is there, whatever the sessions say, for a time or until it is changed; `None`
    /// is what the sessions say.
    pub fn choose(
        &self,
        space: &str,
        user: &str,
        status: Option<Status>,
        how_long: Option<Duration>,
    ) -> Pending<Arc<UserView>> {
        match &self.0 {
            Source::Here(worker) => written(worker.core.choose(space, user, status, how_long, worker.now_ms())),
            Source::There(there) => {
                let (space, user) = (space.into(), user.into());
                there.ask_for(PresenceCall::Choose { space, user, status, how_long }, user_of)
            }
        }
    }

    /// Hides a user, who is offline for others then, or shows it again.
    pub fn hide(&self, space: &str, user: &str, on: bool) -> Pending<Arc<UserView>> {
        match &self.0 {
            Source::Here(worker) => written(worker.core.hide(space, user, on, worker.now_ms())),
            Source::There(there) => {
                there.ask_for(PresenceCall::Hide { space: space.into(), user: user.into(), on }, user_of)
            }
        }
    }

    /// A user as it is; whoever may not know of one who is invisible is given [`UserView::public`].
    pub fn get(&self, space: &str, user: &str) -> Pending<Arc<UserView>> {
        match &self.0 {
            Source::Here(worker) => Pending::ready(worker.view(space, user)),
            Source::There(_) => self.get_many(space, &[user]).map(|mut reading| reading.users.remove(0)),
        }
    }

    /// Users by name, [`BATCH_USERS_MAX`] at the most.
    pub fn get_many(&self, space: &str, users: &[&str]) -> Pending<Reading> {
        if users.len() > BATCH_USERS_MAX {
            let message = format!("{} users are asked for, and {BATCH_USERS_MAX} at the most go at once", users.len());
            return Pending::ready(Err(Error::invalid(message)));
        }
        match &self.0 {
            Source::Here(worker) => Pending::ready(worker.read(space, users)),
            Source::There(there) => {
                let users = users.iter().map(|user| (*user).to_owned()).collect();
                there.ask_for(PresenceCall::Get { space: space.into(), users }, reading_of)
            }
        }
    }

    /// Users by name where nobody has to wait for them: all are in memory, and here. Else nothing.
    #[cfg(feature = "http")]
    pub(crate) fn told(&self, space: &str, users: &[&str]) -> Option<Reading> {
        match &self.0 {
            Source::Here(worker) if users.len() <= BATCH_USERS_MAX => worker.told(space, users),
            _ => None,
        }
    }

    /// All of a space who are not offline for others, by name.
    pub fn list(&self, space: &str) -> Pending<Reading> {
        match &self.0 {
            Source::Here(worker) => Pending::ready(worker.list(space)),
            Source::There(there) => there.ask_for(PresenceCall::List { space: space.into() }, reading_of),
        }
    }

    /// How many are in a space, as others are told.
    pub fn counts(&self, space: &str) -> Pending<Counts> {
        match &self.0 {
            Source::Here(worker) => Pending::ready(worker.counts(space)),
            Source::There(there) => {
                there.ask_for(PresenceCall::Counts { space: space.into() }, |answer| match answer {
                    PresenceAnswer::Counts(counts) => Ok(counts),
                    other => Err(other),
                })
            }
        }
    }

    /// All spaces that were heard of, by name, with how many are in them.
    pub fn spaces(&self) -> Pending<Vec<(String, Counts)>> {
        match &self.0 {
            Source::Here(worker) => Pending::ready(worker.spaces()),
            Source::There(there) => there.ask_for(PresenceCall::Spaces, |answer| match answer {
                PresenceAnswer::Spaces(spaces) => Ok(spaces),
                other => Err(other),
            }),
        }
    }

    /// Ends the sessions that are told of, whichever node answers for them; how many. For those of a node that is gone
    /// for good, and for people who look after others.
    pub fn purge(&self, purge: Purge) -> Pending<u64> {
        match &self.0 {
            Source::Here(worker) => Pending::ready(worker.core.purge(&purge, worker.now_ms())),
            Source::There(there) => there.ask_for(PresenceCall::Purge(purge), |answer| match answer {
                PresenceAnswer::Count(count) => Ok(count),
                other => Err(other),
            }),
        }
    }

    /// Follows users: who is there, then what changes.
    pub fn watch(&self, options: WatchOptions) -> Result<PresenceWatcher> {
        check_id("space", &options.space)?;
        options.users.iter().try_for_each(|user| check_id("user", user))?;
        if options.users.len() > BATCH_USERS_MAX {
            let count = options.users.len();
            return Err(Error::invalid(format!("{count} users are followed, and {BATCH_USERS_MAX} is the most")));
        }
        match &self.0 {
            Source::Here(worker) => {
                worker.core.check_open()?;
                Ok(PresenceWatcher::here(worker, options))
            }
            Source::There(there) => Ok(PresenceWatcher::there(there, options)),
        }
    }

    /// How it stands.
    pub fn status(&self) -> Pending<PresenceStatus> {
        match &self.0 {
            Source::Here(worker) => Pending::ready(worker.status()),
            Source::There(there) => there.ask_for(PresenceCall::Status, |answer| match answer {
                PresenceAnswer::Status(status) => Ok(*status),
                other => Err(other),
            }),
        }
    }

    /// Ends it in good order: what it holds is over, and leased sessions have their deadlines in the log. Later calls
    /// on it and its clones answer [`crate::ErrorKind::Closed`].
    pub fn close(&self) {
        if let Source::Here(worker) = &self.0 {
            worker.close();
        }
    }
}

/// What a change came to, when the log has it.
pub(super) fn written(written: Result<Written>) -> Pending<Arc<UserView>> {
    match written {
        Err(error) => Pending::ready(Err(error)),
        Ok(Written { view, ack: None }) => Pending::ready(Ok(view)),
        Ok(Written { view, ack: Some(ack) }) => ack.map(|_| view),
    }
}

fn user_of(answer: PresenceAnswer) -> std::result::Result<Arc<UserView>, PresenceAnswer> {
    match answer {
        PresenceAnswer::User(user) => Ok(user),
        other => Err(other),
    }
}

fn reading_of(answer: PresenceAnswer) -> std::result::Result<Reading, PresenceAnswer> {
    match answer {
        PresenceAnswer::Reading(reading) => Ok(reading),
        other => Err(other),
    }
}

pub(super) fn unexpected(answer: &PresenceAnswer) -> Error {
    Error::new(crate::ErrorKind::Internal, format!("the node answered another question: {answer:?}"))
}
