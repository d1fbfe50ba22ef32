//! A watcher of objects: what is in an object store, then what changes, as a queue that the caller pulls.

use std::sync::Arc;

use headwater::{ObjectInfo, ObjectWatchOptions, ObjectWatcher};

use crate::error::hw_error;
use crate::gate::Waitable;
use crate::guard::{Root, on, release_handle};
use crate::object::hw_object_infos;
use crate::object_store::hw_object_store;
use crate::queue::{self, queue_handle};
use crate::raw::{self, Out, versioned};
use crate::status::hw_status;
use crate::waker::hw_waker;

/// What a watcher of objects sees. Zero is the default of every field: every object, then every change.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_object_watch_options {
    /// sizeof(hw_object_watch_options)
    pub struct_size: usize,
    /// Not 0: only what changes from now on.
    pub updates_only: u8,
    /// Not 0: leave deletes out.
    pub ignore_deletes: u8,
}

versioned!(hw_object_watch_options);

/// Follows the objects of a store. `const`: safe from many threads at once; each change goes to one.
pub struct hw_object_watcher {
    pub(crate) root: Arc<Root>,
    wait: Waitable<ObjectWatcher>,
}

queue_handle!(hw_object_watcher, "object watcher", ObjectWatcher, Vec<ObjectInfo>);

/// Watches an object store: what is there, by the time of its last change, then what changes. `options` may be NULL.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
/// Ownership: `*watcher` is yours, free with hw_object_watcher_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_store_watch(
    store: Option<&hw_object_store>,
    options: *const hw_object_watch_options,
    watcher: *mut *mut hw_object_watcher,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let options = raw::options(options)?;
        let out = Out::required("watcher", watcher)?;
        let options =
            ObjectWatchOptions { updates_only: options.updates_only != 0, ignore_deletes: options.ignore_deletes != 0 };
        let wait = Waitable::new(store.store.watch(options).wait()?);
        out.give(hw_object_watcher { root: store.root.clone(), wait });
        Ok(())
    })
}

/// Takes up to `max` changes (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one: 0 does
/// not wait, -1 waits for ever.
///
/// Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED,
///            HW_STATUS_CORRUPT, HW_STATUS_IO.
/// Ownership: `*infos` is yours, free with hw_object_infos_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_watcher_next(
    watcher: Option<&hw_object_watcher>,
    max: usize,
    timeout_ms: i64,
    infos: *mut *mut hw_object_infos,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::next(watcher, max, timeout_ms, Out::required("infos", infos), error, hw_object_infos::new)
}

/// Whether everything that was there when the watch began has been taken.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_watcher_caught_up(
    watcher: Option<&hw_object_watcher>,
    caught_up: *mut bool,
    error: *mut *mut hw_error,
) -> hw_status {
    on(watcher, error, |watcher| {
        Out::required("caught_up", caught_up)?.set(watcher.wait.queue.caught_up());
        Ok(())
    })
}

/// How many records limits removed before this watcher came to read them: it fell that far behind.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_watcher_missed(
    watcher: Option<&hw_object_watcher>,
    missed: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(watcher, error, |watcher| {
        Out::required("missed", missed)?.set(watcher.wait.queue.missed());
        Ok(())
    })
}

/// Arms once: when there is a change to take, or it is closed, `token` goes to the waker's list.
///
/// Errors:    HW_STATUS_INVALID.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_watcher_wake(
    watcher: Option<&hw_object_watcher>,
    waker: Option<&hw_waker>,
    token: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::wake(watcher, waker, token, error)
}

/// Cancels the waits of all threads that are in hw_object_watcher_next now: they return HW_STATUS_TIMEOUT. It stays
/// open.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_watcher_cancel(
    watcher: Option<&hw_object_watcher>,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::cancel(watcher, error)
}

/// Ends it: waits and later calls return HW_STATUS_CLOSED. Closing twice is nothing. The handle must still be
/// freed.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_watcher_close(watcher: Option<&hw_object_watcher>, error: *mut *mut hw_error) -> hw_status {
    on(watcher, error, |watcher| {
        watcher.wait.queue.close();
        Ok(())
    })
}

/// Frees it; NULL is nothing. No other thread may be using it.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_watcher_free(watcher: Option<Box<hw_object_watcher>>) {
    release_handle(watcher);
}
