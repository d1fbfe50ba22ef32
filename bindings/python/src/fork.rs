//! Handles that know which process they belong to.
//!
//! A forked child has copies of its parent's handles but none of its threads and no right to its files. Using such a
//! handle answers `Closed`, and dropping it forgets it: a child must never sync, cut or mark files as closed.

use std::sync::atomic::{AtomicU64, Ordering};

use headwater::{Engine, Error, ErrorKind, Pending, Result};
use pyo3::prelude::*;

use crate::call::block;
use crate::error::raise;

/// How many forks lie between this process and the one that loaded the module.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// Tells the module that this process is a forked child; the package registers it with `os.register_at_fork`.
#[pyfunction(name = "_after_fork_in_child")]
pub(crate) fn after_fork_in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Refuses a handle that was made `born` forks in, if this process is a later one.
pub(crate) fn check(born: u64) -> Result<()> {
    if FORKS.load(Ordering::Relaxed) == born {
        return Ok(());
    }
    let pid = std::process::id();
    let message = format!("the handle was carried over a fork() into process {pid}: open the engine anew in the child");
    Err(Error::new(ErrorKind::Closed, message))
}

/// The value that [`check`] compares with, for a handle made now.
pub(crate) fn here() -> u64 {
    FORKS.load(Ordering::Relaxed)
}

/// A handle of the core that only the process that made it uses and drops, with the engine that it needs, if it needs
/// one.
///
/// A stream, a consumer or a subscription keeps its engine open: the last one to go closes it.
pub(crate) struct Held<T> {
    inner: Option<T>,
    engine: Option<Engine>,
    born: u64,
}

impl<T> Held<T> {
    pub(crate) fn new(inner: T, engine: &Engine) -> Self {
        Held { inner: Some(inner), engine: Some(engine.clone()), born: here() }
    }

    /// A handle that needs no engine.
    pub(crate) fn alone(inner: T) -> Self {
        Held { inner: Some(inner), engine: None, born: here() }
    }

    /// A handle that the core makes of this one and its engine, and that keeps the same engine open.
    pub(crate) fn child<U: Send>(
        &self,
        py: Python<'_>,
        make: impl FnOnce(&T, &Engine) -> Pending<U> + Send,
    ) -> PyResult<Held<U>>
    where
        T: Sync,
    {
        let made = block(py, None, || Ok(make(self.get()?, self.engine()?)))?;
        let engine = self.engine().map_err(|error| raise(py, &error))?;
        Ok(Held::new(made, engine))
    }

    /// The handle, if this is its process.
    pub(crate) fn get(&self) -> Result<&T> {
        check(self.born)?;
        self.inner.as_ref().ok_or_else(gone)
    }

    /// The engine that it keeps open, if this is its process.
    pub(crate) fn engine(&self) -> Result<&Engine> {
        check(self.born)?;
        self.engine.as_ref().ok_or_else(gone)
    }

    /// What keeps its engine open for as long as something of it is waited for.
    pub(crate) fn keep(&self) -> Option<Engine> {
        self.engine.clone()
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Closed, "the handle is gone")
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        if self.born != here() {
            std::mem::forget(self.inner.take());
            std::mem::forget(self.engine.take());
        }
    }
}
