//! Following a store: which keys changed, from now on. It reads the log on its own, so it slows nobody, and a watcher
//! that is slow hears of a key once for many changes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use crate::error::{Error, Result};
use crate::locks::lock;
use crate::pending::Pending;
use crate::record::Batch;
use crate::stream::config::DeliverPolicy;
use crate::stream::subscription::{SubscribeOptions, Subscription};

use super::super::fragment::Fragment;
use super::super::kind::Kind;
use super::CrdtStore;

/// Records whose keys are gathered at once: what a key did in them is one change.
const POLL_RECORDS: usize = 1_000;

/// A key that changed, or may have: what it reads as now is in the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changed {
    /// Its name.
    pub key: String,
    /// Its kind.
    pub kind: Kind,
}

/// Follows the keys of a store. Safe to share; each change goes to one taker.
pub struct CrdtWatcher(Arc<Watching>);

struct Watching {
    subscription: Subscription,
    stream: String,
    prefix: String,
    backlog: Mutex<Backlog>,
}

#[derive(Default)]
struct Backlog {
    changes: BTreeSet<Changed>,
    fault: Option<Error>,
}

impl CrdtStore {
    /// Follows the keys whose names begin with `prefix`: what is written from now on, here and by others. A fragment
    /// that is held because its clock is ahead is told of when it comes.
    pub fn watch(&self, prefix: &str) -> Result<CrdtWatcher> {
        let log = &self.0.log;
        let from = DeliverPolicy::ByStartSequence(self.0.live()?.covered.seq + 1);
        let options = SubscribeOptions::default().filter(log.filter()).deliver(from);
        Ok(CrdtWatcher(Arc::new(Watching {
            subscription: log.stream.subscribe(options).wait()?,
            stream: log.stream.name().to_owned(),
            prefix: prefix.to_owned(),
            backlog: Mutex::default(),
        })))
    }
}

impl CrdtWatcher {
    /// Waits until there is at least one change, then takes up to `max`, one at the least, by key and kind.
    pub fn next(&self, max: usize) -> Pending<Vec<Changed>> {
        let watching = Arc::clone(&self.0);
        Pending::of(async move {
            loop {
                let changes = watching.take(max)?;
                if !changes.is_empty() {
                    return Ok(changes);
                }
                watching.keep(&watching.subscription.next(POLL_RECORDS).await?);
            }
        })
    }

    /// Takes up to `max` changes that are there, one at the least; none is an empty list.
    pub fn try_next(&self, max: usize) -> Result<Vec<Changed>> {
        loop {
            let changes = self.0.take(max)?;
            if !changes.is_empty() {
                return Ok(changes);
            }
            let batch = self.0.subscription.try_next(POLL_RECORDS)?;
            if batch.is_empty() {
                return Ok(Vec::new());
            }
            self.0.keep(&batch);
        }
    }

    /// Ready when `try_next` has something to say; else wakes `cx` then.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        while self.0.backlog().is_empty() {
            if self.0.subscription.poll_ready(cx).is_pending() {
                return Poll::Pending;
            }
            match self.0.subscription.try_next(POLL_RECORDS) {
                Ok(batch) => self.0.keep(&batch),
                Err(error) => self.0.backlog().fault = Some(error),
            }
        }
        Poll::Ready(())
    }

    /// How many records were purged before this watcher came to read them, as [`Subscription::missed`] says: any key
    /// may have changed then.
    pub fn missed(&self) -> u64 {
        self.0.subscription.missed()
    }

    /// Ends it: waits return `closed`.
    pub fn close(&self) {
        *self.0.backlog() = Backlog::default();
        self.0.subscription.close();
    }
}

impl Backlog {
    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.fault.is_none()
    }
}

impl Watching {
    fn backlog(&self) -> MutexGuard<'_, Backlog> {
        // It only ever has whole changes, so it is sound after a panic elsewhere too.
        lock(&self.backlog)
    }

    /// Puts the keys of a batch into the backlog, and what is wrong with it behind them.
    fn keep(&self, batch: &Batch) {
        let mut backlog = self.backlog();
        for record in batch.iter() {
            match Fragment::decode(record.payload) {
                Ok(fragment) => {
                    let keys = fragment.keys().filter(|(name, _)| name.starts_with(&self.prefix));
                    backlog.changes.extend(keys.map(|(name, kind)| Changed { key: name.to_owned(), kind }));
                }
                Err(e) => backlog.fault = Some(e.context(format!("record {} of stream {}", record.seq, self.stream))),
            }
        }
    }

    /// Takes changes, or the fault when there are none.
    fn take(&self, max: usize) -> Result<Vec<Changed>> {
        let mut backlog = self.backlog();
        let Some(first) = backlog.changes.pop_first() else { return backlog.fault.take().map_or(Ok(Vec::new()), Err) };
        let mut changes = vec![first];
        while changes.len() < max {
            let Some(change) = backlog.changes.pop_first() else { break };
            changes.push(change);
        }
        Ok(changes)
    }
}
