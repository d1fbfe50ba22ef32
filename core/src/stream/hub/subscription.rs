//! A subscription to a hub's stream: a bounded buffer that a task fills (`follow.rs`) and the holder empties.
//!
//! History and live records come from one consumer, so there is no seam. What limits removed before it was read is
//! counted, as on the local engine.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use serde_json::Value;
use tokio::sync::Notify;

use super::fetch::for_server;
use super::follow::Follow;
use super::pull::Start;
use super::read::tip;
use super::stream::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::{Pending, Wait};
use crate::record::Batch;
use crate::stream::config::DeliverPolicy;
use crate::stream::contract::SubscriptionOps;
use crate::stream::subscription::SubscribeOptions;
use crate::subject::Filters;

/// Records that the buffer holds, about, and their bytes: a holder that is slower stops the pulls.
pub(super) const BUFFER_RECORDS: usize = 8192;
pub(super) const BUFFER_BYTES: usize = 16 << 20;

/// What a task puts in and the holder takes out.
pub(super) struct Feed {
    inside: Mutex<Inside>,
    /// Told when there is room, or when it is over.
    pub(super) room: Notify,
    name: String,
}

struct Inside {
    chunks: VecDeque<(Batch, usize)>,
    records: usize,
    bytes: usize,
    /// The sequence that comes next at the earliest.
    next_seq: u64,
    /// What the server had not delivered yet, when it last said.
    pending: u64,
    missed: u64,
    /// Whether the task waits for room.
    starved: bool,
    closed: bool,
    /// Why nothing more comes.
    end: Option<Error>,
    waiting: Vec<(u64, Waker)>,
    next_waiter: u64,
}

impl Feed {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        lock(&self.inside)
    }

    /// Whether there is room for more; notes that it is waited for when there is none.
    pub(super) fn has_room(&self) -> bool {
        let mut inside = self.lock();
        let room = inside.records < BUFFER_RECORDS && inside.bytes < BUFFER_BYTES;
        inside.starved |= !room;
        room
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Adds records, and what the server has beyond them.
    pub(super) fn push(&self, batch: Batch, bytes: usize, missed: u64, pending: u64) {
        let mut inside = self.lock();
        inside.pending = pending;
        inside.missed += missed;
        if batch.is_empty() {
            return;
        }
        inside.records += batch.len();
        inside.bytes += bytes;
        let mut batch = batch;
        batch.set_missed(missed);
        inside.chunks.push_back((batch, bytes));
        wake(inside);
    }

    pub(super) fn set_pending(&self, pending: u64) {
        self.lock().pending = pending;
    }

    /// Nothing more comes, because of this.
    pub(super) fn end(&self, error: Error) {
        let mut inside = self.lock();
        inside.end.get_or_insert(error);
        wake(inside);
    }

    fn close(&self) {
        let mut inside = self.lock();
        inside.closed = true;
        wake(inside);
        self.room.notify_one();
    }

    fn take(&self, max: usize) -> Result<Batch> {
        let mut inside = self.lock();
        if inside.closed {
            return Err(Error::new(ErrorKind::Closed, format!("the subscription to stream '{}' is closed", self.name)));
        }
        let mut taken = Batch::default();
        while taken.len() < max
            && let Some((mut chunk, bytes)) = inside.chunks.pop_front()
        {
            let left = max - taken.len();
            if chunk.len() > left {
                let part = bytes * left / chunk.len();
                taken.absorb(chunk.split_to(left));
                inside.chunks.push_front((chunk, bytes - part));
                inside.bytes -= part;
            } else {
                inside.bytes -= bytes;
                taken.absorb(chunk);
            }
        }
        inside.records -= taken.len();
        if let Some(last) = taken.last_seq() {
            inside.next_seq = inside.next_seq.max(last + 1);
        } else if max > 0
            && let Some(error) = &inside.end
        {
            return Err(error.clone());
        }
        if inside.starved && inside.records < BUFFER_RECORDS / 2 && inside.bytes < BUFFER_BYTES / 2 {
            inside.starved = false;
            drop(inside);
            self.room.notify_one();
        }
        Ok(taken)
    }

    fn poll_ready(&self, cx: &Context<'_>, waiter: u64) -> Poll<()> {
        let mut inside = self.lock();
        if inside.records > 0 || inside.closed || inside.end.is_some() {
            return Poll::Ready(());
        }
        inside.waiting.retain(|w| w.0 != waiter);
        inside.waiting.push((waiter, cx.waker().clone()));
        Poll::Pending
    }

    fn new_waiter(&self) -> u64 {
        let mut inside = self.lock();
        inside.next_waiter += 1;
        inside.next_waiter
    }

    fn forget(&self, waiter: u64) {
        self.lock().waiting.retain(|w| w.0 != waiter);
    }
}

fn wake(mut inside: MutexGuard<'_, Inside>) {
    let waiting = std::mem::take(&mut inside.waiting);
    drop(inside);
    for (_, waker) in waiting {
        waker.wake();
    }
}

/// A place in a hub's stream that moves as records are taken.
pub(crate) struct HubSubscription {
    feed: Arc<Feed>,
    waiter: u64,
    /// Keeps the hub open.
    _remote: Arc<Remote>,
}

impl HubSubscription {
    pub(super) async fn open(remote: Arc<Remote>, options: SubscribeOptions) -> Result<Self> {
        let filters = Filters::new(&options.filters)?;
        let (server_filters, by_us) = for_server(filters.as_slice());
        let last = remote.look(&Value::Null).await?["state"]["last_seq"].as_u64().unwrap_or(0);
        // What begins at the end begins there for good, whatever happens to the consumer.
        let (start, place) = match options.deliver_policy {
            DeliverPolicy::All => (Start::All, None),
            DeliverPolicy::New => (Start::Seq(last + 1), Some(last + 1)),
            DeliverPolicy::ByStartSequence(0) => return Err(Error::invalid("sequences begin at 1, not 0")),
            DeliverPolicy::ByStartSequence(seq) => (Start::Seq(seq), (seq > 1).then_some(seq)),
            DeliverPolicy::ByStartTime(time) => (Start::Time(time), None),
            DeliverPolicy::LastPerSubject => (Start::LastPerSubject, Some(last + 1)),
            DeliverPolicy::Last => {
                let mut newest = 0;
                let all = [">".to_owned()];
                for filter in if filters.is_all() { &all[..] } else { filters.as_slice() } {
                    newest = tip(&remote, filter).await?.max(newest);
                }
                let seq = if newest == 0 { last + 1 } else { newest };
                (Start::Seq(seq), Some(seq))
            }
        };
        let inside = Inside {
            chunks: VecDeque::new(),
            records: 0,
            bytes: 0,
            next_seq: place.unwrap_or(1),
            pending: 0,
            missed: 0,
            starved: false,
            closed: false,
            end: None,
            waiting: Vec::new(),
            next_waiter: 1,
        };
        let feed = Arc::new(Feed { inside: Mutex::new(inside), room: Notify::new(), name: remote.name.clone() });
        let own_filters = if by_us { filters } else { Filters::default() };
        Follow::begin(&remote, &feed, server_filters, own_filters, start, place, last).await?;
        Ok(HubSubscription { feed, waiter: 0, _remote: remote })
    }
}

impl SubscriptionOps for HubSubscription {
    fn next(&self, max: usize) -> Pending<Batch> {
        match self.feed.take(max) {
            Ok(batch) if batch.is_empty() && max > 0 => {
                let waiter = self.feed.new_waiter();
                Pending::waiting(NextBatch { feed: Arc::clone(&self.feed), max, waiter })
            }
            other => Pending::ready(other),
        }
    }

    fn try_next(&self, max: usize) -> Result<Batch> {
        self.feed.take(max)
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.feed.poll_ready(cx, self.waiter)
    }

    fn position(&self) -> u64 {
        self.feed.lock().next_seq
    }

    fn lag(&self) -> u64 {
        let inside = self.feed.lock();
        inside.records as u64 + inside.pending
    }

    fn missed(&self) -> u64 {
        self.feed.lock().missed
    }

    fn is_past(&self, seq: u64) -> bool {
        let inside = self.feed.lock();
        inside.records == 0 && (inside.pending == 0 || inside.next_seq > seq)
    }

    fn close(&self) {
        self.feed.close();
    }
}

impl Drop for HubSubscription {
    fn drop(&mut self) {
        self.feed.close();
    }
}

struct NextBatch {
    feed: Arc<Feed>,
    max: usize,
    waiter: u64,
}

impl Wait<Batch> for NextBatch {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Batch>> {
        loop {
            match self.feed.take(self.max) {
                Ok(batch) if batch.is_empty() => {}
                other => return Poll::Ready(other),
            }
            if self.feed.poll_ready(cx, self.waiter).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for NextBatch {
    fn drop(&mut self) {
        self.feed.forget(self.waiter);
    }
}
