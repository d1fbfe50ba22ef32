//! What others say: a store takes in the records of its log, at the opening and as they come.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use super::core::Core;
use super::nodes::OWN;
use super::row::{NodeRow, Row, Told};
use super::shard::DUE_MAX;
use super::status::Status;
use super::time::{Moment, Wall};
use super::user::User;
use super::view::UserView;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::{read, write};

impl Core {
    /// Takes in a record that was there when the store was opened; after the last one comes [`Core::begin`].
    pub(crate) fn restore(&self, subject: &str, payload: &[u8], now_ms: Wall) -> Result<()> {
        let now = self.now(now_ms);
        match self.subjects.read(subject, payload)? {
            Told::Node(name, row) => {
                let mut nodes = write(&self.nodes);
                let number = nodes.of(&name, now);
                if number == OWN {
                    let own = nodes.own_mut();
                    own.before_ms = own.before_ms.max(row.at);
                } else {
                    nodes.apply(number, &row, now);
                }
            }
            Told::User { space, user, node, row } => {
                let number = write(&self.nodes).of(&node, now);
                let (hash, place) = self.place(&space, &user);
                let nodes = read(&self.nodes);
                let mut shard = write(&self.shards[place]);
                let at = self.find_or_add(&mut shard, hash, &space, &user, &nodes, now)?;
                if let Some(user) = shard.get_mut(at) {
                    user.apply(number, row, now);
                }
            }
        }
        Ok(())
    }

    /// All that was in the log is here. `last_ms` is when the last record of this node was written: sessions that were
    /// heard of after their own record live as long after that as they may have been promised. Who was over while the
    /// node was away is over, as of then.
    pub(crate) fn begin(&self, last_ms: Wall, now_ms: Wall) {
        let now = self.now(now_ms);
        {
            let mut nodes = write(&self.nodes);
            let own = nodes.own_mut();
            own.before_ms = own.before_ms.max(last_ms);
        }
        let nodes = read(&self.nodes);
        let (bench, own) = (self.bench(&nodes, now), nodes.get(OWN));
        let beat = self.settings.beat_ms;
        for shard in &self.shards {
            let mut shard = write(shard);
            for at in 0..shard.len() {
                let Some(user) = shard.get_mut(at) else { continue };
                if let Some(part) = user.parts.first_mut().filter(|part| part.node == OWN) {
                    for kept in part.sessions.iter_mut().filter(|kept| kept.session.renewed) {
                        let ttl = kept.session.ttl_ms.into();
                        kept.due = kept.due.max(now.due(own.before_ms.saturating_add(beat + ttl), ttl));
                    }
                }
                let (is_other, ends) = (user.yield_to_others(now), user.ends(&bench));
                let is_over = user.expire(&bench);
                let first = user.merge(&bench);
                user.space.recount(&user.view, &first);
                let ended = if is_over && first.status == Status::Offline { ends } else { 0 };
                let changed_ms = changed(user).max(ended);
                user.view = Arc::new(UserView { changed_ms, ..first });
                user.answered = user.own().map_or(0, |own| own.sessions.len() as u16);
                self.answered.fetch_add(user.answered.into(), Ordering::Relaxed);
                let row = (is_other || is_over).then(|| self.write_row(user, now));
                if let Some(ack) = row {
                    self.note(ack);
                }
                shard.show(at, &self.hasher);
                shard.file(at, &bench);
                shard.cool(at, self.settings.cold_each, &self.hasher);
            }
        }
    }

    /// Takes in a record that came. What can't be read is counted, and changes nothing.
    pub(crate) fn apply(&self, subject: &str, payload: &[u8], now_ms: Wall) {
        if let Err(error) = self.take(subject, payload, now_ms) {
            self.refuse(subject, error);
        }
    }

    fn take(&self, subject: &str, payload: &[u8], now_ms: Wall) -> Result<()> {
        let now = self.now(now_ms);
        match self.subjects.read(subject, payload)? {
            Told::Node(name, row) => {
                let mut nodes = write(&self.nodes);
                let number = nodes.of(&name, now);
                let is_other = number != OWN && nodes.apply(number, &row, now);
                drop(nodes);
                if number == OWN {
                    self.check_own(&row);
                }
                if is_other {
                    self.rescan(number, now);
                }
            }
            Told::User { space, user, node, row } => {
                let (number, was_silent) = self.hear(&node, now);
                if number == OWN {
                    return Ok(());
                }
                self.apply_row(&space, &user, number, row, now)?;
                if was_silent {
                    self.rescan(number, now);
                }
            }
        }
        Ok(())
    }

    /// A record of a node came.
    fn hear(&self, name: &str, now: Moment) -> (u32, bool) {
        let mut nodes = write(&self.nodes);
        let number = nodes.of(name, now);
        let was_silent = number != OWN && nodes.hear(number, now);
        (number, was_silent)
    }

    /// Two who write in one name would take each other's sessions away.
    fn check_own(&self, row: &NodeRow) {
        let is_mine = row.epoch == Some(self.epoch);
        if !is_mine && row.up && row.at >= read(&self.nodes).get(OWN).heard_ms {
            let node = &self.settings.node;
            let message = format!("another process is node '{node}' too: give each a name of its own");
            self.fail(Error::new(ErrorKind::Conflict, message));
        }
    }

    fn apply_row(&self, space: &str, user: &str, number: u32, row: Row, now: Moment) -> Result<()> {
        let (hash, place) = self.place(space, user);
        let mut wakers = Vec::new();
        {
            let nodes = read(&self.nodes);
            let mut shard = write(&self.shards[place]);
            let at = self.find_or_add(&mut shard, hash, space, user, &nodes, now)?;
            let Some(found) = shard.get_mut(at) else { return Ok(()) };
            found.apply(number, row, now);
            let is_other = found.yield_to_others(now);
            self.refresh(&mut shard, at, &self.bench(&nodes, now), &mut wakers);
            if let Some(found) = shard.get(at).filter(|_| is_other) {
                self.note(self.write_row(found, now));
            }
        }
        wakers.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// Looks again at all whom a node tells of: it stands otherwise.
    pub(super) fn rescan(&self, number: u32, now: Moment) {
        for lock in &self.shards {
            let mut from = 0;
            loop {
                let mut wakers = Vec::new();
                let nodes = read(&self.nodes);
                let bench = self.bench(&nodes, now);
                let mut shard = write(lock);
                let until = shard.len().min(from + DUE_MAX as u32);
                for at in from..until {
                    let is_told = |user: &User| user.parts.iter().any(|p| p.node == number && !p.sessions.is_empty());
                    if shard.get(at).is_some_and(is_told) {
                        self.refresh(&mut shard, at, &bench, &mut wakers);
                    }
                }
                let is_done = until == shard.len();
                drop((shard, nodes));
                wakers.into_iter().for_each(Waker::wake);
                if is_done {
                    break;
                }
                from = until;
            }
        }
    }
}

/// When a user's status changed last, as the log says.
fn changed(user: &User) -> Wall {
    user.parts.iter().map(|part| part.rest.changed).max().unwrap_or_default()
}
