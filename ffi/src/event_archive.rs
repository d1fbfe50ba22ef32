//! Archiving the old events of an aggregate.

use std::ffi::c_char;

use crate::bytes::hw_strings;
use crate::error::hw_error;
use crate::event_store::{Id, hw_event_store};
use crate::guard::on;
use crate::raw::{Out, OutStruct, versioned};
use crate::status::hw_status;

/// What archiving came to.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_archived {
    /// sizeof(hw_archived), set by the caller.
    pub struct_size: usize,
    /// How many events left the store now.
    pub events: u64,
    /// The version of the last event that was moved, now or before; 0 when none was.
    pub up_to: u64,
}

versioned!(hw_archived);

/// Moves the events of an aggregate that lie before its snapshot into the archive of the store: those up to version
/// `up_to`, or all of them when 0. The event that the snapshot ends with stays, and so do those that a projection has
/// not taken in yet. Loads, projections and feeds that begin before them read them from there. A call that was cut
/// short is made again. `archived` may be NULL. `*held_back_by`, when not NULL, gets the name of the projection that
/// kept events where they are, or an empty list.
///
/// Errors:    HW_STATUS_NOT_FOUND (no snapshot), HW_STATUS_INVALID (a version that lies not before it),
///            HW_STATUS_CONFLICT (the archive is that of another history), HW_STATUS_CORRUPT, HW_STATUS_IO.
/// Ownership: inputs are borrowed for the call; `*held_back_by` is yours, free with hw_strings_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_store_archive(
    store: Option<&hw_event_store>,
    aggregate: *const c_char,
    aggregate_len: usize,
    key: *const c_char,
    key_len: usize,
    up_to: u64,
    archived: *mut hw_archived,
    held_back_by: *mut *mut hw_strings,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let id = Id(aggregate, aggregate_len, key, key_len).id()?;
        let (out, held_back_by) = (OutStruct::optional(archived)?, Out::optional(held_back_by));
        let archived = store.store.archive(id, up_to).wait()?;
        if let Some(out) = out {
            out.set(hw_archived { struct_size: 0, events: archived.events, up_to: archived.up_to });
        }
        if let Some(held_back_by) = held_back_by {
            held_back_by.give(hw_strings::plain(archived.held_back_by));
        }
        Ok(())
    })
}
