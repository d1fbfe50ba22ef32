//! Sessions of a presence store that are leased: set, kept alive by signs of life, and ended; and what a user chooses
//! for all sessions.

use std::ffi::c_char;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use headwater::presence::{Presence, SessionSet, Status, UserView};
use headwater::{Pending, Result};

use crate::bytes::{hw_blob, hw_str};
use crate::database::within;
use crate::error::hw_error;
use crate::guard::on;
use crate::presence::{blob, hw_presence};
use crate::raw::{self, Out, OutStruct, versioned};
use crate::status::hw_status;
use crate::stream_config::duration_or;

/// What a session is to be. It is set as a whole: what is left out is not there.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_session_set {
    /// sizeof(hw_session_set)
    pub struct_size: usize,
    /// Its name, up to 128 bytes; `default` when empty. The name of a held one does not change.
    pub session: hw_str,
    /// `online`, `away`, `busy`, or `offline`, which ends it; `online` when empty.
    pub status: hw_str,
    /// What it says besides, up to 1,024 bytes; nothing when empty.
    pub message: hw_str,
    /// The kind of device, up to 64 bytes; none when empty.
    pub device: hw_str,
    /// Metadata, a JSON value of up to 4,096 bytes; none when empty.
    pub metadata: hw_str,
    /// How long a leased one lives after a sign of life, 1 s to 24 h; the store's own when 0.
    pub ttl_ns: u64,
    /// After how long without activity online is away; the store's own when 0, HW_DURATION_NONE never.
    pub idle_ns: u64,
}

/// How long a leased session lives unless it is heard of.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_presence_lease {
    /// sizeof(hw_presence_lease), set by the caller.
    pub struct_size: usize,
    /// When it ends, milliseconds since the epoch.
    pub expires_ms: u64,
    /// How long each sign of life lets it live, milliseconds.
    pub ttl_ms: u64,
}

versioned!(hw_session_set, hw_presence_lease);

fn status(name: &hw_str, what: &str) -> Result<Option<Status>> {
    name.some(what)?.map(Status::from_str).transpose()
}

pub(crate) fn session_set(from: *const hw_session_set) -> Result<SessionSet> {
    let from = raw::options(from)?;
    let default = SessionSet::default();
    let some = |text: &hw_str, what| Ok(text.some(what)?.map(str::to_owned));
    let duration = |nanos: u64| (nanos != 0).then(|| duration_or(nanos, Duration::ZERO));
    Ok(SessionSet {
        session: some(&from.session, "session")?.unwrap_or(default.session),
        status: status(&from.status, "status")?.unwrap_or(default.status),
        message: some(&from.message, "message")?,
        device: some(&from.device, "device")?,
        meta: some(&from.metadata, "metadata")?,
        ttl: duration(from.ttl_ns),
        idle: duration(from.idle_ns),
    })
}

/// The space and the user of a call.
struct Who {
    space: (*const c_char, usize),
    user: (*const c_char, usize),
}

/// Changes something of a user, and gives what it is then, if that is asked for.
fn change(
    presence: Option<&hw_presence>,
    who: &Who,
    (timeout_ms, view): (i64, *mut *mut hw_blob),
    error: *mut *mut hw_error,
    act: impl FnOnce(&Presence, &str, &str) -> Result<Pending<Arc<UserView>>>,
) -> hw_status {
    on(presence, error, |presence| {
        let space = raw::text("space", who.space.0, who.space.1)?;
        let user = raw::text("user", who.user.0, who.user.1)?;
        let done = within(timeout_ms, act(&presence.presence, space, user)?)?;
        if let Some(out) = Out::optional(view) {
            out.give(blob(&done.to_json()));
        }
        Ok(())
    })
}

/// Sets a leased session: it lives until its time to live has passed without a sign of life. Setting it is one, also to
/// what it is already. `view`, when not NULL, gets what the user is then, as hw_presence_get has it. Waits at most
/// `timeout_ms` milliseconds until the store's durability is reached; -1 waits for ever.
///
/// Errors:    HW_STATUS_INVALID (what is beyond its bounds), HW_STATUS_LIMIT (it would be the 65th session of the user
///            at this node), HW_STATUS_TIMEOUT (it is done all the same), HW_STATUS_CLOSED, HW_STATUS_IO.
/// Ownership: inputs are borrowed for the call, and `set` may be NULL; `*view` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_set(
    presence: Option<&hw_presence>,
    space: *const c_char,
    space_len: usize,
    user: *const c_char,
    user_len: usize,
    set: *const hw_session_set,
    timeout_ms: i64,
    view: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    let who = Who { space: (space, space_len), user: (user, user_len) };
    change(presence, &who, (timeout_ms, view), error, |presence, space, user| {
        Ok(presence.set(space, user, session_set(set)?))
    })
}

/// A sign of life of a leased session; `active` not 0 says that somebody did something there. `lease`, when not NULL,
/// gets until when it lives then.
///
/// Errors:    HW_STATUS_NOT_FOUND (this node does not answer for it, or not any more: set it), else as hw_presence_set.
/// Ownership: inputs are borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_heartbeat(
    presence: Option<&hw_presence>,
    space: *const c_char,
    space_len: usize,
    user: *const c_char,
    user_len: usize,
    session: *const c_char,
    session_len: usize,
    active: u8,
    timeout_ms: i64,
    lease: *mut hw_presence_lease,
    error: *mut *mut hw_error,
) -> hw_status {
    on(presence, error, |presence| {
        let (space, user) = (raw::text("space", space, space_len)?, raw::text("user", user, user_len)?);
        let session = raw::text("session", session, session_len)?;
        let out = OutStruct::optional(lease)?;
        let done = within(timeout_ms, presence.presence.heartbeat(space, user, session, active != 0))?;
        if let Some(out) = out {
            out.set(hw_presence_lease { struct_size: 0, expires_ms: done.expires_ms, ttl_ms: done.ttl_ms });
        }
        Ok(())
    })
}

/// Ends a session, whichever node answers for it; one that is not there is nothing. `view` as of hw_presence_set.
///
/// Errors:    as hw_presence_set.
/// Ownership: inputs are borrowed for the call; `*view` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_leave(
    presence: Option<&hw_presence>,
    space: *const c_char,
    space_len: usize,
    user: *const c_char,
    user_len: usize,
    session: *const c_char,
    session_len: usize,
    timeout_ms: i64,
    view: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    let who = Who { space: (space, space_len), user: (user, user_len) };
    change(presence, &who, (timeout_ms, view), error, |presence, space, user| {
        Ok(presence.leave(space, user, raw::text("session", session, session_len)?))
    })
}

/// Chooses a status (`online`, `away` or `busy`) for a user who is there, whatever the sessions say, for
/// `how_long_ns` nanoseconds or, when that is 0, until it is changed; the empty text is what the sessions say. `view`
/// as of hw_presence_set.
///
/// Errors:    as hw_presence_set.
/// Ownership: inputs are borrowed for the call; `*view` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_choose(
    presence: Option<&hw_presence>,
    space: *const c_char,
    space_len: usize,
    user: *const c_char,
    user_len: usize,
    status: *const c_char,
    status_len: usize,
    how_long_ns: u64,
    timeout_ms: i64,
    view: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    let who = Who { space: (space, space_len), user: (user, user_len) };
    change(presence, &who, (timeout_ms, view), error, |presence, space, user| {
        let status = self::status(&hw_str { data: status, len: status_len }, "status")?;
        let how_long = (how_long_ns != 0).then(|| Duration::from_nanos(how_long_ns));
        Ok(presence.choose(space, user, status, how_long))
    })
}

/// Hides a user, who is offline for others then, or, with `hidden` 0, shows it again. `view` as of hw_presence_set.
///
/// Errors:    as hw_presence_set.
/// Ownership: inputs are borrowed for the call; `*view` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_hide(
    presence: Option<&hw_presence>,
    space: *const c_char,
    space_len: usize,
    user: *const c_char,
    user_len: usize,
    hidden: u8,
    timeout_ms: i64,
    view: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    let who = Who { space: (space, space_len), user: (user, user_len) };
    change(presence, &who, (timeout_ms, view), error, |presence, space, user| {
        Ok(presence.hide(space, user, hidden != 0))
    })
}
