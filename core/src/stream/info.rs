//! What a stream is and holds, counted.

use super::Stream;
use super::config::StreamConfig;
use crate::clock::Nanos;
use crate::error::Result;

/// What a stream is and holds.
#[derive(Debug, Clone, PartialEq)]
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

pub(crate) fn of(stream: &Stream) -> Result<StreamInfo> {
    let consumers = stream.engine.consumers(stream)?.len() as u64;
    let disk = stream.local.disk();
    let disk_bytes = disk
        .list(&stream.local.dir)
        .unwrap_or_default()
        .iter()
        .filter_map(|name| disk.open(&stream.local.dir.join(name), crate::disk::OpenMode::Read).ok()?.len().ok())
        .sum();
    let mut state = stream.local.ready()?;
    let first_time = state.first_time()?;
    Ok(StreamInfo {
        config: (*state.config).clone(),
        created: state.created,
        records: state.records,
        bytes: state.bytes,
        disk_bytes,
        subjects: state.subjects.live() as u64,
        first_seq: if state.records == 0 { state.last_seq + 1 } else { state.first_seq },
        first_time,
        last_seq: state.last_seq,
        last_time: state.last_time,
        deleted: if state.records == 0 { 0 } else { state.last_seq + 1 - state.first_seq - state.records },
        consumers,
        segments: state.parts.len() as u64,
    })
}
