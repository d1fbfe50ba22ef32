//! What changes an object without its bytes: what is said of it, its name, links, deletes.

use std::collections::BTreeMap;
use std::ffi::c_char;

use headwater::{ObjectLink, ObjectUpdate, Result};

use crate::bytes::{hw_header, hw_str};
use crate::error::hw_error;
use crate::guard::on;
use crate::object_store::hw_object_store;
use crate::raw::{self, versioned};
use crate::status::hw_status;

/// What an update changes. Zero is the default of every field: it stays as it is.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_object_update {
    /// sizeof(hw_object_update)
    pub struct_size: usize,
    /// Another name, which no object has; empty is the one that it has.
    pub name: hw_str,
    /// With `has_description`: for people.
    pub description: hw_str,
    /// With `has_headers`: names and values; a name may repeat.
    pub headers: *const hw_header,
    /// How many.
    pub headers_len: usize,
    /// With `has_metadata`: what its owner says of it: names, each once, and values.
    pub metadata: *const hw_header,
    /// How many.
    pub metadata_len: usize,
    /// Not 0: `description` is set.
    pub has_description: u8,
    /// Not 0: `headers` is set.
    pub has_headers: u8,
    /// Not 0: `metadata` is set.
    pub has_metadata: u8,
}

versioned!(hw_object_update);

/// Names and values, in order.
pub(crate) fn headers(first: *const hw_header, len: usize) -> Result<Vec<(String, String)>> {
    let pair = |h: &hw_header| Ok((h.name.owned("header name")?, h.value.owned("header value")?));
    raw::array("headers", first, len)?.iter().map(pair).collect()
}

/// Names, each once, and values.
pub(crate) fn metadata(first: *const hw_header, len: usize) -> Result<BTreeMap<String, String>> {
    let pair = |h: &hw_header| Ok((h.name.owned("metadata name")?, h.value.owned("metadata value")?));
    raw::array("metadata", first, len)?.iter().map(pair).collect()
}

/// Changes what is said of an object, or its name; its bytes stay.
///
/// Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_CONFLICT (another object has the new name), HW_STATUS_INVALID,
///            HW_STATUS_LIMIT, HW_STATUS_IO, HW_STATUS_CLOSED.
/// Ownership: inputs are borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_store_update(
    store: Option<&hw_object_store>,
    name: *const c_char,
    name_len: usize,
    update: *const hw_object_update,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let name = raw::text("name", name, name_len)?;
        let from = raw::required("update", update)?;
        let update = ObjectUpdate {
            name: from.name.some("name")?.map(str::to_owned),
            description: (from.has_description != 0).then(|| from.description.owned("description")).transpose()?,
            headers: (from.has_headers != 0).then(|| headers(from.headers, from.headers_len)).transpose()?,
            metadata: (from.has_metadata != 0).then(|| metadata(from.metadata, from.metadata_len)).transpose()?,
        };
        store.store.update(name, &update).wait().map(drop)
    })
}

/// Makes `name` a link to the object `target` of the store `bucket`, or with an empty `target` to the store as a
/// whole, in place of whatever link has that name. Reading it reads what it leads to.
///
/// Errors:    HW_STATUS_NOT_FOUND (what it leads to is not there), HW_STATUS_INVALID (that is a link),
///            HW_STATUS_CONFLICT (an object that is no link has the name), HW_STATUS_IO, HW_STATUS_CLOSED.
/// Ownership: inputs are borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_store_add_link(
    store: Option<&hw_object_store>,
    name: *const c_char,
    name_len: usize,
    bucket: *const c_char,
    bucket_len: usize,
    target: *const c_char,
    target_len: usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let name = raw::text("name", name, name_len)?;
        let bucket = raw::text("bucket", bucket, bucket_len)?.to_owned();
        let target = Some(raw::text("target", target, target_len)?.to_owned()).filter(|t| !t.is_empty());
        store.store.add_link(name, &ObjectLink { bucket, name: target }).wait().map(drop)
    })
}

/// Deletes an object, or a link and not what it leads to.
///
/// Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_INVALID, HW_STATUS_IO, HW_STATUS_CLOSED.
/// Ownership: inputs are borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_object_store_delete(
    store: Option<&hw_object_store>,
    name: *const c_char,
    name_len: usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| store.store.delete(raw::text("name", name, name_len)?).wait())
}
