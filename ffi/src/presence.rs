//! A presence store: who is here. Opened, asked how it stands, told whom to forget, and ended.

use std::sync::Arc;

use headwater::presence::{Presence, PresenceStatus, Purge};
use headwater::{Pending, Result};
use serde_json::Value;

use crate::bytes::{hw_blob, hw_str, hw_strings};
use crate::database::within;
use crate::engine::hw_engine;
use crate::error::hw_error;
use crate::guard::{Guard, Handle, Root, on, release_handle};
use crate::presence_config::hw_presence_config;
use crate::raw::{self, Out, versioned};
use crate::status::hw_status;

/// Whose sessions are to be over: those that all fields that are set say.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_purge {
    /// sizeof(hw_purge)
    pub struct_size: usize,
    /// In this space only; in all when empty.
    pub space: hw_str,
    /// Of this user only; of all when empty.
    pub user: hw_str,
    /// Of those that this node answers for only; of all when empty.
    pub node: hw_str,
}

versioned!(hw_purge);

/// A presence store (docs/presence.md). `const`: safe from many threads at once.
pub struct hw_presence {
    pub(crate) root: Arc<Root>,
    pub(crate) presence: Presence,
}

impl Handle for hw_presence {
    const NOUN: &'static str = "presence";

    fn guard(&self) -> &Arc<Guard> {
        &self.root.guard
    }
}

/// What is told, in JSON.
pub(crate) fn blob(value: &Value) -> hw_blob {
    hw_blob(value.to_string().into_bytes())
}

/// Asks a store, and gives what it answers in JSON.
pub(crate) fn ask<T>(
    presence: Option<&hw_presence>,
    timeout_ms: i64,
    (what, place): (&str, *mut *mut hw_blob),
    error: *mut *mut hw_error,
    question: impl FnOnce(&Presence) -> Result<Pending<T>>,
    told: impl FnOnce(T) -> Value,
) -> hw_status {
    on(presence, error, |presence| {
        let out = Out::required(what, place)?;
        out.give(blob(&told(within(timeout_ms, question(&presence.presence)?)?)));
        Ok(())
    })
}

/// Opens a presence store, and makes its stream if it is not there; all handles of a process share one. It reads the
/// newest record of each user, and blocks until it has. The last handle to go, of the store, of its sessions and of its
/// watchers, ends it.
///
/// Errors:    HW_STATUS_INVALID (a configuration that cannot be; on a hub without `node`), HW_STATUS_CONFLICT (it is
///            open with another configuration), HW_STATUS_UNSUPPORTED (`engine` cannot be written to), HW_STATUS_IO.
/// Ownership: `config` is borrowed for the call, and may be NULL; `*presence` is yours, free with hw_presence_free.
/// Threads:   any. The store has a thread of its own.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_presence(
    engine: Option<&hw_engine>,
    config: *const hw_presence_config,
    presence: *mut *mut hw_presence,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let config = raw::options(config)?.config()?;
        let out = Out::required("presence", presence)?;
        let presence = engine.root.engine.presence(config)?;
        out.give(hw_presence { root: engine.root.clone(), presence });
        Ok(())
    })
}

/// The names of all presence stores, in order.
///
/// Ownership: `*names` is yours, free with hw_strings_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_presences(
    engine: Option<&hw_engine>,
    names: *mut *mut hw_strings,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let out = Out::required("names", names)?;
        out.give(hw_strings::plain(engine.root.engine.presences().wait()?));
        Ok(())
    })
}

/// Its name.
///
/// Ownership: `*name` is borrowed until the handle is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_name(
    presence: Option<&hw_presence>,
    name: *mut hw_str,
    error: *mut *mut hw_error,
) -> hw_status {
    on(presence, error, |presence| {
        Out::required("name", name)?.set(hw_str::of(presence.presence.name()));
        Ok(())
    })
}

/// Ends the sessions that are told of, whichever node answers for them: for those of a node that is gone for good, and
/// for people who look after others. `count`, when not NULL, gets how many.
///
/// Errors:    HW_STATUS_NOT_FOUND (no such node was heard of), HW_STATUS_TIMEOUT, HW_STATUS_CLOSED.
/// Ownership: `purge` is borrowed for the call; NULL is all sessions.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_purge(
    presence: Option<&hw_presence>,
    purge: *const hw_purge,
    timeout_ms: i64,
    count: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(presence, error, |presence| {
        let from = raw::options(purge)?;
        let some = |text: &hw_str, what| Ok(text.some(what)?.map(str::to_owned));
        let purge = Purge {
            space: some(&from.space, "space")?,
            user: some(&from.user, "user")?,
            node: some(&from.node, "node")?,
        };
        let ended = within(timeout_ms, presence.presence.purge(purge))?;
        if let Some(count) = Out::optional(count) {
            count.set(ended);
        }
        Ok(())
    })
}

/// How it stands. `*status` gets one object in JSON: `name`, `node`, `answered` (the sessions that this node answers
/// for), `stale`, `as_of`, `position`, `refused` (records of others that could not be read), `last_error` and `nodes`,
/// each with `name`, `state` ("up", "silent" or "closed") and `heard`; this one is the first.
///
/// Errors:    HW_STATUS_TIMEOUT, HW_STATUS_CLOSED.
/// Ownership: `*status` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_status(
    presence: Option<&hw_presence>,
    timeout_ms: i64,
    status: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    let told = |status: PresenceStatus| status.to_json();
    ask(presence, timeout_ms, ("status", status), error, |presence| Ok(presence.status()), told)
}

/// Ends it in good order, for all handles of this process: what it holds is over, and leased sessions have their
/// deadlines in the log. Later calls return HW_STATUS_CLOSED. Through a node it is nothing, as the store is the node's.
/// The handle must still be freed.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_close(presence: Option<&hw_presence>, error: *mut *mut hw_error) -> hw_status {
    on(presence, error, |presence| {
        presence.presence.close();
        Ok(())
    })
}

/// Frees the handle; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_presence_free(presence: Option<Box<hw_presence>>) {
    release_handle(presence);
}
