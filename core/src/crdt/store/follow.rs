//! Following the log: what others appended is joined, in the order of the log, whenever somebody reads or writes.

use std::sync::atomic::Ordering;

use crate::error::{Error, ErrorKind, Result};
use crate::record::{Batch, RecordView};

use super::super::exchange::HELD_MAX;
use super::super::fragment::Fragment;
use super::{Covered, Inner, Live};

/// Records that are taken from the log at once.
pub(super) const RECORDS_AT_ONCE: usize = 1_000;

impl Inner {
    /// Joins what is in the log and not yet here; nothing waits for what is still on its way.
    pub(super) fn follow(&self, live: &mut Live) -> Result<()> {
        loop {
            let batch = self.subscription.try_next(RECORDS_AT_ONCE)?;
            if batch.is_empty() {
                break;
            }
            self.take_batch(live, &batch)?;
        }
        live.unread = 0;
        if !live.replica.held().is_empty() {
            live.replica.release(false, self.log.now_ms());
        }
        while live.replica.held().len() < HELD_MAX
            && let Some(seq) = live.left.pop_front()
        {
            if let Some(fragment) = self.again(live, seq)? {
                live.replica.apply(fragment, self.log.now_ms())?;
            }
        }
        Ok(())
    }

    /// Lets in all that is held, in memory and in the log; how many fragments that was.
    pub(super) fn release_all(&self, live: &mut Live) -> Result<usize> {
        let held = live.replica.held().len() + live.left.len();
        live.replica.release(true, self.log.now_ms());
        while let Some(seq) = live.left.pop_front() {
            if let Some(fragment) = self.again(live, seq)? {
                live.replica.restore(fragment);
            }
        }
        Ok(held)
    }

    /// What was left in the log. If it is gone, another handle let it in, and wrote a snapshot that has it.
    fn again(&self, live: &mut Live, seq: u64) -> Result<Option<Fragment>> {
        let fragment = self.log.fragment(seq)?;
        if fragment.is_none() {
            self.snapshots.restore(&self.log, &mut live.replica)?;
        }
        Ok(fragment)
    }

    /// Passes over what this handle sent, where the log has as many sequences more as it sent records: then all of them
    /// are its own. Whether it could.
    pub(super) fn pass_own(&self, live: &mut Live) -> Result<bool> {
        if self.unanswered.load(Ordering::Acquire) > 0 || !live.replica.held().is_empty() {
            return Ok(false);
        }
        let last = self.subscription.position() + live.unread - 1;
        let Some(record) = self.log.stream.get(last).wait()? else { return Ok(false) };
        if record.subject != self.own_subject || !self.subscription.pass(last) {
            return Ok(false);
        }
        live.covered = Covered { seq: last, time: record.time };
        (live.last_sent, live.awaited, live.unread) = (None, None, 0);
        Ok(true)
    }

    /// Joins some records. A handle that could not take one of them can't go on: it would miss that one silently.
    pub(super) fn take_batch(&self, live: &mut Live, batch: &Batch) -> Result<()> {
        let taken = self.try_take(live, batch);
        if let Err(error) = &taken {
            live.failed = Some(error.clone());
        }
        taken
    }

    fn try_take(&self, live: &mut Live, batch: &Batch) -> Result<()> {
        // A subscription that has read nothing does not know what it missed.
        let is_late = live.covered.seq == 0 && batch.seq(0).is_some_and(|seq| seq > 1);
        if batch.missed() > 0 || is_late {
            // Another handle wrote a snapshot, and purged what this one had not read.
            let restored = self.snapshots.restore(&self.log, &mut live.replica)?;
            if restored.covered.seq < live.covered.seq {
                self.log.check_beginning(&super::snapshot::Restored { covered: live.covered, ..restored })?;
            } else {
                self.log.check_beginning(&restored)?;
                live.covered = restored.covered;
                live.snapshot_seq = restored.covered.seq;
            }
        }
        batch.iter().try_for_each(|record| self.take(live, &record))
    }

    fn take(&self, live: &mut Live, record: &RecordView<'_>) -> Result<()> {
        if record.subject == self.own_subject {
            for sent in [&mut live.last_sent, &mut live.awaited] {
                sent.take_if(|payload| payload == record.payload);
            }
        } else if live.takes(record) {
            let of_record = |e: Error| e.context(format!("record {} of stream {}", record.seq, self.log.stream.name()));
            let fragment = Fragment::decode(record.payload).map_err(of_record)?;
            let actor = self.log.actor(record.subject);
            if actor.is_some_and(|actor| actor.engine == self.log.engine.id()) {
                // What this engine itself acknowledged is here whatever its clock said then.
                live.replica.restore(fragment);
            } else {
                match live.replica.apply(fragment, self.log.now_ms()) {
                    Err(error) if error.kind() == ErrorKind::Limit => live.left.push_back(record.seq),
                    applied => drop(applied.map_err(of_record)?),
                }
            }
        }
        if record.seq > live.covered.seq {
            live.covered = Covered { seq: record.seq, time: record.time };
        }
        Ok(())
    }
}
