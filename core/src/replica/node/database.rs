//! The handle of a replicated file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::call::{DatabaseAnswer, DatabaseCall};
use super::check::CheckReport;
use super::session::Connection;
use super::snapshot::SnapshotInfo;
use super::watcher::ChangeWatcher;
use super::worker::Worker;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::replica::schema_view::SchemaOf;
use crate::replica::status::DatabaseStatus;

/// A SQLite file that replicates. Cheap to clone: clones share it.
///
/// Whoever has the engine's directory open works on it; any program writes to the file, through a [`Connection`] or by
/// itself from another process.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    engine: Engine,
    name: String,
    path: PathBuf,
    shards: usize,
    /// What works on it, when that is in this process.
    worker: Option<Arc<Worker>>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("name", &self.0.name).field("path", &self.0.path).finish_non_exhaustive()
    }
}

impl Database {
    pub(crate) fn over(
        engine: &Engine,
        name: String,
        path: PathBuf,
        shards: usize,
        worker: Option<Arc<Worker>>,
    ) -> Database {
        Database(Arc::new(Inner { engine: engine.clone(), name, path, shards, worker }))
    }

    /// What the nodes call it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The streams that are its log: one for each shard, so one unless [`crate::replica::LogConfig::shards`] says more.
    pub fn stream_names(&self) -> Vec<String> {
        super::log::stream_names(&self.0.name, self.0.shards)
    }

    /// A connection to the file, with this process's copy of SQLite.
    ///
    /// # Errors [`ErrorKind::NotFound`] when the file is gone; [`ErrorKind::Busy`] when somebody has it locked for more
    /// than 5 s.
    pub fn connect(&self) -> Result<Connection> {
        Connection::open(&self.0.path, self.0.worker.clone())
    }

    /// How it stands.
    pub fn status(&self) -> Pending<DatabaseStatus> {
        self.ask(DatabaseCall::Status(self.0.name.clone())).map(|answer| match answer {
            DatabaseAnswer::Statuses(mut statuses) => statuses.pop().unwrap_or_default(),
            _ => DatabaseStatus::default(),
        })
    }

    /// Takes in all that was written here before the call and puts it into the log, and joins all that the log has of
    /// others.
    pub fn sync(&self) -> Pending<()> {
        self.ask(DatabaseCall::Sync(self.0.name.clone())).map(drop)
    }

    /// Leaves the file alone until [`Database::resume`], across restarts too. What is written is captured and waits.
    pub fn pause(&self) -> Pending<()> {
        self.ask(DatabaseCall::Pause(self.0.name.clone())).map(drop)
    }

    /// Goes on.
    pub fn resume(&self) -> Pending<()> {
        self.ask(DatabaseCall::Resume(self.0.name.clone())).map(drop)
    }

    /// Lets in what is held, as the clock of the node that wrote it is too far ahead; how many units that was.
    pub fn release(&self) -> Pending<u64> {
        self.ask(DatabaseCall::Release(self.0.name.clone())).map(|answer| match answer {
            DatabaseAnswer::Count(count) => count,
            _ => 0,
        })
    }

    /// Ends replication, and takes every trace of it out of the file. The log stays; what is not sent yet is lost to
    /// others, which [`Database::sync`] before prevents.
    pub fn detach(&self) -> Pending<()> {
        self.ask(DatabaseCall::Detach(self.0.name.clone())).map(drop)
    }

    /// Compares this node with all others, which work on: those that have the same units must have the same rows. With
    /// `repair`, all nodes give the rows of what differs, join them, and are compared again.
    pub fn check(&self, repair: bool) -> Pending<CheckReport> {
        self.ask(DatabaseCall::Check(self.0.name.clone(), repair)).map(|answer| match answer {
            DatabaseAnswer::Report(report) => report,
            _ => CheckReport::default(),
        })
    }

    /// Follows what is joined from now on: which row, what was done to it and by whose write. What the row is then is
    /// in the file. The last 4,096 changes are kept; a watcher that is slower is told how many it missed.
    ///
    /// # Errors [`ErrorKind::NotFound`] when it was detached; [`ErrorKind::Closed`].
    pub fn watch(&self) -> Pending<ChangeWatcher> {
        ChangeWatcher::open(&self.0.engine, &self.0.name)
    }

    /// Who has which schema, table by table.
    pub fn schema(&self) -> Pending<Vec<SchemaOf>> {
        self.ask(DatabaseCall::Schema(self.0.name.clone())).map(|answer| match answer {
            DatabaseAnswer::Schemas(schemas) => schemas,
            _ => Vec::new(),
        })
    }

    /// Makes a snapshot where [`super::SnapshotConfig::store`] says; it is consistent, and writers go on meanwhile.
    pub fn snapshot(&self) -> Pending<SnapshotInfo> {
        one_snapshot(self.ask(DatabaseCall::Snapshot(self.0.name.clone())))
    }

    /// The snapshots that there are, the newest first.
    pub fn snapshots(&self) -> Pending<Vec<SnapshotInfo>> {
        self.ask(DatabaseCall::Snapshots(self.0.name.clone())).map(|answer| match answer {
            DatabaseAnswer::Snapshots(all) => all,
            _ => Vec::new(),
        })
    }

    /// Joins the newest snapshot with the file, or the one of this name. What was written here is kept, as far as
    /// nothing newer is in it, and the application goes on meanwhile.
    pub fn restore(&self, id: Option<&str>) -> Pending<SnapshotInfo> {
        one_snapshot(self.ask(DatabaseCall::Restore(self.0.name.clone(), id.map(str::to_owned))))
    }

    fn ask(&self, call: DatabaseCall) -> Pending<DatabaseAnswer> {
        self.0.engine.call_database(call)
    }
}

fn one_snapshot(answer: Pending<DatabaseAnswer>) -> Pending<SnapshotInfo> {
    let none = || Error::new(ErrorKind::Internal, "no snapshot is told of");
    answer.and_then(move |answer| {
        let made = match answer {
            DatabaseAnswer::Snapshots(mut all) => all.pop(),
            _ => None,
        };
        Pending::ready(made.ok_or_else(none))
    })
}

/// What [`Database::attach`] finds of a file's name, or does not.
pub(crate) fn unknown(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no database '{name}' attached"))
}
