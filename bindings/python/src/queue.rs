//! What subscriptions, consumers and watchers have in common: items that come one by one, waited for or not.
//!
//! A source is read ahead only while nobody waits on it, so that no item lies here while someone waits for it there.
//! Items that were read ahead and not yet asked for stay for the next caller, whichever loop or method that is.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use headwater::{Pending, Result};
use pyo3::exceptions::PyBaseException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::PyList;

use crate::call::{block, run};
use crate::error::raise;
use crate::fork::Held;
use crate::wait::{Poller, poll_pending};

type Items = VecDeque<Py<PyAny>>;

/// A queue of the core.
pub(crate) trait Source: Send + Sync + 'static {
    /// What the core hands out at once.
    type Batch: Send + 'static;
    /// How many items to read ahead; 1 where an item in hand has a deadline.
    const AHEAD: usize;

    fn next(&self, max: usize) -> Pending<Self::Batch>;
    fn try_next(&self, max: usize) -> Result<Self::Batch>;
    fn close(&self);

    /// The items as Python objects. One that is an exception is raised in its place.
    fn convert(py: Python<'_>, batch: Self::Batch) -> PyResult<Vec<Py<PyAny>>>;
}

/// A source with what was read ahead.
pub(crate) struct Queue<S> {
    source: Held<S>,
    items: Mutex<Items>,
    /// Raised under the lock of `items`, and seen there.
    waiting: AtomicUsize,
    closed: AtomicBool,
}

impl<S: Source> Queue<S> {
    pub(crate) fn new(source: Held<S>) -> Arc<Self> {
        Arc::new(Queue {
            source,
            items: Mutex::default(),
            waiting: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        })
    }

    pub(crate) fn held(&self) -> &Held<S> {
        &self.source
    }

    pub(crate) fn source(&self) -> Result<&S> {
        self.source.get()
    }

    /// Whether it was closed here, so that an iteration over it is simply over.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// The sequence of the first record that was read ahead.
    pub(crate) fn first_ahead(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        let first = self.lock(py)?.front().map(|item| item.clone_ref(py));
        first.map(|item| item.bind(py).getattr(intern!(py, "seq"))?.extract()).transpose()
    }

    pub(crate) fn close(&self, py: Python<'_>) -> PyResult<()> {
        // First, so that whoever wakes from a wait knows that it was meant.
        self.closed.store(true, Ordering::Release);
        run(py, || {
            self.source()?.close();
            Ok(())
        })?;
        let dropped = std::mem::take(&mut *self.lock(py)?);
        drop(dropped);
        Ok(())
    }

    /// The next item, waiting for it.
    pub(crate) fn next(&self, py: Python<'_>, timeout: Option<Duration>) -> PyResult<Py<PyAny>> {
        loop {
            if let Some(item) = self.wait_for(py, 1, timeout)?.pop() {
                return self.sound(py, vec![item]).map(|mut items| items.swap_remove(0));
            }
        }
    }

    /// Up to `max` items, waiting for the first.
    pub(crate) fn next_batch<'py>(
        &self,
        py: Python<'py>,
        max: usize,
        timeout: Option<Duration>,
    ) -> PyResult<Bound<'py, PyList>> {
        let items = self.wait_for(py, max.max(1), timeout)?;
        PyList::new(py, self.sound(py, items)?)
    }

    /// Up to `max` items that are there.
    pub(crate) fn try_next<'py>(&self, py: Python<'py>, max: usize) -> PyResult<Bound<'py, PyList>> {
        let items = {
            let mut items = self.lock(py)?;
            self.take(py, &mut items, max)?
        };
        PyList::new(py, self.sound(py, items)?)
    }

    /// Items before the first that is an exception, which is raised when it is the first; what is behind stays.
    fn sound(&self, py: Python<'_>, mut taken: Vec<Py<PyAny>>) -> PyResult<Vec<Py<PyAny>>> {
        let is_error = |item: &Py<PyAny>| item.bind(py).is_instance_of::<PyBaseException>();
        let Some(at) = taken.iter().position(is_error) else { return Ok(taken) };
        let mut behind = taken.split_off(at);
        let error = if at == 0 { Some(behind.remove(0)) } else { None };
        let mut items = self.lock(py)?;
        behind.into_iter().rev().for_each(|item| items.push_front(item));
        error.map_or(Ok(taken), |error| Err(PyErr::from_value(error.into_bound(py))))
    }

    fn wait_for(&self, py: Python<'_>, max: usize, timeout: Option<Duration>) -> PyResult<Vec<Py<PyAny>>> {
        let waiting = {
            let mut items = self.lock(py)?;
            let taken = self.take(py, &mut items, max)?;
            if !taken.is_empty() {
                return Ok(taken);
            }
            Waiting::new(&self.waiting)
        };
        let batch = block(py, timeout, || Ok(self.source()?.next(max)))?;
        drop(waiting);
        S::convert(py, batch)
    }

    /// Items that are there, those read ahead first; reads ahead when nobody waits.
    fn take(&self, py: Python<'_>, items: &mut Items, max: usize) -> PyResult<Vec<Py<PyAny>>> {
        let source = self.source().map_err(|error| raise(py, &error))?;
        if items.len() < max {
            let alone = self.waiting.load(Ordering::Relaxed) == 0;
            let want = if alone { max.max(S::AHEAD) } else { max };
            let batch = run(py, || source.try_next(want - items.len()))?;
            items.extend(S::convert(py, batch)?);
        }
        let count = items.len().min(max);
        Ok(items.drain(..count).collect())
    }

    /// A forked child may find the lock held by a thread that it does not have, so it is told before.
    fn lock(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, Items>> {
        self.source().map_err(|error| raise(py, &error))?;
        Ok(self.items.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner))
    }
}

struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What an awaiting caller wants of a queue.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// One item.
    One,
    /// One item, where the end of the queue is the end of an `async for`.
    OneOfLoop,
    /// A list of up to so many.
    Many(usize),
}

/// A wait for a queue. It takes nothing before it is first polled.
pub(crate) struct NextItems<S: Source> {
    queue: Arc<Queue<S>>,
    want: Want,
    pending: Option<Pending<S::Batch>>,
}

impl<S: Source> NextItems<S> {
    pub(crate) fn new(queue: &Arc<Queue<S>>, want: Want) -> Self {
        NextItems { queue: queue.clone(), want, pending: None }
    }

    fn max(&self) -> usize {
        if let Want::Many(max) = self.want { max.max(1) } else { 1 }
    }

    fn give(&self, py: Python<'_>, items: Vec<Py<PyAny>>) -> PyResult<Py<PyAny>> {
        let mut items = self.queue.sound(py, items)?;
        match (self.want, items.len()) {
            (Want::One | Want::OneOfLoop, 1) => Ok(items.swap_remove(0)),
            _ => Ok(PyList::new(py, items)?.into_any().unbind()),
        }
    }

    fn end(&mut self) {
        if self.pending.take().is_some() {
            self.queue.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn poll_items(&mut self, py: Python<'_>, context: &mut Context<'_>) -> Poll<PyResult<Vec<Py<PyAny>>>> {
        let max = self.max();
        if self.pending.is_none() {
            let queue = self.queue.clone();
            let mut items = match queue.lock(py) {
                Ok(items) => items,
                Err(error) => return Poll::Ready(Err(error)),
            };
            match queue.take(py, &mut items, max) {
                Ok(taken) if taken.is_empty() => {}
                outcome => return Poll::Ready(outcome),
            }
            match run(py, || Ok(queue.source()?.next(max))) {
                Ok(pending) => self.pending = Some(pending),
                Err(error) => return Poll::Ready(Err(error)),
            }
            queue.waiting.fetch_add(1, Ordering::Relaxed);
        }
        let Some(pending) = self.pending.as_mut() else { return Poll::Pending };
        match poll_pending(py, pending, context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(result) => {
                self.end();
                Poll::Ready(match result {
                    Ok(batch) => S::convert(py, batch),
                    Err(error) => Err(raise(py, &error)),
                })
            }
        }
    }
}

impl<S: Source> Poller for NextItems<S> {
    fn poll(&mut self, py: Python<'_>, context: &mut Context<'_>) -> Poll<PyResult<Py<PyAny>>> {
        let polled = self.poll_items(py, context);
        polled.map(|outcome| match outcome {
            Ok(items) => self.give(py, items),
            Err(_) if self.want == Want::OneOfLoop && self.queue.is_closed() => {
                Err(pyo3::exceptions::PyStopAsyncIteration::new_err(()))
            }
            Err(error) => Err(error),
        })
    }
}

impl<S: Source> Drop for NextItems<S> {
    fn drop(&mut self) {
        self.end();
    }
}
