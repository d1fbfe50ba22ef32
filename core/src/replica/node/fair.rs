//! A lock of which nobody who waits is passed by.

use std::sync::{Mutex, MutexGuard};

use crate::locks::lock;

/// A lock that goes to who waits for it. A [`Mutex`] goes back to the thread that has just let it go and wants it
/// again, for as long as that goes on.
pub(super) struct FairMutex<T> {
    /// Whoever is next holds this, so that the one who had the lock last waits behind them.
    next: Mutex<()>,
    value: Mutex<T>,
}

impl<T> FairMutex<T> {
    pub(super) fn new(value: T) -> Self {
        FairMutex { next: Mutex::new(()), value: Mutex::new(value) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        let _next = lock(&self.next);
        lock(&self.value)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_fair_mutex_comes_to_who_waits_while_another_takes_it_again_and_again() {
        let rounds = FairMutex::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..200 {
                    let mut rounds = rounds.lock();
                    std::thread::sleep(Duration::from_millis(1));
                    *rounds += 1;
                }
            });
            while *rounds.lock() == 0 {}
            let seen: Vec<u32> = (0..20).map(|_| *rounds.lock()).collect();
            assert!(seen.iter().all(|round| *round < 200), "only when the other was done: {seen:?}");
        });
    }
}
