//! Records in packed form: appends coming in, batches going out. `lib/records.js` is the other side.

use std::time::Duration;

use headwater::{Append, Batch, Record, RecordView, Rollup};

use crate::error::Result;
use crate::pack::{Reader, Writer};

const HAS_HEADERS: u32 = 1;
const HAS_EVENT_TIME: u32 = 1 << 1;
const HAS_TTL: u32 = 1 << 2;
const HAS_MSG_ID: u32 = 1 << 3;
const HAS_EXPECT_LAST_SEQ: u32 = 1 << 4;
const HAS_EXPECT_SUBJECT_LAST_SEQ: u32 = 1 << 5;
const HAS_EXPECT_FILTER: u32 = 1 << 6;
const ROLLUP_SUBJECT: u32 = 1 << 7;
const ROLLUP_ALL: u32 = 1 << 8;

/// The bytes that a packed record takes beside its texts and its payload, roughly.
const OVERHEAD_BYTES: usize = 48;

/// The `count` appends that `bytes` hold; they borrow from it.
pub(crate) fn unpack(bytes: &[u8], count: u32) -> Result<Vec<Append<'_>>> {
    let mut reader = Reader::new(bytes);
    (0..count).map(|_| unpack_one(&mut reader)).collect()
}

fn unpack_one<'a>(reader: &mut Reader<'a>) -> Result<Append<'a>> {
    let flags = reader.u32()?;
    let subject_len = reader.u32()? as usize;
    let payload_len = reader.u32()? as usize;
    let mut append = Append::default();
    if flags != 0 {
        unpack_options(reader, flags, &mut append)?;
    }
    append.subject = reader.text_of(subject_len)?;
    append.payload = reader.raw(payload_len)?;
    Ok(append)
}

fn unpack_options<'a>(reader: &mut Reader<'a>, flags: u32, append: &mut Append<'a>) -> Result<()> {
    let has = |flag: u32| flags & flag != 0;
    if has(HAS_EVENT_TIME) {
        append.event_time = Some(reader.i64()?);
    }
    if has(HAS_TTL) {
        append.ttl = Some(Duration::from_nanos(reader.u64()?));
    }
    if has(HAS_EXPECT_LAST_SEQ) {
        append.expect_last_seq = Some(reader.u64()?);
    }
    if has(HAS_EXPECT_SUBJECT_LAST_SEQ) {
        append.expect_subject_last_seq = Some(reader.u64()?);
    }
    if has(HAS_MSG_ID) {
        append.msg_id = Some(reader.text()?);
    }
    if has(HAS_EXPECT_FILTER) {
        append.expect_filter = Some(reader.text()?);
    }
    if has(HAS_HEADERS) {
        for _ in 0..reader.u32()? {
            append.headers.push((reader.text()?, reader.text()?));
        }
    }
    if has(ROLLUP_SUBJECT) {
        append.rollup = Rollup::Subject;
    }
    if has(ROLLUP_ALL) {
        append.rollup = Rollup::All;
    }
    Ok(())
}

/// A batch: how many, how many were missed, then each record.
pub(crate) fn pack(batch: &Batch) -> Vec<u8> {
    let bytes = batch.iter().map(|r| r.subject.len() + r.payload.len() + OVERHEAD_BYTES).sum::<usize>();
    let mut out = Writer::with_capacity(bytes + 12);
    out.u32(batch.len() as u32);
    out.u64(batch.missed());
    for view in batch.iter() {
        pack_view(&mut out, &view);
    }
    out.finish()
}

fn pack_view(out: &mut Writer, view: &RecordView<'_>) {
    pack_fixed(
        out,
        (view.seq, view.time, view.event_time, view.delivered),
        (view.headers().count(), view.subject.len(), view.payload.len()),
    );
    for (name, value) in view.headers() {
        out.text(name);
        out.text(value);
    }
    out.raw(view.subject.as_bytes());
    out.raw(view.payload);
}

/// One record by itself, in the same form.
pub(crate) fn pack_record(record: &Record) -> Vec<u8> {
    let mut out = Writer::with_capacity(record.subject.len() + record.payload.len() + OVERHEAD_BYTES);
    pack_fixed(
        &mut out,
        (record.seq, record.time, record.event_time, 0),
        (record.headers.len(), record.subject.len(), record.payload.len()),
    );
    for (name, value) in &record.headers {
        out.text(name);
        out.text(value);
    }
    out.raw(record.subject.as_bytes());
    out.raw(&record.payload);
    out.finish()
}

fn pack_fixed(
    out: &mut Writer,
    (seq, time, event_time, delivered): (u64, u64, Option<i64>, u32),
    (headers, subject_len, payload_len): (usize, usize, usize),
) {
    out.u64(seq);
    out.u64(time);
    out.i64(event_time.unwrap_or(0));
    out.u32(event_time.is_some().into());
    out.u32(delivered);
    out.u32(headers as u32);
    out.u32(subject_len as u32);
    out.u32(payload_len as u32);
}
