//! How an operation on a hub becomes a [`Pending`]: it begins on the hub's own runtime at the call, and its outcome is
//! waited for from wherever the caller is, a task of any executor or a parked thread.
//!
//! Dropping the pending gives up the wait, not the work. Nothing here blocks on a runtime, because the caller may be
//! inside one.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::error::{Error, ErrorKind, Result};
use crate::pending::{Pending, Wait};

/// Begins `work` and returns its outcome to come.
pub(super) fn run<T: Send + 'static>(
    handle: &Handle,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Pending<T> {
    let (tell, told) = oneshot::channel();
    handle.spawn(async move {
        // Whoever asked may have gone.
        let _ = tell.send(work.await);
    });
    Pending::waiting(Told(told))
}

struct Told<T>(oneshot::Receiver<Result<T>>);

impl<T> Wait<T> for Told<T> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T>> {
        match Pin::new(&mut self.0).poll(cx) {
            Poll::Ready(Ok(result)) => Poll::Ready(result),
            Poll::Ready(Err(_)) => Poll::Ready(Err(closed())),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// What everything answers after the close.
pub(super) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the connection to the hub is closed")
}
