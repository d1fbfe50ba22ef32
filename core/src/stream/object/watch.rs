//! Following an object store: what is there, then what changes, with no gap and no change twice at the seam.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use super::{ObjectInfo, ObjectStore, name, wire};
use crate::error::Result;
use crate::locks::lock;
use crate::pending::Pending;
use crate::record::Batch;
use crate::stream::config::DeliverPolicy;
use crate::stream::subscription::{SubscribeOptions, Subscription};

/// How many records a poll takes from the subscription to see whether one is to be told.
const POLL_RECORDS: usize = 64;

/// What a watcher of objects sees.
#[derive(Debug, Clone, Copy, Default)]
pub struct ObjectWatchOptions {
    /// Only what changes from now on.
    pub updates_only: bool,
    /// Leave deletes out.
    pub ignore_deletes: bool,
}

/// Follows the objects of a store. Safe to share; each change goes to one taker.
pub struct ObjectWatcher(Arc<Inner>);

struct Inner {
    subscription: Subscription,
    until: u64,
    ignore_deletes: bool,
    caught_up: AtomicBool,
    /// Taken from the stream and not yet given out.
    backlog: Mutex<VecDeque<Result<ObjectInfo>>>,
}

impl ObjectStore {
    /// What is there, by the time of its last change, then what changes. Bytes are not part of it: get the object.
    pub fn watch(&self, options: ObjectWatchOptions) -> Pending<ObjectWatcher> {
        let deliver = if options.updates_only { DeliverPolicy::New } else { DeliverPolicy::LastPerSubject };
        let (stream, filter) = (self.stream.clone(), name::all_infos(&self.bucket));
        self.stream.last_seq(&filter).and_then(move |until| {
            let subscription = stream.subscribe(SubscribeOptions::default().filter(filter).deliver(deliver));
            subscription.map(move |subscription| {
                ObjectWatcher(Arc::new(Inner {
                    subscription,
                    until,
                    ignore_deletes: options.ignore_deletes,
                    caught_up: AtomicBool::new(options.updates_only),
                    backlog: Mutex::default(),
                }))
            })
        })
    }
}

impl ObjectWatcher {
    /// Waits until there is at least one change, then takes up to `max`, one at the least.
    pub fn next(&self, max: usize) -> Pending<Vec<ObjectInfo>> {
        let (inner, max) = (Arc::clone(&self.0), max.max(1));
        Pending::of(async move {
            loop {
                if let Some(infos) = inner.take(max) {
                    return infos;
                }
                let batch = inner.subscription.next(max).await?;
                inner.keep(&batch);
            }
        })
    }

    /// Takes up to `max` changes that are there, one at the least; none is an empty list.
    pub fn try_next(&self, max: usize) -> Result<Vec<ObjectInfo>> {
        let max = max.max(1);
        loop {
            if let Some(infos) = self.0.take(max) {
                return infos;
            }
            let batch = self.0.subscription.try_next(max)?;
            if batch.is_empty() {
                return Ok(Vec::new());
            }
            self.0.keep(&batch);
        }
    }

    /// Ready when [`ObjectWatcher::try_next`] has something to say; else wakes `cx` then.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if !self.0.backlog().is_empty() {
                return Poll::Ready(());
            }
            if self.0.subscription.poll_ready(cx).is_pending() {
                return Poll::Pending;
            }
            match self.0.subscription.try_next(POLL_RECORDS) {
                Ok(batch) => self.0.keep(&batch),
                Err(error) => self.0.backlog().push_back(Err(error)),
            }
        }
    }

    /// Whether everything that was there when the watch began has been taken.
    pub fn caught_up(&self) -> bool {
        let inner = &self.0;
        let is_past = || inner.backlog().is_empty() && inner.subscription.is_past(inner.until);
        if !inner.caught_up.load(Ordering::Relaxed) && is_past() {
            inner.caught_up.store(true, Ordering::Relaxed);
        }
        inner.caught_up.load(Ordering::Relaxed)
    }

    /// How many records limits removed before this watcher came to read them, as [`Subscription::missed`] says.
    pub fn missed(&self) -> u64 {
        self.0.subscription.missed()
    }

    /// Ends it: waits return [`crate::ErrorKind::Closed`].
    pub fn close(&self) {
        self.0.backlog().clear();
        self.0.subscription.close();
    }
}

impl Inner {
    fn backlog(&self) -> MutexGuard<'_, VecDeque<Result<ObjectInfo>>> {
        lock(&self.backlog)
    }

    fn keep(&self, batch: &Batch) {
        let infos = batch.iter().map(|record| wire::decode(&record));
        let told = infos.filter(|info| !self.ignore_deletes || info.as_ref().map_or(true, |i| !i.deleted));
        self.backlog().extend(told);
    }

    /// Takes infos up to the next fault, or the fault when it is first; `None` when the backlog is empty.
    fn take(&self, max: usize) -> Option<Result<Vec<ObjectInfo>>> {
        let mut backlog = self.backlog();
        if let Some(Err(_)) = backlog.front() {
            return backlog.pop_front().map(|fault| fault.map(|info| vec![info]));
        }
        let len = backlog.iter().take(max).take_while(|info| info.is_ok()).count();
        (len > 0).then(|| backlog.drain(..len).collect())
    }
}
