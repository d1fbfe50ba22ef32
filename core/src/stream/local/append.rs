//! Taking records in: every check, then the frames into the tail, in one hold of the lock.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use super::Local;
use super::control::Control;
use super::limits::size_of_body;
use super::state::{EpochNote, Special, Staged, State};
use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Pos;
use crate::journal::frame::{self, FLAG_MORE};
use crate::origin::Origin;
use crate::record::{Ack, Append, Durability, RecordView, TAG_SPECIAL, decode, encode};
use crate::stream::shape::{self, check_for};
use crate::subject::matches;

/// Bytes that an interval stream lets wait before they are written.
const FLUSH_BYTES: usize = 256 << 10;
/// Bytes at which an appender writes by itself, because nobody else does.
const FLUSH_SELF_BYTES: usize = 8 << 20;
/// Bytes that may wait while nobody writes them, or the disk takes none.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// The most that a frame adds to subject, headers and payload, with the headers that stand for a time to live and a
/// rollup.
const FRAMING_BYTES_MAX: usize = 72;

/// Which of several appends are to be staged.
enum Entry {
    All,
    /// Those at these places.
    Only(Vec<usize>),
    /// None: this is what comes of them.
    Settled(Staging),
}

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
        self.stage_if(appends, |state, appends| {
            if let Some(seen) = state.find_duplicate(appends)? {
                self.shared.counters.duplicates.fetch_add(1, Ordering::Relaxed);
                return Ok(Entry::Settled(seen));
            }
            if let Err(error) = state.check_conditions(appends) {
                self.shared.counters.conflicts.fetch_add(1, Ordering::Relaxed);
                return Err(error);
            }
            Ok(Entry::All)
        })
    }

    /// Checks and stages those records of a link that the log never held: all or none. Each says in its header where it
    /// comes from.
    pub(crate) fn stage_foreign(&self, records: &[Append<'_>]) -> Result<Staging> {
        self.stage_if(records, |state, records| {
            let staged: BTreeSet<Origin> = state.staged_views().filter_map(|v| Special::of(&v).origin).collect();
            let held = |o: Origin| staged.contains(&o) || state.origins.holds(self.shared.engine(), o);
            let fresh: Vec<usize> =
                (0..records.len()).filter(|&i| records[i].origin().is_none_or(|o| !held(o))).collect();
            if fresh.is_empty() {
                let ack = Ack { seq: state.last_seq, count: 0, duplicate: true, durability: state.config.durability };
                let (end, generation) = (state.tail.end(), state.generation);
                // Some may only be staged yet.
                return Ok(Entry::Settled(Staging::Wait { end, generation, ack }));
            }
            Ok(if fresh.len() == records.len() { Entry::All } else { Entry::Only(fresh) })
        })
    }

    fn stage_if(
        &self,
        appends: &[Append<'_>],
        admit: impl FnOnce(&mut State, &[Append<'_>]) -> Result<Entry>,
    ) -> Result<Staging> {
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
        let chosen: Vec<Append<'_>>;
        let appends = match admit(&mut state, appends)? {
            Entry::Settled(staging) => return Ok(staging),
            Entry::All => appends,
            Entry::Only(which) => {
                chosen = which.into_iter().map(|i| appends[i].clone()).collect();
                &chosen
            }
        };
        state.check_room(appends, bytes)?;
        state.roll_if_full();
        let interval = state.config.durability == Durability::Interval;
        self.say_epoch(&mut state, interval)?;
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
        self.commit_interval(state, now)?;
        Ok(Staging::Done(ack))
    }

    /// Commits what an interval stream has staged, and sees to it that it is written in time.
    fn commit_interval(&self, mut state: MutexGuard<'_, State>, now: Nanos) -> Result<()> {
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
        Ok(())
    }

    /// Goes on in the epoch of the open before, which is this one's alone, unless the log is another one than it was.
    pub(crate) fn go_on_in(&self, epoch: u64, last_seq: u64) {
        let mut state = self.lock();
        if state.last_seq == last_seq && state.origins.newest_epoch() == Some(epoch) {
            state.epoch = EpochNote::Said;
        }
    }

    /// The epoch in which the next open may go on, and the last sequence.
    pub(crate) fn epoch_to_leave(&self) -> Option<(u64, u64)> {
        let state = self.lock();
        let epoch = state.origins.newest_epoch().filter(|_| state.epoch == EpochNote::Said)?;
        Some((epoch, state.last_seq))
    }

    /// Says in the log, before the first record that this open appends, in which epoch it does, if that is a new one.
    fn say_epoch(&self, state: &mut State, interval: bool) -> Result<()> {
        if state.epoch != EpochNote::Unsaid {
            return Ok(());
        }
        let epoch = self.shared.clock.random();
        let control = Control::Epoch(epoch);
        let pos = state.push_control(&control);
        state.epoch = EpochNote::Staged(epoch);
        if interval {
            state.apply_control(pos, &control)?;
        } else {
            state.staged.push_back(Staged { pos, seq: 0 });
        }
        Ok(())
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
    /// Checks what the stream says of one append.
    fn check_append(&self, append: &Append<'_>) -> Result<()> {
        check_for(&self.config, append)?;
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
    pub(super) fn staged_views(&self) -> impl Iterator<Item = RecordView<'_>> {
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
        if staged > 0 { staged } else { self.newest_of(filter) }
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
                format!(
                    "{} bytes wait to be written, the most is {WAITING_BYTES_MAX}: wait for what was appended, or make \
                     room on the disk",
                    self.tail.waiting()
                ),
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
                origin: append.origin(),
            });
            self.apply_record(staged.pos, size, &view, special)?;
        }
        Ok(())
    }
}

/// One append, to its outcome.
pub(crate) fn append(local: &Arc<Local>, appends: &[Append<'_>]) -> crate::pending::Pending<Ack> {
    settle(local, local.stage(appends))
}

/// Takes in those records of a link that the log never held; the acknowledgement counts them.
pub(crate) fn take_in(local: &Arc<Local>, records: &[Append<'_>]) -> crate::pending::Pending<Ack> {
    settle(local, local.stage_foreign(records))
}

fn settle(local: &Arc<Local>, staging: Result<Staging>) -> crate::pending::Pending<Ack> {
    match staging {
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
