//! fjall: one keyspace of records by sequence, one of the last sequence by subject, both written in each batch.
//!
//! Settings: no compression (payloads here do not shrink), the journal flushed by hand as our `interval` is, memtables
//! of the largest recommended size, a cache that holds everything here, a worker for each core.

use std::ops::Range;
use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};

use super::{decode_value, encode_value, time_of};
use crate::Outcome;
use crate::source::{BATCH_RECORDS, Digest, Source};

/// The largest size that its documentation recommends.
const MEMTABLE_BYTES: u64 = 64 << 20;
const CACHE_BYTES: u64 = 1 << 30;

/// An open database.
pub(crate) struct Fjall {
    database: Database,
    records: Keyspace,
    last: Keyspace,
}

impl Fjall {
    /// The database in a directory, made if it is not there.
    pub(crate) fn open(dir: &Path) -> Outcome<Self> {
        let database = Database::builder(dir)
            .cache_size(CACHE_BYTES)
            .manual_journal_persist(true)
            .worker_threads(std::thread::available_parallelism()?.get())
            .open()?;
        let options = || {
            KeyspaceCreateOptions::default()
                .manual_journal_persist(true)
                .max_memtable_size(MEMTABLE_BYTES)
                .expect_point_read_hits(true)
        };
        let records = database.keyspace("records", options)?;
        let last = database.keyspace("last", options)?;
        Ok(Fjall { database, records, last })
    }

    /// Inserts the records, a batch for each thousand.
    pub(crate) fn insert_batches(&self, records: Range<u64>, source: &mut Source) -> Outcome<()> {
        let mut value = Vec::new();
        source.batches(records, |batch, source| {
            let mut writes = OwnedWriteBatch::with_capacity(self.database.clone(), 2 * BATCH_RECORDS as usize);
            for record in batch {
                let seq = (record + 1).to_be_bytes();
                let (subject, payload) = source.get(record);
                encode_value(&mut value, time_of(record), subject, payload);
                writes.insert(&self.records, seq, value.as_slice());
                writes.insert(&self.last, subject, seq);
            }
            writes.commit()?;
            Ok(())
        })
    }

    /// Writes everything to disk and closes.
    pub(crate) fn close(self) -> Outcome<()> {
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }

    /// Reads everything in order and says what it is.
    pub(crate) fn digest(dir: &Path) -> Outcome<Digest> {
        let fjall = Fjall::open(dir)?;
        let mut digest = Digest::default();
        for entry in fjall.records.iter() {
            let (key, value) = entry.into_inner()?;
            if *key != (digest.count + 1).to_be_bytes() {
                return Err(format!("key {key:?} follows sequence {}", digest.count).into());
            }
            let (subject, payload) = decode_value(&value)?;
            digest.add(subject, payload);
        }
        Ok(digest)
    }
}
