//! The log of a replicated file: a unit is a record of stream `REPLICA_<name>`, at `$REPLICA.<name>.unit.<node>`, in
//! parts where it is larger than a message of a hub may be. The parts of a unit follow each other among the records of
//! its node; a unit whose parts stop short was begun anew.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};
use crate::record::{Append, RecordView};
use crate::replica::change::{UNIT_BYTES_MAX, Unit};
use crate::replica::cut::Outgoing;
use crate::stream::Stream;

/// The header of a record that is not a whole unit: its number among the parts, and how many these are.
const HEADER_PART: &str = "Headwater-Part";
/// The largest part, in bytes: a server takes messages of 1 MiB unless it is told otherwise.
const PART_BYTES: usize = 512 << 10;
/// Units that are appended before one of them is waited for.
const UNANSWERED_MAX: usize = 256;

/// What the log of a shard is of: the database, and from the second shard on its number, which no name of a database
/// can have in it.
pub(super) fn shard_name(database: &str, shard: usize) -> String {
    if shard == 0 { database.to_owned() } else { format!("{database}:{}", shard + 1) }
}

/// The stream of a database, or of one of its shards.
pub(crate) fn stream_name(database: &str) -> String {
    format!("REPLICA_{database}")
}

/// The streams of a database, one for each of its shards.
pub(super) fn stream_names(database: &str, shards: usize) -> Vec<String> {
    (0..shards.max(1)).map(|shard| stream_name(&shard_name(database, shard))).collect()
}

/// The subjects of a database.
pub(super) fn filter(database: &str) -> String {
    format!("$REPLICA.{database}.>")
}

/// What the subjects of units say of them.
pub(super) const UNIT: &str = "unit";

/// The log of one database, or of one of its shards.
pub(super) struct Log {
    pub(super) stream: Stream,
    /// As [`shard_name`] has it.
    pub(super) database: String,
    pub(super) compress: bool,
}

impl Log {
    /// The subject of what a node says of this kind.
    pub(super) fn subject_of(&self, what: &str, node: u64) -> String {
        format!("$REPLICA.{}.{what}.{node:016x}", self.database)
    }

    /// The subjects of what all nodes say of this kind.
    pub(super) fn subjects_of(&self, what: &str) -> String {
        format!("$REPLICA.{}.{what}.*", self.database)
    }

    /// Of what kind a record of this subject is.
    pub(super) fn what<'a>(&self, subject: &'a str) -> Option<&'a str> {
        let rest = subject.strip_prefix("$REPLICA.")?.strip_prefix(self.database.as_str())?.strip_prefix('.')?;
        rest.split_once('.').map(|(what, _)| what)
    }

    /// Gives rows, which are of no node's sequence.
    pub(super) fn put_rows(&self, node: u64, units: &[Unit]) -> Result<()> {
        let given =
            units.iter().map(|unit| Ok(Outgoing { place: 0, node, shard: 0, unit: unit.encode_with(self.compress)? }));
        self.put(&given.collect::<Result<Vec<_>>>()?.iter().collect::<Vec<_>>())
    }

    /// The node whose unit a record of this subject has.
    pub(super) fn node(subject: &str) -> Option<u64> {
        let (_, node) = subject.rsplit_once('.')?;
        (node.len() == 16).then(|| u64::from_str_radix(node, 16).ok())?
    }

    /// Appends units in their order, and waits for all of them. After an error some may be in the log, and will be
    /// there twice: who reads them passes over the second.
    pub(super) fn put(&self, units: &[&Outgoing]) -> Result<()> {
        let mut unanswered = Vec::new();
        for Outgoing { node, unit, .. } in units {
            let subject = self.subject_of(UNIT, *node);
            let parts: Vec<&[u8]> = unit.chunks(PART_BYTES).collect();
            for (n, part) in parts.iter().enumerate() {
                let number = format!("{}/{}", n + 1, parts.len());
                let append = Append::new(&subject, part);
                let append = if parts.len() > 1 { append.header(HEADER_PART, &number) } else { append };
                unanswered.push(self.stream.append(&append));
                if unanswered.len() >= UNANSWERED_MAX {
                    unanswered.drain(..).try_for_each(|pending| pending.wait().map(drop))?;
                }
            }
        }
        unanswered.into_iter().try_for_each(|pending| pending.wait().map(drop))
    }
}

/// Units that came in part.
#[derive(Default)]
pub(super) struct Parts {
    begun: BTreeMap<String, Begun>,
    bytes: u64,
}

struct Begun {
    /// The sequence of the first part.
    seq: u64,
    taken: usize,
    total: usize,
    bytes: Vec<u8>,
}

impl Parts {
    /// Takes a record; a unit when that is whole by it.
    pub(super) fn take(&mut self, record: &RecordView<'_>) -> Result<Option<Vec<u8>>> {
        let begun = self.begun.remove(record.subject);
        self.bytes -= begun.as_ref().map_or(0, |begun| begun.bytes.len() as u64);
        let Some(part) = record.header(HEADER_PART) else { return Ok(Some(record.payload.to_vec())) };
        let numbers = part.split_once('/').and_then(|(n, of)| Some((n.parse().ok()?, of.parse().ok()?)));
        let (number, total): (usize, usize) =
            numbers.ok_or_else(|| Error::invalid(format!("a part of a unit that is called {part:?}")))?;
        let begun = match begun {
            Some(begun) if number == begun.taken + 1 && total == begun.total => Some(begun),
            _ if number == 1 => Some(Begun { seq: record.seq, taken: 0, total, bytes: Vec::new() }),
            _ => None,
        };
        // The log does not reach back to its first part, or never got its last.
        let Some(mut begun) = begun else { return Ok(None) };
        begun.taken = number;
        begun.bytes.extend_from_slice(record.payload);
        if begun.taken >= begun.total {
            return Ok(Some(begun.bytes));
        }
        if self.bytes + begun.bytes.len() as u64 > UNIT_BYTES_MAX {
            let message = format!("more than {UNIT_BYTES_MAX} bytes of units that are not whole");
            return Err(Error::new(ErrorKind::Limit, message));
        }
        self.bytes += begun.bytes.len() as u64;
        self.begun.insert(record.subject.to_owned(), begun);
        Ok(None)
    }

    /// The sequence before which nothing is needed any more, all up to `seq` being taken.
    pub(super) fn done(&self, seq: u64) -> u64 {
        self.begun.values().map(|begun| begun.seq - 1).chain([seq]).min().unwrap_or(seq)
    }
}
