//! What may have to wait: a future that any executor can poll, with `.wait()` for callers who block.
//!
//! A pending value that is ready at once costs no allocation. Dropping one gives up the wait, not the work. `chain.rs`
//! makes one of another, and `alone.rs` goes on with what nobody waits for.

pub(crate) mod alone;
mod chain;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};

/// The outcome of an operation, now or later.
#[must_use = "wait for it or await it"]
pub struct Pending<T>(State<T>);

enum State<T> {
    Ready(Option<Result<T>>),
    Waiting(Box<dyn Wait<T> + Send>),
}

/// What stands behind a [`Pending`] that is not ready yet.
pub(crate) trait Wait<T> {
    /// As a future is polled.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T>>;

    /// Blocks this thread, for `timeout` at the most; `None` when that passed.
    fn wait(&mut self, timeout: Option<Duration>) -> Option<Result<T>> {
        park(timeout, |cx| self.poll(cx))
    }
}

impl<T> Pending<T> {
    /// One that is done.
    pub fn ready(result: Result<T>) -> Self {
        Pending(State::Ready(Some(result)))
    }

    pub(crate) fn waiting(wait: impl Wait<T> + Send + 'static) -> Self {
        Pending(State::Waiting(Box::new(wait)))
    }

    /// Its outcome if it is done, else itself: for work that need not be copied when it can be done at once.
    pub(crate) fn into_ready(self) -> std::result::Result<Result<T>, Self> {
        match self.0 {
            State::Ready(result) => Ok(result.unwrap_or_else(|| Err(taken()))),
            waiting @ State::Waiting(_) => Err(Pending(waiting)),
        }
    }

    /// Blocks until it is done.
    pub fn wait(self) -> Result<T> {
        // By value, so that what is ready is not moved more often than need be.
        match self.0 {
            State::Ready(Some(result)) => result,
            State::Ready(None) => Err(taken()),
            State::Waiting(mut wait) => wait.wait(None).unwrap_or_else(|| Err(late())),
        }
    }

    /// Blocks until it is done, for `timeout` at the most: then [`ErrorKind::Timeout`], and it may be waited for again.
    /// An operation may come to that error too: [`Pending::is_taken`] tells one from the other.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<T> {
        self.block(Some(timeout)).unwrap_or_else(|| Err(late()))
    }

    /// Whether its outcome was given out, so that there is nothing left to wait for.
    pub fn is_taken(&self) -> bool {
        matches!(self.0, State::Ready(None))
    }

    /// Blocks for `timeout` at the most; `None` when that passed.
    pub(crate) fn block(&mut self, timeout: Option<Duration>) -> Option<Result<T>> {
        let result = match &mut self.0 {
            State::Ready(result) => return Some(result.take().unwrap_or_else(|| Err(taken()))),
            State::Waiting(wait) => wait.wait(timeout)?,
        };
        self.0 = State::Ready(None);
        Some(result)
    }
}

/// Until when a blocking caller waits. It is real time, whatever the engine's clock is.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(Option<std::time::Instant>);

impl Deadline {
    pub(crate) fn after(timeout: Option<Duration>) -> Self {
        // What no clock can show is no deadline.
        Deadline(timeout.and_then(|timeout| now().checked_add(timeout)))
    }

    /// What is left until then; `None` without a deadline.
    pub(crate) fn left(self) -> Option<Duration> {
        self.0.map(|at| at.saturating_duration_since(now()))
    }

    pub(crate) fn has_passed(self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a blocking caller's deadline is real time, whatever the engine's clock is"
)]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// Polls on this thread until it is ready, for `timeout` at the most; `None` when that passed.
pub(crate) fn park<T>(timeout: Option<Duration>, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<T> {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    let deadline = Deadline::after(timeout);
    loop {
        if let Poll::Ready(value) = poll(&mut cx) {
            return Some(value);
        }
        match deadline.left() {
            None => std::thread::park(),
            Some(left) if left.is_zero() => return None,
            Some(left) => std::thread::park_timeout(left),
        }
    }
}

fn late() -> Error {
    Error::new(ErrorKind::Timeout, "the deadline passed before it was done")
}

fn taken() -> Error {
    Error::new(ErrorKind::Misuse, "the result was taken already")
}

impl<T> Unpin for Pending<T> {}

impl<T> Future for Pending<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        match &mut self.0 {
            State::Ready(result) => Poll::Ready(result.take().unwrap_or_else(|| Err(taken()))),
            State::Waiting(wait) => {
                let polled = wait.poll(cx);
                if polled.is_ready() {
                    self.0 = State::Ready(None);
                }
                polled
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers at the second poll that its operation took too long.
    struct Slow(bool);

    impl Wait<()> for Slow {
        fn poll(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
            if std::mem::replace(&mut self.0, true) { Poll::Ready(Err(late())) } else { Poll::Pending }
        }
    }

    #[test]
    fn the_end_of_a_wait_is_told_from_an_operation_that_took_too_long() {
        let mut pending = Pending::waiting(Slow(false));
        let kind = |result: Result<()>| result.expect_err("both are late").kind();
        assert_eq!((kind(pending.wait_timeout(Duration::ZERO)), pending.is_taken()), (ErrorKind::Timeout, false));
        assert_eq!((kind(pending.wait_timeout(Duration::ZERO)), pending.is_taken()), (ErrorKind::Timeout, true));
        assert_eq!(kind(pending.wait_timeout(Duration::ZERO)), ErrorKind::Misuse);
    }
}
