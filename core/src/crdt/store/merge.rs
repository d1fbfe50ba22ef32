//! Taking in another store: one of another engine, of a backup or of a hub that has what the log here never got.
//!
//! As a repair between peers, with both sides at hand: what the other store had seen is noted, then its keys and those
//! that are here alone are compared in bunches, and of each bunch the log gets the keys in full that change something
//! here. What came into this log meanwhile and the other had seen is compared again. Last comes a record that says that
//! all keys are here. Until then these keys alone know what the other had seen, so a merge that breaks off took in
//! nothing that it should not have, and another one goes on with what still differs.

use std::ops::ControlFlow;

use crate::error::{Error, ErrorKind, Result};
use crate::origin::Writer;

use super::super::fragment::{Fragment, Scope};
use super::CrdtStore;
use super::take::Name;

/// Keys that are compared at once, under the locks of both stores, one after the other.
const KEYS_AT_ONCE: usize = 500;
/// Bytes of the keys in one record, but for a key that alone has more.
const RECORD_BYTES: usize = 1 << 20;

/// What a merge did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Merged {
    /// Keys that were compared; 0 where the other store had seen nothing that this one has not.
    pub keys: u64,
    /// Of those, the keys that changed here or know more now.
    pub changed: u64,
    /// Bytes that the log got for it.
    pub bytes: u64,
}

/// A merge at work.
struct Merging<'a> {
    into: &'a CrdtStore,
    other: &'a CrdtStore,
    /// Whose records these are.
    from: Writer,
    merged: Merged,
    /// Keys that there are to compare, as known by now.
    total: u64,
    /// Why a key could not be taken in: all others are, and then the merge fails.
    too_large: Option<Error>,
    progress: &'a mut dyn FnMut(u64, u64) -> ControlFlow<()>,
}

impl CrdtStore {
    /// Takes in all that another store has and this one has not: a backup's, a hub's, another node's. Both may be
    /// written meanwhile; what the other one had when the call began is here when it returns, on disk as the stream
    /// promises. It blocks for about two seconds for a million keys that are equal, and more where they differ.
    ///
    /// A merge that failed or was killed did no harm: the next one goes on. A second one finds nothing to do.
    ///
    /// # Errors
    /// `conflict` if the other store has operations of this handle that it did not make, or if some of what it has is
    /// held here, as its clock is too far ahead: [`CrdtStore::release_held`] lets it in, and another merge ends it.
    /// `limit` if a key is larger than a record of the log; all others are here then. Else as reads and writes.
    pub fn merge(&self, other: &CrdtStore) -> Result<Merged> {
        self.merge_with(other, &mut |_, _| ControlFlow::Continue(()))
    }

    /// The same, telling after each 500 keys how many were compared and how many there are; `Break` ends it.
    ///
    /// # Errors
    /// As [`CrdtStore::merge`]; `timeout` after a `Break`.
    pub fn merge_with(
        &self,
        other: &CrdtStore,
        progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<Merged> {
        let from = other.actor();
        let mut merging =
            Merging { into: self, other, from, merged: Merged::default(), total: 0, too_large: None, progress };
        merging.run().map_err(|e| e.context(format!("merge into CRDT store '{}'", self.name())))?;
        Ok(merging.merged)
    }

    /// Those of some keys of which nothing is known here.
    fn lacking(&self, mut names: Vec<Name>) -> Result<Vec<Name>> {
        let live = self.0.live()?;
        names.retain(|(name, kind)| !live.replica.has(name, *kind));
        Ok(names)
    }
}

impl Merging<'_> {
    fn run(&mut self) -> Result<()> {
        // First what was seen, then the keys: each then has all that was seen of it.
        let begun = self.into.log_end()?;
        let (standing, is_ahead) = {
            let live = self.other.0.live()?;
            (live.replica.standing(), !live.replica.ahead.is_empty())
        };
        if !is_ahead && self.into.0.live()?.replica.covers(&standing) {
            return Ok(());
        }
        let seen = standing.seen();
        let mut names = self.other.names()?;
        names.extend(self.other.lacking(self.into.names()?)?);
        let mut looked = begun;
        loop {
            self.total += names.len() as u64;
            let mut left = names.into_iter();
            while left.len() > 0 {
                let some: Vec<Name> = left.by_ref().take(KEYS_AT_ONCE).collect();
                self.merged.keys += some.len() as u64;
                self.take(some)?;
                if (self.progress)(self.merged.keys, self.total).is_break() {
                    return Err(Error::new(ErrorKind::Timeout, "it was told to stop"));
                }
            }
            // What came from elsewhere since may be what the other one had seen removed.
            (names, looked) = self.into.touched(looked, &seen, self.from, begun)?;
            if !names.is_empty() {
                continue;
            }
            if let Some(error) = self.too_large.take() {
                return Err(error);
            }
            self.check_held()?;
            if self.into.caught_up(self.from, &standing, looked)? {
                return Ok(());
            }
        }
    }

    /// Compares some keys, and takes in those that change something.
    fn take(&mut self, names: Vec<Name>) -> Result<()> {
        let theirs = self.other.0.live()?.replica.fragment(Scope::Keys, names);
        let new = {
            let mut live = self.into.0.live()?;
            live.replica.check_own(&theirs)?;
            live.replica.extract_keys(theirs)?
        };
        new.map_or(Ok(()), |new| self.append(new))
    }

    fn append(&mut self, keys: Fragment) -> Result<()> {
        let (bytes, count) = (keys.encode(), keys.keys().count());
        let most = self.into.0.log.fragment_bytes_max;
        if bytes.len() > RECORD_BYTES.min(most) && count > 1 {
            return keys.halves().into_iter().try_for_each(|half| self.append(half));
        }
        if bytes.len() > most {
            let (name, size) = (keys.keys().next().map_or("", |key| key.0).escape_debug(), bytes.len());
            let message = format!("key '{name}' has {size} bytes: a record of the log has {most} at the most");
            self.too_large = Some(Error::new(ErrorKind::Limit, message));
            return Ok(());
        }
        self.merged.changed += count as u64;
        self.merged.bytes += bytes.len() as u64;
        self.into.append_from(self.from, &[bytes])
    }

    fn check_held(&self) -> Result<()> {
        if self.into.0.live()?.holds_nothing() {
            return Ok(());
        }
        let message = "fragments are held, as their clocks are too far ahead: let them in, and merge again";
        Err(Error::new(ErrorKind::Conflict, message))
    }
}
