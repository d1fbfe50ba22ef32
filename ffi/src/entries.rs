//! Revisions of keys, as they come out of a bucket or a watcher.

use headwater::{Entry, Operation};

use crate::bytes::{hw_bytes, hw_str, past_end};
use crate::error::{hw_error, missing};
use crate::guard::{free_standing, release};
use crate::raw::{OutStruct, versioned};
use crate::status::hw_status;

/// What happened to a key.
#[repr(i32)]
pub enum hw_operation {
    /// It got a value.
    Put = 0,
    /// It was deleted; its history stays.
    Delete = 1,
    /// It was deleted with its history.
    Purge = 2,
}

/// One revision of a key.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_entry {
    /// sizeof(hw_entry), set by the caller.
    pub struct_size: usize,
    /// The key.
    pub key: hw_str,
    /// The value; empty when deleted.
    pub value: hw_bytes,
    /// The stream's sequence.
    pub revision: u64,
    /// When, in nanoseconds since the epoch.
    pub time: u64,
    /// An hw_operation.
    pub operation: i32,
}

versioned!(hw_entry);

/// Revisions of keys. Immutable.
pub struct hw_entries(pub(crate) Vec<Entry>);

/// How many revisions there are; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entries_len(entries: Option<&hw_entries>) -> usize {
    entries.map_or(0, |e| e.0.len())
}

/// The revision at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end, or `entry->struct_size` is not set).
/// Ownership: key and value are borrowed until the list is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entries_get(
    entries: Option<&hw_entries>,
    index: usize,
    entry: *mut hw_entry,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let entries = &entries.ok_or_else(|| missing("entries"))?.0;
        let out = OutStruct::required("entry", entry)?;
        let entry = entries.get(index).ok_or_else(|| past_end("entries", index, entries.len()))?;
        let operation = match entry.operation {
            Operation::Put => hw_operation::Put,
            Operation::Delete => hw_operation::Delete,
            Operation::Purge => hw_operation::Purge,
        };
        out.set(hw_entry {
            struct_size: 0,
            key: hw_str::of(&entry.key),
            value: hw_bytes::of(&entry.value),
            revision: entry.revision,
            time: entry.time,
            operation: operation as i32,
        });
        Ok(())
    })
}

/// Frees a list of revisions; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_entries_free(entries: Option<Box<hw_entries>>) {
    release(entries);
}
