//! The replicated files of an engine: attached, found again, worked on each by a thread of its own, and ended.

use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};

use super::{Engine, Inner, Kind};
use crate::disk::{Disk, OpenMode, is_same, read_all, replace};
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::Pending;
use crate::replica::node::call::{DatabaseAnswer, DatabaseCall};
use crate::replica::node::database::unknown;
use crate::replica::node::worker::{Ticket, Worker};
use crate::replica::{Database, DatabaseConfig, DatabaseStatus, SnapshotConfig};

/// The file that says what is attached.
const FILE: &str = "databases.json";

/// Files that are worked on.
#[derive(Default)]
pub(crate) struct Databases {
    all: Mutex<Vec<Arc<Worker>>>,
    /// Whether those that the directory knows of are among them.
    known: Mutex<bool>,
    /// Who begins one, or ends one for good, is alone in that.
    changing: Mutex<()>,
}

/// One attached file, as the directory keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Attached {
    #[serde(default)]
    paused: bool,
    config: DatabaseConfig,
}

impl Databases {
    fn all(&self) -> MutexGuard<'_, Vec<Arc<Worker>>> {
        lock(&self.all)
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        lock(&self.changing)
    }

    fn find(&self, name: &str) -> Result<Arc<Worker>> {
        self.all().iter().find(|worker| worker.name == name).map(Arc::clone).ok_or_else(|| unknown(name))
    }

    /// How each stands, by name.
    pub(super) fn statuses(&self) -> Vec<DatabaseStatus> {
        let workers = self.all().clone();
        let mut all: Vec<_> = workers.iter().map(|worker| worker.status()).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Ends all of them.
    pub(super) fn close(&self) {
        let all = std::mem::take(&mut *self.all());
        for worker in all {
            worker.stop();
        }
    }
}

impl Engine {
    /// Makes a SQLite file replicate, or finds it doing so, and works on it until the engine is closed or the file
    /// detached. What the application writes is captured in the file itself from now on, whoever has the engine open.
    ///
    /// The log is stream `REPLICA_<name>`: a link of it to a hub, or the same stream of two engines, joins nodes. The
    /// file is in WAL mode from then on. It does not replicate what has no primary key and what is no ordinary table;
    /// the status names those. The directory remembers the configuration, but for what is secret: another one holds
    /// from now on, unless somebody works on the file in this engine. What is said of snapshots does in any case.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such file; [`ErrorKind::Invalid`] for a configuration that can't be, or
    /// what is no SQLite file; [`ErrorKind::Conflict`] when another file is attached under the name, or this one is
    /// worked on with another configuration or has another number of shards; [`ErrorKind::Unsupported`] for an engine
    /// that can't be written to.
    pub fn attach(&self, config: DatabaseConfig) -> Pending<Database> {
        let engine = self.clone();
        // A node that has the directory open is in another one than who asks.
        Pending::after(config.resolved(), move |config| {
            engine.call_database(DatabaseCall::Attach(Box::new(config))).map(move |answer| engine.found(answer))
        })
    }

    /// The attached file of this name.
    pub fn database(&self, name: &str) -> Pending<Database> {
        let engine = self.clone();
        self.call_database(DatabaseCall::Find(name.to_owned())).map(move |answer| engine.found(answer))
    }

    /// How each attached file stands, by name.
    pub fn databases(&self) -> Pending<Vec<DatabaseStatus>> {
        self.call_database(DatabaseCall::List).map(|answer| match answer {
            DatabaseAnswer::Statuses(statuses) => statuses,
            _ => Vec::new(),
        })
    }

    fn found(&self, answer: DatabaseAnswer) -> Database {
        let (name, path, shards) = match answer {
            DatabaseAnswer::Found(name, path, shards) => (name, path, shards),
            _ => (String::new(), PathBuf::new(), 0),
        };
        let worker = match &self.0 {
            Kind::Local(inner) => inner.databases.find(&name).ok(),
            Kind::Other(_) => None,
        };
        Database::over(self, name, path, shards, worker)
    }

    /// Answers a question about replicated files, or has the node answer it.
    pub(crate) fn call_database(&self, call: DatabaseCall) -> Pending<DatabaseAnswer> {
        match &self.0 {
            Kind::Local(inner) => self.answer(inner, call),
            Kind::Other(other) => {
                let question = match serde_json::to_string(&call) {
                    Ok(question) => question,
                    Err(error) => return Pending::ready(Err(unreadable(&error))),
                };
                let read = |answer: String| Pending::ready(serde_json::from_str(&answer).map_err(|e| unreadable(&e)));
                let waits = matches!(call, DatabaseCall::Watch { .. });
                other.ops.database(question, waits).and_then(read)
            }
        }
    }

    /// As [`Engine::call_database`], for a node whose client asks in JSON.
    pub(crate) fn call_database_text(&self, call: &str) -> Pending<String> {
        match serde_json::from_str(call) {
            Ok(call) => self
                .call_database(call)
                .and_then(|answer| Pending::ready(serde_json::to_string(&answer).map_err(|error| unreadable(&error)))),
            Err(error) => Pending::ready(Err(unreadable(&error))),
        }
    }

    /// Works on all that is attached from now on.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when the directory does not say what is attached. A file that can't be worked on is told
    /// by its status, and tried again.
    pub fn run_databases(&self) -> Result<()> {
        let Kind::Local(inner) = &self.0 else { return Ok(()) };
        inner.writable()?;
        self.find_attached(inner)?;
        let all = inner.databases.all().clone();
        all.iter().try_for_each(|worker| Self::begin(inner, worker))
    }

    /// The hub that its links go to, if it has one.
    pub(crate) fn hub_of_links(&self) -> Option<Engine> {
        match &self.0 {
            Kind::Local(inner) => inner.hub.get().map(|(_, hub)| hub.clone()),
            Kind::Other(_) => None,
        }
    }

    fn answer(&self, inner: &Arc<Inner>, call: DatabaseCall) -> Pending<DatabaseAnswer> {
        let worker = match self.find_for(inner, &call) {
            Ok(Some(worker)) => worker,
            Ok(None) => return Pending::ready(Ok(DatabaseAnswer::Statuses(inner.databases.statuses()))),
            Err(error) => return Pending::ready(Err(error)),
        };
        let one = |info| DatabaseAnswer::Snapshots(vec![info]);
        match call {
            DatabaseCall::Sync(_) => {
                Pending::after(Self::begin(inner, &worker), |()| worker.sync()).map(|()| DatabaseAnswer::Done)
            }
            DatabaseCall::Watch { from, max, .. } => worker.changes.page(from, max).map(DatabaseAnswer::Changes),
            DatabaseCall::Snapshot(_) => job(worker, move |it| it.snapshot().map(one)),
            DatabaseCall::Restore(_, id) => job(worker, move |it| it.restore(id.as_deref()).map(one)),
            DatabaseCall::Check(_, repair) => job(worker, move |it| it.check(repair).map(DatabaseAnswer::Report)),
            DatabaseCall::Snapshots(_) => job(worker, |it| it.snapshots().map(DatabaseAnswer::Snapshots)),
            call => Pending::ready(Self::answer_now(inner, &worker, &call)),
        }
    }

    /// The file that a question is about, which an attach begins; none where it is about all.
    fn find_for(&self, inner: &Arc<Inner>, call: &DatabaseCall) -> Result<Option<Arc<Worker>>> {
        inner.writable()?;
        self.find_attached(inner)?;
        match call {
            DatabaseCall::Attach(config) => self.attach_here(inner, (**config).clone(), false).map(Some),
            call => call.name().map(|name| inner.databases.find(name)).transpose(),
        }
    }

    /// Answers what takes no time.
    fn answer_now(inner: &Arc<Inner>, worker: &Arc<Worker>, call: &DatabaseCall) -> Result<DatabaseAnswer> {
        match call {
            DatabaseCall::Attach(_) | DatabaseCall::Find(_) => {
                Self::begin(inner, worker)?;
                return Ok(DatabaseAnswer::Found(worker.name.clone(), worker.path.clone(), worker.config.log.shards));
            }
            DatabaseCall::Release(_) => return worker.release().map(DatabaseAnswer::Count),
            DatabaseCall::Schema(_) => return worker.schema().map(DatabaseAnswer::Schemas),
            DatabaseCall::Pause(_) => worker.pause(),
            DatabaseCall::Resume(_) => {
                worker.resume();
                Self::begin(inner, worker)?;
            }
            DatabaseCall::Detach(_) => {
                let _alone = inner.databases.change();
                worker.detach()?;
                inner.databases.all().retain(|other| !Arc::ptr_eq(other, worker));
            }
            _ => return Ok(DatabaseAnswer::Statuses(vec![worker.status()])),
        }
        Self::keep_attached(inner)?;
        Ok(DatabaseAnswer::Done)
    }

    /// As [`Engine::attach`] says, for a configuration that also holds where the file is worked on otherwise.
    #[cfg_attr(not(feature = "config"), allow(dead_code, reason = "only a configuration says all of a file anew"))]
    pub(super) fn attach_anew(&self, config: DatabaseConfig) -> Result<()> {
        let inner = self.local("a replicated file")?;
        inner.writable()?;
        self.find_attached(inner)?;
        self.attach_here(inner, config.resolved()?, true).map(drop)
    }

    fn attach_here(&self, inner: &Arc<Inner>, config: DatabaseConfig, is_anew: bool) -> Result<Arc<Worker>> {
        config.check()?;
        let name = config.database_name()?;
        let _alone = inner.databases.change();
        if let Ok(worker) = inner.databases.find(&name) {
            if std::fs::canonicalize(&config.path).ok().as_ref() != Some(&worker.path) {
                let message = format!("database '{name}' is attached already, as {}", worker.path.display());
                return Err(Error::new(ErrorKind::Conflict, message));
            }
            // Where snapshots go, and what is secret about it, may be told anew at any time.
            let told = worker.snapshot_config();
            let snapshot = if config.snapshot == SnapshotConfig::default() { told.clone() } else { config.snapshot };
            let config = DatabaseConfig { path: worker.path.clone(), snapshot, ..config };
            let apart = worker.config.differences(&config);
            if apart.is_empty() {
                if told != config.snapshot {
                    worker.tell_snapshots(&config.snapshot);
                    Self::keep_attached(inner)?;
                }
                return Ok(worker);
            }
            let why = if worker.config.shards() != config.shards() {
                "what is on its way is for its shards: detach it first"
            } else if worker.has_thread() && !is_anew {
                "it is worked on as it was attached: close the engine first"
            } else {
                return self.replace(inner, &worker, config);
            };
            let message = format!("database '{name}' is attached with another {}: {why}", apart.join(", "));
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let is_it = |other: &&Arc<Worker>| is_same(&other.path, &config.path);
        if let Some(other) = inner.databases.all().iter().find(is_it) {
            let message = format!("{} is attached already, as '{}'", other.path.display(), other.name);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        if !config.snapshot.store.is_empty() && !config.path.exists() {
            let info = crate::replica::node::snapshots::bootstrap(self, &config, None)?;
            self.log("info", format!("{} is made of snapshot {}", config.path.display(), info.id));
        }
        let worker = Worker::open(self, config, false)?;
        inner.databases.all().push(Arc::clone(&worker));
        Self::keep_attached(inner)?;
        Ok(worker)
    }

    /// Works on a file with another configuration from now on; with the one before, if it can't be.
    fn replace(&self, inner: &Arc<Inner>, old: &Arc<Worker>, config: DatabaseConfig) -> Result<Arc<Worker>> {
        let (was_at_work, is_paused) = (old.has_thread(), old.is_paused());
        let before = DatabaseConfig { snapshot: old.snapshot_config(), ..old.config.clone() };
        old.stop();
        let opened = Worker::open(self, config, is_paused);
        let worker = opened.as_ref().map_or_else(|_| Worker::later(self, before, is_paused), Arc::clone);
        inner.databases.all().iter_mut().filter(|it| Arc::ptr_eq(it, old)).for_each(|it| *it = Arc::clone(&worker));
        if was_at_work {
            Self::begin(inner, &worker)?;
        }
        opened?;
        Self::keep_attached(inner)?;
        Ok(worker)
    }

    /// Finds what the directory says is attached, once.
    fn find_attached(&self, inner: &Arc<Inner>) -> Result<()> {
        let mut known = lock(&inner.databases.known);
        if !*known {
            let attached = read(&*inner.shared.disk, &inner.root)?;
            let workers = attached.into_iter().map(|it| Worker::later(self, it.config, it.paused));
            inner.databases.all().extend(workers);
            *known = true;
        }
        Ok(())
    }

    /// Begins to work on a file, if nobody does yet.
    #[allow(clippy::disallowed_methods, reason = "an engine starts its own threads: one for each attached file")]
    fn begin(inner: &Arc<Inner>, worker: &Arc<Worker>) -> Result<()> {
        if !inner.shared.has_worker() || worker.has_thread() {
            return Ok(());
        }
        let working = Arc::clone(worker);
        let thread = std::thread::Builder::new().name("headwater-replica".to_owned()).spawn(move || working.run());
        worker.set_thread(thread.map_err(|e| Error::io("start the thread of a database", &e))?);
        Ok(())
    }

    /// Writes what is attached into the directory.
    fn keep_attached(inner: &Arc<Inner>) -> Result<()> {
        let all = inner.databases.all();
        let attached: Vec<_> = all
            .iter()
            .map(|worker| Attached { paused: worker.is_paused(), config: worker.config_without_secrets() })
            .collect();
        let path = inner.root.join(FILE);
        let bytes = serde_json::to_vec_pretty(&attached)
            .map_err(|error| Error::new(ErrorKind::Internal, format!("what is attached has no JSON: {error}")))?;
        replace(&*inner.shared.disk, &path, &bytes).map_err(|e| Error::io(format_args!("write {}", path.display()), &e))
    }
}

/// Does what takes a while on a thread of its own.
#[allow(clippy::disallowed_methods, reason = "an engine starts its own threads: one for each snapshot at work")]
fn job(
    worker: Arc<Worker>,
    work: impl FnOnce(&Worker) -> Result<DatabaseAnswer> + Send + 'static,
) -> Pending<DatabaseAnswer> {
    let ticket = Arc::new(Ticket::default());
    let filled = Arc::clone(&ticket);
    let thread =
        std::thread::Builder::new().name("headwater-snapshot".to_owned()).spawn(move || filled.fill(work(&worker)));
    match thread {
        Ok(_) => Pending::of(async move { poll_fn(|cx| ticket.poll(cx)).await }),
        Err(error) => Pending::ready(Err(Error::io("start the thread of a snapshot", &error))),
    }
}

fn unreadable(error: &serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, format!("what is asked of a database, or answered, can't be read: {error}"))
}

fn read(disk: &dyn Disk, root: &Path) -> Result<Vec<Attached>> {
    let path = root.join(FILE);
    if !disk.exists(&path) {
        return Ok(Vec::new());
    }
    let bytes = disk.open(&path, OpenMode::Read).and_then(|file| read_all(&*file));
    let bytes = bytes.map_err(|e| Error::io(format_args!("read {}", path.display()), &e))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::corrupt(format!("{} does not say what is attached: {error}", path.display())))
}
