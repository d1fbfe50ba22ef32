//! One pending value made of another: its value or its error changed, or what follows from it.
//!
//! Each of them is ready at once when what it is made of is, and blocks as that blocks: a writer who waits commits for
//! all who wait, through whatever was chained to it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::{Deadline, Pending, State, Wait, taken};
use crate::error::{Error, Result};

impl<T> Pending<T> {
    /// What follows from a check that needs no wait, or why it refused.
    pub(crate) fn after<A>(check: Result<A>, next: impl FnOnce(A) -> Self) -> Self {
        match check {
            Ok(value) => next(value),
            Err(error) => Pending::ready(Err(error)),
        }
    }
}

impl<T: Send + 'static> Pending<T> {
    /// The same wait with its value changed.
    pub fn map<U: 'static>(self, change: impl FnOnce(T) -> U + Send + 'static) -> Pending<U> {
        self.map_result(|result| result.map(change))
    }

    /// The same wait with its error changed.
    pub fn map_err(self, change: impl FnOnce(Error) -> Error + Send + 'static) -> Self {
        self.map_result(|result| result.map_err(change))
    }

    fn map_result<U: 'static>(self, change: impl FnOnce(Result<T>) -> Result<U> + Send + 'static) -> Pending<U> {
        match self.0 {
            State::Ready(result) => Pending(State::Ready(result.map(change))),
            State::Waiting(wait) => Pending::waiting(Mapped { wait, change: Some(change) }),
        }
    }

    /// What follows from its value, which may have to wait too. An error ends it there.
    pub fn and_then<U: Send + 'static>(self, next: impl FnOnce(T) -> Pending<U> + Send + 'static) -> Pending<U> {
        self.then(|first| first.map_or_else(|error| Pending::ready(Err(error)), next))
    }

    /// What follows from an error, which may have to wait too; a value ends it there.
    pub(crate) fn or_else(self, next: impl FnOnce(Error) -> Self + Send + 'static) -> Self {
        self.then(|first| first.map_or_else(next, |value| Pending::ready(Ok(value))))
    }

    fn then<U: Send + 'static>(self, next: impl FnOnce(Result<T>) -> Pending<U> + Send + 'static) -> Pending<U> {
        match self.0 {
            State::Ready(first) => next(first.unwrap_or_else(|| Err(taken()))),
            State::Waiting(wait) => Pending::waiting(Chained::First { wait, next: Some(next) }),
        }
    }

    /// What a future comes to, for work of several steps. It runs at once as far as it gets, and takes one allocation.
    ///
    /// It blocks by being polled, so it is no good for a writer who shall commit for all who wait.
    pub fn of(future: impl Future<Output = Result<T>> + Send + 'static) -> Self {
        let mut future = Box::pin(future);
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Pending::ready(result),
            Poll::Pending => Pending(State::Waiting(Box::new(Steps(future)))),
        }
    }
}

struct Mapped<T, F> {
    wait: Box<dyn Wait<T> + Send>,
    change: Option<F>,
}

impl<T, U, F: FnOnce(Result<T>) -> Result<U>> Mapped<T, F> {
    fn apply(&mut self, result: Result<T>) -> Result<U> {
        let change = self.change.take().ok_or_else(taken)?;
        change(result)
    }
}

impl<T, U, F: FnOnce(Result<T>) -> Result<U>> Wait<U> for Mapped<T, F> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<U>> {
        match self.wait.poll(cx) {
            Poll::Ready(result) => Poll::Ready(self.apply(result)),
            Poll::Pending => Poll::Pending,
        }
    }

    fn wait(&mut self, timeout: Option<Duration>) -> Option<Result<U>> {
        let result = self.wait.wait(timeout)?;
        Some(self.apply(result))
    }
}

enum Chained<T, U, F> {
    First { wait: Box<dyn Wait<T> + Send>, next: Option<F> },
    Second(Pending<U>),
}

impl<T, U, F: FnOnce(Result<T>) -> Pending<U>> Chained<T, U, F> {
    /// Goes on to what follows.
    fn advance(&mut self, first: Result<T>) {
        let Chained::First { next, .. } = self else { return };
        let second = next.take().map_or_else(|| Pending::ready(Err(taken())), |next| next(first));
        *self = Chained::Second(second);
    }
}

impl<T, U, F: FnOnce(Result<T>) -> Pending<U>> Wait<U> for Chained<T, U, F> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<U>> {
        loop {
            match self {
                Chained::First { wait, .. } => match wait.poll(cx) {
                    Poll::Ready(first) => self.advance(first),
                    Poll::Pending => return Poll::Pending,
                },
                Chained::Second(pending) => return Pin::new(pending).poll(cx),
            }
        }
    }

    fn wait(&mut self, timeout: Option<Duration>) -> Option<Result<U>> {
        let deadline = Deadline::after(timeout);
        loop {
            match self {
                Chained::First { wait, .. } => {
                    let first = wait.wait(deadline.left())?;
                    self.advance(first);
                }
                Chained::Second(pending) => return pending.block(deadline.left()),
            }
        }
    }
}

/// A future that did not come to its end at once.
struct Steps<T>(Pin<Box<dyn Future<Output = Result<T>> + Send>>);

impl<T> Wait<T> for Steps<T> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T>> {
        self.0.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    /// Ready at the second poll, or after one wait that timed out.
    struct Later(Option<Result<u32>>, bool);

    impl Wait<u32> for Later {
        fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<u32>> {
            if !std::mem::replace(&mut self.1, true) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(self.0.take().unwrap_or_else(|| Err(taken())))
        }
    }

    fn later(result: Result<u32>) -> Pending<u32> {
        Pending::waiting(Later(Some(result), false))
    }

    fn both(result: &Result<u32>) -> [Pending<u32>; 2] {
        [Pending::ready(result.clone()), later(result.clone())]
    }

    /// Polls until it is ready, and says how often it was not.
    fn poll<T>(mut pending: Pending<T>) -> (Result<T>, u32) {
        let mut polls = 0;
        loop {
            match Pin::new(&mut pending).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(result) => return (result, polls),
                Poll::Pending => polls += 1,
            }
        }
    }

    fn bad() -> Error {
        Error::invalid("bad")
    }

    #[test]
    fn a_value_is_changed_and_an_error_is_left() {
        for (at, pending) in both(&Ok(3)).into_iter().enumerate() {
            let (result, polls) = poll(pending.map(|n| n + 1).map_err(|_| bad()));
            assert_eq!((result.expect("a value"), polls), (4, at as u32));
        }
        for pending in both(&Err(bad())) {
            assert_eq!(pending.map(|n| n + 1).wait().expect_err("an error").message(), "bad");
        }
    }

    #[test]
    fn an_error_is_changed_whenever_it_comes() {
        for pending in both(&Err(bad())) {
            let error = pending.map_err(|e| Error::not_found(e.message().to_owned())).wait().expect_err("an error");
            assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, "bad"));
        }
    }

    #[test]
    fn what_follows_comes_after_a_value_and_not_after_an_error() {
        for (i, first) in both(&Ok(3)).into_iter().enumerate() {
            let (result, polls) = poll(first.and_then(|n| later(Ok(n * 2))));
            assert_eq!((result.expect("a value"), polls), (6, i as u32 + 1));
        }
        for first in both(&Ok(3)) {
            assert_eq!(first.and_then(|n| Pending::ready(Ok(n * 2))).wait().expect("a value"), 6);
        }
        for first in both(&Err(bad())) {
            let never = |_| -> Pending<u32> { unreachable!("nothing follows from an error") };
            assert_eq!(first.and_then(never).wait().expect_err("an error").message(), "bad");
        }
        for first in both(&Ok(3)) {
            assert_eq!(first.and_then(|_| later(Err(bad()))).wait().expect_err("an error").message(), "bad");
        }
    }

    #[test]
    fn a_wait_that_timed_out_goes_on_where_it_was() {
        let mut chained = later(Ok(3)).and_then(|n| later(Ok(n * 2)));
        let mut late = 0;
        let value = loop {
            match chained.wait_timeout(Duration::ZERO) {
                Ok(value) => break value,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Timeout),
            }
            late += 1;
        };
        assert_eq!((value, late), (6, 2));
        assert_eq!(chained.wait_timeout(Duration::ZERO).expect_err("taken").kind(), ErrorKind::Misuse);
    }

    #[test]
    fn a_future_runs_at_once_and_goes_on_when_it_is_woken() {
        assert!(matches!(Pending::of(async { Pending::ready(Ok(3)).await }).0, State::Ready(_)));
        let two = || async { Ok(later(Ok(3)).await? + later(Ok(4)).await?) };
        assert_eq!(poll(Pending::of(two())).1, 1, "the first wait was polled when it was made");
        assert_eq!(Pending::of(two()).wait().expect("a value"), 7);
        assert_eq!(Pending::of(async { later(Err(bad())).await }).wait().expect_err("an error").message(), "bad");
    }
}
