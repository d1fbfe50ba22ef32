//! A watcher of a presence store: who is there, then what changes, as a queue that the caller pulls.

use std::sync::Arc;

use headwater::presence::{PresenceWatcher, WatchEvent, WatchOptions};
use serde_json::Value;

use crate::bytes::{hw_blob, hw_str};
use crate::error::hw_error;
use crate::gate::Waitable;
use crate::guard::{Root, on, release_handle};
use crate::presence::{blob, hw_presence};
use crate::queue::{self, queue_handle};
use crate::raw::{self, Out, versioned};
use crate::status::hw_status;
use crate::waker::hw_waker;

/// Whom to follow.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_presence_watch_options {
    /// sizeof(hw_presence_watch_options)
    pub struct_size: usize,
    /// The space.
    pub space: hw_str,
    /// The users, 1,000 at the most; all of the space when there is none.
    pub users: *const hw_str,
    /// How many.
    pub users_len: usize,
    /// With `has_after`: go on behind this position, which an event of the same opening of the store had. Where that is
    /// too long ago, or of another opening, it begins with who is there.
    pub after: u64,
    /// Not 0: `after` is set.
    pub has_after: u8,
    /// Not 0: tell of those who are invisible as they are, for who may know.
    pub reveal: u8,
}

versioned!(hw_presence_watch_options);

/// Follows users of a presence store. `const`: safe from many threads at once; each event goes to one.
pub struct hw_presence_watcher {
    pub(crate) root: Arc<Root>,
    wait: Waitable<PresenceWatcher>,
}

queue_handle!(hw_presence_watcher, "presence watcher", PresenceWatcher, Vec<WatchEvent>);

/// Follows users: who is there, then what changes. One who leaves more than 1,024 events unread is told anew who is
/// there, and slows nobody.
///
/// Errors:    HW_STATUS_INVALID (a name that cannot be, too many users), HW_STATUS_CLOSED.
/// Ownership: `options` is borrowed for the call; `*watcher` is yours, free with hw_presence_watcher_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_watch(
    presence: Option<&hw_presence>,
    options: *const hw_presence_watch_options,
    watcher: *mut *mut hw_presence_watcher,
    error: *mut *mut hw_error,
) -> hw_status {
    on(presence, error, |presence| {
        let from = raw::required("options", options)?;
        let options = WatchOptions {
            space: from.space.owned("space")?,
            users: raw::strings("users", from.users, from.users_len)?,
            after: (from.has_after != 0).then_some(from.after),
            reveal: from.reveal != 0,
        };
        let out = Out::required("watcher", watcher)?;
        let watching = presence.presence.watch(options)?;
        out.give(hw_presence_watcher { root: presence.root.clone(), wait: Waitable::new(watching) });
        Ok(())
    })
}

/// Takes up to `max` events (0 is 1,000), and waits at most `timeout_ms` milliseconds for the first one: 0 does not
/// wait, -1 waits for ever. `*events` gets a list in JSON, each an object with `type`:
///
/// - "snapshot": `position` and `users`, each as hw_presence_get has it; by name also who is not there. It comes first,
///   and again where nobody took what changed.
/// - "joined", "updated" or "left": `position`, `session` where it is about one, `was` (the status of the user before)
///   and `user`.
/// - "counts": `counts`, as hw_presence_spaces has them, in the place of changes while the space is too large for
///   those.
/// - "view": `stale` and `as_of`, when other nodes cannot be heard any more, or can again.
///
/// Errors:    HW_STATUS_TIMEOUT (nothing came, or the wait was cancelled; try again), HW_STATUS_CLOSED.
/// Ownership: `*events` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_watcher_next(
    watcher: Option<&hw_presence_watcher>,
    max: usize,
    timeout_ms: i64,
    events: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    let list = |events: Vec<WatchEvent>| blob(&Value::Array(events.iter().map(WatchEvent::to_json).collect()));
    queue::next(watcher, max, timeout_ms, Out::required("events", events), error, list)
}

/// Arms once: when there is an event to take, or it is closed, `token` goes to the waker's list.
///
/// Errors:    HW_STATUS_INVALID.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_watcher_wake(
    watcher: Option<&hw_presence_watcher>,
    waker: Option<&hw_waker>,
    token: u64,
    error: *mut *mut hw_error,
) -> hw_status {
    queue::wake(watcher, waker, token, error)
}

/// Cancels the waits of all threads that are in hw_presence_watcher_next now: they return HW_STATUS_TIMEOUT. It stays
/// open.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_watcher_cancel(
    watcher: Option<&hw_presence_watcher>,
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
pub extern "C" fn hw_presence_watcher_close(
    watcher: Option<&hw_presence_watcher>,
    error: *mut *mut hw_error,
) -> hw_status {
    on(watcher, error, |watcher| {
        watcher.wait.queue.close();
        Ok(())
    })
}

/// Frees it; NULL is nothing. No other thread may be using it.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_watcher_free(watcher: Option<Box<hw_presence_watcher>>) {
    release_handle(watcher);
}
