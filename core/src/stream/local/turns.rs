//! Where threads wait for their appends to be committed: together, so that one call wakes all whom a sync was for.
//!
//! There are two turns, the one that is being written and the one that collects meanwhile. Waking a thread by itself
//! costs a system call each; with many writers that was more than half of the time between two syncs. Writers who were
//! committed together come again together: whoever makes them complete leads the next turn, and one of them keeps a
//! short watch in case somebody stays away.

use std::sync::{Condvar, MutexGuard, PoisonError};
use std::time::Duration;

use super::state::State;
use crate::journal::Pos;
use crate::journal::tail::Chunk;

/// How long a turn waits for the next of the writers who were at work a moment ago.
const WATCH: Duration = Duration::from_micros(100);
/// The most turns that are led without a watch after watches in vain.
const VAIN_MAX: u32 = 63;

/// Whose turn it is; lives under the stream's lock.
#[derive(Default)]
pub(crate) struct Turn {
    /// Counts what was taken to be written.
    count: usize,
    /// Everything before this was taken.
    end: Pos,
    /// How many joined the turn that collects.
    joined: usize,
    /// How many threads waited, the leader among them, when the last turn was over.
    writers: usize,
    /// How many turns to lead without a watch, because the last one was in vain; and how many the next time.
    skip: u32,
    vain: u32,
    /// One past the count at which somebody began to watch over the turn that collects; a watch ends with its turn.
    watched: usize,
    /// How many threads wait for an even turn, and for an odd one.
    waiting: [usize; 2],
}

impl Turn {
    /// Somebody staged something and is going to wait for it.
    pub(crate) fn join(&mut self) {
        self.joined += 1;
    }

    /// What is to be written was taken: what is staged from now on belongs to the next turn.
    pub(crate) fn taken(&mut self, chunk: Option<&Chunk>) {
        if let Some(chunk) = chunk
            && chunk.end() > self.end
        {
            self.count += 1;
            self.end = chunk.end();
            self.joined = 0;
            self.skip = self.skip.saturating_sub(1);
        }
    }

    /// Nothing is taken that lies behind this position: what was, is undone.
    pub(crate) fn reset(&mut self, end: Pos) {
        self.end = end;
        self.joined = 0;
    }

    /// Whether more are likely to join within a moment.
    pub(crate) fn is_filling(&self) -> bool {
        self.skip == 0 && self.joined < self.writers
    }

    /// A watch that began with so many turns taken and so many joined is over; whether it goes on because more came.
    /// Otherwise notes whether it was in vain, so that such a watch is rarely kept.
    fn watched(&mut self, (count, joined): (usize, usize)) -> bool {
        if self.watched == count + 1 {
            self.watched = 0;
        }
        if self.count == count && self.joined < self.writers && self.joined > joined {
            return true;
        }
        let vain = self.count == count && self.joined < self.writers;
        self.vain = if vain { VAIN_MAX.min(self.vain * 2 + 1) } else { 0 };
        self.skip = self.vain;
        false
    }

    /// A turn is over: all who waited for it shall wake, and one more to see to the next.
    pub(crate) fn next(&mut self) -> Called {
        self.writers = 1 + self.waiting[0] + self.waiting[1];
        let at = self.count % 2;
        Called { all: (self.waiting[at] > 0).then_some(at), ..self.hand_over() }
    }

    /// One who waits for the turn that collects shall see to it.
    pub(crate) fn hand_over(&self) -> Called {
        let at = (self.count + 1) % 2;
        Called { all: None, one: (self.waiting[at] > 0).then_some(at) }
    }
}

/// Who shall be woken: all of one turn, and one of another.
#[derive(Clone, Copy)]
pub(crate) struct Called {
    all: Option<usize>,
    one: Option<usize>,
}

impl Called {
    /// Whether threads wait for the turn that collects.
    pub(crate) fn others_wait(self) -> bool {
        self.one.is_some()
    }
}

/// The threads that wait.
#[derive(Default)]
pub(crate) struct Turns([Condvar; 2]);

impl Turns {
    /// Waits until what ends at `end` may be committed or may be led, for `timeout` at the most, or for no reason.
    ///
    /// False when a watch over the turn that collects is over, and it shall be led as it is.
    pub(crate) fn wait<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        end: Pos,
        timeout: Option<Duration>,
    ) -> (MutexGuard<'a, State>, bool) {
        let (count, joined) = (state.turn.count, state.turn.joined);
        let collects = end > state.turn.end;
        let at = (count + usize::from(collects)) % 2;
        let watches = collects && !state.flushing && state.turn.watched != count + 1;
        let timeout = if watches { Some(timeout.map_or(WATCH, |t| t.min(WATCH))) } else { timeout };
        if watches {
            state.turn.watched = count + 1;
        }
        state.turn.waiting[at] += 1;
        let mut state = match timeout {
            None => self.0[at].wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(timeout) => self.0[at].wait_timeout(state, timeout).unwrap_or_else(PoisonError::into_inner).0,
        };
        state.turn.waiting[at] -= 1;
        let patient = !watches || state.turn.watched((count, joined));
        (state, patient)
    }

    /// Wakes those whom [`Turn::next`] or [`Turn::hand_over`] named; without the stream's lock, which they take.
    pub(crate) fn wake(&self, called: Called) {
        if let Some(at) = called.all {
            self.0[at].notify_all();
        }
        if let Some(at) = called.one {
            self.0[at].notify_one();
        }
    }

    /// Wakes everyone.
    pub(crate) fn wake_all(&self) {
        self.0.iter().for_each(Condvar::notify_all);
    }
}
