//! Takes bytes apart and never past their end: every number in its shortest form, every count bounded by the bytes
//! there are. An error says what was wrong and at which byte.

use crate::error::{Error, Result};
use crate::varint::{take_varint, unzigzag};

use super::op::KEY_BYTES_MAX;

/// Bytes being decoded.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0 }
    }

    pub(super) fn fault(&self, what: &str) -> Error {
        Error::corrupt(format!("a fragment at byte {}: {what}", self.at))
    }

    pub(super) fn end(&self) -> Result<()> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.fault("bytes after its end")) }
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        let byte = *self.bytes.get(self.at).ok_or_else(|| self.fault("it ends too soon"))?;
        self.at += 1;
        Ok(byte)
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..len).ok_or_else(|| self.fault("it ends too soon"))?;
        self.at += len;
        Ok(taken)
    }

    pub(super) fn number(&mut self) -> Result<u64> {
        let mut rest = &self.bytes[self.at..];
        let value = take_varint(&mut rest).ok_or_else(|| self.fault("a number without an end"))?;
        let len = self.bytes.len() - self.at - rest.len();
        // Its last byte has the highest bits: none is a byte too many, and of a tenth byte one bit counts.
        let last = self.bytes[self.at + len - 1];
        if len > 1 && (last == 0 || len == 10 && last > 1) {
            return Err(self.fault("a number that is not in its shortest form"));
        }
        self.at += len;
        Ok(value)
    }

    pub(super) fn signed(&mut self) -> Result<i64> {
        self.number().map(unzigzag)
    }

    /// How many things follow; each takes at least one byte.
    pub(super) fn count(&mut self) -> Result<usize> {
        let start = self.at;
        let count = self.number()?;
        if count > (self.bytes.len() - self.at) as u64 {
            self.at = start;
            return Err(self.fault(&format!("a count of {count} things, more than the bytes that follow")));
        }
        Ok(count as usize)
    }

    pub(super) fn text(&mut self) -> Result<&'a str> {
        let len = self.count()?;
        let start = self.at;
        std::str::from_utf8(self.take(len)?)
            .map_err(|_| Error::corrupt(format!("a fragment at byte {start}: no UTF-8")))
    }

    /// The name of a key or field.
    pub(super) fn name(&mut self) -> Result<&'a str> {
        let name = self.text()?;
        if (1..=KEY_BYTES_MAX).contains(&name.len()) {
            return Ok(name);
        }
        Err(self.fault(&format!("a name of {} bytes: it has 1 to {KEY_BYTES_MAX}", name.len())))
    }
}
