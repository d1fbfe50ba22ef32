//! Another node, as this one knows it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::clock::Nanos;
use crate::error::Result;
use crate::member::{Member, MemberState, MemberStore};
use crate::origin::Writer;

use super::local::Local;
use super::proto::Node;
use super::session::{BYTES_AGAIN, Session};

/// Another node.
pub(super) struct Peer {
    pub(super) node: Node,
    pub(super) state: MemberState,
    pub(super) since: Nanos,
    pub(super) is_connected: bool,
    pub(super) has_left: bool,
    pub(super) sessions: BTreeMap<String, Session>,
}

impl Peer {
    pub(super) fn new(node: Node, state: MemberState, now: Nanos) -> Self {
        Peer { node, state, since: now, is_connected: false, has_left: false, sessions: BTreeMap::new() }
    }

    /// Whose records those are that it sends.
    pub(super) fn writer(&self) -> Writer {
        Writer { engine: self.node.engine, epoch: self.node.run }
    }

    /// What is said to it about a store; it is sent the last `again` records if it is new.
    pub(super) fn session(&mut self, local: &Local, again: usize, now: Nanos) -> Result<&mut Session> {
        let from = self.writer();
        Ok(match self.sessions.entry(local.store.name().to_owned()) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(free) => {
                let begin = local.store.before_the_last(again, BYTES_AGAIN)?;
                free.insert(Session::new(from, begin, now))
            }
        })
    }

    /// How it stands, where the logs of stores end here.
    pub(super) fn member(&self, ends: &BTreeMap<&str, u64>) -> Member {
        let stores = self.sessions.iter().map(|(name, session)| MemberStore {
            store: name.clone(),
            behind: session.behind(),
            unacked: session.unacked(ends.get(name.as_str()).copied().unwrap_or(0)),
            repairs: session.repairs,
        });
        Member {
            name: self.node.name.clone(),
            engine: self.node.engine,
            address: self.node.address.clone(),
            state: self.state,
            since: self.since,
            connected: self.is_connected,
            stores: stores.collect(),
        }
    }
}
