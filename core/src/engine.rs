//! An engine: a directory of streams, or one in memory. It owns the lock on the directory, the worker that does
//! timers and upkeep, and the handles of everything open. Here the pillars meet; none of them knows another.

mod backup;
mod metrics;
mod options;
mod verify;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use serde::{Deserialize, Serialize};

use crate::clock::Nanos;
use crate::disk::{Disk, MemDisk, OpenMode, read_all, replace, sweep, take_dir};
use crate::error::{Error, ErrorKind, Result};
use crate::log::LogLine;
use crate::pending::Pending;
use crate::shared::Shared;
use crate::stream::bucket::{self, Bucket, BucketConfig};
use crate::stream::config::{StreamConfig, check_name};
use crate::stream::consumer::registry::Registry;
use crate::stream::local::Local;
use crate::stream::local::control::Control;
use crate::stream::{Stream, StreamInfo};
use crate::subject::overlap;
pub use metrics::Metric;
pub use options::EngineOptions;
pub use verify::VerifyReport;

/// The file that says what a directory is.
const IDENTITY: &str = "headwater.json";
/// The version of the directory's layout that this build writes.
const LAYOUT_VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Identity {
    format: u32,
    id: String,
}

/// A directory of streams, or one in memory. Cheap to clone: clones share it, and the last one to go closes it.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("root", &self.0.root).finish_non_exhaustive()
    }
}

/// What all clones of an engine share.
pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    root: PathBuf,
    in_memory: bool,
    temporary: bool,
    read_only: bool,
    id: u64,
    epoch: u64,
    streams: Streams,
    lock: Mutex<Option<Box<dyn Send + Sync>>>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

/// Everything open, by name. The worker shares it, and nothing else of the engine: so the engine closes when its last
/// handle goes, on the thread that lets go of it.
type Streams = Arc<Mutex<BTreeMap<String, Opened>>>;

struct Opened {
    local: Arc<Local>,
    consumers: Option<Arc<Registry>>,
}

impl Engine {
    /// Opens a directory for writing, and makes it if it is not there.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] when another process (or this one) has it open for writing; [`ErrorKind::Unsupported`]
    /// when a newer version wrote it; [`ErrorKind::Corrupt`] when what it says of itself cannot be read;
    /// [`ErrorKind::Invalid`] when `dir` is empty.
    pub fn open(dir: impl AsRef<Path>) -> Result<Engine> {
        Self::open_with(dir, EngineOptions::default())
    }

    /// Opens a directory as told.
    pub fn open_with(dir: impl AsRef<Path>, options: EngineOptions) -> Result<Engine> {
        Self::start(dir.as_ref().to_owned(), options, false, false)
    }

    /// An engine in memory, gone at close, with the same contract.
    pub fn memory() -> Result<Engine> {
        Self::memory_with(EngineOptions::default())
    }

    /// An engine in memory with options of its own, for tests: say a clock that moves only when told.
    pub fn memory_with(options: EngineOptions) -> Result<Engine> {
        let options = EngineOptions { disk: Arc::new(MemDisk::default()), ..options };
        Self::start(PathBuf::from("/"), options, true, false)
    }

    /// An engine in a temporary directory, removed at close.
    pub fn temporary() -> Result<Engine> {
        let options = EngineOptions::default();
        let dir = std::env::temp_dir().join(format!("headwater-{:016x}", options.clock.random()));
        Self::start(dir, options, false, true)
    }

    fn start(root: PathBuf, options: EngineOptions, in_memory: bool, temporary: bool) -> Result<Engine> {
        if root.as_os_str().is_empty() {
            return Err(Error::invalid(
                "dir is empty: name a directory, such as '.' for the one that the process is in",
            ));
        }
        let disk = &options.disk;
        let known = disk.exists(&root.join(IDENTITY));
        if !known && (options.read_only || !options.create) {
            return Err(Error::not_found(format!("{} is not a Headwater directory", root.display())));
        }
        let mut lock = None;
        if !options.read_only {
            let at = |e| Error::io(format_args!("open {}", root.display()), &e);
            disk.create_dir(&root.join("streams")).map_err(at)?;
            lock = disk.lock(&root.join("lock")).map_err(at)?;
            if lock.is_none() {
                return Err(Error::new(
                    ErrorKind::Busy,
                    format!(
                        "{} is open for writing already, in this or another process: close it there, or open it \
                         read-only",
                        root.display()
                    ),
                ));
            }
        }
        let id = identity(&**disk, &root, known, options.clock.random())?;
        let shared = Arc::new(Shared::new(Arc::clone(&options.clock), Arc::clone(disk), options.cache_bytes));
        if !options.read_only {
            let dir = root.join("streams");
            let left = sweep(&**disk, &dir).map_err(|e| Error::io(format_args!("list {}", dir.display()), &e))?;
            for path in left {
                shared.log("warn", format!("{}: removed what a crash left of making or removing it", path.display()));
            }
        }
        let inner = Arc::new(Inner {
            root,
            in_memory,
            temporary,
            read_only: options.read_only,
            id,
            epoch: if options.read_only { 0 } else { options.clock.random() },
            streams: Arc::default(),
            lock: Mutex::new(lock),
            worker: Mutex::default(),
            shared,
        });
        if options.worker {
            inner.start_worker()?;
        }
        Ok(Engine(inner))
    }

    pub(crate) fn from_inner(inner: Arc<Inner>) -> Self {
        Engine(inner)
    }

    /// Where it is; `None` in memory.
    pub fn dir(&self) -> Option<PathBuf> {
        (!self.0.in_memory).then(|| self.0.root.clone())
    }

    /// Its id: 64 random bits drawn when the directory was made.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// 64 random bits drawn at this open for writing; 0 when read-only.
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// Whether it refuses every change.
    pub fn is_read_only(&self) -> bool {
        self.0.read_only
    }

    /// Makes a stream; the same configuration again returns the one there, another one is a conflict.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] also when its subjects overlap with those of another stream.
    pub fn create_stream(&self, config: StreamConfig) -> Result<Stream> {
        let config = config.checked()?.for_local()?;
        self.0.writable()?;
        let mut streams = self.0.streams();
        self.0.open_all(&mut streams)?;
        if self.0.stream_names()?.contains(&config.name) {
            // A damaged one that has the name is an error here.
            self.0.find(&mut streams, &config.name)?;
        }
        if let Some(opened) = streams.get(&config.name) {
            if *opened.local.lock().config == config {
                return Ok(self.stream_over(&opened.local));
            }
            let message = format!("stream '{}' is there with another configuration", config.name);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        check_overlap(&streams, &config)?;
        let dir = self.0.dir_of(&config.name);
        let local = Local::create(&self.0.shared, &dir, config)?;
        let stream = self.stream_over(&local);
        streams.insert(local.name.clone(), Opened { local, consumers: None });
        Ok(stream)
    }

    /// Changes a stream's limits, subjects and durability after the fact; records over the new limits go.
    pub fn update_stream(&self, config: StreamConfig) -> Result<Stream> {
        let config = config.checked()?.for_local()?;
        self.0.writable()?;
        let local = {
            let mut streams = self.0.streams();
            self.0.open_all(&mut streams)?;
            check_overlap(&streams, &config)?;
            self.0.find(&mut streams, &config.name)?
        };
        local.control(&Control::Config(config)).wait()?;
        Ok(self.stream_over(&local))
    }

    /// The stream of this name.
    pub fn stream(&self, name: &str) -> Result<Stream> {
        check_name("stream", name)?;
        self.0.shared.check_open()?;
        let local = self.0.find(&mut self.0.streams(), name)?;
        Ok(self.stream_over(&local))
    }

    fn stream_over(&self, local: &Arc<Local>) -> Stream {
        Stream { local: Arc::clone(local), engine: Arc::clone(&self.0) }
    }

    /// Removes a stream and everything in it, a damaged one too. Handles of it answer `Closed` from then on.
    pub fn delete_stream(&self, name: &str) -> Result<()> {
        check_name("stream", name)?;
        self.0.writable()?;
        let mut streams = self.0.streams();
        match self.0.find(&mut streams, name) {
            Err(error) if error.kind() != ErrorKind::Corrupt => return Err(error),
            _ => {}
        }
        if let Some(opened) = streams.remove(name) {
            if let Some(consumers) = opened.consumers {
                consumers.retire();
            }
            opened.local.close()?;
        }
        let dir = self.0.dir_of(name);
        take_dir(&*self.0.shared.disk, &dir).map_err(|e| Error::io(format_args!("remove {}", dir.display()), &e))
    }

    /// All streams that can be read, by name; the log names a damaged one, and asking for it says what is missing.
    pub fn streams(&self) -> Result<Vec<StreamInfo>> {
        self.0.shared.check_open()?;
        let locals: Vec<Arc<Local>> = {
            let mut streams = self.0.streams();
            self.0.open_all(&mut streams)?;
            streams.values().map(|o| Arc::clone(&o.local)).collect()
        };
        locals.iter().map(|local| self.stream_over(local).info()).collect()
    }

    /// Makes a bucket; the same configuration again returns the one there, another one is a conflict.
    pub fn create_bucket(&self, config: BucketConfig) -> Result<Bucket> {
        bucket::create(self, &config)
    }

    /// The bucket of this name.
    pub fn bucket(&self, name: &str) -> Result<Bucket> {
        bucket::open(self, name)
    }

    /// All buckets, by name.
    pub fn buckets(&self) -> Result<Vec<String>> {
        let names = self.0.stream_names()?;
        Ok(names.iter().filter_map(|n| n.strip_prefix("KV_").map(str::to_owned)).collect())
    }

    /// Removes a bucket and everything in it.
    pub fn delete_bucket(&self, name: &str) -> Result<()> {
        self.bucket(name)?;
        self.delete_stream(&format!("KV_{name}"))
    }

    /// Takes up to `max` lines from the log queue, perhaps none. It holds 1,024, and older ones give way; each line
    /// goes to one taker.
    pub fn logs(&self, max: usize) -> Vec<LogLine> {
        self.0.shared.lines.drain(max)
    }

    /// Waits until there is at least one line in the log queue, then takes up to `max`. After [`Engine::close`] it
    /// gives what is left, and then [`ErrorKind::Closed`]; the wait does not keep the engine open.
    ///
    /// Without a worker, waits end in [`Engine::step`].
    pub fn next_logs(&self, max: usize) -> Pending<Vec<LogLine>> {
        self.0.shared.lines.next(max)
    }

    /// Ready when [`Engine::next_logs`] has something to say at once; else wakes `cx` then, and the one before no more.
    pub fn poll_logs(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.shared.lines.poll_ready(cx)
    }

    /// Does what is due now (timers, interval sync, cleaning) and returns when the next thing is; for engines without a
    /// worker.
    pub fn step(&self) -> Option<Nanos> {
        self.0.shared.lines.wake();
        step(&self.0.streams, self.0.shared.clock.now())
    }

    /// Syncs and closes everything; later calls on it or its streams answer `Closed`. Closing twice is nothing.
    pub fn close(&self) -> Result<()> {
        self.0.close()
    }
}

/// Does what is due on every open stream; returns when the next thing is.
fn step(streams: &Streams, now: Nanos) -> Option<Nanos> {
    let open = streams.lock().unwrap_or_else(PoisonError::into_inner);
    let locals: Vec<Arc<Local>> = open.values().map(|o| Arc::clone(&o.local)).collect();
    drop(open);
    locals.iter().filter_map(|local| local.step(now)).min()
}

fn check_overlap(streams: &BTreeMap<String, Opened>, config: &StreamConfig) -> Result<()> {
    for (name, opened) in streams.iter().filter(|(name, _)| **name != config.name) {
        let other = Arc::clone(&opened.local.lock().config);
        for subject in &config.subjects {
            if let Some(taken) = other.subjects.iter().find(|s| overlap(s, subject)) {
                let message = format!("subject '{subject}' overlaps with '{taken}' of stream '{name}'");
                return Err(Error::new(ErrorKind::Conflict, message));
            }
        }
    }
    Ok(())
}

/// Reads what a directory says of itself, or writes it when it is new.
fn identity(disk: &dyn Disk, root: &Path, known: bool, fresh: u64) -> Result<u64> {
    let path = root.join(IDENTITY);
    let at = |e| Error::io(format_args!("open {}", path.display()), &e);
    if !known {
        let identity = Identity { format: LAYOUT_VERSION, id: format!("{fresh:016x}") };
        let bytes = serde_json::to_vec(&identity).unwrap_or_default();
        replace(disk, &path, &bytes).map_err(at)?;
        return Ok(fresh);
    }
    let bytes = disk.open(&path, OpenMode::Read).and_then(|f| read_all(&*f)).map_err(at)?;
    let bad = || Error::corrupt(format!("{} does not say what directory this is", path.display()));
    let identity: Identity = serde_json::from_slice(&bytes).map_err(|_| bad())?;
    if identity.format > LAYOUT_VERSION {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("{} has layout {}, this build reads up to {LAYOUT_VERSION}", root.display(), identity.format),
        ));
    }
    u64::from_str_radix(&identity.id, 16).map_err(|_| bad())
}

impl Inner {
    fn streams(&self) -> MutexGuard<'_, BTreeMap<String, Opened>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dir_of(&self, name: &str) -> PathBuf {
        self.root.join("streams").join(name)
    }

    fn writable(&self) -> Result<()> {
        self.shared.check_open()?;
        if self.read_only {
            return Err(Error::new(ErrorKind::Unsupported, format!("{} was opened read-only", self.root.display())));
        }
        Ok(())
    }

    fn stream_names(&self) -> Result<Vec<String>> {
        let dir = self.root.join("streams");
        let names = self.shared.disk.list(&dir).map_err(|e| Error::io(format_args!("list {}", dir.display()), &e))?;
        Ok(names.into_iter().filter(|n| !n.contains('.')).collect())
    }

    /// Opens every stream that is not damaged.
    fn open_all(&self, streams: &mut BTreeMap<String, Opened>) -> Result<()> {
        for name in self.stream_names()? {
            match self.find(streams, &name) {
                // It is in nobody's way: those that are whole can be used.
                Err(error) if error.kind() == ErrorKind::Corrupt => self.shared.log("error", error.to_string()),
                found => drop(found?),
            }
        }
        Ok(())
    }

    fn find(&self, streams: &mut BTreeMap<String, Opened>, name: &str) -> Result<Arc<Local>> {
        if let Some(opened) = streams.get(name) {
            return Ok(Arc::clone(&opened.local));
        }
        let dir = self.dir_of(name);
        if !self.shared.disk.exists(&dir) {
            return Err(Error::not_found(format!("there is no stream '{name}'")));
        }
        let local =
            Local::open(&self.shared, &dir, self.read_only).map_err(|e| e.context(format_args!("stream '{name}'")))?;
        streams.insert(name.to_owned(), Opened { local: Arc::clone(&local), consumers: None });
        self.shared.ring(None);
        Ok(local)
    }

    /// The consumers of a stream, opened when they are asked for first.
    pub(crate) fn consumers(&self, stream: &Stream) -> Result<Arc<Registry>> {
        self.shared.check_open()?;
        let mut streams = self.streams();
        let gone = || Error::new(ErrorKind::Closed, format!("stream '{}' was deleted", stream.name()));
        let opened = streams.get_mut(stream.name()).ok_or_else(gone)?;
        if let Some(consumers) = &opened.consumers {
            return Ok(Arc::clone(consumers));
        }
        let registry = Arc::new(Registry::open(stream)?);
        opened.consumers = Some(Arc::clone(&registry));
        Ok(registry)
    }

    fn locals(&self) -> Vec<Arc<Local>> {
        self.streams().values().map(|o| Arc::clone(&o.local)).collect()
    }

    #[allow(clippy::disallowed_methods, reason = "the one place where core starts a thread")]
    fn start_worker(&self) -> Result<()> {
        let (streams, shared) = (Arc::clone(&self.streams), Arc::clone(&self.shared));
        let work = move || {
            while shared.wait_for_bell() {
                shared.lines.wake();
                let next = step(&streams, shared.clock.now());
                if next.is_some() {
                    shared.ring(next);
                }
            }
        };
        let thread = std::thread::Builder::new().name("headwater".to_owned()).spawn(work);
        let thread = thread.map_err(|e| Error::io("start the worker thread", &e))?;
        *self.worker.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        self.shared.set_worker(true);
        Ok(())
    }

    fn close(&self) -> Result<()> {
        if self.shared.set_closed() {
            return Ok(());
        }
        self.shared.set_worker(false);
        self.shared.stop_worker();
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A waker that the worker called may have held the last handle: then this is the worker.
        if let Some(worker) = worker
            && worker.thread().id() != std::thread::current().id()
        {
            let _ = worker.join();
        }
        // Nobody reads any more, and storing an index takes memory of its own.
        self.shared.pages.clear();
        let streams = std::mem::take(&mut *self.streams());
        let mut result = Ok(());
        for opened in streams.values() {
            if let Some(consumers) = &opened.consumers {
                if !self.read_only {
                    consumers.store();
                }
                consumers.retire();
            }
            if let Err(error) = opened.local.close() {
                result = Err(error);
            }
        }
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if self.temporary {
            let removed = self.shared.disk.remove_dir(&self.root);
            removed.map_err(|e| Error::io(format_args!("remove {}", self.root.display()), &e))?;
        }
        result
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            self.shared.log("error", format!("close: {error}"));
        }
    }
}
