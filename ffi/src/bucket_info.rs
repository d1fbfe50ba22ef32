//! What a bucket holds: descriptions that own what their C structs point to.

use headwater::BucketStatus;

use crate::bucket::{hw_bucket, hw_bucket_config};
use crate::bytes::{hw_str, past_end};
use crate::error::{hw_error, missing};
use crate::guard::{free_standing, on, release};
use crate::raw::{Out, OutStruct, versioned};
use crate::status::hw_status;
use crate::stream_config::{durability_number, nanos};

/// What a bucket holds.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_bucket_state {
    /// sizeof(hw_bucket_state), set by the caller.
    pub struct_size: usize,
    /// Its configuration, complete.
    pub config: *const hw_bucket_config,
    /// Revisions kept, delete markers included.
    pub values: u64,
    /// Bytes kept.
    pub bytes: u64,
}

versioned!(hw_bucket_state);

/// Descriptions of buckets. Immutable.
pub struct hw_bucket_infos(Vec<Described>);

/// One description, with the view that the C struct points to.
struct Described {
    status: BucketStatus,
    config: Box<hw_bucket_config>,
}

impl Described {
    fn new(status: BucketStatus) -> Self {
        let from = &status.config;
        let config = Box::new(hw_bucket_config {
            struct_size: size_of::<hw_bucket_config>(),
            bucket: hw_str::of(&from.bucket),
            description: hw_str::of(&from.description),
            ttl_ns: nanos(from.ttl),
            max_bytes: from.max_bytes,
            history: from.history,
            max_value_size: from.max_value_size,
            durability: durability_number(from.durability),
        });
        Described { status, config }
    }

    fn state(&self) -> hw_bucket_state {
        hw_bucket_state {
            struct_size: 0,
            config: &raw const *self.config,
            values: self.status.values,
            bytes: self.status.bytes,
        }
    }
}

/// Describes it: a list of one.
///
/// Ownership: `*infos` is yours, free with hw_bucket_infos_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_status(
    bucket: Option<&hw_bucket>,
    infos: *mut *mut hw_bucket_infos,
    error: *mut *mut hw_error,
) -> hw_status {
    on(bucket, error, |bucket| {
        let out = Out::required("infos", infos)?;
        out.give(hw_bucket_infos(vec![Described::new(bucket.bucket.status().wait()?)]));
        Ok(())
    })
}

/// How many buckets are described; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_infos_len(infos: Option<&hw_bucket_infos>) -> usize {
    infos.map_or(0, |i| i.0.len())
}

/// The description at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end, or `state->struct_size` is not set).
/// Ownership: what `state` points to is borrowed until the list is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_infos_get(
    infos: Option<&hw_bucket_infos>,
    index: usize,
    state: *mut hw_bucket_state,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let infos = &infos.ok_or_else(|| missing("infos"))?.0;
        let out = OutStruct::required("state", state)?;
        out.set(infos.get(index).ok_or_else(|| past_end("infos", index, infos.len()))?.state());
        Ok(())
    })
}

/// Frees a list of descriptions; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_bucket_infos_free(infos: Option<Box<hw_bucket_infos>>) {
    release(infos);
}
