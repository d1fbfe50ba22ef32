//! A point, the name of its series, and the subject where the series lives.
//!
//! Series `node.kind` or `node.kind.key` of store `name` is subject `$PT.<name>.<node>.<kind>[.<key>]`, each token
//! through [`encode_token`]. No point has an empty node: that place in the subject space is the store's own.

use crate::error::{Error, Result};
use crate::record::RecordView;
use crate::subject::{check_filter, decode_token, encode_token};

use super::codec::{self, PointView};
use super::value::Value;

/// One typed value of one series at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Whose it is, such as a device.
    pub node: String,
    /// What it is, such as `temperature`.
    pub kind: String,
    /// Which one of its kind; empty when there is one.
    pub key: String,
    /// When it was so: nanoseconds since the epoch.
    pub time: i64,
    /// The value.
    pub value: Value,
    /// Only ever counts up; odd is deleted.
    pub tombstone: u32,
    /// The instance that wrote it; the engine's id in hex when empty.
    pub origin: String,
}

impl Point {
    /// A point without key, with tombstone 0, of this engine's origin.
    pub fn new(node: impl Into<String>, kind: impl Into<String>, time: i64, value: Value) -> Point {
        Point {
            node: node.into(),
            kind: kind.into(),
            key: String::new(),
            time,
            value,
            tombstone: 0,
            origin: String::new(),
        }
    }

    /// The name of its series: `node.kind` or `node.kind.key`, as every filter takes it.
    ///
    /// A `.`, `=`, `*`, `>` or control character inside a part is written `=` and two hex digits.
    pub fn series(&self) -> String {
        let mut name = String::new();
        push_part(&mut name, &self.node);
        name.push('.');
        push_part(&mut name, &self.kind);
        if !self.key.is_empty() {
            name.push('.');
            push_part(&mut name, &self.key);
        }
        name
    }

    /// Whether its tombstone says that the series is deleted.
    pub fn is_deleted(&self) -> bool {
        self.tombstone % 2 == 1
    }
}

/// The subjects of one point store.
#[derive(Debug, Clone)]
pub(super) struct Subjects {
    /// `$PT.<name>.`
    prefix: String,
    /// `$PT.<name>.=.`: what the store writes for itself.
    own: String,
}

impl Subjects {
    pub(super) fn new(store: &str) -> Self {
        let prefix = format!("$PT.{}.", encode_token(store));
        Subjects { own: format!("{prefix}=."), prefix }
    }

    /// The filter that takes everything of the store.
    pub(super) fn all(&self) -> String {
        format!("{}>", self.prefix)
    }

    /// The subject of an import's progress.
    pub(super) fn import(&self, id: u64) -> String {
        format!("{}import.{id:016x}", self.own)
    }

    /// Whether the store wrote the record for itself, so that it is no point.
    pub(super) fn is_own(&self, subject: &str) -> bool {
        subject.starts_with(&self.own)
    }

    /// Appends the subject of a point to `out`.
    pub(super) fn push(&self, out: &mut String, point: &Point) {
        out.push_str(&self.prefix);
        push_token(out, &point.node);
        out.push('.');
        push_token(out, &point.kind);
        if !point.key.is_empty() {
            out.push('.');
            push_token(out, &point.key);
        }
    }

    /// The subject filter for a series filter such as `seattle.temperature`, `seattle.*` or `>`.
    pub(super) fn filter(&self, series: &str) -> Result<String> {
        let parts = series.split('.').count();
        let open = series == ">" || series.ends_with(".>");
        if series.is_empty() || parts > 3 || (parts < 2 && !open) {
            return Err(Error::invalid(format!(
                "series filter '{}' must be 'node.kind', 'node.kind.key' or '>', with '*' for any part",
                series.escape_debug()
            )));
        }
        let mut filter = self.prefix.clone();
        for (i, part) in series.split('.').enumerate() {
            if i > 0 {
                filter.push('.');
            }
            match part {
                "*" | ">" => filter.push_str(part),
                "" => return Err(Error::invalid(format!("series filter '{series}' has an empty part"))),
                _ => push_token(&mut filter, &parse_part(part)?),
            }
        }
        check_filter(&filter)?;
        Ok(filter)
    }

    /// The subject filters for series filters; none at all when everything is asked for, which reads fastest.
    pub(super) fn filters(&self, series: &[String]) -> Result<Vec<String>> {
        let mut filters = Vec::with_capacity(series.len());
        for one in series {
            filters.push(self.filter(one)?);
        }
        if filters.contains(&self.all()) {
            filters.clear();
        }
        Ok(filters)
    }

    /// Node, kind and key of the series at a subject.
    pub(super) fn parse(&self, subject: &str) -> Result<(String, String, String)> {
        let bad = || Error::corrupt(format!("subject '{}' is no series of this store", subject.escape_debug()));
        let mut tokens = subject.strip_prefix(&self.prefix).ok_or_else(bad)?.split('.');
        let mut part = || tokens.next().map(decode_token);
        let node = part().ok_or_else(bad)?.map_err(|_| bad())?;
        let kind = part().ok_or_else(bad)?.map_err(|_| bad())?;
        let key = part().transpose().map_err(|_| bad())?.unwrap_or_default();
        if node.is_empty() || kind.is_empty() || tokens.next().is_some() {
            return Err(bad());
        }
        Ok((node, kind, key))
    }

    /// The name of the series at a subject.
    pub(super) fn series(&self, subject: &str) -> Result<String> {
        let (node, kind, key) = self.parse(subject)?;
        let point = Point { key, ..Point::new(node, kind, 0, Value::Int(0)) };
        Ok(point.series())
    }

    /// The point that a record holds; `own_origin` stands for an origin that was left out.
    pub(super) fn point(&self, record: &RecordView<'_>, own_origin: &str) -> Result<Point> {
        let view = view_of(record)?;
        let (node, kind, key) = self.parse(record.subject).map_err(|e| e.context(place(record)))?;
        let origin = if view.origin.is_empty() { own_origin } else { view.origin };
        Ok(Point {
            node,
            kind,
            key,
            time: time_of(record),
            value: view.value.to_value(),
            tombstone: view.tombstone,
            origin: origin.to_owned(),
        })
    }
}

/// What the payload of a record says, or an error that names the record.
#[inline]
pub(super) fn view_of<'a>(record: &RecordView<'a>) -> Result<PointView<'a>> {
    codec::read(record.payload).map_err(|fault| Error::corrupt(format!("{} is no point: {fault}", place(record))))
}

/// When the point was so: its event time, or its commit time when somebody appended it without one.
#[inline]
pub(super) fn time_of(record: &RecordView<'_>) -> i64 {
    record.event_time.unwrap_or(record.time as i64)
}

fn place(record: &RecordView<'_>) -> String {
    format!("record {} on '{}'", record.seq, record.subject)
}

/// As [`encode_token`], appended without an allocation when nothing needs encoding.
fn push_token(out: &mut String, text: &str) {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/');
    if !text.is_empty() && text.bytes().all(plain) {
        out.push_str(text);
    } else {
        out.push_str(&encode_token(text));
    }
}

fn push_part(out: &mut String, text: &str) {
    for c in text.chars() {
        if matches!(c, '.' | '=' | '*' | '>') || c.is_ascii_control() {
            out.push_str(&encode_token(c.encode_utf8(&mut [0; 4])));
        } else {
            out.push(c);
        }
    }
}

/// The text that a part of a series name stands for: `=` and two hex digits are a byte.
fn parse_part(part: &str) -> Result<String> {
    if !part.contains('=') {
        return Ok(part.to_owned());
    }
    let bad = || Error::invalid(format!("part '{part}' of a series filter has a lone '=': write it as '=3D'"));
    let mut out = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'=' {
            let (hex, after) = rest.split_at_checked(2).ok_or_else(bad)?;
            let hex = std::str::from_utf8(hex).map_err(|_| bad())?;
            if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(bad());
            }
            out.push(u8::from_str_radix(hex, 16).map_err(|_| bad())?);
            rest = after;
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).map_err(|_| bad())
}
