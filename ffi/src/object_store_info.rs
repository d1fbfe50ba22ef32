//! What an object store holds: descriptions that own what their C structs point to.

use headwater::{Compression, ObjectStatus};

use crate::bytes::{hw_str, past_end};
use crate::error::{hw_error, missing};
use crate::guard::{free_standing, on, release};
use crate::object_store::{hw_object_config, hw_object_store};
use crate::raw::{Out, OutStruct, versioned};
use crate::status::hw_status;
use crate::stream_config::{durability_number, nanos};

/// What an object store holds.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_object_store_state {
    /// sizeof(hw_object_store_state), set by the caller.
    pub struct_size: usize,
    /// Its configuration, complete.
    pub config: *const hw_object_config,
    /// Bytes kept: all chunks and the records about objects.
    pub bytes: u64,
}

versioned!(hw_object_store_state);

/// Descriptions of object stores. Immutable.
pub struct hw_object_store_infos(Vec<Described>);

/// One description, with the view that the C struct points to.
struct Described {
    status: ObjectStatus,
    config: Box<hw_object_config>,
}

impl Described {
    fn new(status: ObjectStatus) -> Self {
        let from = &status.config;
        let config = Box::new(hw_object_config {
            struct_size: size_of::<hw_object_config>(),
            bucket: hw_str::of(&from.bucket),
            description: hw_str::of(&from.description),
            ttl_ns: nanos(from.ttl),
            max_bytes: from.max_bytes,
            durability: durability_number(from.durability),
            compression: i32::from(from.compression == Compression::Zstd),
        });
        Described { status, config }
    }
}

/// Describes it: a list of one.
///
/// Ownership: `*infos` is yours, free with hw_object_store_infos_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_store_status(
    store: Option<&hw_object_store>,
    infos: *mut *mut hw_object_store_infos,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let out = Out::required("infos", infos)?;
        out.give(hw_object_store_infos(vec![Described::new(store.store.status().wait()?)]));
        Ok(())
    })
}

/// How many object stores are described; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_store_infos_len(infos: Option<&hw_object_store_infos>) -> usize {
    infos.map_or(0, |i| i.0.len())
}

/// The description at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end, or `state->struct_size` is not set).
/// Ownership: what `state` points to is borrowed until the list is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_store_infos_get(
    infos: Option<&hw_object_store_infos>,
    index: usize,
    state: *mut hw_object_store_state,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let infos = &infos.ok_or_else(|| missing("infos"))?.0;
        let out = OutStruct::required("state", state)?;
        let described = infos.get(index).ok_or_else(|| past_end("infos", index, infos.len()))?;
        out.set(hw_object_store_state {
            struct_size: 0,
            config: &raw const *described.config,
            bytes: described.status.bytes,
        });
        Ok(())
    })
}

/// Frees a list of descriptions; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_store_infos_free(infos: Option<Box<hw_object_store_infos>>) {
    release(infos);
}
