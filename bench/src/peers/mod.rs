//! The peers, each with the best settings that it has for the job, and what they share.

pub(crate) mod changelog;
pub(crate) mod fjall;
pub(crate) mod http;
pub(crate) mod nats;
pub(crate) mod raw;
pub(crate) mod redb;
pub(crate) mod sqlite;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use crate::Outcome;

/// The commit time that a peer stores for a record; unlike us, no peer is made to ask a clock for it.
const EPOCH_NS: u64 = 1_700_000_000_000_000_000;

/// The time of a record, in nanoseconds since the epoch.
pub(crate) fn time_of(record: u64) -> u64 {
    EPOCH_NS + record
}

/// Writes the value that a key-value store keeps for a record: its time, its subject and its payload.
fn encode_value(out: &mut Vec<u8>, time: u64, subject: &str, payload: &[u8]) {
    out.clear();
    out.extend_from_slice(&time.to_le_bytes());
    out.extend_from_slice(&(subject.len() as u16).to_le_bytes());
    out.extend_from_slice(subject.as_bytes());
    out.extend_from_slice(payload);
}

/// Subject and payload of such a value.
fn decode_value(value: &[u8]) -> Outcome<(&[u8], &[u8])> {
    let short = || format!("a value of {} bytes is too short", value.len());
    let len = value.get(8..10).and_then(|bytes| bytes.first_chunk()).map(|bytes| u16::from_le_bytes(*bytes));
    let rest = value.get(10..).ok_or_else(short)?;
    Ok(rest.split_at_checked(len.ok_or_else(short)?.into()).ok_or_else(short)?)
}

/// Makes the directory that a peer which keeps single files is to work in.
fn make(dir: PathBuf) -> Outcome<PathBuf> {
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}
