//! Reads that are under way: who wants what somebody reads waits for that read, and drives it on where nobody does.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Mutex;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};

use crate::error::Result;
use crate::locks::lock;

/// A read that any number of callers wait for.
pub(super) type Reading<T> = Shared<BoxFuture<'static, Result<T>>>;

/// The reads that are under way, by key.
pub(super) struct Readings<T>(Mutex<BTreeMap<String, WeakShared<BoxFuture<'static, Result<T>>>>>);

impl<T> Default for Readings<T> {
    fn default() -> Self {
        Readings(Mutex::default())
    }
}

impl<T: Clone + Send + 'static> Readings<T> {
    /// The read of a key, and whether it begins now: then it is what `begin` makes.
    pub(super) fn join<F>(&self, key: &str, begin: impl FnOnce() -> F) -> (Reading<T>, bool)
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let mut readings = lock(&self.0);
        if let Some(reading) = readings.get(key).and_then(WeakShared::upgrade) {
            return (reading, false);
        }
        let reading = begin().boxed().shared();
        if let Some(weak) = reading.downgrade() {
            readings.insert(key.to_owned(), weak);
        }
        (reading, true)
    }

    /// The read of a key is done: who comes now begins another one.
    pub(super) fn end(&self, key: &str) {
        lock(&self.0).remove(key);
    }
}
