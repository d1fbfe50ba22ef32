//! What a node's subscriptions and consumers are alike: queues that are asked for records, and for a word once there
//! are some.
//!
//! Nothing is sent ahead, so position, lag and what was missed are the node's own, a consumer delivers nothing that
//! nobody took, and flow control is one answer at a time. `try_next` and acknowledgements wait for one answer of the
//! node, which takes what a call on the files takes and a way there and back.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::session::{Call, Held};
use super::table::{Operation, Ready, Standing, Take};
use super::wire::Wire;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::{Pending, Wait, park};
use crate::record::Batch;

/// What all handles of one queue share.
pub(super) struct Queue {
    /// How it is called in errors.
    what: String,
    closed: AtomicBool,
    last_waiter: AtomicU64,
    /// The request for a word, while there is one, and all who wait for it.
    armed: Mutex<Option<Call<()>>>,
    pub(super) waiting: Arc<Waiting>,
    spare: Mutex<Spare>,
    standing: Mutex<(u64, u64, u64)>,
    held: Held,
}

/// What was taken for somebody who gave up: it is the next one's.
#[derive(Default)]
struct Spare {
    batches: VecDeque<Batch>,
    calls: VecDeque<Call<Batch>>,
}

#[derive(Default)]
pub(super) struct Waiting(Mutex<Vec<(u64, Waker)>>);

impl Waiting {
    fn add(&self, waiter: u64, waker: &Waker) {
        let mut all = lock(&self.0);
        match all.iter_mut().find(|w| w.0 == waiter) {
            Some(known) => known.1.clone_from(waker),
            None => all.push((waiter, waker.clone())),
        }
    }

    pub(super) fn remove(&self, waiter: u64) {
        // The waker is dropped after the lock.
        let mut all = lock(&self.0);
        let gone = all.iter().position(|w| w.0 == waiter).map(|at| all.swap_remove(at));
        drop(all);
        drop(gone);
    }
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        let all = std::mem::take(&mut *lock(&self.0));
        for (_, waker) in all {
            waker.wake();
        }
    }
}

enum Step {
    There(Batch),
    Asked(Call<Batch>),
    /// Asked by somebody who gave up: by now there may be more than it says.
    AskedBefore(Call<Batch>),
}

impl Queue {
    pub(super) fn new(held: Held, what: String) -> Arc<Self> {
        Arc::new(Queue {
            what,
            closed: AtomicBool::new(false),
            last_waiter: AtomicU64::new(0),
            armed: Mutex::default(),
            waiting: Arc::default(),
            spare: Mutex::default(),
            standing: Mutex::new((1, 0, 0)),
            held,
        })
    }

    pub(super) fn new_waiter(&self) -> u64 {
        self.last_waiter.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn ask<O: Operation>(&self, question: &O::Question) -> Pending<O::Answer> {
        self.held.session.ask::<O>(self.held.id, question)
    }

    /// Begins to take records: what somebody left, or what the node has.
    fn begin(&self, max: usize) -> Result<Step> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Closed, format!("{} is closed", self.what)));
        }
        let mut spare = lock(&self.spare);
        if max > 0
            && let Some(batch) = spare.batches.pop_front()
        {
            drop(spare);
            return Ok(Step::There(self.cut(batch, max)));
        }
        if max > 0
            && let Some(call) = spare.calls.pop_front()
        {
            return Ok(Step::AskedBefore(call));
        }
        drop(spare);
        let call = self.held.session.begin(Take::KIND, self.held.id, |out| (max as u64).put(out))?;
        self.held.session.flush();
        Ok(Step::Asked(call))
    }

    /// At most `max` of these; the rest is kept for the next one.
    fn cut(&self, mut batch: Batch, max: usize) -> Batch {
        if batch.len() <= max {
            return batch;
        }
        let taken = batch.split_to(max);
        lock(&self.spare).batches.push_front(batch);
        self.waiting.clone().wake();
        taken
    }

    /// Nothing can come of taking records from a node that is gone, so it is over rather than uncertain.
    fn taken(&self, taken: Result<Batch>, max: usize) -> Result<Batch> {
        match taken {
            Ok(batch) => Ok(self.cut(batch, max)),
            Err(error) => Err(self.held.session.end().unwrap_or(error)),
        }
    }

    pub(super) fn try_next(&self, max: usize) -> Result<Batch> {
        loop {
            let (call, fresh) = match self.begin(max)? {
                Step::There(batch) => return Ok(batch),
                Step::Asked(call) => (call, true),
                Step::AskedBefore(call) => (call, false),
            };
            let batch = self.taken(Pending::waiting(call).wait(), max)?;
            if fresh || !batch.is_empty() {
                return Ok(batch);
            }
        }
    }

    pub(super) fn next(self: &Arc<Self>, max: usize) -> Pending<Batch> {
        if max == 0 {
            return Pending::ready(self.try_next(max));
        }
        Pending::waiting(NextBatch { queue: Arc::clone(self), max, waiter: self.new_waiter(), taking: None })
    }

    pub(super) fn poll_ready(&self, cx: &Context<'_>, waiter: u64) -> Poll<()> {
        if self.has_spare() || self.closed.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        let mut armed = lock(&self.armed);
        // First, so that no word is lost on the way to whoever waits.
        self.waiting.add(waiter, cx.waker());
        let call = match armed.take() {
            Some(call) => Ok(call),
            None => self.held.session.begin(Ready::KIND, self.held.id, |_| {}),
        };
        let Ok(mut call) = call else {
            self.waiting.remove(waiter);
            return Poll::Ready(());
        };
        let waker = Waker::from(Arc::clone(&self.waiting));
        if call.poll(&mut Context::from_waker(&waker)).is_ready() {
            self.waiting.remove(waiter);
            return Poll::Ready(());
        }
        *armed = Some(call);
        drop(armed);
        // Without the lock: whoever writes may have to wait.
        self.held.session.flush();
        Poll::Pending
    }

    /// Whether somebody left something that is to be taken first.
    pub(super) fn has_spare(&self) -> bool {
        let spare = lock(&self.spare);
        !spare.batches.is_empty() || !spare.calls.is_empty()
    }

    /// Position, lag and what was missed, as the node says or as it said last.
    pub(super) fn stand(&self) -> (u64, u64, u64) {
        let said = self.ask::<Standing>(&()).wait();
        let mut known = lock(&self.standing);
        if let Ok(said) = said {
            *known = said;
        }
        *known
    }

    pub(super) fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            self.stand();
            drop(lock(&self.armed).take());
            self.held.session.forget(self.held.id);
            self.waiting.clone().wake();
        }
    }
}

/// A wait for at least one record.
struct NextBatch {
    queue: Arc<Queue>,
    max: usize,
    waiter: u64,
    taking: Option<Call<Batch>>,
}

impl Wait<Batch> for NextBatch {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Batch>> {
        loop {
            let mut call = match self.taking.take() {
                Some(call) => call,
                None => match self.queue.begin(self.max) {
                    Ok(Step::There(batch)) => return Poll::Ready(Ok(batch)),
                    Ok(Step::Asked(call) | Step::AskedBefore(call)) => call,
                    Err(error) => return Poll::Ready(Err(error)),
                },
            };
            match call.poll(cx) {
                Poll::Pending => {
                    self.taking = Some(call);
                    return Poll::Pending;
                }
                Poll::Ready(Ok(batch)) if batch.is_empty() => {}
                Poll::Ready(taken) => return Poll::Ready(self.queue.taken(taken, self.max)),
            }
            if self.queue.poll_ready(cx, self.waiter).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// What the node has is there, as on the files: a deadline is for what is still to come, so that none takes it too.
    fn wait(&mut self, timeout: Option<Duration>) -> Option<Result<Batch>> {
        if let Some(result) = park(timeout, |cx| self.poll(cx)) {
            return Some(result);
        }
        let call = self.taking.take()?;
        match self.queue.taken(Pending::waiting(call).wait(), self.max) {
            Ok(batch) if batch.is_empty() => None,
            taken => Some(taken),
        }
    }
}

impl Drop for NextBatch {
    fn drop(&mut self) {
        self.queue.waiting.remove(self.waiter);
        // Records may be on their way, and nobody else will get them.
        if let Some(call) = self.taking.take() {
            lock(&self.queue.spare).calls.push_back(call);
            self.queue.waiting.clone().wake();
        }
    }
}
