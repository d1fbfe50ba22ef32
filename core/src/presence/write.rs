//! What is done: sessions that are set, give a sign of life and end, and what a user chooses for all of them.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::core::{Core, Turn, Written};
use super::limits::{SESSIONS_MAX, check_id, check_ttl, idle_ms};
use super::nodes::{OWN, Standing};
use super::row::{ENDED_MAX, Ended, Invisible, Override};
use super::session::{Epoch, Said, Session};
use super::status::Status;
use super::time::{Moment, Wall};
use super::user::Kept;
use crate::error::{Error, ErrorKind, Result};
use crate::hybrid::STAMP_MAX;
use crate::locks::{lock, read};

/// What a session is to be. It is set as a whole: what is left out is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSet {
    /// Its name, 1 to 128 bytes.
    pub session: String,
    /// Its status; offline ends it.
    pub status: Status,
    /// What it says besides, up to 1,024 bytes.
    pub message: Option<String>,
    /// The kind of device, up to 64 bytes.
    pub device: Option<String>,
    /// Metadata, a JSON value of up to 4,096 bytes.
    pub meta: Option<String>,
    /// How long a leased session lives after a sign of life, 1 s to 24 h; `None` is the store's own.
    pub ttl: Option<Duration>,
    /// After how long without activity online is away; `None` is the store's own, and zero is never.
    pub idle: Option<Duration>,
}

impl Default for SessionSet {
    fn default() -> Self {
        SessionSet {
            session: "default".to_owned(),
            status: Status::Online,
            message: None,
            device: None,
            meta: None,
            ttl: None,
            idle: None,
        }
    }
}

/// How long a session lives unless it is heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// When it ends, milliseconds since the epoch; 0 for a held one.
    pub expires_ms: u64,
    /// How long each sign of life lets it live, milliseconds; 0 for a held one.
    pub ttl_ms: u64,
}

/// Whose sessions are to be over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purge {
    /// In this space only.
    pub space: Option<String>,
    /// Of this user only.
    pub user: Option<String>,
    /// Of those that this node answers for only.
    pub node: Option<String>,
}

impl Core {
    /// Sets a session, which is this node's from now on; `held` says whether it dies with this epoch of the store.
    pub(crate) fn set(&self, space: &str, user: &str, set: SessionSet, held: bool, now_ms: Wall) -> Result<Written> {
        check_id("space", space)?;
        check_id("user", user)?;
        if set.status.settable()? == Status::Offline {
            return self.leave(space, user, &set.session, now_ms);
        }
        let (ttl, idle) = (set.ttl.map(check_ttl).transpose()?, set.idle.map(idle_ms));
        let text = |text: Option<String>| text.map(String::into_boxed_str);
        let said = Said { message: text(set.message), device: text(set.device), meta: text(set.meta) };
        let mut session = Session::new(set.session.into_boxed_str(), set.status, said);
        session.held = held.then_some(self.epoch);
        session.ttl_ms = if held { 0 } else { ttl.unwrap_or(self.settings.ttl_ms) };
        session.idle_ms = idle.unwrap_or(self.settings.idle_ms);
        session.check()?;
        self.change(space, user, now_ms, move |turn| {
            let since = turn.user.view.session(&session.id).map(|known| known.session.since_ms);
            session.since_ms = since.unwrap_or(turn.now.wall);
            session.stamp = turn.stamp_for(&session.id);
            (session.active_ms, session.until_ms) = (turn.now.wall, turn.until(session.ttl_ms));
            let (now, due) = (turn.now, turn.now.mono + u64::from(session.ttl_ms));
            let own = turn.user.own_mut();
            if let Some(kept) = own.find_mut(&session.id) {
                if kept.is_same(&session) {
                    return Ok(kept.sign(true, now));
                }
                *kept = Kept { session: Arc::new(session), due, active: now.mono };
                return Ok(true);
            }
            if own.sessions.len() >= SESSIONS_MAX {
                return Err(Error::new(
                    ErrorKind::Limit,
                    format!("a user has {SESSIONS_MAX} sessions at a node at the most: end one first"),
                ));
            }
            own.rest.retain_ended(|ended| ended.id != session.id);
            own.sessions.push(Kept { session: Arc::new(session), due, active: now.mono });
            Ok(true)
        })
    }

    /// A sign of life of a session that this node answers for; `active` says that somebody did something there.
    pub(crate) fn heartbeat(&self, space: &str, user: &str, id: &str, active: bool, now_ms: Wall) -> Result<Lease> {
        self.check_open()?;
        let missing = || {
            let message = format!("there is no session '{}' of this user at this node: set it", id.escape_debug());
            Error::new(ErrorKind::NotFound, message)
        };
        let quiet = self.touch(space, user, now_ms, |user, now| {
            let kept = user.parts.first_mut().filter(|part| part.node == OWN).and_then(|own| own.find_mut(id))?;
            let is_quiet = !kept.is_news(active);
            if is_quiet {
                kept.sign(active, now);
            }
            kept.is_of(self.epoch).then(|| (is_quiet, kept.lease(now)))
        });
        match quiet.flatten() {
            None => Err(missing()),
            Some((true, lease)) => Ok(lease),
            Some((false, _)) => {
                let mut lease = None;
                self.change(space, user, now_ms, |turn| {
                    let kept = turn.user.own_mut().find_mut(id).ok_or_else(missing)?;
                    let is_news = kept.sign(active, turn.now);
                    lease = Some(kept.lease(turn.now));
                    Ok(is_news)
                })?;
                lease.ok_or_else(missing)
            }
        }
    }

    /// Ends a session, whoever answers for it; one that is not there is nothing.
    pub(crate) fn leave(&self, space: &str, user: &str, id: &str, now_ms: Wall) -> Result<Written> {
        check_id("space", space)?;
        check_id("user", user)?;
        check_id("session", id)?;
        self.change(space, user, now_ms, |turn| Ok(turn.end(id)))
    }

    /// Chooses a status for a user who is there, whatever the sessions say; `None` is what they say again.
    pub(crate) fn choose(
        &self,
        space: &str,
        user: &str,
        status: Option<Status>,
        how_long: Option<Duration>,
        now_ms: Wall,
    ) -> Result<Written> {
        check_id("space", space)?;
        check_id("user", user)?;
        if let Some(status @ (Status::Offline | Status::Unknown)) = status {
            let what = format!("'{status}' can't be chosen: be invisible instead");
            return Err(Error::invalid(what));
        }
        self.change(space, user, now_ms, |turn| {
            let until = how_long.map_or(0, |time| turn.now.wall.saturating_add(to_ms(time)));
            let last = turn.user.parts.iter().filter_map(|part| part.rest.over()).map(|over| over.stamp).max();
            let stamp = turn.after(last);
            turn.user.own_mut().rest.more_mut().over = Some(Override { status, until, stamp });
            Ok(true)
        })
    }

    /// Hides a user from others, or shows it again.
    pub(crate) fn hide(&self, space: &str, user: &str, on: bool, now_ms: Wall) -> Result<Written> {
        check_id("space", space)?;
        check_id("user", user)?;
        self.change(space, user, now_ms, |turn| {
            let last = turn.user.parts.iter().filter_map(|part| part.rest.invisible()).map(|i| i.stamp).max();
            let stamp = turn.after(last);
            turn.user.own_mut().rest.more_mut().invisible = Some(Invisible { on, stamp });
            Ok(true)
        })
    }

    /// Ends the sessions that are told of, of whatever node; how many.
    pub(crate) fn purge(&self, purge: &Purge, now_ms: Wall) -> Result<u64> {
        purge.space.as_deref().map_or(Ok(()), |space| check_id("space", space))?;
        purge.user.as_deref().map_or(Ok(()), |user| check_id("user", user))?;
        let number = match &purge.node {
            None => None,
            Some(node) => match read(&self.nodes).find(node) {
                Some(number) => Some(number),
                None => return Err(Error::not_found(format!("no node '{}' was heard of", node.escape_debug()))),
            },
        };
        let mut found = Vec::new();
        for shard in &self.shards {
            let shard = read(shard);
            let wanted = shard.users().filter(|(_, user)| {
                purge.space.as_deref().is_none_or(|space| space == &*user.view.space)
                    && purge.user.as_deref().is_none_or(|name| name == &*user.view.user)
            });
            for (_, user) in wanted {
                let parts = user.parts.iter().filter(|part| number.is_none_or(|number| number == part.node));
                for kept in parts.flat_map(|part| &part.sessions) {
                    found.push((Arc::clone(&user.view.space), Arc::clone(&user.view.user), kept.session.id.clone()));
                }
            }
        }
        found.dedup();
        for (space, user, id) in &found {
            let written = self.change(space, user, now_ms, |turn| Ok(turn.end(id)))?;
            written.ack.into_iter().for_each(|ack| self.note(ack));
        }
        Ok(found.len() as u64)
    }

    /// Every node's name, how it stands, and when it said something last; this one is the first.
    pub(crate) fn nodes(&self) -> Vec<(String, Standing, Wall)> {
        let nodes = read(&self.nodes);
        nodes.all().iter().map(|node| (node.name.to_string(), node.standing, node.heard_ms)).collect()
    }

    /// Why the log did not take the last record, if so.
    pub(crate) fn failed(&self) -> Option<Error> {
        lock(&self.life).failed.clone()
    }

    /// How many records of others could not be read, and why the last one could not.
    pub(crate) fn refused(&self) -> (u64, Option<Error>) {
        let life = lock(&self.life);
        (life.refused, life.last_refused.clone())
    }
}

/// In milliseconds; what is longer than those can be counted is as long as they can.
fn to_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Turn<'_> {
    /// A stamp after another one: what is done here comes after what is known here.
    fn after(&self, last: Option<u64>) -> u64 {
        self.stamp.max(last.map_or(0, |last| last + 1)).min(STAMP_MAX)
    }

    fn stamp_for(&self, id: &str) -> u64 {
        let told = self.user.parts.iter().flat_map(|part| part.told(id));
        self.after(told.max())
    }

    fn until(&self, ttl: u32) -> Wall {
        if ttl == 0 { 0 } else { self.now.wall + u64::from(ttl) }
    }

    /// Ends a session; whether there was one.
    fn end(&mut self, id: &str) -> bool {
        let stamp = self.stamp_for(id);
        let is_elsewhere = self
            .user
            .parts
            .iter()
            .filter(|part| part.node != OWN)
            .any(|part| part.sessions.iter().any(|k| &*k.session.id == id));
        let now = self.now;
        let own = self.user.own_mut();
        let count = own.sessions.len();
        own.sessions.retain(|kept| &*kept.session.id != id);
        let is_other = own.sessions.len() < count;
        if is_elsewhere {
            let ended = &mut own.rest.more_mut().ended;
            ended.retain(|ended| &*ended.id != id);
            ended.push(Ended { id: id.into(), stamp });
            let over = ended.len().saturating_sub(ENDED_MAX);
            ended.drain(..over);
        }
        if is_other || is_elsewhere {
            own.rest.seen = own.rest.seen.max(now.wall);
        }
        is_other || is_elsewhere
    }
}

impl Kept {
    /// Whether it says what another one would.
    fn is_same(&self, other: &Session) -> bool {
        let session = &self.session;
        session.status == other.status
            && session.says_the_same(other)
            && (session.held, session.ttl_ms, session.idle_ms) == (other.held, other.ttl_ms, other.idle_ms)
    }

    /// Whether the log has to know of a sign of life: that the deadline it knows is not the last word, or that somebody
    /// is active again.
    fn is_news(&self, active: bool) -> bool {
        !self.session.is_held() && !self.session.renewed || active && self.session.idle
    }

    /// Takes a sign of life; whether the log has to know.
    fn sign(&mut self, active: bool, now: Moment) -> bool {
        self.due = now.mono + u64::from(self.session.ttl_ms);
        if active {
            self.active = now.mono;
        }
        let is_news = self.is_news(active);
        if is_news {
            let mut session = Session::clone(&self.session);
            (session.renewed, session.active_ms) = (!session.is_held(), now.wall_at(self.active));
            session.idle &= !active;
            self.session = Arc::new(session);
        }
        is_news
    }

    /// One that another epoch held is beyond signs of life.
    fn is_of(&self, epoch: Epoch) -> bool {
        self.session.held.is_none_or(|held| held == epoch)
    }

    fn lease(&self, now: Moment) -> Lease {
        let expires_ms = if self.session.is_held() { 0 } else { now.wall_at(self.due) };
        Lease { expires_ms, ttl_ms: self.session.ttl_ms.into() }
    }
}
