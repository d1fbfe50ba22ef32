//! What stands between the caller and core in every call: NULL, fork, poison and panic are answered here.
//!
//! A panic is caught and poisons the whole engine that the handle belongs to, because what it held half-done is shared
//! by all of its handles. A fork is noticed by a handler that the C library runs in the child, so the check is a load.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Once};

use headwater::{Engine, Error, ErrorKind, Result};

use crate::error::{fail, hw_error, missing};
use crate::status::hw_status;

/// How many forks lie between the process that loaded the library and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

extern "C" fn after_fork_in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

fn watch_for_forks() {
    static ONCE: Once = Once::new();
    // SAFETY: the handler does nothing but add to an atomic, which is allowed between fork and exec.
    ONCE.call_once(|| unsafe {
        libc::pthread_atfork(None, None, Some(after_fork_in_child));
    });
}

/// What all handles of one engine share; each holds it, so parents outlive their children.
pub(crate) struct Root {
    pub(crate) engine: Engine,
    pub(crate) guard: Arc<Guard>,
}

impl Root {
    pub(crate) fn new(engine: Engine) -> Arc<Self> {
        Arc::new(Root { engine, guard: Guard::new() })
    }
}

/// Whether a handle, and its relatives, can be used still.
pub(crate) struct Guard {
    process: u32,
    forks: u32,
    poisoned: AtomicBool,
}

impl Guard {
    pub(crate) fn new() -> Arc<Self> {
        watch_for_forks();
        Arc::new(Guard {
            process: std::process::id(),
            forks: FORKS.load(Ordering::Relaxed),
            poisoned: AtomicBool::new(false),
        })
    }

    #[inline]
    fn is_forked(&self) -> bool {
        self.forks != FORKS.load(Ordering::Relaxed)
    }

    #[inline]
    fn check(&self) -> Result<()> {
        if self.is_forked() || self.poisoned.load(Ordering::Relaxed) { Err(self.refusal()) } else { Ok(()) }
    }

    #[cold]
    fn refusal(&self) -> Error {
        if self.is_forked() {
            let (there, here) = (self.process, std::process::id());
            let message =
                format!("the handle was opened in process {there} and carried over a fork() to {here}: open a new one");
            Error::new(ErrorKind::Closed, message)
        } else {
            Error::new(ErrorKind::Internal, "it is poisoned by an earlier panic: free its handles and open it again")
        }
    }
}

/// An object of the caller's that belongs to an engine, or is a beginning itself.
pub(crate) trait Handle {
    /// What a message calls it.
    const NOUN: &'static str;

    /// What it shares with its relatives.
    fn guard(&self) -> &Arc<Guard>;
}

/// Runs a call on a handle.
#[inline]
pub(crate) fn on<H: Handle>(
    handle: Option<&H>,
    error: *mut *mut hw_error,
    body: impl FnOnce(&H) -> Result<()>,
) -> hw_status {
    let Some(handle) = handle else { return fail(error, &missing(H::NOUN)) };
    let guard = handle.guard();
    if let Err(refusal) = guard.check() {
        return fail(error, &refusal);
    }
    match catch_unwind(AssertUnwindSafe(|| body(handle))) {
        Ok(Ok(())) => hw_status::Ok,
        Ok(Err(e)) => fail(error, &e),
        Err(panic) => {
            guard.poisoned.store(true, Ordering::Relaxed);
            fail(error, &panicked(&*panic))
        }
    }
}

/// Runs a call that belongs to no engine.
#[inline]
pub(crate) fn free_standing(error: *mut *mut hw_error, body: impl FnOnce() -> Result<()>) -> hw_status {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => hw_status::Ok,
        Ok(Err(e)) => fail(error, &e),
        Err(panic) => fail(error, &panicked(&*panic)),
    }
}

/// Frees an object that belongs to no engine.
pub(crate) fn release<T>(object: Option<Box<T>>) {
    // A panic while dropping must not reach the caller, and there is no one to tell: what it leaves is memory.
    drop(catch_unwind(AssertUnwindSafe(|| drop(object))));
}

/// Frees a handle. In the child of a fork it is left alone: its threads are not there, and its files are the
/// parent's.
pub(crate) fn release_handle<H: Handle>(handle: Option<Box<H>>) {
    match handle {
        Some(handle) if handle.guard().is_forked() => std::mem::forget(handle),
        other => release(other),
    }
}

#[cold]
fn panicked(panic: &(dyn Any + Send)) -> Error {
    let said = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Error::new(ErrorKind::Internal, format!("a panic was caught, please report it: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Probe(Arc<Root>);

    impl Handle for Probe {
        const NOUN: &'static str = "probe";

        fn guard(&self) -> &Arc<Guard> {
            &self.0.guard
        }
    }

    #[test]
    fn a_panic_is_a_status_and_poisons_all_handles_of_the_engine() -> Result<()> {
        let root = Root::new(Engine::memory()?);
        let (one, two) = (Probe(root.clone()), Probe(root));
        let none = std::ptr::null_mut();
        assert_eq!(on(Some(&two), none, |_| Ok(())), hw_status::Ok);
        assert_eq!(on(Some(&one), none, |_| panic!("planted")), hw_status::Internal);
        assert_eq!(on(Some(&two), none, |_| Ok(())), hw_status::Internal);
        Ok(())
    }

    #[test]
    fn a_missing_handle_is_invalid() {
        assert_eq!(on(None::<&Probe>, std::ptr::null_mut(), |_| Ok(())), hw_status::Invalid);
    }
}
