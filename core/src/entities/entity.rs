//! One entity: its name, its mailbox, and what becomes of it now.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Nanos;
use crate::error::{Error, Result};

use super::chain::Chain;
use super::reply::Reply;
use super::turn::What;

/// The longest kind or key, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 128;

/// Which entity: its kind, such as `account`, and its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EntityId<'a> {
    /// Its kind, 1 to 128 bytes.
    pub kind: &'a str,
    /// Which one it is: any text of 1 to 128 bytes.
    pub key: &'a str,
}

impl<'a> EntityId<'a> {
    /// The entity of this kind and key.
    pub fn new(kind: &'a str, key: &'a str) -> Self {
        EntityId { kind, key }
    }

    /// Whether both may be what they are.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a kind or key that has no byte or more than 128.
    pub fn check(self) -> Result<()> {
        for (what, name) in [("the kind", self.kind), ("the key", self.key)] {
            if name.is_empty() || name.len() > NAME_BYTES_MAX {
                let bytes = name.len();
                return Err(Error::invalid(format!(
                    "{what} of an entity is {bytes} bytes: it has 1 to {NAME_BYTES_MAX}"
                )));
            }
        }
        Ok(())
    }
}

impl fmt::Display for EntityId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} '{}'", self.kind.escape_debug(), self.key.escape_debug())
    }
}

/// The name of an entity, for all that speak of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) kind: Box<str>,
    pub(super) key: Box<str>,
}

impl Name {
    pub(super) fn of(id: EntityId<'_>) -> Self {
        Name { kind: id.kind.into(), key: id.key.into() }
    }

    pub(super) fn id(&self) -> EntityId<'_> {
        EntityId { kind: &self.kind, key: &self.key }
    }
}

/// What waits in a mailbox.
pub(super) struct Letter {
    pub(super) what: What,
    pub(super) reply: Reply,
    /// How often it was handed out.
    pub(super) attempt: u32,
    /// Whoever asked waits no longer than this.
    pub(super) deadline: Nanos,
    /// The requests that it is part of.
    pub(super) chain: Option<Arc<Chain>>,
}

/// What becomes of an entity now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// Nothing waits, or it may not be handed out.
    Nothing,
    /// It is in the queue.
    Ready,
    /// Somebody has its turn.
    Running { until: Nanos },
}

/// Whether a handler is to stop when what waits is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    /// It stays.
    No,
    /// It was idle for long, or there are too many: a message keeps it.
    Idle,
    /// Its shard goes to another node: it takes nothing new.
    Moving,
}

/// An item of a turn that is not completed.
pub(super) struct Open {
    /// Its place in the turn.
    pub(super) item: u32,
    pub(super) letter: Letter,
}

pub(super) struct Entry {
    pub(super) name: Arc<Name>,
    pub(super) shard: u32,
    pub(super) doing: Doing,
    /// When its last turn was handed out.
    pub(super) begun: Nanos,
    /// Which life of the handler this is, for whoever keeps the handlers; 0 before the first.
    pub(super) activation: u64,
    /// Whether the program has a handler for it.
    pub(super) is_started: bool,
    pub(super) mailbox: VecDeque<Letter>,
    /// What the turn that is out has not completed, in order.
    pub(super) open: VecDeque<Open>,
    /// How often the handler broke since it last completed something.
    pub(super) failures: u32,
    /// Nothing is handed out before, as the handler broke.
    pub(super) resume: Nanos,
    /// For tests: only as many items are handed out.
    pub(super) steps: Option<u64>,
    pub(super) leaving: Leaving,
    /// When it is to be looked at, for a lease or a rest; 0 when it need not be.
    pub(super) due: Nanos,
    /// How many of its background tasks are under way.
    pub(super) tasks: u32,
    /// What its handler says that it holds.
    pub(super) bytes: u64,
    /// The timers that its handler set, by name.
    pub(super) timers: Vec<(Arc<str>, (Nanos, u64))>,
    /// Its place among those that are idle.
    pub(super) before: u32,
    pub(super) after: u32,
    pub(super) idle_since: Nanos,
}

impl Entry {
    pub(super) fn new(name: Arc<Name>, shard: u32) -> Self {
        Entry {
            name,
            shard,
            doing: Doing::Nothing,
            begun: 0,
            activation: 0,
            is_started: false,
            mailbox: VecDeque::new(),
            open: VecDeque::new(),
            failures: 0,
            resume: 0,
            steps: None,
            leaving: Leaving::No,
            due: 0,
            tasks: 0,
            bytes: 0,
            timers: Vec::new(),
            before: super::idle::NOBODY,
            after: super::idle::NOBODY,
            idle_since: 0,
        }
    }

    /// Whether there is something to hand out, and it may be.
    pub(super) fn wants_turn(&self, now: Nanos) -> bool {
        let has_something = !self.mailbox.is_empty() || (self.leaving != Leaving::No && self.is_started);
        self.doing == Doing::Nothing && has_something && self.resume <= now && self.steps != Some(0)
    }
}

/// How long a handler that broke is not begun anew: 10 ms, doubled each time, up to 30 s.
pub(super) fn pause_after(failures: u32) -> Duration {
    const FIRST: Duration = Duration::from_millis(10);
    const LONGEST: Duration = Duration::from_secs(30);
    FIRST.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(LONGEST)
}
