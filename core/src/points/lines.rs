//! Physical lines of a file of any size, each of bounded length, with their numbers.

use std::io::{BufRead, ErrorKind};

use crate::error::{Error, Result};

/// The longest line, and the longest CSV record of several lines, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 1 << 20;

/// A line with its end (`\n` or `\r\n`), if it has one.
#[derive(Debug)]
pub(super) struct Line {
    /// From 1.
    pub(super) number: u64,
    pub(super) bytes: Vec<u8>,
    /// False when it was longer than [`LINE_BYTES_MAX`], so that only its beginning is here.
    pub(super) whole: bool,
}

impl Line {
    /// The bytes before the end of the line.
    pub(super) fn content(&self) -> &[u8] {
        let bytes = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        bytes.strip_suffix(b"\r").unwrap_or(bytes)
    }

    /// Why it cannot be taken, if it cannot.
    pub(super) fn fault(&self) -> Option<String> {
        (!self.whole).then(|| format!("the line is longer than {LINE_BYTES_MAX} bytes"))
    }
}

/// Takes lines off a reader, without the byte order mark that some files begin with.
pub(super) struct Lines<'a> {
    from: &'a mut dyn BufRead,
    number: u64,
    bytes: u64,
}

impl<'a> Lines<'a> {
    pub(super) fn new(from: &'a mut dyn BufRead) -> Self {
        Lines { from, number: 0, bytes: 0 }
    }

    /// How many lines were taken.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// How many bytes were taken.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Line>> {
        let mut line = Line { number: self.number + 1, bytes: Vec::new(), whole: true };
        let mut ended = false;
        let before = self.bytes;
        while !ended {
            let buffer = match self.from.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::io(format!("read line {}", line.number), &error)),
            };
            if buffer.is_empty() {
                break;
            }
            let len = buffer.iter().position(|&b| b == b'\n').map_or(buffer.len(), |at| at + 1);
            ended = buffer[len - 1] == b'\n';
            let room = LINE_BYTES_MAX - line.bytes.len();
            line.whole &= len <= room;
            line.bytes.extend_from_slice(&buffer[..len.min(room)]);
            self.from.consume(len);
            self.bytes += len as u64;
        }
        if self.bytes == before {
            return Ok(None);
        }
        self.number += 1;
        if line.number == 1 && line.bytes.starts_with(b"\xef\xbb\xbf") {
            line.bytes.drain(..3);
        }
        Ok(Some(line))
    }
}
