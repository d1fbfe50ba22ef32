//! Records on their way to a node and from it: appends with their conditions, acknowledgements, and batches in the
//! layout that their bodies have on disk.

use std::sync::Arc;

use super::wire::{Wire, take, take_byte};
use crate::record::{Ack, Append, Base, Batch, Durability, Record, Rollup, decode};
use crate::varint::{put_bytes, put_varint, take_bytes, take_text, take_varint};

const DURABILITIES: [Durability; 4] = [Durability::Fsync, Durability::Interval, Durability::Os, Durability::Unknown];
const ROLLUPS: [Rollup; 3] = [Rollup::None, Rollup::Subject, Rollup::All];

/// Appends a batch as it is asked to be appended.
pub(super) fn put_appends(out: &mut Vec<u8>, batch: &[Append<'_>]) {
    put_varint(out, batch.len() as u64);
    for append in batch {
        put_bytes(out, append.subject.as_bytes());
        put_bytes(out, append.payload);
        put_varint(out, append.headers.len() as u64);
        for (name, value) in &append.headers {
            put_bytes(out, name.as_bytes());
            put_bytes(out, value.as_bytes());
        }
        append.event_time.put(out);
        append.ttl.put(out);
        put_optional(out, append.msg_id);
        append.expect_last_seq.put(out);
        append.expect_subject_last_seq.put(out);
        put_optional(out, append.expect_filter);
        out.push(ROLLUPS.iter().position(|r| *r == append.rollup).unwrap_or_default() as u8);
    }
}

/// Takes what [`put_appends`] wrote; it borrows from the frame.
pub(crate) fn take_appends<'a>(from: &mut &'a [u8]) -> Option<Vec<Append<'a>>> {
    let count = take_varint(from)?;
    let mut batch = Vec::new();
    for _ in 0..count {
        let (subject, payload) = (take_text(from)?, take_bytes(from)?);
        let mut headers = Vec::new();
        for _ in 0..take_varint(from)? {
            headers.push((take_text(from)?, take_text(from)?));
        }
        batch.push(Append {
            subject,
            payload,
            headers,
            event_time: take(from)?,
            ttl: take(from)?,
            msg_id: Optional::take(from)?.0,
            expect_last_seq: take(from)?,
            expect_subject_last_seq: take(from)?,
            expect_filter: Optional::take(from)?.0,
            rollup: *ROLLUPS.get(usize::from(take_byte(from)?))?,
        });
    }
    Some(batch)
}

fn put_optional(out: &mut Vec<u8>, text: Option<&str>) {
    text.is_some().put(out);
    if let Some(text) = text {
        put_bytes(out, text.as_bytes());
    }
}

/// A text that may be left out, borrowed from the frame.
struct Optional<'a>(Option<&'a str>);

impl<'a> Optional<'a> {
    fn take(from: &mut &'a [u8]) -> Option<Self> {
        Some(Optional(if bool::take(from)? { Some(take_text(from)?) } else { None }))
    }
}

impl Wire for Ack {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.seq);
        put_varint(out, self.count.into());
        self.duplicate.put(out);
        out.push(DURABILITIES.iter().position(|d| *d == self.durability).unwrap_or_default() as u8);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(Ack {
            seq: take_varint(from)?,
            count: take_varint(from)?.try_into().ok()?,
            duplicate: bool::take(from)?,
            durability: *DURABILITIES.get(usize::from(take_byte(from)?))?,
        })
    }
}

impl Wire for Record {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.seq);
        self.subject.put(out);
        put_varint(out, self.time);
        self.event_time.put(out);
        self.headers.put(out);
        put_bytes(out, &self.payload);
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        Some(Record {
            seq: take_varint(from)?,
            subject: String::take(from)?,
            time: take_varint(from)?,
            event_time: take(from)?,
            headers: Vec::take(from)?,
            payload: take_bytes(from)?.to_vec(),
        })
    }
}

/// Bodies as they are, each with what its sequence and time count from.
impl Wire for Batch {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.missed());
        put_varint(out, self.len() as u64);
        for stored in (0..self.len()).filter_map(|i| self.stored(i)) {
            put_varint(out, stored.base.seq);
            put_varint(out, stored.base.time);
            out.push(stored.tag);
            put_varint(out, stored.delivered.into());
            put_bytes(out, stored.body);
        }
    }

    fn take(from: &mut &[u8]) -> Option<Self> {
        let all: Arc<Vec<u8>> = Arc::new(from.to_vec());
        let mut rest = &all[..];
        let mut batch = Batch::default();
        batch.set_missed(take_varint(&mut rest)?);
        let (mut current, mut delivered) = (None, Vec::new());
        for _ in 0..take_varint(&mut rest)? {
            let base = Base { seq: take_varint(&mut rest)?, time: take_varint(&mut rest)? };
            let tag = take_byte(&mut rest)?;
            delivered.push(take_varint(&mut rest)?.try_into().ok()?);
            let body = take_bytes(&mut rest)?;
            let view = decode(tag, base, body)?;
            let buffer = match current {
                Some((known, buffer)) if known == base => buffer,
                _ => batch.share_buffer(Arc::clone(&all), base),
            };
            current = Some((base, buffer));
            batch.push(buffer, all.len() - rest.len() - body.len(), body.len(), tag, view.seq);
        }
        *from = &from[all.len() - rest.len()..];
        batch.set_delivered(delivered);
        Some(batch)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::wire::{bytes_of, whole};
    use super::*;
    use crate::record::encode;

    #[test]
    fn an_append_comes_back_with_all_its_conditions() {
        let plain = Append::new("a", b"");
        let full = Append::new("orders.1", b"payload")
            .header("a", "1")
            .header("a", "2")
            .event_time(-5)
            .ttl(Duration::from_secs(3))
            .msg_id("id")
            .expect_last_seq(7)
            .expect_filter_last_seq("orders.>", 0)
            .rollup(Rollup::All);
        let mut bytes = Vec::new();
        put_appends(&mut bytes, &[plain.clone(), full.clone()]);
        let back = take_appends(&mut &bytes[..]).expect("two appends");
        assert_eq!(format!("{back:?}"), format!("{:?}", [plain, full]));
        for end in 0..bytes.len() {
            assert!(take_appends(&mut &bytes[..end]).is_none(), "cut at {end}");
        }
    }

    #[test]
    fn a_batch_comes_back_over_several_bases() {
        let mut batch = Batch::default();
        for (base, seqs) in [(Base { seq: 1, time: 10 }, 1..4u64), (Base { seq: 90, time: 50 }, 90..92)] {
            let (mut bytes, mut places) = (Vec::new(), Vec::new());
            for seq in seqs {
                let start = bytes.len();
                let append = Append::new("a.b", b"payload").header("n", "v");
                let tag = encode(&mut bytes, &append, base, seq, base.time + seq);
                places.push((start, bytes.len() - start, tag, seq));
            }
            let buffer = batch.add_buffer(bytes, base);
            for (start, len, tag, seq) in places {
                batch.push(buffer, start, len, tag, seq);
            }
        }
        batch.set_missed(5);
        batch.set_delivered(vec![1, 2, 3, 4, 5]);
        let bytes = bytes_of(&batch);
        let back: Batch = whole(&bytes).expect("a batch");
        let all = |batch: &Batch| batch.iter().map(|r| (r.to_record(), r.delivered)).collect::<Vec<_>>();
        assert_eq!((all(&back), back.missed()), (all(&batch), 5));
        assert_eq!(back.len(), 5);
        for end in 0..bytes.len() {
            assert!(whole::<Batch>(&bytes[..end]).is_none(), "cut at {end}");
        }
    }
}
