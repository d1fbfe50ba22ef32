//! How entities live.

use std::time::Duration;

use crate::error::{Error, Result};

use super::cluster::ClusterConfig;
use super::shards::SHARDS;

/// How entities live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntitiesConfig {
    /// The shards that keys are spread over: the same on all nodes, for ever. A client takes what the cluster has.
    pub shards: u32,
    /// The most messages that wait for one entity.
    pub mailbox: usize,
    /// The most handlers that are alive; beyond, the one that was asked longest ago stops.
    pub active: usize,
    /// The most bytes that handlers say they hold, by [`super::Context::holds`]; beyond, idle ones stop, the one first
    /// that was asked longest ago. No limit, when 0.
    pub memory: u64,
    /// How long a handler lives that nobody asks.
    pub idle: Duration,
    /// How long a handler may take for one item.
    pub lease: Duration,
    /// How often a message is handed out that nobody waits for, until it is given up.
    pub attempts: u32,
    /// The most background tasks of one handler that are under way at once.
    pub tasks: u32,
    /// The nodes that share them; this one has all when there is none.
    pub cluster: Option<ClusterConfig>,
}

impl Default for EntitiesConfig {
    fn default() -> Self {
        EntitiesConfig {
            shards: SHARDS,
            mailbox: 1_024,
            active: 100_000,
            memory: 0,
            idle: Duration::from_secs(120),
            lease: Duration::from_secs(30),
            attempts: 3,
            tasks: 16,
            cluster: None,
        }
    }
}

impl EntitiesConfig {
    pub(super) fn check(&self) -> Result<()> {
        for (what, number) in [
            ("shards", self.shards as usize),
            ("mailbox", self.mailbox),
            ("active", self.active),
            ("attempts", self.attempts as usize),
        ] {
            if number == 0 {
                return Err(Error::invalid(format!("{what} of entities must be at least 1")));
            }
        }
        self.cluster.as_ref().map_or(Ok(()), ClusterConfig::check)
    }
}
