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

/// How long a turn waits for writers who were at work a moment ago.
const WATCH: Duration = Duration::from_micros(1000);
/// Fewer writers than this are not waited for: they gain less from a full turn than one of them may lose.
const WRITERS_MIN: usize = 5;

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
    /// Somebody keeps watch over the turn that collects.
    watched: bool,
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
        }
    }

    /// Nothing is taken that lies behind this position: what was, is undone.
    pub(crate) fn reset(&mut self, end: Pos) {
        self.end = end;
        self.joined = 0;
    }

    /// Whether more are likely to join within a moment.
    pub(crate) fn is_filling(&self) -> bool {
        self.writers >= WRITERS_MIN && self.joined < self.writers
    }

    /// Whether threads wait for the turn that collects.
    pub(crate) fn others_wait(&self) -> bool {
        self.waiting[(self.count + 1) % 2] > 0
    }
}

/// The threads that wait.
#[derive(Default)]
pub(crate) struct Turns([Condvar; 2]);

impl Turns {
    /// Waits until what ends at `end` may be committed or may be led, for `timeout` at the most, or for no reason; false
    /// when the watch over a turn that collects is over, and it shall be led as it is.
    pub(crate) fn wait<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        end: Pos,
        timeout: Option<Duration>,
    ) -> (MutexGuard<'a, State>, bool) {
        let collects = end > state.turn.end;
        let at = (state.turn.count + usize::from(collects)) % 2;
        let watches = collects && !state.flushing && !state.turn.watched;
        let timeout = if watches { Some(timeout.map_or(WATCH, |t| t.min(WATCH))) } else { timeout };
        state.turn.watched |= watches;
        state.turn.waiting[at] += 1;
        let mut state = match timeout {
            None => self.0[at].wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(timeout) => self.0[at].wait_timeout(state, timeout).unwrap_or_else(PoisonError::into_inner).0,
        };
        state.turn.waiting[at] -= 1;
        if watches {
            state.turn.watched = false;
        }
        (state, !watches)
    }

    /// A turn is over: wakes all who waited for it, and one more to see to the next.
    pub(crate) fn next(&self, turn: &mut Turn) {
        turn.writers = 1 + turn.waiting[0] + turn.waiting[1];
        let at = turn.count % 2;
        if turn.waiting[at] > 0 {
            self.0[at].notify_all();
        }
        self.hand_over(turn);
    }

    /// Wakes one who waits for the turn that collects, to see to it.
    pub(crate) fn hand_over(&self, turn: &Turn) {
        if turn.others_wait() {
            self.0[(turn.count + 1) % 2].notify_one();
        }
    }

    /// Wakes everyone.
    pub(crate) fn all(&self) {
        self.0.iter().for_each(Condvar::notify_all);
    }
}
