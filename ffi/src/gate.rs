//! Waiting for a queue, in the two ways a C program can: blocked in a call, or with a token on a waker.
//!
//! Every queue has one gate, and core knows only the gate's waker. When core wakes it, all who block look again and all
//! armed tokens fire; so any number of threads and tokens may wait on one queue, and none costs a thread of ours.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use headwater::{Error, ErrorKind, Result};

use crate::read::or_default;
use crate::waker::WakerCore;

/// Takes a lock. A panic elsewhere poisons the engine by itself, and what these locks guard is never left
/// half-done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a wait may last.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deadline {
    /// Do not wait.
    Now,
    /// Until then.
    At(Instant),
    /// For ever.
    Never,
}

impl Deadline {
    /// From C's milliseconds: 0 is a try, below 0 is for ever.
    #[allow(
        clippy::disallowed_methods,
        reason = "a deadline is the caller's real time, whatever the engine's clock says"
    )]
    pub(crate) fn after_ms(timeout_ms: i64) -> Self {
        match u64::try_from(timeout_ms) {
            Ok(0) => Deadline::Now,
            Ok(ms) => Instant::now().checked_add(Duration::from_millis(ms)).map_or(Deadline::Never, Deadline::At),
            Err(_) => Deadline::Never,
        }
    }

    #[allow(clippy::disallowed_methods, reason = "as above")]
    fn left(self) -> Option<Duration> {
        match self {
            Deadline::Now => Some(Duration::ZERO),
            Deadline::At(end) => Some(end.saturating_duration_since(Instant::now())),
            Deadline::Never => None,
        }
    }
}

/// The place where those who wait for one thing wait.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    opened: Condvar,
}

#[derive(Default)]
struct State {
    wakes: u64,
    cancels: u64,
    blocked: u32,
    armed: Vec<(Arc<WakerCore>, u64)>,
}

/// What a waiter saw before it looked at the queue, so that it misses nothing that happens after.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    wakes: u64,
    cancels: u64,
}

impl Wake for Gate {
    fn wake(self: Arc<Self>) {
        self.open();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.open();
    }
}

impl Gate {
    /// Lets everyone look again.
    fn open(&self) {
        let armed = {
            let mut state = lock(&self.state);
            state.wakes += 1;
            if state.blocked > 0 {
                self.opened.notify_all();
            }
            std::mem::take(&mut state.armed)
        };
        for (waker, token) in armed {
            waker.push(token);
        }
    }

    /// Ends the waits of those who block now.
    pub(crate) fn cancel(&self) {
        lock(&self.state).cancels += 1;
        self.opened.notify_all();
    }

    fn look(&self) -> Seen {
        let state = lock(&self.state);
        Seen { wakes: state.wakes, cancels: state.cancels }
    }

    /// Blocks until the gate was opened since `seen`.
    fn wait(&self, seen: Seen, deadline: Deadline) -> Result<()> {
        let mut state = lock(&self.state);
        loop {
            if state.cancels != seen.cancels {
                return Err(Error::new(ErrorKind::Timeout, "the wait was cancelled"));
            }
            if state.wakes != seen.wakes {
                return Ok(());
            }
            state.blocked += 1;
            state = match deadline.left() {
                None => self.opened.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => {
                    state.blocked -= 1;
                    return Err(passed());
                }
                Some(left) => self.opened.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
            state.blocked -= 1;
        }
    }

    /// Arms `token`, and fires it at once when `poll` says that the thing is ready.
    pub(crate) fn arm(
        self: &Arc<Self>,
        waker: Arc<WakerCore>,
        token: u64,
        poll: impl FnOnce(&mut Context<'_>) -> bool,
    ) {
        let mut state = lock(&self.state);
        if !state.armed.iter().any(|(w, t)| *t == token && Arc::ptr_eq(w, &waker)) {
            state.armed.push((waker, token));
        }
        drop(state);
        if poll(&mut Context::from_waker(&Waker::from(self.clone()))) {
            self.open();
        }
    }
}

fn passed() -> Error {
    Error::new(ErrorKind::Timeout, "the deadline passed and there was nothing")
}

/// Something that gives items as they come.
pub(crate) trait Queue {
    /// What it gives at once.
    type Items;

    /// Takes what is there.
    fn try_next(&self, max: usize) -> Result<Self::Items>;

    /// Whether nothing was there.
    fn is_nothing(items: &Self::Items) -> bool;

    /// Ready when `try_next` has something to say; else wakes `cx` then.
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()>;
}

/// A queue and its gate.
pub(crate) struct Waitable<Q> {
    pub(crate) queue: Q,
    gate: Arc<Gate>,
}

impl<Q: Queue> Waitable<Q> {
    pub(crate) fn new(queue: Q) -> Self {
        Waitable { queue, gate: Arc::default() }
    }

    /// Takes up to `max` items, and waits for the first one until the deadline.
    pub(crate) fn next(&self, max: usize, timeout_ms: i64) -> Result<Q::Items> {
        let max = or_default(max);
        let items = self.queue.try_next(max)?;
        if !Q::is_nothing(&items) {
            return Ok(items);
        }
        let deadline = Deadline::after_ms(timeout_ms);
        if matches!(deadline, Deadline::Now) {
            return Err(passed());
        }
        let waker = Waker::from(self.gate.clone());
        let first = self.gate.look();
        loop {
            let seen = Seen { cancels: first.cancels, ..self.gate.look() };
            if self.queue.poll_ready(&mut Context::from_waker(&waker)).is_ready() {
                let items = self.queue.try_next(max)?;
                if !Q::is_nothing(&items) {
                    return Ok(items);
                }
                // Another taker was faster: look again, but not past the deadline.
                if deadline.left().is_some_and(|left| left.is_zero()) {
                    return Err(passed());
                }
                std::thread::yield_now();
                continue;
            }
            self.gate.wait(seen, deadline)?;
        }
    }

    /// Puts `token` on the waker's list once the queue has something to say.
    pub(crate) fn wake(&self, waker: Arc<WakerCore>, token: u64) {
        self.gate.arm(waker, token, |cx| self.queue.poll_ready(cx).is_ready());
    }

    /// Ends the waits of those who block now.
    pub(crate) fn cancel(&self) {
        self.gate.cancel();
    }
}
