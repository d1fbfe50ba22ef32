//! What an engine lends to everything in it: clock, disk, log, counters, and the bell that wakes its worker.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::clock::{Clock, Nanos};
use crate::disk::Disk;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::pages::Pages;
use crate::locks::lock;
use crate::log::{Log, LogLine};
use crate::metric::Meter;
use crate::timers::Timers;

/// Things counted since the engine was opened.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) appends: AtomicU64,
    pub(crate) syncs: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) conflicts: AtomicU64,
    pub(crate) duplicates: AtomicU64,
}

pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) counters: Counters,
    pub(crate) pages: Pages,
    engine: u64,
    pub(crate) timers: Timers,
    closed: AtomicBool,
    worker: AtomicBool,
    pub(crate) lines: Arc<Log>,
    meters: Mutex<Vec<Weak<dyn Meter>>>,
    lent: Mutex<BTreeMap<String, Arc<dyn Any + Send + Sync>>>,
    bell: Mutex<Bell>,
    rung: Condvar,
}

#[derive(Default)]
struct Bell {
    /// Something asks for attention at once.
    now: bool,
    /// Something is due then.
    at: Option<Nanos>,
    stop: bool,
}

impl Shared {
    pub(crate) fn new(clock: Arc<dyn Clock>, disk: Arc<dyn Disk>, cache_bytes: u64, engine: u64) -> Self {
        Shared {
            clock,
            disk,
            counters: Counters::default(),
            pages: Pages::new(cache_bytes),
            engine,
            timers: Timers::default(),
            closed: AtomicBool::new(false),
            worker: AtomicBool::new(false),
            lines: Arc::default(),
            meters: Mutex::default(),
            lent: Mutex::default(),
            bell: Mutex::default(),
            rung: Condvar::new(),
        }
    }

    /// The engine's id.
    pub(crate) fn engine(&self) -> u64 {
        self.engine
    }

    /// Refuses work on a closed engine.
    pub(crate) fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Closed, "the engine is closed"));
        }
        Ok(())
    }

    pub(crate) fn set_closed(&self) -> bool {
        let was = self.closed.swap(true, Ordering::AcqRel);
        self.lines.close();
        if !was {
            self.meters().iter().for_each(|meter| meter.engine_closed());
        }
        was
    }

    /// Has a door's metrics told among the engine's.
    pub(crate) fn add_meter(&self, meter: Weak<dyn Meter>) {
        lock(&self.meters).push(meter);
    }

    /// The doors that are there and have metrics to tell.
    pub(crate) fn meters(&self) -> Vec<Arc<dyn Meter>> {
        let mut meters = lock(&self.meters);
        meters.retain(|meter| meter.strong_count() > 0);
        meters.iter().filter_map(Weak::upgrade).collect()
    }

    /// What all that have this name share, as long as the engine is there, and whether it is made now. A name has one
    /// type.
    pub(crate) fn lend<T: Send + Sync + 'static>(&self, name: &str, make: impl FnOnce() -> T) -> (Arc<T>, bool) {
        let mut lent = lock(&self.lent);
        if let Some(there) = lent.get(name).and_then(|there| Arc::clone(there).downcast().ok()) {
            return (there, false);
        }
        let made = Arc::new(make());
        lent.insert(name.to_owned(), made.clone());
        (made, true)
    }

    /// Whether a worker takes care of flushes and timers.
    pub(crate) fn has_worker(&self) -> bool {
        self.worker.load(Ordering::Relaxed)
    }

    pub(crate) fn set_worker(&self, runs: bool) {
        self.worker.store(runs, Ordering::Relaxed);
    }

    pub(crate) fn log(&self, level: &'static str, message: String) {
        match level {
            "error" => tracing::error!("{message}"),
            "warn" => tracing::warn!("{message}"),
            "info" => tracing::info!("{message}"),
            _ => tracing::debug!("{message}"),
        }
        if self.lines.push(LogLine { time: self.clock.now(), level, message }) {
            self.ring(None);
        }
    }

    /// Asks the worker for a step, at `at` or (without) at once.
    pub(crate) fn ring(&self, at: Option<Nanos>) {
        let mut bell = lock(&self.bell);
        match at {
            None if bell.now => return,
            None => bell.now = true,
            Some(at) if bell.at.is_none_or(|b| at < b) => bell.at = Some(at),
            Some(_) => return,
        }
        self.rung.notify_one();
    }

    pub(crate) fn stop_worker(&self) {
        lock(&self.bell).stop = true;
        self.rung.notify_one();
    }

    /// Sleeps until a step is due; false when the worker shall end.
    pub(crate) fn wait_for_bell(&self) -> bool {
        let mut bell = lock(&self.bell);
        loop {
            if bell.stop {
                return false;
            }
            let now = self.clock.now();
            if bell.now || bell.at.is_some_and(|at| at <= now) {
                bell.now = false;
                bell.at = None;
                return true;
            }
            bell = match bell.at {
                None => self.rung.wait(bell).unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let wait = Duration::from_nanos(at - now);
                    self.rung.wait_timeout(bell, wait).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}
