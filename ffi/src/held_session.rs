//! Sessions that live as long as their handle.

use std::ffi::c_char;
use std::sync::Arc;

use headwater::presence::HeldSession;

use crate::bytes::hw_blob;
use crate::database::within;
use crate::error::{hw_error, missing};
use crate::guard::{Guard, Handle, Root, on, release_handle};
use crate::presence::{blob, hw_presence};
use crate::presence_session::{hw_session_set, session_set};
use crate::raw::{self, Out};
use crate::status::hw_status;

/// A session that lives as long as this handle, and dies with the process at the latest. `const`: safe from many
/// threads at once.
pub struct hw_held_session {
    pub(crate) root: Arc<Root>,
    held: HeldSession,
}

impl Handle for hw_held_session {
    const NOUN: &'static str = "held session";

    fn guard(&self) -> &Arc<Guard> {
        &self.root.guard
    }
}

/// Begins a session that the handle keeps alive until it is left or freed. `ttl_ns` of `set` is not looked at.
///
/// Errors:    as hw_presence_set.
/// Ownership: inputs are borrowed for the call, and `set` may be NULL; `*held` is yours, free with
///            hw_held_session_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_hold(
    presence: Option<&hw_presence>,
    space: *const c_char,
    space_len: usize,
    user: *const c_char,
    user_len: usize,
    set: *const hw_session_set,
    held: *mut *mut hw_held_session,
    error: *mut *mut hw_error,
) -> hw_status {
    on(presence, error, |presence| {
        let (space, user) = (raw::text("space", space, space_len)?, raw::text("user", user, user_len)?);
        let set = session_set(set)?;
        let out = Out::required("held", held)?;
        let held = presence.presence.hold(space, user, set).wait()?;
        out.give(hw_held_session { root: presence.root.clone(), held });
        Ok(())
    })
}

/// Changes it to what `set` says, but for its name. `view` as of hw_presence_set.
///
/// Errors:    as hw_presence_set; it is as it was then.
/// Ownership: `set` is borrowed for the call; `*view` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_held_session_update(
    held: Option<&hw_held_session>,
    set: *const hw_session_set,
    timeout_ms: i64,
    view: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    on(held, error, |held| {
        if set.is_null() {
            return Err(missing("set"));
        }
        let set = session_set(set)?;
        let done = within(timeout_ms, held.held.update(|session| *session = set))?;
        if let Some(out) = Out::optional(view) {
            out.give(blob(&done.to_json()));
        }
        Ok(())
    })
}

/// Somebody did something there: one who is away for want of that is online again.
///
/// Errors:    HW_STATUS_NOT_FOUND (it was left or purged), HW_STATUS_CLOSED.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_held_session_active(held: Option<&hw_held_session>, error: *mut *mut hw_error) -> hw_status {
    on(held, error, |held| held.held.active().wait())
}

/// Ends it, as freeing it does, and says what went wrong. Ending it twice is nothing. The handle must still be freed.
///
/// Errors:    HW_STATUS_CLOSED, HW_STATUS_IO.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_held_session_leave(held: Option<&hw_held_session>, error: *mut *mut hw_error) -> hw_status {
    on(held, error, |held| held.held.leave().wait())
}

/// Frees the handle, which ends the session if it is not over; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_held_session_free(held: Option<Box<hw_held_session>>) {
    release_handle(held);
}
