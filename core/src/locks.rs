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

/// How often a thread lets others go first before it sleeps until a lock is free, or does without.
const YIELDS: usize = 16;

/// Takes a lock for which many threads come at once, such as those that one sync woke, each for a moment. Who sleeps
/// has to be woken, by two system calls and a switch of threads; with 64 writers that was a fifth of their time.
pub(crate) fn lock_in_turn<T>(mutex: &Mutex<T>) -> LockResult<MutexGuard<'_, T>> {
    lock_soon(mutex).unwrap_or_else(|| mutex.lock())
}

/// Takes a lock that is free within a moment, or none: for whoever is only better off with it, and might be called by
/// the one that holds it.
pub(crate) fn lock_soon<T>(mutex: &Mutex<T>) -> Option<LockResult<MutexGuard<'_, T>>> {
    for _ in 0..YIELDS {
        match mutex.try_lock() {
            Ok(guard) => return Some(Ok(guard)),
            Err(TryLockError::Poisoned(poisoned)) => return Some(Err(poisoned)),
            Err(TryLockError::WouldBlock) => std::thread::yield_now(),
        }
    }
    None
}
