//! Snapshots: whole replicas in an object store, which stand in for the beginning of the log.
//!
//! A snapshot is called by the last sequence of the log that it covers, and says when that record was committed: one
//! that the log does not have like that is of a log that lost its end, so what it holds is joined and what it covers is
//! read again. The last few are kept, and the log from the oldest of those on, so that a damaged one is no loss.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, TryLockError};

use crate::error::{Error, ErrorKind, Result};
use crate::stream::link::Direction;
use crate::stream::object::{ObjectConfig, ObjectInfo, ObjectOptions, ObjectStore};
use crate::stream::options::PurgeOptions;

use super::super::fragment::Fragment;
use super::log::Log;
use super::{Covered, CrdtStore, Inner, Live, Replica};

/// Snapshots that are kept. The log is purged only where there are that many.
pub const SNAPSHOTS_KEPT: usize = 3;

/// A handle that is closed writes a snapshot if the log grew by this part of the records between two; one that could
/// not write it tries again after as many.
const PART: u64 = 10;

/// And that is no more than this, as whoever opens the store next reads them.
const PART_RECORDS_MAX: u64 = 1_000;

/// What says when the last record that a snapshot covers was committed, nanoseconds since the epoch.
const METADATA_TIME: &str = "time";

/// The snapshots of one store.
pub(super) struct Snapshots {
    bucket: String,
    /// Records of the log between two.
    every: u64,
    /// Held by whoever writes one.
    writing: Mutex<()>,
}

/// What snapshots gave.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Restored {
    pub(super) covered: Covered,
    /// Whether there are any, good or not: then the log may have been purged.
    pub(super) is_listed: bool,
    /// Whether one of a log that lost its end was joined and none was passed over: it has all that this log ever had
    /// purged.
    pub(super) is_beyond: bool,
}

impl Snapshots {
    pub(super) fn new(store: &str, every: u64) -> Self {
        Snapshots { bucket: format!("CRDT_{store}_SNAPSHOTS"), every, writing: Mutex::new(()) }
    }

    /// Joins the newest snapshot that is good and of this log, and those that are newer and of another.
    pub(super) fn restore(&self, log: &Log, replica: &mut Replica) -> Result<Restored> {
        let store = match log.engine.object_store(&self.bucket).wait() {
            Ok(store) => store,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Restored::default()),
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                self.warn(log, &format!("are damaged and passed over: {error}"));
                return Ok(Restored { is_listed: true, ..Restored::default() });
            }
            Err(error) => return Err(error),
        };
        let listed = list(&store)?;
        let mut restored = Restored { is_listed: !listed.is_empty(), ..Restored::default() };
        let mut is_any_bad = false;
        for (covered, info) in listed {
            match read(&store, &info.name) {
                Ok(fragment) => replica.restore(fragment),
                Err(error)
                    if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Conflict | ErrorKind::NotFound) =>
                {
                    self.warn(log, &format!("have one that is passed over: {error}"));
                    is_any_bad = true;
                    continue;
                }
                Err(error) => return Err(error),
            }
            if log.has(covered)? {
                restored.covered = covered;
                break;
            }
            restored.is_beyond = true;
            let message = format!("have one at {} that the log does not have: it lost its end", covered.seq);
            self.warn(log, &message);
        }
        restored.is_beyond &= !is_any_bad;
        Ok(restored)
    }

    /// What makes one worth it at a close.
    fn part(&self) -> u64 {
        (self.every / PART).clamp(1, PART_RECORDS_MAX)
    }

    /// The right to write one; none while another is being written.
    fn begin(&self) -> Option<MutexGuard<'_, ()>> {
        match self.writing.try_lock() {
            Ok(writing) => Some(writing),
            Err(TryLockError::WouldBlock) => None,
            // There is nothing behind it that a panic could have left half done.
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        }
    }

    fn warn(&self, log: &Log, message: &str) {
        log.engine.log("warn", format!("the snapshots in object store '{}' {message}", self.bucket));
    }
}

/// The snapshots that there are, the newest first.
fn list(store: &ObjectStore) -> Result<Vec<(Covered, ObjectInfo)>> {
    let covered = |info: &ObjectInfo| {
        let time = info.metadata.get(METADATA_TIME)?.parse().ok()?;
        Some(Covered { seq: info.name.parse().ok()?, time })
    };
    let infos = store.list().wait()?.into_iter();
    let mut listed: Vec<_> = infos.filter_map(|info| Some((covered(&info)?, info))).collect();
    listed.sort_unstable_by_key(|(covered, _)| std::cmp::Reverse(covered.seq));
    Ok(listed)
}

/// A snapshot whose digest holds.
fn read(store: &ObjectStore, name: &str) -> Result<Fragment> {
    let mut bytes = Vec::new();
    store.get(name)?.write_to(&mut bytes, &mut |_, _| ControlFlow::Continue(()))?;
    Fragment::decode(&bytes).map_err(|e| e.context(format!("snapshot {name}")))
}

fn conflict(message: &str) -> Error {
    Error::new(ErrorKind::Conflict, message)
}

impl CrdtStore {
    /// Writes a snapshot of all that is here, drops those beyond [`SNAPSHOTS_KEPT`], and purges the log up to what the
    /// oldest one that is left covers and every link has pushed; a log that denies purging is kept whole. The last
    /// sequence that it covers; 0 if the log has nothing, and then there is none.
    ///
    /// # Errors
    /// `conflict` while fragments are held, writes are on their way, or another snapshot is being written.
    pub fn snapshot(&self) -> Result<u64> {
        let Some(writing) = self.0.snapshots.begin() else { return Err(conflict("another snapshot is being written")) };
        self.0.snapshot(&writing)
    }

    /// Whether the next write finds a snapshot due, and blocks until it is written.
    pub fn is_snapshot_due(&self) -> bool {
        self.0.known().is_ok_and(|live| live.is_snapshot_due())
    }

    /// Writes the snapshot that is due, as a write would before it begins: for callers whose writes must not block.
    ///
    /// # Errors
    /// What ended the handle. That no snapshot could be written is logged.
    pub fn snapshot_if_due(&self) -> Result<()> {
        self.0.snapshot_if_due()
    }
}

impl Inner {
    /// Writes a snapshot if one is due. That it could not be written is no fault of who writes just now: it is logged,
    /// and tried again later.
    pub(super) fn snapshot_if_due(&self) -> Result<()> {
        if !self.known()?.is_snapshot_due() {
            return Ok(());
        }
        let Some(writing) = self.snapshots.begin() else { return Ok(()) };
        let written = self.snapshot(&writing);
        let mut live = self.known()?;
        if let Err(error) = written {
            self.snapshots.warn(&self.log, &format!("got no new one: {error}"));
        }
        if live.covered.seq >= live.snapshot_due {
            live.snapshot_due = live.covered.seq + self.snapshots.part();
        }
        Ok(())
    }

    /// Writes a snapshot if that spares the next handle much of the log.
    pub(super) fn snapshot_at_close(&self) {
        let Ok(live) = self.live() else { return };
        let is_worth_it = live.has_written && live.covered.seq - live.snapshot_seq >= self.snapshots.part();
        drop(live);
        if let Some(writing) = self.snapshots.begin().filter(|_| is_worth_it)
            && let Err(error) = self.snapshot(&writing)
        {
            self.snapshots.warn(&self.log, &format!("got no new one: {error}"));
        }
    }

    fn snapshot(&self, _writing: &MutexGuard<'_, ()>) -> Result<u64> {
        let mut guard = self.live()?;
        let live = &mut *guard;
        if !live.replica.held().is_empty() || !live.left.is_empty() {
            return Err(conflict("fragments are held, which a snapshot would leave out"));
        }
        let covered = live.covered;
        if covered.seq == 0 {
            return Ok(0);
        }
        live.replica.expire(self.log.now_ms());
        let (whole, keys) = (live.replica.whole(), live.replica.keys().count() as u64);
        live.awaited.clone_from(&live.last_sent);
        drop(guard);
        // It must not say more than the log does, nor cover what a crash takes from the log.
        self.log.sync()?;
        if self.live()?.awaited.is_some() {
            return Err(conflict("writes are on their way"));
        }
        let store = self.log.engine.create_object_store(ObjectConfig::new(self.snapshots.bucket.as_str())).wait()?;
        if list(&store)?.iter().all(|(there, _)| *there != covered) {
            let metadata = BTreeMap::from([(METADATA_TIME.to_owned(), covered.time.to_string())]);
            let options = ObjectOptions { metadata, ..ObjectOptions::default() };
            let bytes = whole.encode();
            store.put(&covered.seq.to_string(), &mut &bytes[..], &options, &mut |_| ControlFlow::Continue(()))?;
        }
        self.known()?.has_snapshot(covered.seq, self.snapshots.every.max(keys));
        self.forget_old(&store, covered)?;
        Ok(covered.seq)
    }

    /// Drops old snapshots and those of a log that lost its end, which are in the new one; and what the log no longer
    /// needs.
    fn forget_old(&self, store: &ObjectStore, new: Covered) -> Result<()> {
        let mut kept = Vec::new();
        for (covered, info) in list(store)? {
            if kept.len() < SNAPSHOTS_KEPT && (covered == new || self.log.has(covered)?) {
                kept.push(covered.seq);
                continue;
            }
            match store.delete(&info.name).wait() {
                // Another handle was there first.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                done => done?,
            }
        }
        let Some(&oldest) = kept.get(SNAPSHOTS_KEPT - 1) else { return Ok(()) };
        let stream = &self.log.stream;
        if stream.config().deny_purge {
            return Ok(());
        }
        // The last record that it covers stays: a snapshot is compared with that.
        let before_seq = Some(oldest.min(self.pushed_seq()?.saturating_add(1)));
        // Without a filter nobody has to look which records are meant.
        let filter = (!self.log.is_alone()).then(|| self.log.filter());
        stream.purge(&PurgeOptions { filter, before_seq, ..PurgeOptions::default() }).wait()?;
        Ok(())
    }

    /// Everything up to this sequence is where links push it.
    fn pushed_seq(&self) -> Result<u64> {
        let links = match self.log.engine.links() {
            Err(error) if error.kind() == ErrorKind::Unsupported => Vec::new(),
            links => links?,
        };
        let pushing = links.iter().filter(|l| l.stream == self.log.stream.name() && l.direction != Direction::Pull);
        Ok(pushing.map(|link| link.pushed_seq).min().unwrap_or(u64::MAX))
    }
}

impl Live {
    fn is_snapshot_due(&self) -> bool {
        self.covered.seq + self.unread >= self.snapshot_due
    }

    fn has_snapshot(&mut self, seq: u64, every: u64) {
        self.snapshot_seq = self.snapshot_seq.max(seq);
        self.snapshot_due = self.snapshot_seq + every;
    }
}
