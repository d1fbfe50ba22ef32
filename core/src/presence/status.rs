//! What a session or a user is: the order is the rank by which sessions merge, as Synapse coalesces devices.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Whether somebody is there. Of a user's live sessions the largest counts: busy, online, away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not there.
    #[default]
    Offline,
    /// Was there when the node that answers for it was last heard of. Told, and never set.
    Unknown,
    /// There, and doing something else.
    Away,
    /// There.
    Online,
    /// There, and not to be disturbed.
    Busy,
}

impl Status {
    /// Every status, from the lowest rank to the highest.
    pub const ALL: [Status; 5] = [Status::Offline, Status::Unknown, Status::Away, Status::Online, Status::Busy];

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Status::Offline => "offline",
            Status::Unknown => "unknown",
            Status::Away => "away",
            Status::Online => "online",
            Status::Busy => "busy",
        }
    }

    /// Refuses what a session can't say of itself.
    pub(crate) fn settable(self) -> Result<Status> {
        match self {
            Status::Unknown => Err(Error::invalid("status 'unknown' is told, and can't be set")),
            status => Ok(status),
        }
    }
}

impl FromStr for Status {
    type Err = Error;

    fn from_str(name: &str) -> Result<Status> {
        let found = Status::ALL.into_iter().find(|status| status.name() == name);
        found.ok_or_else(|| {
            let name: String = name.chars().take(32).collect();
            Error::invalid(format!("'{}' is no status: online, away, busy or offline", name.escape_debug()))
        })
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
