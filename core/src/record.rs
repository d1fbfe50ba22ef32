//! What a stream takes and gives: [`Append`] going in, [`Ack`] coming back, and [`Batch`]es of records going out.
//!
//! A batch owns the bytes it was read into and its records borrow from it, so reading a million records costs no
//! allocation for each. Knows the layout of one record's body and nothing about where bodies are kept.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Nanos;
use crate::error::{Error, Result};
use crate::origin::{HEADER_ORIGIN, Origin};
use crate::varint::{bytes_len, put_bytes, put_varint, take_bytes, take_text, take_varint};

/// The largest payload of one record, in bytes; a stream may set a lower limit.
pub const PAYLOAD_BYTES_MAX: usize = 8 << 20;
/// The most that all headers of one record may take, in bytes.
pub const HEADERS_BYTES_MAX: usize = 64 << 10;
/// The most records that one atomic batch may hold.
pub const BATCH_RECORDS_MAX: usize = 1000;
/// The most bytes that one atomic batch may hold.
pub const BATCH_BYTES_MAX: usize = 64 << 20;

/// Header that carries an append's message id, as in JetStream.
pub const HEADER_MSG_ID: &str = "Nats-Msg-Id";
/// Header that carries a record's time to live, as in JetStream.
pub const HEADER_TTL: &str = "Nats-TTL";
/// Header that carries a rollup, as in JetStream.
pub const HEADER_ROLLUP: &str = "Nats-Rollup";

pub(crate) const TAG_HEADERS: u8 = 1;
pub(crate) const TAG_EVENT_TIME: u8 = 2;
/// The headers hold a message id, a time to live, a rollup or an origin, so replaying the record means more than
/// keeping it.
pub(crate) const TAG_SPECIAL: u8 = 4;
pub(crate) const TAG_CONTROL: u8 = 8;

/// Which earlier records an append replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rollup {
    /// None.
    #[default]
    None,
    /// All earlier records of its own subject.
    Subject,
    /// All earlier records of the stream.
    All,
}

/// One record to append, and the conditions under which it may be.
///
/// ```
/// use headwater::Append;
/// let append = Append::new("orders.eu.1", br#"{"n":1}"#).expect_subject_last_seq(0).msg_id("order-1");
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Append<'a> {
    /// The literal subject; the stream must take it.
    pub subject: &'a str,
    /// The bytes, at most [`PAYLOAD_BYTES_MAX`] or the stream's `max_msg_size`.
    pub payload: &'a [u8],
    /// Names and values, in order; a name may repeat. Names that begin with `Nats-` are refused: use the fields below.
    pub headers: Vec<(&'a str, &'a str)>,
    /// When it happened, as its source says: nanoseconds since the epoch, negative before 1970.
    pub event_time: Option<i64>,
    /// How long it stays, at least a second, whole seconds.
    pub ttl: Option<Duration>,
    /// Idempotence: a second append with this id within the stream's `duplicate_window` is acknowledged as a duplicate.
    pub msg_id: Option<&'a str>,
    /// The stream's last sequence must be this one.
    pub expect_last_seq: Option<u64>,
    /// The last sequence of `expect_filter` (or of the own subject) must be this one; 0 means that there is none.
    pub expect_subject_last_seq: Option<u64>,
    /// The subject or wildcard filter that `expect_subject_last_seq` speaks of; the own subject when not set.
    pub expect_filter: Option<&'a str>,
    /// Replaces earlier records; the stream must `allow_rollup`.
    pub rollup: Rollup,
}

impl<'a> Append<'a> {
    /// An unconditional append.
    pub fn new(subject: &'a str, payload: &'a [u8]) -> Self {
        Append { subject, payload, ..Append::default() }
    }

    /// Adds a header.
    pub fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sets when it happened, in nanoseconds since the epoch.
    pub fn event_time(mut self, time: i64) -> Self {
        self.event_time = Some(time);
        self
    }

    /// Sets how long it stays.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Sets the message id for idempotence.
    pub fn msg_id(mut self, id: &'a str) -> Self {
        self.msg_id = Some(id);
        self
    }

    /// Expects the stream's last sequence.
    pub fn expect_last_seq(mut self, seq: u64) -> Self {
        self.expect_last_seq = Some(seq);
        self
    }

    /// Expects the last sequence of the own subject; 0 means that it has no record.
    pub fn expect_subject_last_seq(mut self, seq: u64) -> Self {
        self.expect_subject_last_seq = Some(seq);
        self
    }

    /// Expects the last sequence among all subjects that `filter` takes: the dynamic consistency boundary.
    pub fn expect_filter_last_seq(mut self, filter: &'a str, seq: u64) -> Self {
        self.expect_filter = Some(filter);
        self.expect_subject_last_seq = Some(seq);
        self
    }

    /// Where it was first appended, when a header says so.
    pub(crate) fn origin(&self) -> Option<Origin> {
        let header = self.headers.iter().find(|h| h.0 == HEADER_ORIGIN);
        header.and_then(|h| Origin::parse(h.1))
    }

    /// Replaces earlier records.
    pub fn rollup(mut self, rollup: Rollup) -> Self {
        self.rollup = rollup;
        self
    }
}

/// How safe an acknowledged record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// On disk: it survives a power cut. Concurrent writers share one sync.
    #[default]
    Fsync,
    /// In memory, written and synced every `sync_interval`: a crash of the process or the machine may lose that much.
    Interval,
    /// With the operating system: it survives a crash of the process, not of the machine.
    Os,
    /// With as many servers of a hub as the stream has replicas. When they sync is their configuration, which a client
    /// cannot see. A local stream is never this.
    Unknown,
}

impl Durability {
    /// The stable lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Durability::Fsync => "fsync",
            Durability::Interval => "interval",
            Durability::Os => "os",
            Durability::Unknown => "unknown",
        }
    }

    /// The level with this name.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "fsync" => Ok(Durability::Fsync),
            "interval" => Ok(Durability::Interval),
            "os" => Ok(Durability::Os),
            "unknown" => Ok(Durability::Unknown),
            _ => Err(Error::invalid(format!("durability '{name}' is not one of fsync, interval, os, unknown"))),
        }
    }
}

/// What an append came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// The sequence of the record; of the last one for a batch; of the first one appended for a duplicate.
    pub seq: u64,
    /// How many records were appended; 0 for a duplicate.
    pub count: u32,
    /// Whether the message id was seen before, so that nothing was appended.
    pub duplicate: bool,
    /// What the acknowledgement promises.
    pub durability: Durability,
}

impl Ack {
    /// The sequence of the first record of the batch.
    pub fn first_seq(&self) -> u64 {
        self.seq - u64::from(self.count.saturating_sub(1))
    }
}

/// A record that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place in the stream, from 1.
    pub seq: u64,
    /// Its literal subject.
    pub subject: String,
    /// When it was committed, in nanoseconds since the epoch; never decreasing along a stream.
    pub time: Nanos,
    /// When it happened, as its source says.
    pub event_time: Option<i64>,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The bytes.
    pub payload: Vec<u8>,
}

/// A record that borrows from its [`Batch`].
#[derive(Debug, Clone, Copy)]
pub struct RecordView<'a> {
    /// Its place in the stream, from 1.
    pub seq: u64,
    /// Its literal subject.
    pub subject: &'a str,
    /// When it was committed, in nanoseconds since the epoch; never decreasing along a stream.
    pub time: Nanos,
    /// When it happened, as its source says.
    pub event_time: Option<i64>,
    /// The bytes.
    pub payload: &'a [u8],
    /// How often a consumer has delivered it, this time included; 0 when it was read without one.
    pub delivered: u32,
    headers: &'a [u8],
}

impl<'a> RecordView<'a> {
    /// Names and values, in order.
    pub fn headers(&self) -> Headers<'a> {
        Headers(self.headers)
    }

    /// The same as bytes.
    pub(crate) fn raw_headers(&self) -> RawHeaders<'a> {
        RawHeaders(self.headers)
    }

    /// The first value of the header `name`, letter case included.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// A copy that owns its bytes.
    pub fn to_record(&self) -> Record {
        Record {
            seq: self.seq,
            subject: self.subject.to_owned(),
            time: self.time,
            event_time: self.event_time,
            headers: self.headers().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
            payload: self.payload.to_vec(),
        }
    }
}

/// The headers of one record, in order.
#[derive(Debug, Clone)]
pub struct Headers<'a>(&'a [u8]);

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let name = take_text(&mut self.0)?;
        let value = take_text(&mut self.0)?;
        Some((name, value))
    }
}

/// The same as bytes, for whoever looks at few of many.
pub(crate) struct RawHeaders<'a>(&'a [u8]);

impl<'a> RawHeaders<'a> {
    /// How many bytes there are from here on.
    pub(crate) fn bytes_left(&self) -> usize {
        self.0.len()
    }

    /// A part of these bytes, as text; `None` for what is not UTF-8.
    pub(crate) fn text(&self, place: Range<usize>) -> Option<&'a str> {
        std::str::from_utf8(self.0.get(place)?).ok()
    }
}

impl<'a> Iterator for RawHeaders<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        Some((take_bytes(&mut self.0)?, take_bytes(&mut self.0)?))
    }
}

/// Records read together; they borrow their bytes from it.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    buffers: Vec<(Arc<Vec<u8>>, Base)>,
    items: Vec<Item>,
    delivered: Vec<u32>,
    missed: u64,
}

#[derive(Debug, Clone, Copy)]
struct Item {
    seq: u64,
    buffer: u32,
    start: u32,
    len: u32,
    tag: u8,
}

impl Batch {
    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many records limits removed before this subscriber came to read them: it fell that far behind. One that has
    /// read nothing yet misses nothing.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// The record at `index`.
    pub fn get(&self, index: usize) -> Option<RecordView<'_>> {
        let stored = self.stored(index)?;
        let mut view = decode(stored.tag, stored.base, stored.body)?;
        view.delivered = stored.delivered;
        Some(view)
    }

    /// The sequence of the record at `index`, without decoding it.
    pub fn seq(&self, index: usize) -> Option<u64> {
        self.items.get(index).map(|i| i.seq)
    }

    /// The sequence of the last record, without decoding it.
    pub(crate) fn last_seq(&self) -> Option<u64> {
        self.items.last().map(|i| i.seq)
    }

    /// The headers of the record at `index`, as bytes. It decodes nothing else.
    pub(crate) fn raw_headers(&self, index: usize) -> RawHeaders<'_> {
        let stored = self.stored(index).filter(|stored| stored.tag & TAG_HEADERS != 0);
        RawHeaders(stored.and_then(|stored| headers_in(stored.tag, stored.body)).unwrap_or_default())
    }

    /// The records, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = RecordView<'_>> + DoubleEndedIterator {
        (0..self.len()).map(|i| self.get(i).unwrap_or(RecordView::EMPTY))
    }

    /// Adds bytes that bodies of one segment lie in.
    pub(crate) fn add_buffer(&mut self, buffer: Vec<u8>, base: Base) -> u32 {
        self.buffers.push((Arc::new(buffer), base));
        self.buffers.len() as u32 - 1
    }

    /// As [`Batch::add_buffer`], with bytes that several bases share.
    pub(crate) fn share_buffer(&mut self, buffer: Arc<Vec<u8>>, base: Base) -> u32 {
        self.buffers.push((buffer, base));
        self.buffers.len() as u32 - 1
    }

    /// The record at `index` as it is stored.
    pub(crate) fn stored(&self, index: usize) -> Option<Stored<'_>> {
        let item = self.items.get(index)?;
        let (buffer, base) = self.buffers.get(item.buffer as usize)?;
        let body = buffer.get(item.start as usize..(item.start + item.len) as usize)?;
        let delivered = self.delivered.get(index).copied().unwrap_or(0);
        Some(Stored { tag: item.tag, base: *base, body, delivered })
    }

    /// Bytes of its records as they are stored.
    pub(crate) fn stored_bytes(&self) -> usize {
        self.items.iter().map(|i| i.len as usize).sum()
    }

    /// How many of its first records it takes to have so many bytes as they are stored; all if it has fewer.
    pub(crate) fn upto_bytes(&self, bytes: usize) -> usize {
        let sums = self.items.iter().scan(0, |sum, item| {
            let before = *sum;
            *sum += item.len as usize;
            Some(before)
        });
        sums.take_while(|&before| before < bytes).count()
    }

    /// Adds the record whose body lies at `start` of a buffer that was added before.
    pub(crate) fn push(&mut self, buffer: u32, start: usize, len: usize, tag: u8, seq: u64) {
        self.items.push(Item { seq, buffer, start: start as u32, len: len as u32, tag });
    }

    pub(crate) fn set_missed(&mut self, missed: u64) {
        self.missed = missed;
    }

    pub(crate) fn set_delivered(&mut self, delivered: Vec<u32>) {
        self.delivered = delivered;
    }

    /// Adds records in the place of those that are on the same subjects.
    pub(crate) fn replace(&mut self, newer: Batch) {
        if !self.is_empty() {
            let subjects: BTreeSet<&str> = newer.iter().map(|record| record.subject).collect();
            let stays: Vec<bool> = self.iter().map(|record| !subjects.contains(record.subject)).collect();
            let mut stays = stays.into_iter();
            self.items.retain(|_| stays.next().unwrap_or(true));
        }
        self.absorb(newer);
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.items.truncate(len);
    }

    /// Takes the first `count` records out; what was missed before them goes with them.
    pub(crate) fn split_to(&mut self, count: usize) -> Batch {
        let count = count.min(self.items.len());
        Batch {
            buffers: self.buffers.clone(),
            items: self.items.drain(..count).collect(),
            delivered: self.delivered.drain(..count.min(self.delivered.len())).collect(),
            missed: std::mem::take(&mut self.missed),
        }
    }

    /// As [`Batch::absorb`], with how often each was delivered.
    #[cfg(feature = "hub")]
    pub(crate) fn absorb_delivered(&mut self, mut other: Batch) {
        self.delivered.resize(self.items.len(), 0);
        self.delivered.append(&mut other.delivered);
        self.absorb(other);
    }

    pub(crate) fn reverse(&mut self) {
        self.items.reverse();
    }

    pub(crate) fn absorb(&mut self, other: Batch) {
        let shift = self.buffers.len() as u32;
        self.buffers.extend(other.buffers);
        self.items.extend(other.items.into_iter().map(|i| Item { buffer: i.buffer + shift, ..i }));
        self.missed += other.missed;
    }
}

impl RecordView<'_> {
    /// What an append will read as.
    pub(crate) fn of_append<'a>(append: &Append<'a>, seq: u64, time: Nanos) -> RecordView<'a> {
        RecordView {
            seq,
            subject: append.subject,
            time,
            event_time: append.event_time,
            payload: append.payload,
            delivered: 0,
            headers: &[],
        }
    }

    pub(crate) const EMPTY: RecordView<'static> =
        RecordView { seq: 0, subject: "", time: 0, event_time: None, payload: &[], delivered: 0, headers: &[] };
}

/// A record's body, with what it takes to read it.
pub(crate) struct Stored<'a> {
    pub(crate) tag: u8,
    pub(crate) base: Base,
    pub(crate) body: &'a [u8],
    pub(crate) delivered: u32,
}

/// What the sequences and times of one segment's records count from; none is less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Base {
    pub(crate) seq: u64,
    pub(crate) time: Nanos,
}

/// Appends the body of a record to `out`, and returns its tag.
pub(crate) fn encode(out: &mut Vec<u8>, append: &Append<'_>, base: Base, seq: u64, time: Nanos) -> u8 {
    let mut tag = 0;
    put_varint(out, seq - base.seq);
    put_varint(out, time - base.time);
    put_varint(out, append.subject.len() as u64);
    out.extend_from_slice(append.subject.as_bytes());
    if let Some(event_time) = append.event_time {
        tag |= TAG_EVENT_TIME;
        out.extend_from_slice(&event_time.to_le_bytes());
    }
    let ttl = append.ttl.map(|ttl| format!("{}s", ttl.as_secs()));
    let rollup = match append.rollup {
        Rollup::None => None,
        Rollup::Subject => Some("sub"),
        Rollup::All => Some("all"),
    };
    let fields = [(HEADER_MSG_ID, append.msg_id), (HEADER_TTL, ttl.as_deref()), (HEADER_ROLLUP, rollup)];
    let of_fields = fields.iter().filter_map(|&(name, value)| Some((name, value?)));
    let is_special = of_fields.clone().next().is_some() || append.headers.iter().any(|h| h.0 == HEADER_ORIGIN);
    if is_special || !append.headers.is_empty() {
        tag |= TAG_HEADERS | if is_special { TAG_SPECIAL } else { 0 };
        let headers = append.headers.iter().copied().chain(of_fields);
        let texts = headers.flat_map(|(name, value)| [name, value]);
        put_varint(out, texts.clone().map(|text| bytes_len(text.as_bytes()) as u64).sum());
        texts.for_each(|text| put_bytes(out, text.as_bytes()));
    }
    out.extend_from_slice(append.payload);
    tag
}

/// Reads a record's body; `None` when it is malformed, which a checksum that held rules out.
pub(crate) fn decode(tag: u8, base: Base, body: &[u8]) -> Option<RecordView<'_>> {
    let mut rest = body;
    let (seq, time) = take_stamp(base, &mut rest)?;
    let subject = take_text(&mut rest)?;
    let event_time = if tag & TAG_EVENT_TIME != 0 {
        let (bytes, after) = rest.split_at_checked(8)?;
        rest = after;
        Some(i64::from_le_bytes(bytes.try_into().ok()?))
    } else {
        None
    };
    let headers = if tag & TAG_HEADERS != 0 {
        let len = take_varint(&mut rest)?;
        let (headers, after) = rest.split_at_checked(usize::try_from(len).ok()?)?;
        rest = after;
        headers
    } else {
        &[]
    };
    Some(RecordView { seq, subject, time, event_time, payload: rest, delivered: 0, headers })
}

/// The bytes of the headers in the body of a record that has some.
fn headers_in(tag: u8, body: &[u8]) -> Option<&[u8]> {
    let mut rest = body;
    take_varint(&mut rest)?;
    take_varint(&mut rest)?;
    take_bytes(&mut rest)?;
    if tag & TAG_EVENT_TIME != 0 {
        rest = rest.get(8..)?;
    }
    take_bytes(&mut rest)
}

/// Takes sequence and time from the front of a record's body.
pub(crate) fn take_stamp(base: Base, body: &mut &[u8]) -> Option<(u64, Nanos)> {
    let (seq, time) = (take_varint(body)?, take_varint(body)?);
    Some((base.seq.checked_add(seq)?, base.time.checked_add(time)?))
}

/// The time to live that a `Nats-TTL` header states, in whole seconds.
pub(crate) fn parse_ttl(value: &str) -> Option<Duration> {
    value.strip_suffix('s').unwrap_or(value).parse().ok().map(Duration::from_secs)
}
