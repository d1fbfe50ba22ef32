//! Locks whose holders leave nothing half done: one that a panic elsewhere poisoned is as good as any.

use std::sync::{LockResult, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// A lock that goes to who waits for it. A [`Mutex`] goes back to the thread that has just let it go and wants it
/// again, for as long as that goes on.
#[derive(Debug, Default)]
pub(crate) struct FairMutex<T> {
    /// Whoever is next holds this, so that the one who had the lock last waits behind them.
    next: Mutex<()>,
    value: Mutex<T>,
}

impl<T> FairMutex<T> {
    pub(crate) fn new(value: T) -> Self {
        FairMutex { next: Mutex::new(()), value: Mutex::new(value) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let _next = lock(&self.next);
        lock(&self.value)
    }
}

/// How often a thread lets others go first before it sleeps until a lock is free.
const YIELDS: usize = 16;

/// Takes a lock for which many threads come at once, such as those that one sync woke, each for a moment. Who sleeps
/// has to be woken, by two system calls and a switch of threads; with 64 writers that was a fifth of their time.
pub(crate) fn lock_in_turn<T>(mutex: &Mutex<T>) -> LockResult<MutexGuard<'_, T>> {
    for _ in 0..YIELDS {
        match mutex.try_lock() {
            Ok(guard) => return Ok(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Err(poisoned),
            Err(TryLockError::WouldBlock) => std::thread::yield_now(),
        }
    }
    mutex.lock()
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
