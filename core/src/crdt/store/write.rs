//! Writes: an operation or a transaction is done on the replica and its delta appended, under one lock.
//!
//! If the append fails, the replica has what the log may not have. Then the handle is over: every call answers the
//! error, and a handle that is opened anew has what the log has. A delta is not sent again behind the caller's back,
//! who would count twice what he does again.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::record::Append;

use super::super::kind::Kind;
use super::super::op::{Op, Path};
use super::super::read::Reading;
use super::super::replica::{Change, Replica};
use super::{CrdtStore, Inner, Live};

/// What a change takes in a record beside its names and its value, bytes at the most in the common case.
const CHANGE_BYTES: usize = 128;

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Its record in the log; 0 if there was nothing to do.
    pub seq: u64,
    /// What one operation on a counter made of it.
    pub total: Option<i128>,
}

/// The bytes of a delta, if there is one, and what an operation on a counter made of it.
pub(super) type Done = (Option<Vec<u8>>, Option<i128>);

impl CrdtStore {
    /// Does one operation. It is read at once, and done when the durability of the stream is reached.
    ///
    /// When a snapshot is due, the call blocks until it is written.
    ///
    /// # Errors
    /// As [`Replica::transaction`](super::super::Replica::transaction); nothing was changed then. If the append failed,
    /// its error: whether the log has the operation is then seen by opening the store again, which this handle and its
    /// clones ask for from then on.
    pub fn write<'a>(&self, path: impl Into<Path<'a>>, kind: Kind, op: &Op<'_>) -> Pending<Written> {
        let path = path.into();
        self.append(change_bytes(&path, op), |replica, now_ms| {
            let payload = replica.write_alone(&path, kind, op, now_ms)?;
            let is_number = matches!(kind, Kind::Counter | Kind::GrowCounter | Kind::BoundedCounter);
            let total = match is_number.then(|| replica.read(path, kind, now_ms)) {
                Some(Reading::Number(total)) => Some(total),
                _ => None,
            };
            Ok((payload, total))
        })
    }

    /// Does all of several operations or, if one of them is refused, nothing. They are one record, which every replica
    /// takes in as a whole.
    ///
    /// # Errors
    /// As [`CrdtStore::write`]; `limit` if they are more than a record holds.
    pub fn transaction(&self, changes: &[Change<'_>]) -> Pending<Written> {
        let bytes = changes.iter().map(|change| change_bytes(&change.path, &change.op)).sum();
        self.append(bytes, |replica, now_ms| {
            replica.transaction(changes, now_ms)?;
            Ok((replica.take_delta().map(|delta| delta.encode()), None))
        })
    }

    /// Does something on the replica and appends the delta that it made.
    pub(super) fn append(
        &self,
        bytes: usize,
        work: impl FnOnce(&mut Replica, u64) -> Result<Done>,
    ) -> Pending<Written> {
        self.try_append(bytes, work).unwrap_or_else(|error| Pending::ready(Err(error)))
    }

    fn try_append(
        &self,
        bytes: usize,
        work: impl FnOnce(&mut Replica, u64) -> Result<Done>,
    ) -> Result<Pending<Written>> {
        let inner = &self.0;
        inner.check_size(bytes)?;
        inner.snapshot_if_due()?;
        let mut live = inner.live_to_write()?;
        let (payload, total) = work(&mut live.replica, inner.log.now_ms())?;
        let Some(payload) = payload else { return Ok(Pending::ready(Ok(Written { seq: 0, total }))) };
        inner.next_seq.store(live.replica.next_seq, Ordering::Relaxed);
        live.has_written = true;
        live.unread += 1;
        let appended = inner.log.stream.append(&Append::new(&inner.own_subject, &payload));
        live.last_sent = Some(payload);
        match appended.into_ready() {
            Ok(Ok(ack)) => Ok(Pending::ready(Ok(Written { seq: ack.seq, total }))),
            Ok(Err(error)) => Err(live.fail(error, &inner.log.name)),
            Err(waiting) => {
                inner.unanswered.fetch_add(1, Ordering::Relaxed);
                let (failing, answered) = (Arc::clone(inner), Arc::clone(inner));
                let waiting = waiting.map_err(move |error| failing.fail(error));
                Ok(waiting.map(move |ack| {
                    answered.unanswered.fetch_sub(1, Ordering::Release);
                    Written { seq: ack.seq, total }
                }))
            }
        }
    }
}

impl Inner {
    /// Refuses what would not fit in a record before anything is done.
    fn check_size(&self, bytes: usize) -> Result<()> {
        let most = self.log.fragment_bytes_max;
        if bytes > most {
            let message = format!("changes of about {bytes} bytes: a record of the log has {most} at the most");
            return Err(Error::new(ErrorKind::Limit, message));
        }
        Ok(())
    }

    fn fail(&self, error: Error) -> Error {
        match self.live.lock() {
            Ok(mut live) => live.fail(error, &self.log.name),
            Err(_) => error,
        }
    }
}

impl Live {
    /// Ends the handle.
    fn fail(&mut self, error: Error, name: &str) -> Error {
        let error = error.context(format!("a write failed, and CRDT store '{name}' has to be opened again"));
        self.failed.get_or_insert(error).clone()
    }
}

fn change_bytes(path: &Path<'_>, op: &Op<'_>) -> usize {
    let value = match op {
        Op::Write { value, .. } | Op::Insert { value, .. } | Op::Remove(value) => value.len(),
        _ => 0,
    };
    let names: usize = path.fields.iter().map(|name| name.len()).sum();
    CHANGE_BYTES + path.key.len() + names + value
}
