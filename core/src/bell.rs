//! A thread's alarm: whoever has something for it rings, and a ring that comes before the wait is not lost.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::Wake;
use std::time::Duration;

use crate::locks::lock;

#[derive(Default)]
pub(crate) struct Bell {
    is_rung: Mutex<bool>,
    rung: Condvar,
}

impl Bell {
    pub(crate) fn ring(&self) {
        *lock(&self.is_rung) = true;
        self.rung.notify_one();
    }

    /// Waits until it is rung, for `timeout` at the most.
    pub(crate) fn wait(&self, timeout: Option<Duration>) {
        let mut is_rung = lock(&self.is_rung);
        while !*is_rung {
            match timeout {
                None => is_rung = self.rung.wait(is_rung).unwrap_or_else(PoisonError::into_inner),
                Some(timeout) => {
                    let waited = self.rung.wait_timeout(is_rung, timeout).unwrap_or_else(PoisonError::into_inner);
                    is_rung = waited.0;
                    if waited.1.timed_out() {
                        break;
                    }
                }
            }
        }
        *is_rung = false;
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}
