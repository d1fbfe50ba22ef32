//! Each peer keeps what it was given, and its digest tells a store that lost or changed a record from one that did not.

use std::path::PathBuf;

use super::fjall::Fjall;
use super::raw::Raw;
use super::redb::Redb;
use super::sqlite::{Sqlite, Sync};
use crate::Outcome;
use crate::source::{Digest, PAYLOAD_BYTES, Source};

const RECORDS: u64 = 2500;

/// A directory that goes when the test ends.
struct Fresh(PathBuf);

impl Fresh {
    fn new(name: &str) -> Outcome<Self> {
        let dir = std::env::temp_dir().join(format!("headwater-bench-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        Ok(Fresh(dir))
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn source() -> Source {
    Source::new(100, PAYLOAD_BYTES)
}

#[test]
fn raw_keeps_synced_and_buffered_frames() -> Outcome<()> {
    let fresh = Fresh::new("raw")?;
    let mut raw = Raw::create(fresh.0.clone())?;
    raw.write_synced(0..10, &mut source())?;
    raw.write_floor(10..RECORDS, &mut source())?;
    assert_eq!(Raw::digest(&fresh.0)?, source().expected(RECORDS));
    Ok(())
}

#[test]
fn raw_names_a_damaged_record() -> Outcome<()> {
    let fresh = Fresh::new("damaged")?;
    Raw::create(fresh.0.clone())?.write_floor(0..3, &mut source())?;
    let path = fresh.0.join("records.log");
    let mut bytes = std::fs::read(&path)?;
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes)?;
    let error = Raw::digest(&fresh.0).err().map(|e| e.to_string());
    assert_eq!(error.as_deref(), Some("record 2 is damaged"));
    Ok(())
}

#[test]
fn sqlite_keeps_rows_and_batches() -> Outcome<()> {
    for sync in [Sync::Full, Sync::Normal] {
        let fresh = Fresh::new(&format!("sqlite-{sync:?}"))?;
        let sqlite = Sqlite::create(fresh.0.clone(), sync)?;
        sqlite.insert_each(0..10, &mut source())?;
        sqlite.insert_batches(10..RECORDS, &mut source())?;
        sqlite.close()?;
        assert_eq!(Sqlite::digest(&fresh.0)?, source().expected(RECORDS));
    }
    Ok(())
}

#[test]
fn redb_keeps_batches_and_last() -> Outcome<()> {
    let fresh = Fresh::new("redb")?;
    let redb = Redb::create(fresh.0.clone())?;
    redb.insert_batches(0..RECORDS, &mut source())?;
    redb.close()?;
    assert_eq!(Redb::digest(&fresh.0)?, source().expected(RECORDS));
    let (source, last) = (source(), RECORDS - 1);
    let subject = source.subject(crate::source::subject_of(last, 100));
    assert_eq!(Redb::open(&fresh.0)?.last([subject].into_iter())?, RECORDS);
    Ok(())
}

#[test]
fn fjall_keeps_batches() -> Outcome<()> {
    let fresh = Fresh::new("fjall")?;
    let fjall = Fjall::open(&fresh.0)?;
    fjall.insert_batches(0..RECORDS, &mut source())?;
    fjall.close()?;
    assert_eq!(Fjall::digest(&fresh.0)?, source().expected(RECORDS));
    Ok(())
}

#[test]
fn a_digest_sees_a_changed_and_a_missing_record() {
    let mut source = source();
    let expected = source.expected(2);
    let mut changed = Digest::default();
    for record in 0..2 {
        let (subject, payload) = source.one(record);
        let mut payload = payload.to_vec();
        payload[PAYLOAD_BYTES - 1] ^= 1;
        changed.add(subject.as_bytes(), &payload);
    }
    assert_ne!(changed, expected);
    assert_ne!(source.expected(1), expected);
}
