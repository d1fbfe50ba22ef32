//! The local engine: a directory of streams, or one in memory. It owns the lock on the directory, the worker that does
//! timers and upkeep, and everything open.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::JoinHandle;

use serde::{Deserialize, Serialize};

use super::Engine;
use super::actors::Actors;
use super::handover::{Epochs, Handover};
use super::links::Links;
use super::options::EngineOptions;
use crate::clock::Nanos;
use crate::disk::{Disk, OpenMode, read_all, replace, sweep, take_dir};
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::member::Part;
use crate::pending::Pending;
use crate::shared::Shared;
use crate::stream::StreamInfo;
use crate::stream::config::StreamConfig;
use crate::stream::contract::{EngineOps, StreamOps, WireOps};
use crate::stream::local::Local;
use crate::stream::local::consumer::registry::Registry;
use crate::stream::local::control::Control;
use crate::stream::local::stream::LocalStream;
use crate::subject::overlap;

/// The file that says what a directory is.
pub(super) const IDENTITY: &str = "headwater.json";
/// The version of the directory's layout that this build writes.
const LAYOUT_VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Identity {
    format: u32,
    id: String,
}

/// What all clones of an engine share.
pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    pub(super) root: PathBuf,
    pub(super) in_memory: bool,
    temporary: bool,
    pub(super) read_only: bool,
    pub(super) id: u64,
    pub(super) epoch: u64,
    streams: Streams,
    lock: Mutex<Option<Box<dyn Send + Sync>>>,
    worker: Mutex<Option<JoinHandle<()>>>,
    pub(super) links: Links,
    pub(super) actors: Actors,
    #[cfg(feature = "replica")]
    pub(super) databases: super::databases::Databases,
    pub(super) presences: super::presences::Presences,
    bus: OnceLock<Arc<super::bus::Bus>>,
    /// The epochs in which streams that were not opened yet go on.
    epochs: Mutex<Epochs>,
    /// The hub that it was configured with, if it was, and the addresses of that.
    pub(super) hub: OnceLock<(Vec<String>, Engine)>,
    /// Its part in a mesh.
    pub(super) mesh: Mutex<Option<Arc<dyn Part>>>,
    /// Whether it ever was part of one: then others have what its stores did.
    pub(super) has_met: AtomicBool,
}

/// Everything open, by name. The worker shares it, and nothing else of the engine: so the engine closes when its last
/// handle goes, on the thread that lets go of it.
type Streams = Arc<Mutex<BTreeMap<String, Opened>>>;

struct Opened {
    local: Arc<Local>,
    consumers: Option<Arc<Registry>>,
}

impl Inner {
    /// Opens it as told.
    pub(super) fn start(root: PathBuf, options: EngineOptions, in_memory: bool, temporary: bool) -> Result<Arc<Self>> {
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
        let shared = Arc::new(Shared::new(Arc::clone(&options.clock), Arc::clone(disk), options.cache_bytes, id));
        if !options.read_only {
            let dir = root.join("streams");
            let left = sweep(&**disk, &dir).map_err(|e| Error::io(format_args!("list {}", dir.display()), &e))?;
            for path in left {
                shared.log("warn", format!("{}: removed what a crash left of making or removing it", path.display()));
            }
        }
        let left = if options.read_only { Handover::default() } else { Handover::take(&**disk, &root) };
        let inner = Arc::new(Inner {
            root,
            in_memory,
            temporary,
            read_only: options.read_only,
            id,
            epoch: if options.read_only { 0 } else { options.clock.random() },
            streams: Arc::default(),
            lock: Mutex::new(lock),
            bus: OnceLock::new(),
            worker: Mutex::default(),
            links: Links::default(),
            actors: Actors::default(),
            #[cfg(feature = "replica")]
            databases: super::databases::Databases::default(),
            presences: super::presences::Presences::default(),
            epochs: Mutex::new(left.epochs),
            hub: OnceLock::new(),
            mesh: Mutex::new(None),
            has_met: AtomicBool::new(false),
            shared,
        });
        inner.actors.take_over(left.actors);
        if options.worker {
            inner.start_worker()?;
        }
        Ok(inner)
    }

    /// Makes a stream, or finds it there with the same configuration.
    pub(crate) fn make_stream(self: &Arc<Self>, config: StreamConfig) -> Result<LocalStream> {
        self.writable()?;
        let mut streams = self.opened();
        self.open_all(&mut streams)?;
        if self.names()?.contains(&config.name) {
            // A damaged one that has the name is an error here.
            self.find(&mut streams, &config.name)?;
        }
        if let Some(opened) = streams.get(&config.name) {
            if *opened.local.lock().config == config {
                return Ok(self.stream_over(&opened.local));
            }
            let message = format!("stream '{}' is there with another configuration", config.name);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        check_overlap(&streams, &config)?;
        let dir = self.dir_of(&config.name);
        let local = Local::create(&self.shared, &dir, config)?;
        let stream = self.stream_over(&local);
        streams.insert(local.name.clone(), Opened { local, consumers: None });
        Ok(stream)
    }

    /// The stream of this name.
    pub(crate) fn open_stream(self: &Arc<Self>, name: &str) -> Result<LocalStream> {
        self.shared.check_open()?;
        let local = self.find(&mut self.opened(), name)?;
        Ok(self.stream_over(&local))
    }

    /// The stream that an update is for, if its subjects leave the others theirs.
    fn stream_to_update(self: &Arc<Self>, config: &StreamConfig) -> Result<LocalStream> {
        self.writable()?;
        let mut streams = self.opened();
        self.open_all(&mut streams)?;
        check_overlap(&streams, config)?;
        let local = self.find(&mut streams, &config.name)?;
        Ok(self.stream_over(&local))
    }

    fn stream_over(self: &Arc<Self>, local: &Arc<Local>) -> LocalStream {
        LocalStream { local: Arc::clone(local), engine: Arc::clone(self) }
    }

    fn remove_stream(&self, name: &str) -> Result<()> {
        self.writable()?;
        if let Some(link) = self.links.of_stream(name) {
            let message = format!("stream '{name}' has the link '{link}': remove the link first");
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let mut streams = self.opened();
        match self.find(&mut streams, name) {
            Err(error) if error.kind() != ErrorKind::Corrupt => return Err(error),
            _ => {}
        }
        if let Some(opened) = streams.remove(name) {
            if let Some(consumers) = opened.consumers {
                consumers.retire();
            }
            opened.local.close()?;
        }
        let dir = self.dir_of(name);
        take_dir(&*self.shared.disk, &dir).map_err(|e| Error::io(format_args!("remove {}", dir.display()), &e))
    }

    fn stream_infos(self: &Arc<Self>) -> Result<Vec<StreamInfo>> {
        self.shared.check_open()?;
        let locals: Vec<Arc<Local>> = {
            let mut streams = self.opened();
            self.open_all(&mut streams)?;
            streams.values().map(|o| Arc::clone(&o.local)).collect()
        };
        locals.iter().map(|local| self.stream_over(local).standing()).collect()
    }

    fn opened(&self) -> MutexGuard<'_, BTreeMap<String, Opened>> {
        lock(&self.streams)
    }

    fn epochs(&self) -> MutexGuard<'_, Epochs> {
        lock(&self.epochs)
    }

    fn dir_of(&self, name: &str) -> PathBuf {
        self.root.join("streams").join(name)
    }

    pub(super) fn writable(&self) -> Result<()> {
        self.shared.check_open()?;
        if self.read_only {
            return Err(Error::new(ErrorKind::Unsupported, format!("{} was opened read-only", self.root.display())));
        }
        Ok(())
    }

    pub(super) fn names(&self) -> Result<Vec<String>> {
        let dir = self.root.join("streams");
        let names = self.shared.disk.list(&dir).map_err(|e| Error::io(format_args!("list {}", dir.display()), &e))?;
        Ok(names.into_iter().filter(|n| !n.contains('.')).collect())
    }

    /// Opens every stream that is not damaged.
    fn open_all(&self, streams: &mut BTreeMap<String, Opened>) -> Result<()> {
        for name in self.names()? {
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
        let left = self.epochs().remove(name);
        if let Some((epoch, last_seq)) = left {
            local.go_on_in(epoch, last_seq);
        }
        streams.insert(name.to_owned(), Opened { local: Arc::clone(&local), consumers: None });
        self.shared.ring(None);
        Ok(local)
    }

    /// The consumers of a stream, opened when they are asked for first.
    pub(crate) fn consumers(&self, stream: &LocalStream) -> Result<Arc<Registry>> {
        self.shared.check_open()?;
        let mut streams = self.opened();
        let gone = || Error::new(ErrorKind::Closed, format!("stream '{}' was deleted", stream.name()));
        let opened = streams.get_mut(stream.name()).ok_or_else(gone)?;
        if let Some(consumers) = &opened.consumers {
            return Ok(Arc::clone(consumers));
        }
        let registry = Arc::new(Registry::open(stream)?);
        opened.consumers = Some(Arc::clone(&registry));
        Ok(registry)
    }

    pub(super) fn locals(&self) -> Vec<Arc<Local>> {
        self.opened().values().map(|o| Arc::clone(&o.local)).collect()
    }

    #[allow(clippy::disallowed_methods, reason = "the one place where core starts a thread")]
    fn start_worker(&self) -> Result<()> {
        let (streams, shared) = (Arc::clone(&self.streams), Arc::clone(&self.shared));
        let work = move || {
            while shared.wait_for_bell() {
                shared.lines.wake();
                let next = step(&streams, &shared);
                if next.is_some() {
                    shared.ring(next);
                }
            }
        };
        let thread = std::thread::Builder::new().name("headwater".to_owned()).spawn(work);
        let thread = thread.map_err(|e| Error::io("start the worker thread", &e))?;
        *lock(&self.worker) = Some(thread);
        self.shared.set_worker(true);
        Ok(())
    }

    /// Does what is due now; returns when the next thing is.
    pub(super) fn step(&self) -> Option<Nanos> {
        self.shared.lines.wake();
        if !self.shared.has_worker() {
            self.links.step();
            self.presences.step();
        }
        step(&self.streams, &self.shared)
    }

    /// Syncs and closes everything; doing it twice is nothing.
    pub(super) fn close_all(&self) -> Result<()> {
        #[cfg(feature = "replica")]
        self.databases.close();
        self.presences.close();
        if self.shared.set_closed() {
            return Ok(());
        }
        self.shared.timers.wake_all();
        let linked: Vec<String> = self.links.status().into_iter().map(|link| link.stream).collect();
        self.links.close();
        self.shared.set_worker(false);
        self.shared.stop_worker();
        let worker = lock(&self.worker).take();
        // A waker that the worker called may have held the last handle: then this is the worker.
        if let Some(worker) = worker
            && worker.thread().id() != std::thread::current().id()
        {
            let _ = worker.join();
        }
        // Nobody reads any more, and storing an index takes memory of its own.
        self.shared.pages.clear();
        let streams = std::mem::take(&mut *self.opened());
        let mut result = self.hub.get().map_or(Ok(()), |(_, hub)| hub.close());
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
        if result.is_ok() && !self.read_only {
            let mut left = Handover { epochs: std::mem::take(&mut *self.epochs()), ..Handover::default() };
            left.epochs
                .extend(streams.iter().filter_map(|(name, it)| Some((name.clone(), it.local.epoch_to_leave()?))));
            // What a mesh carries has the names of actors in it, and none of epochs.
            if !self.has_met.load(Ordering::Acquire) {
                left.actors = self.actors.leave();
            }
            left.leave(&*self.shared.disk, &self.root, &linked);
        }
        *lock(&self.lock) = None;
        if self.temporary {
            let removed = self.shared.disk.remove_dir(&self.root);
            removed.map_err(|e| Error::io(format_args!("remove {}", self.root.display()), &e))?;
        }
        result
    }
}

impl EngineOps for Arc<Inner> {
    fn wire(&self) -> Option<Arc<dyn WireOps>> {
        Some(Arc::clone(self.bus.get_or_init(|| Arc::new(super::bus::Bus::new(&self.shared)))) as Arc<dyn WireOps>)
    }

    fn create_stream(&self, config: StreamConfig) -> Pending<Arc<dyn StreamOps>> {
        Pending::ready(config.for_local().and_then(|config| self.make_stream(config)).map(shared))
    }

    fn update_stream(&self, config: StreamConfig) -> Pending<Arc<dyn StreamOps>> {
        let checked = config.for_local().and_then(|config| Ok((self.stream_to_update(&config)?, config)));
        Pending::after(checked, |(stream, config)| {
            stream.local.control(&Control::Config(config)).map(move |_| shared(stream))
        })
    }

    fn stream(&self, name: &str) -> Pending<Arc<dyn StreamOps>> {
        Pending::ready(self.open_stream(name).map(shared))
    }

    fn delete_stream(&self, name: &str) -> Pending<()> {
        Pending::ready(self.remove_stream(name))
    }

    fn streams(&self) -> Pending<Vec<StreamInfo>> {
        Pending::ready(self.stream_infos())
    }

    fn stream_names(&self) -> Pending<Vec<String>> {
        Pending::ready(self.names())
    }

    fn close(&self) -> Result<()> {
        self.close_all()
    }
}

fn shared(stream: LocalStream) -> Arc<dyn StreamOps> {
    Arc::new(stream)
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Err(error) = self.close_all() {
            self.shared.log("error", format!("close: {error}"));
        }
    }
}

/// Does what is due on every open stream; returns when the next thing is.
fn step(streams: &Streams, shared: &Shared) -> Option<Nanos> {
    let now = shared.clock.now();
    let timer = shared.timers.wake_due(now);
    let open = lock(streams);
    let locals: Vec<Arc<Local>> = open.values().map(|o| Arc::clone(&o.local)).collect();
    drop(open);
    locals.iter().filter_map(|local| local.step(now)).chain(timer).min()
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
pub(super) fn identity(disk: &dyn Disk, root: &Path, known: bool, fresh: u64) -> Result<u64> {
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
