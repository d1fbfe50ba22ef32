//! What is asked of a presence store through the node that has its directory open; question and answer are JSON.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{PresenceStatus, Reading};
use crate::presence::config::PresenceConfig;
use crate::presence::status::Status;
use crate::presence::view::{Counts, UserView};
use crate::presence::watch::{WatchEvent, WatchOptions};
use crate::presence::write::{Lease, Purge, SessionSet};

/// A question about a store, which is begun if it is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PresenceQuestion {
    pub(crate) config: PresenceConfig,
    pub(crate) call: PresenceCall,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PresenceCall {
    /// Nothing: the store is to be there.
    Open,
    Set {
        space: String,
        user: String,
        set: SessionSet,
    },
    Heartbeat {
        space: String,
        user: String,
        session: String,
        active: bool,
    },
    Leave {
        space: String,
        user: String,
        session: String,
    },
    Choose {
        space: String,
        user: String,
        status: Option<Status>,
        how_long: Option<Duration>,
    },
    Hide {
        space: String,
        user: String,
        on: bool,
    },
    Get {
        space: String,
        users: Vec<String>,
    },
    List {
        space: String,
    },
    Counts {
        space: String,
    },
    Spaces,
    Purge(Purge),
    Status,
    /// Wait for events; those who follow ask again behind the position that they have.
    Watch {
        options: WatchOptions,
        max: usize,
    },
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PresenceAnswer {
    Done,
    User(Arc<UserView>),
    Lease(Lease),
    Reading(Reading),
    Counts(Counts),
    Spaces(Vec<(String, Counts)>),
    Count(u64),
    Status(Box<PresenceStatus>),
    Events(Vec<WatchEvent>),
}
