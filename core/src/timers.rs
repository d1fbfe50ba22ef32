//! Wake-ups at a time on the engine's clock. Whoever steps the engine rings them; an engine that nobody steps, as it
//! keeps its streams elsewhere, has a thread for it while somebody waits.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use crate::clock::Nanos;
use crate::locks::lock;
use crate::shared::Shared;

/// Everyone who waits for a time.
#[derive(Default)]
pub(crate) struct Timers {
    waiting: Mutex<Waiting>,
    last: AtomicU64,
    /// Nobody steps the engine.
    has_no_stepper: AtomicBool,
}

#[derive(Default)]
struct Waiting {
    wakers: BTreeMap<(Nanos, u64), Waker>,
    has_thread: bool,
}

impl Timers {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        lock(&self.waiting)
    }

    /// From now on a thread of its own wakes those who wait.
    pub(crate) fn keep_time_alone(&self) {
        self.has_no_stepper.store(true, Ordering::Relaxed);
    }

    /// Wakes those whose time has come; returns when the next one's does.
    pub(crate) fn wake_due(&self, now: Nanos) -> Option<Nanos> {
        let mut waiting = self.lock();
        let later = waiting.wakers.split_off(&(now.saturating_add(1), 0));
        let due = std::mem::replace(&mut waiting.wakers, later);
        let next = waiting.wakers.first_key_value().map(|((at, _), _)| *at);
        drop(waiting);
        due.into_values().for_each(Waker::wake);
        next
    }

    /// Wakes all of them, so that they look at what has changed.
    pub(crate) fn wake_all(&self) {
        let all = std::mem::take(&mut self.lock().wakers);
        all.into_values().for_each(Waker::wake);
    }
}

/// Begins to keep time; false where there is no thread for it.
#[allow(clippy::disallowed_methods, reason = "an engine that nobody steps is one that no simulation has")]
fn begin(shared: &Arc<Shared>) -> bool {
    let shared = Arc::clone(shared);
    let thread = std::thread::Builder::new().name("headwater-time".to_owned());
    thread.spawn(move || keep_time(&shared)).is_ok()
}

/// Rings for an engine that nobody steps, until nobody waits.
fn keep_time(shared: &Shared) {
    while shared.wait_for_bell() {
        let next = shared.timers.wake_due(shared.clock.now());
        let mut waiting = shared.timers.lock();
        if waiting.wakers.is_empty() {
            waiting.has_thread = false;
            return;
        }
        drop(waiting);
        shared.ring(next);
    }
}

/// A wait for a time; over early when the engine closes.
pub(crate) struct Sleep {
    shared: Arc<Shared>,
    key: (Nanos, u64),
}

impl Sleep {
    /// Ready at `at`.
    pub(crate) fn until(at: Nanos, shared: &Arc<Shared>) -> Self {
        Sleep { shared: Arc::clone(shared), key: (at, shared.timers.last.fetch_add(1, Ordering::Relaxed)) }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.shared.clock.now() >= self.key.0 || self.shared.check_open().is_err() {
            return Poll::Ready(());
        }
        let timers = &self.shared.timers;
        let mut waiting = timers.lock();
        waiting.wakers.insert(self.key, cx.waker().clone());
        if timers.has_no_stepper.load(Ordering::Relaxed) && !waiting.has_thread {
            // Without a thread, the next who waits tries again.
            waiting.has_thread = begin(&self.shared);
        }
        drop(waiting);
        self.shared.ring(Some(self.key.0));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.shared.timers.lock().wakers.remove(&self.key);
    }
}
