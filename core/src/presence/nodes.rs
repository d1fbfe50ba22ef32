//! Who answers for sessions: this node and the others, as their records say and as they are heard of.

use std::sync::Arc;

use super::row::NodeRow;
use super::session::Epoch;
use super::time::{Moment, Mono, Wall};

/// This node's number in every table.
pub(crate) const OWN: u32 = 0;

/// How a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is at work.
    Up,
    /// Nothing was heard of it for a while.
    Silent,
    /// It said goodbye.
    Closed,
}

/// One node.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) name: Arc<str>,
    /// The epoch that it is in; `None` while no record of its own was seen.
    pub(crate) epoch: Option<Epoch>,
    pub(crate) standing: Standing,
    /// Since when it stands so, or is in this epoch: what another epoch held is over a grace after that.
    pub(crate) since: Mono,
    /// When it was heard of last.
    pub(crate) heard: Mono,
    /// The wall clock of that, as it says itself.
    pub(crate) heard_ms: Wall,
    /// When the epoch before was last known to be at work.
    pub(crate) before_ms: Wall,
}

/// All that were ever heard of; this one is the first.
pub(crate) struct Nodes {
    all: Vec<Node>,
    /// Whether the others can be heard at all, and since when it is so or not.
    is_connected: bool,
    connected_since: Moment,
}

impl Nodes {
    pub(crate) fn new(own: Arc<str>, epoch: Epoch, now: Moment) -> Nodes {
        let own = Node {
            name: own,
            epoch: Some(epoch),
            standing: Standing::Up,
            since: now.mono,
            heard: now.mono,
            heard_ms: now.wall,
            before_ms: 0,
        };
        Nodes { all: vec![own], is_connected: true, connected_since: now }
    }

    pub(crate) fn get(&self, number: u32) -> &Node {
        &self.all[number as usize]
    }

    pub(crate) fn own_mut(&mut self) -> &mut Node {
        &mut self.all[OWN as usize]
    }

    pub(crate) fn all(&self) -> &[Node] {
        &self.all
    }

    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        self.all.iter().position(|node| &*node.name == name).map(|at| at as u32)
    }

    /// The number of a node, which is one from now on.
    pub(crate) fn of(&mut self, name: &str, now: Moment) -> u32 {
        self.find(name).unwrap_or_else(|| {
            self.all.push(Node {
                name: name.into(),
                epoch: None,
                standing: Standing::Up,
                since: now.mono,
                heard: now.mono,
                heard_ms: 0,
                before_ms: 0,
            });
            self.all.len() as u32 - 1
        })
    }

    /// Whether there is anybody else.
    pub(crate) fn has_others(&self) -> bool {
        self.all.len() > 1
    }

    /// Takes in what a node said of itself; whether its sessions count otherwise from now on.
    pub(crate) fn apply(&mut self, number: u32, row: &NodeRow, now: Moment) -> bool {
        let node = &mut self.all[number as usize];
        let standing = if row.up { Standing::Up } else { Standing::Closed };
        let is_other = node.epoch.is_some() && node.epoch != row.epoch || standing != node.standing;
        let is_first = node.epoch.is_none();
        if is_other {
            node.since = now.mono;
        }
        node.epoch = row.epoch;
        node.standing = standing;
        node.heard = now.mono;
        (node.heard_ms, node.before_ms) = (row.at, row.before);
        is_other || is_first
    }

    /// A record of a node came: it is at work.
    pub(crate) fn hear(&mut self, number: u32, now: Moment) -> bool {
        let node = &mut self.all[number as usize];
        node.heard = now.mono;
        let was_silent = node.standing == Standing::Silent;
        if was_silent {
            (node.standing, node.since) = (Standing::Up, now.mono);
        }
        was_silent
    }

    /// Takes for silent who was not heard of for `patience` milliseconds, as far as anybody can be heard; their
    /// numbers.
    pub(crate) fn judge(&mut self, now: Moment, patience: u64) -> Vec<u32> {
        if !self.is_connected {
            return Vec::new();
        }
        let since = self.connected_since.mono;
        let mut silent = Vec::new();
        for (number, node) in self.all.iter_mut().enumerate().skip(1) {
            if node.standing == Standing::Up && now.mono >= node.heard.max(since) + patience {
                (node.standing, node.since) = (Standing::Silent, now.mono);
                silent.push(number as u32);
            }
        }
        silent
    }

    /// Others can be heard from now on, or not; whether that is new.
    pub(crate) fn connect(&mut self, is_connected: bool, now: Moment) -> bool {
        let is_new = self.is_connected != is_connected;
        if is_new {
            (self.is_connected, self.connected_since) = (is_connected, now);
        }
        is_new
    }

    /// Since when nobody else could be heard, on the wall clock; `None` while they can.
    pub(crate) fn deaf_since(&self) -> Option<Wall> {
        (!self.is_connected).then_some(self.connected_since.wall)
    }
}
