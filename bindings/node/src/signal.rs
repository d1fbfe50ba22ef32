//! The one wake-up of an environment: a list of tokens worth polling, and a bell that asks JavaScript to look at it.
//!
//! Any thread may push a token. The bell is a thread-safe function used as a signal only: however many tokens come, it
//! rings once until JavaScript has taken the list. It is silent once the environment is going down.

use std::collections::VecDeque;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;

use napi::sys;

/// The ready list and the bell of one environment.
pub(crate) struct Signal {
    ready: Mutex<Vec<u32>>,
    raised: AtomicBool,
    bell: Mutex<Option<Bell>>,
}

/// A thread-safe function that calls JavaScript without arguments.
struct Bell(sys::napi_threadsafe_function);

// SAFETY: Node-API lets any thread call a thread-safe function that has not been released, and `Signal` calls it only
// under the lock that takes it away at the end of the environment.
unsafe impl Send for Bell {}

impl Signal {
    /// A signal that rings `bell`, which it takes over.
    pub(crate) fn new(bell: sys::napi_threadsafe_function) -> Arc<Self> {
        Arc::new(Signal {
            ready: Mutex::new(Vec::new()),
            raised: AtomicBool::new(false),
            bell: Mutex::new(Some(Bell(bell))),
        })
    }

    /// Puts `token` on the list, and rings unless that was done already.
    fn push(&self, token: u32) {
        lock(&self.ready).push(token);
        if self.raised.swap(true, Ordering::SeqCst) {
            return;
        }
        let mut bell = lock(&self.bell);
        if let Some(Bell(raw)) = *bell {
            // SAFETY: `raw` is live while it is in `bell`, whose lock is held.
            let status = unsafe {
                sys::napi_call_threadsafe_function(raw, ptr::null_mut(), sys::ThreadsafeFunctionCallMode::nonblocking)
            };
            if status == sys::Status::napi_closing {
                *bell = None;
            }
        }
    }

    /// Has no push ring until the list is taken, which whoever calls this is to see to.
    pub(crate) fn hush(&self) {
        self.raised.store(true, Ordering::SeqCst);
    }

    /// Moves the list over; the next push rings again.
    pub(crate) fn take_into(&self, tokens: &mut VecDeque<u32>) {
        // Lowered before the list is taken: a token that comes in between rings once too often, never too seldom.
        self.raised.store(false, Ordering::SeqCst);
        tokens.extend(lock(&self.ready).drain(..));
    }

    /// Whether the bell keeps the event loop running. To be called on the environment's own thread.
    pub(crate) fn hold(&self, env: sys::napi_env, on: bool) {
        if let Some(Bell(raw)) = *lock(&self.bell) {
            // SAFETY: `raw` is live while it is in `bell`, and this is the thread of its environment.
            unsafe {
                if on {
                    sys::napi_ref_threadsafe_function(env, raw);
                } else {
                    sys::napi_unref_threadsafe_function(env, raw);
                }
            }
        }
    }

    /// Gives the bell back; later pushes are silent.
    pub(crate) fn silence(&self) {
        if let Some(Bell(raw)) = lock(&self.bell).take() {
            // SAFETY: `raw` was live until this moment, and nobody can reach it any more.
            unsafe {
                sys::napi_release_threadsafe_function(raw, sys::ThreadsafeFunctionReleaseMode::release);
            }
        }
    }
}

/// Wakes one token.
pub(crate) struct TokenWaker {
    signal: Arc<Signal>,
    token: u32,
    queued: AtomicBool,
}

impl TokenWaker {
    pub(crate) fn new(signal: Arc<Signal>, token: u32) -> Arc<Self> {
        Arc::new(TokenWaker { signal, token, queued: AtomicBool::new(false) })
    }

    /// To be called before each poll: wakes from now on count again.
    pub(crate) fn rearm(&self) {
        self.queued.store(false, Ordering::SeqCst);
    }
}

impl Wake for TokenWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::SeqCst) {
            self.signal.push(self.token);
        }
    }
}

/// The lock, also after a panic elsewhere: what these locks guard is whole between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
