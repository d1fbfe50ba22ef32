//! Where a link stands, for whoever asks.

use serde::{Deserialize, Serialize};

use super::config::{Direction, LinkConfig};

/// What a link is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkState {
    /// It has not met the other stream yet.
    #[default]
    Starting,
    /// It carries what there is.
    Running,
    /// It failed, and tries again after a pause.
    Waiting,
    /// It was stopped.
    Stopped,
}

impl LinkState {
    /// The stable lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            LinkState::Starting => "starting",
            LinkState::Running => "running",
            LinkState::Waiting => "waiting",
            LinkState::Stopped => "stopped",
        }
    }
}

/// Where a link stands; counts are since the engine was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkStatus {
    /// Its name.
    pub name: String,
    /// The local stream.
    pub stream: String,
    /// The stream on the other side.
    pub remote: String,
    /// Which way records go.
    pub direction: Direction,
    /// What it is doing.
    pub state: LinkState,
    /// Records that the other stream took.
    pub pushed: u64,
    /// Records that the local stream took.
    pub pulled: u64,
    /// Records that came or went and were there already.
    pub known: u64,
    /// Records that limits removed before they were carried: a gap.
    pub missed: u64,
    /// Records passed over for newer ones of their subjects.
    pub skipped: u64,
    /// Everything up to this sequence of the local stream is on the other side.
    pub pushed_seq: u64,
    /// Everything up to this sequence of the other stream is here.
    pub pulled_seq: u64,
    /// Sequences of the local stream that are still to be looked at.
    pub lag_push: u64,
    /// Sequences of the other stream that are still to be looked at.
    pub lag_pull: u64,
    /// How often the other stream was another one than before.
    pub resets: u64,
    /// How often it failed and began anew.
    pub failures: u64,
    /// Why it failed last.
    pub last_error: Option<String>,
}

impl LinkStatus {
    pub(crate) fn new(config: &LinkConfig) -> Self {
        LinkStatus {
            name: config.name.clone(),
            stream: config.stream.clone(),
            remote: config.remote.clone(),
            direction: config.direction,
            ..LinkStatus::default()
        }
    }

    /// Grows whenever something is carried.
    pub(crate) fn moved(&self) -> u64 {
        self.pushed + self.pulled + self.known
    }
}
