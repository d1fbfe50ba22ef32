//! Reads: of the replica, once it has what is in the log.

use crate::error::Result;

use super::super::context::Context;
use super::super::fragment::Fragment;
use super::super::kind::Kind;
use super::super::op::Path;
use super::super::read::Reading;
use super::super::value::Value;
use super::CrdtStore;

/// How a handle stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrdtStatus {
    /// The last sequence of the log that was taken in.
    pub seq: u64,
    /// The last sequence that the newest snapshot known here covers; 0 is none.
    pub snapshot_seq: u64,
    /// Of each fragment that is held, as its clock is too far ahead: the operations that it has.
    pub held: Vec<Context>,
    /// Actors of whose operations some are here.
    pub actors: usize,
    /// Operations that are known to have been made, as later ones of their actors are here, and that are not here
    /// themselves: on their way, held, or lost to a limit of a stream in the middle. What stays is mended by
    /// [`CrdtStore::merge`].
    pub behind: u64,
}

impl CrdtStore {
    /// What is at a path as a kind; what is not there reads as 0, none, empty or off.
    ///
    /// # Errors
    /// This and all other reads: `corrupt` if the log has a record that is no fragment, `closed` after a close, and
    /// what a write or the stream failed with.
    pub fn read<'a>(&self, path: impl Into<Path<'a>>, kind: Kind) -> Result<Reading> {
        let live = self.0.live()?;
        Ok(live.replica.read(path, kind, self.0.log.now_ms()))
    }

    /// Whether a value is in a set.
    pub fn contains<'a>(&self, path: impl Into<Path<'a>>, kind: Kind, value: &Value) -> Result<bool> {
        let live = self.0.live()?;
        Ok(live.replica.contains(path, kind, value, self.0.log.now_ms()))
    }

    /// The keys in which something is alive whose names begin with `prefix`, by name and kind.
    pub fn keys(&self, prefix: &str) -> Result<Vec<(String, Kind)>> {
        let live = self.0.live()?;
        let alive = live.replica.alive(self.0.log.now_ms()).filter(|(name, _)| name.starts_with(prefix));
        let mut keys: Vec<(String, Kind)> = alive.map(|(name, kind)| (name.to_owned(), kind)).collect();
        keys.sort_unstable();
        Ok(keys)
    }

    /// As what kinds something is alive under a name: two if replicas made it as two.
    pub fn kinds(&self, key: &str) -> Result<Vec<Kind>> {
        let live = self.0.live()?;
        Ok(live.replica.alive_kinds(key, self.0.log.now_ms()))
    }

    /// How much this handle's actor may take from a bounded counter, or give of it.
    pub fn rights(&self, key: &str) -> Result<i128> {
        Ok(self.0.live()?.replica.rights(key))
    }

    /// The operations whose whole effect is here. Stores with the same read the same.
    pub fn context(&self) -> Result<Context> {
        Ok(self.0.live()?.replica.context())
    }

    /// How this handle stands.
    pub fn status(&self) -> Result<CrdtStatus> {
        let live = self.0.live()?;
        let context = live.replica.context();
        let mut actors: Vec<_> = context.iter().map(|(actor, ..)| actor).collect();
        actors.dedup();
        let mut held: Vec<Context> = live.replica.held().iter().map(Fragment::context).collect();
        for &seq in &live.left {
            held.extend(self.0.log.fragment(seq)?.map(|fragment| fragment.context()));
        }
        Ok(CrdtStatus {
            seq: live.covered.seq,
            snapshot_seq: live.snapshot_seq,
            held,
            actors: actors.len(),
            behind: live.replica.missing(),
        })
    }

    /// Lets in what is held because its clock is too far ahead, in this handle; how many fragments there were.
    pub fn release_held(&self) -> Result<usize> {
        let mut live = self.0.live()?;
        self.0.release_all(&mut live)
    }
}
