//! A way into the log for what others sent, deltas or keys in full, and the end of such an exchange.
//!
//! Whatever comes in is appended to the log, at a subject of whom it is from, and is joined from there as everything
//! else. So one log has all that its replica knows, and a crash loses nothing that was acknowledged.
//!
//! Once all keys have been compared, one more record says so: a delta of no keys with all that the other had seen. It
//! is true of this log alone, and there behind one record: whoever has another order of the same records, by a link or
//! in a copy that went on, may lack a key that was equal here. So it names that record, and is passed over elsewhere.

use std::collections::BTreeSet;

use crate::error::{Error, ErrorKind, Result};
use crate::origin::Writer;
use crate::record::{Append, RecordView};
use crate::stream::options::ReadOptions;

use super::super::context::Context;
use super::super::fragment::{Fragment, Scope};
use super::super::kind::Kind;
use super::{Covered, CrdtStore, Live};

/// What names the record of the log that this one comes directly behind, and else says nothing: its sequence and when
/// it was committed, in nanoseconds since the epoch. 0 and 0 are the beginning.
pub(super) const HEADER_FOLLOWS: &str = "Headwater-Follows";

/// Records that one look into the log reads, and that go into it at once.
pub(super) const RECORDS_AT_ONCE: usize = 1_000;

/// A key, by name and kind.
pub(crate) type Name = (Box<str>, Kind);

impl CrdtStore {
    /// The last record of the log that is known here.
    pub(crate) fn log_end(&self) -> Result<u64> {
        Ok(self.0.live()?.covered.seq)
    }

    /// Takes in deltas and keys that a peer sent, what is new here alone. On disk, as the stream promises, when it
    /// returns.
    ///
    /// # Errors
    /// `corrupt` for bytes that are no fragment, `conflict` for operations of this handle that it did not make, and
    /// those of the stream. Nothing was taken in then.
    #[cfg(feature = "mesh")]
    pub(crate) fn take_in(&self, from: Writer, fragments: &[impl AsRef<[u8]>]) -> Result<()> {
        let mut new = Vec::new();
        {
            let mut live = self.0.live()?;
            for bytes in fragments {
                let fragment = Fragment::decode(bytes.as_ref())?;
                live.replica.check_own(&fragment)?;
                match fragment.scope() {
                    Scope::Delta => new.extend(live.replica.extract(&fragment)?.map(|new| new.encode())),
                    Scope::Keys => new.extend(live.replica.extract_keys(fragment)?.map(|new| new.encode())),
                    Scope::Whole => new.push(bytes.as_ref().to_vec()),
                }
            }
        }
        self.append_from(from, &new)
    }

    /// Appends fragments of another replica.
    pub(super) fn append_from(&self, from: Writer, fragments: &[Vec<u8>]) -> Result<()> {
        if fragments.is_empty() {
            return Ok(());
        }
        let subject = self.0.log.subject(from);
        let appends: Vec<Append<'_>> = fragments.iter().map(|bytes| Append::new(&subject, bytes)).collect();
        for some in appends.chunks(RECORDS_AT_ONCE) {
            self.0.log.stream.append_batch(some).wait()?;
        }
        Ok(())
    }

    /// The keys in which records behind `after` did something that a context has, and the last record of the log. Keys
    /// in full that `from` sent behind `but_after` are left out.
    ///
    /// # Errors
    /// `not_found` if some of these records were purged.
    pub(crate) fn touched(
        &self,
        after: u64,
        context: &Context,
        from: Writer,
        but_after: u64,
    ) -> Result<(Vec<Name>, u64)> {
        let log = &self.0.log;
        let (mut names, mut end, subject) = (BTreeSet::new(), after, log.subject(from));
        loop {
            let options = ReadOptions::default().filter(log.filter()).from_seq(end + 1).max_records(RECORDS_AT_ONCE);
            let batch = log.stream.read(&options).wait()?;
            if batch.is_empty() {
                return Ok((names.into_iter().collect(), end));
            }
            if batch.seq(0).is_some_and(|seq| seq > end + 1) && log.stream.info().wait()?.first_seq > end + 1 {
                return Err(Error::not_found(format!("records behind {end} of store '{}' were purged", log.name)));
            }
            for record in batch.iter() {
                end = record.seq;
                let is_of_them = record.subject == subject && record.seq > but_after;
                if is_of_them && Fragment::scope_of(record.payload) == Some(Scope::Keys) {
                    continue;
                }
                let fragment = Fragment::decode(record.payload)?;
                let of_actor = fragment.context();
                if of_actor.without(&of_actor.without(context)).count() > 0 {
                    names.extend(fragment.keys().map(|(name, kind)| (name.into(), kind)));
                }
            }
        }
    }

    /// Says that all keys that a replica had when it stood like this have been taken in, one by one; false if the log
    /// has more than `end` by now, or fragments are held, and nothing was said.
    pub(crate) fn caught_up(&self, from: Writer, standing: &Fragment, end: u64) -> Result<bool> {
        let log = &self.0.log;
        let covered = {
            let live = self.0.live()?;
            if live.covered.seq != end || !live.holds_nothing() {
                return Ok(false);
            }
            live.covered
        };
        let (subject, bytes, filter) = (log.subject(from), standing.encode(), log.filter());
        let follows = covered.to_string();
        let append =
            Append::new(&subject, &bytes).header(HEADER_FOLLOWS, &follows).expect_filter_last_seq(&filter, end);
        match log.stream.append(&append).wait() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// All that was seen here, as a delta of no keys.
    #[cfg(feature = "mesh")]
    pub(crate) fn standing(&self) -> Result<Fragment> {
        Ok(self.0.live()?.replica.standing())
    }

    /// All keys that there are, also those in which nothing is alive.
    pub(crate) fn names(&self) -> Result<Vec<Name>> {
        Ok(self.0.live()?.replica.names())
    }
}

impl Live {
    /// Whether a record is true here, where the log says more than what is in it.
    pub(super) fn takes(&self, record: &RecordView<'_>) -> bool {
        let follows = record.header(HEADER_FOLLOWS);
        follows.is_none_or(|follows| follows == self.covered.to_string() && self.holds_nothing())
    }

    /// Whether nothing is held: what is seen here and not there counts as removed, and so would what is held.
    pub(super) fn holds_nothing(&self) -> bool {
        self.replica.held().is_empty() && self.left.is_empty()
    }
}

impl std::fmt::Display for Covered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.seq, self.time)
    }
}
