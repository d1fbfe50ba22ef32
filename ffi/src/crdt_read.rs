//! Reading a CRDT store: of what is in it and in its log.

use std::ffi::c_char;

use crate::bytes::{hw_str, hw_strings};
use crate::crdt::hw_crdt;
use crate::crdt_change::{Place, hw_crdt_value, kind, value_given};
use crate::crdt_write::hw_int128;
use crate::error::hw_error;
use crate::guard::on;
use crate::raw::{self, Out};
use crate::reading::{hw_crdt_entries, hw_reading, named};
use crate::status::hw_status;

/// What is at a key, or in a field that `fields` lead to, as a `kind` (an hw_crdt_kind). What is not there reads as 0,
/// none, empty or off.
///
/// Errors:    HW_STATUS_CORRUPT (the log has a record that is no fragment), HW_STATUS_CLOSED, HW_STATUS_INVALID, and
///            what a write of this handle or the log failed with.
/// Ownership: inputs are borrowed for the call; `*reading` is yours, free with hw_reading_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_read(
    crdt: Option<&hw_crdt>,
    key: *const c_char,
    key_len: usize,
    fields: *const hw_str,
    fields_len: usize,
    kind: i32,
    reading: *mut *mut hw_reading,
    error: *mut *mut hw_error,
) -> hw_status {
    on(crdt, error, |crdt| {
        let place = Place::new(raw::text("key", key, key_len)?, fields, fields_len)?;
        let kind = self::kind(kind)?;
        let out = Out::required("reading", reading)?;
        out.give(hw_reading(crdt.store.read(place.path(), kind)?));
        Ok(())
    })
}

/// Whether a value is in a set. `kind` is HW_CRDT_KIND_SET or HW_CRDT_KIND_REMOVE_WINS_SET; no other has any.
///
/// Errors:    as hw_crdt_read.
/// Ownership: inputs are borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_contains(
    crdt: Option<&hw_crdt>,
    key: *const c_char,
    key_len: usize,
    fields: *const hw_str,
    fields_len: usize,
    kind: i32,
    value: *const hw_crdt_value,
    contains: *mut bool,
    error: *mut *mut hw_error,
) -> hw_status {
    on(crdt, error, |crdt| {
        let place = Place::new(raw::text("key", key, key_len)?, fields, fields_len)?;
        let (kind, value) = (self::kind(kind)?, value_given(value)?);
        let out = Out::required("contains", contains)?;
        out.set(crdt.store.contains(place.path(), kind, &value)?);
        Ok(())
    })
}

/// How much this handle's actor may take from a bounded counter, or give of it.
///
/// Errors:    as hw_crdt_read.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_rights(
    crdt: Option<&hw_crdt>,
    key: *const c_char,
    key_len: usize,
    rights: *mut hw_int128,
    error: *mut *mut hw_error,
) -> hw_status {
    on(crdt, error, |crdt| {
        let key = raw::text("key", key, key_len)?;
        let out = Out::required("rights", rights)?;
        out.set(crdt.store.rights(key)?.into());
        Ok(())
    })
}

/// The keys in which something is alive whose names begin with `prefix`, in order. The number that goes with each is
/// its kind, an hw_crdt_kind; a name that replicas made as two kinds is there twice.
///
/// Errors:    as hw_crdt_read.
/// Ownership: `*keys` is yours, free with hw_strings_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_keys(
    crdt: Option<&hw_crdt>,
    prefix: *const c_char,
    prefix_len: usize,
    keys: *mut *mut hw_strings,
    error: *mut *mut hw_error,
) -> hw_status {
    on(crdt, error, |crdt| {
        let prefix = raw::text("prefix", prefix, prefix_len)?;
        let out = Out::required("keys", keys)?;
        out.give(named(crdt.store.keys(prefix)?));
        Ok(())
    })
}

/// The same keys with what they read as in JSON, at one moment.
///
/// Errors:    as hw_crdt_read.
/// Ownership: `*entries` is yours, free with hw_crdt_entries_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_dump(
    crdt: Option<&hw_crdt>,
    prefix: *const c_char,
    prefix_len: usize,
    entries: *mut *mut hw_crdt_entries,
    error: *mut *mut hw_error,
) -> hw_status {
    on(crdt, error, |crdt| {
        let prefix = raw::text("prefix", prefix, prefix_len)?;
        let out = Out::required("entries", entries)?;
        out.give(hw_crdt_entries(crdt.store.dump(prefix)?));
        Ok(())
    })
}
