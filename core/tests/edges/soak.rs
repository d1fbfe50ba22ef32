//! Everything at once, at random: edges and servers that are killed and started again, connections that are cut, held
//! up, doubled and delivered late, while all of them write. Faults that are planted are found.
//!
//! `a` and `b` are linked to a hub of one server or three, `s` to that hub and to the server of a site, `c` to the site
//! alone; with some seeds `a` is linked to the site too, which closes a circle. After each round each side holds the
//! same: every acknowledged record once, each writer's in order.

use std::collections::BTreeMap;
use std::net::Shutdown;
use std::time::{Duration, Instant};

use headwater::{
    Append, Clock, Engine, EngineOptions, ErrorKind, ManualClock, ReadOptions, Result, Stream, SystemClock,
};

use crate::cluster::{Cluster, DUPLICATE_WINDOW};
use crate::process::Process;
use crate::proxy::Proxy;
use crate::world::{PATIENCE, numbers, read_payloads};

/// How often each thing was done, for the report.
type Counts = BTreeMap<String, u64>;

#[test]
fn what_is_killed_cut_and_held_up_at_random_loses_and_doubles_nothing() {
    for seed in [1, 3] {
        World::start(seed).rounds(2, Instant::now() + Duration::from_secs(10), &mut Counts::new());
    }
}

/// What is done wrong on purpose, to see that it is found.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The servers hear no condition, so what is delivered late or twice lands.
    NoConditions,
    /// The hub loses a record.
    Lost,
}

#[test]
fn faults_that_are_planted_are_found() {
    for fault in [Fault::NoConditions, Fault::Lost] {
        let found = (10..10 + SEEDS_TO_FIND).find(|&seed| {
            let lives = move || {
                let mut world = World::start(seed);
                world.plant(fault);
                world.rounds(3, Instant::now() + Duration::from_secs(20), &mut Counts::new());
            };
            std::thread::spawn(lives).join().is_err()
        });
        println!("{fault:?} is found with seed {found:?}");
        assert!(found.is_some(), "{fault:?} was not found within {SEEDS_TO_FIND} seeds");
    }
}

/// A planted fault is found within so many seeds.
const SEEDS_TO_FIND: u64 = 3;

#[test]
#[ignore = "it takes SOAK_SECONDS, five minutes when that is not said: make soak"]
fn soak_edges_and_hubs() {
    let said = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    let first = said("SOAK_SEED").unwrap_or_else(|| SystemClock.random() >> 32);
    let (rounds, seconds) = (said("SOAK_ROUNDS").unwrap_or(6), said("SOAK_SECONDS").unwrap_or(300));
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut counts = Counts::new();
    for seed in first.. {
        World::start(seed).rounds(rounds, until, &mut counts);
        if Instant::now() >= until {
            break;
        }
    }
    println!("{counts:#?}");
}

/// Throws what the seed says.
struct Dice(ManualClock);

impl Dice {
    fn below(&self, bound: u64) -> u64 {
        self.0.random() % bound
    }

    fn pick<'a, T>(&self, of: &'a mut [T]) -> &'a mut T {
        let at = self.below(of.len() as u64);
        &mut of[at as usize]
    }

    fn pause(&self, ms: u64) {
        std::thread::sleep(Duration::from_millis(self.below(ms)));
    }
}

struct World {
    seed: u64,
    dice: Dice,
    /// The hub and the site.
    servers: [Cluster; 2],
    /// In front of each link of each edge.
    proxies: Vec<Proxy>,
    edges: Vec<Process>,
    /// Programs at the hub and at the site.
    programs: [Program; 2],
    /// The last number that was given out, over all writers.
    last: u64,
    loses: bool,
    /// How long the sides may take to agree.
    patience: Duration,
}

/// One that appends at a server, each time under the condition that it knows its own last record: what is held up can
/// then not pass what comes later.
struct Program {
    name: &'static str,
    stream: Option<Stream>,
    engine: Engine,
    last_seq: Option<u64>,
    acked: Vec<u64>,
}

impl Program {
    fn put(&mut self, number: u64) -> Result<()> {
        let stream = match &self.stream {
            Some(stream) => stream.clone(),
            None => self.stream.insert(self.engine.stream("ORDERS").wait()?).clone(),
        };
        let subject = format!("orders.{}", self.name);
        let last = match self.last_seq.take() {
            Some(last) => last,
            None => stream.last_seq(&subject).wait()?,
        };
        let payload = format!("{}-{number}", self.name);
        let append = Append::new(&subject, payload.as_bytes()).expect_subject_last_seq(last);
        self.last_seq = Some(stream.append(&append).wait()?.seq);
        self.acked.push(number);
        Ok(())
    }
}

impl World {
    fn start(seed: u64) -> Self {
        let dice = Dice(ManualClock::new(0, seed));
        let (replicas, circle) = (if seed.is_multiple_of(3) { 3 } else { 1 }, dice.below(2) == 0);
        println!("seed {seed}: a hub of {replicas}{}", if circle { ", a circle" } else { "" });
        let servers = [Cluster::start(replicas), Cluster::start(1)];
        let mut proxies = Vec::new();
        let mut edge = |name: &str, to: &[usize], years: i64| {
            let at = proxies.len();
            proxies.extend(to.iter().map(|&server| Proxy::to(&servers[server].ports())));
            Process::start(name, proxies[at..].iter().map(Proxy::url).collect(), years)
        };
        let edges = vec![
            edge("a", if circle { &[0, 1] } else { &[0] }, 10),
            edge("b", &[0], -10),
            edge("s", &[0, 1], 0),
            edge("c", &[1], 0),
        ];
        let program = |name, server: usize| {
            let engine = servers[server].connect();
            Program { name, stream: None, engine, last_seq: None, acked: Vec::new() }
        };
        let programs = [program("h", 0), program("t", 1)];
        World { seed, dice, proxies, edges, programs, servers, last: 0, loses: false, patience: 2 * PATIENCE }
    }

    /// Does something wrong from now on.
    fn plant(&mut self, fault: Fault) {
        match fault {
            Fault::NoConditions => self.proxies.iter().for_each(|proxy| {
                proxy.unfence();
                proxy.double(2 * DUPLICATE_WINDOW.as_millis() as u64);
                proxy.drop_all(Shutdown::Both);
            }),
            Fault::Lost => (self.loses, self.patience) = (true, Duration::from_secs(5)),
        }
    }

    /// The hub forgets a record.
    fn lose(&mut self) {
        let orders = self.programs[0].engine.stream("ORDERS").wait();
        let gone = orders.and_then(|orders| {
            let batch = orders.read(&ReadOptions::default().max_records(100)).wait()?;
            let seq = batch.iter().find(|r| !r.subject.starts_with("$HW")).map_or(0, |r| r.seq);
            orders.delete(seq).wait().map(|is_gone| (seq, is_gone))
        });
        println!("seed {}: a record is lost: {gone:?}", self.seed);
    }

    /// So many rounds, or until it is time.
    fn rounds(mut self, rounds: u64, until: Instant, counts: &mut Counts) {
        for round in 0..rounds {
            for _ in 0..10 + self.dice.below(20) {
                let what = self.step();
                *counts.entry(what.to_owned()).or_default() += 1;
                self.dice.pause(200);
            }
            let began = Instant::now();
            self.heal();
            if self.loses {
                self.lose();
            }
            let records = self.agree(round);
            println!("seed {}, round {round}: {records} records on each side, {:?}", self.seed, began.elapsed());
            *counts.entry("rounds".to_owned()).or_default() += 1;
            if round + 1 == rounds || Instant::now() >= until {
                // What is late would come now.
                std::thread::sleep(3 * DUPLICATE_WINDOW);
                assert_eq!(self.agree(round), records, "seed {}: something came late", self.seed);
                assert!(records > 0, "seed {}: nothing was written, so nothing was proven", self.seed);
                *counts.entry("records".to_owned()).or_default() += records as u64;
                return;
            }
        }
    }

    /// Something happens.
    fn step(&mut self) -> &'static str {
        match self.dice.below(21) {
            0..9 => {
                let edge = self.dice.pick(&mut self.edges);
                let count = 1 + self.dice.below(400);
                edge.put(self.last..self.last + count);
                self.last += count;
                "an edge writes"
            }
            9 => {
                let program = self.dice.pick(&mut self.programs);
                for _ in 0..=self.dice.below(20) {
                    self.last += 1;
                    match program.put(self.last) {
                        Ok(()) => {}
                        Err(error) if error.kind() == ErrorKind::Conflict => {}
                        Err(_) => break,
                    }
                }
                "a program writes at a server"
            }
            10..13 => {
                let edge = self.dice.pick(&mut self.edges);
                if edge.is_up() {
                    edge.kill();
                    return "an edge is killed";
                }
                edge.again();
                "an edge starts"
            }
            13..15 => match self.servers[0].kill_or_start() {
                "starts" => "the hub starts",
                _ => "the hub is killed",
            },
            15 => match self.servers[1].kill_or_start() {
                "starts" => "the site starts",
                _ => "the site is killed",
            },
            16 => {
                let how = *self.dice.pick(&mut [Shutdown::Both, Shutdown::Read, Shutdown::Write]);
                self.dice.pick(&mut self.proxies).drop_all(how);
                "a connection is dropped"
            }
            17 => {
                let ms = self.dice.below(40);
                self.dice.pick(&mut self.proxies).delay_ms(ms);
                "a connection is slow"
            }
            18 => {
                let proxy = self.dice.pick(&mut self.proxies);
                proxy.cut();
                std::thread::sleep(DUPLICATE_WINDOW.mul_f64(1.5));
                proxy.heal();
                "a cut is longer than the window"
            }
            19 => {
                let ms = DUPLICATE_WINDOW.as_millis() as u64 * self.dice.below(3);
                let proxy = self.dice.pick(&mut self.proxies);
                proxy.double(ms);
                proxy.drop_all(Shutdown::Both);
                "connections are doubled, or no longer"
            }
            _ => self.hold_up(),
        }
    }

    /// What an edge pushes is on its way for longer than the window, and its connection is cut meanwhile.
    fn hold_up(&mut self) -> &'static str {
        let proxy = self.dice.pick(&mut self.proxies);
        proxy.delay_ms(DUPLICATE_WINDOW.as_millis() as u64 * 2);
        for edge in &mut self.edges {
            edge.put(self.last..self.last + 20);
            self.last += 20;
        }
        self.dice.pause(300);
        proxy.delay_ms(0);
        proxy.strand();
        "a push is held up and delivered late"
    }

    fn heal(&mut self) {
        for proxy in &self.proxies {
            proxy.delay_ms(0);
        }
        self.servers.iter_mut().for_each(Cluster::heal);
        self.edges.iter_mut().filter(|edge| !edge.is_up()).for_each(Process::again);
        self.edges.iter_mut().for_each(Process::settle);
    }

    /// Waits until all sides hold the same, and says how many records that are.
    fn agree(&mut self, round: u64) -> usize {
        let began = Instant::now();
        let mut acked: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        acked.extend(self.edges.iter().map(|edge| (edge.name.as_str(), edge.acked())));
        acked.extend(self.programs.iter().map(|program| (program.name, program.acked.clone())));
        loop {
            let sides = self.sides();
            let first = &sides[0].1;
            let has = |(writer, acked): (&&str, &Vec<u64>)| {
                let there = first.get(*writer).map_or(&[][..], Vec::as_slice);
                acked.iter().all(|number| there.binary_search(number).is_ok())
            };
            if sides.iter().all(|(_, side)| side == first) && acked.iter().all(has) {
                return first.values().map(Vec::len).sum();
            }
            if began.elapsed() > self.patience {
                self.tell(round, &acked, &sides);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What each side holds of each writer; one that cannot be read holds nothing.
    fn sides(&self) -> Vec<(String, BTreeMap<String, Vec<u64>>)> {
        let edge = |edge: &Process| {
            let engine = Engine::open_with(edge.dir.path(), EngineOptions::read_only())?;
            read_payloads(&engine.stream("orders").wait()?)
        };
        let edges = self.edges.iter().map(|process| (process.name.clone(), edge(process)));
        let server = |program: &Program| read_payloads(&program.engine.stream("ORDERS").wait()?);
        let servers = self.programs.iter().map(|program| (format!("the server of {}", program.name), server(program)));
        let numbers = |(name, there): (String, Result<Vec<String>>)| {
            let what = format!("seed {}: {name}", self.seed);
            let numbers = numbers(&what, &there.unwrap_or_default());
            (name, numbers)
        };
        edges.chain(servers).map(numbers).collect()
    }

    /// Fails, with what is missing where.
    fn tell(&self, round: u64, acked: &BTreeMap<&str, Vec<u64>>, sides: &[(String, BTreeMap<String, Vec<u64>>)]) -> ! {
        for (name, side) in sides {
            for (writer, acked) in acked {
                let there = side.get(*writer).map_or(&[][..], Vec::as_slice);
                let lost: Vec<_> = acked.iter().filter(|number| there.binary_search(number).is_err()).collect();
                println!("{name} holds {} of {writer}; acknowledged and not there: {lost:?}", there.len());
            }
        }
        panic!("seed {}, round {round}: the sides do not agree", self.seed);
    }
}
