//! Appending: one record on the fast path, many as one batch, and both without waiting.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use headwater::{Ack, Append, Pending, Result, Rollup, Stream};

use crate::bytes::{hw_bytes, hw_header, hw_str};
use crate::error::{hw_error, invalid};
use crate::guard::on;
use crate::raw::{self, Out, OutStruct, versioned};

use crate::status::hw_status;
use crate::stream::hw_stream;
use crate::stream_config::durability_number;
use crate::ticket::hw_ticket;

/// Which earlier records an append replaces.
#[repr(i32)]
pub enum hw_rollup {
    /// None.
    None = 0,
    /// All earlier records of its own subject.
    Subject = 1,
    /// All earlier records of the stream.
    All = 2,
}

/// What an append carries besides subject and payload, and the conditions under which it may be. Zero is the
/// default of every field.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_append_options {
    /// sizeof(hw_append_options)
    pub struct_size: usize,
    /// Names and values, in order; a name may repeat. Names that begin with `Nats-` are refused: use the fields
    /// below.
    pub headers: *const hw_header,
    /// How many.
    pub headers_len: usize,
    /// Idempotence: a second append with this id within the stream's `duplicate_window_ns` is acknowledged as a
    /// duplicate.
    pub msg_id: hw_str,
    /// The subject or wildcard filter that `expect_subject_last_seq` speaks of; the own subject when empty.
    pub expect_filter: hw_str,
    /// With `has_event_time`: when it happened, in nanoseconds since the epoch, negative before 1970.
    pub event_time: i64,
    /// How long it stays: whole seconds, in nanoseconds; 0 is for good.
    pub ttl_ns: u64,
    /// With `has_expect_last_seq`: the stream's last sequence must be this one.
    pub expect_last_seq: u64,
    /// With `has_expect_subject_last_seq`: the last sequence of `expect_filter` must be this one; 0 means that
    /// there is none.
    pub expect_subject_last_seq: u64,
    /// An hw_rollup; the stream must `allow_rollup`.
    pub rollup: i32,
    /// Not 0: `event_time` is set.
    pub has_event_time: u8,
    /// Not 0: `expect_last_seq` is set.
    pub has_expect_last_seq: u8,
    /// Not 0: `expect_subject_last_seq` is set.
    pub has_expect_subject_last_seq: u8,
}

/// One record of a batch. In an array, all have the same `struct_size`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_append {
    /// sizeof(hw_append)
    pub struct_size: usize,
    /// The literal subject; the stream must take it.
    pub subject: hw_str,
    /// The bytes.
    pub payload: hw_bytes,
    /// The rest; may be NULL.
    pub options: *const hw_append_options,
}

/// What a write came to.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_ack {
    /// sizeof(hw_ack), set by the caller.
    pub struct_size: usize,
    /// The sequence of the record, or the revision of the key; of the last one for a batch; of the first one
    /// appended for a duplicate. 0 where none was given out.
    pub seq: u64,
    /// How many records were appended, deleted, purged or acknowledged; 0 for a duplicate.
    pub count: u64,
    /// An hw_durability: what the acknowledgement promises.
    pub durability: i32,
    /// Not 0: the message id was seen before, so nothing was appended.
    pub duplicate: u8,
}

versioned!(hw_append_options, hw_append, hw_ack);

impl From<Ack> for hw_ack {
    fn from(ack: Ack) -> Self {
        hw_ack {
            struct_size: 0,
            seq: ack.seq,
            count: ack.count.into(),
            durability: durability_number(ack.durability),
            duplicate: ack.duplicate.into(),
        }
    }
}

impl hw_ack {
    /// The outcome of something on disk that gave out no sequence.
    pub(crate) fn counted(count: u64) -> Self {
        hw_ack { struct_size: 0, seq: 0, count, durability: 0, duplicate: 0 }
    }

    /// The outcome of a write to one key.
    pub(crate) fn revision(revision: u64, durability: i32) -> Self {
        hw_ack { struct_size: 0, seq: revision, count: 1, durability, duplicate: 0 }
    }
}

/// Puts the options into an append.
fn apply(append: &mut Append<'_>, options: *const hw_append_options) -> Result<()> {
    if options.is_null() {
        return Ok(());
    }
    let options = raw::options(options)?;
    for header in raw::array("headers", options.headers, options.headers_len)? {
        append.headers.push((header.name.text("header name")?, header.value.text("header value")?));
    }
    append.event_time = (options.has_event_time != 0).then_some(options.event_time);
    append.ttl = (options.ttl_ns != 0).then(|| Duration::from_nanos(options.ttl_ns));
    append.msg_id = options.msg_id.some("msg_id")?;
    append.expect_last_seq = (options.has_expect_last_seq != 0).then_some(options.expect_last_seq);
    append.expect_subject_last_seq =
        (options.has_expect_subject_last_seq != 0).then_some(options.expect_subject_last_seq);
    append.expect_filter = options.expect_filter.some("expect_filter")?;
    append.rollup = match options.rollup {
        0 => Rollup::None,
        1 => Rollup::Subject,
        2 => Rollup::All,
        n => return Err(invalid(format!("rollup is {n}, which is no hw_rollup"))),
    };
    Ok(())
}

fn batch<'a>(records: *const hw_append, len: usize) -> Result<Vec<Append<'a>>> {
    raw::versioned_array("records", records, len)?
        .iter()
        .map(|record| {
            let mut append = Append::new(record.subject.text("subject")?, record.payload.bytes("payload")?);
            apply(&mut append, record.options)?;
            Ok(append)
        })
        .collect()
}

fn submit(stream: &Stream, records: &[Append<'_>]) -> Pending<Ack> {
    match records {
        [one] => stream.append(one),
        many => stream.append_batch(many),
    }
}

/// Appends one record, and returns when the stream's durability is reached. `options` and `ack` may be NULL.
///
/// Errors:    HW_STATUS_CONFLICT (a condition did not hold; hw_error_sequences has both numbers), HW_STATUS_LIMIT,
///            HW_STATUS_INVALID, HW_STATUS_IO, HW_STATUS_CLOSED.
/// Ownership: inputs are borrowed for the call.
/// Threads:   any; writers at once share one sync.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_append(
    stream: Option<&hw_stream>,
    subject: *const c_char,
    subject_len: usize,
    payload: *const c_void,
    payload_len: usize,
    options: *const hw_append_options,
    ack: *mut hw_ack,
    error: *mut *mut hw_error,
) -> hw_status {
    on(stream, error, |stream| {
        let subject = raw::text("subject", subject, subject_len)?;
        let mut append = Append::new(subject, raw::bytes("payload", payload, payload_len)?);
        apply(&mut append, options)?;
        let out = OutStruct::optional(ack)?;
        let ack = stream.stream.append(&append).wait()?;
        if let Some(out) = out {
            out.set(ack.into());
        }
        Ok(())
    })
}

/// Appends 1 to 1,000 records, all or nothing, across a crash too, and returns when the stream's durability is
/// reached. Only the first may carry `expect_last_seq`, and none a condition on a subject that the batch itself
/// writes. `ack` may be NULL.
///
/// Errors:    as hw_stream_append.
/// Ownership: inputs are borrowed for the call.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_append_batch(
    stream: Option<&hw_stream>,
    records: *const hw_append,
    records_len: usize,
    ack: *mut hw_ack,
    error: *mut *mut hw_error,
) -> hw_status {
    on(stream, error, |stream| {
        let records = batch(records, records_len)?;
        let out = OutStruct::optional(ack)?;
        let ack = stream.stream.append_batch(&records).wait()?;
        if let Some(out) = out {
            out.set(ack.into());
        }
        Ok(())
    })
}

/// As hw_stream_append for one record and hw_stream_append_batch for more, but returns at once: the ticket tells
/// what came of it. Records are appended in the order in which they were submitted.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CLOSED; all others come with the ticket.
/// Ownership: inputs are borrowed for the call; `*ticket` is yours, free with hw_ticket_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_stream_append_submit(
    stream: Option<&hw_stream>,
    records: *const hw_append,
    records_len: usize,
    ticket: *mut *mut hw_ticket,
    error: *mut *mut hw_error,
) -> hw_status {
    on(stream, error, |stream| {
        let records = batch(records, records_len)?;
        let out = Out::required("ticket", ticket)?;
        let pending = submit(&stream.stream, &records).map(hw_ack::from);
        out.give(hw_ticket::new(&stream.root, pending));
        Ok(())
    })
}
