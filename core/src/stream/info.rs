//! What a stream is and holds, counted.

use serde::{Deserialize, Serialize};

use super::config::StreamConfig;
use crate::clock::Nanos;

/// What a stream is and holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamInfo {
    /// Its configuration.
    pub config: StreamConfig,
    /// When it was made, in nanoseconds since the epoch.
    pub created: Nanos,
    /// How many records are kept.
    pub records: u64,
    /// Bytes of the kept records as stored: subject, headers, payload and about 21 bytes of framing each.
    pub bytes: u64,
    /// Bytes on disk, index files included.
    pub disk_bytes: u64,
    /// How many subjects have a record.
    pub subjects: u64,
    /// The first sequence that is kept; one past the last when none is.
    pub first_seq: u64,
    /// When the first record was committed; 0 when there is none.
    pub first_time: Nanos,
    /// The last sequence given out; 0 when none was.
    pub last_seq: u64,
    /// When the last record was committed; 0 when none was.
    pub last_time: Nanos,
    /// How many records between the first and the last are gone.
    pub deleted: u64,
    /// How many consumers it has.
    pub consumers: u64,
    /// How many segments.
    pub segments: u64,
}
