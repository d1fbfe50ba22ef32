//! Values of SQLite's, and what a statement did and found.

use headwater::Result;

use crate::bytes::{hw_bytes, hw_str, past_end};
use crate::error::{hw_error, invalid, missing};
use crate::guard::{free_standing, release};
use crate::raw::Out;
use crate::replicated::{Answer, Value};
use crate::status::hw_status;

/// What a value is, as SQLite stores it.
#[repr(i32)]
pub enum hw_sql_type {
    /// No value.
    Null = 0,
    /// 64 bits with a sign, in `integer`.
    Integer = 1,
    /// A 64-bit float, kept bit for bit, in `real`.
    Real = 2,
    /// Text, in `bytes`; UTF-8 unless somebody wrote other bytes as text. It is not checked, neither in nor out.
    Text = 3,
    /// Bytes, in `bytes`.
    Blob = 4,
}

/// A value of SQLite's. All zero is NULL.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_sql_value {
    /// The value of a text or blob.
    pub bytes: hw_bytes,
    /// The value of an integer.
    pub integer: i64,
    /// The value of a real.
    pub real: f64,
    /// An hw_sql_type.
    pub sql_type: i32,
}

impl hw_sql_value {
    const NULL: hw_sql_value = hw_sql_value {
        bytes: hw_bytes { data: std::ptr::null(), len: 0 },
        integer: 0,
        real: 0.0,
        sql_type: hw_sql_type::Null as i32,
    };

    /// The value that the caller lends, copied.
    pub(crate) fn value(&self) -> Result<Value> {
        Ok(match self.sql_type {
            0 => Value::Null,
            1 => Value::Integer(self.integer),
            2 => Value::Real(self.real),
            3 => Value::Text(self.bytes.bytes("values")?.to_vec()),
            4 => Value::Blob(self.bytes.bytes("values")?.to_vec()),
            n => return Err(invalid(format!("sql_type is {n}, which is no hw_sql_type"))),
        })
    }

    /// A view that the caller may keep as long as it keeps what `value` is a part of.
    fn of(value: &Value) -> Self {
        let of = |sql_type: hw_sql_type| hw_sql_value { sql_type: sql_type as i32, ..hw_sql_value::NULL };
        match value {
            Value::Null => hw_sql_value::NULL,
            Value::Integer(integer) => hw_sql_value { integer: *integer, ..of(hw_sql_type::Integer) },
            Value::Real(real) => hw_sql_value { real: *real, ..of(hw_sql_type::Real) },
            Value::Text(bytes) => hw_sql_value { bytes: hw_bytes::of(bytes), ..of(hw_sql_type::Text) },
            Value::Blob(bytes) => hw_sql_value { bytes: hw_bytes::of(bytes), ..of(hw_sql_type::Blob) },
        }
    }
}

/// What a statement did and found. Immutable.
pub struct hw_answer(pub(crate) Answer);

/// How many columns its rows have; 0 for NULL, and for a statement that finds no rows.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_answer_columns_len(answer: Option<&hw_answer>) -> usize {
    answer.map_or(0, |answer| answer.0.columns.len())
}

/// The name of the column at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end).
/// Ownership: `*name` is borrowed until the answer is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_answer_column(
    answer: Option<&hw_answer>,
    index: usize,
    name: *mut hw_str,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let columns = &answer.ok_or_else(|| missing("answer"))?.0.columns;
        let out = Out::required("name", name)?;
        out.set(hw_str::of(columns.get(index).ok_or_else(|| past_end("columns", index, columns.len()))?));
        Ok(())
    })
}

/// How many rows it has; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_answer_rows_len(answer: Option<&hw_answer>) -> usize {
    answer.map_or(0, |answer| answer.0.rows.len())
}

/// The value at a row and column.
///
/// Errors:    HW_STATUS_INVALID (past the end).
/// Ownership: what `*value` points to is borrowed until the answer is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_answer_value(
    answer: Option<&hw_answer>,
    row: usize,
    column: usize,
    value: *mut hw_sql_value,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let rows = &answer.ok_or_else(|| missing("answer"))?.0.rows;
        let out = Out::required("value", value)?;
        let row = rows.get(row).ok_or_else(|| past_end("rows", row, rows.len()))?;
        out.set(hw_sql_value::of(row.get(column).ok_or_else(|| past_end("columns", column, row.len()))?));
        Ok(())
    })
}

/// How many rows the statement inserted, updated or deleted, without what triggers did; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_answer_changes(answer: Option<&hw_answer>) -> u64 {
    answer.map_or(0, |answer| answer.0.changes)
}

/// The rowid of the last row that the connection had inserted then; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_answer_last_insert_rowid(answer: Option<&hw_answer>) -> i64 {
    answer.map_or(0, |answer| answer.0.last_insert_rowid)
}

/// Frees it; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_answer_free(answer: Option<Box<hw_answer>>) {
    release(answer);
}
