//! What the machine itself can do: frames with a checksum in a file, written with a sync each or through a buffer.
//!
//! The synced loop is the probe for every durable figure. The buffered one is the floor under any engine that must
//! encode, checksum, remember the last record of each subject and write.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::time_of;
use crate::Outcome;
use crate::source::{Digest, Source};

/// Length, checksum, sequence, time and length of the subject.
const HEADER_BYTES: usize = 4 + 4 + 8 + 8 + 2;
/// What the floor writes at once.
const BUFFER_BYTES: usize = 256 << 10;

/// The file inside a peer's directory.
fn file_in(dir: &Path) -> PathBuf {
    dir.join("records.log")
}

/// A file to which frames are appended.
pub(crate) struct Raw {
    file: File,
    frame: Vec<u8>,
}

impl Raw {
    /// An empty file in a new directory.
    pub(crate) fn create(dir: PathBuf) -> Outcome<Self> {
        let file = File::create_new(file_in(&super::make(dir)?))?;
        Ok(Raw { file, frame: Vec::new() })
    }

    /// Writes and syncs one frame at a time.
    pub(crate) fn write_synced(&mut self, records: Range<u64>, source: &mut Source) -> Outcome<()> {
        for record in records {
            let (subject, payload) = source.one(record);
            self.frame.clear();
            encode(&mut self.frame, record, subject, payload);
            self.file.write_all(&self.frame)?;
            self.file.sync_data()?;
        }
        Ok(())
    }

    /// Writes frames through a buffer and keeps the last sequence of each subject.
    pub(crate) fn write_floor(&mut self, records: Range<u64>, source: &mut Source) -> Outcome<()> {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, &mut self.file);
        let mut last: HashMap<Box<str>, u64, FixedState> = HashMap::default();
        for record in records {
            let (subject, payload) = source.one(record);
            self.frame.clear();
            encode(&mut self.frame, record, subject, payload);
            if let Some(seq) = last.get_mut(subject) {
                *seq = record;
            } else {
                last.insert(subject.into(), record);
            }
            out.write_all(&self.frame)?;
        }
        out.flush()?;
        std::hint::black_box(&last);
        Ok(())
    }

    /// Reads everything, checking each frame, and says what it is.
    pub(crate) fn digest(dir: &Path) -> Outcome<Digest> {
        let bytes = std::fs::read(file_in(dir))?;
        let mut digest = Digest::default();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let short = || format!("the frame of record {} is cut short", digest.count);
            let len = u32::from_le_bytes(*rest.first_chunk().ok_or_else(short)?) as usize;
            let (frame, after) = rest.split_at_checked(len).ok_or_else(short)?;
            let (header, body) = frame.split_at_checked(HEADER_BYTES).ok_or_else(short)?;
            let crc = crc32fast::hash(&frame[8..]);
            if header[4..8] != crc.to_le_bytes() || header[8..16] != digest.count.to_le_bytes() {
                return Err(format!("record {} is damaged", digest.count).into());
            }
            let subject_len = u16::from_le_bytes([header[24], header[25]]).into();
            let (subject, payload) = body.split_at_checked(subject_len).ok_or_else(short)?;
            digest.add(subject, payload);
            rest = after;
        }
        Ok(digest)
    }
}

/// Appends the frame of one record.
fn encode(out: &mut Vec<u8>, record: u64, subject: &str, payload: &[u8]) {
    let len = HEADER_BYTES + subject.len() + payload.len();
    out.extend_from_slice(&(len as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&record.to_le_bytes());
    out.extend_from_slice(&time_of(record).to_le_bytes());
    out.extend_from_slice(&(subject.len() as u16).to_le_bytes());
    out.extend_from_slice(subject.as_bytes());
    out.extend_from_slice(payload);
    let crc = crc32fast::hash(&out[8..]);
    out[4..8].copy_from_slice(&crc.to_le_bytes());
}
