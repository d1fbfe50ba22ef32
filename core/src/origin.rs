//! Where a record was first appended. It keeps that wherever links carry it, so nothing is taken in twice.
//!
//! A log draws an epoch of 64 random bits at the first append after each open, so an original and its restored copy
//! never give two records one origin.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Header of a record that came from elsewhere: its origin.
pub const HEADER_ORIGIN: &str = "Headwater-Origin";
/// Header that carries the message id of a record that came from elsewhere: it was settled where it was appended.
pub const HEADER_ORIGIN_MSG_ID: &str = "Headwater-Msg-Id";

/// A log in one of its epochs: whatever it appended has its sequences from one writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Writer {
    /// The id of the engine; of a stream that is not Headwater's own, a hash of its name.
    pub engine: u64,
    /// The epoch that the log was in; of a stream that is not Headwater's own, when it was made.
    pub epoch: u64,
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:016x}", self.engine, self.epoch)
    }
}

impl Writer {
    /// Reads what [`Writer`] displays.
    pub fn parse(text: &str) -> Option<Self> {
        let (engine, epoch) = text.split_once('-')?;
        let number = |text: &str| {
            let hex = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            if hex { u64::from_str_radix(text, 16).ok() } else { None }
        };
        Some(Writer { engine: number(engine)?, epoch: number(epoch)? })
    }
}

/// Where a record was first appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// By whom.
    pub writer: Writer,
    /// Its sequence there.
    pub seq: u64,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.writer, self.seq)
    }
}

impl Origin {
    /// Reads what [`Origin`] displays.
    pub fn parse(text: &str) -> Option<Self> {
        let (writer, seq) = text.rsplit_once('-')?;
        let plain = !seq.is_empty() && !seq.starts_with('0') && seq.bytes().all(|b| b.is_ascii_digit());
        let seq = if plain { seq.parse().ok()? } else { return None };
        Some(Origin { writer: Writer::parse(writer)?, seq })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_reads_as_it_is_written_and_nothing_else_does() {
        let origin = Origin { writer: Writer { engine: 0xab, epoch: u64::MAX }, seq: 42 };
        assert_eq!(origin.to_string(), "00000000000000ab-ffffffffffffffff-42");
        assert_eq!(Origin::parse(&origin.to_string()), Some(origin));
        for bad in ["", "-", "ab-cd-1", "00000000000000ab-ffffffffffffffff-", "00000000000000ab-ffffffffffffffff-042"] {
            assert_eq!(Origin::parse(bad), None, "{bad}");
        }
        assert_eq!(Origin::parse("00000000000000AB-ffffffffffffffff-1"), None);
        assert_eq!(Origin::parse("+0000000000000ab-ffffffffffffffff-1"), None);
    }
}
