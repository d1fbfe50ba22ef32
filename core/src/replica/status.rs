//! How a replicated file stands.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a replicated file is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseState {
    /// Nobody works on it: what is written is captured, and waits.
    #[default]
    Stopped,
    /// What is written here goes out, and what others write comes in.
    Running,
    /// It was told to wait. What is written is captured.
    Paused,
    /// Something is wrong, which the last error says; it is tried again.
    Failed,
}

impl DatabaseState {
    /// The stable lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            DatabaseState::Stopped => "stopped",
            DatabaseState::Running => "running",
            DatabaseState::Paused => "paused",
            DatabaseState::Failed => "failed",
        }
    }
}

/// A table that does not replicate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedTable {
    /// Its name.
    pub table: String,
    /// Why.
    pub reason: String,
}

/// Work that takes a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobStatus {
    /// `copy`, `upload`, `fetch` or `join`.
    pub what: String,
    /// How much is done, in bytes, or in rows of a join.
    pub done: u64,
    /// Of how much.
    pub total: u64,
}

/// How a replicated file stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DatabaseStatus {
    /// What the nodes call it.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// What people call this node.
    pub node_id: String,
    /// In whose name its units are now, 16 hex digits. It is another one after a crash, and for a copy.
    pub node: String,
    /// What it is doing.
    pub state: DatabaseState,
    /// The tables that replicate.
    pub tables: Vec<String>,
    /// Those that do not.
    pub refused: Vec<RefusedTable>,
    /// The columns that are left out of tables that replicate, as `table.column`.
    #[serde(default)]
    pub left_out: Vec<String>,
    /// Writes that were captured and are in no unit yet.
    pub pending: u64,
    /// Units that are not in the log yet.
    pub unsent: u64,
    /// Units that were sent since it was opened.
    pub published: u64,
    /// Units of others that were joined since it was opened.
    pub applied: u64,
    /// The changes of rows in them.
    pub changes: u64,
    /// Rows that are not shown, as another one that won has their UNIQUE value or they break a constraint.
    pub conflicts: u64,
    /// Bundles of changes that wait for a table or column.
    pub parked: u64,
    /// Units that wait, as their clock is too far ahead.
    pub held: u64,
    /// Units of others that were made and did not come: a snapshot, or whoever has them, is needed.
    pub missing: u64,
    /// Records of the log that were not read yet.
    pub lag_records: u64,
    /// How old the newest write of another node is that is in the file, milliseconds; 0 when nothing waits to be read.
    pub lag_ms: u64,
    /// How long nothing was sent and nothing joined, milliseconds.
    pub idle_ms: u64,
    /// A snapshot that is being made or joined: what, and how far of how much.
    pub job: Option<JobStatus>,
    /// Records of the log that could not be understood.
    pub faults: u64,
    /// What went wrong last; empty when nothing did.
    pub last_error: String,
}
