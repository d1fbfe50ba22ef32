//! How nodes come to know each other: who calls whom, what they say first, and the good-bye.

use std::collections::BTreeSet;

use crate::clock::{Nanos, SECOND};
use crate::error::{Error, ErrorKind, Result};
use crate::member::MemberState;

use super::config::check_node;
use super::core::{Core, Out};
use super::faults::{Fault, has};
use super::peer::Peer;
use super::proto::packet::Body;
use super::proto::{Bye, Hello, Node, Packet};

/// The version of what nodes say to each other.
pub(super) const VERSION: u32 = 1;
/// How long to wait before a node that is down, or a seed, is called again: at first, and at the most.
pub(super) const CALL_AFTER: (Nanos, Nanos) = (SECOND, 30 * SECOND);
/// Nodes of before that are called at once where nobody is there.
const CALLED_AGAIN: usize = 16;
const DAY: Nanos = 86_400 * SECOND;

impl Core {
    /// How this node introduces itself to another one; `None` where it does not know yet whom it called.
    pub(super) fn hello(&self, to: Option<u64>) -> Packet {
        let known = to.and_then(|engine| self.membership.members().into_iter().find(|(node, _)| node.engine == engine));
        let spent_run = known.map_or(0, |(node, state)| match state {
            MemberState::Down | MemberState::Left => node.run,
            MemberState::Alive | MemberState::Suspect => node.run.saturating_sub(1),
        });
        let (node, stores) = (Some(self.membership.own()), self.config.stores.clone());
        Packet { body: Some(Body::Hello(Hello { version: VERSION, node, spent_run, stores })) }
    }

    /// A connection is there, and whoever is at the other end introduced himself; `called` is where he was called.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for another version; [`ErrorKind::Invalid`] for nobody; [`ErrorKind::Limit`] for a
    /// name or an address that is too long; [`ErrorKind::Conflict`] for a node with this one's own id;
    /// [`ErrorKind::Busy`] for this node itself.
    pub(super) fn connected(&mut self, hello: &Hello, called: Option<&str>, now: Nanos) -> Result<Node> {
        if hello.version != VERSION {
            let message =
                format!("a node speaks version {} of the mesh's protocol, and this one {VERSION}", hello.version);
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let node = hello.node.clone().ok_or_else(|| Error::invalid("a hello without a node"))?;
        check_node(&node.name, &node.address)?;
        if let Some(address) = called {
            self.reached.insert(address.to_owned(), node.engine);
        }
        if node == self.membership.own() {
            return Err(Error::new(ErrorKind::Busy, "this node called itself"));
        }
        if node.engine == self.engine.id() {
            let message = format!(
                "the node at {} has the id {:016x} of this one: one of them is a copy of the other's directory that \
                 runs at the same time",
                node.address, node.engine
            );
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        self.membership.join(&node, hello.spent_run, now);
        let new = || Peer::new(node.clone(), MemberState::Alive, now);
        let peer = self.peers.entry(node.engine).or_insert_with(new);
        peer.node = node.clone();
        (peer.is_connected, peer.has_left) = (true, false);
        let from = peer.writer();
        peer.sessions.values_mut().for_each(|session| session.connected(from, now));
        self.call_after = CALL_AFTER.0;
        if let Some(away) = self.known.meet(&node, hello.stores.clone(), now) {
            let what = format!("is there again after {} days, which is beyond the horizon", away / DAY);
            self.log_change(&node, &what);
        }
        Ok(node)
    }

    /// The connection to a node is gone.
    pub(super) fn disconnected(&mut self, engine: u64, now: Nanos) {
        if let Some(peer) = self.peers.get_mut(&engine) {
            peer.is_connected = false;
            self.call_after = CALL_AFTER.0;
            self.call_at = self.call_at.min(now + CALL_AFTER.0 / 2);
        }
    }

    /// A call did not come about.
    pub(super) fn not_reached(&mut self, error: &Error) {
        if error.kind() != ErrorKind::Busy {
            self.last_error = error.to_string();
        }
    }

    /// The same where only the address is known.
    #[cfg(test)]
    pub(super) fn disconnected_from(&mut self, address: &str) {
        self.peers.values_mut().filter(|peer| peer.node.address == address).for_each(|peer| peer.is_connected = false);
    }

    /// Calls seeds, nodes of before and nodes that do not answer, until all are connected: halves of a mesh that found
    /// themselves without each other would else stay apart.
    pub(super) fn call(&mut self, now: Nanos) {
        if self.call_at > now {
            return;
        }
        let (connected, others): (Vec<&Peer>, Vec<&Peer>) = self.peers.values().partition(|peer| peer.is_connected);
        let own = self.membership.own();
        let here: BTreeSet<&str> =
            connected.iter().map(|peer| &peer.node).chain([&own]).map(|node| node.address.as_str()).collect();
        let before: Vec<&str> = self.known.addresses(now).collect();
        let first = self.engine.clock().random() as usize % before.len().max(1);
        let some = before[first..].iter().chain(&before[..first]).take(CALLED_AGAIN).copied();
        let silent = others.iter().filter(|peer| !peer.has_left).map(|peer| peer.node.address.as_str());
        let is_here =
            |engine: &u64| *engine == own.engine || self.peers.get(engine).is_some_and(|peer| peer.is_connected);
        let is_reached = |address: &str| here.contains(address) || self.reached.get(address).is_some_and(is_here);
        let seeds = self.config.seeds.iter().map(String::as_str);
        let mut addresses: BTreeSet<&str> =
            silent.chain(seeds).chain(some).filter(|address| !is_reached(address)).collect();
        if has(Fault::HalvesApart) && !connected.is_empty() {
            addresses.retain(|address| self.peers.values().any(|peer| peer.node.address == *address));
        }
        let calls: Vec<Out> = addresses.into_iter().map(|address| Out::Call(address.to_owned())).collect();
        let wait = self.call_after / 2 + self.engine.clock().random() % self.call_after;
        self.call_at = now + wait;
        self.call_after = if calls.is_empty() { CALL_AFTER.0 } else { (self.call_after * 2).min(CALL_AFTER.1) };
        self.out.extend(calls);
    }

    /// Says good-bye to everybody.
    pub(super) fn leave(&mut self, now: Nanos) {
        // First of all, as who hears that it is gone hangs up.
        let there: Vec<Node> = self.peers.values().filter(|p| p.is_connected).map(|p| p.node.clone()).collect();
        for node in &there {
            self.send(node, vec![Body::Bye(Bye {})]);
        }
        self.membership.leave(now);
        self.settle(now);
    }
}
