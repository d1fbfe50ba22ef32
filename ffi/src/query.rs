//! A query over points: aggregates in buckets of time.

use std::time::Duration;

use headwater::points::{Aggregate, Query, Row};

use crate::bytes::{hw_str, past_end};
use crate::error::{hw_error, missing};
use crate::guard::{free_standing, on, release};
use crate::points::hw_points;
use crate::raw::{self, Out, OutStruct, versioned};
use crate::status::hw_status;

/// What to ask of the history. Zero is the default of every field, but at least one aggregate must be asked for.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_query {
    /// sizeof(hw_query)
    pub struct_size: usize,
    /// Series filters, such as `seattle.temperature` or `seattle.*`; all when there is none.
    pub filters: *const hw_str,
    /// How many.
    pub filters_len: usize,
    /// What to compute: `count`, `min`, `max`, `mean`, `sum`, `first`, `last`, or a percentile such as `p50` or
    /// `p99.9`: exact for up to 1,024 numbers in a bucket, beyond that within 0.4 % as long as they span no more than
    /// 32 powers of two; the error doubles each time that this span does.
    pub aggregates: *const hw_str,
    /// How many.
    pub aggregates_len: usize,
    /// With `has_from`: from this event time on, in nanoseconds since the epoch.
    pub from: i64,
    /// With `has_to`: before this event time.
    pub to: i64,
    /// The width of a bucket, aligned to the epoch in UTC; 0 is one bucket for everything.
    pub every_ns: u64,
    /// Not 0: `from` is set.
    pub has_from: u8,
    /// Not 0: `to` is set.
    pub has_to: u8,
}

/// One bucket of one series.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_row {
    /// sizeof(hw_row), set by the caller.
    pub struct_size: usize,
    /// `node.kind` or `node.kind.key`.
    pub series: hw_str,
    /// Where the bucket starts, in nanoseconds since the epoch.
    pub start: i64,
    /// A value for each aggregate asked for, in order; NaN where no number is there.
    pub values: *const f64,
    /// How many.
    pub values_len: usize,
}

versioned!(hw_query, hw_row);

/// The rows that answer a query, by series, then start. Immutable.
pub struct hw_rows(Vec<(Row, Vec<f64>)>);

/// Computes aggregates in buckets, without loading the range into memory.
///
/// Errors:    HW_STATUS_INVALID (no or an unknown aggregate, a malformed filter), HW_STATUS_LIMIT (more than
///            1,000,000 rows: ask for wider buckets), HW_STATUS_CORRUPT, HW_STATUS_IO, HW_STATUS_CLOSED.
/// Ownership: `query` is borrowed for the call; `*rows` is yours, free with hw_rows_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_points_query(
    points: Option<&hw_points>,
    query: *const hw_query,
    rows: *mut *mut hw_rows,
    error: *mut *mut hw_error,
) -> hw_status {
    on(points, error, |points| {
        let from = raw::required("query", query)?;
        let out = Out::required("rows", rows)?;
        let aggregates = raw::texts("aggregates", from.aggregates, from.aggregates_len)?;
        let query = Query {
            filters: raw::strings("filters", from.filters, from.filters_len)?,
            from: (from.has_from != 0).then_some(from.from),
            to: (from.has_to != 0).then_some(from.to),
            every: Duration::from_nanos(from.every_ns),
            aggregates: aggregates.into_iter().map(Aggregate::parse).collect::<headwater::Result<_>>()?,
        };
        let rows = points.points.query(&query)?;
        out.give(hw_rows(rows.into_iter().map(with_numbers).collect()));
        Ok(())
    })
}

fn with_numbers(row: Row) -> (Row, Vec<f64>) {
    let numbers = row.values.iter().map(|v| v.unwrap_or(f64::NAN)).collect();
    (row, numbers)
}

/// How many rows there are; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_rows_len(rows: Option<&hw_rows>) -> usize {
    rows.map_or(0, |r| r.0.len())
}

/// The row at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end, or `row->struct_size` is not set).
/// Ownership: series and values are borrowed until the rows are freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_rows_get(
    rows: Option<&hw_rows>,
    index: usize,
    row: *mut hw_row,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let rows = &rows.ok_or_else(|| missing("rows"))?.0;
        let out = OutStruct::required("row", row)?;
        let (row, values) = rows.get(index).ok_or_else(|| past_end("rows", index, rows.len()))?;
        out.set(hw_row {
            struct_size: 0,
            series: hw_str::of(&row.series),
            start: row.start,
            values: values.as_ptr(),
            values_len: values.len(),
        });
        Ok(())
    })
}

/// Frees the rows; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_rows_free(rows: Option<Box<hw_rows>>) {
    release(rows);
}
