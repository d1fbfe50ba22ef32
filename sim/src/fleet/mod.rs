//! A fleet of edges on hubs, lived through by one seed: power cuts, restored backups, full disks, hubs at their limits
//! and a troubled network, with the shipped links between them. At the end, in calm, every acknowledged record is
//! everywhere it belongs, once.

mod check;
mod hub;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use headwater::{
    Append, CatchUp, Clock, Direction, Durability, Engine, EngineOptions, Error, LinkConfig, ManualClock, OnReset,
    StreamConfig,
};

use crate::disk::{Image, SimDisk};
use crate::life::Outcome;
use crate::net::{Net, NetFault};
use crate::random::Random;

/// Edges of every fleet; the last one also has a stream of its own on the first hub.
const EDGES: usize = 3;
const HUBS: [&str; 2] = ["X", "Y"];
const OWN: &str = "OWN";
const STEPS_MAX: u64 = 160;
/// How long, in steps, the calm at the end may take.
const CALM_STEPS_MAX: u64 = 40_000;

struct Edge {
    disk: SimDisk,
    engine: Option<Engine>,
    /// A backup, and how many records were made before it.
    backup: Option<(Image, u64)>,
}

struct Fleet {
    seed: u64,
    random: Random,
    clock: ManualClock,
    net: Net,
    hub: Engine,
    hub_disk: SimDisk,
    /// Whether the hub syncs nothing, and its power goes too.
    forgets: bool,
    edges: Vec<Edge>,
    /// Payloads, and whether their append was acknowledged.
    sent: BTreeMap<String, bool>,
    /// What the hub's own clients appended, and to which stream.
    homes: BTreeMap<String, &'static str>,
    /// What of it was lost there: it stays where links had carried it.
    lost: BTreeSet<String>,
    numbers: u64,
    faulty: bool,
}

/// Lives through one seed, with a fault planted in the network or without.
pub fn live_fleet(seed: u64, fault: Option<NetFault>) -> Outcome {
    let clock = ManualClock::new(1_700_000_000_000_000_000, seed);
    let net = Net::new(seed, clock.clone(), fault);
    told_as_outcome(seed, Fleet::new(seed, clock, net, fault.is_some(), false).and_then(|mut fleet| fleet.run()))
}

/// Lives through one seed with a hub that syncs nothing, so that power cuts take its end, and edges that lose nothing.
pub fn live_fleet_of_a_hub_that_forgets(seed: u64) -> Outcome {
    let clock = ManualClock::new(1_700_000_000_000_000_000, seed);
    let net = Net::new(seed, clock.clone(), None);
    told_as_outcome(seed, Fleet::new(seed, clock, net, false, true).and_then(|mut fleet| fleet.run()))
}

fn told_as_outcome(seed: u64, outcome: Result<(), String>) -> Outcome {
    match outcome {
        Ok(()) => Outcome::Fine,
        Err(what) => Outcome::Violated(format!("seed {seed}: {what}")),
    }
}

fn told(error: Error) -> String {
    format!("unexpected {}: {error}", error.kind().name())
}

impl Fleet {
    fn new(seed: u64, clock: ManualClock, net: Net, faulty: bool, forgets: bool) -> Result<Self, String> {
        let hub_disk = SimDisk::new(seed * 8 + 7, None);
        let hub = if forgets { hub::open(&clock, &hub_disk)? } else { hub::in_memory(&clock)? };
        for name in HUBS {
            let subjects = [format!("{}.>", name.to_lowercase()), format!("$HW.{name}.>")];
            let config = StreamConfig { durability: Durability::Os, ..StreamConfig::new(name, subjects) };
            net.put(hub.create_stream(config).wait().map_err(told)?);
        }
        let own = StreamConfig { durability: Durability::Os, ..StreamConfig::new(OWN, ["own.>"]) };
        net.put(hub.create_stream(own).wait().map_err(told)?);
        let edges =
            (0..EDGES as u64).map(|n| Edge { disk: SimDisk::new(seed * 8 + n, None), engine: None, backup: None });
        let random = Random::new(seed ^ 0x0f1e_e700);
        let edges = edges.collect();
        let (sent, homes, lost) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Ok(Fleet { seed, random, clock, net, hub, hub_disk, forgets, edges, sent, homes, lost, numbers: 0, faulty })
    }

    /// Opens an edge, and joins it to the hubs: each edge to the first, those with an odd number to the second as well,
    /// with a filter that a seed in two sets.
    fn open(&mut self, at: usize) -> Result<bool, String> {
        let (filters_y, state_alone, durability) = (self.filters_y(), self.state_alone(), self.durability());
        let edge = &mut self.edges[at];
        let options = EngineOptions {
            clock: Arc::new(self.clock.clone()),
            disk: Arc::new(edge.disk.clone()),
            worker: false,
            ..EngineOptions::default()
        };
        let opened = Engine::open_with("/edge", options).and_then(|engine| {
            let config = StreamConfig { segment_bytes: 64 << 10, durability, ..StreamConfig::new("s", ["s.>"]) };
            engine.create_stream(config).wait()?;
            for (n, hub) in HUBS.iter().enumerate().take(1 + at % 2) {
                let map = headwater::SubjectMap { local: "s".to_owned(), remote: hub.to_lowercase() };
                let filters = if n == 1 && filters_y { vec!["s.a".to_owned()] } else { Vec::new() };
                let catch_up = if at == 0 && state_alone { CatchUp::Latest } else { CatchUp::History };
                let config = LinkConfig { map: vec![map], filters, catch_up, ..LinkConfig::new(*hub, "s", *hub) };
                engine.add_link_to(config, self.net.stream(hub))?;
            }
            if at + 1 == EDGES {
                let map = headwater::SubjectMap { local: "s".to_owned(), remote: "own".to_owned() };
                let config = LinkConfig {
                    direction: Direction::Push,
                    exclusive: true,
                    on_reset: OnReset::Resend,
                    map: vec![map],
                    ..LinkConfig::new("own", "s", OWN)
                };
                engine.add_link_to(config, self.net.stream(OWN))?;
            }
            Ok(engine)
        });
        match opened {
            Ok(engine) => {
                edge.engine = Some(engine);
                Ok(true)
            }
            Err(_) if edge.disk.is_off() => {
                edge.disk.restart();
                Ok(false)
            }
            Err(error) if error.is_disk_full() => {
                edge.disk.set_room(u64::MAX);
                Ok(false)
            }
            Err(error) => Err(told(error)),
        }
    }

    /// Whether the links to the second hub carry some subjects alone.
    fn filters_y(&self) -> bool {
        self.seed.is_multiple_of(2)
    }

    /// Whether the first edge catches up with the newest record of each subject alone.
    fn state_alone(&self) -> bool {
        self.seed % 5 == 4 && !self.forgets
    }

    /// What the edges promise of a record that they acknowledge.
    fn durability(&self) -> Durability {
        match self.seed % 7 {
            _ if self.forgets => Durability::Fsync,
            2 => Durability::Os,
            3 => Durability::Interval,
            _ => Durability::Fsync,
        }
    }

    fn crash(&mut self, at: usize) {
        // What was on its way goes with the process; the disk keeps what it must.
        let edge = &mut self.edges[at];
        if !edge.disk.is_off() {
            edge.disk.cut_after(0);
        }
        drop(edge.engine.take());
        edge.disk.restart();
    }

    /// The process ends, and the system and its disk do not.
    fn kill(&mut self, at: usize) {
        let edge = &mut self.edges[at];
        if edge.disk.is_off() {
            return self.crash(at);
        }
        edge.disk.kill(edge.engine.take());
    }

    /// Goes back to a backup. What the edge appended since may be lost, where no link has carried it away.
    fn restore(&mut self, at: usize) {
        self.crash(at);
        let Some((image, numbers)) = &self.edges[at].backup else { return };
        self.edges[at].disk.put_back(image);
        let own = format!("e{at}-");
        for (payload, acked) in &mut self.sent {
            if payload.strip_prefix(&own).and_then(|n| n.parse().ok()).is_some_and(|n: u64| n > *numbers) {
                *acked = false;
            }
        }
    }

    fn append(&mut self, at: usize) {
        self.numbers += 1;
        let payload = format!("e{at}-{}", self.numbers);
        let subject = if self.random.once_in(2) { "s.a" } else { "s.b" };
        let acked = self.edges[at].engine.as_ref().is_some_and(|engine| {
            let appended = engine.stream("s").and_then({
                let payload = payload.clone();
                move |s| s.append(&Append::new(subject, payload.as_bytes()))
            });
            appended.wait().is_ok()
        });
        // A power cut may take what was not synced.
        self.sent.insert(payload, acked && self.durability() == Durability::Fsync);
    }

    /// Everything works until nothing is due at this time.
    fn settle(&mut self) {
        self.net.step();
        for at in 0..EDGES {
            if self.edges[at].disk.is_off() {
                self.crash(at);
            }
            if let Some(engine) = &self.edges[at].engine {
                engine.step();
            }
        }
        self.hub.step();
    }

    fn run(&mut self) -> Result<(), String> {
        for at in 0..EDGES {
            self.open(at)?;
        }
        for _ in 0..self.random.below(STEPS_MAX) + 20 {
            let at = self.random.below(EDGES as u64) as usize;
            match self.random.below(40) {
                0 => self.crash(at),
                1 => self.edges[at].disk.cut_after(self.random.below(60)),
                2 => self.net.cut_for(self.random.below(200_000_000_000)),
                26 => self.edges[at].backup = Some((self.edges[at].disk.image(), self.numbers)),
                27 if !self.forgets && self.random.once_in(3) => self.restore(at),
                28 => self.edges[at].disk.set_room(self.random.below(30_000)),
                29 | 30 => self.edges[at].disk.set_room(u64::MAX),
                31 => {
                    let room = 1 + self.random.below(20);
                    self.limit(HUBS[at % 2], Some(room))?;
                }
                32 | 33 => self.limit(HUBS[at % 2], None)?,
                34 => self.kill(at),
                35 if self.forgets => self.crash_hub()?,
                3..8 => self.append_at_hub(),
                8..26 => self.append(at),
                _ => {}
            }
            if self.edges[at].engine.is_none() {
                self.open(at)?;
            }
            self.settle();
            let most = if self.random.once_in(10) { 5_000_000_000 } else { 10_000_000 };
            let step = self.random.below(most);
            self.clock.advance(Duration::from_nanos(step + 1));
        }
        self.net.calm_down();
        for name in HUBS {
            self.limit(name, None)?;
        }
        for at in 0..EDGES {
            self.edges[at].disk.set_room(u64::MAX);
            self.crash(at);
            while !self.open(at)? {}
        }
        let mut last = String::new();
        for step in 0..CALM_STEPS_MAX {
            self.settle();
            if step % 100 == 0 {
                match self.check() {
                    Ok(()) if step > 400 => return Ok(()),
                    Ok(()) => {}
                    // More of it never comes to less.
                    Err(what) if what.starts_with("twice") => return Err(what),
                    Err(what) => last = what,
                }
            }
            let next = self.net.next().map_or(0, |at| at.saturating_sub(self.clock.now()));
            self.clock.advance(Duration::from_nanos(next.clamp(1_000_000, 100_000_000)));
            if self.faulty && step > 4000 {
                break;
            }
        }
        Err(last)
    }
}
