//! How often the other stream was found to be another one than before. Whichever direction finds it, both begin anew:
//! places in it are others then.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::{Link, Met};
use crate::error::Result;
use crate::pending::Pending;

#[derive(Default)]
pub(super) struct Turns(Mutex<Inside>);

#[derive(Default)]
struct Inside {
    count: u64,
    waiting: Vec<Waker>,
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self) -> u64 {
        self.lock().count
    }

    /// Tells both directions.
    pub(super) fn next(&self) {
        let waiting = {
            let mut inside = self.lock();
            inside.count += 1;
            std::mem::take(&mut inside.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Whether there was another since; wakes when there is.
    fn is_past(&self, turn: u64, cx: &Context<'_>) -> bool {
        let mut inside = self.lock();
        if !inside.waiting.iter().any(|w| w.will_wake(cx.waker())) {
            inside.waiting.push(cx.waker().clone());
        }
        inside.count != turn
    }
}

impl Link {
    /// Whether the other stream was found to be another one than was met; wakes when it is.
    pub(super) fn is_over(&self, met: &Met, cx: &Context<'_>) -> bool {
        self.turns.is_past(met.turn, cx)
    }

    /// Waits, but no longer than the other stream is what was met; `None` then.
    pub(super) async fn wait<T>(&self, met: &Met, mut pending: Pending<T>) -> Result<Option<T>> {
        std::future::poll_fn(|cx: &mut Context<'_>| {
            if self.is_over(met, cx) {
                return Poll::Ready(Ok(None));
            }
            Pin::new(&mut pending).poll(cx).map_ok(Some)
        })
        .await
    }
}
