//! What is known of objects, as it comes out of an object store or its watcher.

use std::ffi::c_char;

use headwater::ObjectInfo;

use crate::bytes::{hw_header, hw_str, past_end};
use crate::error::{hw_error, missing};
use crate::guard::{free_standing, on, release};
use crate::object_store::hw_object_store;
use crate::raw::{self, Out, OutStruct, versioned};
use crate::status::hw_status;

/// What is known of an object.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_object_info {
    /// sizeof(hw_object_info), set by the caller.
    pub struct_size: usize,
    /// Its name: any text.
    pub name: hw_str,
    /// For people.
    pub description: hw_str,
    /// Names and values, by name; the values of one name in order.
    pub headers: *const hw_header,
    /// How many.
    pub headers_len: usize,
    /// What its owner says of it: names, each once, and values.
    pub metadata: *const hw_header,
    /// How many.
    pub metadata_len: usize,
    /// The object store that it is in.
    pub bucket: hw_str,
    /// The id that its chunks are stored under: another one after every put.
    pub nuid: hw_str,
    /// `SHA-256=` and the digest of its bytes in base64; empty for a link.
    pub digest: hw_str,
    /// With `is_link`: the object store that it leads to.
    pub link_bucket: hw_str,
    /// With `is_link`: the object that it leads to; empty for the store as a whole.
    pub link_name: hw_str,
    /// How many bytes; 0 for a link.
    pub size: u64,
    /// How many chunks they are in.
    pub chunks: u64,
    /// The most bytes of a chunk; 0 where that was not said.
    pub max_chunk_size: u64,
    /// When it was put or changed last, in nanoseconds since the epoch.
    pub modified: u64,
    /// Not 0: it was deleted; only a watcher sees such a one.
    pub deleted: u8,
    /// Not 0: it is a link.
    pub is_link: u8,
}

versioned!(hw_object_info);

/// What is known of objects. Immutable.
pub struct hw_object_infos(Vec<Described>);

/// One object, with the arrays that the C struct points to.
struct Described {
    info: ObjectInfo,
    headers: Box<[hw_header]>,
    metadata: Box<[hw_header]>,
}

impl hw_object_infos {
    pub(crate) fn new(infos: Vec<ObjectInfo>) -> Self {
        hw_object_infos(infos.into_iter().map(Described::new).collect())
    }
}

impl Described {
    fn new(info: ObjectInfo) -> Self {
        let pair = |(name, value): (&String, &String)| hw_header { name: hw_str::of(name), value: hw_str::of(value) };
        let headers = info.headers.iter().map(|(name, value)| pair((name, value))).collect();
        let metadata = info.metadata.iter().map(pair).collect();
        Described { info, headers, metadata }
    }

    fn view(&self) -> hw_object_info {
        let info = &self.info;
        let link = info.link.as_ref();
        let link_name = link.and_then(|link| link.name.as_deref());
        hw_object_info {
            struct_size: 0,
            name: hw_str::of(&info.name),
            description: hw_str::of(&info.description),
            headers: self.headers.as_ptr(),
            headers_len: self.headers.len(),
            metadata: self.metadata.as_ptr(),
            metadata_len: self.metadata.len(),
            bucket: hw_str::of(&info.bucket),
            nuid: hw_str::of(&info.nuid),
            digest: hw_str::of(&info.digest),
            link_bucket: link.map_or(hw_str::EMPTY, |link| hw_str::of(&link.bucket)),
            link_name: link_name.map_or(hw_str::EMPTY, hw_str::of),
            size: info.size,
            chunks: info.chunks,
            max_chunk_size: info.max_chunk_size,
            modified: info.modified,
            deleted: info.deleted.into(),
            is_link: link.is_some().into(),
        }
    }
}

/// What is known of an object: a list of one, or an empty one when there is none of this name. A link is not followed.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CORRUPT, HW_STATUS_IO, HW_STATUS_CLOSED.
/// Ownership: `*infos` is yours, free with hw_object_infos_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_store_info(
    store: Option<&hw_object_store>,
    name: *const c_char,
    name_len: usize,
    infos: *mut *mut hw_object_infos,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let name = raw::text("name", name, name_len)?;
        let out = Out::required("infos", infos)?;
        out.give(hw_object_infos::new(store.store.info(name).wait()?.into_iter().collect()));
        Ok(())
    })
}

/// The objects that are there, links too, by name.
///
/// Errors:    as hw_object_store_info.
/// Ownership: `*infos` is yours, free with hw_object_infos_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_store_list(
    store: Option<&hw_object_store>,
    infos: *mut *mut hw_object_infos,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let out = Out::required("infos", infos)?;
        out.give(hw_object_infos::new(store.store.list().wait()?));
        Ok(())
    })
}

/// How many objects there are; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_infos_len(infos: Option<&hw_object_infos>) -> usize {
    infos.map_or(0, |i| i.0.len())
}

/// The object at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end, or `info->struct_size` is not set).
/// Ownership: what `info` points to is borrowed until the list is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_infos_get(
    infos: Option<&hw_object_infos>,
    index: usize,
    info: *mut hw_object_info,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let infos = &infos.ok_or_else(|| missing("infos"))?.0;
        let out = OutStruct::required("info", info)?;
        out.set(infos.get(index).ok_or_else(|| past_end("infos", index, infos.len()))?.view());
        Ok(())
    })
}

/// Frees a list of objects; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_infos_free(infos: Option<Box<hw_object_infos>>) {
    release(infos);
}
