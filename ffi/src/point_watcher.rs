//! A point watcher: a live query, as a queue that the caller pulls.

use std::ffi::c_char;
use std::sync::Arc;

use headwater::points::{Point, PointWatcher};

use crate::bytes::hw_str;
use crate::error::hw_error;
use crate::gate::Waitable;
use crate::guard::{Root, on, release_handle};
use crate::point::hw_point_list;
use crate::points::{hw_points, series_filter};
use crate::queue::{self, queue_handle};
use crate::raw::Out;
use crate::status::hw_status;
use crate::waker::hw_waker;

/// Follows points as they come. `const`: safe from many threads at once; each point goes to one.
pub struct hw_point_watcher {
    pub(crate) root: Arc<Root>,
    wait: Waitable<PointWatcher>,
}

queue_handle!(hw_point_watcher, "point watcher", PointWatcher, Vec<Point>);

/// Watches points: the winning point of each series that the filter takes first, then every new one. An empty
/// filter is all.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
/// Ownership: `*watcher` is yours, free with hw_point_watcher_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_points_watch(
    points: Option<&hw_points>,
    filter: *const c_char,
    filter_len: usize,
    watcher: *mut *mut hw_point_watcher,
    error: *mut *mut hw_error,
) -> hw_status {
    on(points, error, |points| {
        let filter = series_filter(&hw_str { data: filter, len: filter_len })?;
        let out = Out::required("watcher", watcher)?;
        let wait = Waitable::new(points.points.watch(filter)?);
        out.give(hw_point_watcher { root: points.root.clone(), wait });
        Ok(())
    })
}

/// Takes up to `max` points (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one: 0 does not
/// wait, -1 waits for ever.
///
/// Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED,
///            HW_STATUS_CORRUPT, HW_STATUS_IO.
/// Ownership: `*list` is yours, free with hw_point_list_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_point_watcher_next(
    watcher: Option<&hw_point_watcher>,
    max: usize,
    timeout_ms: i64,
    list: *mut *mut hw_point_list,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::next(watcher, max, timeout_ms, Out::required("list", list), error, hw_point_list)
}

/// How many records limits removed before this watcher came to read them: it fell that far behind. It counts from
/// the moment when it was made.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_point_watcher_missed(
    watcher: Option<&hw_point_watcher>,
    missed: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(watcher, error, |watcher| {
        Out::required("missed", missed)?.set(watcher.wait.queue.missed());
        Ok(())
    })
}

/// Arms once: when there is a point to take, or it is closed, `token` goes to the waker's list.
///
/// Errors:    HW_STATUS_INVALID.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_point_watcher_wake(
    watcher: Option<&hw_point_watcher>,
    waker: Option<&hw_waker>,
    token: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::wake(watcher, waker, token, error)
}

/// Cancels the waits of all threads that are in hw_point_watcher_next now: they return HW_STATUS_TIMEOUT. It stays
/// open.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_point_watcher_cancel(watcher: Option<&hw_point_watcher>, error: *mut *mut hw_error) -> hw_status {
    queue::cancel(watcher, error)
}

/// Ends it: waits and later calls return HW_STATUS_CLOSED. Closing twice is nothing. The handle must still be
/// freed.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_point_watcher_close(watcher: Option<&hw_point_watcher>, error: *mut *mut hw_error) -> hw_status {
    on(watcher, error, |watcher| {
        watcher.wait.queue.close();
        Ok(())
    })
}

/// Frees it; NULL is nothing. No other thread may be using it.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_point_watcher_free(watcher: Option<Box<hw_point_watcher>>) {
    release_handle(watcher);
}
