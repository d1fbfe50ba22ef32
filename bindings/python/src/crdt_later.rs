//! Writes to stores of state that merges that are awaited, and so must not block: one that finds a snapshot due is
//! begun by a thread that writes the snapshot first.
//!
//! Writes that come meanwhile queue behind it, so they begin in their order; the thread is gone when all have begun.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use headwater::crdt::{CrdtStore, Written};
use headwater::{Engine, Pending};
use pyo3::prelude::*;

use crate::call::caught;
use crate::error::raise;
use crate::wait::{Poller, poll_pending};

type Work = Box<dyn FnOnce(&CrdtStore) + Send>;

/// What waits for the snapshot of one handle; none while none is being written.
#[derive(Default)]
pub(crate) struct Queue(Mutex<Option<VecDeque<Work>>>);

/// A write that has begun, or will.
#[derive(Default)]
struct Slot {
    pending: Option<Pending<Written>>,
    waker: Option<Waker>,
}

impl Queue {
    /// Begins a write now, or behind the snapshot that is due; `convert` makes a Python object of what became of it.
    pub(crate) fn begin<C>(
        self: &Arc<Self>,
        store: &CrdtStore,
        engine: &Engine,
        work: impl FnOnce(&CrdtStore) -> Pending<Written> + Send + 'static,
        convert: C,
    ) -> Begun<C> {
        let slot = Arc::new(Mutex::new(Slot::default()));
        let begun = Begun { slot: slot.clone(), convert, _engine: engine.clone() };
        let mut waiting = lock(&self.0);
        if waiting.is_none() && !store.is_snapshot_due() {
            drop(waiting);
            lock(&slot).pending = Some(work(store));
            return begun;
        }
        let work = Box::new(move |store: &CrdtStore| {
            let pending = caught(|| Ok(work(store))).unwrap_or_else(|error| Pending::ready(Err(error)));
            let mut slot = lock(&slot);
            slot.pending = Some(pending);
            if let Some(waker) = slot.waker.take() {
                waker.wake();
            }
        });
        if let Some(waiting) = waiting.as_mut() {
            waiting.push_back(work);
            return begun;
        }
        *waiting = Some(VecDeque::from([work as Work]));
        drop(waiting);
        self.work_off(store);
        begun
    }

    fn work_off(self: &Arc<Self>, store: &CrdtStore) {
        let (queue, of_thread) = (self.clone(), store.clone());
        let work = move || queue.run(&of_thread);
        // Without a thread to be had the work is done here: late is better than never.
        if std::thread::Builder::new().name("headwater-later".to_owned()).spawn(work).is_err() {
            self.run(store);
        }
    }

    fn run(&self, store: &CrdtStore) {
        // What ended the handle is what the writes answer.
        let _ = caught(|| store.snapshot_if_due());
        loop {
            let mut waiting = lock(&self.0);
            let Some(work) = waiting.as_mut().and_then(VecDeque::pop_front) else {
                *waiting = None;
                return;
            };
            drop(waiting);
            work(store);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A wait for a write.
pub(crate) struct Begun<C> {
    slot: Arc<Mutex<Slot>>,
    convert: C,
    /// Stays open while it is waited for.
    _engine: Engine,
}

impl<C> Poller for Begun<C>
where
    C: FnMut(Python<'_>, Written) -> PyResult<Py<PyAny>> + Send,
{
    fn poll(&mut self, py: Python<'_>, context: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>> {
        let polled = {
            let mut slot = lock(&self.slot);
            let Some(pending) = slot.pending.as_mut() else {
                slot.waker = Some(context.waker().clone());
                return Poll::Pending;
            };
            poll_pending(py, pending, context)
        };
        polled.map(|result| match result {
            Ok(written) => (self.convert)(py, written),
            Err(error) => Err(raise(py, &error)),
        })
    }
}
