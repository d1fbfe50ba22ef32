//! Which aggregates an event store has, as a list of it shows them.

use headwater::events::AggregateInfo;

use crate::bytes::{hw_str, past_end};
use crate::error::{hw_error, missing};
use crate::guard::{free_standing, release};
use crate::raw::{OutStruct, versioned};
use crate::status::hw_status;

/// An aggregate, and where it stands.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_aggregate_info {
    /// sizeof(hw_aggregate_info), set by the caller.
    pub struct_size: usize,
    /// The name of its kind.
    pub aggregate: hw_str,
    /// Which one it is.
    pub key: hw_str,
    /// The type of its last event.
    pub event_type: hw_str,
    /// How many events it has had.
    pub version: u64,
    /// The sequence of the last one in the store.
    pub seq: u64,
    /// When that was saved, in nanoseconds since the epoch.
    pub saved: u64,
}

versioned!(hw_aggregate_info);

/// Aggregates of a store. Immutable.
pub struct hw_aggregates(pub(crate) Vec<AggregateInfo>);

/// How many there are; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_aggregates_len(aggregates: Option<&hw_aggregates>) -> usize {
    aggregates.map_or(0, |aggregates| aggregates.0.len())
}

/// The aggregate at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end, or `info->struct_size` is not set).
/// Ownership: texts are borrowed until the list is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_aggregates_get(
    aggregates: Option<&hw_aggregates>,
    index: usize,
    info: *mut hw_aggregate_info,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let aggregates = &aggregates.ok_or_else(|| missing("aggregates"))?.0;
        let out = OutStruct::required("info", info)?;
        let found = aggregates.get(index).ok_or_else(|| past_end("aggregates", index, aggregates.len()))?;
        out.set(hw_aggregate_info {
            struct_size: 0,
            aggregate: hw_str::of(&found.aggregate),
            key: hw_str::of(&found.key),
            event_type: hw_str::of(&found.event_type),
            version: found.position.version,
            seq: found.position.seq,
            saved: found.saved,
        });
        Ok(())
    })
}

/// Frees a list of aggregates; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_aggregates_free(aggregates: Option<Box<hw_aggregates>>) {
    release(aggregates);
}
