//! The log of a store: its names, its time, and what is known of where it begins.

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::origin::Writer;
use crate::stream::Stream;
use crate::stream::options::ReadOptions;
use crate::subject::is_name;

use super::super::fragment::Fragment;
use super::Covered;
use super::snapshot::Restored;

/// What the names of all logs begin with.
const STREAM_PREFIX: &str = "CRDT_";
/// Nanoseconds in a millisecond.
const MS: u64 = 1_000_000;

/// The log of one store.
pub(super) struct Log {
    pub(super) engine: Engine,
    pub(super) stream: Stream,
    pub(super) name: String,
    /// The largest fragment that a record holds.
    pub(super) fragment_bytes_max: usize,
}

/// The stream of a store.
pub(super) fn stream_name(store: &str) -> String {
    format!("{STREAM_PREFIX}{store}")
}

/// The store whose log is the stream of this name.
pub(crate) fn of_stream(stream: &str) -> Option<&str> {
    stream.strip_prefix(STREAM_PREFIX)
}

/// The filter of the records of a store.
pub(super) fn filter(store: &str) -> String {
    format!("$CRDT.{store}.>")
}

/// Refuses a name that no stream and no object store could have.
pub(super) fn check_name(name: &str) -> Result<()> {
    if !is_name(name) {
        let message = format!("CRDT store name '{}' must be letters, digits, '-' and '_'", name.escape_debug());
        return Err(Error::invalid(message));
    }
    Ok(())
}

impl Log {
    pub(super) fn filter(&self) -> String {
        filter(&self.name)
    }

    /// The subject of the records of an actor.
    pub(super) fn subject(&self, actor: Writer) -> String {
        format!("$CRDT.{}.{actor}", self.name)
    }

    /// The actor whose record has this subject.
    pub(super) fn actor(&self, subject: &str) -> Option<Writer> {
        let actor = subject.strip_prefix("$CRDT.")?.strip_prefix(self.name.as_str())?.strip_prefix('.')?;
        Writer::parse(actor)
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.engine.clock().now() / MS
    }

    /// Whether it has this record, or had it before it was purged. The same sequence of another history was not
    /// committed in the same nanosecond.
    pub(super) fn has(&self, covered: Covered) -> Result<bool> {
        match self.stream.get(covered.seq).wait()? {
            Some(record) => Ok(record.time == covered.time),
            None => Ok(covered.seq < self.stream.info().wait()?.first_seq),
        }
    }

    /// The fragment in a record, if the log has it.
    pub(super) fn fragment(&self, seq: u64) -> Result<Option<Fragment>> {
        let record = self.stream.get(seq).wait()?;
        let of_record = |e: Error| e.context(format!("record {seq} of stream {}", self.stream.name()));
        record.map(|record| Fragment::decode(&record.payload).map_err(of_record)).transpose()
    }

    /// Returns when all that was appended is on disk, where that can be asked for.
    pub(super) fn sync(&self) -> Result<()> {
        match self.stream.sync().wait() {
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
            done => done,
        }
    }

    /// Whether the stream takes nothing but the records of the store.
    pub(super) fn is_alone(&self) -> bool {
        self.stream.config().subjects == [self.filter()]
    }

    /// Refuses a log that begins behind what was restored.
    ///
    /// A stream that takes other records too, such as the positions of links, may begin late because of those: there
    /// only a snapshot tells that the log was purged.
    pub(super) fn check_beginning(&self, restored: &Restored) -> Result<()> {
        let is_alone = self.is_alone();
        let first_seq = if is_alone { self.stream.info().wait()?.first_seq } else { self.first_seq()? };
        let covered = restored.covered.seq;
        if first_seq > covered + 1 && !restored.is_beyond && (is_alone || restored.is_listed) {
            let message = format!(
                "the log of CRDT store '{}' begins at record {first_seq}, and snapshots that can be read reach to \
                 {covered}: what is between them is lost here",
                self.name
            );
            return Err(Error::corrupt(message));
        }
        Ok(())
    }

    /// The sequence of its first record; 1 if there is none.
    fn first_seq(&self) -> Result<u64> {
        let options = ReadOptions::default().filter(self.filter()).max_records(1);
        Ok(self.stream.read(&options).wait()?.seq(0).unwrap_or(1))
    }
}
