//! A node of a mesh without its sockets: who is there, and what is said to whom about which store. It is given packets,
//! connections and the time, and gives packets and addresses to call; a simulation drives it as the network does.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use prost::Message;

use crate::clock::{Nanos, SECOND};
use crate::crdt::CrdtConfig;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::origin::Writer;

use super::config::{MeshConfig, check_node};
use super::local::Local;
use super::membership::{Event, Membership};
use super::proto::packet::Body;
use super::proto::{Bye, Hello, Node, Packet};
use super::session::{BYTES_AGAIN, RECORDS_AGAIN, Session};
use super::swim::Swim;
use crate::member::{Member, MemberState, MemberStore, MeshStatus};

/// The version of what nodes say to each other.
pub(super) const VERSION: u32 = 1;
/// How often it is looked for stores that were made or removed.
const STORES_EVERY: Nanos = SECOND / 4;
/// Stores that a peer's word makes.
const STORES_MAX: usize = 1_000;
/// How long to wait before a node that is down, or a seed, is called again: at first, and at the most.
const CALL_AFTER: (Nanos, Nanos) = (SECOND, 30 * SECOND);

/// What shall be done.
#[derive(Debug)]
pub(super) enum Out {
    /// Send a packet to a node; call it if there is no connection.
    Send(Node, Packet),
    /// Call whoever is at an address.
    Call(String),
    /// End the connection with a node.
    HangUp(u64),
}

/// Another node.
struct Peer {
    node: Node,
    state: MemberState,
    since: Nanos,
    is_connected: bool,
    has_left: bool,
    sessions: BTreeMap<String, Session>,
}

impl Peer {
    fn new(node: Node, state: MemberState, now: Nanos) -> Self {
        Peer { node, state, since: now, is_connected: false, has_left: false, sessions: BTreeMap::new() }
    }

    /// Whose records those are that it sends.
    fn writer(&self) -> Writer {
        Writer { engine: self.node.engine, epoch: self.node.run }
    }

    /// What is said to it about a store; it is sent the last `again` records if it is new.
    fn session(&mut self, local: &Local, again: usize, now: Nanos) -> Result<&mut Session> {
        let from = self.writer();
        Ok(match self.sessions.entry(local.store.name().to_owned()) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(free) => {
                let begin = local.store.before_the_last(again, BYTES_AGAIN)?;
                free.insert(Session::new(from, begin, now))
            }
        })
    }
}

/// One node.
pub(super) struct Core {
    engine: Engine,
    config: MeshConfig,
    membership: Box<dyn Membership>,
    peers: BTreeMap<u64, Peer>,
    stores: BTreeMap<String, Local>,
    begun: Nanos,
    stores_at: Nanos,
    meet_at: Nanos,
    call_at: Nanos,
    call_after: Nanos,
    out: Vec<Out>,
    faults: u64,
    sent_bytes: u64,
    received_bytes: u64,
    last_error: String,
    is_over: bool,
    /// How many of the last records are sent to a peer that is new.
    pub(super) again: usize,
}

impl Core {
    pub(super) fn new(engine: Engine, config: MeshConfig) -> Self {
        let now = engine.clock().now();
        let address = if config.advertise.is_empty() { &config.bind } else { &config.advertise };
        let name = if config.name.is_empty() { address } else { &config.name };
        let own = Node { engine: engine.id(), run: now, name: name.clone(), address: address.clone() };
        let membership = Box::new(Swim::new(&own, config.preset, engine.clock().random()));
        Core {
            engine,
            config,
            membership,
            peers: BTreeMap::new(),
            stores: BTreeMap::new(),
            begun: now,
            stores_at: now,
            meet_at: now,
            call_at: now,
            call_after: CALL_AFTER.0,
            out: Vec::new(),
            faults: 0,
            sent_bytes: 0,
            received_bytes: 0,
            last_error: String::new(),
            is_over: false,
            again: RECORDS_AGAIN,
        }
    }

    /// How this node introduces itself to another one; `None` where it does not know yet whom it called.
    pub(super) fn hello(&self, to: Option<u64>) -> Packet {
        let known = to.and_then(|engine| self.membership.members().into_iter().find(|(node, _)| node.engine == engine));
        let spent_run = known.map_or(0, |(node, state)| match state {
            MemberState::Down | MemberState::Left => node.run,
            MemberState::Alive | MemberState::Suspect => node.run.saturating_sub(1),
        });
        Packet { body: Some(Body::Hello(Hello { version: VERSION, node: Some(self.membership.own()), spent_run })) }
    }

    /// A connection is there, and whoever is at the other end introduced himself.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for another version; [`ErrorKind::Invalid`] for nobody; [`ErrorKind::Limit`] for a
    /// name or an address that is too long; [`ErrorKind::Conflict`] for a node with this one's own id;
    /// [`ErrorKind::Busy`] for this node itself.
    pub(super) fn connected(&mut self, hello: &Hello, now: Nanos) -> Result<Node> {
        if hello.version != VERSION {
            let message =
                format!("a node speaks version {} of the mesh's protocol, and this one {VERSION}", hello.version);
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let node = hello.node.clone().ok_or_else(|| Error::invalid("a hello without a node"))?;
        check_node(&node.name, &node.address)?;
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

    /// Whether the engine was closed.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// The same where only the address is known.
    #[cfg(test)]
    pub(super) fn disconnected_from(&mut self, address: &str) {
        self.peers.values_mut().filter(|peer| peer.node.address == address).for_each(|peer| peer.is_connected = false);
    }

    /// Takes a packet of a node that introduced itself.
    pub(super) fn hear(&mut self, engine: u64, packet: Packet, now: Nanos) {
        self.received_bytes += packet.encoded_len() as u64;
        let Some(body) = packet.body else { return };
        if let Err(error) = self.try_hear(engine, body, now) {
            self.fault(&error);
        }
    }

    fn try_hear(&mut self, engine: u64, body: Body, now: Nanos) -> Result<()> {
        match body {
            Body::Hello(_) => Ok(()),
            Body::Swim(packet) => {
                let heard = self.membership.hear(&packet, now);
                // Somebody waits for the answer, so it does not wait for other work.
                self.settle(now);
                heard
            }
            Body::Bye(_) => {
                self.peers.get_mut(&engine).into_iter().for_each(|peer| peer.has_left = true);
                Ok(())
            }
            body => self.hear_of_store(engine, body, now),
        }
    }

    fn hear_of_store(&mut self, engine: u64, body: Body, now: Nanos) -> Result<()> {
        let Some(name) = store_of(&body).map(str::to_owned) else { return Ok(()) };
        self.provide(&name)?;
        let (Some(peer), Some(local)) = (self.peers.get_mut(&engine), self.stores.get_mut(&name)) else {
            return Ok(());
        };
        let session = peer.session(local, self.again, now)?;
        let mut bodies = Vec::new();
        let heard = session.hear(body, local, now, &mut bodies);
        if heard.is_err() {
            session.failed(now);
        }
        let node = peer.node.clone();
        let heard = heard.map_err(|e| e.context(format!("store '{name}' with node {}", node.name)));
        self.send(&node, bodies);
        if let Err(error) = &heard {
            self.close_broken(&name, error);
        }
        heard
    }

    /// Opens a store that a peer speaks of, and makes it if it is not there.
    fn provide(&mut self, name: &str) -> Result<()> {
        let is_wanted = self.config.stores.is_empty() || self.config.stores.iter().any(|wanted| wanted == name);
        if self.stores.contains_key(name) || !is_wanted {
            return Ok(());
        }
        if self.stores.len() >= STORES_MAX {
            let message = format!("store '{name}': a mesh carries {STORES_MAX} stores at the most");
            return Err(Error::new(ErrorKind::Limit, message));
        }
        // As it is, if it is there: whoever made it chose what it promises.
        let store = match self.engine.open_crdt(name) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.engine.crdt(CrdtConfig { name: name.to_owned(), ..CrdtConfig::default() })?
            }
            opened => opened?,
        };
        self.stores.insert(name.to_owned(), Local::new(store));
        Ok(())
    }

    /// A handle of a store that can't go on is opened again at the next look.
    fn close_broken(&mut self, name: &str, error: &Error) {
        let is_of_packet =
            matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Corrupt | ErrorKind::Conflict | ErrorKind::Limit);
        let is_sound = self.stores.get(name).is_some_and(|local| local.store.context().is_ok());
        if !is_of_packet || !is_sound {
            self.stores.remove(name);
        }
    }

    /// Counts what went wrong, and says it in the log.
    pub(super) fn fault(&mut self, error: &Error) {
        let is_closed = |error: &Error| error.kind() == ErrorKind::Closed;
        // A store is closed too once its stream was deleted, which ends nothing else.
        self.is_over |= is_closed(error) && self.engine.crdts().wait().is_err_and(|error| is_closed(&error));
        self.faults += 1;
        self.last_error = error.to_string();
        self.engine.log("warn", format!("mesh: {error}"));
    }

    fn send(&mut self, to: &Node, bodies: Vec<Body>) {
        for body in bodies {
            let packet = Packet { body: Some(body) };
            self.sent_bytes += packet.encoded_len() as u64;
            self.out.push(Out::Send(to.clone(), packet));
        }
    }

    /// Does all that is due.
    pub(super) fn work(&mut self, now: Nanos) {
        self.membership.tick(now);
        if self.stores_at <= now {
            self.stores_at = now + STORES_EVERY;
            if let Err(error) = self.look_for_stores() {
                self.fault(&error);
            }
        }
        self.meet(now);
        let names: Vec<String> = self.stores.keys().cloned().collect();
        for name in names {
            if let Err(error) = self.work_for_store(&name, now) {
                self.close_broken(&name, &error);
                self.fault(&error);
            }
        }
        self.settle(now);
        self.call(now);
    }

    fn work_for_store(&mut self, name: &str, now: Nanos) -> Result<()> {
        let Some(local) = self.stores.get_mut(name) else { return Ok(()) };
        local.step()?;
        local.forget(now);
        // Where nobody else writes, nobody else would.
        local.store.snapshot_if_due()?;
        let (mut all, mut outcome) = (Vec::new(), Ok(()));
        for peer in self.peers.values_mut().filter(|peer| peer.is_connected) {
            let (node, mut bodies) = (peer.node.clone(), Vec::new());
            outcome = peer
                .session(local, self.again, now)
                .and_then(|session| session.work(local, now, &mut bodies).inspect_err(|_| session.failed(now)));
            all.push((node, bodies));
            if outcome.is_err() {
                break;
            }
        }
        // What was made before one failed too: its session takes it for sent.
        let failed = all.last().map(|(node, _)| node.name.clone()).unwrap_or_default();
        for (node, bodies) in all {
            self.send(&node, bodies);
        }
        outcome.map_err(|e| e.context(format!("store '{name}' with node {failed}")))
    }

    /// Compares what is applied with one other node, from time to time.
    fn meet(&mut self, now: Nanos) {
        if self.meet_at > now {
            return;
        }
        let every = self.config.preset.meet_every();
        self.meet_at = now + every / 2 + self.engine.clock().random() % every;
        let mut connected: Vec<&mut Peer> = self.peers.values_mut().filter(|peer| peer.is_connected).collect();
        if connected.is_empty() {
            return;
        }
        let place = (self.engine.clock().random() % connected.len() as u64) as usize;
        connected[place].sessions.values_mut().for_each(|session| session.meet_by(now));
    }

    /// Opens stores that were made, and lets go of those that were removed.
    fn look_for_stores(&mut self) -> Result<()> {
        let names = self.engine.crdts().wait()?;
        self.stores.retain(|name, _| names.contains(name));
        for peer in self.peers.values_mut() {
            peer.sessions.retain(|name, _| names.contains(name));
        }
        names.iter().try_for_each(|name| self.provide(name))
    }

    /// Takes what the membership protocol wants said, and what it found out.
    fn settle(&mut self, now: Nanos) {
        for (to, packet) in self.membership.take_packets() {
            self.send(&to, vec![Body::Swim(packet)]);
        }
        for event in self.membership.take_events() {
            match event {
                Event::Up(node) => self.log_change(&node, "is there"),
                Event::Down(node) => {
                    self.log_change(&node, "does not answer");
                    self.out.push(Out::HangUp(node.engine));
                }
                Event::Renewed(node) => self.log_change(&node, "was taken for gone, and is there again"),
            }
        }
        let members = self.membership.members();
        // Who is forgotten there is forgotten here, and found anew if he comes back.
        self.peers.retain(|engine, peer| peer.is_connected || members.iter().any(|(node, _)| node.engine == *engine));
        for (node, state) in members {
            let peer = self.peers.entry(node.engine).or_insert_with(|| Peer::new(node.clone(), state, now));
            let state = if state == MemberState::Down && peer.has_left { MemberState::Left } else { state };
            if node.run > peer.node.run {
                peer.node = node;
            }
            if peer.state != state {
                (peer.state, peer.since) = (state, now);
            }
        }
    }

    fn log_change(&self, node: &Node, what: &str) {
        self.engine.log("info", format!("mesh: node {} at {} {what}", node.name, node.address));
    }

    /// Calls seeds while nobody is there, and nodes that do not answer.
    fn call(&mut self, now: Nanos) {
        if self.call_at > now {
            return;
        }
        let silent = |peer: &&Peer| !peer.is_connected && !peer.has_left;
        let mut addresses: Vec<String> =
            self.peers.values().filter(silent).map(|peer| peer.node.address.clone()).collect();
        if !self.peers.values().any(|peer| peer.is_connected) {
            addresses.extend(self.config.seeds.iter().cloned());
        }
        addresses.sort_unstable();
        addresses.dedup();
        addresses.retain(|address| *address != self.membership.own().address);
        let wait = self.call_after / 2 + self.engine.clock().random() % self.call_after;
        self.call_at = now + wait;
        self.call_after = if addresses.is_empty() { CALL_AFTER.0 } else { (self.call_after * 2).min(CALL_AFTER.1) };
        self.out.extend(addresses.into_iter().map(Out::Call));
    }

    /// When [`Core::work`] has something to do by itself.
    pub(super) fn due(&self) -> Nanos {
        if self.stores.values().any(Local::is_building) {
            return 0;
        }
        let connected = self.peers.values().filter(|peer| peer.is_connected);
        let sessions = connected.flat_map(|peer| peer.sessions.values().map(Session::due)).min().unwrap_or(Nanos::MAX);
        [self.membership.due(), self.stores_at, self.meet_at, self.call_at, sessions].into_iter().min().unwrap_or(0)
    }

    /// What shall be done now.
    pub(super) fn take_out(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.out)
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

    /// The stores that are kept in step.
    pub(super) fn stores(&self) -> impl Iterator<Item = &Local> {
        self.stores.values()
    }

    pub(super) fn status(&self) -> MeshStatus {
        let own = self.membership.own();
        let ends: BTreeMap<&str, u64> =
            self.stores.iter().map(|(name, local)| (name.as_str(), local.store.log_end().unwrap_or(0))).collect();
        let mut members: Vec<Member> = self.peers.values().map(|peer| member_of(peer, &ends)).collect();
        members.sort_by(|a, b| (&a.name, a.engine).cmp(&(&b.name, b.engine)));
        let own_store = |name: &&str| MemberStore { store: (*name).to_owned(), behind: 0, unacked: 0, repairs: 0 };
        MeshStatus {
            own: Member {
                name: own.name,
                engine: own.engine,
                address: own.address,
                state: MemberState::Alive,
                since: self.begun,
                connected: true,
                stores: ends.keys().map(own_store).collect(),
            },
            members,
            refused: 0,
            faults: self.faults,
            sent_bytes: self.sent_bytes,
            received_bytes: self.received_bytes,
            last_error: self.last_error.clone(),
            local_health: self.membership.local_health(),
        }
    }
}

fn member_of(peer: &Peer, ends: &BTreeMap<&str, u64>) -> Member {
    let stores = peer.sessions.iter().map(|(name, session)| MemberStore {
        store: name.clone(),
        behind: session.behind(),
        unacked: session.unacked(ends.get(name.as_str()).copied().unwrap_or(0)),
        repairs: session.repairs,
    });
    Member {
        name: peer.node.name.clone(),
        engine: peer.node.engine,
        address: peer.node.address.clone(),
        state: peer.state,
        since: peer.since,
        connected: peer.is_connected,
        stores: stores.collect(),
    }
}

/// The store that a packet is about.
fn store_of(body: &Body) -> Option<&str> {
    match body {
        Body::Meet(body) => Some(&body.store),
        Body::Ask(body) => Some(&body.store),
        Body::Told(body) => Some(&body.store),
        Body::Deltas(body) => Some(&body.store),
        Body::Ack(body) => Some(&body.store),
        Body::Compare(body) => Some(&body.store),
        Body::Differ(body) => Some(&body.store),
        Body::Want(body) => Some(&body.store),
        Body::Keys(body) => Some(&body.store),
        Body::Hello(_) | Body::Swim(_) | Body::Bye(_) => None,
    }
}
