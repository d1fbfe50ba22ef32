//! Some nodes, the connections between them, and the time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, ManualClock, Nanos, SECOND};
use crate::crdt::{CrdtConfig, CrdtStore, Kind, Op};
use crate::disk::{Disk, MemDisk, OpenMode, read_all};
use crate::engine::{Engine, EngineOptions};
use crate::member::MemberState;
use crate::mesh::MeshConfig;
use crate::mesh::core::{Core, Out};
use crate::mesh::proto::packet::Body;
use crate::mesh::proto::{Node as Name, Packet};

pub(super) const START: Nanos = 1_700_000_000 * SECOND;
const DIR: &str = "/n";

/// A time that is one for all, and random bits of one's own.
#[derive(Clone)]
struct OwnClock {
    time: ManualClock,
    random: ManualClock,
}

impl Clock for OwnClock {
    fn now(&self) -> Nanos {
        self.time.now()
    }

    fn random(&self) -> u64 {
        self.random.random()
    }
}

pub(super) struct Running {
    pub(super) engine: Engine,
    pub(super) core: Core,
    pub(super) store: CrdtStore,
}

pub(super) struct Node {
    pub(super) disk: MemDisk,
    random: ManualClock,
    pub(super) running: Option<Running>,
}

/// A packet on its way over a connection.
struct Flight {
    from: usize,
    to: usize,
    line: u64,
    packet: Packet,
}

pub(super) struct World {
    pub(super) time: ManualClock,
    pub(super) nodes: Vec<Node>,
    /// Connections by the lower and the higher place, with their numbers.
    lines: BTreeMap<(usize, usize), u64>,
    lines_made: u64,
    flights: BTreeMap<(Nanos, u64), Flight>,
    flights_made: u64,
    /// Pairs that do not reach each other.
    pub(super) cut: BTreeSet<(usize, usize)>,
    pub(super) delay: Duration,
    /// Bytes of the packets of each kind.
    pub(super) bytes: BTreeMap<&'static str, usize>,
    /// How many of each kind.
    pub(super) packets: BTreeMap<&'static str, usize>,
    /// Whether nodes work only when something is due or came, as they do in processes: where there are many.
    pub(super) is_lazy: bool,
    pub(super) snapshot_records: u64,
    /// How many of the last records are sent to a peer that is new: none, so that there is more to repair.
    pub(super) again: usize,
    pub(super) grace: Nanos,
    pub(super) horizon: Duration,
}

fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

fn address(place: usize) -> String {
    format!("node{place}:1")
}

impl World {
    pub(super) fn new(count: usize, seed: u64) -> World {
        let time = ManualClock::new(START, seed);
        let node = |place: usize| Node {
            disk: MemDisk::default(),
            random: ManualClock::new(0, seed.wrapping_mul(1_000_003).wrapping_add(place as u64)),
            running: None,
        };
        let mut world = World {
            time,
            nodes: (0..count).map(node).collect(),
            lines: BTreeMap::new(),
            lines_made: 0,
            flights: BTreeMap::new(),
            flights_made: 0,
            cut: BTreeSet::new(),
            delay: Duration::from_millis(1),
            bytes: BTreeMap::new(),
            packets: BTreeMap::new(),
            is_lazy: false,
            snapshot_records: 0,
            again: 0,
            grace: 600 * SECOND,
            horizon: Duration::ZERO,
        };
        (0..count).for_each(|place| world.start(place));
        world
    }

    /// Starts a node on what is on its disk.
    pub(super) fn start(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        let clock = OwnClock { time: self.time.clone(), random: node.random.clone() };
        let options = EngineOptions {
            clock: Arc::new(clock),
            disk: Arc::new(node.disk.clone()),
            worker: false,
            ..EngineOptions::default()
        };
        let engine = Engine::open_with(DIR, options).unwrap();
        let seeds = if place == 0 { Vec::new() } else { vec![address(0)] };
        let config = MeshConfig {
            name: format!("n{place}"),
            bind: address(place),
            seeds,
            horizon: self.horizon,
            ..MeshConfig::default()
        };
        let app = CrdtConfig { name: "app".into(), snapshot_records: self.snapshot_records, ..CrdtConfig::default() };
        let store = engine.crdt(app).unwrap();
        let mut core = Core::new(engine.clone(), config).unwrap();
        core.again = self.again;
        core.grace = self.grace;
        node.running = Some(Running { engine, core, store });
    }

    /// Ends a node without a word.
    pub(super) fn stop(&mut self, place: usize) {
        if let Some(running) = self.nodes[place].running.take() {
            let Running { engine, core, store } = running;
            drop((core, store));
            engine.close().unwrap();
        }
        for other in 0..self.nodes.len() {
            self.hang_up(place, other);
        }
    }

    /// Ends and starts all nodes, so that they know what was set since.
    pub(super) fn start_again(&mut self) {
        for place in 0..self.nodes.len() {
            self.stop(place);
            self.start(place);
        }
    }

    /// What is on a node's disk, copied.
    pub(super) fn copy_of_disk(&self, place: usize) -> MemDisk {
        let copy = MemDisk::default();
        copy_dir(&self.nodes[place].disk, &copy, Path::new(DIR));
        copy
    }

    pub(super) fn is_cut(&self, a: usize, b: usize) -> bool {
        self.cut.contains(&pair(a, b))
    }

    pub(super) fn cut(&mut self, a: usize, b: usize) {
        self.cut.insert(pair(a, b));
        self.hang_up(a, b);
    }

    pub(super) fn hang_up(&mut self, a: usize, b: usize) {
        if self.lines.remove(&pair(a, b)).is_none() {
            return;
        }
        let now = self.time.now();
        for (one, other) in [(a, b), (b, a)] {
            let engine = self.id(other);
            if let (Some(running), Some(engine)) = (&mut self.nodes[one].running, engine) {
                running.core.disconnected(engine, now);
            } else if let Some(running) = &mut self.nodes[one].running {
                running.core.disconnected_from(&address(other));
            }
        }
    }

    fn id(&self, place: usize) -> Option<u64> {
        self.nodes[place].running.as_ref().map(|running| running.engine.id())
    }

    fn place_of(&self, address_of: &str) -> Option<usize> {
        (0..self.nodes.len()).find(|&place| address(place) == address_of)
    }

    /// The connection of two nodes, made if it can be.
    fn line(&mut self, from: usize, to: usize) -> Option<u64> {
        if let Some(line) = self.lines.get(&pair(from, to)) {
            return Some(*line);
        }
        if from == to || self.is_cut(from, to) || self.id(from).is_none() || self.id(to).is_none() {
            return None;
        }
        self.lines_made += 1;
        self.lines.insert(pair(from, to), self.lines_made);
        let now = self.time.now();
        let first = self.nodes[from].running.as_ref().unwrap().core.hello(None);
        let answer = self.nodes[to].running.as_ref().unwrap().core.hello(self.id(from));
        for (at, packet, called) in [(to, first, None), (from, answer, Some(address(to)))] {
            let Some(Body::Hello(hello)) = packet.body else { unreachable!() };
            self.nodes[at].running.as_mut().unwrap().core.connected(&hello, called.as_deref(), now).unwrap();
        }
        Some(self.lines_made)
    }

    fn send(&mut self, from: usize, to: &Name, packet: Packet) {
        let Some(to) = self.place_of(&to.address) else { return };
        let Some(line) = self.line(from, to) else { return };
        *self.bytes.entry(kind_of(&packet)).or_default() += prost::Message::encoded_len(&packet);
        *self.packets.entry(kind_of(&packet)).or_default() += 1;
        self.flights_made += 1;
        let at = self.time.now() + self.delay.as_nanos() as Nanos;
        self.flights.insert((at, self.flights_made), Flight { from, to, line, packet });
    }

    /// Lets these nodes do what is due, and send it.
    fn work(&mut self, places: impl IntoIterator<Item = usize>) {
        let now = self.time.now();
        for place in places {
            let Some(running) = &mut self.nodes[place].running else { continue };
            running.core.work(now);
            for out in running.core.take_out() {
                match out {
                    Out::Send(to, packet) => self.send(place, &to, packet),
                    Out::Call(address) => {
                        let to = self.place_of(&address);
                        to.and_then(|to| self.line(place, to));
                    }
                    Out::HangUp(engine) => {
                        if let Some(other) = (0..self.nodes.len()).find(|&other| self.id(other) == Some(engine)) {
                            self.hang_up(place, other);
                        }
                    }
                }
            }
        }
    }

    /// Goes on for some time.
    pub(super) fn run(&mut self, for_time: Duration) {
        let end = self.time.now() + for_time.as_nanos() as Nanos;
        let all = 0..self.nodes.len();
        let mut places: BTreeSet<usize> = all.clone().collect();
        loop {
            self.work(places);
            let dues: Vec<Nanos> = self.nodes.iter().map(due).collect();
            let due = dues.iter().copied().min();
            let arrival = self.flights.keys().next().map(|(at, _)| *at);
            // Nothing happens twice in a microsecond, so that time goes on.
            let next = due.into_iter().chain(arrival).min().unwrap_or(end).max(self.time.now() + 1_000);
            if next > end {
                self.time.set(end);
                self.work(all);
                return;
            }
            self.time.set(next);
            places = all.clone().filter(|&place| !self.is_lazy || dues[place] <= next).collect();
            while let Some(entry) = self.flights.first_entry().filter(|entry| entry.key().0 <= next) {
                let flight = entry.remove();
                if self.lines.get(&pair(flight.from, flight.to)) != Some(&flight.line) {
                    continue;
                }
                if let (Some(from), Some(running)) = (self.id(flight.from), &mut self.nodes[flight.to].running) {
                    running.core.hear(from, flight.packet, next);
                    places.insert(flight.to);
                }
            }
        }
    }

    pub(super) fn running(&self, place: usize) -> &Running {
        self.nodes[place].running.as_ref().unwrap()
    }

    pub(super) fn store(&self, place: usize) -> &CrdtStore {
        &self.running(place).store
    }

    pub(super) fn add(&self, place: usize, key: &str, amount: i64) {
        self.store(place).write(key, Kind::Counter, &Op::Add(amount)).wait().unwrap();
    }

    /// All that is read at a node.
    pub(super) fn dump(&self, place: usize) -> Vec<(String, Kind, String)> {
        self.store(place).dump("").unwrap().into_iter().map(|d| (d.key, d.kind, d.json)).collect()
    }

    pub(super) fn state(&self, at: usize, of: usize) -> Option<MemberState> {
        let name = format!("n{of}");
        self.running(at).core.status().members.into_iter().find(|member| member.name == name).map(|member| member.state)
    }

    /// Every node has applied and reads the same.
    pub(super) fn assert_equal(&self) {
        for place in 1..self.nodes.len() {
            assert_eq!(self.dump(place), self.dump(0), "node {place} reads what node 0 does not");
            let (context, other) = (self.store(place).context().unwrap(), self.store(0).context().unwrap());
            assert_eq!(context, other, "node {place} has not applied what node 0 has");
        }
    }
}

/// When a node has something to do.
fn due(node: &Node) -> Nanos {
    node.running.as_ref().map_or(Nanos::MAX, |running| running.core.due())
}

fn copy_dir(from: &MemDisk, to: &MemDisk, dir: &Path) {
    let Ok(names) = from.list(dir) else { return };
    to.create_dir(dir).unwrap();
    for name in names {
        let path = dir.join(name);
        if from.list(&path).is_ok() {
            copy_dir(from, to, &path);
            continue;
        }
        // What is a lock is no file.
        if let Ok(file) = from.open(&path, OpenMode::Read) {
            let bytes = read_all(&*file).unwrap();
            to.open(&path, OpenMode::Create).unwrap().write_at(&bytes, 0).unwrap();
        }
    }
}

fn kind_of(packet: &Packet) -> &'static str {
    match packet.body {
        Some(Body::Swim(_)) => "swim",
        Some(Body::Meet(_)) => "meet",
        Some(Body::Ask(_)) => "ask",
        Some(Body::Told(_)) => "told",
        Some(Body::Deltas(_)) => "deltas",
        Some(Body::Ack(_)) => "ack",
        Some(Body::Compare(_)) => "compare",
        Some(Body::Differ(_)) => "differ",
        Some(Body::Want(_)) => "want",
        Some(Body::Keys(_)) => "keys",
        _ => "other",
    }
}
