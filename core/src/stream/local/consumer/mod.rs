//! Durable consumers with JetStream's semantics: explicit acknowledgement, redelivery, dead letters.
//!
//! `progress.rs` is the logic as a value; here it meets the stream, the ledger that keeps it, and those who wait. What
//! JetStream only announces when `max_deliver` is passed, this does: the record moves to a dead-letter stream.

pub(crate) mod dead_letter;
pub(crate) mod progress;
pub(crate) mod registry;

use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::read::Plan;
use super::stream::LocalStream;
use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::{Pending, Wait};
use crate::record::Batch;
use crate::shared::Shared;
use crate::stream::config::{AckPolicy, ConsumerConfig};
use crate::stream::consumer::ConsumerInfo;
use crate::stream::contract::ConsumerOps;
use crate::stream::ledger::Ledger;
use crate::subject::Filters;
use progress::{Change, Progress};

/// The most bytes that one call takes, but at least one record.
const TAKE_BYTES_MAX: usize = 8 << 20;

/// A handle of a local stream's consumer.
pub(crate) struct LocalConsumer {
    core: Arc<Core>,
    stream: LocalStream,
    waiter: u64,
}

impl Clone for LocalConsumer {
    fn clone(&self) -> Self {
        LocalConsumer::new(Arc::clone(&self.core), self.stream.clone())
    }
}

/// What all handles of one consumer share.
pub(crate) struct Core {
    pub(crate) name: String,
    filters: Filters,
    inside: Mutex<Inside>,
}

struct Inside {
    progress: Progress,
    ledger: Ledger,
    shared: Arc<Shared>,
    deleted: bool,
    /// Those who wait for room, by their number.
    waiting: Vec<(u64, Waker)>,
}

impl Inside {
    fn record(&mut self, change: &Change) -> Result<()> {
        self.ledger.append(&serde_json::to_vec(change).unwrap_or_default())?;
        self.progress.apply(change);
        if self.ledger.wants_fold() {
            self.fold();
        }
        Ok(())
    }

    /// Stores where it stands as a whole. When that cannot be, say because the disk is full, the entries say it too.
    fn fold(&mut self) {
        if let Err(error) = self.ledger.fold(&serde_json::to_vec(&self.progress).unwrap_or_default()) {
            self.shared.log("warn", format!("consumer '{}': {error}", self.progress.config.name));
        }
    }
}

/// Lets those who wait look again: there is room, something is due at another time, or it is over.
fn wake(mut inside: MutexGuard<'_, Inside>) {
    let waiting = std::mem::take(&mut inside.waiting);
    drop(inside);
    for (_, waker) in waiting {
        waker.wake();
    }
}

impl Core {
    fn new(progress: Progress, ledger: Ledger, shared: &Arc<Shared>) -> Result<Self> {
        let shared = Arc::clone(shared);
        Ok(Core {
            name: progress.config.name.clone(),
            filters: Filters::new(&progress.config.filter_subjects)?,
            inside: Mutex::new(Inside { progress, ledger, shared, deleted: false, waiting: Vec::new() }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        lock(&self.inside)
    }

    pub(crate) fn config(&self) -> ConsumerConfig {
        self.lock().progress.config.clone()
    }

    /// Leaves where it stands under one check, so that a check finds every byte that changes later.
    fn store(&self) {
        let mut inside = self.lock();
        if !inside.ledger.is_folded() {
            inside.fold();
        }
    }

    /// Ends all handles.
    fn retire(&self) {
        let mut inside = self.lock();
        inside.deleted = true;
        wake(inside);
    }
}

impl LocalConsumer {
    pub(crate) fn new(core: Arc<Core>, stream: LocalStream) -> Self {
        let waiter = stream.local.new_waiter();
        LocalConsumer { core, stream, waiter }
    }

    /// Where it stands.
    pub(crate) fn standing(&self) -> Result<ConsumerInfo> {
        let inside = self.open()?;
        let progress = &inside.progress;
        let num_pending = self.count_from(progress)?;
        Ok(ConsumerInfo {
            config: progress.config.clone(),
            delivered_seq: progress.delivered_seq,
            ack_floor: progress.ack_floor(),
            num_ack_pending: progress.pending.len() as u64,
            num_redelivered: progress.pending.values().filter(|p| p.count > 1).count() as u64,
            num_pending,
            num_dead: progress.dead,
        })
    }

    fn count_from(&self, progress: &Progress) -> Result<u64> {
        let mut plan = self.plan(progress, usize::MAX);
        plan.max_records = 100_000;
        plan.max_bytes = TAKE_BYTES_MAX;
        let mut count = progress.newest.len() as u64;
        loop {
            let outcome = self.stream.local.read(&plan)?;
            count += outcome.batch.len() as u64;
            if outcome.batch.is_empty() {
                return Ok(count);
            }
            plan.min_seq = outcome.next_seq;
        }
    }

    /// Delivers again what is due, and buries what was delivered too often.
    fn redeliver(&self, inside: &mut Inside, now: Nanos, max: usize) -> Result<Batch> {
        let mut batch = Batch::default();
        let mut delivered = Vec::new();
        while batch.len() < max {
            let due = inside.progress.due_by(now, max - batch.len());
            if due.is_empty() {
                break;
            }
            for (seq, count) in due {
                let one = self.stream.local.read(&one(seq))?.batch;
                let most = inside.progress.config.max_deliver;
                if one.is_empty() {
                    // A limit or a delete took it, so there is nothing left to do for it.
                    inside.record(&Change::Done(vec![seq]))?;
                } else if most > 0 && count >= most {
                    dead_letter::bury(&self.stream, &inside.progress.config, &one, count)?;
                    inside.record(&Change::Dead(seq))?;
                } else {
                    let due = now.saturating_add(inside.progress.wait_after(count + 1));
                    inside.record(&Change::Deliver { seqs: vec![seq], due, next_seq: 0 })?;
                    delivered.push(count + 1);
                    batch.absorb(one);
                }
            }
        }
        batch.set_delivered(delivered);
        Ok(batch)
    }

    /// Delivers for the first time.
    fn deliver(&self, inside: &mut Inside, now: Nanos, max: usize) -> Result<Batch> {
        let progress = &mut inside.progress;
        let (batch, next_seq) = if progress.newest.is_empty() {
            let outcome = self.stream.local.read(&self.plan(progress, max))?;
            (outcome.batch, outcome.next_seq)
        } else {
            let count = max.min(progress.newest.len());
            let places: Vec<_> = progress.newest.drain(..count).collect();
            (self.stream.local.read_places(&places)?, 0)
        };
        if batch.is_empty() {
            inside.progress.next_seq = inside.progress.next_seq.max(next_seq);
            return Ok(batch);
        }
        let seqs: Vec<u64> = batch.iter().map(|r| r.seq).collect();
        if inside.progress.config.ack_policy == AckPolicy::None {
            let last = seqs.last().copied().unwrap_or(0);
            inside.record(&Change::Deliver { seqs: Vec::new(), due: now, next_seq })?;
            inside.progress.delivered_seq = inside.progress.delivered_seq.max(last);
        } else {
            let due = now.saturating_add(inside.progress.wait_after(1));
            inside.record(&Change::Deliver { seqs, due, next_seq })?;
        }
        Ok(batch)
    }

    fn plan(&self, progress: &Progress, max: usize) -> Plan {
        Plan {
            filters: self.core.filters.clone(),
            min_seq: progress.next_seq,
            min_time: progress.min_time,
            max_records: max,
            max_bytes: TAKE_BYTES_MAX,
            ..one(u64::MAX)
        }
    }

    fn set_due(&self, seq: u64, delay: Duration) -> Result<()> {
        let mut inside = self.open()?;
        self.must_be_pending(&inside, seq)?;
        let due = self.now().saturating_add(delay.as_nanos() as u64);
        inside.record(&Change::Due(seq, due))?;
        wake(inside);
        Ok(())
    }

    fn must_be_pending(&self, inside: &Inside, seq: u64) -> Result<()> {
        if inside.progress.pending.contains_key(&seq) {
            return Ok(());
        }
        Err(Error::not_found(format!("record {seq} is not pending at consumer '{}'", self.core.name)))
    }

    fn open(&self) -> Result<MutexGuard<'_, Inside>> {
        self.stream.local.shared.check_open()?;
        let inside = self.core.lock();
        if inside.deleted {
            return Err(Error::new(ErrorKind::Closed, format!("consumer '{}' was deleted", self.core.name)));
        }
        Ok(inside)
    }

    fn now(&self) -> Nanos {
        self.stream.local.shared.clock.now()
    }
}

impl ConsumerOps for LocalConsumer {
    fn name(&self) -> &str {
        &self.core.name
    }

    fn info(&self) -> Pending<ConsumerInfo> {
        Pending::ready(self.standing())
    }

    fn next(&self, max: usize) -> Pending<Batch> {
        match self.try_next(max) {
            Ok(batch) if batch.is_empty() && max > 0 => Pending::waiting(NextDelivery { consumer: self.clone(), max }),
            other => Pending::ready(other),
        }
    }

    fn try_next(&self, max: usize) -> Result<Batch> {
        self.stream.local.refuse_if_read_only()?;
        let mut inside = self.open()?;
        let now = self.now();
        let mut batch = self.redeliver(&mut inside, now, max)?;
        let left = (max - batch.len()).min(inside.progress.room());
        if left > 0 {
            let fresh = self.deliver(&mut inside, now, left)?;
            let count = batch.len();
            let mut delivered: Vec<u32> = batch.iter().map(|r| r.delivered).collect();
            delivered.extend(std::iter::repeat_n(1, fresh.len()));
            batch.absorb(fresh);
            debug_assert!(count <= batch.len());
            batch.set_delivered(delivered);
        }
        Ok(batch)
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Ok(mut inside) = self.open() else { return Poll::Ready(()) };
            let now = self.now();
            if inside.progress.next_due().is_some_and(|d| d <= now) {
                return Poll::Ready(());
            }
            let room = inside.progress.room() > 0;
            if room {
                if !inside.progress.newest.is_empty() {
                    return Poll::Ready(());
                }
                match self.stream.local.read(&self.plan(&inside.progress, 1)) {
                    Ok(outcome) if outcome.batch.is_empty() => {
                        inside.progress.next_seq = inside.progress.next_seq.max(outcome.next_seq);
                    }
                    _ => return Poll::Ready(()),
                }
            }
            inside.waiting.retain(|w| w.0 != self.waiter);
            inside.waiting.push((self.waiter, cx.waker().clone()));
            let mut state = self.stream.local.lock();
            if state.closed {
                return Poll::Ready(());
            }
            if room && state.last_seq >= inside.progress.next_seq {
                continue;
            }
            state.waiters.wait_for_record(self.waiter, &self.core.filters, cx.waker());
            if let Some(due) = inside.progress.next_due() {
                state.timers.insert((due, self.waiter));
                drop(state);
                self.stream.local.shared.ring(Some(due));
            }
            return Poll::Pending;
        }
    }

    fn ack(&self, seqs: &[u64]) -> Result<usize> {
        let mut inside = self.open()?;
        let done: Vec<u64> = if inside.progress.config.ack_policy == AckPolicy::All {
            let upto = seqs.iter().copied().max().unwrap_or(0);
            inside.progress.pending.range(..=upto).map(|p| *p.0).collect()
        } else {
            seqs.iter().copied().filter(|s| inside.progress.pending.contains_key(s)).collect()
        };
        if !done.is_empty() {
            let count = done.len();
            inside.record(&Change::Done(done))?;
            wake(inside);
            return Ok(count);
        }
        Ok(0)
    }

    fn ack_sync(&self, seqs: &[u64]) -> Pending<usize> {
        let sync = |count| self.open().and_then(|mut inside| inside.ledger.sync()).map(|()| count);
        Pending::ready(self.ack(seqs).and_then(sync))
    }

    fn nak(&self, seq: u64, delay: Duration) -> Result<()> {
        self.set_due(seq, delay)
    }

    fn in_progress(&self, seq: u64) -> Result<()> {
        let wait = self.open()?.progress.config.ack_wait;
        self.set_due(seq, wait)
    }

    fn term(&self, seq: u64) -> Result<()> {
        let mut inside = self.open()?;
        self.must_be_pending(&inside, seq)?;
        inside.record(&Change::Done(vec![seq]))?;
        wake(inside);
        Ok(())
    }

    fn another(&self) -> Box<dyn ConsumerOps> {
        Box::new(self.clone())
    }
}

impl Drop for LocalConsumer {
    fn drop(&mut self) {
        self.core.lock().waiting.retain(|w| w.0 != self.waiter);
        self.stream.local.lock().waiters.forget(self.waiter);
    }
}

/// The plan for one record.
fn one(seq: u64) -> Plan {
    Plan {
        filters: Filters::default(),
        min_seq: seq,
        max_seq: seq,
        min_time: 0,
        max_time: Nanos::MAX,
        event_range: None,
        backward: false,
        max_records: 1,
        max_bytes: usize::MAX,
    }
}

struct NextDelivery {
    consumer: LocalConsumer,
    max: usize,
}

impl Wait<Batch> for NextDelivery {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Batch>> {
        loop {
            match self.consumer.try_next(self.max) {
                Ok(batch) if batch.is_empty() => {}
                other => return Poll::Ready(other),
            }
            if self.consumer.poll_ready(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}
