//! Following points: what is so now, then what comes, with no gap and no point twice at the seam.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::error::Result;
use crate::locks::lock;
use crate::pending::{Pending, Wait};
use crate::record::Batch;
use crate::stream::config::DeliverPolicy;
use crate::stream::subscription::{SubscribeOptions, Subscription};

use super::point::Point;
use super::store::Points;

/// How many records a poll takes from the subscription to see whether one is a point.
const POLL_RECORDS: usize = 64;

/// Follows points. Safe to share; each point goes to one taker.
pub struct PointWatcher(Arc<Inner>);

struct Inner {
    points: Points,
    subscription: Subscription,
    /// Taken from the stream and not yet given out.
    backlog: Mutex<VecDeque<Result<Point>>>,
}

impl Points {
    /// Follows points as they come: the winning point of each series first, then every new one, in the order of their
    /// commit. Late and deleted points are new ones too: compare [`Point::stamp`] to know what wins.
    pub fn watch(&self, filter: &str) -> Result<PointWatcher> {
        let (winners, cursor) = self.latest_and_cursor(filter, false)?;
        let options = SubscribeOptions::default()
            .filter(self.subjects().filter(filter)?)
            .deliver(DeliverPolicy::ByStartSequence(cursor + 1));
        Ok(PointWatcher(Arc::new(Inner {
            points: self.clone(),
            subscription: self.stream().subscribe(options).wait()?,
            backlog: Mutex::new(winners.into_iter().map(Ok).collect()),
        })))
    }
}

impl PointWatcher {
    /// Waits until there is at least one point, then takes up to `max`, one at the least.
    pub fn next(&self, max: usize) -> Pending<Vec<Point>> {
        let max = max.max(1);
        match self.try_next(max) {
            Ok(points) if points.is_empty() => {
                let inner = self.0.subscription.next(max);
                Pending::waiting(NextPoints { watcher: self.0.clone(), max, inner: Some(inner) })
            }
            done => Pending::ready(done),
        }
    }

    /// Takes up to `max` points that are there, one at the least; none is an empty list.
    pub fn try_next(&self, max: usize) -> Result<Vec<Point>> {
        let max = max.max(1);
        if let Some(points) = self.0.take(max) {
            return points;
        }
        loop {
            let batch = self.0.subscription.try_next(max)?;
            if batch.is_empty() {
                return Ok(Vec::new());
            }
            if let Some(points) = self.0.sift(&batch, max) {
                return points;
            }
        }
    }

    /// Ready when `try_next` has something to say; else wakes `cx` then.
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
    fn backlog(&self) -> MutexGuard<'_, VecDeque<Result<Point>>> {
        lock(&self.backlog)
    }

    /// Puts the points of a batch into the backlog.
    fn keep(&self, batch: &Batch) {
        let mut backlog = self.backlog();
        for record in batch.iter() {
            if !self.points.subjects().is_own(record.subject) {
                backlog.push_back(self.points.point(&record));
            }
        }
    }

    /// As `keep`, then takes from the backlog.
    fn sift(&self, batch: &Batch, max: usize) -> Option<Result<Vec<Point>>> {
        self.keep(batch);
        self.take(max)
    }

    /// Takes points up to the next fault, or the fault when it is first; `None` when the backlog is empty.
    fn take(&self, max: usize) -> Option<Result<Vec<Point>>> {
        let mut backlog = self.backlog();
        if let Some(Err(_)) = backlog.front() {
            return backlog.pop_front().map(|fault| fault.map(|point| vec![point]));
        }
        let len = backlog.iter().take(max).take_while(|p| p.is_ok()).count();
        (len > 0).then(|| backlog.drain(..len).collect())
    }
}

/// A wait for records, again as long as none of them is a point.
struct NextPoints {
    watcher: Arc<Inner>,
    max: usize,
    inner: Option<Pending<Batch>>,
}

impl NextPoints {
    fn pending(&mut self) -> &mut Pending<Batch> {
        self.inner.get_or_insert_with(|| self.watcher.subscription.next(self.max))
    }

    /// What a finished wait came to; `None` is to wait again.
    fn settle(&mut self, result: Result<Batch>) -> Option<Result<Vec<Point>>> {
        self.inner = None;
        match result {
            Ok(batch) => self.watcher.sift(&batch, self.max),
            Err(error) => Some(Err(error)),
        }
    }
}

impl Wait<Vec<Point>> for NextPoints {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<Point>>> {
        loop {
            let Poll::Ready(result) = std::pin::Pin::new(self.pending()).poll(cx) else { return Poll::Pending };
            if let Some(done) = self.settle(result) {
                return Poll::Ready(done);
            }
        }
    }

    fn wait(&mut self, timeout: Option<Duration>) -> Option<Result<Vec<Point>>> {
        loop {
            let result = match timeout {
                Some(timeout) => self.pending().block(Some(timeout))?,
                None => {
                    self.pending();
                    self.inner.take()?.wait()
                }
            };
            if let Some(done) = self.settle(result) {
                return Some(done);
            }
        }
    }
}
