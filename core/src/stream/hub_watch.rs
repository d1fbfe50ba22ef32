//! Following the state of a connection to a hub: where it stands now, then whenever that changes.
//!
//! A watcher holds the number of the change that it saw last and nothing else, so one that nobody reads costs nothing:
//! what was over before it was taken is passed over, and the newest is never missed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use super::hub_state::{HubPhase, HubState, StateCell};
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::{Pending, Wait};

/// Follows where the connection of an engine to its hub stands. Cheap to clone; each change goes to one taker.
#[derive(Clone)]
pub struct HubWatcher(Arc<Inner>);

struct Inner {
    cell: Arc<StateCell>,
    /// The number of the change that was taken last.
    seen: Mutex<u64>,
    closed: AtomicBool,
    waiter: u64,
}

impl std::fmt::Debug for HubWatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubWatcher").finish_non_exhaustive()
    }
}

impl HubWatcher {
    pub(crate) fn new(cell: Arc<StateCell>) -> Self {
        let waiter = cell.waiter();
        HubWatcher(Arc::new(Inner { cell, seen: Mutex::new(0), closed: AtomicBool::new(false), waiter }))
    }

    /// Waits for the state: the first time for the one there is, then for another. A list of one, whatever `max` is.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] when the watcher is closed, and after the state that says that the connection is.
    pub fn next(&self, max: usize) -> Pending<Vec<HubState>> {
        match self.try_next(max) {
            Ok(states) if states.is_empty() => {
                Pending::waiting(Next { inner: Arc::clone(&self.0), waiter: self.0.cell.waiter() })
            }
            outcome => Pending::ready(outcome),
        }
    }

    /// The state, when it is another than the one that was taken last; else none.
    pub fn try_next(&self, _max: usize) -> Result<Vec<HubState>> {
        self.0.take()
    }

    /// Ready when `try_next` has something to say; else wakes `cx` then, and the one before no more.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_ready(cx, self.0.waiter)
    }

    /// Ends it: waits return [`ErrorKind::Closed`]. The connection stays.
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        self.0.cell.wake();
    }
}

impl Inner {
    fn take(&self) -> Result<Vec<HubState>> {
        let mut seen = lock(&self.seen);
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Closed, "the watcher is closed"));
        }
        match self.cell.changed(*seen) {
            Some((version, state)) => {
                *seen = version;
                Ok(vec![state])
            }
            None if self.cell.phase() == HubPhase::Closed => {
                Err(Error::new(ErrorKind::Closed, "the connection to the hub is closed"))
            }
            None => Ok(Vec::new()),
        }
    }

    fn poll_ready(&self, cx: &Context<'_>, waiter: u64) -> Poll<()> {
        let seen = *lock(&self.seen);
        let change = self.cell.poll_change_as(waiter, cx, seen);
        // After the waker is there, so that a close between is not missed.
        let over = self.closed.load(Ordering::Acquire) || self.cell.phase() == HubPhase::Closed;
        if change.is_ready() || over { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.cell.forget(self.waiter);
    }
}

/// A wait for the next state.
struct Next {
    inner: Arc<Inner>,
    waiter: u64,
}

impl Wait<Vec<HubState>> for Next {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<HubState>>> {
        loop {
            match self.inner.take() {
                Ok(states) if states.is_empty() => {}
                outcome => return Poll::Ready(outcome),
            }
            if self.inner.poll_ready(cx, self.waiter).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Next {
    fn drop(&mut self) {
        self.inner.cell.forget(self.waiter);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const AT_ONCE: Duration = Duration::ZERO;

    fn phases(states: &[HubState]) -> Vec<HubPhase> {
        states.iter().map(|s| s.phase).collect()
    }

    fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
        result.err().map(|e| e.kind())
    }

    #[test]
    fn it_gives_the_state_then_every_newer_one_and_ends_with_the_connection() -> Result<()> {
        let cell = Arc::new(StateCell::default());
        let watcher = HubWatcher::new(Arc::clone(&cell));
        assert_eq!(phases(&watcher.next(1).wait()?), [HubPhase::Connecting]);
        let mut next = watcher.next(1);
        assert_eq!(kind(next.wait_timeout(AT_ONCE)), Some(ErrorKind::Timeout));
        cell.change(|s| s.phase = HubPhase::Connected);
        cell.change(|s| s.phase = HubPhase::Reconnecting);
        assert_eq!(phases(&next.wait_timeout(AT_ONCE)?), [HubPhase::Reconnecting], "what is over is passed over");
        assert!(watcher.try_next(1)?.is_empty());
        cell.change(|s| s.phase = HubPhase::Closed);
        assert_eq!(phases(&watcher.try_next(1)?), [HubPhase::Closed]);
        assert_eq!(kind(watcher.try_next(1)), Some(ErrorKind::Closed));
        Ok(())
    }

    #[test]
    fn a_closed_watcher_ends_waits_and_leaves_nobody_behind() -> Result<()> {
        let cell = Arc::new(StateCell::default());
        let watcher = HubWatcher::new(Arc::clone(&cell));
        watcher.try_next(1)?;
        for _ in 0..100 {
            drop(watcher.next(1).wait_timeout(AT_ONCE));
        }
        assert_eq!(cell.waiting(), 0, "waits that were given up are forgotten");
        let other = watcher.clone();
        let waits = std::thread::spawn(move || other.next(1).wait());
        while cell.waiting() == 0 {
            std::thread::yield_now();
        }
        watcher.close();
        assert_eq!(waits.join().ok().and_then(kind), Some(ErrorKind::Closed));
        assert_eq!(cell.get().phase, HubPhase::Connecting);
        Ok(())
    }
}
