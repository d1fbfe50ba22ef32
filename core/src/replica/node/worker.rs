//! Who works on a replicated file: a thread of the engine's, or whoever calls [`Worker::round`] where there is none. A
//! mistake ends what was opened, is told, and is tried again after a while; what is written meanwhile is captured.

use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

use super::changes::Changes;
use super::config::{DatabaseConfig, SnapshotConfig};
use super::core::Node;
use super::fair::FairMutex;
use super::upkeep::Upkeep;
use crate::bell::Bell;
use crate::clock::Nanos;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::Pending;
use crate::replica::schema_view::SchemaOf;
use crate::replica::status::{DatabaseState, DatabaseStatus, JobStatus, RefusedTable};

/// How long what failed is left alone, at first and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// What works on one file.
pub(crate) struct Worker {
    pub(super) engine: Engine,
    pub(crate) name: String,
    /// But for snapshots: those may be told something else.
    pub(crate) config: DatabaseConfig,
    pub(super) snapshot_told: Mutex<SnapshotConfig>,
    pub(crate) path: PathBuf,
    /// Fair, as its thread wants it again at once while there is much to do.
    work: FairMutex<Work>,
    bell: Arc<Bell>,
    is_stopped: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Those who wait until there is nothing to do.
    tickets: Mutex<Vec<Arc<Ticket<()>>>>,
    /// Rung after each round.
    pub(super) worked: Bell,
    pub(super) upkeep: Mutex<Upkeep>,
    /// What was joined, for those who watch.
    pub(crate) changes: Arc<Changes>,
    /// A snapshot that is being made or joined.
    pub(super) job: Mutex<Option<JobStatus>>,
}

/// Where the outcome of a wait will be, and who waits.
pub(crate) struct Ticket<T>(Mutex<(Option<Result<T>>, Option<Waker>)>);

impl<T> Default for Ticket<T> {
    fn default() -> Self {
        Ticket(Mutex::new((None, None)))
    }
}

impl<T> Ticket<T> {
    pub(crate) fn fill(&self, done: Result<T>) {
        let mut ticket = lock(&self.0);
        ticket.0 = Some(done);
        if let Some(waker) = ticket.1.take() {
            waker.wake();
        }
    }

    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<Result<T>> {
        let mut ticket = lock(&self.0);
        if let Some(done) = ticket.0.take() {
            return Poll::Ready(done);
        }
        ticket.1 = Some(cx.waker().clone());
        Poll::Pending
    }
}

struct Work {
    node: Option<Node>,
    is_paused: bool,
    last_error: String,
    failures: u32,
    /// When something was sent or joined last, or it began.
    active_at: Nanos,
}

impl Worker {
    /// Opens a file, and refuses at once what is wrong with it.
    pub(crate) fn open(engine: &Engine, config: DatabaseConfig, is_paused: bool) -> Result<Arc<Worker>> {
        let path = super::core::absolute(&config.path)?;
        let config = DatabaseConfig { path: path.clone(), ..config };
        let node = Node::open(engine, &config)?;
        Ok(Self::over(engine, config, path, Some(node), is_paused))
    }

    /// Works on a file that may not be there now.
    pub(crate) fn later(engine: &Engine, config: DatabaseConfig, is_paused: bool) -> Arc<Worker> {
        let path = config.path.clone();
        Self::over(engine, config, path, None, is_paused)
    }

    fn over(
        engine: &Engine,
        config: DatabaseConfig,
        path: PathBuf,
        node: Option<Node>,
        is_paused: bool,
    ) -> Arc<Worker> {
        let name = config.database_name().unwrap_or_default();
        let active_at = engine.clock().now();
        let work = Work { node, is_paused, last_error: String::new(), failures: 0, active_at };
        Arc::new(Worker {
            engine: engine.clone(),
            name,
            snapshot_told: Mutex::new(config.snapshot.clone()),
            config,
            path,
            work: FairMutex::new(work),
            bell: Arc::default(),
            is_stopped: AtomicBool::new(false),
            thread: Mutex::default(),
            tickets: Mutex::default(),
            worked: Bell::default(),
            upkeep: Mutex::default(),
            changes: Arc::default(),
            job: Mutex::default(),
        })
    }

    /// Has its thread look at once.
    pub(crate) fn ring(&self) {
        self.bell.ring();
    }

    /// Whether a thread works for it, or it ended.
    pub(crate) fn has_thread(&self) -> bool {
        lock(&self.thread).is_some()
    }

    pub(crate) fn set_thread(&self, thread: JoinHandle<()>) {
        *lock(&self.thread) = Some(thread);
    }

    /// Works until it is stopped.
    pub(crate) fn run(&self) {
        while !self.is_stopped() {
            let tickets = std::mem::take(&mut *lock(&self.tickets));
            let mut done = self.round();
            while matches!(done, Ok(true)) && !tickets.is_empty() {
                done = self.round();
            }
            if !matches!(done, Ok(true)) {
                let outcome = self.outcome(done);
                for ticket in tickets {
                    ticket.fill(outcome.clone());
                }
                if !self.is_stopped() {
                    self.upkeep_if_due();
                    self.wait();
                }
            }
        }
        self.end_upkeep();
        self.end_tickets();
    }

    /// Tells all who wait that nobody works any more.
    fn end_tickets(&self) {
        lock(&self.tickets).drain(..).for_each(|ticket| ticket.fill(Err(self.closed())));
    }

    /// What a round is to those who wait until there is nothing to do.
    fn outcome(&self, done: Result<bool>) -> Result<()> {
        match done {
            Ok(_) if self.is_stopped() => Err(self.closed()),
            Ok(_) if self.is_paused() => Err(self.paused()),
            done => done.map(drop),
        }
    }

    /// Done when all that was there at the call is taken in, sent and joined.
    pub(crate) fn sync(&self) -> Pending<()> {
        if self.is_paused() {
            return Pending::ready(Err(self.paused()));
        }
        if lock(&self.thread).is_none() {
            let mut done = self.round();
            while matches!(done, Ok(true)) {
                done = self.round();
            }
            return Pending::ready(done.map(drop));
        }
        let ticket = Arc::new(Ticket::default());
        lock(&self.tickets).push(Arc::clone(&ticket));
        self.ring();
        // Its thread may have ended before the ticket was there.
        if self.is_stopped() {
            self.end_tickets();
        }
        Pending::of(async move { poll_fn(|cx| ticket.poll(cx)).await })
    }

    /// Looks after snapshots, now and then.
    fn upkeep_if_due(&self) {
        let now = self.engine.clock().now();
        if lock(&self.upkeep).is_due(now) {
            self.upkeep();
        }
    }

    fn wait(&self) {
        let work = self.work.lock();
        let timeout = match &work.node {
            _ if work.is_paused => None,
            None => Some((BACKOFF.0 * 2u32.saturating_pow(work.failures.min(10))).min(BACKOFF.1)),
            Some(node) => {
                let waker = Waker::from(Arc::clone(&self.bell));
                if node.poll_ready(&mut Context::from_waker(&waker)).is_ready() && work.failures == 0 {
                    return;
                }
                Some(self.config.pause_between_looks())
            }
        };
        drop(work);
        self.bell.wait(timeout);
    }

    /// Does some of what there is to do. Whether there is more to do at once.
    pub(crate) fn round(&self) -> Result<bool> {
        let mut work = self.work.lock();
        if work.is_paused || self.is_stopped() {
            return Ok(false);
        }
        let done = self.try_round(&mut work);
        self.worked.ring();
        match &done {
            Ok(_) => {
                work.failures = 0;
                work.last_error.clear();
            }
            Err(error) => {
                // The application writes for long: what is open is as good as it was.
                if error.kind() != ErrorKind::Busy {
                    if let Some(node) = work.node.take() {
                        node.close();
                    }
                    work.failures = work.failures.saturating_add(1);
                }
                if error.kind() == ErrorKind::Closed {
                    self.end();
                }
                let text = error.to_string();
                if work.last_error != text {
                    self.engine.log("error", format!("database '{}': {text}", self.name));
                    work.last_error = text;
                }
            }
        }
        done
    }

    fn try_round(&self, work: &mut Work) -> Result<bool> {
        let node = match &mut work.node {
            Some(node) => node,
            none => none.insert(Node::open(&self.engine, &self.config)?),
        };
        let before = node.counts;
        let more = self.told(node, Node::step)?;
        if (node.counts.published, node.counts.applied) != (before.published, before.applied) {
            work.active_at = self.engine.clock().now();
        }
        Ok(more)
    }

    /// Does something with what is opened, and tells those who watch what came of it.
    fn told<T>(&self, node: &mut Node, work: impl FnOnce(&mut Node) -> Result<T>) -> Result<T> {
        if self.changes.is_watched() {
            node.begin_notes();
        }
        let done = work(node);
        self.changes.add(node.take_notes());
        done
    }

    /// Leaves the file alone until [`Worker::resume`].
    pub(crate) fn pause(&self) {
        self.work.lock().is_paused = true;
    }

    pub(crate) fn resume(&self) {
        self.work.lock().is_paused = false;
        self.ring();
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.work.lock().is_paused
    }

    fn closed(&self) -> Error {
        Error::new(ErrorKind::Closed, format!("database '{}' is closed", self.name))
    }

    fn paused(&self) -> Error {
        Error::new(ErrorKind::Conflict, format!("database '{}' is paused: resume it", self.name))
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    /// Does something with what is opened.
    pub(super) fn with_node<T>(&self, work: impl FnOnce(&mut Node) -> Result<T>) -> Result<T> {
        let mut slot = self.work.lock();
        if self.is_stopped() {
            return Err(self.closed());
        }
        let node = match &mut slot.node {
            Some(node) => node,
            none => none.insert(Node::open(&self.engine, &self.config)?),
        };
        self.told(node, work)
    }

    /// Lets in what is held as a clock is ahead; how many units that was.
    pub(crate) fn release(&self) -> Result<u64> {
        self.work.lock().node.as_mut().map_or(Ok(0), |node| self.told(node, Node::release_all))
    }

    /// Who has which schema.
    pub(crate) fn schema(&self) -> Result<Vec<SchemaOf>> {
        self.with_node(|node| node.schema())
    }

    /// How it stands.
    pub(crate) fn status(&self) -> DatabaseStatus {
        let mut work = self.work.lock();
        if work.node.is_none() && work.failures == 0 && !self.is_stopped() {
            match Node::open(&self.engine, &self.config) {
                Ok(node) => work.node = Some(node),
                Err(error) => work.last_error = error.to_string(),
            }
        }
        let mut status = DatabaseStatus {
            name: self.name.clone(),
            path: self.path.clone(),
            node_id: self.config.node_name(self.engine.id()),
            last_error: work.last_error.clone(),
            job: lock(&self.job).clone(),
            idle_ms: self.engine.clock().now().saturating_sub(work.active_at) / super::core::MS,
            ..DatabaseStatus::default()
        };
        status.state = match &work.node {
            _ if work.is_paused => DatabaseState::Paused,
            _ if self.is_stopped() || lock(&self.thread).is_none() => DatabaseState::Stopped,
            None if work.failures > 0 => DatabaseState::Failed,
            _ => DatabaseState::Running,
        };
        if let Some(node) = &work.node
            && let Err(error) = tell(node, &mut status)
        {
            status.last_error = error.to_string();
        }
        status
    }

    /// Ends its thread.
    pub(super) fn end(&self) {
        self.is_stopped.store(true, Ordering::Release);
        self.changes.close();
        self.ring();
    }

    /// Ends it, and what it opened.
    pub(crate) fn stop(&self) {
        self.end();
        if let Some(thread) = lock(&self.thread).take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
        if let Some(node) = self.work.lock().node.take() {
            node.close();
        }
    }

    /// Ends it, and takes every trace of it out of the file.
    pub(crate) fn detach(&self) -> Result<()> {
        let mut work = self.work.lock();
        let node = match work.node.take() {
            Some(node) => node,
            None => Node::open(&self.engine, &self.config)?,
        };
        node.detach()?;
        self.is_stopped.store(true, Ordering::Release);
        drop(work);
        self.stop();
        Ok(())
    }
}

fn tell(node: &Node, status: &mut DatabaseStatus) -> Result<()> {
    status.node = format!("{:016x}", node.id());
    let (tables, refused) = node.tables();
    status.tables = tables;
    status.left_out = node.left_out();
    status.refused =
        refused.into_iter().map(|refused| RefusedTable { table: refused.name, reason: refused.why }).collect();
    let counts = node.counts;
    (status.published, status.applied, status.changes) = (counts.published, counts.applied, counts.changes);
    status.faults = counts.faults;
    status.lag_records = node.lag();
    if status.lag_records > 0 && counts.applied_ms > 0 {
        status.lag_ms = node.now_ms().saturating_sub(counts.applied_ms);
    }
    if status.last_error.is_empty() {
        status.last_error.clone_from(&node.last_fault);
    }
    let waiting = node.waiting()?;
    (status.pending, status.unsent, status.conflicts) = (waiting.log, waiting.outbox, waiting.hidden);
    (status.parked, status.held) = (waiting.parked, waiting.held);
    status.missing = node.missing()?;
    Ok(())
}
