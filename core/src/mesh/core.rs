//! A node of a mesh without its sockets: who is there, and what is said to whom about which store. It is given packets,
//! connections and the time, and gives packets and addresses to call; a simulation drives it as the network does.

use std::collections::BTreeMap;

use prost::Message;

use crate::clock::{Nanos, SECOND};
use crate::crdt::CrdtConfig;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};

use super::config::{MeshConfig, keeps};
use super::contact::CALL_AFTER;
use super::known::Known;
use super::local::Local;
use super::membership::{Event, Membership};
use super::peer::Peer;
use super::proto::packet::Body;
use super::proto::{Node, Packet};
use super::roster::Roster;
use super::session::{RECORDS_AGAIN, Session};
use super::stability::GRACE;
use super::swim::Swim;
use crate::member::{Member, MemberState, MemberStore, MeshStatus};

/// How often it is looked for stores that were made or removed.
const STORES_EVERY: Nanos = SECOND / 4;
/// Stores that a peer's word makes.
const STORES_MAX: usize = 1_000;

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

/// One node.
pub(super) struct Core {
    pub(super) engine: Engine,
    pub(super) config: MeshConfig,
    pub(super) membership: Box<dyn Membership>,
    pub(super) peers: BTreeMap<u64, Peer>,
    pub(super) known: Known,
    /// Who was there at addresses that were called.
    pub(super) reached: BTreeMap<String, u64>,
    stores: BTreeMap<String, Local>,
    begun: Nanos,
    stores_at: Nanos,
    meet_at: Nanos,
    pub(super) call_at: Nanos,
    pub(super) call_after: Nanos,
    pub(super) out: Vec<Out>,
    faults: u64,
    sent_bytes: u64,
    received_bytes: u64,
    pub(super) last_error: String,
    is_over: bool,
    /// How many of the last records are sent to a peer that is new.
    pub(super) again: usize,
    /// How long it is waited before what all have seen removed is forgotten.
    pub(super) grace: Nanos,
}

impl Core {
    /// # Errors
    /// [`ErrorKind::Unsupported`] for an engine without a directory of its own.
    pub(super) fn new(engine: Engine, config: MeshConfig) -> Result<Self> {
        let now = engine.clock().now();
        let address = if config.advertise.is_empty() { &config.bind } else { &config.advertise };
        let name = if config.name.is_empty() { address } else { &config.name };
        let own = Node { engine: engine.id(), run: now, name: name.clone(), address: address.clone() };
        let membership = Box::new(Swim::new(&own, config.preset, engine.clock().random()));
        let (disk, root) = engine.directory()?;
        let known = Known::load(disk, &root, config.horizon(), now);
        Ok(Core {
            engine,
            config,
            membership,
            peers: BTreeMap::new(),
            known,
            reached: BTreeMap::new(),
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
            grace: GRACE,
        })
    }

    /// Whether the engine was closed.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
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
                self.known.leave(engine);
                Ok(())
            }
            body => self.hear_of_store(engine, body, now),
        }
    }

    fn hear_of_store(&mut self, engine: u64, body: Body, now: Nanos) -> Result<()> {
        let Some(name) = store_of(&body).map(str::to_owned) else { return Ok(()) };
        self.provide(&name, now)?;
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
    fn provide(&mut self, name: &str, now: Nanos) -> Result<()> {
        if self.stores.contains_key(name) || !keeps(&self.config.stores, name) {
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
        self.stores.insert(name.to_owned(), Local::new(store, now)?);
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

    pub(super) fn send(&mut self, to: &Node, bodies: Vec<Body>) {
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
            if let Err(error) = self.look_for_stores(now) {
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
        if let Err(error) = self.known.save_if_due(now) {
            self.fault(&error);
        }
    }

    fn work_for_store(&mut self, name: &str, now: Nanos) -> Result<()> {
        let Some(local) = self.stores.get_mut(name) else { return Ok(()) };
        local.step(now)?;
        local.forget(now);
        // Where nobody else writes, nobody else would.
        local.store.snapshot_if_due()?;
        local.stability.work(&local.store, self.engine.id(), &mut self.known, self.grace, now)?;
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
        for peer in &connected {
            self.known.hear(peer.node.engine, now);
        }
        if connected.is_empty() {
            return;
        }
        let place = (self.engine.clock().random() % connected.len() as u64) as usize;
        connected[place].sessions.values_mut().for_each(|session| session.meet_by(now));
    }

    /// Opens stores that were made, and lets go of those that were removed.
    fn look_for_stores(&mut self, now: Nanos) -> Result<()> {
        let names = self.engine.crdts().wait()?;
        self.stores.retain(|name, _| names.contains(name));
        for peer in self.peers.values_mut() {
            peer.sessions.retain(|name, _| names.contains(name));
        }
        names.iter().try_for_each(|name| self.provide(name, now))
    }

    /// Takes what the membership protocol wants said, and what it found out.
    pub(super) fn settle(&mut self, now: Nanos) {
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

    pub(super) fn log_change(&self, node: &Node, what: &str) {
        self.engine.log("info", format!("mesh: node {} at {} {what}", node.name, node.address));
    }

    /// When [`Core::work`] has something to do by itself.
    pub(super) fn due(&self) -> Nanos {
        if self.stores.values().any(Local::is_building) {
            return 0;
        }
        let connected = self.peers.values().filter(|peer| peer.is_connected);
        let sessions = connected.flat_map(|peer| peer.sessions.values().map(Session::due)).min().unwrap_or(Nanos::MAX);
        let stability = self.stores.values().map(|local| local.stability.due()).min().unwrap_or(Nanos::MAX);
        let times = [self.membership.due(), self.stores_at, self.meet_at, self.call_at, self.known.due()];
        times.into_iter().chain([sessions, stability]).min().unwrap_or(0)
    }

    /// Writes down what others in the process ask about.
    pub(super) fn show(&self, roster: &Roster, now: Nanos) {
        let nodes = self.peers.values().map(|peer| (peer.node.engine, peer.node.address.as_str(), peer.state));
        roster.write(nodes, |store| self.is_in_step(store, now));
    }

    /// Whether this node has what the nodes that are there have of a store, and reached one if it knows of others.
    fn is_in_step(&self, store: &str, now: Nanos) -> bool {
        let own = self.membership.own();
        let is_other = |seed: &String| *seed != own.address && self.reached.get(seed) != Some(&own.engine);
        let has_others = self.config.seeds.iter().any(is_other) || self.known.addresses(now).next().is_some();
        let alive = || self.peers.values().filter(|peer| peer.state == MemberState::Alive);
        if !self.stores.contains_key(store) || has_others && alive().next().is_none() {
            return false;
        }
        let mut keeping = alive().filter(|peer| self.known.keeps(peer.node.engine, store));
        keeping.all(|peer| peer.sessions.get(store).is_some_and(|session| session.is_in_step))
    }

    /// What shall be done now.
    pub(super) fn take_out(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.out)
    }

    /// The stores that are kept in step.
    pub(super) fn stores(&self) -> impl Iterator<Item = &Local> {
        self.stores.values()
    }

    pub(super) fn status(&self) -> MeshStatus {
        let own = self.membership.own();
        let ends: BTreeMap<&str, u64> =
            self.stores.iter().map(|(name, local)| (name.as_str(), local.store.log_end().unwrap_or(0))).collect();
        let mut members: Vec<Member> = self.peers.values().map(|peer| peer.member(&ends)).collect();
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
