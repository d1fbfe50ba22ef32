//! A record on its way: what it becomes on the other side, and what it is known by.

use std::time::Duration;

use super::Link;
use super::lost::Theirs;
use crate::origin::{HEADER_ORIGIN, HEADER_ORIGIN_MSG_ID, Origin, Writer};
use crate::record::{Append, Batch, HEADER_MSG_ID, HEADER_ROLLUP, HEADER_TTL, RecordView, parse_ttl};

/// A record that owns what it is made of, ready to be appended elsewhere.
#[derive(Debug, Clone)]
pub(super) struct Carried {
    /// Its sequence in the stream that it was read from.
    pub(super) seq: u64,
    pub(super) origin: Origin,
    subject: String,
    origin_text: String,
    headers: Vec<(String, String)>,
    event_time: Option<i64>,
    ttl: Option<Duration>,
    payload: Vec<u8>,
}

impl Carried {
    fn of(record: &RecordView<'_>, subject: String, origin: Origin) -> Self {
        let mut carried = Carried {
            seq: record.seq,
            origin,
            subject,
            origin_text: origin.to_string(),
            headers: Vec::new(),
            // What it was appended with elsewhere is no longer when it was committed.
            event_time: record.event_time.or(Some(record.time as i64)),
            ttl: None,
            payload: record.payload.to_vec(),
        };
        for (name, value) in record.headers() {
            match name {
                HEADER_ORIGIN => {}
                // An erasing rollup does not travel; what it erased elsewhere is decided there.
                HEADER_ROLLUP => {}
                HEADER_TTL => carried.ttl = parse_ttl(value),
                HEADER_MSG_ID => carried.headers.push((HEADER_ORIGIN_MSG_ID.to_owned(), value.to_owned())),
                // The server's own notes, of where it had the record from.
                _ if name.starts_with("Nats-") => {}
                _ => carried.headers.push((name.to_owned(), value.to_owned())),
            }
        }
        carried
    }

    /// As it is appended.
    pub(super) fn append(&self) -> Append<'_> {
        let mut append = Append::new(&self.subject, &self.payload).header(HEADER_ORIGIN, &self.origin_text);
        append.headers.extend(self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        (append.event_time, append.ttl) = (self.event_time, self.ttl);
        append
    }

    /// What it counts for, in bytes.
    pub(super) fn size(&self) -> usize {
        self.subject.len() + self.payload.len() + 64
    }
}

impl Link {
    /// Local records on their way there, but for those that came from there.
    pub(super) fn outward(&self, records: &Batch, theirs: Theirs) -> Vec<Carried> {
        let origins: Vec<Origin> = {
            let (engine, state) = (self.local.shared.engine(), self.local.lock());
            let before_epochs = |seq| Origin { writer: Writer { engine, epoch: 0 }, seq };
            let own = |seq| state.origins.own(engine, seq).unwrap_or_else(|| before_epochs(seq));
            let brought = |r: &RecordView<'_>| r.header(HEADER_ORIGIN).and_then(Origin::parse);
            records.iter().map(|r| brought(&r).unwrap_or_else(|| own(r.seq))).collect()
        };
        let leaving = records.iter().zip(origins).filter(|(_, origin)| !theirs.is_own(*origin));
        leaving.map(|(r, origin)| Carried::of(&r, self.config.to_remote(r.subject), origin)).collect()
    }

    /// A record of the other stream on its way here; `None` for its position records, and what no filter takes.
    pub(super) fn inward(&self, record: &RecordView<'_>, theirs: Theirs) -> Option<Carried> {
        if record.subject.starts_with(super::POSITIONS) {
            return None;
        }
        let subject = self.config.to_local(record.subject);
        if !self.filters.matches(&subject) {
            return None;
        }
        Some(Carried::of(record, subject, theirs.origin(record)))
    }
}
