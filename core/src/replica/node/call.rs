//! What is asked of the replicated files of an engine, in this process or through the node that has its directory open.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::changes::Page;
use super::check::CheckReport;
use super::config::DatabaseConfig;
use super::snapshot::SnapshotInfo;
use crate::replica::schema_view::SchemaOf;
use crate::replica::status::DatabaseStatus;

/// A question. Files are known by their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DatabaseCall {
    /// Begin, or find, a file.
    Attach(Box<DatabaseConfig>),
    /// Where a file is.
    Find(String),
    /// How all stand.
    List,
    /// How one stands.
    Status(String),
    /// Take in and send all that there is.
    Sync(String),
    /// Leave it alone.
    Pause(String),
    /// Go on.
    Resume(String),
    /// Let in what is held.
    Release(String),
    /// Take every trace out of the file.
    Detach(String),
    /// Compare with all other nodes, and repair where that is asked for.
    Check(String, bool),
    /// Who has which schema.
    Schema(String),
    /// The changes that were joined from a number on; without one, where the next will be.
    Watch { name: String, from: Option<u64>, max: usize },
    /// Make a snapshot.
    Snapshot(String),
    /// Which snapshots there are.
    Snapshots(String),
    /// Join the newest snapshot with the file, or that of this name.
    Restore(String, Option<String>),
}

impl DatabaseCall {
    /// The file that it is about, by its name; none for all, and for one that begins.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            DatabaseCall::Attach(_) | DatabaseCall::List => None,
            DatabaseCall::Find(name)
            | DatabaseCall::Status(name)
            | DatabaseCall::Sync(name)
            | DatabaseCall::Pause(name)
            | DatabaseCall::Resume(name)
            | DatabaseCall::Release(name)
            | DatabaseCall::Detach(name)
            | DatabaseCall::Check(name, _)
            | DatabaseCall::Schema(name)
            | DatabaseCall::Watch { name, .. }
            | DatabaseCall::Snapshot(name)
            | DatabaseCall::Snapshots(name)
            | DatabaseCall::Restore(name, _) => Some(name),
        }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DatabaseAnswer {
    /// It is done.
    Done,
    /// So many.
    Count(u64),
    /// The file of this name is here, and its log is so many streams.
    Found(String, PathBuf, usize),
    /// They stand like this.
    Statuses(Vec<DatabaseStatus>),
    /// They compare like this.
    Report(CheckReport),
    /// These schemas.
    Schemas(Vec<SchemaOf>),
    /// These changes.
    Changes(Page),
    /// These snapshots.
    Snapshots(Vec<SnapshotInfo>),
}
