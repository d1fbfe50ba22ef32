//! A place in a stream that moves as records are taken: history from disk, then live, by one and the same read, so
//! there is no seam. Nothing is queued for a subscriber, so a slow one costs nobody anything; it is told what it
//! missed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use super::Local;
use super::read::{Plan, ReadOutcome};
use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Pos;
use crate::locks::lock;
use crate::pending::{Pending, Wait};
use crate::record::Batch;
use crate::stream::config::DeliverPolicy;
use crate::stream::contract::SubscriptionOps;
use crate::stream::subscription::SubscribeOptions;
use crate::subject::Filters;

/// The most bytes that one call takes, but at least one record.
const TAKE_BYTES_MAX: usize = 8 << 20;

/// A subscription to a local stream.
pub(crate) struct LocalSubscription(Arc<Place>);

/// Where to go on reading.
pub(crate) struct Place {
    local: Arc<Local>,
    filters: Filters,
    waiter: u64,
    at: Mutex<At>,
}

struct At {
    next_seq: u64,
    min_time: Nanos,
    /// Newest records of their subjects, to hand out before the rest.
    newest: VecDeque<(u64, Pos)>,
    /// Records that limits removed before they were read: all, and those that no batch has told yet.
    missed: u64,
    untold: u64,
    closed: bool,
}

impl At {
    /// Moves behind what was read, and counts what limits had removed of it.
    fn pass(&mut self, outcome: &ReadOutcome) {
        // Sequences begin at 1 in every stream, so a subscriber that has read something knows what it has not.
        if self.min_time == 0 && self.next_seq > 1 {
            let missed = outcome.first_seq.saturating_sub(self.next_seq);
            self.missed += missed;
            self.untold += missed;
        }
        self.next_seq = outcome.next_seq.max(self.next_seq);
    }
}

/// The next sequence, the least time, and newest records (sequence and position) to hand out first.
pub(crate) type Begin = (u64, Nanos, VecDeque<(u64, Pos)>);

/// Where a policy begins: the next sequence, the least time, and newest records to hand out first.
pub(crate) fn begin(local: &Local, filters: &Filters, policy: DeliverPolicy) -> Result<Begin> {
    let last_seq = |local: &Local| Ok::<u64, Error>(local.ready()?.last_seq);
    Ok(match policy {
        DeliverPolicy::All => (1, 0, VecDeque::new()),
        DeliverPolicy::New => (last_seq(local)? + 1, 0, VecDeque::new()),
        DeliverPolicy::ByStartSequence(seq) => (seq, 0, VecDeque::new()),
        DeliverPolicy::ByStartTime(time) => (1, time, VecDeque::new()),
        DeliverPolicy::Last => {
            let end = last_seq(local)? + 1;
            let last = local.newest(filters, 0)?.last().copied();
            (last.map_or(end, |l| l.0), 0, VecDeque::new())
        }
        DeliverPolicy::LastPerSubject => {
            let end = last_seq(local)?;
            let newest = local.newest(filters, 0)?.into_iter().filter(|n| n.0 <= end).collect();
            (end + 1, 0, newest)
        }
    })
}

impl LocalSubscription {
    pub(crate) fn new(local: &Arc<Local>, options: &SubscribeOptions) -> Result<Self> {
        local.shared.check_open()?;
        let filters = Filters::new(&options.filters)?;
        let (next_seq, min_time, newest) = begin(local, &filters, options.deliver_policy)?;
        let waiter = local.new_waiter();
        let at = Mutex::new(At { next_seq, min_time, newest, missed: 0, untold: 0, closed: false });
        Ok(LocalSubscription(Arc::new(Place { local: Arc::clone(local), filters, waiter, at })))
    }
}

impl LocalSubscription {
    /// Everything up to here was taken, or is not for this subscription.
    pub(crate) fn passed(&self) -> u64 {
        let at = self.0.at();
        if at.newest.is_empty() { at.next_seq.saturating_sub(1) } else { 0 }
    }
}

impl SubscriptionOps for LocalSubscription {
    fn next(&self, max: usize) -> Pending<Batch> {
        match self.0.take(max) {
            Ok(batch) if batch.is_empty() && max > 0 => {
                let waiter = self.0.local.new_waiter();
                Pending::waiting(NextBatch { place: Arc::clone(&self.0), max, waiter })
            }
            other => Pending::ready(other),
        }
    }

    fn try_next(&self, max: usize) -> Result<Batch> {
        self.0.take(max)
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_ready(cx, self.0.waiter)
    }

    fn position(&self) -> u64 {
        self.0.at().next_seq
    }

    fn lag(&self) -> u64 {
        let last_seq = self.0.local.lock().last_seq;
        (last_seq + 1).saturating_sub(self.0.at().next_seq)
    }

    fn missed(&self) -> u64 {
        self.0.at().missed
    }

    fn is_past(&self, seq: u64) -> bool {
        let at = self.0.at();
        if !at.newest.is_empty() {
            return false;
        }
        at.next_seq > seq
            || self.0.local.read(&Plan { max_seq: seq, ..self.0.plan(&at, 1) }).is_ok_and(|o| o.batch.is_empty())
    }

    fn pass(&self, seq: u64) -> bool {
        let mut at = self.0.at();
        let is_plain = at.newest.is_empty() && !at.closed;
        if is_plain {
            (at.next_seq, at.min_time) = (at.next_seq.max(seq + 1), 0);
        }
        is_plain
    }

    fn close(&self) {
        self.0.at().closed = true;
        let mut woken = Vec::new();
        self.0.local.lock().waiters.take_all_readers(&mut woken);
        super::waiters::wake(woken);
    }
}

impl Drop for LocalSubscription {
    fn drop(&mut self) {
        self.0.local.lock().waiters.forget(self.0.waiter);
    }
}

impl Place {
    fn at(&self) -> MutexGuard<'_, At> {
        lock(&self.at)
    }

    fn plan(&self, at: &At, max: usize) -> Plan {
        Plan {
            filters: self.filters.clone(),
            min_seq: at.next_seq,
            max_seq: u64::MAX,
            min_time: at.min_time,
            max_time: Nanos::MAX,
            event_range: None,
            backward: false,
            max_records: max,
            max_bytes: TAKE_BYTES_MAX,
        }
    }

    fn take(&self, max: usize) -> Result<Batch> {
        let mut at = self.at();
        if at.closed {
            return Err(Error::new(
                ErrorKind::Closed,
                format!("the subscription to stream '{}' is closed", self.local.name),
            ));
        }
        if max == 0 {
            return Ok(Batch::default());
        }
        while !at.newest.is_empty() {
            let count = max.min(at.newest.len());
            let places: Vec<_> = at.newest.drain(..count).collect();
            let batch = self.local.read_places(&places)?;
            if !batch.is_empty() {
                return Ok(batch);
            }
        }
        let outcome = self.local.read(&self.plan(&at, max))?;
        at.pass(&outcome);
        let mut batch = outcome.batch;
        if !batch.is_empty() {
            batch.set_missed(std::mem::take(&mut at.untold));
            at.min_time = 0;
        }
        Ok(batch)
    }

    fn poll_ready(&self, cx: &Context<'_>, waiter: u64) -> Poll<()> {
        let mut at = self.at();
        if at.closed || !at.newest.is_empty() {
            return Poll::Ready(());
        }
        loop {
            match self.local.read(&self.plan(&at, 1)) {
                Ok(outcome) if outcome.batch.is_empty() => at.pass(&outcome),
                _ => return Poll::Ready(()),
            }
            let mut state = self.local.lock();
            if state.closed {
                return Poll::Ready(());
            }
            if state.last_seq < at.next_seq {
                state.waiters.wait_for_record(waiter, &self.filters, cx.waker());
                return Poll::Pending;
            }
        }
    }
}

struct NextBatch {
    place: Arc<Place>,
    max: usize,
    waiter: u64,
}

impl Wait<Batch> for NextBatch {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Batch>> {
        loop {
            match self.place.take(self.max) {
                Ok(batch) if batch.is_empty() => {}
                other => return Poll::Ready(other),
            }
            if self.place.poll_ready(cx, self.waiter).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for NextBatch {
    fn drop(&mut self) {
        self.place.local.lock().waiters.forget(self.waiter);
    }
}
