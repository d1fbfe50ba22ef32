//! Group commit: whoever waits first writes and syncs for all who wait, without a hand-off between threads.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::Local;
use super::control::{self, Control};
use super::limits::size_of_body;
use super::state::{EpochNote, Failure, Special, State};
use super::waiters::wake;
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Pos;
use crate::journal::frame;
use crate::journal::tail::Chunk;
use crate::journal::writer::WriteFault;
use crate::pending::{Deadline, Pending, Wait};
use crate::record::{Durability, TAG_CONTROL, TAG_SPECIAL, decode};

/// How long the one who was woken to commit the rest has before the worker does it.
const ABANDONED_NANOS: crate::clock::Nanos = 2_000_000;
/// How many failed flushes and outcomes are remembered for those who ask late.
const REMEMBERED_MAX: usize = 256;

/// A wait for everything before a position to be committed. Its value is what a control entry came to.
pub(crate) struct Ticket {
    local: Arc<Local>,
    end: Pos,
    generation: u64,
    waiter: u64,
    done: bool,
}

impl Ticket {
    pub(crate) fn new(local: Arc<Local>, end: Pos, generation: u64) -> Self {
        Ticket { local, end, generation, waiter: 0, done: false }
    }

    /// Blocks until it is committed.
    pub(crate) fn commit(mut self) -> Result<()> {
        self.wait(None).unwrap_or(Ok(0)).map(|_| ())
    }

    fn outcome(&mut self, state: &mut State) -> Option<Result<u64>> {
        let outcome = state.outcome(self.end, self.generation)?;
        self.done = true;
        Some(outcome)
    }

    fn register(&mut self, state: &mut State, cx: &Context<'_>) {
        if self.waiter == 0 {
            state.next_waiter += 1;
            self.waiter = state.next_waiter;
        }
        state.waiters.wait_for_commit(self.waiter, self.end, cx.waker());
    }
}

impl Wait<u64> for Ticket {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<u64>> {
        let local = Arc::clone(&self.local);
        let mut state = local.lock();
        if let Some(outcome) = self.outcome(&mut state) {
            return Poll::Ready(outcome);
        }
        if local.shared.has_worker() {
            self.register(&mut state, cx);
            let idle = !state.flushing;
            drop(state);
            if idle {
                local.shared.ring(None);
            }
            return Poll::Pending;
        }
        drop(state);
        Poll::Ready(self.wait(None).unwrap_or(Ok(0)))
    }

    fn wait(&mut self, timeout: Option<Duration>) -> Option<Result<u64>> {
        let local = Arc::clone(&self.local);
        let deadline = Deadline::after(timeout);
        let mut state = local.lock();
        let mut patient = state.config.durability == Durability::Fsync;
        loop {
            if let Some(outcome) = self.outcome(&mut state) {
                return Some(outcome);
            }
            if deadline.has_passed() {
                let called = state.turn.hand_over();
                drop(state);
                local.turns.wake(called);
                return None;
            }
            if state.flushing || (patient && state.turn.is_filling()) {
                (state, patient) = local.turns.wait(state, self.end, deadline.left());
                continue;
            }
            // Decided under the lock, so that all others wait for their outcome and not for a turn.
            state.flushing = true;
            drop(state);
            // A failure is in the outcome, for this one and for everyone else who waits.
            let _ = local.flush(true);
            state = local.lock();
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let mut state = self.local.lock();
        if self.waiter != 0 {
            state.waiters.forget(self.waiter);
        }
        let open = state.outcome(self.end, self.generation).is_none();
        drop(state);
        if open && self.local.shared.has_worker() {
            // Nobody waits for it any more, but it was asked for.
            self.local.shared.ring(None);
        }
    }
}

impl Local {
    /// Writes what waits, and syncs it when `sync` is asked for and the stream ever syncs.
    ///
    /// An fsync stream commits only after the sync, so it is never flushed without. The others commit when it is
    /// written, and writes go on while the sync runs.
    pub(crate) fn flush(&self, sync: bool) -> Result<()> {
        let sync = sync && self.lock().config.durability != Durability::Os;
        let syncing = sync.then(|| self.syncing());
        let mut woken = Vec::new();
        let outcome = self.write_out(sync, &mut woken);
        drop(syncing);
        wake(woken);
        outcome
    }

    /// As [`Local::flush`]; whoever asks for a sync holds the sync lock, so that two do not take each other's for done.
    fn write_out(&self, sync: bool, woken: &mut Vec<Waker>) -> Result<()> {
        let mut writer = self.writer();
        let (chunk, commits_synced) = {
            let mut state = self.lock();
            state.flushing = false;
            if let Some(poison) = &state.poison {
                return Err(poison.clone());
            }
            if !sync && state.config.durability == Durability::Fsync {
                // It became an fsync stream since the caller looked: nothing of it commits without a sync.
                return Ok(());
            }
            let chunk = state.tail.take();
            state.turn.taken(chunk.as_deref());
            if chunk.is_none() && !(sync && state.tail.synced < state.tail.end()) {
                return Ok(());
            }
            let commits_synced = state.config.durability == Durability::Fsync;
            state.flushing = commits_synced;
            (chunk, commits_synced && sync)
        };
        let written = chunk.as_ref().map_or(Ok(()), |chunk| writer.write(chunk, commits_synced));
        let end = chunk.as_ref().map(|c| c.end());
        let mut chunk = Some(chunk);
        let mut result = written;
        let mut synced = None;
        if result.is_ok() && sync {
            self.shared.counters.syncs.fetch_add(1, Ordering::Relaxed);
            let due = writer.begin_sync();
            synced = Some(end.unwrap_or_else(|| self.lock().tail.memory_start()));
            if !commits_synced {
                let outcome = self.settle(Ok(()), chunk.take().flatten(), None, woken);
                drop(writer);
                outcome?;
            }
            result = due.run().map_err(WriteFault::Poisoned);
        }
        self.settle(result, chunk.flatten(), synced, woken)
    }

    /// Takes over what a write or a sync came to, and hands out the wakers of those who waited for it.
    fn settle(
        &self,
        result: Result<(), WriteFault>,
        chunk: Option<Arc<Chunk>>,
        synced: Option<Pos>,
        woken: &mut Vec<Waker>,
    ) -> Result<()> {
        let mut state = self.lock();
        state.flushing = false;
        let outcome = match result {
            Ok(()) => state.finish(chunk, synced),
            Err(WriteFault::Undone(error)) => {
                if state.config.durability == Durability::Interval {
                    state.stalled = Some(error.clone());
                } else {
                    state.undo(chunk.as_deref(), &error);
                }
                Err(error)
            }
            Err(WriteFault::Poisoned(error)) => {
                let error = Error::new(
                    ErrorKind::Io,
                    format!("stream '{}' is poisoned until it is reopened: {}", self.name, error.message()),
                );
                state.poison(&error);
                self.shared.log("error", error.message().to_owned());
                Err(error)
            }
        };
        let committed = state.committed;
        woken.append(&mut state.woken);
        state.waiters.take_writers(committed, woken);
        let upkeep = state.wants_upkeep();
        let called = state.turn.next();
        let others = state.waiters.has_writers() || called.others_wait();
        drop(state);
        if outcome.is_ok() {
            self.turns.wake(called);
        } else {
            self.turns.wake_all();
        }
        if others && self.shared.has_worker() {
            // Whoever was woken to commit the rest may have given up its wait: then the worker does it.
            self.shared.ring(Some(self.shared.clock.now() + ABANDONED_NANOS));
        }
        if upkeep && self.shared.has_worker() {
            self.shared.ring(None);
        }
        outcome
    }

    /// Returns when everything that was appended is on disk, whatever the stream promises.
    pub(crate) fn sync_now(&self) -> Result<()> {
        let mut woken = Vec::new();
        let outcome = self.sync_under_lock(&mut woken);
        wake(woken);
        outcome
    }

    /// Returns when everything that readers can see is on disk.
    pub(crate) fn sync_committed(&self) -> Result<()> {
        let is_synced = {
            let state = self.lock();
            state.tail.synced >= state.committed
        };
        if is_synced { Ok(()) } else { self.sync_now() }
    }

    fn sync_under_lock(&self, woken: &mut Vec<Waker>) -> Result<()> {
        let _syncing = self.syncing();
        let syncs = {
            let state = self.lock();
            state.check(&self.name)?;
            state.config.durability == Durability::Fsync
        };
        self.write_out(syncs, woken)?;
        let (due, written) = {
            let mut writer = self.writer();
            (writer.begin_sync(), self.lock().tail.memory_start())
        };
        let result = due.run().map_err(WriteFault::Poisoned);
        self.settle(result, None, Some(written), woken)
    }

    /// Stages a control entry; the pending value is what it came to.
    pub(crate) fn control(self: &Arc<Self>, control: &Control) -> Pending<u64> {
        let ticket = (|| {
            self.refuse_if_read_only()?;
            let mut state = self.lock();
            self.shared.check_open()?;
            state.check(&self.name)?;
            state.roll_if_full();
            self.stage_control(&mut state, control)
        })();
        match ticket {
            Ok(ticket) => Pending::waiting(ticket),
            Err(error) => Pending::ready(Err(error)),
        }
    }

    /// Stages a control entry at the end of the tail.
    pub(super) fn stage_control(self: &Arc<Self>, state: &mut State, control: &Control) -> Result<Ticket> {
        let pos = state.push_control(control);
        if state.config.durability == Durability::Interval {
            let outcome = state.apply_control(pos, control)?;
            state.committed = state.tail.end();
            let end = state.committed;
            state.remember(end, outcome);
        } else {
            state.staged.push_back(super::state::Staged { pos, seq: 0 });
            state.turn.join();
        }
        Ok(Ticket::new(Arc::clone(self), state.tail.end(), state.generation))
    }
}

impl State {
    /// Encodes a control entry into the tail; returns where it stands.
    pub(crate) fn push_control(&mut self, control: &Control) -> Pos {
        let bytes = control::to_bytes(control);
        self.tail.frees |= !matches!(control, Control::Epoch(_));
        self.tail.push(0, |out| {
            out.extend_from_slice(&bytes);
            TAG_CONTROL
        })
    }

    /// A chunk is where it was promised to be: commits it. Everything before `synced` is on disk.
    fn finish(&mut self, chunk: Option<Arc<Chunk>>, synced: Option<Pos>) -> Result<()> {
        let mut result = Ok(());
        if let Some(chunk) = chunk {
            result = self.commit(&chunk);
            self.tail.written(chunk);
            self.stalled = None;
        }
        if let Some(synced) = synced {
            self.tail.synced = self.tail.synced.max(synced);
        }
        if let Err(error) = &result {
            self.poison(error);
        }
        result
    }

    fn commit(&mut self, chunk: &Chunk) -> Result<()> {
        let end = chunk.end();
        while let Some(staged) = self.staged.front().copied()
            && staged.pos < end
        {
            self.staged.pop_front();
            let bytes = &chunk.bytes[(staged.pos - chunk.start) as usize..];
            let broken =
                || Error::new(ErrorKind::Internal, format!("the staged frame at {} cannot be read", staged.pos));
            let found = frame::parse_trusted(bytes).ok_or_else(broken)?;
            let frame_end = staged.pos + found.len as u64;
            if found.tag() & TAG_CONTROL != 0 {
                let control: Control = control::from_bytes(found.body, "a staged control entry")?;
                let outcome = self.apply_control(staged.pos, &control)?;
                self.remember(frame_end, outcome);
            } else {
                let view = decode(found.tag(), self.base_at(staged.pos), found.body).ok_or_else(broken)?;
                let special = (found.tag() & TAG_SPECIAL != 0).then(|| Special::of(&view));
                self.apply_record(staged.pos, size_of_body(found.body.len()), &view, special)?;
            }
        }
        self.committed = self.committed.max(end);
        Ok(())
    }

    /// What became of everything before a position; `None` while that is open.
    fn outcome(&mut self, end: Pos, generation: u64) -> Option<Result<u64>> {
        let failure = self.failures.iter().find(|f| f.generation == generation);
        if let Some(failure) = failure {
            return Some(if end <= failure.committed { Ok(0) } else { Err(failure.error.clone()) });
        }
        if generation == self.generation && end > self.committed {
            return self.poison.clone().map(Err);
        }
        let at = self.outcomes.iter().position(|o| o.0 == end);
        Some(Ok(at.and_then(|at| self.outcomes.remove(at)).map_or(0, |o| o.1)))
    }

    fn remember(&mut self, end: Pos, outcome: u64) {
        if self.outcomes.len() == REMEMBERED_MAX {
            self.outcomes.pop_front();
        }
        self.outcomes.push_back((end, outcome));
    }

    /// Forgets everything staged: nothing of it is on disk, and everyone who waits hears why.
    fn undo(&mut self, chunk: Option<&Chunk>, error: &Error) {
        self.fail(error);
        self.staged = VecDeque::new();
        if let EpochNote::Staged(_) = self.epoch {
            self.epoch = EpochNote::Unsaid;
        }
        self.next_seq = self.last_seq + 1;
        self.staged_time = self.last_time;
        self.next_part = None;
        let segment = Arc::clone(&self.active_part.segment);
        let header = chunk.filter(|c| Arc::ptr_eq(&c.segment, &segment)).and_then(|c| c.header.clone());
        self.tail.reset(segment, header, self.committed);
        self.turn.reset(self.committed);
    }

    fn fail(&mut self, error: &Error) {
        if self.failures.len() == REMEMBERED_MAX {
            self.failures.pop_front();
        }
        let failure = Failure { generation: self.generation, committed: self.committed, error: error.clone() };
        self.failures.push_back(failure);
        self.generation += 1;
        self.waiters.take_all(&mut self.woken);
    }

    /// Nothing is known of the disk any more.
    pub(crate) fn poison(&mut self, error: &Error) {
        self.poison = Some(error.clone());
        self.fail(error);
    }
}
