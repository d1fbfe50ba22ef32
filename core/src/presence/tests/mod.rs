//! Stores on logs in memory, on one clock, with others that hear of them later or not at all.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test stops at the first surprise")]

mod edges;
mod merges;
mod storms;
mod watching;
mod world;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::config::PresenceConfig;
use super::core::Core;
use super::log::Log;
use super::status::Status;
use super::time::Wall;
use super::write::SessionSet;
use crate::error::Result;
use crate::pending::Pending;
use crate::record::{Ack, Durability};

/// Some day in 2026.
const START: Wall = 1_790_000_000_000;

/// A log in memory: what was appended, what is newest, and when its node wrote last.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    all: Vec<Line>,
    newest: BTreeMap<String, Vec<u8>>,
    now: Wall,
    written: Wall,
}

type Line = (String, Vec<u8>);

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap()
    }

    fn push(&self, subject: &str, payload: &[u8]) {
        let mut kept = self.lock();
        kept.all.push((subject.to_owned(), payload.to_vec()));
        kept.newest.insert(subject.to_owned(), payload.to_vec());
    }

    fn len(&self) -> usize {
        self.lock().all.len()
    }

    fn newest(&self) -> Vec<Line> {
        self.lock().newest.clone().into_iter().collect()
    }
}

impl Log for Lines {
    fn append(&self, subject: &str, payload: &[u8], _ttl: Option<Duration>) -> Pending<Ack> {
        self.push(subject, payload);
        let mut kept = self.lock();
        kept.written = kept.now;
        let seq = kept.all.len() as u64;
        Pending::ready(Ok(Ack { seq, count: 1, duplicate: false, durability: Durability::Os }))
    }

    fn last(&self, subject: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.lock().newest.get(subject).cloned())
    }
}

fn config(node: &str) -> PresenceConfig {
    PresenceConfig { node: node.to_owned(), ..PresenceConfig::default() }
}

/// Opens a store on what a log has.
fn open(config: &PresenceConfig, lines: &Lines, epoch: u64, now: Wall) -> Arc<Core> {
    lines.lock().now = now;
    let last_ms = lines.lock().written;
    let core = Core::new(config.settings("node").unwrap(), epoch, 7, Box::new(lines.clone()), now);
    for (subject, payload) in lines.newest() {
        core.restore(&subject, &payload, now).unwrap();
    }
    core.begin(last_ms, now);
    Arc::new(core)
}

/// A store of its own on a clock of its own.
struct Alone {
    core: Arc<Core>,
    lines: Lines,
    config: PresenceConfig,
    now: Wall,
    epoch: u64,
}

impl Alone {
    fn new(config: PresenceConfig) -> Alone {
        let lines = Lines::default();
        Alone { core: open(&config, &lines, 1, START), lines, config, now: START, epoch: 1 }
    }

    fn set(&self, user: &str, session: &str, status: Status, ttl_s: u64) {
        let ttl = Some(Duration::from_secs(ttl_s));
        let set = SessionSet { session: session.into(), status, ttl, ..SessionSet::default() };
        self.core.set("s", user, set, false, self.now).unwrap();
    }

    fn hold(&self, user: &str, session: &str, status: Status) {
        let set = SessionSet { session: session.into(), status, ..SessionSet::default() };
        self.core.set("s", user, set, true, self.now).unwrap();
    }

    fn status(&self, user: &str) -> Status {
        self.core.view("s", user, self.now).unwrap().status
    }

    /// Lets time pass, in steps that whoever drives a store would make.
    fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        while self.now < end {
            self.now = end.min(self.now + 1_000);
            self.lines.lock().now = self.now;
            self.core.tick(self.now);
        }
    }

    /// The process is killed and begun again.
    fn crash(&mut self) {
        self.epoch += 1;
        self.core = open(&self.config, &self.lines, self.epoch, self.now);
    }
}
