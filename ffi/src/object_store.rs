//! An object store: files of any size on a stream, in NATS's own layout.

use std::ffi::c_char;
use std::sync::Arc;
use std::time::Duration;

use headwater::{ObjectConfig, ObjectStore, Result};

use crate::bytes::{hw_str, hw_strings};
use crate::engine::hw_engine;
use crate::error::hw_error;
use crate::guard::{Guard, Handle, Root, on, release_handle};
use crate::raw::{self, Out, versioned};
use crate::status::hw_status;
use crate::stream::hw_stream;
use crate::stream_config::{compression, durability};

/// What an object store keeps. Zero is the default of every field.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_object_config {
    /// sizeof(hw_object_config)
    pub struct_size: usize,
    /// Its name: letters, digits, `-` and `_`.
    pub bucket: hw_str,
    /// For people.
    pub description: hw_str,
    /// Objects put longer ago than this go; 0 is never.
    pub ttl_ns: u64,
    /// The most bytes of all chunks and of the records about them; 0 is no limit. A put that finds no room leaves
    /// nothing.
    pub max_bytes: u64,
    /// An hw_durability.
    pub durability: i32,
    /// An hw_compression.
    pub compression: i32,
}

versioned!(hw_object_config);

/// An object store. `const`: safe from many threads at once.
pub struct hw_object_store {
    pub(crate) root: Arc<Root>,
    pub(crate) store: ObjectStore,
}

impl hw_object_store {
    fn new(root: &Arc<Root>, store: ObjectStore) -> Self {
        hw_object_store { root: root.clone(), store }
    }
}

impl Handle for hw_object_store {
    const NOUN: &'static str = "object store";

    fn guard(&self) -> &Arc<Guard> {
        &self.root.guard
    }
}

fn config(from: &hw_object_config) -> Result<ObjectConfig> {
    Ok(ObjectConfig {
        bucket: from.bucket.owned("bucket")?,
        description: from.description.owned("description")?,
        ttl: Duration::from_nanos(from.ttl_ns),
        max_bytes: from.max_bytes,
        durability: durability(from.durability)?,
        compression: compression(from.compression)?,
    })
}

/// Makes an object store. The same configuration again opens the one there.
///
/// Errors:    HW_STATUS_CONFLICT (the name is taken), HW_STATUS_INVALID, HW_STATUS_IO.
/// Ownership: `config` is borrowed for the call; `*store` is yours, free with hw_object_store_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_create_object_store(
    engine: Option<&hw_engine>,
    config: *const hw_object_config,
    store: *mut *mut hw_object_store,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let config = self::config(&raw::required("config", config)?)?;
        let out = Out::required("store", store)?;
        out.give(hw_object_store::new(&engine.root, engine.root.engine.create_object_store(config).wait()?));
        Ok(())
    })
}

/// Opens the object store of this name.
///
/// Errors:    HW_STATUS_NOT_FOUND.
/// Ownership: `*store` is yours, free with hw_object_store_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_object_store(
    engine: Option<&hw_engine>,
    name: *const c_char,
    name_len: usize,
    store: *mut *mut hw_object_store,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let name = raw::text("name", name, name_len)?;
        let out = Out::required("store", store)?;
        out.give(hw_object_store::new(&engine.root, engine.root.engine.object_store(name).wait()?));
        Ok(())
    })
}

/// The names of all object stores, in order.
///
/// Ownership: `*names` is yours, free with hw_strings_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_object_stores(
    engine: Option<&hw_engine>,
    names: *mut *mut hw_strings,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let out = Out::required("names", names)?;
        out.give(hw_strings::plain(engine.root.engine.object_stores().wait()?));
        Ok(())
    })
}

/// Removes an object store and everything in it.
///
/// Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_IO.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_delete_object_store(
    engine: Option<&hw_engine>,
    name: *const c_char,
    name_len: usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| engine.root.engine.delete_object_store(raw::text("name", name, name_len)?).wait())
}

/// Its name.
///
/// Ownership: `*name` is borrowed until the handle is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_store_name(
    store: Option<&hw_object_store>,
    name: *mut hw_str,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        Out::required("name", name)?.set(hw_str::of(store.store.name()));
        Ok(())
    })
}

/// The stream that it is a view of.
///
/// Ownership: `*stream` is yours, free with hw_stream_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_store_stream(
    store: Option<&hw_object_store>,
    stream: *mut *mut hw_stream,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let out = Out::required("stream", stream)?;
        out.give(hw_stream::new(&store.root, store.store.stream().clone()));
        Ok(())
    })
}

/// Frees the handle; NULL is nothing. The object store stays.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_store_free(store: Option<Box<hw_object_store>>) {
    release_handle(store);
}
