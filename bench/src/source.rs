//! The records that every side stores: made from their number alone, so that any process can say what must be there.
//!
//! A payload begins with its record's number and goes on with noise that no compressor shrinks. A [`Digest`] does not
//! depend on order, so that writers may race; where order is known, the number in the payload tells it.

use std::ops::Range;

use crate::Outcome;

/// The payload that the goals speak of, in bytes, unless they say otherwise.
pub(crate) const PAYLOAD_BYTES: usize = 128;
/// Records in one atomic batch, as many as the contract allows.
pub(crate) const BATCH_RECORDS: u64 = 1000;
/// How many payloads are kept ready; at least a batch of them.
const SLOTS: u64 = 1024;
/// Bytes of every subject that [`subject`] makes.
const SUBJECT_BYTES: usize = 15;

/// How many records there are and what they hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Digest {
    /// How many.
    pub(crate) count: u64,
    /// A sum over the checksums of subject and payload of each.
    pub(crate) sum: u64,
}

impl Digest {
    /// Adds one record.
    pub(crate) fn add(&mut self, subject: &[u8], payload: &[u8]) {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(subject);
        hasher.update(payload);
        self.count += 1;
        self.sum = self.sum.wrapping_add(mix(hasher.finalize().into()));
    }
}

/// Makes records from their numbers, which begin at 0.
#[derive(Clone)]
pub(crate) struct Source {
    subjects: u64,
    names: String,
    payload_bytes: usize,
    pool: Vec<u8>,
}

impl Source {
    /// Records with this many different subjects, named in turn at first and then at random.
    pub(crate) fn new(subjects: u64, payload_bytes: usize) -> Self {
        let mut pool = Vec::with_capacity(SLOTS as usize * payload_bytes + 8);
        let mut word = 0;
        while pool.len() < SLOTS as usize * payload_bytes {
            word += 1;
            pool.extend_from_slice(&mix(word).to_le_bytes());
        }
        Source { subjects, names: (0..subjects).map(subject).collect(), payload_bytes, pool }
    }

    /// Prepares the payloads of at most a batch of records, which [`Source::get`] then lends.
    pub(crate) fn stamp(&mut self, records: Range<u64>) {
        for record in records {
            let at = self.slot(record);
            self.pool[at..at + 8].copy_from_slice(&record.to_le_bytes());
        }
    }

    /// Subject and payload of a record that was stamped last.
    pub(crate) fn get(&self, record: u64) -> (&str, &[u8]) {
        let at = self.slot(record);
        (self.subject(subject_of(record, self.subjects)), &self.pool[at..at + self.payload_bytes])
    }

    /// Subject and payload of one record.
    pub(crate) fn one(&mut self, record: u64) -> (&str, &[u8]) {
        self.stamp(record..record + 1);
        self.get(record)
    }

    /// The name of one of the subjects.
    pub(crate) fn subject(&self, number: u64) -> &str {
        let at = number as usize * SUBJECT_BYTES;
        &self.names[at..at + SUBJECT_BYTES]
    }

    /// The names that lie end to end in `names`.
    pub(crate) fn names_in(names: &str) -> impl Iterator<Item = &str> {
        (0..names.len() / SUBJECT_BYTES).map(|at| &names[at * SUBJECT_BYTES..(at + 1) * SUBJECT_BYTES])
    }

    /// What a store of the first `count` records must hold.
    pub(crate) fn expected(&mut self, count: u64) -> Digest {
        let mut digest = Digest::default();
        for record in 0..count {
            let (subject, payload) = self.one(record);
            digest.add(subject.as_bytes(), payload);
        }
        digest
    }

    /// Hands out the records in batches, stamped.
    pub(crate) fn batches(
        &mut self,
        records: Range<u64>,
        mut take: impl FnMut(Range<u64>, &Source) -> Outcome<()>,
    ) -> Outcome<()> {
        let mut from = records.start;
        while from < records.end {
            let to = (from + BATCH_RECORDS).min(records.end);
            self.stamp(from..to);
            take(from..to, self)?;
            from = to;
        }
        Ok(())
    }

    fn slot(&self, record: u64) -> usize {
        (record % SLOTS) as usize * self.payload_bytes
    }
}

/// The name of subject number `number`, such as `bench.03.000019`.
pub(crate) fn subject(number: u64) -> String {
    format!("bench.{:02}.{number:06}", number % 16)
}

/// Which of the subjects a record has.
pub(crate) fn subject_of(record: u64, subjects: u64) -> u64 {
    if record < subjects { record } else { mix(record) % subjects }
}

/// The number that a payload begins with.
pub(crate) fn number_in(payload: &[u8]) -> Option<u64> {
    payload.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// SplitMix64 (Steele, Lea, Flood 2014): spreads a number over all 64 bits.
pub(crate) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
