//! Shards that go to another node and come back: what becomes of the entities in them.

use std::sync::Arc;

use crate::clock::Nanos;

use super::dispatch::Dispatch;
use super::entity::{Entry, Leaving};
use super::reply::Outcome;

impl Dispatch {
    /// Has the handlers of a shard stop when what waits is done, and take nothing new.
    pub(super) fn drain(&mut self, shard: u32, now: Nanos) {
        self.move_away(Some(shard), now);
    }

    /// Lets go of a shard that is another node's, or of all: what was not begun is asked there, and handlers stop.
    pub(super) fn abandon(&mut self, shard: Option<u32>, now: Nanos) {
        for entry in self.entries.iter_mut().flatten().filter(|entry| shard.is_none_or(|shard| entry.shard == shard)) {
            for mut letter in entry.mailbox.drain(..) {
                match letter.reply.take() {
                    Some(reply) => self.said.answers.push((reply, Outcome::Moved)),
                    None => self.said.moved.push((Arc::clone(&entry.name), letter.what)),
                }
            }
        }
        self.move_away(shard, now);
    }

    fn move_away(&mut self, shard: Option<u32>, now: Nanos) {
        for at in 0..self.entries.len() as u32 {
            let is_of = |entry: &Entry| shard.is_none_or(|shard| entry.shard == shard);
            if self.entries[at as usize].as_ref().is_some_and(is_of) {
                self.keep(at);
                let Some(entry) = &mut self.entries[at as usize] else { continue };
                entry.leaving = Leaving::Moving;
                self.idle.remove(&mut self.entries, at);
                self.look_at(at, now);
            }
        }
    }

    /// A shard is this node's again.
    pub(super) fn settle(&mut self, shard: u32) {
        for entry in self.entries.iter_mut().flatten().filter(|entry| entry.shard == shard) {
            if entry.leaving == Leaving::Moving {
                entry.leaving = Leaving::No;
            }
        }
    }

    /// Whether no handler of a shard is left.
    pub(super) fn is_drained(&self, shard: u32) -> bool {
        self.entries.iter().flatten().all(|entry| entry.shard != shard)
    }
}
