//! Records as they come from a hub, gathered into a [`Batch`]; and headers, ours to theirs and back.
//!
//! NATS keeps headers in their order, but the client does not, so where an append has several names their order goes
//! along in a header of ours. What only carries a condition or tells how a record was fetched is not the record's.

use async_nats::{HeaderMap, HeaderName, HeaderValue};

use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Append, Base, Batch, HEADER_MSG_ID, HEADER_ROLLUP, HEADER_TTL, Record, Rollup, encode};

/// When it happened, as its source says: decimal nanoseconds since the epoch.
pub(super) const HEADER_EVENT_TIME: &str = "Headwater-Event-Time";
/// The names of the headers in their order, where there are several.
const HEADER_ORDER: &str = "Headwater-Order";

/// Headers that carry a condition, or say how a record was fetched or published.
const NOT_THE_RECORDS: [&str; 19] = [
    "Nats-Expected-Stream",
    "Nats-Expected-Last-Sequence",
    "Nats-Expected-Last-Subject-Sequence",
    "Nats-Expected-Last-Subject-Sequence-Subject",
    "Nats-Expected-Last-Msg-Id",
    "Nats-Required-Api-Level",
    "Nats-Batch-Id",
    "Nats-Batch-Sequence",
    "Nats-Batch-Commit",
    "Nats-Stream",
    "Nats-Subject",
    "Nats-Sequence",
    "Nats-Time-Stamp",
    "Nats-Last-Sequence",
    "Nats-Num-Pending",
    "Nats-UpTo-Sequence",
    "Nats-Pending-Messages",
    HEADER_EVENT_TIME,
    HEADER_ORDER,
];

/// Everything that is a name and a value, in the order in which a local read shows it.
type Pairs<'a> = Vec<(&'a str, &'a str)>;

/// A record as it came.
pub(super) struct Raw<'a> {
    pub(super) seq: u64,
    pub(super) time: Nanos,
    pub(super) subject: &'a str,
    pub(super) payload: &'a [u8],
    pub(super) headers: Pairs<'a>,
    pub(super) event_time: Option<i64>,
}

impl<'a> Raw<'a> {
    pub(super) fn new(
        seq: u64,
        time: Nanos,
        subject: &'a str,
        headers: Option<&'a HeaderMap>,
        payload: &'a [u8],
    ) -> Self {
        let mut raw = Raw { seq, time, subject, payload, headers: Vec::new(), event_time: None };
        if let Some(headers) = headers.filter(|h| !h.is_empty()) {
            let mut all = Vec::new();
            for (name, values) in headers.iter() {
                let name: &str = name.as_ref();
                all.extend(values.iter().map(|v| (name, v.as_str())));
            }
            raw.set_headers(&all, false);
        }
        raw
    }

    /// Sorts headers into what they are. `ordered` is whether they are in the order in which they were published.
    pub(super) fn set_headers(&mut self, all: &[(&'a str, &'a str)], ordered: bool) {
        let value = |name: &str| all.iter().find(|h| h.0 == name).map(|h| h.1);
        self.event_time = value(HEADER_EVENT_TIME).and_then(|v| v.parse().ok());
        let special = [HEADER_MSG_ID, HEADER_TTL, HEADER_ROLLUP];
        let ours = |name: &str| special.contains(&name) || NOT_THE_RECORDS.contains(&name);
        let mut plain: Pairs<'a> = all.iter().copied().filter(|h| !ours(h.0)).collect();
        if let Some(order) = value(HEADER_ORDER) {
            plain = reorder(plain, order);
        } else if !ordered {
            // By name, so that it is the same each time; values of one name are in their order.
            plain.sort_by_key(|h| h.0);
        }
        self.headers = plain;
        self.headers.extend(special.iter().filter_map(|name| all.iter().copied().find(|h| h.0 == *name)));
    }

    /// What it takes to write it as a record of ours.
    fn as_append(&self) -> Append<'a> {
        Append {
            subject: self.subject,
            payload: self.payload,
            headers: self.headers.clone(),
            event_time: self.event_time,
            ..Append::default()
        }
    }

    /// The time that a range of event times speaks of.
    pub(super) fn event(&self) -> i64 {
        self.event_time.unwrap_or(self.time as i64)
    }

    pub(super) fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|h| h.0.len() + h.1.len()).sum();
        self.subject.len() + headers + self.payload.len()
    }

    pub(super) fn to_record(&self) -> Record {
        Record {
            seq: self.seq,
            subject: self.subject.to_owned(),
            time: self.time,
            event_time: self.event_time,
            headers: self.headers.iter().map(|h| (h.0.to_owned(), h.1.to_owned())).collect(),
            payload: self.payload.to_vec(),
        }
    }
}

/// Puts headers into the order that `order` names.
fn reorder<'a>(mut plain: Pairs<'a>, order: &str) -> Pairs<'a> {
    let mut sorted = Vec::with_capacity(plain.len());
    for name in order.split(' ') {
        if let Some(at) = plain.iter().position(|h| h.0 == name) {
            sorted.push(plain.remove(at));
        }
    }
    sorted.extend(plain);
    sorted
}

/// Gathers records into a batch.
#[derive(Default)]
pub(super) struct Gather {
    bytes: Vec<u8>,
    batch: Batch,
    delivered: Vec<u32>,
    last_seq: u64,
}

/// Where sequences and times count from in what is gathered: records of any order go together.
const FROM_ZERO: Base = Base { seq: 0, time: 0 };

impl Gather {
    pub(super) fn push(&mut self, raw: &Raw<'_>, delivered: u32) {
        let start = self.bytes.len();
        let tag = encode(&mut self.bytes, &raw.as_append(), FROM_ZERO, raw.seq, raw.time);
        self.batch.push(0, start, self.bytes.len() - start, tag, raw.seq);
        if delivered > 0 {
            self.delivered.push(delivered);
        }
        self.last_seq = raw.seq;
    }

    pub(super) fn len(&self) -> usize {
        self.batch.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn finish(mut self) -> Batch {
        if !self.batch.is_empty() {
            self.batch.add_buffer(self.bytes, FROM_ZERO);
            self.batch.set_delivered(self.delivered);
        }
        self.batch
    }
}

/// The headers of an append, without its conditions; `None` when it has none. Refuses what NATS would change.
pub(super) fn headers_of(append: &Append<'_>) -> Result<Option<HeaderMap>> {
    let mut map = HeaderMap::new();
    for &(name, value) in &append.headers {
        let cannot = |why: &str| {
            Err(Error::new(
                ErrorKind::Unsupported,
                format!("header '{}' {why}, which NATS does not keep", name.escape_debug()),
            ))
        };
        if !name.bytes().all(|b| b.is_ascii_graphic()) {
            return cannot("has a name with letters beyond ASCII");
        }
        if value.trim() != value {
            return cannot("has a value with white space at an end");
        }
        if name.eq_ignore_ascii_case(HEADER_EVENT_TIME) || name.eq_ignore_ascii_case(HEADER_ORDER) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("header '{name}' is what a hub's records carry for us"),
            ));
        }
        let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) else {
            return cannot("is none");
        };
        map.append(name, value);
    }
    if map.len() > 1 {
        let order: Vec<&str> = append.headers.iter().map(|h| h.0).collect();
        map.insert(HEADER_ORDER, order.join(" "));
    }
    if let Some(time) = append.event_time {
        map.insert(HEADER_EVENT_TIME, time.to_string());
    }
    if let Some(id) = append.msg_id {
        if id.trim() != id {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "msg_id has white space at an end, which NATS does not keep",
            ));
        }
        map.insert(async_nats::header::NATS_MESSAGE_ID, id);
    }
    if let Some(ttl) = append.ttl {
        map.insert(async_nats::header::NATS_MESSAGE_TTL, format!("{}s", ttl.as_secs()));
    }
    match append.rollup {
        Rollup::None => {}
        Rollup::Subject => map.insert(async_nats::header::NATS_ROLLUP, "sub"),
        Rollup::All => map.insert(async_nats::header::NATS_ROLLUP, "all"),
    }
    Ok((!map.is_empty()).then_some(map))
}

/// Headers in the order of their bytes, as the leader's answers carry them.
pub(super) fn parse_block(block: &[u8]) -> Vec<(&str, &str)> {
    let Ok(text) = std::str::from_utf8(block) else { return Vec::new() };
    let lines = text.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name, value.trim())).collect()
}
