//! Comma-separated values as RFC 4180 has them: quoted fields with `""` for a quote, line breaks inside quotes, LF or
//! CRLF, an optional byte order mark. Blank lines are passed over.
//!
//! A malformed record costs its first line only: reading goes on with the line after it, so one stray quote does not
//! swallow the rest of the file.

use std::collections::VecDeque;

use crate::error::Result;

use super::lines::{LINE_BYTES_MAX, Line, Lines};

/// Takes records off lines.
pub(super) struct CsvReader<'a> {
    lines: Lines<'a>,
    /// Lines of a malformed record that are to be read again.
    again: VecDeque<Line>,
    /// The lines of the record at hand, as they are in the file.
    raw: Vec<u8>,
    text: Vec<u8>,
    ends: Vec<usize>,
}

/// A record was read, or refused.
#[derive(Debug)]
pub(super) struct CsvRecord {
    /// The number of its first line.
    pub(super) line: u64,
    /// How many lines it takes.
    pub(super) lines: u64,
    /// Its fields, or why it cannot be read.
    pub(super) fields: Result<Vec<String>, String>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    FieldStart,
    Plain,
    Quoted,
    AfterQuote,
}

impl<'a> CsvReader<'a> {
    pub(super) fn new(lines: Lines<'a>) -> Self {
        CsvReader { lines, again: VecDeque::new(), raw: Vec::new(), text: Vec::new(), ends: Vec::new() }
    }

    /// How many lines were taken, and how many bytes.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.lines.number(), self.lines.bytes())
    }

    /// The record that was read last, as it is in the file, without the end of its last line.
    pub(super) fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The next record; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<CsvRecord>> {
        loop {
            let Some(first) = self.next_line()? else { return Ok(None) };
            if first.content().is_empty() && first.whole {
                continue;
            }
            return self.record(first).map(Some);
        }
    }

    fn next_line(&mut self) -> Result<Option<Line>> {
        match self.again.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.lines.next(),
        }
    }

    fn record(&mut self, first: Line) -> Result<CsvRecord> {
        self.text.clear();
        self.ends.clear();
        let mut lines = vec![first];
        let mut bytes = lines[0].bytes.len();
        let mut state = State::FieldStart;
        let fault = loop {
            let line = &lines[lines.len() - 1];
            match line.fault().map_or_else(|| parse(line, state, &mut self.text, &mut self.ends), Err) {
                Err(fault) => break Some(fault),
                Ok(State::Quoted) => {}
                Ok(_) => break None,
            }
            state = State::Quoted;
            let Some(next) = self.next_line()? else { break Some("a quoted field is never closed".to_owned()) };
            bytes += next.bytes.len();
            lines.push(next);
            if bytes > LINE_BYTES_MAX {
                break Some(format!("a quoted field does not end within {LINE_BYTES_MAX} bytes"));
            }
        };
        let fields = match fault {
            Some(fault) => Err(fault),
            None => self.fields(),
        };
        if fields.is_err() {
            for line in lines.drain(1..).rev() {
                self.again.push_front(line);
            }
        }
        self.raw.clear();
        let last = lines.len() - 1;
        for line in &lines[..last] {
            self.raw.extend_from_slice(&line.bytes);
        }
        self.raw.extend_from_slice(lines[last].content());
        Ok(CsvRecord { line: lines[0].number, lines: lines.len() as u64, fields })
    }

    fn fields(&self) -> Result<Vec<String>, String> {
        let text = std::str::from_utf8(&self.text).map_err(|_| "it is not UTF-8".to_owned())?;
        let mut start = 0;
        let mut fields = Vec::with_capacity(self.ends.len());
        for &end in &self.ends {
            // A field can only end inside of a character when the text as a whole is no UTF-8.
            fields.push(text.get(start..end).ok_or("it is not UTF-8")?.to_owned());
            start = end;
        }
        Ok(fields)
    }
}

/// Reads one line of a record that so far stands at `state`; it goes on after the line if it returns `Quoted`.
fn parse(line: &Line, mut state: State, text: &mut Vec<u8>, ends: &mut Vec<usize>) -> Result<State, String> {
    let content = line.content();
    for &byte in content {
        state = match (state, byte) {
            (State::FieldStart, b'"') => State::Quoted,
            (State::Quoted, b'"') => State::AfterQuote,
            (State::AfterQuote, b'"') => {
                text.push(b'"');
                State::Quoted
            }
            (State::Quoted, _) => {
                text.push(byte);
                State::Quoted
            }
            (_, b',') => {
                ends.push(text.len());
                State::FieldStart
            }
            (State::AfterQuote, _) => return Err("text follows a closing quote".to_owned()),
            (_, b'"') => return Err("a quote stands inside an unquoted field".to_owned()),
            _ => {
                text.push(byte);
                State::Plain
            }
        };
    }
    if state == State::Quoted {
        text.extend_from_slice(&line.bytes[content.len()..]);
    } else {
        ends.push(text.len());
    }
    Ok(state)
}

/// Appends a field to a line that is being written, in quotes where it needs them.
pub(super) fn push_field(out: &mut String, field: &str) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push(',');
    }
    if field.contains(['"', ',', '\n', '\r']) {
        out.push('"');
        out.push_str(&field.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(field);
    }
}
