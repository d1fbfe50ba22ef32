//! What an event store knows of its projections, and the events that they gave up.

use std::ffi::c_char;

use crate::bytes::hw_blob;
use crate::database_status::json;
use crate::error::hw_error;
use crate::event_store::hw_event_store;
use crate::events::hw_events;
use crate::guard::on;
use crate::raw::{self, Out};
use crate::read::or_default;
use crate::status::hw_status;

/// All projections that were opened, by name. `*projections` gets a list in JSON, each with `name`, `is_rebuild`,
/// `position`, `lag` (how many events, of any aggregate, the store has behind that; 0 if none of them is for it),
/// `is_running`, `failing` (null, or `seq`, `tries` and `error`), `dead` (how many of its events are dead letters),
/// `updated` (RFC 3339) and `filters` (each with `aggregate` and `key` where it has them).
///
/// Errors:    HW_STATUS_IO.
/// Ownership: `*projections` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_store_projections(
    store: Option<&hw_event_store>,
    projections: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let out = Out::required("projections", projections)?;
        out.give(json(&store.store.projections().wait()?)?);
        Ok(())
    })
}

/// Forgets a projection, its rebuild and its dead letters; whoever runs it is refused from then on.
///
/// Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_IO.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_store_delete_projection(
    store: Option<&hw_event_store>,
    name: *const c_char,
    name_len: usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| store.store.delete_projection(raw::text("name", name, name_len)?).wait())
}

/// Dead letters of a projection whose events lie behind sequence `after`, at most `max` of them (0 is 1,000).
/// `*letters` gets a list in JSON, each with `seq`, `tries`, `error` and `time` (RFC 3339).
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_IO.
/// Ownership: `*letters` is yours, free with hw_blob_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_store_dead_letters(
    store: Option<&hw_event_store>,
    projection: *const c_char,
    projection_len: usize,
    after: u64,
    max: usize,
    letters: *mut *mut hw_blob,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let projection = raw::text("projection", projection, projection_len)?;
        let out = Out::required("letters", letters)?;
        out.give(json(&store.store.dead_letters(projection, after, or_default(max)).wait()?)?);
        Ok(())
    })
}

/// Removes the dead letter of the event at `seq`, say as it was taken in after all. `*was_there`, when not NULL, says
/// whether there was one.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_IO.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_store_delete_dead_letter(
    store: Option<&hw_event_store>,
    projection: *const c_char,
    projection_len: usize,
    seq: u64,
    was_there: *mut u8,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let projection = raw::text("projection", projection, projection_len)?;
        let removed = store.store.delete_dead_letter(projection, seq).wait()?;
        if let Some(out) = Out::optional(was_there) {
            out.set(u8::from(removed));
        }
        Ok(())
    })
}

/// The event at a sequence of the store, alone in a list, which is empty where there is none.
///
/// Errors:    HW_STATUS_CORRUPT (a record that is no event), HW_STATUS_IO.
/// Ownership: `*events` is yours, free with hw_events_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_store_event_at(
    store: Option<&hw_event_store>,
    seq: u64,
    events: *mut *mut hw_events,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let out = Out::required("events", events)?;
        out.give(hw_events::of_feed(store.store.event_at(seq).wait()?));
        Ok(())
    })
}
