//! What state that merges reads as, and the lists of keys and of what is in them.

use headwater::crdt::{Dumped, Kind, Reading};

use crate::bytes::{hw_str, hw_strings, past_end};
use crate::crdt_change::{hw_crdt_value, value_out};
use crate::crdt_write::hw_int128;
use crate::error::{hw_error, invalid, missing};
use crate::guard::{free_standing, release};
use crate::raw::{Out, OutStruct, versioned};
use crate::status::hw_status;

/// What a key or a field reads as. Immutable.
pub struct hw_reading(pub(crate) Reading);

/// What is in the keys of a CRDT store. Immutable.
pub struct hw_crdt_entries(pub(crate) Vec<Dumped>);

/// What is in a key.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_crdt_entry {
    /// sizeof(hw_crdt_entry), set by the caller.
    pub struct_size: usize,
    /// Its name.
    pub key: hw_str,
    /// What it reads as, in JSON: counters are numbers, or text where they need more than 64 bits; flags are true or
    /// false; a register is its value or null; sets and multi-value registers are lists; a map is a list of
    /// `{"field", "kind", "value"}`. Of values, bytes are `{"base64"}`, and a float that JSON does not have is text.
    pub json: hw_str,
    /// An hw_crdt_kind.
    pub kind: i32,
}

versioned!(hw_crdt_entry);

/// Names, each with its kind as the number that goes with it.
pub(crate) fn named<N: Into<String>>(keys: impl IntoIterator<Item = (N, Kind)>) -> hw_strings {
    hw_strings(keys.into_iter().map(|(name, kind)| (name.into(), kind as u64)).collect())
}

fn on_reading(
    reading: Option<&hw_reading>,
    error: *mut *mut hw_error,
    body: impl FnOnce(&Reading) -> headwater::Result<()>,
) -> hw_status {
    free_standing(error, || body(&reading.ok_or_else(|| missing("reading"))?.0))
}

fn other(reading: &Reading, wanted: &str) -> headwater::Error {
    let is = match reading {
        Reading::Number(_) => "a number",
        Reading::Value(_) | Reading::Values(_) => "values",
        Reading::Flag(_) => "a flag",
        Reading::Fields(_) => "fields",
    };
    invalid(format!("the reading is {is}, not {wanted}"))
}

/// What a counter reads as.
///
/// Errors:    HW_STATUS_INVALID (it is of another kind).
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_reading_number(
    reading: Option<&hw_reading>,
    number: *mut hw_int128,
    error: *mut *mut hw_error,
) -> hw_status {
    on_reading(reading, error, |reading| {
        let out = Out::required("number", number)?;
        let Reading::Number(number) = reading else { return Err(other(reading, "a number")) };
        out.set((*number).into());
        Ok(())
    })
}

/// Whether a flag is on.
///
/// Errors:    HW_STATUS_INVALID (it is of another kind).
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_reading_flag(
    reading: Option<&hw_reading>,
    is_on: *mut bool,
    error: *mut *mut hw_error,
) -> hw_status {
    on_reading(reading, error, |reading| {
        let out = Out::required("is_on", is_on)?;
        let Reading::Flag(is_on) = reading else { return Err(other(reading, "a flag")) };
        out.set(*is_on);
        Ok(())
    })
}

/// How many values a register (0 or 1), a multi-value register or a set has, or fields a map; 0 for NULL and for other
/// kinds.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_reading_len(reading: Option<&hw_reading>) -> usize {
    match reading.map(|reading| &reading.0) {
        Some(Reading::Value(value)) => value.iter().count(),
        Some(Reading::Values(values)) => values.len(),
        Some(Reading::Fields(fields)) => fields.len(),
        _ => 0,
    }
}

/// The value at `index`: of a multi-value register the last written first, of a set in their order.
///
/// Errors:    HW_STATUS_INVALID (past the end, or it is of another kind).
/// Ownership: what `*value` points to is borrowed until the reading is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_reading_value(
    reading: Option<&hw_reading>,
    index: usize,
    value: *mut hw_crdt_value,
    error: *mut *mut hw_error,
) -> hw_status {
    on_reading(reading, error, |reading| {
        let out = Out::required("value", value)?;
        let values = match reading {
            Reading::Value(value) => value.as_slice(),
            Reading::Values(values) => values,
            _ => return Err(other(reading, "values")),
        };
        out.set(value_out(values.get(index).ok_or_else(|| past_end("values", index, values.len()))?));
        Ok(())
    })
}

/// The field of a map at `index`, by name and kind (an hw_crdt_kind).
///
/// Errors:    HW_STATUS_INVALID (past the end, or it is of another kind).
/// Ownership: `*name` is borrowed until the reading is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_reading_field(
    reading: Option<&hw_reading>,
    index: usize,
    name: *mut hw_str,
    kind: *mut i32,
    error: *mut *mut hw_error,
) -> hw_status {
    on_reading(reading, error, |reading| {
        let (name_out, kind_out) = (Out::required("name", name)?, Out::required("kind", kind)?);
        let Reading::Fields(fields) = reading else { return Err(other(reading, "fields")) };
        let (name, kind) = fields.get(index).ok_or_else(|| past_end("fields", index, fields.len()))?;
        name_out.set(hw_str::of(name));
        kind_out.set(*kind as i32);
        Ok(())
    })
}

/// Frees a reading; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_reading_free(reading: Option<Box<hw_reading>>) {
    release(reading);
}

/// How many keys there are; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_entries_len(entries: Option<&hw_crdt_entries>) -> usize {
    entries.map_or(0, |entries| entries.0.len())
}

/// The key at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end, or `entry->struct_size` is not set).
/// Ownership: key and json are borrowed until the list is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_entries_get(
    entries: Option<&hw_crdt_entries>,
    index: usize,
    entry: *mut hw_crdt_entry,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let keys = &entries.ok_or_else(|| missing("entries"))?.0;
        let out = OutStruct::required("entry", entry)?;
        let Dumped { key, kind, json } = keys.get(index).ok_or_else(|| past_end("entries", index, keys.len()))?;
        out.set(hw_crdt_entry { struct_size: 0, key: hw_str::of(key), json: hw_str::of(json), kind: *kind as i32 });
        Ok(())
    })
}

/// Frees what hw_crdt_dump gave; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_crdt_entries_free(entries: Option<Box<hw_crdt_entries>>) {
    release(entries);
}
