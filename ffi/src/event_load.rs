//! Loading an aggregate, now or as it was, and its snapshot.

use std::ffi::c_char;

use headwater::Result;
use headwater::events::{AsOf, LoadOptions, Position};

use crate::error::{hw_error, invalid};
use crate::event_store::{Id, hw_event_store};
use crate::events::hw_events;
use crate::guard::on;
use crate::raw::{self, Out, versioned};
use crate::status::hw_status;

/// Up to where events are loaded.
#[repr(i32)]
pub enum hw_as_of {
    /// All that there are.
    Now = 0,
    /// The version `as_of_value`, which has to be there; 0 is before the first event.
    Version = 1,
    /// The last event at or before sequence `as_of_value` of the store.
    Seq = 2,
    /// The last event that was saved at or before time `as_of_value`, in nanoseconds since the epoch.
    Time = 3,
}

/// What a load is told. Zero is the default of every field.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_load_options {
    /// sizeof(hw_load_options)
    pub struct_size: usize,
    /// What `as_of` speaks of.
    pub as_of_value: u64,
    /// Begins behind this version and `behind_seq`, whose state you have; no snapshot is looked for then.
    pub behind_version: u64,
    /// The sequence of `behind_version`.
    pub behind_seq: u64,
    /// Begins with a snapshot of this schema, if there is one; with the first event, when 0.
    pub snapshot_schema: u32,
    /// An hw_as_of.
    pub as_of: i32,
}

versioned!(hw_load_options);

fn options(from: &hw_load_options) -> Result<LoadOptions> {
    let value = from.as_of_value;
    let as_of = match from.as_of {
        0 if value == 0 => AsOf::Now,
        0 => return Err(invalid("as_of_value is set, and as_of is HW_AS_OF_NOW")),
        1 => AsOf::Version(value),
        2 => AsOf::Seq(value),
        3 => AsOf::Time(value),
        n => return Err(invalid(format!("as_of is {n}, which is no hw_as_of"))),
    };
    let behind = Position { version: from.behind_version, seq: from.behind_seq };
    Ok(LoadOptions { as_of, snapshot_schema: from.snapshot_schema, behind })
}

/// Loads an aggregate: a snapshot of the schema that was asked for, if there is one, and the events behind it. One that
/// has no event is loaded as version 0. `options` may be NULL.
///
/// Errors:    HW_STATUS_NOT_FOUND (a version that it has not reached, or what it is to begin behind), HW_STATUS_CORRUPT
///            (events that are missing, a record that is none), HW_STATUS_INVALID, HW_STATUS_IO.
/// Ownership: inputs are borrowed for the call; `*events` is yours, free with hw_events_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_store_load(
    store: Option<&hw_event_store>,
    aggregate: *const c_char,
    aggregate_len: usize,
    key: *const c_char,
    key_len: usize,
    options: *const hw_load_options,
    events: *mut *mut hw_events,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let id = Id(aggregate, aggregate_len, key, key_len).id()?;
        let options = self::options(&raw::options(options)?)?;
        let out = Out::required("events", events)?;
        out.give(hw_events::loaded(id, store.store.load(id, &options).wait()?));
        Ok(())
    })
}

/// The snapshot of an aggregate, if there is one that can be read: `*events` has it without an event, or is empty.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_IO.
/// Ownership: `*events` is yours, free with hw_events_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_store_snapshot(
    store: Option<&hw_event_store>,
    aggregate: *const c_char,
    aggregate_len: usize,
    key: *const c_char,
    key_len: usize,
    events: *mut *mut hw_events,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let id = Id(aggregate, aggregate_len, key, key_len).id()?;
        let out = Out::required("events", events)?;
        out.give(hw_events::snapshot(id, store.store.snapshot(id).wait()?));
        Ok(())
    })
}
