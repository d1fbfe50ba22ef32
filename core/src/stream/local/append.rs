//! Taking records in: every check, then the frames into the tail, in one hold of the lock.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Local;
use super::limits::size_of_body;
use super::state::{Special, Staged, State};
use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Pos;
use crate::journal::frame::{self, FLAG_MORE};
use crate::record::{Ack, Append, Durability, RecordView, Rollup, TAG_SPECIAL, decode, encode};
use crate::stream::shape;
use crate::subject::{is_wildcard, matches};

/// Bytes that an interval stream lets wait before they are written.
const FLUSH_BYTES: usize = 256 << 10;
/// Bytes at which an appender writes by itself, because nobody else does.
const FLUSH_SELF_BYTES: usize = 8 << 20;
/// Bytes that may wait while the disk takes none.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// The most that a frame adds to subject, headers and payload, with the headers that stand for a time to live and a
/// rollup.
const FRAMING_BYTES_MAX: usize = 72;

/// What staging came to.
pub(crate) enum Staging {
    /// Acknowledged.
    Done(Ack),
    /// Acknowledged once everything before the position is committed.
    Wait { end: Pos, generation: u64, ack: Ack },
}

impl Local {
    /// Checks and stages appends, all or none.
    pub(crate) fn stage(&self, appends: &[Append<'_>]) -> Result<Staging> {
        self.refuse_if_read_only()?;
        let bytes = shape::check(appends)?;
        let mut state = self.lock();
        if state.stalled.is_some() {
            drop(state);
            // When it fails again, the stream is still stalled, and says so below.
            let _ = self.flush(false);
            state = self.lock();
        }
        self.shared.check_open()?;
        state.check(&self.name)?;
        for append in appends {
            state.check_append(append)?;
        }
        let now = self.shared.clock.now();
        state.expire_if_due(now)?;
        if let Some(seen) = state.find_duplicate(appends)? {
            self.shared.counters.duplicates.fetch_add(1, Ordering::Relaxed);
            return Ok(seen);
        }
        if let Err(error) = state.check_conditions(appends) {
            self.shared.counters.conflicts.fetch_add(1, Ordering::Relaxed);
            return Err(error);
        }
        state.check_room(appends, bytes)?;
        state.roll_if_full();
        let interval = state.config.durability == Durability::Interval;
        let was_first = state.next_seq;
        let time = now.max(state.staged_time).max(state.last_time).max(state.base_at(state.tail.end()).time);
        for (i, append) in appends.iter().enumerate() {
            let flags = if i + 1 < appends.len() { FLAG_MORE } else { 0 };
            state.push_record(append, flags, time);
        }
        state.staged_time = time;
        let ack = Ack {
            seq: state.next_seq - 1,
            count: appends.len() as u32,
            duplicate: false,
            durability: state.config.durability,
        };
        self.shared.counters.appends.fetch_add(appends.len() as u64, Ordering::Relaxed);
        if !interval {
            state.turn.join();
            return Ok(Staging::Wait { end: state.tail.end(), generation: state.generation, ack });
        }
        state.apply_interval(appends, was_first, time)?;
        state.committed = state.tail.end();
        let woken = std::mem::take(&mut state.woken);
        let waiting = state.tail.waiting();
        let upkeep = state.wants_upkeep();
        let dirty = state.dirty_since.is_none();
        if dirty {
            state.dirty_since = Some(now);
            let due = now + state.config.sync_interval.as_nanos() as u64;
            self.shared.ring(Some(due));
        }
        drop(state);
        super::waiters::wake(woken);
        if upkeep && self.shared.has_worker() {
            self.shared.ring(None);
        }
        if waiting >= FLUSH_BYTES {
            self.relieve(waiting)?;
        }
        Ok(Staging::Done(ack))
    }

    /// Gets bytes that wait on an interval stream written: by the worker, or here when there is none or it falls
    /// behind.
    fn relieve(&self, waiting: usize) -> Result<()> {
        if self.shared.has_worker() && waiting < FLUSH_SELF_BYTES {
            if waiting / FLUSH_BYTES != (waiting - 1) / FLUSH_BYTES || waiting < 2 * FLUSH_BYTES {
                self.shared.ring(None);
            }
            return Ok(());
        }
        match self.flush(false) {
            Err(error) if error.kind() != ErrorKind::Limit => Err(error),
            // What was acknowledged stays in memory; the next append is refused when too much does.
            _ => Ok(()),
        }
    }
}

impl State {
    /// Checks what the stream's configuration says of one append.
    fn check_append(&self, append: &Append<'_>) -> Result<()> {
        let config = &self.config;
        if !config.subjects.iter().any(|s| matches(s, append.subject)) {
            return Err(Error::invalid(format!(
                "stream '{}' does not take subject '{}' (it takes {})",
                config.name,
                append.subject,
                config.subjects.join(", ")
            )));
        }
        let most = config.payload_bytes_max();
        if append.payload.len() > most {
            return Err(Error::invalid(format!("the payload has {} bytes, the most is {most}", append.payload.len())));
        }
        if append.rollup != Rollup::None && (!config.allow_rollup || config.deny_purge) {
            return Err(Error::invalid(format!("stream '{}' does not allow rollup", config.name)));
        }
        if self.subjects.is_full(append.subject) {
            return Err(Error::new(ErrorKind::Limit, "the names of all subjects take 4 GiB, which is the most"));
        }
        Ok(())
    }

    pub(crate) fn expire_if_due(&mut self, now: Nanos) -> Result<()> {
        if self.expiries.first().is_some_and(|e| e.0 <= now) || !self.config.max_age.is_zero() || self.dedup.len() > 0 {
            self.expire(now)?;
        }
        Ok(())
    }

    /// The outcome of the append that had the same message ids, if these were seen.
    fn find_duplicate(&self, appends: &[Append<'_>]) -> Result<Option<Staging>> {
        let mut seen = 0;
        let mut last = 0;
        for append in appends {
            if let Some(id) = append.msg_id
                && let Some(seq) = self.dedup.get(id).or_else(|| self.staged_id(id))
            {
                seen += 1;
                last = seq.max(last);
            }
        }
        if seen == 0 {
            return Ok(None);
        }
        if seen < appends.len() {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("{seen} of the batch's {} records were appended before, by their msg_id", appends.len()),
            ));
        }
        let ack = Ack { seq: last, count: 0, duplicate: true, durability: self.config.durability };
        if last <= self.last_seq {
            return Ok(Some(Staging::Done(ack)));
        }
        Ok(Some(Staging::Wait { end: self.tail.end(), generation: self.generation, ack }))
    }

    fn staged_id(&self, id: &str) -> Option<u64> {
        self.staged_views().find(|v| Special::of(v).msg_id == Some(id)).map(|v| v.seq)
    }

    /// Records that are staged and not committed.
    fn staged_views(&self) -> impl Iterator<Item = RecordView<'_>> {
        self.staged.iter().filter(|s| s.seq > 0).filter_map(|s| {
            let found = frame::parse_trusted(self.tail.peek(s.pos))?;
            decode(found.tag(), self.base_at(s.pos), found.body)
        })
    }

    /// The last sequence among the subjects that a filter takes, staged appends included.
    fn last_seq_of(&mut self, filter: &str) -> u64 {
        let staged = if self.staged.is_empty() {
            0
        } else {
            self.staged_views().filter(|v| matches(filter, v.subject)).map(|v| v.seq).max().unwrap_or(0)
        };
        if staged > 0 {
            staged
        } else if is_wildcard(filter) {
            self.tip(filter)
        } else {
            self.subjects.get(filter).map_or(0, |s| s.last_seq)
        }
    }

    fn check_conditions(&mut self, appends: &[Append<'_>]) -> Result<()> {
        for append in appends {
            if let Some(expected) = append.expect_last_seq
                && expected != self.next_seq - 1
            {
                let what = format!("stream '{}'", self.config.name);
                return Err(Error::wrong_sequence(&what, expected, self.next_seq - 1));
            }
            if let Some(expected) = append.expect_subject_last_seq {
                let filter = append.expect_filter.unwrap_or(append.subject);
                let actual = self.last_seq_of(filter);
                if expected != actual {
                    return Err(Error::wrong_sequence(&format!("subject '{filter}'"), expected, actual));
                }
            }
        }
        Ok(())
    }

    /// Refuses what the limits leave no room for.
    fn check_room(&self, appends: &[Append<'_>], bytes: usize) -> Result<()> {
        if let Some(error) = &self.stalled {
            return Err(Error::new(
                error.kind(),
                format!(
                    "{}; what was acknowledged waits in memory, and nothing more is taken before it is written",
                    error.message()
                ),
            ));
        }
        if self.tail.waiting() > WAITING_BYTES_MAX {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("{} bytes wait to be written and the disk takes none: make room", self.tail.waiting()),
            ));
        }
        if self.discards_old() {
            return Ok(());
        }
        let config = &self.config;
        let full = |what: &str, most: u64| {
            Err(Error::new(
                ErrorKind::Limit,
                format!("stream '{}' is at its {what} of {most} and discards new", config.name),
            ))
        };
        let per_subject = config.max_msgs_per_subject;
        let at_subject_limit =
            |s: &str| per_subject > 0 && self.subjects.get(s).is_some_and(|s| u64::from(s.count) >= per_subject);
        if config.discard_new_per_subject && appends.iter().any(|a| at_subject_limit(a.subject)) {
            return full("max_msgs_per_subject", per_subject);
        }
        let added = appends.iter().filter(|a| !at_subject_limit(a.subject)).count() as u64;
        if config.max_msgs > 0 && self.records + self.staged.len() as u64 + added > config.max_msgs && added > 0 {
            return full("max_msgs", config.max_msgs);
        }
        // What others have staged counts too: were it left out, the oldest records would go, which nobody agreed to.
        let staged = self.staged.front().map_or(0, |first| self.tail.end() - first.pos);
        let added = (bytes + appends.len() * FRAMING_BYTES_MAX) as u64;
        if config.max_bytes > 0 && self.bytes + staged + added > config.max_bytes {
            return full("max_bytes", config.max_bytes);
        }
        Ok(())
    }

    /// Encodes one record into the tail.
    fn push_record(&mut self, append: &Append<'_>, flags: u8, time: Nanos) {
        let base = self.base_at(self.tail.end());
        let seq = self.next_seq;
        let pos = self.tail.push(flags, |out| encode(out, append, base, seq, time));
        self.staged.push_back(Staged { pos, seq });
        self.next_seq += 1;
    }

    /// Commits appends to an interval stream at once: they were just staged.
    fn apply_interval(&mut self, appends: &[Append<'_>], first: u64, time: Nanos) -> Result<()> {
        for (seq, append) in (first..).zip(appends) {
            let Some(staged) = self.staged.pop_front() else { break };
            let found = frame::parse_trusted(self.tail.peek(staged.pos));
            let (size, tag) = found.map_or((0, 0), |f| (size_of_body(f.body.len()), f.tag()));
            let view = RecordView::of_append(append, seq, time);
            let special = (tag & TAG_SPECIAL != 0).then(|| Special {
                msg_id: append.msg_id,
                ttl_nanos: append.ttl.map(|t| t.as_nanos() as u64),
                rollup: append.rollup,
            });
            self.apply_record(staged.pos, size, &view, special)?;
        }
        Ok(())
    }
}

/// One append, to its outcome.
pub(crate) fn append(local: &Arc<Local>, appends: &[Append<'_>]) -> crate::pending::Pending<Ack> {
    match local.stage(appends) {
        Err(error) => crate::pending::Pending::ready(Err(error)),
        Ok(Staging::Done(ack)) => crate::pending::Pending::ready(Ok(ack)),
        Ok(Staging::Wait { end, generation, ack }) => {
            let ticket = super::commit::Ticket::new(Arc::clone(local), end, generation);
            if ack.durability == Durability::Os {
                return crate::pending::Pending::ready(ticket.commit().map(|()| ack));
            }
            crate::pending::Pending::waiting(ticket).map(move |_| ack)
        }
    }
}
