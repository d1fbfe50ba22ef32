//! What drives a store: a thread that takes in what comes in its stream, and does what is due. Without threads it is
//! whoever steps the engine.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{PresenceNode, PresenceStatus, Reading};
use crate::bell::Bell;
use crate::clock::{Clock, Nanos};
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::metric::{Meter, Metric};
use crate::pending::Pending;
use crate::presence::config::PresenceConfig;
use crate::presence::core::Core;
use crate::presence::limits::check_id;
use crate::presence::log::Log;
use crate::presence::nodes::Standing;
use crate::presence::row::Subjects;
use crate::presence::time::Wall;
use crate::presence::view::{Counts, UserView};
use crate::record::{Ack, Append};
use crate::stream::Stream;
use crate::stream::config::{DeliverPolicy, StreamConfig};
use crate::stream::subscription::{SubscribeOptions, Subscription};

/// Records that are taken in at once.
const RECORDS_AT_ONCE: usize = 1_000;

/// How long at the least from one look at the stream to the next, so that a crowd of records costs one.
const PACE: Duration = Duration::from_millis(5);

/// A store and its thread.
pub(crate) struct Worker {
    pub(crate) core: Arc<Core>,
    pub(crate) config: PresenceConfig,
    clock: Arc<dyn Clock>,
    subscription: Subscription,
    node: String,
    bell: Arc<Bell>,
    is_stopped: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
    hears: Box<dyn Fn() -> bool + Send + Sync>,
}

/// A store as its handles have it. The last of them to go ends it, also where its thread is at work just then.
pub(crate) struct Opened(Arc<Worker>);

impl Deref for Opened {
    type Target = Arc<Worker>;

    fn deref(&self) -> &Arc<Worker> {
        &self.0
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.close();
    }
}

impl Meter for Worker {
    fn metrics(&self) -> Vec<Metric> {
        if self.core.check_open().is_err() {
            return Vec::new();
        }
        let counts: Vec<Counts> = self.core.spaces.all().iter().map(|space| space.counts()).collect();
        let sum = |of: fn(&Counts) -> u64| counts.iter().map(of).sum();
        let store = ("store", self.config.name.as_str());
        let users = [
            ("online", sum(|counts| counts.online)),
            ("away", sum(|counts| counts.away)),
            ("busy", sum(|counts| counts.busy)),
            ("unknown", sum(|counts| counts.unknown)),
        ];
        let users =
            users.map(|(status, count)| Metric::of("headwater_presence_users", &[store, ("status", status)], count));
        let others = [
            ("headwater_presence_sessions", sum(|counts| counts.sessions)),
            ("headwater_presence_spaces", counts.len() as u64),
            ("headwater_presence_answered", self.core.answered.load(Ordering::Relaxed)),
            ("headwater_presence_changes_total", self.core.history.position()),
            ("headwater_presence_stale", u64::from(self.core.stale_since().is_some())),
            ("headwater_presence_refused_total", self.core.refused().0),
        ];
        users.into_iter().chain(others.map(|(name, value)| Metric::of(name, &[store], value))).collect()
    }
}

/// The log of a store that stands on a stream.
struct StreamLog(Stream);

impl Log for StreamLog {
    fn append(&self, subject: &str, payload: &[u8], ttl: Option<Duration>) -> Pending<Ack> {
        self.0.append(&Append { ttl, ..Append::new(subject, payload) })
    }

    fn last(&self, subject: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.0.last(subject).wait()?.map(|record| record.payload))
    }
}

impl PresenceConfig {
    /// The stream that it is kept in.
    pub(crate) fn stream(&self) -> StreamConfig {
        StreamConfig {
            durability: self.durability,
            max_msgs_per_subject: 1,
            ..StreamConfig::new(format!("PRESENCE_{}", self.name), [Subjects::of(&self.name).filter()])
        }
    }
}

/// The store that a stream is of.
pub(crate) fn of_stream(stream: &str) -> Option<&str> {
    stream.strip_prefix("PRESENCE_")
}

impl Worker {
    /// Reads a stream, and follows it from then on once somebody runs it. `hears` says whether other nodes' records
    /// come.
    pub(crate) fn open(
        config: PresenceConfig,
        engine: &str,
        clock: &Arc<dyn Clock>,
        stream: &Stream,
        hears: Box<dyn Fn() -> bool + Send + Sync>,
    ) -> Result<Arc<Opened>> {
        let settings = config.settings(engine)?;
        let node = settings.node.clone();
        let log = StreamLog(stream.clone());
        let now_ms = to_ms(clock.now());
        let filter = Subjects::of(&config.name).filter();
        let core = Arc::new(Core::new(settings, clock.random(), clock.random(), Box::new(log), now_ms));
        let (mut seq, mut last_ms) = (0, 0);
        loop {
            let batch = stream.last_many(&[&filter], seq, RECORDS_AT_ONCE).wait()?;
            let Some(last) = batch.iter().last() else { break };
            seq = last.seq;
            for record in batch.iter() {
                if record.subject.ends_with(&node) {
                    last_ms = last_ms.max(to_ms(record.time));
                }
                if let Err(error) = core.restore(record.subject, record.payload, now_ms) {
                    core.refuse(record.subject, error);
                }
            }
        }
        core.begin(last_ms, now_ms);
        let from = DeliverPolicy::ByStartSequence(seq + 1);
        let options = SubscribeOptions::default().filter(filter).deliver(from);
        let worker = Worker {
            core,
            config,
            clock: Arc::clone(clock),
            subscription: stream.subscribe(options).wait()?,
            node: format!(".{node}"),
            bell: Arc::default(),
            is_stopped: AtomicBool::new(false),
            thread: Mutex::default(),
            hears,
        };
        Ok(Arc::new(Opened(Arc::new(worker))))
    }

    /// Has a thread drive it.
    #[allow(clippy::disallowed_methods, reason = "an engine starts its own threads: one for each presence store")]
    pub(crate) fn start(self: &Arc<Self>) -> Result<()> {
        let worker = Arc::clone(self);
        let work = move || {
            let pace = Bell::default();
            while !worker.is_stopped() {
                let next = worker.round();
                let is_ready = worker.listen();
                pace.wait(Some(PACE));
                if !is_ready {
                    // What is written here comes in the stream too, so it rings for what is due earlier.
                    worker.bell.wait(next.map(Duration::from_millis));
                }
            }
        };
        let thread = std::thread::Builder::new().name("headwater-presence".to_owned()).spawn(work);
        let thread = thread.map_err(|e| Error::io("start the thread of a presence store", &e))?;
        *lock(&self.thread) = Some(thread);
        Ok(())
    }

    /// Has the stream ring when there is something; whether there is already.
    fn listen(&self) -> bool {
        let waker = Waker::from(Arc::clone(&self.bell));
        self.subscription.poll_ready(&mut Context::from_waker(&waker)).is_ready()
    }

    /// Takes in what is there, and does what is due; in how many milliseconds to come again.
    pub(crate) fn round(&self) -> Option<u64> {
        loop {
            match self.subscription.try_next(RECORDS_AT_ONCE) {
                Ok(batch) if batch.is_empty() => break,
                Ok(batch) => {
                    let now_ms = self.now_ms();
                    // What it wrote itself it knows, but for a word of another process that goes by its name.
                    let others = batch.iter().filter(|r| !r.subject.ends_with(&self.node) || r.subject.contains(".n."));
                    others.for_each(|record| self.core.apply(record.subject, record.payload, now_ms));
                }
                Err(error) => {
                    if error.kind() == ErrorKind::Closed {
                        self.is_stopped.store(true, Ordering::Release);
                    }
                    self.core.fail(error);
                    break;
                }
            }
        }
        self.core.connect((self.hears)(), self.now_ms());
        self.core.tick(self.now_ms())
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    /// Ends it in good order; twice is nothing.
    pub(crate) fn close(&self) {
        self.is_stopped.store(true, Ordering::Release);
        self.bell.ring();
        self.core.close(self.now_ms());
        self.subscription.close();
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != std::thread::current().id()) {
            let _ = thread.join();
        }
    }

    pub(crate) fn now_ms(&self) -> Wall {
        to_ms(self.clock.now())
    }

    pub(crate) fn view(&self, space: &str, user: &str) -> Result<Arc<UserView>> {
        self.core.check_open()?;
        // Whoever is known has a name that goes.
        if let Some(view) = self.core.known(space, user) {
            return Ok(view);
        }
        check_id("space", space)?;
        check_id("user", user)?;
        self.core.view(space, user, self.now_ms())
    }

    fn reading(&self, users: Vec<Arc<UserView>>) -> Reading {
        let stale_since = self.core.stale_since();
        Reading { users, as_of_ms: stale_since.unwrap_or_else(|| self.now_ms()), stale: stale_since.is_some() }
    }

    pub(crate) fn read(&self, space: &str, users: &[&str]) -> Result<Reading> {
        // Also where nobody is asked for.
        check_id("space", space)?;
        let users = users.iter().map(|user| self.view(space, user)).collect::<Result<_>>()?;
        Ok(self.reading(users))
    }

    /// As [`Worker::read`], where all of it is in memory.
    #[cfg(feature = "http")]
    pub(crate) fn told(&self, space: &str, users: &[&str]) -> Option<Reading> {
        let is_named = check_id("space", space).is_ok() && users.iter().all(|user| check_id("user", user).is_ok());
        if !is_named || self.core.check_open().is_err() {
            return None;
        }
        let users = users.iter().map(|user| self.core.told(space, user)).collect::<Option<_>>()?;
        Some(self.reading(users))
    }

    pub(crate) fn list(&self, space: &str) -> Result<Reading> {
        self.core.check_open()?;
        check_id("space", space)?;
        let Some(space) = self.core.spaces.find(space) else { return Ok(self.reading(Vec::new())) };
        Ok(self.reading(self.core.snapshot(&space, &[], false)?.users))
    }

    pub(crate) fn counts(&self, space: &str) -> Result<Counts> {
        self.core.check_open()?;
        check_id("space", space)?;
        Ok(self.core.spaces.find(space).map(|space| space.counts()).unwrap_or_default())
    }

    pub(crate) fn spaces(&self) -> Result<Vec<(String, Counts)>> {
        self.core.check_open()?;
        Ok(self.core.spaces.all().iter().map(|space| (space.name.to_string(), space.counts())).collect())
    }

    pub(crate) fn status(&self) -> Result<PresenceStatus> {
        self.core.check_open()?;
        let (refused, last_refused) = self.core.refused();
        let stale_since = self.core.stale_since();
        let last_error = self.core.failed().or(last_refused);
        Ok(PresenceStatus {
            name: self.config.name.clone(),
            node: self.node[1..].to_owned(),
            answered: self.core.answered.load(Ordering::Relaxed),
            stale: stale_since.is_some(),
            as_of_ms: stale_since.unwrap_or_else(|| self.now_ms()),
            position: self.core.history.position(),
            refused,
            last_error: last_error.map(|error| error.to_string()).unwrap_or_default(),
            nodes: self
                .core
                .nodes()
                .into_iter()
                .map(|(name, standing, heard_ms)| PresenceNode {
                    name,
                    state: match standing {
                        Standing::Up => "up",
                        Standing::Silent => "silent",
                        Standing::Closed => "closed",
                    }
                    .to_owned(),
                    heard_ms,
                })
                .collect(),
        })
    }
}

fn to_ms(time: Nanos) -> Wall {
    time / 1_000_000
}
