//! What nodes of a mesh do for each other, case by case.

use std::time::Duration;

use super::world::World;
use crate::crdt::{CrdtConfig, Kind, Op, Reading, Value};
use crate::member::MemberState;

const SECOND: Duration = Duration::from_secs(1);

fn insert(world: &World, place: usize, key: &str, value: i64) {
    let value = Value::Int(value);
    world.store(place).write(key, Kind::Set, &Op::Insert { value: &value, ttl_ms: None }).wait().unwrap();
}

fn remove(world: &World, place: usize, key: &str, value: i64) {
    world.store(place).write(key, Kind::Set, &Op::Remove(&Value::Int(value))).wait().unwrap();
}

#[test]
fn nodes_find_each_other_by_one_seed_and_share_what_is_written() {
    let mut world = World::new(5, 1);
    world.run(5 * SECOND);
    for (at, of) in (0..5).flat_map(|at| (0..5).map(move |of| (at, of))).filter(|(at, of)| at != of) {
        assert_eq!(world.state(at, of), Some(MemberState::Alive), "n{of} at n{at}");
    }
    (0..5).for_each(|place| world.add(place, "likes", place as i64 + 1));
    insert(&world, 2, "tags", 7);
    world.run(Duration::from_millis(10));
    world.assert_equal();
    assert_eq!(world.dump(0)[0].2, "15");
    assert_eq!(world.bytes.get("compare"), None, "nothing was missing");
}

#[test]
fn two_halves_that_worked_apart_are_equal_when_they_meet_again() {
    let mut world = World::new(4, 2);
    (0..20).for_each(|value| insert(&world, 0, "tags", value));
    world.run(5 * SECOND);
    world.assert_equal();
    for (a, b) in [(0, 2), (0, 3), (1, 2), (1, 3)] {
        world.cut(a, b);
    }
    world.run(20 * SECOND);
    assert_eq!(world.state(0, 3), Some(MemberState::Down));
    for (place, amount) in [(0, 1), (1, 10), (2, 100), (3, 1_000)] {
        world.add(place, "likes", amount);
        remove(&world, place, "tags", place as i64);
    }
    insert(&world, 3, "tags", 0);
    world.run(20 * SECOND);
    assert_ne!(world.dump(0), world.dump(3));
    world.cut.clear();
    world.run(60 * SECOND);
    world.assert_equal();
    assert_eq!(world.dump(0)[0].2, "1111");
    assert!(!world.dump(0)[1].2.contains('3'.to_string().as_str()) || !world.dump(0)[1].2.contains(",3,"));
    assert_eq!(world.state(0, 3), Some(MemberState::Alive));
}

#[test]
fn a_node_that_joins_late_or_lost_its_disk_gets_all() {
    let mut world = World::new(3, 3);
    world.stop(2);
    for number in 0..300 {
        world.add(number % 2, &format!("key{number}"), 1);
    }
    world.run(5 * SECOND);
    world.start(2);
    world.run(30 * SECOND);
    world.assert_equal();
    world.stop(1);
    world.nodes[1].disk = crate::disk::MemDisk::default();
    world.start(1);
    world.add(1, "new", 1);
    world.run(30 * SECOND);
    world.assert_equal();
}

/// Who learned of a removal before what was removed says so to whom it repairs: that may be heard of elsewhere.
#[test]
fn what_was_removed_before_it_was_seen_stays_removed_for_those_who_are_repaired() {
    let mut world = World::new(4, 8);
    world.run(5 * SECOND);
    let [a, b, c, e] = [0, 1, 2, 3];
    for (one, other) in [(a, c), (a, e), (b, e), (c, e)] {
        world.cut(one, other);
    }
    insert(&world, a, "tags", 1);
    world.run(Duration::from_millis(10));
    world.cut(a, b);
    remove(&world, b, "tags", 1);
    world.run(Duration::from_millis(10));
    world.cut(b, c);
    world.stop(e);
    world.cut.remove(&(c, e));
    world.start(e);
    world.run(60 * SECOND);
    assert_eq!(world.store(e).context().unwrap(), world.store(c).context().unwrap());
    assert_eq!(world.store(e).context().unwrap().count(), 1, "the removal alone");
    world.cut(c, e);
    world.cut.remove(&(a, e));
    world.run(60 * SECOND);
    assert_eq!(world.store(e).context().unwrap(), world.store(a).context().unwrap());
    assert_eq!(world.store(e).context().unwrap().count(), 2, "both met nobody else");
    world.cut.clear();
    world.run(120 * SECOND);
    world.assert_equal();
    assert_eq!(world.dump(e), []);
}

#[test]
fn a_node_that_is_put_back_to_an_old_copy_gets_its_own_back() {
    let mut world = World::new(3, 4);
    world.run(5 * SECOND);
    world.add(1, "likes", 1);
    world.stop(1);
    let copy = world.copy_of_disk(1);
    world.start(1);
    world.add(1, "likes", 10);
    insert(&world, 1, "tags", 1);
    world.run(5 * SECOND);
    world.stop(1);
    world.nodes[1].disk = copy;
    world.start(1);
    world.add(1, "likes", 100);
    world.run(30 * SECOND);
    world.assert_equal();
    assert_eq!(world.dump(1)[0].2, "111");
}

#[test]
fn what_a_repair_costs_follows_what_differs() {
    let mut world = World::new(2, 5);
    for number in 0..3_000 {
        world.add(0, &format!("key{number}"), 1);
    }
    world.run(10 * SECOND);
    world.assert_equal();
    world.cut(0, 1);
    // The log does not reach back when they meet again.
    (0..5).for_each(|number| world.add(0, &format!("key{number}"), 1));
    world.stop(0);
    world.start(0);
    world.bytes.clear();
    world.cut.clear();
    world.run(30 * SECOND);
    world.assert_equal();
    let cost: usize = ["compare", "differ", "want", "keys"].iter().filter_map(|kind| world.bytes.get(kind)).sum();
    let all = 3_000 * 16;
    assert!(cost > 0 && cost < all / 10, "{cost} bytes, where all digests are {all}: {:?}", world.bytes);
    world.bytes.clear();
    world.run(60 * SECOND);
    assert_eq!(world.bytes.get("ask"), None, "equal stores say one digest: {:?}", world.bytes);
}

#[test]
fn who_leaves_is_told_from_who_is_gone() {
    let mut world = World::new(3, 6);
    world.run(5 * SECOND);
    let now = crate::clock::Clock::now(&world.time);
    world.nodes[2].running.as_mut().unwrap().core.leave(now);
    world.run(Duration::from_millis(10));
    world.stop(2);
    world.stop(1);
    world.run(30 * SECOND);
    assert_eq!(world.state(0, 2), Some(MemberState::Left));
    assert_eq!(world.state(0, 1), Some(MemberState::Down));
    world.start(2);
    world.start(1);
    world.run(60 * SECOND);
    assert_eq!(world.state(0, 2), Some(MemberState::Alive));
    assert_eq!(world.state(0, 1), Some(MemberState::Alive));
}

/// Keys that the handle of the node itself keeps: each is a replica of its own, and this is the one that forgets.
fn kept(world: &World, place: usize) -> usize {
    world.running(place).core.stores().next().unwrap().store.names().unwrap().len()
}

fn remove_all(world: &mut World, keys: usize) {
    for key in 0..keys {
        let key = format!("k{key}");
        world.add(0, &key, 5);
        world.add(1, &key, 7);
    }
    world.run(2 * SECOND);
    for key in 0..keys {
        world.store(2).write(format!("k{key}").as_str(), Kind::Counter, &Op::Clear).wait().unwrap();
    }
}

#[test]
fn what_all_have_seen_removed_is_forgotten_everywhere() {
    let mut world = World::new(3, 7);
    remove_all(&mut world, 20);
    let gone = Value::Int(1);
    world.store(0).write("s", Kind::RemoveWinsSet, &Op::Insert { value: &gone, ttl_ms: None }).wait().unwrap();
    world.store(0).write("s", Kind::RemoveWinsSet, &Op::Remove(&gone)).wait().unwrap();
    world.store(1).write("r", Kind::Register, &Op::Write { value: &gone, ttl_ms: Some(1_000) }).wait().unwrap();
    world.run(60 * SECOND);
    assert_eq!([0, 1, 2].map(|place| kept(&world, place)), [22; 3], "nothing before some time has gone by");
    world.run(3_600 * SECOND);
    assert_eq!([0, 1, 2].map(|place| kept(&world, place)), [0; 3]);
    world.assert_equal();
}

#[test]
fn one_that_is_away_is_waited_for_and_comes_back_beyond_the_horizon() {
    let mut world = World::new(3, 8);
    (world.grace, world.horizon) = (1_000_000_000, 600 * SECOND);
    (0..3).for_each(|place| world.stop(place));
    (0..3).for_each(|place| world.start(place));
    for place in 0..3 {
        world.add(place, "votes", 5);
    }
    world.run(2 * SECOND);
    world.cut(0, 1);
    world.cut(0, 2);
    world.store(1).write("votes", Kind::Counter, &Op::Clear).wait().unwrap();
    world.add(0, "votes", 3);
    world.run(300 * SECOND);
    assert_eq!(kept(&world, 1), 1, "node 0 may come back");
    world.run(600 * SECOND);
    // Its own row is what it would go on with.
    assert_eq!(kept(&world, 1), 1);
    world.add(0, "votes", 4);
    world.cut.clear();
    world.run(60 * SECOND);
    world.assert_equal();
    assert_eq!(world.store(2).read("votes", Kind::Counter).unwrap(), Reading::Number(7));
}

#[test]
fn a_store_that_is_deleted_ends_nothing_else_and_comes_back_from_others() {
    let mut world = World::new(2, 7);
    let other = world.running(0).engine.crdt(CrdtConfig { name: "other".into(), ..CrdtConfig::default() }).unwrap();
    world.add(0, "likes", 5);
    world.run(30 * SECOND);
    world.assert_equal();
    world.running(0).engine.delete_stream("CRDT_app").wait().unwrap();
    world.add(1, "likes", 1);
    world.run(Duration::from_millis(20));
    assert!(!world.running(0).core.is_over(), "{:?}", world.running(0).core.status());
    world.run(60 * SECOND);
    let again = world.running(0).engine.open_crdt("app").unwrap();
    assert_eq!(again.read("likes", Kind::Counter).unwrap(), Reading::Number(6));
    other.write("n", Kind::Counter, &Op::Add(1)).wait().unwrap();
    world.run(SECOND);
    let there = world.running(1).engine.open_crdt("other").unwrap();
    assert_eq!(there.read("n", Kind::Counter).unwrap(), Reading::Number(1));
}

#[test]
fn a_key_that_is_too_large_for_a_repair_is_named_and_keeps_no_other_from_it() {
    let mut world = World::new(2, 8);
    world.run(5 * SECOND);
    world.cut(0, 1);
    for number in 0..9_u8 {
        let value = Value::Bytes(vec![number; (1 << 20) - 16].into());
        world.store(0).write("large", Kind::Set, &Op::Insert { value: &value, ttl_ms: None }).wait().unwrap();
    }
    (0..200).for_each(|number| world.add(0, &format!("key{number}"), 1));
    // Nobody remembers how far the other one was.
    world.stop(0);
    world.start(0);
    world.cut.clear();
    world.run(30 * SECOND);
    for number in 0..200 {
        let read = world.store(1).read(format!("key{number}").as_str(), Kind::Counter).unwrap();
        assert_eq!(read, Reading::Number(1), "key{number}");
    }
    let status = world.running(1).core.status();
    assert!(status.last_error.contains("key 'large' has more than 8388608 bytes"), "{status:?}");
    assert!((1..20).contains(&status.faults), "{status:?}");
    assert!(!world.store(1).context().unwrap().covers(&world.store(0).context().unwrap()), "it is known to be missing");
}
