//! What comes by time: leases that end, rests that are over, deadlines, timers, and handlers that nobody asks.

use std::sync::Arc;

use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};

use super::dispatch::{Dispatch, Timer, late};
use super::entity::{Doing, Letter};
use super::reply::Outcome;
use super::turn::What;

/// How often deadlines are looked at, which end so much later at the most.
const DEADLINES_EVERY: Nanos = 100_000_000;

impl Dispatch {
    /// Does what is due, and answers when the next thing is.
    pub(super) fn tick(&mut self, now: Nanos) -> Option<Nanos> {
        while let Some(&(at_time, at)) = self.due.first().filter(|(time, _)| *time <= now) {
            self.due.remove(&(at_time, at));
            self.fall_due(at, now);
        }
        while let Some(entry) = self.timers.first_entry().filter(|entry| entry.key().0 <= now) {
            let (key, timer) = entry.remove_entry();
            self.ring(key, timer, now);
        }
        if now >= self.looked.saturating_add(DEADLINES_EVERY) {
            self.looked = now;
            self.answer_late(now);
        }
        while let Some(at) = self.idle.first() {
            let Some(entry) = &self.entries[at as usize] else { break };
            if entry.idle_since.saturating_add(self.limits.idle) > now && !self.is_over() {
                break;
            }
            self.passivate(at, now);
        }
        self.next_due()
    }

    /// When something is to be done though nobody asks.
    pub(super) fn next_due(&self) -> Option<Nanos> {
        let waits = !self.due.is_empty() || !self.ready.is_empty() || !self.held.is_empty();
        let deadlines = waits.then(|| self.looked.saturating_add(DEADLINES_EVERY));
        let idle = self.idle.first().and_then(|at| self.entries[at as usize].as_ref());
        let idle = idle.map(|entry| entry.idle_since.saturating_add(self.limits.idle));
        let (due, timer) = (self.due.first().map(|due| due.0), self.timers.first_key_value().map(|(key, _)| key.0));
        [idle, due, timer, deadlines].into_iter().flatten().min()
    }

    /// Has an entity looked at then, or sooner.
    pub(super) fn look_later(&mut self, at: u32, time: Nanos) {
        let Some(entry) = &mut self.entries[at as usize] else { return };
        if entry.due == 0 || time < entry.due {
            self.due.remove(&(entry.due, at));
            entry.due = time;
            self.due.insert((time, at));
        }
    }

    /// Answers those whose deadline has passed, among the entities that had a turn lately or wait for one.
    fn answer_late(&mut self, now: Nanos) {
        let places: Vec<u32> = self.due.iter().map(|due| due.1).chain(self.ready.iter().copied()).collect();
        for at in places.into_iter().chain(self.held.clone()) {
            let Some(entry) = &mut self.entries[at as usize] else { continue };
            let id = Arc::clone(&entry.name);
            let open = entry.open.iter_mut().map(|open| &mut open.letter);
            for letter in open.chain(&mut entry.mailbox).filter(|letter| letter.deadline <= now) {
                if let Some(reply) = letter.reply.take() {
                    self.counts.late += 1;
                    self.said.answers.push((reply, Outcome::Answer(Err(late(id.id())))));
                }
            }
            // What is not begun by then is not begun.
            entry.mailbox.retain(|letter| letter.deadline > now);
        }
    }

    /// Looks at one whose lease may be over, or whose rest is.
    fn fall_due(&mut self, at: u32, now: Nanos) {
        let Some(entry) = &mut self.entries[at as usize] else { return };
        entry.due = 0;
        match entry.doing {
            Doing::Running { until } if until <= now => {
                let message = format!("{} did not answer within its lease", entry.name.id());
                self.break_turn(at, None, &Error::new(ErrorKind::Timeout, message), now);
            }
            Doing::Running { until } => self.look_later(at, until),
            Doing::Nothing | Doing::Ready => {
                if entry.failures > 0 && entry.mailbox.is_empty() && entry.resume <= now {
                    entry.failures = 0;
                }
                // One that is idle stays where it is among those: nobody has asked it.
                if entry.wants_turn(now) || !entry.is_started {
                    self.look_at(at, now);
                }
            }
        }
    }

    fn ring(&mut self, key: (Nanos, u64), timer: Timer, now: Nanos) {
        let Some(entry) = &mut self.entries[timer.at as usize] else { return };
        let Some(place) = entry.timers.iter().position(|set| set.1 == key) else { return };
        let what = What::Timer { name: Arc::clone(&entry.timers[place].0) };
        // One that rings faster than it is handled waits once.
        if !entry.mailbox.iter().any(|letter| letter.what == what) {
            entry.mailbox.push_back(Letter::of_ours(what));
        }
        if timer.every > 0 {
            // One that comes late does not come twice at once.
            self.timers_set += 1;
            entry.timers[place].1 = (key.0.saturating_add(timer.every).max(now.saturating_add(1)), self.timers_set);
            self.timers.insert(entry.timers[place].1, timer);
        } else {
            entry.timers.swap_remove(place);
        }
        self.look_at(timer.at, now);
    }

    /// Sets a timer of the entity whose turn it is, in the place of one of the same name; `every` is 0 for one that
    /// rings once.
    pub(super) fn set_timer(&mut self, token: u64, name: &str, time: Nanos, every: Nanos) -> Result<()> {
        self.cancel_timer(token, name)?;
        let at = self.turn_of(token)?;
        self.timers_set += 1;
        let key = (time, self.timers_set);
        if let Some(entry) = &mut self.entries[at as usize] {
            entry.timers.push((name.into(), key));
        }
        self.timers.insert(key, Timer { at, every });
        Ok(())
    }

    /// Takes a timer back; false if there is none of this name.
    pub(super) fn cancel_timer(&mut self, token: u64, name: &str) -> Result<bool> {
        let at = self.turn_of(token)?;
        let Some(entry) = &mut self.entries[at as usize] else { return Ok(false) };
        let Some(place) = entry.timers.iter().position(|set| &*set.0 == name) else { return Ok(false) };
        let (_, key) = entry.timers.swap_remove(place);
        Ok(self.timers.remove(&key).is_some())
    }
}
