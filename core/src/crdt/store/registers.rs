//! Registers with the stamps of their last writes, and writes that go in the place of the one that was seen. Here
//! alone: a replica that did not see that one either writes beside it, and the higher stamp stays.

use super::super::kind::Kind;
use super::super::op::{Op, Path};
use super::super::value::Value;
use super::CrdtStore;
use crate::error::{Error, ErrorKind, Result};

/// A register, its value and the stamp of its last write, which grows with each that is read.
type Stamped = (String, u64, Value);

/// What a write takes in a record beside its key and its value, bytes at the most.
const WRITE_BYTES: usize = 128;

impl CrdtStore {
    /// Whether this handle can't go on, and another one may.
    pub(crate) fn is_over(&self) -> bool {
        self.0.known().is_err()
    }

    /// All registers of which something is read, by name.
    pub(crate) fn registers(&self) -> Result<Vec<Stamped>> {
        let live = self.0.live()?;
        let now_ms = self.0.log.now_ms();
        let names = live.replica.alive(now_ms).filter(|(_, kind)| *kind == Kind::Register);
        let stamped = |(name, _): (&str, Kind)| {
            let (stamp, value) = live.replica.stamped(name, now_ms)?;
            Some((name.to_owned(), stamp, value))
        };
        let mut all: Vec<Stamped> = names.filter_map(stamped).collect();
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(all)
    }

    /// A register, if something is read of it.
    pub(crate) fn register(&self, key: &str) -> Result<Option<(u64, Value)>> {
        Ok(self.0.live()?.replica.stamped(key, self.0.log.now_ms()))
    }

    /// Writes a register, or removes it, in the place of the write with this stamp; 0 where nothing is read of it. The
    /// stamp of what was written, 0 for a removal.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when another write is the last; else as [`CrdtStore::write`].
    pub(crate) fn replace_register(&self, key: &str, value: Option<&Value>, seen: u64) -> Result<u64> {
        let bytes = WRITE_BYTES + key.len() + value.map_or(0, Value::len);
        let mut written = 0;
        let appended = self.append(bytes, |replica, now_ms| {
            let stamp = replica.stamped(key, now_ms).map_or(0, |(stamp, _)| stamp);
            if stamp != seen {
                let message = format!("key {key} was written at {stamp}, not at {seen}");
                return Err(Error::new(ErrorKind::Conflict, message));
            }
            let op = value.map_or(Op::Clear, |value| Op::Write { value, ttl_ms: None });
            let payload = replica.write_alone(&Path::from(key), Kind::Register, &op, now_ms)?;
            written = replica.stamped(key, now_ms).map_or(0, |(stamp, _)| stamp);
            Ok((payload, None))
        });
        appended.wait()?;
        Ok(written)
    }
}
