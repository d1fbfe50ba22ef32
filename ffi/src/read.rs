//! Reading what a stream holds: by sequence and time, by subject, and the newest of each.

use std::ffi::c_char;

use headwater::{ReadOptions, Result, Start};

use crate::batch::hw_batch;
use crate::bytes::{hw_str, hw_strings};
use crate::error::{hw_error, invalid};
use crate::guard::on;
use crate::raw::{self, Out, versioned};
use crate::status::hw_status;
use crate::stream::hw_stream;

/// Which records to read. Zero is the default of every field: the first 1,000.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_read_options {
    /// sizeof(hw_read_options)
    pub struct_size: usize,
    /// Only records that one of these takes; all when there is none.
    pub filters: *const hw_str,
    /// How many.
    pub filters_len: usize,
    /// Begin at this sequence; 0 is the first record (backward: the last one).
    pub from_seq: u64,
    /// Instead of `from_seq`: begin at the first record committed at or after this time (backward: the last one
    /// at or before it), in nanoseconds since the epoch; 0 is not set.
    pub from_time: u64,
    /// No record committed at or after this time (backward: before it); 0 is not set.
    pub until: u64,
    /// With `has_event_range`: only records whose event time (commit time where it has none) is at or after
    /// this.
    pub event_from: i64,
    /// With `has_event_range`: and before this.
    pub event_to: i64,
    /// The most records; 0 is 1,000.
    pub max_records: u64,
    /// The bytes of records at which it ends, with the record that reaches them; 0 is 8 MiB.
    pub max_bytes: u64,
    /// Not 0: newest first.
    pub backward: u8,
    /// Not 0: `event_from` and `event_to` are set.
    pub has_event_range: u8,
}

versioned!(hw_read_options);

/// A count as this machine holds it.
pub(crate) fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn read_options(from: &hw_read_options) -> Result<ReadOptions> {
    let start = match (from.from_seq, from.from_time) {
        (0, 0) => None,
        (seq, 0) => Some(Start::Seq(seq)),
        (0, time) => Some(Start::Time(time)),
        _ => return Err(invalid("from_seq and from_time are both set")),
    };
    Ok(ReadOptions {
        filters: raw::strings("filters", from.filters, from.filters_len)?,
        start,
        until: (from.until != 0).then_some(from.until),
        event_range: (from.has_event_range != 0).then_some((from.event_from, from.event_to)),
        backward: from.backward != 0,
        max_records: count(from.max_records),
        max_bytes: count(from.max_bytes),
    })
}

/// Reads records; go on from the last one's sequence for more. `options` may be NULL. No record is an empty batch.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CORRUPT, HW_STATUS_IO, HW_STATUS_CLOSED.
/// Ownership: `*batch` is yours, free with hw_batch_free.
/// Threads:   any; readers never wait for writers.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_read(
    stream: Option<&hw_stream>,
    options: *const hw_read_options,
    batch: *mut *mut hw_batch,
    error: *mut *mut hw_error,
) -> hw_status {
    on(stream, error, |stream| {
        let options = read_options(&raw::options(options)?)?;
        let out = Out::required("batch", batch)?;
        out.give(hw_batch::many(stream.stream.read(&options).wait()?));
        Ok(())
    })
}

/// Reads the record with this sequence: a batch of one, or an empty one when it is not there.
///
/// Errors:    HW_STATUS_CORRUPT, HW_STATUS_IO, HW_STATUS_CLOSED.
/// Ownership: `*batch` is yours, free with hw_batch_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_get(
    stream: Option<&hw_stream>,
    seq: u64,
    batch: *mut *mut hw_batch,
    error: *mut *mut hw_error,
) -> hw_status {
    on(stream, error, |stream| {
        let out = Out::required("batch", batch)?;
        out.give(hw_batch::one(stream.stream.get(seq).wait()?));
        Ok(())
    })
}

/// Reads the newest record of a subject, or of all that a wildcard filter takes: a batch of one, or an empty one
/// when there is none.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CORRUPT, HW_STATUS_IO, HW_STATUS_CLOSED.
/// Ownership: `*batch` is yours, free with hw_batch_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_last(
    stream: Option<&hw_stream>,
    filter: *const c_char,
    filter_len: usize,
    batch: *mut *mut hw_batch,
    error: *mut *mut hw_error,
) -> hw_status {
    on(stream, error, |stream| {
        let filter = raw::text("filter", filter, filter_len)?;
        let out = Out::required("batch", batch)?;
        out.give(hw_batch::one(stream.stream.last(filter).wait()?));
        Ok(())
    })
}

/// Reads the newest record of every subject that the filters take, by sequence: at most `max` (0 is 1,000) with a
/// sequence above `after`.
///
/// Errors:    as hw_stream_last.
/// Ownership: `*batch` is yours, free with hw_batch_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_last_many(
    stream: Option<&hw_stream>,
    filters: *const hw_str,
    filters_len: usize,
    after: u64,
    max: usize,
    batch: *mut *mut hw_batch,
    error: *mut *mut hw_error,
) -> hw_status {
    on(stream, error, |stream| {
        let filters = raw::texts("filters", filters, filters_len)?;
        let out = Out::required("batch", batch)?;
        out.give(hw_batch::many(stream.stream.last_many(&filters, after, or_default(max)).wait()?));
        Ok(())
    })
}

/// The last sequence among all subjects that the filter takes; 0 when there is none. This is what a conditional
/// append expects.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_last_seq(
    stream: Option<&hw_stream>,
    filter: *const c_char,
    filter_len: usize,
    seq: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(stream, error, |stream| {
        let filter = raw::text("filter", filter, filter_len)?;
        let out = Out::required("seq", seq)?;
        out.set(stream.stream.last_seq(filter).wait()?);
        Ok(())
    })
}

/// The subjects that have a record and that the filter takes, in order, with how many records each has: at most
/// `max` (0 is 1,000) after the subject `after`, which may be empty.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED.
/// Ownership: `*subjects` is yours, free with hw_strings_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_subjects(
    stream: Option<&hw_stream>,
    filter: *const c_char,
    filter_len: usize,
    after: *const c_char,
    after_len: usize,
    max: usize,
    subjects: *mut *mut hw_strings,
    error: *mut *mut hw_error,
) -> hw_status {
    on(stream, error, |stream| {
        let filter = raw::text("filter", filter, filter_len)?;
        let after = raw::text("after", after, after_len)?;
        let out = Out::required("subjects", subjects)?;
        out.give(hw_strings(stream.stream.subjects(filter, after, or_default(max)).wait()?));
        Ok(())
    })
}

/// How many items a `max` of 0 stands for.
const ITEMS_DEFAULT: usize = 1000;

/// The bound that `max` stands for.
pub(crate) fn or_default(max: usize) -> usize {
    if max == 0 { ITEMS_DEFAULT } else { max }
}
