//! A feed of a store's events: history, then live, as a queue that the caller pulls.

use std::sync::Arc;

use headwater::Result;
use headwater::events::{EventFeed, EventFilter, Events, FollowOptions};

use crate::error::hw_error;
use crate::event_store::{hw_event_filter, hw_event_store};
use crate::events::hw_events;
use crate::gate::Waitable;
use crate::guard::{Root, on, release_handle};
use crate::queue::{self, queue_handle};
use crate::raw::{self, Out, versioned};
use crate::status::hw_status;
use crate::waker::hw_waker;

/// What to follow. Zero is the default of every field: everything.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_follow_options {
    /// sizeof(hw_follow_options)
    pub struct_size: usize,
    /// Only events of aggregates that one of these takes; all when there is none.
    pub filters: *const hw_event_filter,
    /// How many.
    pub filters_len: usize,
    /// Only events behind this sequence of the store.
    pub after: u64,
}

versioned!(hw_follow_options);

/// A place in a store that moves as events are taken. `const`: safe from many threads; each event goes to one.
pub struct hw_event_feed {
    pub(crate) root: Arc<Root>,
    wait: Waitable<EventFeed>,
}

queue_handle!(hw_event_feed, "event feed", EventFeed, Events);

/// Follows the events of some aggregates: those that are there, then those that come, each once and in the order of the
/// store. `options` may be NULL.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
/// Ownership: `options` is borrowed for the call; `*feed` is yours, free with hw_event_feed_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_store_follow(
    store: Option<&hw_event_store>,
    options: *const hw_follow_options,
    feed: *mut *mut hw_event_feed,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let from = raw::options(options)?;
        let filters = raw::array("filters", from.filters, from.filters_len)?.iter().map(hw_event_filter::filter);
        let options = FollowOptions { filters: filters.collect::<Result<Vec<EventFilter>>>()?, after: from.after };
        let out = Out::required("feed", feed)?;
        let wait = Waitable::new(store.store.follow(&options).wait()?);
        out.give(hw_event_feed { root: store.root.clone(), wait });
        Ok(())
    })
}

/// Takes up to `max` events (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one: 0 does not
/// wait, -1 waits for ever.
///
/// Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED (closed here or
///            on another thread), HW_STATUS_IO.
/// Ownership: `*events` is yours, free with hw_events_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_feed_next(
    feed: Option<&hw_event_feed>,
    max: usize,
    timeout_ms: i64,
    events: *mut *mut hw_events,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::next(feed, max, timeout_ms, Out::required("events", events), error, hw_events::of_feed)
}

/// Arms once: when there is an event to take, or it is closed, `token` goes to the waker's list.
///
/// Errors:    HW_STATUS_INVALID.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_feed_wake(
    feed: Option<&hw_event_feed>,
    waker: Option<&hw_waker>,
    token: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::wake(feed, waker, token, error)
}

/// How many events, of any aggregate, the store has behind what was taken: 0 is live.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_feed_lag(
    feed: Option<&hw_event_feed>,
    lag: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(feed, error, |feed| {
        Out::required("lag", lag)?.set(feed.wait.queue.lag());
        Ok(())
    })
}

/// Cancels the waits of all threads that are in hw_event_feed_next now: they return HW_STATUS_TIMEOUT. It stays open.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_feed_cancel(feed: Option<&hw_event_feed>, error: *mut *mut hw_error) -> hw_status {
    queue::cancel(feed, error)
}

/// Ends it: waits and later calls return HW_STATUS_CLOSED. Closing twice is nothing. The handle must still be freed.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_feed_close(feed: Option<&hw_event_feed>, error: *mut *mut hw_error) -> hw_status {
    on(feed, error, |feed| {
        feed.wait.queue.close();
        Ok(())
    })
}

/// Frees it; NULL is nothing. No other thread may be using it.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_feed_free(feed: Option<Box<hw_event_feed>>) {
    release_handle(feed);
}
