//! Who is there: users, all of a space, and how many.

use std::ffi::c_char;

use headwater::presence::{Counts, Presence};
use serde_json::{Map, Value};

use crate::bytes::{hw_blob, hw_str};
use crate::database::within;
use crate::error::hw_error;
use crate::guard::on;
use crate::presence::{ask, hw_presence};
use crate::raw::{self, OutStruct, versioned};
use crate::status::hw_status;

/// How many are in a space, as others are told.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_space_counts {
    /// sizeof(hw_space_counts), set by the caller.
    pub struct_size: usize,
    /// Users who are not offline.
    pub users: u64,
    /// Their sessions.
    pub sessions: u64,
    /// Users who are online.
    pub online: u64,
    /// Users who are away.
    pub away: u64,
    /// Users who are busy.
    pub busy: u64,
    /// Users of whom nothing is heard, as their node is not.
    pub unknown: u64,
}

impl From<Counts> for hw_space_counts {
    fn from(from: Counts) -> Self {
        let Counts { users, sessions, online, away, busy, unknown } = from;
        hw_space_counts { struct_size: 0, users, sessions, online, away, busy, unknown }
    }
}

versioned!(hw_space_counts);

/// A user as it is. `*view` gets one object in JSON: `user_id`, `space`, `status` ("online", "away", "busy", "unknown"
/// or "offline"), `message`, `last_seen` and `updated_at` (RFC 3339), `chosen` and `invisible` where they hold, and
/// `sessions`, each with `session`, `status`, `message`, `device`, `metadata`, `since`, and `ttl` in seconds or `held`.
/// What is not there is left out; a user of whom nothing is known is offline. Who may not know of one who is
/// `invisible` is to be told that it is offline. Waits at most `timeout_ms` milliseconds, where it is asked through a
/// node; -1 waits for ever.
///
/// Errors:    HW_STATUS_INVALID (a name that cannot be), HW_STATUS_TIMEOUT, HW_STATUS_CLOSED.
/// Ownership: inputs are borrowed for the call; `*view` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_get(
    presence: Option<&hw_presence>,
    space: *const c_char,
    space_len: usize,
    user: *const c_char,
    user_len: usize,
    timeout_ms: i64,
    view: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    let question = |presence: &Presence| {
        Ok(presence.get(raw::text("space", space, space_len)?, raw::text("user", user, user_len)?))
    };
    ask(presence, timeout_ms, ("view", view), error, question, |user| user.to_json())
}

/// Users by name, 1,000 at the most. `*reading` gets one object in JSON: `users`, in the order of the question, each
/// as hw_presence_get has it, `stale`, and `as_of`: since when other nodes cannot be heard where it is stale, and now
/// where not.
///
/// Errors:    as hw_presence_get.
/// Ownership: inputs are borrowed for the call; `*reading` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_get_many(
    presence: Option<&hw_presence>,
    space: *const c_char,
    space_len: usize,
    users: *const hw_str,
    users_len: usize,
    timeout_ms: i64,
    reading: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    let question = |presence: &Presence| {
        let users = raw::texts("users", users, users_len)?;
        Ok(presence.get_many(raw::text("space", space, space_len)?, &users))
    };
    ask(presence, timeout_ms, ("reading", reading), error, question, |reading| reading.to_json())
}

/// All of a space who are not offline for others, by name: `*reading` is as of hw_presence_get_many.
///
/// Errors:    as hw_presence_get.
/// Ownership: inputs are borrowed for the call; `*reading` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_list(
    presence: Option<&hw_presence>,
    space: *const c_char,
    space_len: usize,
    timeout_ms: i64,
    reading: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    let question = |presence: &Presence| Ok(presence.list(raw::text("space", space, space_len)?));
    ask(presence, timeout_ms, ("reading", reading), error, question, |reading| reading.to_json())
}

/// How many are in a space: kept, and not counted.
///
/// Errors:    as hw_presence_get.
/// Ownership: inputs are borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_counts(
    presence: Option<&hw_presence>,
    space: *const c_char,
    space_len: usize,
    timeout_ms: i64,
    counts: *mut hw_space_counts,
    error: *mut *mut hw_error,
) -> hw_status {
    on(presence, error, |presence| {
        let space = raw::text("space", space, space_len)?;
        let out = OutStruct::required("counts", counts)?;
        out.set(within(timeout_ms, presence.presence.counts(space))?.into());
        Ok(())
    })
}

/// All spaces that were heard of. `*spaces` gets one object in JSON: by name, with `users`, `sessions`, `online`,
/// `away`, `busy` and `unknown` of each.
///
/// Errors:    HW_STATUS_TIMEOUT, HW_STATUS_CLOSED.
/// Ownership: `*spaces` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_spaces(
    presence: Option<&hw_presence>,
    timeout_ms: i64,
    spaces: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    let told = |spaces: Vec<(String, Counts)>| {
        Value::Object(spaces.into_iter().map(|(space, counts)| (space, counts.to_json())).collect::<Map<_, _>>())
    };
    ask(presence, timeout_ms, ("spaces", spaces), error, |presence| Ok(presence.spaces()), told)
}
