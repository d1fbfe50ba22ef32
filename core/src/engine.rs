//! An engine, whichever kind it is: streams, buckets and object stores by name, its log, and its end. What only a
//! directory can do is for the local kind. Here the pillars meet; none of them knows another.

mod actors;
mod backup;
mod bus;
#[cfg(feature = "config")]
mod config;
#[cfg(feature = "replica")]
mod databases;
mod handover;
mod hub;
pub(crate) mod links;
mod local;
mod mesh;
pub(crate) mod metrics;
mod node;
mod options;
mod presences;
#[cfg(test)]
mod tests;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::clock::{Clock, Nanos};
use crate::crdt::store;
use crate::crdt::{CrdtConfig, CrdtStore};
use crate::disk::MemDisk;
use crate::error::{Error, ErrorKind, Result};
use crate::log::LogLine;
use crate::pending::Pending;
use crate::shared::Shared;
use crate::stream::bucket::{self, Bucket, BucketConfig};
use crate::stream::config::{StreamConfig, check_name};
use crate::stream::contract::{EngineOps, WireOps};
use crate::stream::hub_state::StateCell;
use crate::stream::object::{self, ObjectConfig, ObjectStore};
use crate::stream::{Stream, StreamInfo};
use crate::timers::Sleep;
pub(crate) use local::Inner;
pub use options::{EngineOptions, NodeUse};
pub use verify::VerifyReport;

/// A directory of streams, or one in memory. Cheap to clone: clones share it, and the last one to go closes it.
#[derive(Clone)]
pub struct Engine(Kind);

#[derive(Clone)]
enum Kind {
    Local(Arc<Inner>),
    Other(Other),
}

/// What keeps its streams elsewhere.
#[derive(Clone)]
struct Other {
    ops: Arc<dyn EngineOps>,
    shared: Arc<Shared>,
    id: u64,
    /// The directory of the node that it is reached through.
    dir: Option<Arc<Path>>,
    /// Whether whoever has it steps it, as in a simulation.
    is_stepped: bool,
    /// Where its connection stands, when it is to a hub.
    hub: Option<Arc<StateCell>>,
    presences: Arc<presences::Presences>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("dir", &self.dir()).finish_non_exhaustive()
    }
}

impl Engine {
    /// Opens a directory for writing, and makes it if it is not there. Where a node has it open (`headwater serve`, or
    /// a program with a [`crate::LocalServer`]), it works through that one: [`Engine::is_through_node`].
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] when another process (or this one) has it open for writing, and is no node;
    /// [`ErrorKind::Unsupported`] when a newer version wrote it, or its node is of another release;
    /// [`ErrorKind::Corrupt`] when what it says of itself cannot be read; [`ErrorKind::Invalid`] when `dir` is empty.
    pub fn open(dir: impl AsRef<Path>) -> Result<Engine> {
        Self::open_with(dir, EngineOptions::default())
    }

    /// Opens a directory as told.
    pub fn open_with(dir: impl AsRef<Path>, options: EngineOptions) -> Result<Engine> {
        node::open(dir.as_ref(), options)
    }

    /// An engine in memory, gone at close, with the same contract.
    pub fn memory() -> Result<Engine> {
        Self::memory_with(EngineOptions::default())
    }

    /// An engine in memory with options of its own, for tests: say a clock that moves only when told.
    pub fn memory_with(options: EngineOptions) -> Result<Engine> {
        let options = EngineOptions { disk: Arc::new(MemDisk::default()), ..options };
        Inner::start(PathBuf::from("/"), options, true, false).map(Engine::from)
    }

    /// An engine in a temporary directory, removed at close.
    pub fn temporary() -> Result<Engine> {
        let options = EngineOptions::default();
        let dir = std::env::temp_dir().join(format!("headwater-{:016x}", options.clock.random()));
        Inner::start(dir, options, false, true).map(Engine::from)
    }

    /// An engine over what keeps its streams elsewhere. `id` is what its origins are known by; its log and its counters
    /// are those of `shared`.
    ///
    /// `ops` closes itself, and `shared` with it, when the last handle of it goes: streams keep it open as clones do.
    #[allow(dead_code, reason = "for the kinds that reach a server")]
    pub(crate) fn over(ops: Arc<dyn EngineOps>, shared: Arc<Shared>, id: u64) -> Self {
        shared.timers.keep_time_alone();
        Engine(Kind::Other(Other {
            ops,
            shared,
            id,
            dir: None,
            is_stepped: false,
            hub: None,
            presences: Arc::default(),
        }))
    }

    /// As [`Engine::over`], for a world whose time stands still until it is stepped.
    #[cfg(test)]
    pub(crate) fn over_still(ops: Arc<dyn EngineOps>, shared: Arc<Shared>, id: u64) -> Self {
        Engine(Kind::Other(Other {
            ops,
            shared,
            id,
            dir: None,
            is_stepped: true,
            hub: None,
            presences: Arc::default(),
        }))
    }

    /// What keeps its streams, for what stands between it and a handle.
    #[cfg(test)]
    pub(crate) fn local_ops(&self) -> Option<Arc<dyn EngineOps>> {
        match &self.0 {
            Kind::Local(inner) => Some(Arc::new(Arc::clone(inner))),
            Kind::Other(_) => None,
        }
    }

    fn ops(&self) -> &dyn EngineOps {
        match &self.0 {
            Kind::Local(inner) => inner,
            Kind::Other(other) => &*other.ops,
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        match &self.0 {
            Kind::Local(inner) => &inner.shared,
            Kind::Other(other) => &other.shared,
        }
    }

    /// Where time and random bits come from.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.shared().clock
    }

    /// Requests from node to node, where there are any.
    pub(crate) fn wire(&self) -> Option<Arc<dyn WireOps>> {
        self.ops().wire()
    }

    /// Whether what waits for a time is woken without being stepped.
    pub(crate) fn keeps_time(&self) -> bool {
        self.shared().has_worker() || matches!(&self.0, Kind::Other(other) if !other.is_stepped)
    }

    /// Ready at this time, or when it closes.
    pub(crate) fn sleep(&self, until: Nanos) -> Sleep {
        Sleep::until(until, self.shared())
    }

    /// Has all who sleep look at what has changed.
    pub(crate) fn wake_sleepers(&self) {
        self.shared().timers.wake_all();
    }

    /// Adds a line to its log.
    pub(crate) fn log(&self, level: &'static str, message: String) {
        self.shared().log(level, message);
    }

    /// The directory behind it; refused by name where there is none.
    fn local(&self, what: &str) -> Result<&Arc<Inner>> {
        match &self.0 {
            Kind::Local(inner) => Ok(inner),
            Kind::Other(other) => {
                let message = match &other.dir {
                    Some(dir) => format!("{what} needs the files, and {} is reached through its node", dir.display()),
                    None => format!("{what} needs a directory, and this engine keeps its streams elsewhere"),
                };
                Err(Error::new(ErrorKind::Unsupported, message))
            }
        }
    }

    /// Where it is, through a node too; `None` in memory, and for one that keeps its streams elsewhere.
    pub fn dir(&self) -> Option<PathBuf> {
        match &self.0 {
            Kind::Local(inner) => (!inner.in_memory).then(|| inner.root.clone()),
            Kind::Other(other) => other.dir.as_deref().map(Path::to_owned),
        }
    }

    /// Its id: 64 random bits drawn when the directory was made.
    pub fn id(&self) -> u64 {
        match &self.0 {
            Kind::Local(inner) => inner.id,
            Kind::Other(other) => other.id,
        }
    }

    /// 64 random bits drawn at this open for writing; 0 when read-only, and where no directory is opened.
    pub fn epoch(&self) -> u64 {
        match &self.0 {
            Kind::Local(inner) => inner.epoch,
            Kind::Other(_) => 0,
        }
    }

    /// Whether it refuses every change.
    pub fn is_read_only(&self) -> bool {
        match &self.0 {
            Kind::Local(inner) => inner.read_only,
            Kind::Other(_) => false,
        }
    }

    /// Makes a stream; the same configuration again returns the one there, another one is a conflict.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] also when its subjects overlap with those of another stream.
    pub fn create_stream(&self, config: StreamConfig) -> Pending<Stream> {
        Pending::after(config.checked(), |config| self.ops().create_stream(config).map(Stream::over))
    }

    /// Changes a stream's limits, subjects and durability after the fact; records over the new limits go.
    pub fn update_stream(&self, config: StreamConfig) -> Pending<Stream> {
        Pending::after(config.checked(), |config| self.ops().update_stream(config).map(Stream::over))
    }

    /// The stream of this name.
    pub fn stream(&self, name: &str) -> Pending<Stream> {
        Pending::after(check_name("stream", name), |()| self.ops().stream(name).map(Stream::over))
    }

    /// Removes a stream and everything in it, a damaged one too. Handles of it answer `Closed` from then on. One that
    /// has a link is a `Conflict`: remove the link first.
    pub fn delete_stream(&self, name: &str) -> Pending<()> {
        Pending::after(check_name("stream", name), |()| self.ops().delete_stream(name))
    }

    /// All streams that can be read, by name; the log names a damaged one, and asking for it says what is missing.
    pub fn streams(&self) -> Pending<Vec<StreamInfo>> {
        self.ops().streams()
    }

    /// The names of all streams, also of those that cannot be read.
    pub(crate) fn stream_names(&self) -> Pending<Vec<String>> {
        self.ops().stream_names()
    }

    /// Makes a bucket; the same configuration again returns the one there, another one is a conflict.
    pub fn create_bucket(&self, config: BucketConfig) -> Pending<Bucket> {
        bucket::create(self, &config)
    }

    /// The bucket of this name.
    pub fn bucket(&self, name: &str) -> Pending<Bucket> {
        bucket::open(self, name)
    }

    /// All buckets, by name.
    pub fn buckets(&self) -> Pending<Vec<String>> {
        let names = self.stream_names();
        names.map(|names| names.iter().filter_map(|n| bucket::of_stream(n).map(str::to_owned)).collect())
    }

    /// Removes a bucket and everything in it.
    pub fn delete_bucket(&self, name: &str) -> Pending<()> {
        let engine = self.clone();
        self.bucket(name).and_then(move |bucket| engine.delete_stream(bucket.stream().name()))
    }

    /// Makes an object store; the same configuration again returns the one there, another one is a conflict.
    pub fn create_object_store(&self, config: ObjectConfig) -> Pending<ObjectStore> {
        object::create(self, &config)
    }

    /// The object store of this name.
    pub fn object_store(&self, name: &str) -> Pending<ObjectStore> {
        object::open(self, name)
    }

    /// All object stores, by name.
    pub fn object_stores(&self) -> Pending<Vec<String>> {
        let names = self.stream_names();
        names.map(|names| names.iter().filter_map(|n| object::of_stream(n).map(str::to_owned)).collect())
    }

    /// Removes an object store and everything in it.
    pub fn delete_object_store(&self, name: &str) -> Pending<()> {
        let engine = self.clone();
        self.object_store(name).and_then(move |store| engine.delete_stream(store.stream().name()))
    }

    /// Opens a store of state that merges, and makes its stream if it is not there; another durability than it has is a
    /// conflict. It reads the newest snapshot and the log behind it, and blocks until it has.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when the log has a record that is no fragment, or begins behind what snapshots have.
    pub fn crdt(&self, config: CrdtConfig) -> Result<CrdtStore> {
        store::open::create(self, &config)
    }

    /// Opens the CRDT store of this name, as [`Engine::crdt`] does.
    pub fn open_crdt(&self, name: &str) -> Result<CrdtStore> {
        store::open::open(self, name)
    }

    /// All CRDT stores, by name.
    pub fn crdts(&self) -> Pending<Vec<String>> {
        let names = self.stream_names();
        names.map(|names| names.iter().filter_map(|n| store::of_stream(n).map(str::to_owned)).collect())
    }

    /// Takes up to `max` lines from the log queue, perhaps none. It holds 1,024, and older ones give way; each line
    /// goes to one taker.
    pub fn logs(&self, max: usize) -> Vec<LogLine> {
        self.shared().lines.drain(max)
    }

    /// Waits until there is at least one line in the log queue, then takes up to `max`. After [`Engine::close`] it
    /// gives what is left, and then [`ErrorKind::Closed`]; the wait does not keep the engine open.
    ///
    /// Without a worker, waits end in [`Engine::step`].
    pub fn next_logs(&self, max: usize) -> Pending<Vec<LogLine>> {
        self.shared().lines.next(max)
    }

    /// Ready when [`Engine::next_logs`] has something to say at once; else wakes `cx` then, and the one before no more.
    pub fn poll_logs(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared().lines.poll_ready(cx)
    }

    /// Does what is due now (timers, interval sync, cleaning) and returns when the next thing is; for engines without a
    /// worker.
    pub fn step(&self) -> Option<Nanos> {
        match &self.0 {
            Kind::Local(inner) => inner.step(),
            Kind::Other(other) => {
                other.shared.lines.wake();
                other.shared.timers.wake_due(other.shared.clock.now())
            }
        }
    }

    /// Syncs and closes everything; later calls on it or its streams answer `Closed`. Closing twice is nothing.
    pub fn close(&self) -> Result<()> {
        self.leave_mesh();
        if let Kind::Other(other) = &self.0 {
            other.presences.close();
            other.shared.set_closed();
            other.shared.timers.wake_all();
        }
        self.ops().close()
    }
}

impl From<Arc<Inner>> for Engine {
    fn from(inner: Arc<Inner>) -> Self {
        Engine(Kind::Local(inner))
    }
}
