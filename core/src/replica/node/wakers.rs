//! Those who wait for one thing, each by a number of its own.

use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

use crate::locks::lock;

#[derive(Default)]
pub(super) struct Wakers(Mutex<Vec<(u64, Waker)>>);

impl Wakers {
    /// Who has this number waits, with this waker from now on.
    pub(super) fn add(&self, id: u64, waker: &Waker) {
        let mut all = lock(&self.0);
        all.retain(|(other, _)| *other != id);
        all.push((id, waker.clone()));
    }

    pub(super) fn remove(&self, id: u64) {
        lock(&self.0).retain(|(other, _)| *other != id);
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }

    /// Wakes all of them, who wait no more.
    pub(super) fn wake_all(&self) {
        let all = std::mem::take(&mut *lock(&self.0));
        for (_, waker) in all {
            waker.wake();
        }
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }
}
