//! A watcher of a CRDT store: which keys changed, as a queue that the caller pulls.

use std::ffi::c_char;
use std::sync::Arc;

use headwater::crdt::{Changed, CrdtWatcher};

use crate::bytes::hw_strings;
use crate::crdt::hw_crdt;
use crate::error::hw_error;
use crate::gate::Waitable;
use crate::guard::{Root, on, release_handle};
use crate::queue::{self, queue_handle};
use crate::raw::{self, Out};
use crate::reading::named;
use crate::status::hw_status;
use crate::waker::hw_waker;

/// Follows the keys of a CRDT store. `const`: safe from many threads at once; each change goes to one.
pub struct hw_crdt_watcher {
    pub(crate) root: Arc<Root>,
    wait: Waitable<CrdtWatcher>,
}

queue_handle!(hw_crdt_watcher, "crdt watcher", CrdtWatcher, Vec<Changed>);

/// Follows the keys whose names begin with `prefix`: what is written from now on, here and by others. A watcher that is
/// slow hears of a key once for many changes.
///
/// Errors:    as hw_crdt_read.
/// Ownership: `*watcher` is yours, free with hw_crdt_watcher_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_watch(
    crdt: Option<&hw_crdt>,
    prefix: *const c_char,
    prefix_len: usize,
    watcher: *mut *mut hw_crdt_watcher,
    error: *mut *mut hw_error,
) -> hw_status {
    on(crdt, error, |crdt| {
        let prefix = raw::text("prefix", prefix, prefix_len)?;
        let out = Out::required("watcher", watcher)?;
        out.give(hw_crdt_watcher { root: crdt.root.clone(), wait: Waitable::new(crdt.store.watch(prefix)?) });
        Ok(())
    })
}

/// Takes up to `max` keys that changed (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one: 0
/// does not wait, -1 waits for ever. The number that goes with each is its kind, an hw_crdt_kind; what it reads as now
/// is in the store.
///
/// Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED,
///            HW_STATUS_CORRUPT, HW_STATUS_IO.
/// Ownership: `*keys` is yours, free with hw_strings_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_watcher_next(
    watcher: Option<&hw_crdt_watcher>,
    max: usize,
    timeout_ms: i64,
    keys: *mut *mut hw_strings,
    error: *mut *mut hw_error,
) -> hw_status {
    let list = |changes: Vec<Changed>| named(changes.into_iter().map(|Changed { key, kind }| (key, kind)));
    queue::next(watcher, max, timeout_ms, Out::required("keys", keys), error, list)
}

/// How many records were purged before this watcher came to read them: any key may have changed in those.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_watcher_missed(
    watcher: Option<&hw_crdt_watcher>,
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
pub extern "C" fn hw_crdt_watcher_wake(
    watcher: Option<&hw_crdt_watcher>,
    waker: Option<&hw_waker>,
    token: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::wake(watcher, waker, token, error)
}

/// Cancels the waits of all threads that are in hw_crdt_watcher_next now: they return HW_STATUS_TIMEOUT. It stays open.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_watcher_cancel(watcher: Option<&hw_crdt_watcher>, error: *mut *mut hw_error) -> hw_status {
    queue::cancel(watcher, error)
}

/// Ends it: waits and later calls return HW_STATUS_CLOSED. Closing twice is nothing. The handle must still be
/// freed.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_watcher_close(watcher: Option<&hw_crdt_watcher>, error: *mut *mut hw_error) -> hw_status {
    on(watcher, error, |watcher| {
        watcher.wait.queue.close();
        Ok(())
    })
}

/// Frees it; NULL is nothing. No other thread may be using it.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_watcher_free(watcher: Option<Box<hw_crdt_watcher>>) {
    release_handle(watcher);
}
