//! A watcher: what is in a bucket, then what changes, as a queue that the caller pulls.

use std::sync::Arc;

use headwater::{Entry, WatchOptions, Watcher};

use crate::bucket::hw_bucket;
use crate::bytes::hw_str;
use crate::entries::hw_entries;
use crate::error::hw_error;
use crate::gate::Waitable;
use crate::guard::{Root, on, release_handle};
use crate::queue::{self, queue_handle};
use crate::raw::{self, Out, versioned};
use crate::status::hw_status;
use crate::waker::hw_waker;

/// What a watcher sees. Zero is the default of every field: the newest value of every key, then every change.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_watch_options {
    /// sizeof(hw_watch_options)
    pub struct_size: usize,
    /// Key filters with `*` and `>`; all keys when there is none.
    pub filters: *const hw_str,
    /// How many.
    pub filters_len: usize,
    /// Not 0: every kept revision first, not only the newest.
    pub include_history: u8,
    /// Not 0: only what changes from now on.
    pub updates_only: u8,
    /// Not 0: leave deletes out.
    pub ignore_deletes: u8,
}

versioned!(hw_watch_options);

/// Follows the changes of a bucket. `const`: safe from many threads at once; each entry goes to one.
pub struct hw_watcher {
    pub(crate) root: Arc<Root>,
    wait: Waitable<Watcher>,
}

queue_handle!(hw_watcher, "watcher", Watcher, Vec<Entry>);

/// Watches a bucket: what is there, then what changes. `options` may be NULL.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
/// Ownership: `*watcher` is yours, free with hw_watcher_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_watch(
    bucket: Option<&hw_bucket>,
    options: *const hw_watch_options,
    watcher: *mut *mut hw_watcher,
    error: *mut *mut hw_error,
) -> hw_status {
    on(bucket, error, |bucket| {
        let options = raw::options(options)?;
        let out = Out::required("watcher", watcher)?;
        let options = WatchOptions {
            filters: raw::strings("filters", options.filters, options.filters_len)?,
            include_history: options.include_history != 0,
            updates_only: options.updates_only != 0,
            ignore_deletes: options.ignore_deletes != 0,
        };
        let wait = Waitable::new(bucket.bucket.watch(options).wait()?);
        out.give(hw_watcher { root: bucket.root.clone(), wait });
        Ok(())
    })
}

/// Takes up to `max` entries (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one: 0 does
/// not wait, -1 waits for ever.
///
/// Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED,
///            HW_STATUS_CORRUPT, HW_STATUS_IO.
/// Ownership: `*entries` is yours, free with hw_entries_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_watcher_next(
    watcher: Option<&hw_watcher>,
    max: usize,
    timeout_ms: i64,
    entries: *mut *mut hw_entries,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::next(watcher, max, timeout_ms, Out::required("entries", entries), error, hw_entries)
}

/// Whether everything that was there when the watch began has been taken.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_watcher_caught_up(
    watcher: Option<&hw_watcher>,
    caught_up: *mut bool,
    error: *mut *mut hw_error,
) -> hw_status {
    on(watcher, error, |watcher| {
        Out::required("caught_up", caught_up)?.set(watcher.wait.queue.caught_up());
        Ok(())
    })
}

/// How many revisions limits removed before this watcher came to read them: it fell that far behind. One with
/// `include_history` that has read nothing yet begins at what is kept, and has missed nothing.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_watcher_missed(
    watcher: Option<&hw_watcher>,
    missed: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(watcher, error, |watcher| {
        Out::required("missed", missed)?.set(watcher.wait.queue.missed());
        Ok(())
    })
}

/// Arms once: when there is an entry to take, or it is closed, `token` goes to the waker's list.
///
/// Errors:    HW_STATUS_INVALID.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_watcher_wake(
    watcher: Option<&hw_watcher>,
    waker: Option<&hw_waker>,
    token: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::wake(watcher, waker, token, error)
}

/// Cancels the waits of all threads that are in hw_watcher_next now: they return HW_STATUS_TIMEOUT. It stays open.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_watcher_cancel(watcher: Option<&hw_watcher>, error: *mut *mut hw_error) -> hw_status {
    queue::cancel(watcher, error)
}

/// Ends it: waits and later calls return HW_STATUS_CLOSED. Closing twice is nothing. The handle must still be
/// freed.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_watcher_close(watcher: Option<&hw_watcher>, error: *mut *mut hw_error) -> hw_status {
    on(watcher, error, |watcher| {
        watcher.wait.queue.close();
        Ok(())
    })
}

/// Frees it; NULL is nothing. No other thread may be using it.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_watcher_free(watcher: Option<Box<hw_watcher>>) {
    release_handle(watcher);
}
