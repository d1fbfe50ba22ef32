//! What nodes send. Fifteen of them, beside classic propagation of deltas: each node passes on to four neighbours, with
//! what it did itself, whatever group of deltas had something new for it (Almeida, Shoker and Baquero 2018; the
//! topology of Enes et al., "Efficient synchronization of state-based CRDTs", 2019). And two, of which one has to be
//! repaired.

use std::time::Duration;

use super::world::World;
use crate::crdt::{Applied, Change, Fragment, Kind, Op, Replica, Value};
use crate::mesh::session::RECORDS_AGAIN;
use crate::origin::Writer;

const NODES: usize = 15;
const TICKS: usize = 40;
const TICK: Duration = Duration::from_secs(1);
const KEYS: usize = 100_000;
const DIFFERENT: usize = 100;
/// A hundredth of what the digests of ten times as many keys are would be 160,000: two more ranges to look at for each.
const REPAIR_BYTES_MAX: usize = 100_000;

/// What a node does in a tick, as changes of keys.
type Work = fn(node: usize, tick: usize) -> Vec<(String, Kind, i64)>;

fn set(node: usize, tick: usize) -> Vec<(String, Kind, i64)> {
    vec![("set".into(), Kind::Set, (tick * NODES + node) as i64)]
}

/// All nodes together change a tenth of a thousand keys in a tick.
fn map(node: usize, tick: usize) -> Vec<(String, Kind, i64)> {
    let key = |number: usize| format!("key{}", (node * 67 + tick * 101 + number * 149) % 1_000);
    (0..100 / NODES).map(|number| (key(number), Kind::Register, tick as i64)).collect()
}

fn change<'a>(key: &'a str, kind: Kind, value: &'a Value) -> Change<'a> {
    let op = match kind {
        Kind::Set => Op::Insert { value, ttl_ms: None },
        _ => Op::Write { value, ttl_ms: None },
    };
    Change { path: key.into(), kind, op }
}

/// Bytes of all packets about stores.
fn ours(work: Work) -> usize {
    let mut world = World::new(NODES, 7);
    world.run(10 * TICK);
    world.bytes.clear();
    for tick in 0..TICKS {
        for node in 0..NODES {
            let made = work(node, tick);
            let values: Vec<Value> = made.iter().map(|(.., value)| Value::Int(*value)).collect();
            let changes: Vec<Change<'_>> =
                made.iter().zip(&values).map(|((key, kind, _), value)| change(key, *kind, value)).collect();
            world.store(node).transaction(&changes).wait().unwrap();
        }
        world.run(TICK);
    }
    world.assert_equal();
    world.bytes.iter().filter(|(kind, _)| **kind != "swim").map(|(_, bytes)| bytes).sum()
}

/// Bytes of all groups of deltas.
fn classic(work: Work) -> usize {
    let mut nodes: Vec<(Replica, Option<Fragment>)> =
        (0..NODES).map(|node| (Replica::new(Writer { engine: node as u64 + 1, epoch: 1 }), None)).collect();
    let join = |group: &mut Option<Fragment>, delta: Fragment| match group {
        Some(group) => group.join(delta).unwrap(),
        None => *group = Some(delta),
    };
    let mut bytes = 0;
    for tick in 0..TICKS + NODES {
        let now_ms = tick as u64 * 1_000;
        for (node, (replica, group)) in nodes.iter_mut().enumerate() {
            let made = if tick < TICKS { work(node, tick) } else { Vec::new() };
            for (key, kind, value) in &made {
                let value = Value::Int(*value);
                let Change { path, kind, op } = change(key, *kind, &value);
                replica.write(path, kind, &op, now_ms).unwrap();
            }
            if let Some(delta) = replica.take_delta() {
                join(group, delta);
            }
        }
        let groups: Vec<Option<Fragment>> = nodes.iter_mut().map(|(_, group)| group.take()).collect();
        for (node, group) in groups.into_iter().enumerate() {
            let Some(group) = group else { continue };
            let encoded = group.encode();
            for step in [1, 2, NODES - 1, NODES - 2] {
                bytes += encoded.len();
                let (replica, next) = &mut nodes[(node + step) % NODES];
                let before = replica.context();
                let applied = replica.apply(Fragment::decode(&encoded).unwrap(), now_ms).unwrap();
                assert!(matches!(applied, Applied::Changed(_)));
                if replica.context() != before {
                    join(next, group.clone());
                }
            }
        }
    }
    let first = nodes[0].0.context();
    assert!(nodes.iter().all(|(replica, _)| replica.context() == first), "all of it went round");
    bytes
}

#[test]
fn fifteen_nodes_send_a_fraction_of_what_classic_propagation_does() {
    for (what, work) in [("a growing set", set as Work), ("a map of which a tenth changes", map)] {
        let (ours, classic) = (ours(work), classic(work));
        println!("{what}: {ours} bytes, classic {classic}: 1/{:.1}", classic as f64 / ours as f64);
        assert!(ours * 10 <= classic, "{what}: {ours} bytes, where classic propagation sends {classic}");
    }
}

/// One more in each of these counters, in transactions of a thousand.
fn count(world: &World, place: usize, numbers: impl Iterator<Item = usize>) {
    let keys: Vec<String> = numbers.map(|number| format!("key{number}")).collect();
    for some in keys.chunks(1_000) {
        let one = |key| Change { path: crate::crdt::Path::from(key), kind: Kind::Counter, op: Op::Add(1) };
        let changes: Vec<Change<'_>> = some.iter().map(String::as_str).map(one).collect();
        world.store(place).transaction(&changes).wait().unwrap();
    }
}

#[test]
fn a_repair_of_a_hundred_thousand_keys_sends_what_differs() {
    for again in [0, RECORDS_AGAIN] {
        let mut world = World::new(2, 5);
        world.is_lazy = true;
        world.again = again;
        world.start_again();
        world.stop(1);
        count(&world, 0, 0..KEYS);
        world.start(1);
        world.run(40 * TICK);
        world.assert_equal();
        world.stop(0);
        world.start(0);
        world.cut(0, 1);
        count(&world, 0, (0..KEYS).step_by(KEYS / DIFFERENT));
        world.stop(0);
        world.start(0);
        world.bytes.clear();
        world.cut.clear();
        world.run(TICKS as u32 * TICK);
        world.assert_equal();
        let bytes: usize = world.bytes.iter().filter(|(kind, _)| **kind != "swim").map(|(_, bytes)| bytes).sum();
        assert!(bytes <= REPAIR_BYTES_MAX, "{bytes} bytes: {:?}", world.bytes);
    }
}
