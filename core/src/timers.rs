//! Wake-ups at a time on the engine's clock: whoever steps the engine rings them.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use crate::clock::Nanos;
use crate::locks::lock;
use crate::shared::Shared;

/// Everyone who waits for a time.
#[derive(Default)]
pub(crate) struct Timers {
    waiting: Mutex<BTreeMap<(Nanos, u64), Waker>>,
    last: AtomicU64,
}

impl Timers {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Nanos, u64), Waker>> {
        lock(&self.waiting)
    }

    /// Ready at `at`.
    pub(crate) fn sleep<'a>(&'a self, at: Nanos, shared: &'a Shared) -> Sleep<'a> {
        Sleep { shared, key: (at, self.last.fetch_add(1, Ordering::Relaxed)) }
    }

    /// Wakes those whose time has come; returns when the next one's does.
    pub(crate) fn wake_due(&self, now: Nanos) -> Option<Nanos> {
        let mut waiting = self.lock();
        let later = waiting.split_off(&(now.saturating_add(1), 0));
        let due = std::mem::replace(&mut *waiting, later);
        let next = waiting.first_key_value().map(|((at, _), _)| *at);
        drop(waiting);
        due.into_values().for_each(Waker::wake);
        next
    }

    /// Wakes all of them, so that they look at what has changed.
    pub(crate) fn wake_all(&self) {
        let all = std::mem::take(&mut *self.lock());
        all.into_values().for_each(Waker::wake);
    }
}

/// A wait for a time; over early when the engine closes.
pub(crate) struct Sleep<'a> {
    shared: &'a Shared,
    key: (Nanos, u64),
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.shared.clock.now() >= self.key.0 || self.shared.check_open().is_err() {
            return Poll::Ready(());
        }
        self.shared.timers.lock().insert(self.key, cx.waker().clone());
        self.shared.ring(Some(self.key.0));
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        self.shared.timers.lock().remove(&self.key);
    }
}
