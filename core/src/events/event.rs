//! Events: what is saved, and what is read.

use std::ops::Range;

use crate::clock::Nanos;
use crate::error::{Error, Result};
use crate::record::{Append, PAYLOAD_BYTES_MAX, RawHeaders, RecordView};

use super::cipher::SEALED_BYTES;
use super::names::{check, check_data_subject, id_of};
use super::opened::Opened;
use super::save::Position;
use super::wanted::Tags;

/// The name of an event.
pub(super) const HEADER_TYPE: &str = "Headwater-Event";
/// Its place among the events of its aggregate, from 1.
pub(super) const HEADER_VERSION: &str = "Headwater-Version";
/// The version of the shape of its data; 1 where it is missing.
pub(super) const HEADER_SCHEMA: &str = "Headwater-Schema";
pub(super) const HEADER_COMMAND: &str = "Headwater-Command";
pub(super) const HEADER_CORRELATION: &str = "Headwater-Correlation";
pub(super) const HEADER_CAUSATION: &str = "Headwater-Causation";
/// Whom its data is about: the data is encrypted with a key of that.
pub(super) const HEADER_DATA_SUBJECT: &str = "Headwater-Data-Subject";

/// The most of these headers that one event has.
const HEADERS_MAX: usize = 7;

/// An event to be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent<'a> {
    /// Its name, which stays whatever becomes of the program: 1 to 128 bytes.
    pub event_type: &'a str,
    /// What happened, in the user's encoding; JSON where it shall be read by tools.
    pub data: &'a [u8],
    /// The version of the shape of `data`, from 1.
    pub schema: u32,
    /// When it happened, in nanoseconds since the epoch; when it was saved, if not set.
    pub time: Option<i64>,
    /// Further names and values; names that begin with `Headwater-` or `Nats-` are refused.
    pub metadata: Vec<(&'a str, &'a str)>,
    /// The person or thing that `data` is about, 1 to 128 bytes: `data` is encrypted with a key of it, and reads as
    /// erased once that is [forgotten](super::EventStore::forget). The name itself, the type and the metadata stay.
    pub data_subject: Option<&'a str>,
}

impl<'a> NewEvent<'a> {
    /// An event of the first schema.
    pub fn new(event_type: &'a str, data: &'a [u8]) -> Self {
        NewEvent { event_type, data, schema: 1, time: None, metadata: Vec::new(), data_subject: None }
    }

    pub(super) fn check(&self) -> Result<()> {
        check("the type of an event", self.event_type)?;
        if self.event_type.chars().any(char::is_control) {
            return Err(Error::invalid(format!(
                "event type '{}' has a control character",
                self.event_type.escape_debug()
            )));
        }
        if self.schema == 0 {
            return Err(Error::invalid(format!("event '{}': schemas begin at 1", self.event_type)));
        }
        if let Some(data_subject) = self.data_subject {
            check_data_subject(data_subject)?;
            let (bytes, most) = (self.data.len(), PAYLOAD_BYTES_MAX - SEALED_BYTES);
            if bytes > most {
                return Err(Error::invalid(format!(
                    "event '{}' has {bytes} bytes of data, the most with a data subject is {most}",
                    self.event_type
                )));
            }
        }
        check_metadata(&format!("event '{}'", self.event_type), &self.metadata)
    }

    /// The record of it, without a condition. `numbers` are the texts of its version and of its
    /// schema, which is empty for the first one; `data` is its data, encrypted if it has a data subject.
    pub(super) fn append<'s>(
        &'s self,
        subject: &'s str,
        numbers: &'s (String, String),
        tags: &'s Tags,
        data: &'s [u8],
    ) -> Append<'s> {
        let mut headers = Vec::with_capacity(HEADERS_MAX + self.metadata.len());
        headers.extend([(HEADER_TYPE, self.event_type), (HEADER_VERSION, numbers.0.as_str())]);
        if !numbers.1.is_empty() {
            headers.push((HEADER_SCHEMA, &numbers.1));
        }
        headers.extend(self.data_subject.map(|data_subject| (HEADER_DATA_SUBJECT, data_subject)));
        headers.extend(tags.headers());
        headers.extend(self.metadata.iter().map(|&(name, value)| (name, value)));
        headers.extend(tags.metadata());
        Append { headers, event_time: self.time, ..Append::new(subject, data) }
    }
}

/// Whether names of metadata may be what they are.
pub(super) fn check_metadata(of: &str, metadata: &[(&str, &str)]) -> Result<()> {
    let taken = |name: &str| ["headwater-", "nats-"].iter().any(|p| starts_with(name, p));
    match metadata.iter().find(|(name, _)| taken(name)) {
        Some((name, _)) => Err(Error::invalid(format!(
            "{of}: metadata may not be named '{}', as what begins with 'Headwater-' or 'Nats-'",
            name.escape_debug()
        ))),
        None => Ok(()),
    }
}

fn starts_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// What the headers of a record say of the event in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    /// 0 where it is missing or wrong.
    version: u64,
    /// 0 where it is wrong.
    schema: u32,
    event_type: Place,
    data_subject: Place,
}

/// Where a value is among the bytes of headers; it ends at 0 where it is missing.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    start: u32,
    end: u32,
}

impl Place {
    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl Mark {
    pub(super) fn of(mut headers: RawHeaders<'_>) -> Self {
        let all = headers.bytes_left();
        let mut mark = Mark { version: 0, schema: 1, event_type: Place::default(), data_subject: Place::default() };
        while let Some((name, value)) = headers.next() {
            let is = |header: &str| name == header.as_bytes();
            let end = all - headers.bytes_left();
            // Headers are few bytes: `HEADERS_BYTES_MAX`.
            let place = Place { start: (end - value.len()) as u32, end: end as u32 };
            if is(HEADER_TYPE) {
                let is_text = value.is_ascii() || std::str::from_utf8(value).is_ok();
                mark.event_type = if is_text { place } else { Place::default() };
            } else if is(HEADER_VERSION) {
                mark.version = number(value).unwrap_or(0);
            } else if is(HEADER_SCHEMA) {
                mark.schema = number(value).and_then(|schema| schema.try_into().ok()).unwrap_or(0);
            } else if is(HEADER_DATA_SUBJECT) {
                mark.data_subject = place;
            }
        }
        mark
    }

    /// Whether there is an event.
    pub(super) fn is_event(&self) -> bool {
        self.event_type.end > 0 && self.version > 0 && self.schema > 0
    }

    /// Whether its data is about somebody, and encrypted.
    pub(super) fn is_sealed(&self) -> bool {
        self.data_subject.end > 0
    }
}

fn no_event(record: RecordView<'_>, mark: &Mark) -> Error {
    let name = match mark {
        Mark { version: 0, .. } if mark.event_type.end > 0 => HEADER_VERSION,
        Mark { schema: 0, .. } if mark.event_type.end > 0 => HEADER_SCHEMA,
        _ => HEADER_TYPE,
    };
    let place = format!("record {} on '{}'", record.seq, record.subject);
    Error::corrupt(format!("{place} is no event: header '{name}' is missing or wrong"))
}

/// A number from 1 on, in decimal.
fn number(text: &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for digit in text {
        let digit = Some(digit.wrapping_sub(b'0')).filter(|digit| *digit < 10)?;
        number = number.checked_mul(10)?.checked_add(digit.into())?;
    }
    (number > 0).then_some(number)
}

/// An event that borrows from what it was read with.
#[derive(Debug, Clone, Copy)]
pub struct EventView<'a> {
    record: RecordView<'a>,
    /// Its name.
    pub event_type: &'a str,
    /// Its place among the events of its aggregate, from 1.
    pub version: u64,
    /// The version of the shape of its data, from 1.
    pub schema: u32,
    /// The person or thing that its data is about, if its saver said so.
    pub data_subject: Option<&'a str>,
    /// Whether its data is gone, as its data subject was forgotten: then it is empty.
    pub is_erased: bool,
    data: &'a [u8],
}

impl<'a> EventView<'a> {
    /// The event in a record. If it has a data subject, it is erased until it is [opened](EventView::opened).
    pub(super) fn of(record: RecordView<'a>) -> Result<Self> {
        EventView::marked(record, &Mark::of(record.raw_headers()))
    }

    /// The same, with what is known of its headers.
    pub(super) fn marked(record: RecordView<'a>, mark: &Mark) -> Result<Self> {
        let headers = record.raw_headers();
        let event_type = if mark.is_event() { headers.text(mark.event_type.range()) } else { None };
        let Some(event_type) = event_type else { return Err(no_event(record, mark)) };
        let data_subject = if mark.is_sealed() { headers.text(mark.data_subject.range()) } else { None };
        Ok(EventView {
            record,
            event_type,
            version: mark.version,
            schema: mark.schema,
            data_subject,
            is_erased: data_subject.is_some(),
            data: if data_subject.is_some() { &[] } else { record.payload },
        })
    }

    /// The same event with what its payload came to.
    pub(super) fn opened(self, opened: &'a Opened) -> Result<Self> {
        match opened {
            Opened::Data(data) => Ok(EventView { data, is_erased: false, ..self }),
            Opened::Erased => Ok(self),
            Opened::Damaged => {
                let (seq, subject) = (self.seq(), self.record.subject);
                let why = "its data is damaged, or was saved with another event";
                Err(Error::corrupt(format!("record {seq} on '{subject}': {why}")))
            }
        }
    }

    /// Its payload, as it is kept.
    pub(super) fn payload(&self) -> &'a [u8] {
        self.record.payload
    }

    /// Its place in the store, from 1.
    pub fn seq(&self) -> u64 {
        self.record.seq
    }

    /// Where its aggregate stands by it.
    pub fn position(&self) -> Position {
        Position { version: self.version, seq: self.seq() }
    }

    /// When it was saved, in nanoseconds since the epoch; never decreasing along a store.
    pub fn saved(&self) -> Nanos {
        self.record.time
    }

    /// When it happened: what its saver said, or when it was saved; in nanoseconds since the epoch.
    pub fn time(&self) -> i64 {
        self.record.event_time.unwrap_or(self.record.time as i64)
    }

    /// What happened, in the encoding of whoever saved it; empty when it is erased.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// The command that it came of, if that has an id.
    pub fn command(&self) -> Option<&'a str> {
        self.record.header(HEADER_COMMAND)
    }

    /// What belongs together with it, as its saver said.
    pub fn correlation(&self) -> Option<&'a str> {
        self.record.header(HEADER_CORRELATION)
    }

    /// What it is a consequence of, as its saver said.
    pub fn causation(&self) -> Option<&'a str> {
        self.record.header(HEADER_CAUSATION)
    }

    /// Further names and values.
    pub fn metadata(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.record.headers().filter(|(name, _)| !starts_with(name, "headwater-") && !starts_with(name, "nats-"))
    }

    /// The subject of its aggregate.
    pub fn subject(&self) -> &'a str {
        self.record.subject
    }

    /// Kind and key of its aggregate.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) for a subject that no aggregate has.
    pub fn id(&self) -> Result<(String, String)> {
        id_of(self.record.subject)
    }

    /// A copy that owns its bytes.
    pub fn to_event(&self) -> Event {
        let text = |value: Option<&str>| value.map(str::to_owned);
        Event {
            event_type: self.event_type.to_owned(),
            version: self.version,
            seq: self.seq(),
            schema: self.schema,
            saved: self.saved(),
            time: self.time(),
            command: text(self.command()),
            correlation: text(self.correlation()),
            causation: text(self.causation()),
            metadata: self.metadata().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
            data: self.data().to_vec(),
            data_subject: text(self.data_subject),
            is_erased: self.is_erased,
        }
    }
}

/// An event that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its name.
    pub event_type: String,
    /// Its place among the events of its aggregate, from 1.
    pub version: u64,
    /// Its place in the store, from 1.
    pub seq: u64,
    /// The version of the shape of its data, from 1.
    pub schema: u32,
    /// When it was saved, in nanoseconds since the epoch.
    pub saved: Nanos,
    /// When it happened, in nanoseconds since the epoch.
    pub time: i64,
    /// The command that it came of.
    pub command: Option<String>,
    /// What belongs together with it.
    pub correlation: Option<String>,
    /// What it is a consequence of.
    pub causation: Option<String>,
    /// Further names and values.
    pub metadata: Vec<(String, String)>,
    /// What happened; empty when it is erased.
    pub data: Vec<u8>,
    /// The person or thing that its data is about.
    pub data_subject: Option<String>,
    /// Whether its data is gone, as its data subject was forgotten.
    pub is_erased: bool,
}
