//! Snapshots of a file that is worked on: made, listed, joined, and put where no file is.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::config::{DatabaseConfig, SnapshotConfig};
use super::snapshot::{self, Manifest, SnapshotInfo, Store};
use super::worker::Worker;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::replica::status::JobStatus;

/// Snapshots that are kept unless it is told otherwise.
const KEPT: usize = 3;

/// A file beside the database.
fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(what);
    PathBuf::from(name)
}

/// Puts the newest snapshot, or that of this name, where a database has no file.
pub(crate) fn bootstrap(engine: &Engine, config: &DatabaseConfig, id: Option<&str>) -> Result<SnapshotInfo> {
    let name = config.database_name()?;
    let store = snapshot::open(&config.snapshot, &name, engine)?;
    let manifest = snapshot::find(&*store, &name, id)?;
    let fetched = beside(&config.path, ".headwater-restore");
    snapshot::fetch(&*store, &manifest, &fetched, &mut |_, _| ControlFlow::Continue(()))?;
    if config.path.exists() {
        let message = format!("{} is there: attach it, and the snapshot is joined with it", config.path.display());
        return Err(Error::new(ErrorKind::Conflict, message));
    }
    snapshot::place(&fetched, &config.path)?;
    Ok(manifest.info)
}

impl Worker {
    /// What snapshots are told now.
    pub(crate) fn snapshot_config(&self) -> SnapshotConfig {
        lock(&self.snapshot_told).clone()
    }

    /// All that it is told, but for what is secret.
    pub(crate) fn config_without_secrets(&self) -> DatabaseConfig {
        DatabaseConfig { snapshot: self.snapshot_config(), ..self.config.clone() }.without_secrets()
    }

    /// Tells snapshots something else: where they are kept, when they are made, and what is secret about it.
    pub(crate) fn tell_snapshots(&self, config: &SnapshotConfig) {
        lock(&self.snapshot_told).clone_from(config);
    }

    fn open_store(&self) -> Result<Box<dyn Store>> {
        snapshot::open(&self.snapshot_config(), &self.name, &self.engine)
    }

    /// Makes a snapshot, and forgets old ones. An upload that stopped is finished first, and is then the snapshot.
    pub(crate) fn snapshot(&self) -> Result<SnapshotInfo> {
        let _one = self.begin_job()?;
        let store = self.open_store()?;
        let (copy, note) = (beside(&self.path, ".headwater-snapshot"), beside(&self.path, ".headwater-snapshot.json"));
        // What a copy is whose upload is not done.
        let unfinished = std::fs::read(&note).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let info = match unfinished.filter(|_| copy.exists()) {
            Some(info) => info,
            None => self.copy(&copy, &note)?,
        };
        let info =
            snapshot::upload(&*store, &self.name, info, &copy, &mut |done, total| self.tell("upload", done, total))?;
        snapshot::remove(&note)?;
        snapshot::remove(&copy)?;
        let keep = self.snapshot_config().keep;
        snapshot::prune(&*store, if keep == 0 { KEPT } else { keep })?;
        Ok(info)
    }

    fn copy(&self, copy: &Path, note: &Path) -> Result<SnapshotInfo> {
        let _ = self.tell("copy", 0, 0);
        let status = self.status();
        let created_ms = self.engine.clock().now() / super::core::MS;
        let node = u64::from_str_radix(&status.node, 16).unwrap_or_default();
        let id = Manifest::id(created_ms, node);
        let info = SnapshotInfo { id, node_id: status.node_id, created_ms, bytes: 0, stored_bytes: 0 };
        snapshot::copy(&self.path, copy, &self.config.options())?;
        let bytes = serde_json::to_vec(&info).unwrap_or_default();
        std::fs::write(note, bytes).map_err(|e| Error::io(format_args!("write {}", note.display()), &e))?;
        Ok(info)
    }

    /// The snapshots that there are, the newest first.
    pub(crate) fn snapshots(&self) -> Result<Vec<SnapshotInfo>> {
        let store = self.open_store()?;
        snapshot::list(&*store, &self.name)
    }

    /// Joins the newest snapshot, or that of this name, with the file.
    pub(crate) fn restore(&self, id: Option<&str>) -> Result<SnapshotInfo> {
        let _one = self.begin_job()?;
        let store = self.open_store()?;
        let manifest = snapshot::find(&*store, &self.name, id)?;
        let fetched = beside(&self.path, ".headwater-restore");
        snapshot::fetch(&*store, &manifest, &fetched, &mut |done, total| self.tell("fetch", done, total))?;
        let taken = snapshot::read(
            &fetched,
            self.config.options(),
            &mut |units| self.with_node(|node| node.import(units)),
            &mut |done, total| self.tell("join", done, total),
        )?;
        self.with_node(|node| node.unite_taken(&taken))?;
        for end in ["", "-wal", "-shm"] {
            snapshot::remove(&beside(&fetched, end))?;
        }
        Ok(manifest.info)
    }

    /// Says how far it is, and whether it shall go on.
    fn tell(&self, what: &str, done: u64, total: u64) -> ControlFlow<()> {
        *lock(&self.job) = Some(JobStatus { what: what.to_owned(), done, total });
        if self.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// One job at a time; it is over when this is dropped.
    fn begin_job(&self) -> Result<Job<'_>> {
        let mut job = lock(&self.job);
        if job.is_some() {
            let message = format!("a snapshot of database '{}' is at work", self.name);
            return Err(Error::new(ErrorKind::Busy, message));
        }
        *job = Some(JobStatus { what: "begin".to_owned(), done: 0, total: 0 });
        Ok(Job(self))
    }
}

struct Job<'a>(&'a Worker);

impl Drop for Job<'_> {
    fn drop(&mut self) {
        *lock(&self.0.job) = None;
    }
}
