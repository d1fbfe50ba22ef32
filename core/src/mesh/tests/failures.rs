//! What once went wrong between nodes of systems of this kind. The numbers are those of `crdt/tests/failures.rs`.

use std::time::Duration;

use super::world::World;
use crate::clock::Clock;
use crate::crdt::{CrdtConfig, Kind, Op, Path, Reading, Value};
use crate::member::MemberState;
use crate::mesh::faults::{Fault, plant};

const SECOND: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(100);

fn unacked(world: &World, at: usize, of: &str) -> u64 {
    let status = world.running(at).core.status();
    let member = status.members.iter().find(|member| member.name == of).unwrap();
    member.stores.iter().find(|store| store.store == "app").unwrap().unacked
}

fn is_gone(world: &World, at: usize, of: usize) -> bool {
    matches!(world.state(at, of), Some(MemberState::Down | MemberState::Left))
}

/// Failure 7: only concurrent versions were repaired, so a node that had less and nothing of its own stayed behind.
#[test]
fn a_node_that_is_merely_behind_is_repaired() {
    let mut world = World::new(2, 71);
    world.run(5 * SECOND);
    world.cut(0, 1);
    (0..50).for_each(|number| world.add(0, &format!("key{number}"), 1));
    // Nobody remembers how far the other one was.
    world.stop(0);
    world.start(0);
    world.cut.clear();
    world.run(30 * SECOND);
    world.assert_equal();
    assert!(world.bytes.contains_key("keys"), "it was repaired: {:?}", world.bytes);
}

/// Failure 8: the first delta of a key that a receiver did not have was an error, and was lost.
#[test]
fn the_first_delta_of_an_unknown_store_makes_it() {
    let mut world = World::new(2, 81);
    world.again = 256;
    world.start_again();
    world.run(5 * SECOND);
    let store = world.running(0).engine.crdt(CrdtConfig { name: "new".into(), ..CrdtConfig::default() }).unwrap();
    store.write("likes", Kind::Counter, &Op::Add(5)).wait().unwrap();
    world.run(SECOND);
    let there = world.running(1).engine.open_crdt("new").unwrap();
    assert_eq!(there.read("likes", Kind::Counter).unwrap(), Reading::Number(5));
    assert_eq!(world.running(1).core.status().faults, 0);
}

/// Failure 9: deltas were acknowledged by the receiver's clock, so that some were that it never saw, and the oldest of
/// a hundred that were not went from the buffer.
#[test]
fn only_what_arrived_is_acknowledged_and_the_rest_is_sent_again() {
    let mut world = World::new(2, 91);
    world.run(5 * SECOND);
    world.delay = Duration::from_millis(50);
    (0..500).for_each(|_| world.add(0, "likes", 1));
    world.run(Duration::from_millis(10));
    // What is on its way is lost, and what the other one says later is of a later time.
    world.hang_up(0, 1);
    world.add(1, "seen", 1);
    world.run(Duration::from_millis(10));
    assert_eq!(unacked(&world, 0, "n1"), 500);
    world.run(10 * SECOND);
    world.assert_equal();
    assert_eq!(world.dump(1)[0].2, "500");
    assert_eq!(unacked(&world, 0, "n1"), 0);
    assert_eq!(world.bytes.get("compare"), None, "all of it came from the log: {:?}", world.bytes);
}

/// Failure 10: news was made of members that are alive alone, so nobody heard from others who is gone.
#[test]
fn who_is_gone_is_heard_from_others() {
    let mut world = World::new(10, 101);
    world.run(10 * SECOND);
    world.stop(9);
    let gone = |world: &World| (0..9).filter(|&at| is_gone(world, at, 9)).count();
    for _ in 0..200 {
        if gone(&world) > 0 {
            break;
        }
        world.run(STEP);
    }
    assert!(gone(&world) > 0, "somebody finds it out");
    // Each by itself would take up to as many seconds as there are nodes.
    world.run(SECOND);
    assert_eq!(gone(&world), 9);
}

/// Failure 10, of one that goes on purpose and says so to somebody else.
#[test]
fn who_leaves_is_heard_of_from_others() {
    let mut world = World::new(4, 102);
    world.run(5 * SECOND);
    world.cut(0, 2);
    let now = world.time.now();
    world.nodes[2].running.as_mut().unwrap().core.leave(now);
    world.run(Duration::from_millis(10));
    world.stop(2);
    world.run(SECOND);
    assert!(is_gone(&world, 0, 2), "{:?}", world.state(0, 2));
}

/// Failure 10: one call that failed was a suspicion, as nobody else was asked.
#[test]
fn a_node_that_others_reach_is_not_given_up() {
    let mut world = World::new(5, 103);
    world.run(5 * SECOND);
    world.cut(0, 1);
    for _ in 0..600 {
        world.run(STEP);
        assert!(!is_gone(&world, 0, 1) && !is_gone(&world, 1, 0));
    }
    world.add(0, "likes", 1);
    world.run(SECOND);
    world.cut.clear();
    world.run(30 * SECOND);
    world.assert_equal();
}

/// Failure 17: repair asked for ranges of sequences, which nobody had any more once they were out of the buffer.
#[test]
fn what_the_log_has_no_more_is_repaired_from_the_state() {
    let mut world = World::new(2, 171);
    world.snapshot_records = 10;
    world.start_again();
    world.run(5 * SECOND);
    world.cut(0, 1);
    (0..100).for_each(|number| world.add(0, &format!("key{}", number % 5), 1));
    let log = world.store(0).stream().info().wait().unwrap();
    assert!(log.first_seq > 50, "the log was purged: {log:?}");
    world.cut.clear();
    world.run(30 * SECOND);
    world.assert_equal();
}

/// What was removed where it had not been applied stays gone at who learns of it in a repair, and hears of the addition
/// last: nodes 0 and 1 add and remove, 2 has the removal alone, and 3 is repaired from 2.
fn elements_after_a_late_addition() -> Vec<Value> {
    let mut world = World::new(4, 111);
    world.run(10 * SECOND);
    for (a, b) in [(0, 2), (0, 3), (1, 3), (2, 3)] {
        world.cut(a, b);
    }
    let (key, value) = (Path::from("tags"), Value::from("x"));
    world.store(0).write(key, Kind::Set, &Op::Insert { value: &value, ttl_ms: None }).wait().unwrap();
    world.run(STEP);
    world.store(1).write(key, Kind::Set, &Op::Remove(&value)).wait().unwrap();
    world.run(STEP);
    world.stop(1);
    let removal = world.store(2).context().unwrap();
    assert!(removal.count() == 1, "the removal alone is there: {removal:?}");
    world.cut.remove(&(2, 3));
    world.run(5 * SECOND);
    assert_eq!(world.store(3).context().unwrap(), removal, "it was repaired");
    world.stop(2);
    world.cut.clear();
    world.run(10 * SECOND);
    assert_eq!(world.store(3).context().unwrap().count(), 2, "it has both");
    let Reading::Values(values) = world.store(3).read(key, Kind::Set).unwrap() else { unreachable!() };
    values
}

#[test]
fn what_was_removed_before_it_came_stays_gone_after_a_repair() {
    assert!(elements_after_a_late_addition().is_empty());
    plant(Some(Fault::RemovedUntold));
    let with_fault = elements_after_a_late_addition();
    plant(None);
    assert_eq!(with_fault, [Value::from("x")], "nothing was tested");
}
