//! Records that came out of a stream together, and the accessors that fill the caller's structs from them.

use headwater::{Batch, Record, RecordView};

use crate::bytes::{hw_bytes, hw_str, past_end};
use crate::error::{hw_error, invalid, missing};
use crate::guard::{free_standing, release};
use crate::raw::{Out, OutStruct, versioned};
use crate::status::hw_status;

/// One record.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_record {
    /// sizeof(hw_record), set by the caller.
    pub struct_size: usize,
    /// Its place in the stream, from 1.
    pub seq: u64,
    /// When it was committed, in nanoseconds since the epoch; never decreasing along a stream.
    pub time: u64,
    /// Its literal subject.
    pub subject: hw_str,
    /// The bytes.
    pub payload: hw_bytes,
    /// With `has_event_time`: when it happened, as its source says.
    pub event_time: i64,
    /// How many headers it has; hw_batch_header has each.
    pub headers_len: usize,
    /// How often a consumer has delivered it, this time included; 0 when it was read without one.
    pub delivered: u32,
    /// Not 0: it has an event time.
    pub has_event_time: u8,
}

versioned!(hw_record);

/// Records that came out of a stream together. Immutable.
pub struct hw_batch(Records);

enum Records {
    Many(Batch),
    One(Box<Record>),
    None,
}

impl hw_batch {
    pub(crate) fn many(batch: Batch) -> Self {
        hw_batch(Records::Many(batch))
    }

    pub(crate) fn one(record: Option<Record>) -> Self {
        hw_batch(record.map_or(Records::None, |r| Records::One(Box::new(r))))
    }

    fn len(&self) -> usize {
        match &self.0 {
            Records::Many(batch) => batch.len(),
            Records::One(_) => 1,
            Records::None => 0,
        }
    }

    fn missed(&self) -> u64 {
        match &self.0 {
            Records::Many(batch) => batch.missed(),
            _ => 0,
        }
    }

    fn record(&self, index: usize) -> headwater::Result<hw_record> {
        let found = match &self.0 {
            Records::Many(batch) => batch.get(index).map(view),
            Records::One(record) if index == 0 => Some(owned(record)),
            _ => None,
        };
        found.ok_or_else(|| past_end("batch", index, self.len()))
    }

    fn header(&self, index: usize, header: usize) -> Option<(&str, &str)> {
        match &self.0 {
            Records::Many(batch) => batch.get(index)?.headers().nth(header),
            Records::One(record) if index == 0 => record.headers.get(header).map(|(n, v)| (n.as_str(), v.as_str())),
            _ => None,
        }
    }
}

fn view(record: RecordView<'_>) -> hw_record {
    hw_record {
        struct_size: 0,
        seq: record.seq,
        time: record.time,
        subject: hw_str::of(record.subject),
        payload: hw_bytes::of(record.payload),
        event_time: record.event_time.unwrap_or(0),
        headers_len: record.headers().count(),
        delivered: record.delivered,
        has_event_time: record.event_time.is_some().into(),
    }
}

fn owned(record: &Record) -> hw_record {
    hw_record {
        struct_size: 0,
        seq: record.seq,
        time: record.time,
        subject: hw_str::of(&record.subject),
        payload: hw_bytes::of(&record.payload),
        event_time: record.event_time.unwrap_or(0),
        headers_len: record.headers.len(),
        delivered: 0,
        has_event_time: record.event_time.is_some().into(),
    }
}

/// How many records it holds; 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_batch_len(batch: Option<&hw_batch>) -> usize {
    batch.map_or(0, hw_batch::len)
}

/// How many records limits removed since the batch before, before this subscriber came to read them: it fell that far
/// behind. A subscription to all that has read nothing yet begins at what is kept, and has missed nothing. 0 for NULL.
///
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_batch_missed(batch: Option<&hw_batch>) -> u64 {
    batch.map_or(0, hw_batch::missed)
}

/// The record at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end, or `record->struct_size` is not set).
/// Ownership: subject and payload are borrowed until the batch is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_batch_record(
    batch: Option<&hw_batch>,
    index: usize,
    record: *mut hw_record,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let batch = batch.ok_or_else(|| missing("batch"))?;
        let out = OutStruct::required("record", record)?;
        out.set(batch.record(index)?);
        Ok(())
    })
}

/// The records from `first` on, as many as there are and `records_cap` has room for, in one call.
/// `records[0].struct_size` must be set and holds for all.
///
/// Errors:    HW_STATUS_INVALID.
/// Ownership: subjects and payloads are borrowed until the batch is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_batch_records(
    batch: Option<&hw_batch>,
    first: usize,
    records: *mut hw_record,
    records_cap: usize,
    records_len: *mut usize,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let batch = batch.ok_or_else(|| missing("batch"))?;
        let out_len = Out::required("records_len", records_len)?;
        let len = batch.len();
        if first > len {
            return Err(past_end("batch", first, len));
        }
        let count = records_cap.min(len - first);
        if count > 0 {
            let out = OutStruct::required("records", records)?;
            for i in 0..count {
                let place = out.at(i);
                place.stamp();
                place.set(batch.record(first + i)?);
            }
        }
        out_len.set(count);
        Ok(())
    })
}

/// Header `header` of the record at `index`.
///
/// Errors:    HW_STATUS_INVALID (past the end).
/// Ownership: `*name` and `*value` are borrowed until the batch is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_batch_header(
    batch: Option<&hw_batch>,
    index: usize,
    header: usize,
    name: *mut hw_str,
    value: *mut hw_str,
    error: *mut *mut hw_error,
) -> hw_status {
    free_standing(error, || {
        let batch = batch.ok_or_else(|| missing("batch"))?;
        let (name, value) = (Out::required("name", name)?, Out::required("value", value)?);
        let (n, v) = batch
            .header(index, header)
            .ok_or_else(|| invalid(format!("record {index} of the batch or its header {header} is not there")))?;
        name.set(hw_str::of(n));
        value.set(hw_str::of(v));
        Ok(())
    })
}

/// Frees it; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_batch_free(batch: Option<Box<hw_batch>>) {
    release(batch);
}
