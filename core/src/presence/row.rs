//! What a node writes into the log. Each node has a record of its own for each user, and one about itself, and writes
//! them whole: each subject has one writer, so the newest record of a subject is what its node said last, in whatever
//! order links bring the records of others.
//!
//! Store `name` is stream `PRESENCE_<name>`; a user's records are at `$PRESENCE.<name>.u.<space>.<user>.<node>`, a
//! node's own at `$PRESENCE.<name>.n.<node>`, each name as one token ([`crate::subject::encode_token`]). Payloads are
//! JSON.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::limits::{SESSIONS_MAX, check_id};
use super::session::{Epoch, Session, hex};
use super::status::Status;
use super::time::Wall;
use crate::error::{Error, Result};
use crate::hybrid::STAMP_MAX;
use crate::subject::{decode_token, encode_token};

/// Sessions that a node tells to be over although another node tells of them.
pub(crate) const ENDED_MAX: usize = 4 * SESSIONS_MAX;

/// What most records take: who has more has it grow.
const ROW_BYTES: usize = 384;

/// The version of the records.
const VERSION: u8 = 1;

/// What one node says of one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    v: u8,
    /// Those that this node answers for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sessions: Vec<Arc<Session>>,
    /// When the user was last there, milliseconds since the epoch; 0 is never.
    #[serde(default)]
    seen: Wall,
    /// When the merged status changed last, as this node saw it.
    #[serde(default)]
    changed: Wall,
    /// Sessions that ended here and are told of by another node still.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ended: Vec<Ended>,
    #[serde(rename = "override", default, skip_serializing_if = "Option::is_none")]
    over: Option<Override>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invisible: Option<Invisible>,
}

/// What a node says of a user beside sessions, each as in [`Row`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rest {
    pub(crate) seen: Wall,
    pub(crate) changed: Wall,
    /// Of most users there is nothing more.
    more: Option<Box<More>>,
}

/// What few users have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct More {
    pub(crate) ended: Vec<Ended>,
    pub(crate) over: Option<Override>,
    pub(crate) invisible: Option<Invisible>,
}

impl Rest {
    pub(crate) fn ended(&self) -> &[Ended] {
        self.more.as_ref().map_or(&[], |more| &more.ended)
    }

    pub(crate) fn over(&self) -> Option<Override> {
        self.more.as_ref()?.over
    }

    pub(crate) fn invisible(&self) -> Option<Invisible> {
        self.more.as_ref()?.invisible
    }

    pub(crate) fn more_mut(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// Keeps of those that ended what `is_kept` takes.
    pub(crate) fn retain_ended(&mut self, is_kept: impl FnMut(&Ended) -> bool) {
        if let Some(more) = &mut self.more {
            more.ended.retain(is_kept);
            self.more.take_if(|more| **more == More::default());
        }
    }
}

/// A session that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) id: Box<str>,
    pub(crate) stamp: u64,
}

/// The status that a user chose for all sessions, or gave up choosing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Override {
    /// None is the merged one again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<Status>,
    /// Until when, milliseconds since the epoch; 0 is until it is changed.
    #[serde(default)]
    pub(crate) until: Wall,
    pub(crate) stamp: u64,
}

/// Whether a user is hidden from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invisible {
    pub(crate) on: bool,
    pub(crate) stamp: u64,
}

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeRow {
    v: u8,
    /// The epoch of its store: sessions that it held in another one are over.
    #[serde(with = "hex")]
    pub(crate) epoch: Option<Epoch>,
    /// Whether it is at work, or said goodbye.
    pub(crate) up: bool,
    /// When it said this.
    pub(crate) at: Wall,
    /// When its store was last known to be at work in the epoch before.
    #[serde(default)]
    pub(crate) before: Wall,
}

impl Row {
    pub(crate) fn new(sessions: Vec<Arc<Session>>, rest: Rest) -> Row {
        let Rest { seen, changed, more } = rest;
        let More { ended, over, invisible } = more.map(|more| *more).unwrap_or_default();
        Row { v: VERSION, sessions, seen, changed, ended, over, invisible }
    }

    /// Whether it tells of a session.
    pub(crate) fn has_sessions(&self) -> bool {
        !self.sessions.is_empty()
    }

    pub(crate) fn into_parts(self) -> (Vec<Arc<Session>>, Rest) {
        let Row { sessions, seen, changed, ended, over, invisible, .. } = self;
        let more = More { ended, over, invisible };
        let more = (more != More::default()).then(|| Box::new(more));
        (sessions, Rest { seen, changed, more })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(ROW_BYTES);
        // None of what is written here has no JSON.
        let _ = serde_json::to_writer(&mut payload, self);
        payload
    }

    /// Reads what another node wrote, and refuses what it could not have said.
    pub(crate) fn decode(payload: &[u8]) -> Result<Row> {
        let row: Row = serde_json::from_slice(payload).map_err(|e| unreadable("a user", &e))?;
        check_version(row.v)?;
        let (sessions, ended) = (row.sessions.len(), row.ended.len());
        if sessions > SESSIONS_MAX || ended > ENDED_MAX {
            let bounds = format!("{SESSIONS_MAX} sessions and {ENDED_MAX} ended ones at the most");
            return Err(Error::corrupt(format!("a presence record has {bounds}, not {sessions} and {ended}")));
        }
        row.sessions.iter().try_for_each(|session| session.check())?;
        let stamps = row.sessions.iter().map(|s| s.stamp).chain(row.ended.iter().map(|e| e.stamp));
        let stamps = stamps.chain(row.over.map(|o| o.stamp)).chain(row.invisible.map(|i| i.stamp));
        if let Some(stamp) = stamps.max().filter(|stamp| *stamp > STAMP_MAX) {
            return Err(Error::corrupt(format!("a presence record has the stamp {stamp}, which no clock gives")));
        }
        Ok(row)
    }
}

impl NodeRow {
    pub(crate) fn new(epoch: Epoch, up: bool, at: Wall, before: Wall) -> NodeRow {
        NodeRow { v: VERSION, epoch: Some(epoch), up, at, before }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn decode(payload: &[u8]) -> Result<NodeRow> {
        let row: NodeRow = serde_json::from_slice(payload).map_err(|e| unreadable("a node", &e))?;
        check_version(row.v)?;
        if row.epoch.is_none() {
            return Err(Error::corrupt("a node's presence record has no epoch"));
        }
        Ok(row)
    }
}

fn unreadable(whose: &str, error: &serde_json::Error) -> Error {
    Error::corrupt(format!("a presence record about {whose} can't be read: {error}"))
}

fn check_version(version: u8) -> Result<()> {
    if version == VERSION {
        return Ok(());
    }
    Err(Error::corrupt(format!("a presence record of version {version}, and this program reads version {VERSION}")))
}

/// Where the records of a store are.
#[derive(Debug, Clone)]
pub(crate) struct Subjects {
    prefix: String,
}

/// A record, and whom its subject says that it is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    User { space: String, user: String, node: String, row: Row },
    Node(String, NodeRow),
}

impl Subjects {
    pub(crate) fn of(store: &str) -> Subjects {
        Subjects { prefix: format!("$PRESENCE.{store}") }
    }

    /// All of them.
    pub(crate) fn filter(&self) -> String {
        format!("{}.>", self.prefix)
    }

    pub(crate) fn user(&self, space: &str, user: &str, node: &str) -> String {
        let (space, user) = (encode_token(space), encode_token(user));
        // Written for each change, so it is not made by a format.
        [&*self.prefix, ".u.", &space, ".", &user, ".", node].concat()
    }

    pub(crate) fn node(&self, node: &str) -> String {
        format!("{}.n.{node}", self.prefix)
    }

    /// Reads a record; an error for a subject that nothing of ours writes, too.
    pub(crate) fn read(&self, subject: &str, payload: &[u8]) -> Result<Told> {
        let bad = || Error::corrupt(format!("{} is the subject of no presence record", subject.escape_debug()));
        let rest = subject.strip_prefix(&self.prefix).and_then(|rest| rest.strip_prefix('.')).ok_or_else(bad)?;
        match *rest.split('.').collect::<Vec<_>>() {
            ["n", node] => Ok(Told::Node(node.to_owned(), NodeRow::decode(payload)?)),
            ["u", space, user, node] => {
                let (space, user) = (decode_token(space)?, decode_token(user)?);
                check_id("space", &space)?;
                check_id("user", &user)?;
                Ok(Told::User { space, user, node: node.to_owned(), row: Row::decode(payload)? })
            }
            _ => Err(bad()),
        }
    }
}
