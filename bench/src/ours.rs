//! Headwater's side of every comparison: one engine with one stream, used as a program would use it.

use std::ops::Range;
use std::path::Path;

use headwater::{Append, Durability, Engine, EngineOptions, ReadOptions, Stream, StreamConfig};

use crate::Outcome;
use crate::source::{Digest, Source, number_in};

/// The name of the stream of every comparison.
const STREAM: &str = "bench";
/// The cache of the rows that look single records up.
const CACHE_BYTES: u64 = 256 << 20;
/// Records asked for in one read.
pub(crate) const READ_RECORDS: usize = 10_000;

/// An open engine and its stream.
pub(crate) struct Ours {
    engine: Engine,
    /// The stream.
    pub(crate) stream: Stream,
}

impl Ours {
    /// A new directory with an empty stream; everything but its durability by default.
    pub(crate) fn create(dir: &Path, durability: Durability) -> Outcome<Self> {
        let engine = Engine::open(dir)?;
        let config = StreamConfig { durability, ..StreamConfig::new(STREAM, ["bench.>", "other.>"]) };
        let stream = engine.create_stream(config).wait()?;
        Ok(Ours { engine, stream })
    }

    /// The directory as it is.
    pub(crate) fn open(dir: &Path) -> Outcome<Self> {
        let engine = Engine::open(dir)?;
        let stream = engine.stream(STREAM).wait()?;
        Ok(Ours { engine, stream })
    }

    /// The directory as it is, with as large a cache as SQLite gets.
    pub(crate) fn open_cached(dir: &Path) -> Outcome<Self> {
        let engine = Engine::open_with(dir, EngineOptions { cache_bytes: CACHE_BYTES, ..EngineOptions::default() })?;
        let stream = engine.stream(STREAM).wait()?;
        Ok(Ours { engine, stream })
    }

    /// A new directory that holds the first `count` records, closed.
    pub(crate) fn fill(dir: &Path, count: u64, source: &mut Source) -> Outcome<()> {
        let ours = Ours::create(dir, Durability::Os)?;
        ours.append_batches(0..count, source)?;
        ours.close()
    }

    /// An engine and its stream, made elsewhere.
    pub(crate) fn of(engine: Engine, stream: Stream) -> Self {
        Ours { engine, stream }
    }

    /// The engine and its stream.
    pub(crate) fn parts(self) -> (Engine, Stream) {
        (self.engine, self.stream)
    }

    /// Appends the records one at a time, each waited for.
    pub(crate) fn append_each(&self, records: Range<u64>, source: &mut Source) -> Outcome<()> {
        for record in records {
            let (subject, payload) = source.one(record);
            self.stream.append(&Append::new(subject, payload)).wait()?;
        }
        Ok(())
    }

    /// Appends the records in atomic batches.
    pub(crate) fn append_batches(&self, records: Range<u64>, source: &mut Source) -> Outcome<()> {
        source.batches(records, |batch, source| {
            let appends: Vec<Append<'_>> = batch
                .map(|record| {
                    let (subject, payload) = source.get(record);
                    Append::new(subject, payload)
                })
                .collect();
            self.stream.append_batch(&appends).wait()?;
            Ok(())
        })
    }

    /// Closes the engine, so that everything is on disk.
    pub(crate) fn close(self) -> Outcome<()> {
        Ok(self.engine.close()?)
    }

    /// Reads everything and says what it is; sequences must have no gap.
    ///
    /// With `ordered`, the number in each payload must be the one that its sequence says.
    pub(crate) fn digest(dir: &Path, ordered: bool) -> Outcome<Digest> {
        let ours = Ours::open(dir)?;
        let mut digest = Digest::default();
        loop {
            let next = digest.count + 1;
            let batch = ours.stream.read(&ReadOptions::default().from_seq(next).max_records(READ_RECORDS)).wait()?;
            if batch.is_empty() {
                break;
            }
            for record in batch.iter() {
                if record.seq != digest.count + 1 {
                    return Err(format!("sequence {} follows {}", record.seq, digest.count).into());
                }
                if ordered && number_in(record.payload) != Some(digest.count) {
                    return Err(format!("sequence {} holds another record's payload", record.seq).into());
                }
                digest.add(record.subject.as_bytes(), record.payload);
            }
        }
        ours.close()?;
        Ok(digest)
    }
}
