//! redb: one table of records by sequence, one of the last sequence by subject, both written in each transaction.
//!
//! Settings: its default cache of 1 GiB, which holds everything here; commits of durability `None`, which stay in
//! memory until a durable commit at the end.

use std::ops::Range;
use std::path::{Path, PathBuf};

use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};

use super::{decode_value, encode_value, time_of};
use crate::Outcome;
use crate::source::{Digest, Source};

const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
const LAST: TableDefinition<'_, &str, u64> = TableDefinition::new("last");

/// An open database.
pub(crate) struct Redb {
    database: Database,
}

impl Redb {
    /// A new database in a new directory.
    pub(crate) fn create(dir: PathBuf) -> Outcome<Self> {
        Ok(Redb { database: Database::create(file_in(&super::make(dir)?))? })
    }

    /// The database in a directory.
    pub(crate) fn open(dir: &Path) -> Outcome<Self> {
        Ok(Redb { database: Database::open(file_in(dir))? })
    }

    /// Inserts the records, a commit for each thousand.
    pub(crate) fn insert_batches(&self, records: Range<u64>, source: &mut Source) -> Outcome<()> {
        let mut value = Vec::new();
        source.batches(records, |batch, source| {
            let mut transaction = self.database.begin_write()?;
            transaction.set_durability(Durability::None)?;
            {
                let mut by_seq = transaction.open_table(RECORDS)?;
                let mut last = transaction.open_table(LAST)?;
                for record in batch {
                    let (subject, payload) = source.get(record);
                    encode_value(&mut value, time_of(record), subject, payload);
                    by_seq.insert(record + 1, value.as_slice())?;
                    last.insert(subject, record + 1)?;
                }
            }
            transaction.commit()?;
            Ok(())
        })
    }

    /// Looks up the newest record of each subject that `subjects` names, and adds up their sequences.
    ///
    /// All from one snapshot, which spares redb a transaction for each.
    pub(crate) fn last<'a>(&self, subjects: impl Iterator<Item = &'a str>) -> Outcome<u64> {
        let transaction = self.database.begin_read()?;
        let by_seq = transaction.open_table(RECORDS)?;
        let last = transaction.open_table(LAST)?;
        let mut sum = 0;
        for subject in subjects {
            let seq = last.get(subject)?.ok_or_else(|| format!("no last sequence of {subject}"))?.value();
            let value = by_seq.get(seq)?.ok_or_else(|| format!("no record {seq}"))?.value().to_vec();
            std::hint::black_box(value);
            sum += seq;
        }
        Ok(sum)
    }

    /// Writes everything to disk and closes.
    pub(crate) fn close(self) -> Outcome<()> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        transaction.commit()?;
        Ok(())
    }

    /// Reads everything in order and says what it is.
    pub(crate) fn digest(dir: &Path) -> Outcome<Digest> {
        let redb = Redb::open(dir)?;
        let mut digest = Digest::default();
        for entry in redb.database.begin_read()?.open_table(RECORDS)?.iter()? {
            let (seq, value) = entry?;
            if seq.value() != digest.count + 1 {
                return Err(format!("sequence {} follows {}", seq.value(), digest.count).into());
            }
            let (subject, payload) = decode_value(value.value())?;
            digest.add(subject, payload);
        }
        Ok(digest)
    }
}

fn file_in(dir: &Path) -> PathBuf {
    dir.join("records.redb")
}
