//! What a replicated file and its nodes tell of themselves, and its snapshots: all in JSON, as docs/replica.md has it.

use std::ffi::c_char;

use headwater::{Error, ErrorKind, Pending, Result};
use serde::Serialize;

use crate::bytes::hw_blob;
use crate::database::{hw_database, within};
use crate::error::hw_error;
use crate::guard::on;
use crate::raw::{self, Out};
use crate::replicated::Database;
use crate::status::hw_status;

pub(crate) fn json(of: &impl Serialize) -> Result<hw_blob> {
    let bytes = serde_json::to_vec(of);
    bytes.map(hw_blob).map_err(|e| Error::new(ErrorKind::Internal, format!("the answer has no JSON: {e}")))
}

/// Asks a database, and gives what it answers.
fn ask<T: Serialize>(
    database: Option<&hw_database>,
    timeout_ms: i64,
    blob: (&str, *mut *mut hw_blob),
    error: *mut *mut hw_error,
    question: impl FnOnce(&Database) -> Result<Pending<T>>,
) -> hw_status {
    on(database, error, |database| {
        let out = Out::required(blob.0, blob.1)?;
        out.give(json(&within(timeout_ms, question(&database.database)?)?)?);
        Ok(())
    })
}

/// How it stands. `*status` gets one object in JSON: `name`, `path`, `node_id`, `node`, `state` ("stopped", "running",
/// "paused" or "failed"), `tables`, `refused` (each with `table` and `reason`), `left_out` (each `table.column`),
/// `pending`, `unsent`, `published`, `applied`, `changes`, `conflicts`, `parked`, `held`, `missing`, `lag_records`,
/// `lag_ms`, `idle_ms`, `job` (null, or `what`, `done` and `total`), `faults` and `last_error`. Waits at most
/// `timeout_ms` milliseconds; -1 waits for ever.
///
/// Errors:    HW_STATUS_TIMEOUT, HW_STATUS_NOT_FOUND (it was detached), HW_STATUS_CLOSED.
/// Ownership: `*status` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_database_status(
    database: Option<&hw_database>,
    timeout_ms: i64,
    status: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    ask(database, timeout_ms, ("status", status), error, |database| Ok(database.status()))
}

/// Compares this node with all others, which work on: those that have the same units must have the same rows. With
/// `repair` not 0, all nodes give the rows of what differs, join them, and are compared again. `*report` gets one
/// object in JSON: `nodes` (each with `node_id`, `compared`: "equal", "differs", "apart" or "silent", `differing`: how
/// many of 64 ranges of keys, by table, and `schema`: the tables that it has otherwise), `dangling` (by table, the rows
/// here whose parent is not there) and `repaired`. Waits at most `timeout_ms` milliseconds; -1 waits for ever, which is
/// some seconds where a node does not answer.
///
/// Errors:    HW_STATUS_TIMEOUT, HW_STATUS_NOT_FOUND (it was detached), HW_STATUS_CLOSED.
/// Ownership: `*report` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_database_check(
    database: Option<&hw_database>,
    repair: u8,
    timeout_ms: i64,
    report: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    ask(database, timeout_ms, ("report", report), error, |database| Ok(database.check(repair != 0)))
}

/// Who has which schema. `*schemas` gets a list in JSON, each with `table` and `forms`: the nodes, by SHA-256 of the
/// schema that they have; those that have no such table are under the empty text. Waits at most `timeout_ms`
/// milliseconds; -1 waits for ever.
///
/// Errors:    as hw_database_status.
/// Ownership: `*schemas` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_database_schema(
    database: Option<&hw_database>,
    timeout_ms: i64,
    schemas: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    ask(database, timeout_ms, ("schemas", schemas), error, |database| Ok(database.schema()))
}

/// Makes a snapshot where `snapshot_store` says, as `nats` does when it is empty; it is consistent, and writers go on
/// meanwhile. `*snapshot` gets one object in JSON: `id`, `node_id`, `created_ms` (milliseconds since the epoch),
/// `bytes` and `stored_bytes`. Waits at most `timeout_ms` milliseconds; -1 waits for ever. After a timeout it goes on
/// by itself.
///
/// Errors:    HW_STATUS_TIMEOUT, HW_STATUS_BUSY (another one is at work), HW_STATUS_UNSUPPORTED (there is no such kind
///            of store), HW_STATUS_NOT_FOUND (it was detached), HW_STATUS_CLOSED, HW_STATUS_LIMIT, HW_STATUS_IO.
/// Ownership: `*snapshot` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_database_snapshot(
    database: Option<&hw_database>,
    timeout_ms: i64,
    snapshot: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    ask(database, timeout_ms, ("snapshot", snapshot), error, |database| Ok(database.snapshot()))
}

/// The snapshots that there are, the newest first: `*snapshots` gets a list in JSON of what hw_database_snapshot gives
/// of one. Waits at most `timeout_ms` milliseconds; -1 waits for ever.
///
/// Errors:    as hw_database_snapshot.
/// Ownership: `*snapshots` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_database_snapshots(
    database: Option<&hw_database>,
    timeout_ms: i64,
    snapshots: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    ask(database, timeout_ms, ("snapshots", snapshots), error, |database| Ok(database.snapshots()))
}

/// Joins a snapshot with the file: the one of this `id`, or the newest when it is empty. What was written here is kept,
/// as far as nothing newer is in it, and the application goes on meanwhile. `*snapshot` gets which one it was, as
/// hw_database_snapshot has it. Waits at most `timeout_ms` milliseconds; -1 waits for ever. After a timeout it goes on
/// by itself.
///
/// Errors:    as hw_database_snapshot; HW_STATUS_NOT_FOUND (there is no such snapshot), HW_STATUS_CORRUPT (it is
///            damaged: nothing was joined).
/// Ownership: `id` is borrowed for the call; `*snapshot` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_database_restore(
    database: Option<&hw_database>,
    id: *const c_char,
    id_len: usize,
    timeout_ms: i64,
    snapshot: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    ask(database, timeout_ms, ("snapshot", snapshot), error, |database| {
        let id = raw::text("id", id, id_len)?;
        Ok(database.restore(Some(id).filter(|id| !id.is_empty())))
    })
}
