//! What time does: deadlines, nodes that fall silent, words of this one, counts of large spaces. Whoever drives a store
//! calls [`Core::tick`], and again when it says.

use std::sync::atomic::Ordering;
use std::task::Waker;

use super::core::Core;
use super::nodes::OWN;
use super::row::NodeRow;
use super::shard::DUE_MAX;
use super::time::{GAP_MS_MAX, Moment, Wall};
use super::watch::WatchEvent;
use super::wheel::TICK_MS;
use crate::error::Error;
use crate::locks::{lock, read, write};
use crate::pending::Pending;
use crate::record::Ack;

impl Core {
    /// Does what is due; in how many milliseconds to come again, if there is anything to wait for.
    pub(crate) fn tick(&self, now_ms: Wall) -> Option<u64> {
        let now = self.now(now_ms);
        let silent = write(&self.nodes).judge(now, self.settings.silence_ms);
        for number in silent {
            self.rescan(number, now);
        }
        let mut is_waiting = false;
        for number in 0..self.shards.len() {
            is_waiting |= self.tick_shard(number, now);
        }
        let has_watchers = self.tell_counts(now);
        let answers = self.answered.load(Ordering::Relaxed) > 0;
        if answers {
            self.beat_if_due(now);
        }
        let has_others = read(&self.nodes).has_others();
        if is_waiting {
            return Some(TICK_MS);
        }
        (answers || has_others || has_watchers).then_some(GAP_MS_MAX.min(self.settings.beat_ms) / 2)
    }

    /// Looks at those of a shard who are due; whether anybody is filed.
    fn tick_shard(&self, number: usize, now: Moment) -> bool {
        let mut due = Vec::new();
        loop {
            let mut wakers = Vec::new();
            due.clear();
            let nodes = read(&self.nodes);
            let bench = self.bench(&nodes, now);
            let mut shard = write(&self.shards[number]);
            let is_more = shard.wheel.take_due(now.mono, DUE_MAX, &mut due);
            for &(at, tick) in &due {
                if !shard.take_filed(at, tick) {
                    continue;
                }
                let Some(user) = shard.get_mut(at) else { continue };
                let is_other = user.expire(&bench);
                self.refresh(&mut shard, at, &bench, &mut wakers);
                if let Some(user) = shard.get(at).filter(|_| is_other) {
                    self.note(self.write_row(user, now));
                }
            }
            let is_waiting = shard.wheel.len() > 0;
            drop((shard, nodes));
            wakers.into_iter().for_each(Waker::wake);
            if !is_more {
                return is_waiting;
            }
        }
    }

    /// What the log says later of a record that nobody waits for.
    pub(super) fn note(&self, ack: Pending<Ack>) {
        // Where it has to wait, whoever syncs the log finds out.
        if let Ok(Err(error)) = ack.into_ready() {
            self.fail(error);
        }
    }

    /// The log does not take records: what is told goes on, and whoever writes hears of it.
    pub(super) fn fail(&self, error: Error) {
        lock(&self.life).failed = Some(error);
    }

    /// A record of another node could not be read.
    pub(super) fn refuse(&self, subject: &str, error: Error) {
        let mut life = lock(&self.life);
        life.refused += 1;
        life.last_refused = Some(error.context(subject));
    }

    fn beat_if_due(&self, now: Moment) {
        let mut life = lock(&self.life);
        if now.mono < life.beat_due {
            return;
        }
        life.beat_due = now.mono + self.settings.beat_ms;
        drop(life);
        self.say(true, now);
    }

    /// Says that this node is at work, or that it is not any more.
    pub(super) fn say(&self, up: bool, now: Moment) {
        let mut nodes = write(&self.nodes);
        let own = nodes.own_mut();
        own.heard_ms = now.wall;
        let row = NodeRow::new(self.epoch, up, now.wall, own.before_ms);
        drop(nodes);
        self.note(self.log.append(&self.subjects.node(&self.settings.node), &row.encode(), None));
    }

    /// Tells those who follow large spaces how many are there, when it is time; whether anybody follows anything.
    fn tell_counts(&self, now: Moment) -> bool {
        if self.settings.announce_max == 0 {
            return false;
        }
        let is_due = {
            let mut life = lock(&self.life);
            let is_due = now.mono >= life.counts_due;
            if is_due {
                life.counts_due = now.mono + self.settings.counts_ms;
            }
            is_due
        };
        let mut has_watchers = false;
        let mut wakers = Vec::new();
        for space in self.spaces.all() {
            let watchers = read(&space.watchers);
            has_watchers |= watchers.len() > 0;
            if !self.is_large(&space) {
                watchers.resume(&mut wakers);
            } else if is_due {
                watchers.tell_all(&WatchEvent::Counts(space.counts()), &mut wakers);
            }
        }
        wakers.into_iter().for_each(Waker::wake);
        has_watchers
    }

    /// Other nodes can be heard from now on, or not.
    pub(crate) fn connect(&self, is_connected: bool, now_ms: Wall) {
        let now = self.now(now_ms);
        if !write(&self.nodes).connect(is_connected, now) {
            return;
        }
        let event = WatchEvent::View { stale: !is_connected, as_of_ms: now.wall };
        let mut wakers = Vec::new();
        for space in self.spaces.all() {
            read(&space.watchers).tell_everyone(&event, &mut wakers);
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Ends it in good order: what it holds is over, and what is leased has its deadline in the log.
    pub(crate) fn close(&self, now_ms: Wall) {
        let now = self.now(now_ms);
        if self.is_closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let answers = self.answered.load(Ordering::Relaxed) > 0;
        for shard in &self.shards {
            let mut shard = write(shard);
            for at in 0..shard.len() {
                let Some(user) = shard.get_mut(at) else { continue };
                let Some(own) = user.parts.first_mut().filter(|part| part.node == OWN) else { continue };
                let mut is_other = false;
                for kept in own.sessions.iter_mut().filter(|kept| kept.session.renewed) {
                    let session = super::session::Session { renewed: false, ..(*kept.session).clone() };
                    (kept.session, is_other) = (session.into(), true);
                }
                if is_other {
                    self.note(self.write_row(user, now));
                }
            }
        }
        if answers {
            self.say(false, now);
        }
        let mut wakers = Vec::new();
        for space in self.spaces.all() {
            read(&space.watchers).wake_everyone(&mut wakers);
        }
        wakers.into_iter().for_each(Waker::wake);
    }
}
