//! One typed point, going in and coming out.

use headwater::Result;
use headwater::points::{Point, Value};

use crate::bytes::{hw_str, past_end};
use crate::error::{hw_error, invalid, missing};
use crate::guard::{free_standing, release};
use crate::raw::{self, OutStruct, versioned};
use crate::status::hw_status;

/// What a point's value is.
#[repr(i32)]
pub enum hw_value_type {
    /// A 64-bit float, in `number`.
    Float = 0,
    /// A 64-bit integer, in `integer`.
    Int = 1,
    /// Text, in `text`.
    Text = 2,
    /// A JSON document, in `text`.
    Json = 3,
}

/// One typed value of one series at one time. In an array, all have the same `struct_size`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_point {
    /// sizeof(hw_point)
    pub struct_size: usize,
    /// Whose it is, such as a device.
    pub node: hw_str,
    /// What it is, such as `temperature`.
    pub kind: hw_str,
    /// Which one of its kind; empty when there is one.
    pub key: hw_str,
    /// When it was so: nanoseconds since the epoch.
    pub time: i64,
    /// The value of a float.
    pub number: f64,
    /// The value of an int.
    pub integer: i64,
    /// The value of a text or json.
    pub text: hw_str,
    /// The instance that wrote it; the engine's id in hex when empty.
    pub origin: hw_str,
    /// Only ever counts up; odd is deleted.
    pub tombstone: u32,
    /// An hw_value_type.
    pub value_type: i32,
}

versioned!(hw_point);

/// A list of points. Immutable.
pub struct hw_point_list(pub(crate) Vec<Point>);

pub(crate) fn many_from_c(first: *const hw_point, len: usize) -> Result<Vec<Point>> {
    raw::versioned_array("points", first, len)?.iter().map(point).collect()
}

fn point(from: &hw_point) -> Result<Point> {
    let value = match from.value_type {
        0 => Value::Float(from.number),
        1 => Value::Int(from.integer),
        2 => Value::Text(from.text.owned("text")?),
        3 => Value::Json(from.text.owned("text")?),
        n => return Err(invalid(format!("value_type is {n}, which is no hw_value_type"))),
    };
    Ok(Point {
        node: from.node.owned("node")?,
        kind: from.kind.owned("kind")?,
        key: from.key.owned("key")?,
        time: from.time,
        value,
        tombstone: from.tombstone,
        origin: from.origin.owned("origin")?,
    })
}

fn view(from: &Point) -> hw_point {
    let (value_type, number, integer, text) = match &from.value {
        Value::Float(number) => (hw_value_type::Float, *number, 0, hw_str::EMPTY),
        Value::Int(integer) => (hw_value_type::Int, 0.0, *integer, hw_str::EMPTY),
        Value::Text(text) => (hw_value_type::Text, 0.0, 0, hw_str::of(text)),
        Value::Json(text) => (hw_value_type::Json, 0.0, 0, hw_str::of(text)),
    };
    hw_point {
        struct_size: 0,
        node: hw_str::of(&from.node),
        kind: hw_str::of(&from.kind),
        key: hw_str::of(&from.key),
        time: from.time,
        number,
        integer,
        text,
        origin: hw_str::of(&from.origin),
        tombstone: from.tombstone,
        value_type: value_type as i32,
    }
}

/// How many points there are; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_point_list_len(list: Option<&hw_point_list>) -> usize {
    list.map_or(0, |l| l.0.len())
}

/// The point at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end, or `point->struct_size` is not set).
/// Ownership: its texts are borrowed until the list is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_point_list_get(
    list: Option<&hw_point_list>,
    index: usize,
    point: *mut hw_point,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let list = &list.ok_or_else(|| missing("list"))?.0;
        let out = OutStruct::required("point", point)?;
        out.set(view(list.get(index).ok_or_else(|| past_end("list", index, list.len()))?));
        Ok(())
    })
}

/// Frees a list of points; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_point_list_free(list: Option<Box<hw_point_list>>) {
    release(list);
}
