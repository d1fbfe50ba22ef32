//! A watcher of what is joined into a replicated SQLite file, as a queue that the caller pulls.

use std::sync::Arc;

use crate::answer::hw_answer;
use crate::database::hw_database;
use crate::error::hw_error;
use crate::gate::Waitable;
use crate::guard::{Root, on, release_handle};
use crate::queue::{self, queue_handle};
use crate::raw::Out;
use crate::replicated::{ChangeWatcher, RowChange, changes_answer};
use crate::status::hw_status;
use crate::waker::hw_waker;

/// Follows what is joined into a replicated file. `const`: safe from many threads at once; each change goes to one.
pub struct hw_change_watcher {
    pub(crate) root: Arc<Root>,
    wait: Waitable<ChangeWatcher>,
}

queue_handle!(hw_change_watcher, "change watcher", ChangeWatcher, Vec<RowChange>);

/// Follows what is joined from now on: the rows that writes of other nodes change, and those that a constraint shows or
/// hides. What a row is then is in the file.
///
/// Errors:    HW_STATUS_NOT_FOUND (it was detached), HW_STATUS_CLOSED.
/// Ownership: `*watcher` is yours, free with hw_change_watcher_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_database_watch(
    database: Option<&hw_database>,
    watcher: *mut *mut hw_change_watcher,
    error: *mut *mut hw_error,
) -> hw_status {
    on(database, error, |database| {
        let out = Out::required("watcher", watcher)?;
        let watching = database.database.watch();
        out.give(hw_change_watcher { root: database.root.clone(), wait: Waitable::new(watching.wait()?) });
        Ok(())
    })
}

/// Takes up to `max` changes (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one: 0 does not
/// wait, -1 waits for ever. `*changes` has a row for each, with the columns `table`, `kind` ("insert", "update" or
/// "delete"), `node` (in whose name the write is, 16 hex digits), `stamp` (the hybrid time of the write), `time_ms`
/// (when that was, milliseconds since the epoch), and from column 5 on the values of the row's key, NULL behind them.
///
/// Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED,
///            HW_STATUS_NOT_FOUND (it was detached).
/// Ownership: `*changes` is yours, free with hw_answer_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_change_watcher_next(
    watcher: Option<&hw_change_watcher>,
    max: usize,
    timeout_ms: i64,
    changes: *mut *mut hw_answer,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::next(watcher, max, timeout_ms, Out::required("changes", changes), error, |changes| {
        hw_answer(changes_answer(changes))
    })
}

/// How many changes this watcher was too slow for: the last 4,096, of at most 4 MiB, are kept.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_change_watcher_missed(
    watcher: Option<&hw_change_watcher>,
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
pub extern "C" fn hw_change_watcher_wake(
    watcher: Option<&hw_change_watcher>,
    waker: Option<&hw_waker>,
    token: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::wake(watcher, waker, token, error)
}

/// Cancels the waits of all threads that are in hw_change_watcher_next now: they return HW_STATUS_TIMEOUT. It stays
/// open.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_change_watcher_cancel(
    watcher: Option<&hw_change_watcher>,
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
pub extern "C" fn hw_change_watcher_close(watcher: Option<&hw_change_watcher>, error: *mut *mut hw_error) -> hw_status {
    on(watcher, error, |watcher| {
        watcher.wait.queue.close();
        Ok(())
    })
}

/// Frees it; NULL is nothing. No other thread may be using it.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_change_watcher_free(watcher: Option<Box<hw_change_watcher>>) {
    release_handle(watcher);
}
