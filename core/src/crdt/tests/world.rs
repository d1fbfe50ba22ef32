//! A random world of two to six replicas: operations and transactions, deltas that are lost, doubled, reordered and
//! passed on, partitions, exchanges of keys and of everything, collecting, restarts, old copies and clocks that jump,
//! all from one seed.
//!
//! After every step what the replica reads is what the model reads of the same knowledge. At the end all of them are
//! equal to the byte, and to what follows from what each operation saw. `HEADWATER_CRDT_SEED` runs one seed,
//! `HEADWATER_CRDT_SEEDS` so many of them.

use std::collections::BTreeSet;

use super::model::{CELLS, History, KEYS, Knowledge, What, unite};
use super::*;
use crate::crdt::faults::{Fault, plant};
use crate::crdt::state::State;
use crate::crdt::{Applied, Change, Context};

#[derive(Debug, Clone)]
struct Node {
    replica: Replica,
    knows: Knowledge,
    /// What the delta not yet taken tells.
    pending: Knowledge,
    held: Vec<Knowledge>,
    /// How far its clock is off, milliseconds.
    skew: i64,
}

#[derive(Debug, Clone)]
struct Message {
    to: usize,
    delta: Vec<u8>,
    tells: Knowledge,
}

struct World {
    random: Random,
    nodes: Vec<Node>,
    on_the_way: Vec<Message>,
    history: History,
    saved: Option<(usize, Vec<u8>, Knowledge)>,
    now_ms: u64,
    epoch: u64,
    /// Whether clocks differ; if not, values may live for a time.
    skewed: bool,
    /// Whether any operation may be nowhere any more.
    lossy: bool,
    /// Two sides that do not hear each other.
    cut: Option<usize>,
}

const START_MS: u64 = 1_000_000;

impl World {
    fn new(seed: u64) -> World {
        let mut random = Random(seed);
        let nodes = (0..2 + random.below(5)).map(|engine| Node {
            replica: replica(engine),
            knows: Knowledge::new(),
            pending: Knowledge::new(),
            held: Vec::new(),
            skew: 0,
        });
        let nodes = nodes.collect();
        let skewed = random.chance(50);
        let history = History::default();
        World {
            random,
            nodes,
            on_the_way: Vec::new(),
            history,
            saved: None,
            now_ms: START_MS,
            epoch: 1,
            skewed,
            lossy: false,
            cut: None,
        }
    }

    fn node(&mut self) -> usize {
        self.random.below(self.nodes.len() as u64) as usize
    }

    fn now(&self, node: usize) -> u64 {
        self.now_ms.saturating_add_signed(self.nodes[node].skew)
    }

    fn step(&mut self) {
        self.now_ms += self.random.below(40);
        let node = self.node();
        match self.random.below(100) {
            0..=44 => self.operate(node),
            45..=54 => self.send(node),
            55..=72 => self.deliver(),
            73..=76 => self.exchange_whole(node),
            77..=81 => self.exchange_keys(node),
            82..=83 => self.catch_up(node),
            84..=89 => self.collect(node),
            90..=91 => self.release(node),
            92 => self.restart(node),
            93 => self.save_or_restore(node),
            94..=95 => self.jump(node),
            96..=97 => self.cut = if self.cut.is_some() { None } else { Some(node) },
            _ => self.look(node),
        }
    }

    fn hears(&self, from: usize, to: usize) -> bool {
        from != to && self.cut.is_none_or(|cut| (from <= cut) == (to <= cut))
    }

    fn operate(&mut self, node: usize) {
        if self.random.chance(20) {
            return self.transact(node);
        }
        let cell = self.random.below(CELLS.len() as u64) as usize;
        self.operate_on(node, cell);
        self.look_at(node, CELLS[cell].key);
    }

    fn ttl(&mut self) -> Option<u64> {
        (!self.skewed && self.random.chance(25)).then(|| 1 + self.random.below(300))
    }

    fn operate_on(&mut self, node: usize, place: usize) {
        let (now, cell) = (self.now(node), &CELLS[place]);
        let element = Value::Int(cell.element);
        let (by, ttl_ms) = (self.nodes[node].replica.actor(), self.ttl());
        let amount = self.random.below(20) as i64 - if cell.kind == Kind::GrowCounter { 0 } else { 8 };
        let value = Value::Int(self.random.below(1_000) as i64);
        let other = self.node();
        let other = self.nodes[other].replica.actor();
        let is_removal = self.random.chance(35);
        let gives = self.random.chance(30);
        let mut depth = cell.fields.len();
        let op = match cell.kind {
            Kind::BoundedCounter if gives && other != by => Op::Give { to: other, amount: self.random.below(12) },
            Kind::BoundedCounter => Op::Add(amount),
            _ if self.random.chance(8) => {
                depth = self.random.below(depth as u64 + 1) as usize;
                CLEAR
            }
            Kind::Counter | Kind::GrowCounter => Op::Add(amount),
            Kind::Register | Kind::MultiRegister => Op::Write { value: &value, ttl_ms },
            Kind::Set | Kind::RemoveWinsSet if is_removal => Op::Remove(&element),
            Kind::Set | Kind::RemoveWinsSet => Op::Insert { value: &element, ttl_ms },
            _ if is_removal => Op::Disable,
            _ => Op::Enable { ttl_ms },
        };
        let is_clear = matches!(op, Op::Clear);
        let fields = &cell.fields[..depth];
        let kind = if depth == cell.fields.len() { cell.kind } else { Kind::Map };
        let done = self.nodes[node].replica.write(Path { key: cell.key, fields }, kind, &op, now);
        let known = self.nodes[node].knows.get(&place).cloned().unwrap_or_default();
        let stamp = self.nodes[node].replica.clock.last();
        let expiry_ms = ttl_ms.map_or(0, |ttl| (stamp >> 16) + ttl);
        let what = match op {
            Op::Add(amount) => What::Add(amount),
            Op::Give { to, amount } => What::Give(to, amount),
            Op::Write { value: Value::Int(value), .. } => What::Write { value: *value, stamp, expiry_ms },
            Op::Insert { .. } | Op::Enable { .. } => What::Insert { expiry_ms },
            Op::Remove(_) | Op::Disable => What::Remove,
            _ => What::Clear(depth),
        };
        let wanted = match what {
            What::Give(_, amount) => i128::from(amount),
            What::Add(amount) if cell.kind == Kind::BoundedCounter => -i128::from(amount),
            _ => 0,
        };
        if wanted > 0 && wanted > self.history.rights(&known, by) {
            assert!(done.is_err(), "{wanted} is more than {by} has the rights to");
            return;
        }
        let done = done.expect("it is allowed");
        // What finds nothing to undo does nothing, and the model needs no trace of it.
        if done || is_clear {
            self.made(node, place, by, what);
        }
    }

    fn made(&mut self, node: usize, cell: usize, by: Writer, what: What) {
        let told = self.history.make(cell, by, what, &self.nodes[node].knows);
        unite(&mut self.nodes[node].knows, &told);
        unite(&mut self.nodes[node].pending, &told);
    }

    /// Two operations of which the second is sometimes refused; then nothing has happened.
    fn transact(&mut self, node: usize) {
        let now = self.now(node);
        let fails = self.random.chance(50);
        let value = Value::Int(0);
        let take = if fails { -1_000_000 } else { 7 };
        let changes = [
            Change { path: "set".into(), kind: Kind::Set, op: insert(&value) },
            Change { path: Path { key: "map", fields: &["counter"] }, kind: Kind::Counter, op: Op::Add(3) },
            Change { path: "set".into(), kind: Kind::Set, op: CLEAR },
            Change { path: "bounded".into(), kind: Kind::BoundedCounter, op: Op::Add(take) },
        ];
        let before = self.nodes[node].replica.whole().encode();
        let done = self.nodes[node].replica.transaction(&changes, now);
        if fails {
            done.expect_err("nobody has so many rights");
            assert_eq!(self.nodes[node].replica.whole().encode(), before);
        } else {
            done.expect("each is allowed");
            let by = self.nodes[node].replica.actor();
            self.made(node, 5, by, What::Insert { expiry_ms: 0 });
            self.made(node, 11, by, What::Add(3));
            self.made(node, 5, by, What::Clear(0));
            self.made(node, 2, by, What::Add(7));
        }
        self.look(node);
    }

    fn send(&mut self, node: usize) {
        let Some(delta) = self.nodes[node].replica.take_delta() else { return };
        let tells = std::mem::take(&mut self.nodes[node].pending);
        self.spread(node, &delta.encode(), &tells);
    }

    fn spread(&mut self, from: usize, delta: &[u8], tells: &Knowledge) {
        for to in 0..self.nodes.len() {
            // Some are lost, some come twice.
            let copies = [0, 1, 1, 1, 2][self.random.below(5) as usize];
            for _ in 0..if self.hears(from, to) { copies } else { 0 } {
                self.on_the_way.push(Message { to, delta: delta.to_vec(), tells: tells.clone() });
            }
        }
    }

    fn deliver(&mut self) {
        if self.on_the_way.is_empty() {
            return;
        }
        let place = self.random.below(self.on_the_way.len() as u64) as usize;
        let Message { to, delta, tells } = self.on_the_way.swap_remove(place);
        let delta = Fragment::decode(&delta).expect("it was encoded");
        let node = &mut self.nodes[to];
        let news = node.replica.extract(&delta).expect("it is a delta");
        // What is new alone has to do as much as all of it.
        let mut other = node.replica.clone();
        let now = self.now_ms.saturating_add_signed(node.skew);
        let applied = node.replica.apply(delta, now).expect("it is taken");
        if applied == Applied::Held {
            return node.held.push(tells);
        }
        if let Some(news) = &news {
            other.apply(news.clone(), now).expect("it is taken");
        }
        assert_eq!(other.context(), node.replica.context());
        for (key, kind) in KEYS {
            assert_eq!(other.digest(key, kind, now), node.replica.digest(key, kind, now), "{key}");
        }
        assert!(news.is_some() || applied == Applied::Changed(Vec::new()));
        if self.random.chance(50) {
            node.replica = other;
        }
        unite(&mut node.knows, &tells);
        if let Some(news) = news.filter(|_| self.random.chance(30)) {
            let told = tells.into_iter().filter_map(|(cell, known)| self.told(&news, cell, known)).collect();
            self.spread(to, &news.encode(), &told);
        }
        self.look(to);
    }

    /// What the new part of a delta tells of a cell.
    fn told(&self, news: &Fragment, place: usize, mut known: model::Known) -> Option<(usize, model::Known)> {
        let cell = &CELLS[place];
        let root = if cell.fields.is_empty() { cell.kind } else { Kind::Map };
        let entry = news.body.keys.get(&(cell.key.into(), root))?;
        let mut state = &entry.state;
        for (depth, name) in cell.fields.iter().enumerate() {
            let kind = if depth + 1 == cell.fields.len() { cell.kind } else { Kind::Map };
            let State::Map(map) = state else { panic!("fields are in maps") };
            state = map.get(name, kind)?;
        }
        match state {
            State::Set(set) => set.0.get(&Value::Int(cell.element))?,
            State::Counter(counter) => {
                let rows: Vec<Writer> = counter.0.iter().map(|row| news.actors.writer(row.actor)).collect();
                known.made.retain(|&id| rows.contains(&self.history.0[id].by));
                known.undone.retain(|&id| rows.contains(&self.history.0[id].by));
                return Some((place, known));
            }
            _ => return Some((place, known)),
        };
        Some((place, known))
    }

    fn exchange_whole(&mut self, from: usize) {
        let to = self.node();
        if self.hears(from, to) {
            let bytes = self.nodes[from].replica.whole().encode();
            self.apply(from, to, &bytes, |_| true);
        }
    }

    fn exchange_keys(&mut self, from: usize) {
        let to = self.node();
        if !self.hears(from, to) {
            return;
        }
        let fragment = if self.random.chance(50) {
            let context = self.nodes[to].replica.context();
            let context = Context::decode(&context.encode()).expect("it was encoded");
            self.nodes[from].replica.since(&context)
        } else {
            let some: Vec<_> = KEYS.iter().copied().filter(|_| self.random.chance(40)).collect();
            self.nodes[from].replica.some(some)
        };
        let keys: BTreeSet<String> = fragment.keys().map(|(name, _)| name.to_owned()).collect();
        self.apply(from, to, &fragment.encode(), |key| keys.contains(key));
    }

    /// Every key, one by one, and then the word that it was every key.
    fn catch_up(&mut self, from: usize) {
        let to = self.node();
        if !self.hears(from, to) {
            return;
        }
        for key in KEYS {
            let bytes = self.nodes[from].replica.some([key]).encode();
            if !self.apply(from, to, &bytes, |name| name == key.0) {
                return;
            }
        }
        let context = self.nodes[from].replica.context();
        self.nodes[to].replica.caught_up(&context);
        self.look(to);
    }

    /// Whether it was not held.
    fn apply(&mut self, from: usize, to: usize, bytes: &[u8], tells: impl Fn(&str) -> bool) -> bool {
        let now = self.now(to);
        let knows = self.nodes[from].knows.clone();
        let knows: Knowledge = knows.into_iter().filter(|(cell, _)| tells(CELLS[*cell].key)).collect();
        let fragment = Fragment::decode(bytes).expect("it was encoded");
        assert_eq!(fragment.encode(), bytes);
        let node = &mut self.nodes[to];
        let is_held = node.replica.apply(fragment, now).expect("it is taken") == Applied::Held;
        if is_held {
            node.held.push(knows);
        } else {
            unite(&mut node.knows, &knows);
            self.look(to);
        }
        !is_held
    }

    fn collect(&mut self, node: usize) {
        // Operations of an actor that is gone are nobody's to speak of.
        if self.lossy && !(self.on_the_way.is_empty() && self.nodes.iter().all(|n| n.held.is_empty())) {
            return;
        }
        let now = self.now(node);
        let others = self.nodes.iter().enumerate().filter(|(other, _)| *other != node);
        let peers: Vec<_> = others.map(|(_, n)| (n.replica.actor(), n.replica.context())).collect();
        self.nodes[node].replica.stable(&peers, now);
        self.look(node);
        self.find_collected(node);
    }

    /// Tells the model of removals that were done away with: an element of which nothing is left.
    fn find_collected(&mut self, node: usize) {
        for (place, cell) in CELLS.iter().enumerate() {
            if !matches!(cell.kind, Kind::RemoveWinsSet | Kind::DisableWinsFlag) {
                continue;
            }
            let node = &mut self.nodes[node];
            let Some(known) = node.knows.get_mut(&place) else { continue };
            let root = if cell.fields.is_empty() { cell.kind } else { Kind::Map };
            let kept = node.replica.state(cell.key, root);
            let mut state = kept.as_deref();
            for (depth, name) in cell.fields.iter().enumerate() {
                let kind = if depth + 1 == cell.fields.len() { cell.kind } else { Kind::Map };
                state = match state {
                    Some(State::Map(map)) => map.get(name, kind),
                    _ => None,
                };
            }
            let is_gone = match state {
                Some(State::Set(set)) => !set.0.contains_key(&Value::Int(cell.element)),
                Some(State::Flag(flag)) => flag.is_empty(),
                _ => true,
            };
            let removals = |id: &usize| matches!(self.history.0[*id].what, What::Remove);
            if is_gone && known.alive().iter().any(removals) {
                let undone = known.alive();
                known.undone.extend(&undone);
                node.pending.entry(place).or_default().undone.extend(&undone);
            }
        }
    }

    fn release(&mut self, node: usize) {
        let now = self.now(node);
        let node_at = &mut self.nodes[node];
        node_at.replica.release(true, now);
        for tells in std::mem::take(&mut node_at.held) {
            unite(&mut node_at.knows, &tells);
        }
        self.look(node);
    }

    /// The same state as another actor; what was held is gone.
    fn restart(&mut self, node: usize) {
        self.send(node);
        let (bytes, knows) = (self.nodes[node].replica.whole().encode(), self.nodes[node].knows.clone());
        self.restore(node, &bytes, knows);
    }

    fn restore(&mut self, node: usize, bytes: &[u8], knows: Knowledge) {
        self.lossy = true;
        self.epoch += 1;
        let actor = Writer { engine: node as u64, epoch: self.epoch };
        let mut replica = Replica::new(actor);
        replica.restore(Fragment::decode(bytes).expect("it was encoded"));
        let old = &mut self.nodes[node];
        *old = Node { replica, knows, pending: Knowledge::new(), held: Vec::new(), skew: old.skew };
        self.look(node);
    }

    /// Keeps a copy of a replica, or goes back to the one that was kept.
    fn save_or_restore(&mut self, node: usize) {
        match self.saved.take() {
            Some((node, bytes, knows)) => self.restore(node, &bytes, knows),
            None => {
                let Node { replica, knows, .. } = &self.nodes[node];
                self.saved = Some((node, replica.whole().encode(), knows.clone()));
            }
        }
    }

    fn jump(&mut self, node: usize) {
        if self.skewed {
            self.nodes[node].skew = self.random.below(20_000) as i64 - 10_000;
        }
    }

    fn look(&self, node: usize) {
        for (key, _) in KEYS {
            self.look_at(node, key);
        }
    }

    /// Compares what is read with what the model reads.
    fn look_at(&self, node: usize, key: &str) {
        let now = self.now(node);
        let Node { replica, knows, .. } = &self.nodes[node];
        let maps: [(&[&str], Kind); 2] = [(&[], Kind::Map), (&["in"], Kind::Map)];
        let leaves = CELLS.iter().filter(|c| c.key == key).map(|c| (c.fields, c.kind));
        for (fields, kind) in leaves.chain(maps.into_iter().filter(|_| key == "map")) {
            let path = Path { key, fields };
            let (read, wanted) = (replica.read(path, kind, now), self.history.read(knows, &path, kind, now));
            assert_eq!(read, wanted, "replica {node}, {key} {fields:?} as a {kind}");
            assert!(kind != Kind::BoundedCounter || matches!(read, Reading::Number(n) if n >= 0), "{read:?}");
        }
    }

    /// All hear all, until nothing is new.
    fn heal(&mut self) {
        self.cut = None;
        self.on_the_way.clear();
        for node in 0..self.nodes.len() {
            self.nodes[node].skew = 0;
            self.release(node);
        }
        for _ in 0..2 {
            for from in 0..self.nodes.len() {
                for to in (0..self.nodes.len()).filter(|&to| to != from) {
                    let bytes = self.nodes[from].replica.whole().encode();
                    self.apply(from, to, &bytes, |_| true);
                    self.release(to);
                }
            }
        }
    }

    fn agree(&mut self) {
        let now = self.now_ms;
        let first = &self.nodes[0];
        let bytes = first.replica.whole().encode();
        for node in &self.nodes[1..] {
            assert_eq!(node.knows, first.knows, "the model converges");
            assert_eq!(node.replica.whole().encode(), bytes, "replicas converge");
            for (key, kind) in KEYS {
                assert_eq!(node.replica.digest(key, kind, now), first.replica.digest(key, kind, now));
            }
        }
        if self.lossy {
            return;
        }
        let clears = self.history.0.iter().enumerate().filter(|(_, made)| matches!(made.what, What::Clear(_)));
        let mut made: BTreeSet<usize> = clears.map(|(id, _)| id).collect();
        made.extend(first.knows.values().flat_map(|known| &known.made));
        self.nodes[0].knows = self.history.by_sight(&made);
        self.look(0);
    }
}

fn run(seed: u64, steps: u64) {
    let mut world = World::new(seed);
    for _ in 0..steps {
        world.step();
    }
    world.heal();
    world.agree();
    // And once all is stable.
    for node in 0..world.nodes.len() {
        world.collect(node);
    }
}

#[allow(clippy::disallowed_methods, reason = "a test is told its seed from outside")]
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

const SEEDS: u64 = 2_000;
const STEPS: u64 = 60;

/// The first seed that fails.
fn first_failure(seeds: std::ops::Range<u64>, steps: u64) -> Option<u64> {
    seeds.into_iter().find(|&seed| std::panic::catch_unwind(|| run(seed, steps)).is_err())
}

#[test]
fn replicas_read_what_the_model_reads_and_end_equal() {
    if let Some(seed) = setting("HEADWATER_CRDT_SEED") {
        return run(seed, STEPS);
    }
    let seeds = setting("HEADWATER_CRDT_SEEDS").unwrap_or(SEEDS);
    if let Some(seed) = first_failure(0..seeds, STEPS) {
        panic!("seed {seed} fails: HEADWATER_CRDT_SEED={seed} repeats it");
    }
}

/// Seeds within which each fault has to be found.
const FAULT_SEEDS: u64 = 3_000;

#[test]
fn every_planted_fault_is_found() {
    let found = Fault::ALL.map(|fault| {
        plant(Some(fault));
        (fault, first_failure(0..FAULT_SEEDS, STEPS))
    });
    plant(None);
    for (fault, seed) in found {
        println!("{fault:?}: seed {seed:?}");
    }
    assert!(found.iter().all(|(_, seed)| seed.is_some()), "{found:?}");
}
