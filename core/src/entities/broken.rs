//! Turns that end before their time: a handler breaks, can't be made, loses its lease, or nobody goes on with it.

use std::sync::Arc;

use crate::clock::Nanos;
use crate::error::{Error, Result};

use super::dispatch::{Dead, Dispatch, stranger, told};
use super::entity::{Doing, Open, pause_after};
use super::reply::Outcome;
use super::turn::What;

impl Dispatch {
    /// The handler of a turn broke at an item: it is begun anew.
    pub(super) fn crash(&mut self, token: u64, item: u32, error: &Error, now: Nanos) -> Result<()> {
        let at = self.turn_of(token)?;
        let Some(entry) = &self.entries[at as usize] else { return Err(stranger(token)) };
        if !entry.open.iter().any(|open| open.item == item) {
            return Err(told(item, entry));
        }
        if entry.open.front().is_some_and(|open| open.letter.what == What::Start) {
            self.fail_start(at, error, now);
        } else {
            self.break_turn(at, Some(item), error, now);
        }
        Ok(())
    }

    /// A handler could not be made: whoever waits is told, and the others wait for the next try.
    pub(super) fn fail_start(&mut self, at: u32, error: &Error, now: Nanos) {
        let Some(entry) = &mut self.entries[at as usize] else { return };
        entry.open.pop_front();
        for open in &mut entry.open {
            if let Some(reply) = open.letter.reply.take() {
                open.letter.deadline = 0;
                self.said.answers.push((reply, Outcome::Answer(Err(error.clone()))));
            }
        }
        entry.open.retain(|open| open.letter.deadline > 0);
        self.break_turn(at, None, error, now);
    }

    /// Ends a turn that nobody goes on with: what is not told waits, as if it had not been handed out, and its handler
    /// is begun anew by whoever takes it.
    pub(super) fn give_back(&mut self, token: u64, now: Nanos) -> Result<()> {
        let at = self.turn_of(token)?;
        let Some(entry) = &mut self.entries[at as usize] else { return Err(stranger(token)) };
        while let Some(Open { mut letter, .. }) = entry.open.pop_back() {
            if !matches!(letter.what, What::Start | What::Stop) {
                letter.attempt -= 1;
                entry.mailbox.push_front(letter);
            }
        }
        self.end_early(at, now);
        self.look_at(at, now);
        Ok(())
    }

    /// A turn is over of which nothing is open any more, and its handler with it.
    fn end_early(&mut self, at: u32, now: Nanos) {
        let Some(entry) = &mut self.entries[at as usize] else { return };
        self.counts.busy += now.saturating_sub(entry.begun);
        entry.doing = Doing::Nothing;
        // The token of the turn that ended is good no more.
        self.turns[at as usize] = self.turns[at as usize].wrapping_add(1);
        self.end_life(at);
    }

    /// Ends a turn before its time. `culprit` is the item at which it broke; the first one that is open when there is
    /// none. It is told, or tried again if nobody waits; what is behind it was not begun.
    pub(super) fn break_turn(&mut self, at: u32, culprit: Option<u32>, error: &Error, now: Nanos) {
        let attempts = self.limits.attempts;
        let Some(entry) = &mut self.entries[at as usize] else { return };
        let culprit = culprit.or(entry.open.front().map(|open| open.item));
        while let Some(Open { item, mut letter }) = entry.open.pop_back() {
            if matches!(letter.what, What::Start | What::Stop) {
                continue;
            }
            if Some(item) != culprit {
                letter.attempt -= 1;
                entry.mailbox.push_front(letter);
                continue;
            }
            match letter.reply.take() {
                None if letter.attempt < attempts => entry.mailbox.push_front(letter),
                None => {
                    self.counts.dead += 1;
                    self.said.dead.push(Dead { name: Arc::clone(&entry.name), letter, error: error.clone() });
                }
                Some(reply) => self.said.answers.push((reply, Outcome::Answer(Err(error.clone())))),
            }
        }
        entry.failures += 1;
        self.counts.crashes += 1;
        let pause = u64::try_from(pause_after(entry.failures).as_nanos()).unwrap_or(Nanos::MAX);
        entry.resume = now.saturating_add(pause);
        let resume = entry.resume;
        self.end_early(at, now);
        self.look_later(at, resume);
    }
}
