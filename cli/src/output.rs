//! What a verb prints: lines for people, or one JSON object on a line for machines. Owns every JSON shape that more
//! than one verb prints, and writes fields in the order in which they are declared here.

use std::fmt::{Display, Write as _};
use std::io::{BufWriter, ErrorKind, Stdout, Write};

use headwater::{Ack, Record, RecordView};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::failure::Done;
use crate::text::{base64, printable};
use crate::time::{show_commit_time, show_time};

/// Standard output, buffered; a verb flushes at its end, or after each line where somebody waits for it.
pub(crate) struct Output {
    json: bool,
    closed: bool,
    to: BufWriter<Stdout>,
}

impl Output {
    /// Prints JSON objects or lines of text.
    pub(crate) fn new(json: bool) -> Self {
        Output { json, closed: false, to: BufWriter::new(std::io::stdout()) }
    }

    /// Whether JSON was asked for.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints `object` where JSON was asked for, and else the line of text.
    pub(crate) fn either(&mut self, object: &impl Serialize, text: impl FnOnce() -> String) -> Done {
        if self.json {
            serde_json::to_writer(&mut self.to, object).map_err(std::io::Error::from)?;
            self.to.write_all(b"\n")?;
            Ok(())
        } else {
            self.text(text())
        }
    }

    /// Whether a write through [`Write`] found that nobody reads any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Prints a line of text.
    pub(crate) fn text(&mut self, line: impl Display) -> Done {
        writeln!(self.to, "{line}")?;
        Ok(())
    }

    /// Prints rows under a header, each column as wide as it needs. Nothing is printed for no rows.
    pub(crate) fn table<const N: usize>(&mut self, header: [&str; N], rows: &[[String; N]]) -> Done {
        if rows.is_empty() {
            return Ok(());
        }
        let header = header.map(str::to_owned);
        let widths: [usize; N] =
            std::array::from_fn(|i| rows.iter().chain([&header]).map(|r| r[i].chars().count()).max().unwrap_or(0));
        for row in [&header].into_iter().chain(rows) {
            let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            self.text(cells.join("  ").trim_end())?;
        }
        Ok(())
    }

    /// Prints a record.
    pub(crate) fn record(&mut self, record: &RecordLine<'_>) -> Done {
        self.either(record, || record.text())
    }

    /// Prints bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Done {
        self.to.write_all(bytes)?;
        Ok(())
    }

    /// Hands on everything that was printed so far.
    pub(crate) fn flush(&mut self) -> Done {
        self.to.flush()?;
        Ok(())
    }
}

/// For the engine to write to. It turns what went wrong into its own error, so a closed pipe is remembered here.
impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.to.write(bytes).inspect_err(|e| self.closed |= e.kind() == ErrorKind::BrokenPipe)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush().inspect_err(|e| self.closed |= e.kind() == ErrorKind::BrokenPipe)
    }
}

/// A record as it is printed.
#[derive(Serialize)]
pub(crate) struct RecordLine<'a> {
    seq: u64,
    subject: &'a str,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered: Option<u32>,
    headers: Headers<'a>,
    #[serde(flatten)]
    payload: Bytes<'a>,
}

impl<'a> RecordLine<'a> {
    /// One that was read alone.
    pub(crate) fn of(record: &'a Record) -> Self {
        RecordLine {
            seq: record.seq,
            subject: &record.subject,
            time: show_commit_time(record.time),
            event_time: record.event_time.map(show_time),
            delivered: None,
            headers: Headers(record.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()),
            payload: Bytes::payload(&record.payload),
        }
    }

    /// One of a batch.
    pub(crate) fn of_view(record: &RecordView<'a>) -> Self {
        RecordLine {
            seq: record.seq,
            subject: record.subject,
            time: show_commit_time(record.time),
            event_time: record.event_time.map(show_time),
            delivered: (record.delivered > 0).then_some(record.delivered),
            headers: Headers(record.headers().collect()),
            payload: Bytes::payload(record.payload),
        }
    }

    fn text(&self) -> String {
        let mut line = format!("{}\t{}\t{}\t{}", self.seq, self.time, self.subject, printable(self.payload.data));
        for (name, value) in &self.headers.0 {
            let _ = write!(line, "\t{}: {}", printable(name.as_bytes()), printable(value.as_bytes()));
        }
        line
    }
}

/// Headers as an object: a text for each name, or a list of texts where a name repeats.
struct Headers<'a>(Vec<(&'a str, &'a str)>);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        for (i, (name, value)) in self.0.iter().enumerate() {
            if self.0[..i].iter().any(|(n, _)| n == name) {
                continue;
            }
            let values: Vec<&str> = self.0.iter().filter(|(n, _)| n == name).map(|(_, v)| *v).collect();
            match values.as_slice() {
                [_] => map.serialize_entry(name, value)?,
                _ => map.serialize_entry(name, &values)?,
            }
        }
        map.end()
    }
}

/// Bytes as one field: text under its own name, or base64 under the name with `_base64`.
pub(crate) struct Bytes<'a> {
    name: &'static str,
    base64_name: &'static str,
    data: &'a [u8],
}

impl<'a> Bytes<'a> {
    /// A field `payload`.
    pub(crate) fn payload(bytes: &'a [u8]) -> Self {
        Bytes { name: "payload", base64_name: "payload_base64", data: bytes }
    }

    /// A field `value`.
    pub(crate) fn value(bytes: &'a [u8]) -> Self {
        Bytes { name: "value", base64_name: "value_base64", data: bytes }
    }
}

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(1))?;
        match std::str::from_utf8(self.data) {
            Ok(text) => map.serialize_entry(self.name, text)?,
            Err(_) => map.serialize_entry(self.base64_name, &base64(self.data))?,
        }
        map.end()
    }
}

/// An acknowledgement as it is printed.
#[derive(Serialize)]
pub(crate) struct AckLine<'a> {
    seq: u64,
    stream: &'a str,
    duplicate: bool,
    durability: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
}

impl<'a> AckLine<'a> {
    /// Of an append to `stream`; `line` is the number of the input line that it answers.
    pub(crate) fn of(ack: &Ack, stream: &'a str, line: Option<u64>) -> Self {
        AckLine { seq: ack.seq, stream, duplicate: ack.duplicate, durability: ack.durability.name(), line }
    }
}
