//! A random world from one seed: writes, connections that break, halves that do not reach each other, nodes that are
//! killed, wiped and put back to old copies. At the end all are there and equal, and counters have what was counted.
//! `HEADWATER_MESH_SEED` runs one seed, `HEADWATER_MESH_SEEDS` so many of them.

use std::time::Duration;

use super::world::World;
use crate::clock::{Clock, ManualClock};
use crate::crdt::{CrdtStore, Kind, Op, Value};
use crate::mesh::faults::{Fault, plant};

/// Within so many seeds every planted fault is found.
const FAULT_SEEDS: u64 = 1_100;

struct Random(ManualClock);

impl Random {
    fn below(&self, bound: u64) -> u64 {
        self.0.random() % bound
    }
}

fn write(store: &CrdtStore, random: &Random) -> i64 {
    let key = format!("k{}", random.below(12));
    let value = Value::Int(random.below(6) as i64);
    let (kind, op) = match random.below(8) {
        0..=2 => {
            let amount = 1 + random.below(9) as i64;
            store.write("sum", Kind::Counter, &Op::Add(amount)).wait().unwrap();
            return amount;
        }
        3 | 4 => (Kind::Set, Op::Insert { value: &value, ttl_ms: None }),
        5 => (Kind::Set, Op::Remove(&value)),
        6 => (Kind::Register, Op::Write { value: &value, ttl_ms: None }),
        _ => (Kind::RemoveWinsSet, Op::Insert { value: &value, ttl_ms: None }),
    };
    let key = format!("{key}-{}", kind.name());
    store.write(key.as_str(), kind, &op).wait().unwrap();
    0
}

/// Runs a seed.
fn run(seed: u64) {
    let random = Random(ManualClock::new(0, seed));
    let count = 2 + random.below(4) as usize;
    let mut world = World::new(count, seed);
    world.again = if seed.is_multiple_of(5) { 256 } else { 0 };
    world.snapshot_records = if random.below(2) == 0 { 20 } else { 0 };
    world.start_again();
    world.delay = Duration::from_millis(random.below(80));
    let (mut sum, mut copies) = (0, vec![None; count]);
    // What only a node that is wiped or put back had is gone, and then nobody can tell the sum.
    let is_lossy = random.below(3) == 0;
    for _ in 0..40 + random.below(60) {
        let (place, other) = (random.below(count as u64) as usize, random.below(count as u64) as usize);
        let is_there = world.nodes[place].running.is_some();
        match random.below(20) {
            0..=9 if is_there => sum += write(world.store(place), &random),
            10..=12 => world.run(Duration::from_millis(random.below(3_000))),
            13 if place != other => world.cut(place, other),
            14 => world.cut.clear(),
            15 if place != other => world.hang_up(place, other),
            16 if is_there => world.stop(place),
            17 if !is_there => world.start(place),
            18 if is_lossy && !is_there => {
                copies[place] = Some(world.copy_of_disk(place));
            }
            19 if is_lossy && !is_there => {
                // Where there is no copy, what was there is gone.
                world.nodes[place].disk = copies[place].take().unwrap_or_default();
            }
            _ => world.run(Duration::from_millis(random.below(300))),
        }
    }
    world.cut.clear();
    for place in 0..count {
        if world.nodes[place].running.is_none() {
            world.start(place);
        }
    }
    world.run(Duration::from_secs(180));
    world.assert_equal();
    if !is_lossy {
        let read = world.dump(0).into_iter().find(|(key, ..)| key == "sum").map_or("0".to_owned(), |(.., json)| json);
        assert_eq!(read, sum.to_string());
    }
}

/// A repair compared a key before a third node's addition came, and the peer had seen that one removed.
#[test]
fn what_comes_from_others_during_a_repair_is_looked_at_again() {
    run(1_039);
}

/// The first of some seeds at which a planted fault shows.
fn first_failure(fault: Fault) -> Option<u64> {
    plant(Some(fault));
    let failed = (0..FAULT_SEEDS).find(|&seed| std::panic::catch_unwind(|| run(seed)).is_err());
    plant(None);
    failed
}

#[test]
fn every_planted_fault_is_found() {
    let found = Fault::ALL.map(|fault| (fault, first_failure(fault)));
    for (fault, seed) in found {
        println!("{fault:?}: seed {seed:?}");
    }
    assert!(found.iter().all(|(_, seed)| seed.is_some()), "{found:?}");
}

#[test]
fn every_world_ends_equal() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match (number("HEADWATER_MESH_SEED"), number("HEADWATER_MESH_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, count) => 0..count.unwrap_or(40),
    };
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| run(seed));
        assert!(outcome.is_ok(), "seed {seed}: HEADWATER_MESH_SEED={seed} replays it");
    }
}
