//! What once went wrong in systems of this kind, each by what happened, each as it has to be. They are numbered: 9 and
//! 10, and 7, 8 and 17 between nodes, are in `mesh/tests/failures.rs`, 12 to 15 of a store in `tests/crdt_failures.rs`.

use super::*;
use crate::crdt::{Applied, Change, HELD_MAX};
use crate::error::ErrorKind;

fn exchange(a: &mut Replica, b: &mut Replica) {
    give(a, b);
    give(b, a);
}

/// Failure 1: a delta was an increment, which a redelivery of an equal or concurrent version added again.
#[test]
fn a_delta_that_comes_twice_counts_once() {
    let (mut a, mut b) = (replica(1), replica(2));
    a.write("n", Kind::GrowCounter, &Op::Add(5), 0).expect("it is allowed");
    let five = delta(&mut a);
    a.write("n", Kind::GrowCounter, &Op::Add(3), 0).expect("it is allowed");
    let three = delta(&mut a);
    for delta in [&three, &five, &three, &five] {
        b.apply(delta.clone(), 0).expect("it is taken");
    }
    assert_eq!(number(&b, "n", Kind::GrowCounter), 8);
}

/// Failure 2: a delta of 3 after one of 5 was joined by the maximum, so the other side stayed at 5.
#[test]
fn deltas_of_five_and_three_make_eight_and_not_five() {
    let (mut a, mut b) = (replica(1), replica(2));
    for amount in [5, 3] {
        a.write("n", Kind::Counter, &Op::Add(amount), 0).expect("it is allowed");
        b.apply(delta(&mut a), 0).expect("it is taken");
    }
    assert_eq!((number(&a, "n", Kind::Counter), number(&b, "n", Kind::Counter)), (8, 8));
}

/// Failure 3: a register took over the other's name with its value, and stamped its own next write with it.
#[test]
fn a_write_after_a_merge_is_the_writers_own() {
    let (mut a, mut b) = (replica(1), replica(2));
    let (one, two) = (Value::Int(1), Value::Int(2));
    a.write("r", Kind::Register, &write(&one), 0).expect("it is allowed");
    b.apply(delta(&mut a), 0).expect("it is taken");
    b.write("r", Kind::Register, &write(&two), 0).expect("it is allowed");
    let context = delta(&mut b).context();
    assert!(context.contains(writer(2), 1) && !context.contains(writer(1), 2), "{context:?}");
    assert_eq!(b.actor(), writer(2));
}

/// Failure 4: a write was stamped with the bare clock, and lost to what it overwrote once the clock stepped back.
#[test]
fn a_write_made_after_the_clock_stepped_back_wins_over_what_it_saw() {
    let (mut a, mut b) = (replica(1), replica(2));
    let (old, new) = (Value::from("old"), Value::from("new"));
    a.write("r", Kind::Register, &write(&old), 10_000).expect("it is allowed");
    let first = delta(&mut a);
    a.write("r", Kind::Register, &write(&new), 2_000).expect("it is allowed");
    let second = delta(&mut a);
    b.apply(second, 10_000).expect("it is taken");
    b.apply(first, 10_000).expect("it is taken");
    assert_eq!(b.read("r", Kind::Register, 10_000), Reading::Value(Some(new)));
}

/// Failure 5: a receiver made an empty register stamped now, to which the value that it made it for lost.
#[test]
fn the_first_value_of_a_key_arrives_however_old_its_stamp() {
    let (mut a, mut b) = (replica(1), replica(2));
    let value = Value::from("first");
    a.write("r", Kind::Register, &write(&value), 5).expect("it is allowed");
    b.apply(delta(&mut a), 1_000_000).expect("it is taken");
    assert_eq!(b.read("r", Kind::Register, 1_000_000), Reading::Value(Some(value)));
}

/// Failure 6: the hybrid clock followed whoever was ahead, without a bound.
#[test]
fn a_clock_a_year_ahead_is_held_and_poisons_nobody() {
    const YEAR_MS: u64 = 365 * 86_400_000;
    let (mut ahead, mut here) = (replica(1), replica(2));
    let (future, now) = (Value::from("future"), Value::from("now"));
    ahead.write("r", Kind::Register, &write(&future), YEAR_MS).expect("it is allowed");
    let fragment = delta(&mut ahead);
    assert_eq!(here.apply(fragment, 1_000).expect("it is taken"), Applied::Held);
    here.write("r", Kind::Register, &write(&now), 1_000).expect("local work goes on");
    assert_eq!(here.read("r", Kind::Register, 1_000), Reading::Value(Some(now)));
    assert!(here.clock.last() < 2_000 << 16, "the clock did not follow");
    assert_eq!(here.held().len(), 1);
    assert!(here.release(false, YEAR_MS - 10_000).is_empty());
    assert_eq!(here.release(false, YEAR_MS - 5_000), [("r".into(), Kind::Register)]);
    assert_eq!(here.read("r", Kind::Register, YEAR_MS), Reading::Value(Some(future)));
    assert!(here.held().is_empty());
}

/// Failure 6, with the bound of what is held because of it.
#[test]
fn what_is_held_is_bounded_and_let_in_by_hand() {
    let mut here = replica(2);
    let mut ahead = replica(1);
    ahead.write("r", Kind::Register, &write(&Value::Int(1)), 100_000).expect("it is allowed");
    let fragment = delta(&mut ahead);
    for _ in 0..HELD_MAX {
        assert_eq!(here.apply(fragment.clone(), 0).expect("it is held"), Applied::Held);
    }
    assert_eq!(here.apply(fragment, 0).expect_err("it is too much").kind(), ErrorKind::Limit);
    assert_eq!(here.release(true, 0), [("r".into(), Kind::Register)]);
    here.write("r", Kind::Register, &write(&Value::Int(2)), 0).expect("it is allowed");
    assert_eq!(here.read("r", Kind::Register, 0), Reading::Value(Some(Value::Int(2))), "the clock went on from there");
}

/// Failure 7: only concurrent versions were repaired, so one that had less and nothing of its own stayed behind.
#[test]
fn a_replica_that_is_merely_behind_is_seen_to_be_and_repaired() {
    let (mut a, mut b) = (replica(1), replica(2));
    a.write("n", Kind::Counter, &Op::Add(1), 0).expect("it is allowed");
    exchange(&mut a, &mut b);
    a.write("n", Kind::Counter, &Op::Add(1), 0).expect("it is allowed");
    assert!(a.context().covers(&b.context()) && !b.context().covers(&a.context()));
    assert_ne!(a.digest("n", Kind::Counter, 0), b.digest("n", Kind::Counter, 0));
    b.apply(a.since(&b.context()), 0).expect("it is taken");
    assert_eq!(a.digest("n", Kind::Counter, 0), b.digest("n", Kind::Counter, 0));
}

/// Failure 8: the first delta of a key that a receiver did not have was an error, and was lost.
#[test]
fn the_first_delta_of_an_unknown_key_makes_it() {
    let (mut a, mut b) = (replica(1), replica(2));
    for (kind, op) in [(Kind::Counter, Op::Add(1)), (Kind::Flag, Op::Enable { ttl_ms: None })] {
        a.write(kind.name(), kind, &op, 0).expect("it is allowed");
        assert_eq!(b.apply(delta(&mut a), 0).expect("it is taken"), Applied::Changed(vec![(kind.name().into(), kind)]));
        assert_eq!(a.read(kind.name(), kind, 0), b.read(kind.name(), kind, 0));
    }
}

/// Failure 9, for a replica: what was seen was a highest number, which hid the gap before it.
#[test]
fn a_delta_after_one_that_was_lost_says_nothing_of_the_lost_one() {
    let (mut a, mut b) = (replica(1), replica(2));
    for value in [1, 2, 3] {
        a.write("s", Kind::Set, &insert(&Value::Int(value)), 0).expect("it is allowed");
        let delta = delta(&mut a);
        if value != 2 {
            b.apply(delta, 0).expect("it is taken");
        }
    }
    assert!(!b.context().contains(writer(1), 2) && b.context().contains(writer(1), 3));
    b.apply(a.since(&b.context()), 0).expect("it is taken");
    assert_eq!(a.read("s", Kind::Set, 0), b.read("s", Kind::Set, 0));
}

/// Failure 11: the first `incr` made a counter that only grows, so `decr` was of a wrong type.
#[test]
fn what_was_added_can_be_taken_from_and_the_value_goes_below_zero() {
    let mut a = replica(1);
    a.write("n", Kind::Counter, &Op::Add(2), 0).expect("it is allowed");
    a.write("n", Kind::Counter, &Op::Add(-5), 0).expect("it is allowed");
    assert_eq!(number(&a, "n", Kind::Counter), -3);
    let error = a.write("n", Kind::GrowCounter, &Op::Add(1), 0).expect_err("it is of another kind");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains("is a counter, not a grow_counter"), "{error}");
}

/// Failure 15: a node that lost its state began again at 0 under its old name.
#[test]
fn a_copy_restored_under_the_same_actor_is_refused_and_under_another_loses_nothing() {
    let (mut a, mut b) = (replica(1), replica(2));
    a.write("n", Kind::Counter, &Op::Add(1), 0).expect("it is allowed");
    let old = a.whole();
    a.write("n", Kind::Counter, &Op::Add(10), 0).expect("it is allowed");
    give(&a, &mut b);
    let mut wiped = replica(1);
    let error = wiped.apply(b.whole(), 0).expect_err("these were never made here");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let mut restored = Replica::new(Writer { engine: 1, epoch: 2 });
    restored.restore(old);
    restored.write("n", Kind::Counter, &Op::Add(100), 0).expect("it is allowed");
    exchange(&mut restored, &mut b);
    assert_eq!((number(&restored, "n", Kind::Counter), number(&b, "n", Kind::Counter)), (111, 111));
}

/// Failure 14: what came between the place in the log and the copy of the state was counted twice.
#[test]
fn a_snapshot_and_the_log_after_it_count_what_both_have_once() {
    let mut a = replica(1);
    let mut log = Vec::new();
    for _ in 0..3 {
        a.write("n", Kind::Counter, &Op::Add(7), 0).expect("it is allowed");
        log.push(delta(&mut a));
    }
    let snapshot = a.whole();
    a.write("n", Kind::Counter, &Op::Add(7), 0).expect("it is allowed");
    log.push(delta(&mut a));
    let mut again = replica(1);
    again.restore(snapshot);
    for delta in log {
        again.restore(delta);
    }
    assert_eq!(number(&again, "n", Kind::Counter), 28);
    again.write("n", Kind::Counter, &Op::Add(1), 0).expect("it is allowed");
    assert!(delta(&mut again).context().contains(writer(1), 5), "sequences go on where they were");
}

/// Failure 16: a tombstone went after a minute, and whoever was away longer brought back what was removed.
#[test]
fn a_removal_is_not_undone_by_who_was_away_however_long() {
    let (mut a, mut b, mut away) = (replica(1), replica(2), replica(3));
    let x = Value::from("x");
    a.write("s", Kind::Set, &insert(&x), 0).expect("it is allowed");
    give(&a, &mut b);
    give(&a, &mut away);
    b.write("s", Kind::Set, &Op::Remove(&x), 0).expect("it is allowed");
    exchange(&mut a, &mut b);
    const YEAR_MS: u64 = 365 * 86_400_000;
    for _ in 0..2 {
        a.stable(&[(b.actor(), b.context()), (away.actor(), away.context())], YEAR_MS);
        b.stable(&[(a.actor(), a.context()), (away.actor(), away.context())], YEAR_MS);
    }
    exchange(&mut away, &mut a);
    exchange(&mut away, &mut b);
    for replica in [&a, &b, &away] {
        assert!(!replica.contains("s", Kind::Set, &x, YEAR_MS));
    }
}

/// Failure 16, where there are tombstones.
#[test]
fn removals_that_win_are_collected_when_stable_and_not_before() {
    let (mut a, mut b) = (replica(1), replica(2));
    let x = Value::from("x");
    a.write("s", Kind::RemoveWinsSet, &insert(&x), 0).expect("it is allowed");
    exchange(&mut a, &mut b);
    a.write("s", Kind::RemoveWinsSet, &Op::Remove(&x), 0).expect("it is allowed");
    b.write("s", Kind::RemoveWinsSet, &insert(&x), 0).expect("it is allowed");
    assert_eq!(a.stable(&[(b.actor(), b.context())], 0).operations, 0);
    exchange(&mut a, &mut b);
    assert!(!a.contains("s", Kind::RemoveWinsSet, &x, 0) && !b.contains("s", Kind::RemoveWinsSet, &x, 0));
    assert_eq!(a.keys().count(), 1, "the removal is still needed");
    assert_eq!(a.stable(&[(b.actor(), b.context())], 0).operations, 1);
    assert_eq!(a.keys().count(), 0);
    b.apply(a.take_delta().expect("it tells"), 0).expect("it is taken");
    assert_eq!(b.keys().count(), 0);
    b.write("s", Kind::RemoveWinsSet, &insert(&x), 0).expect("it is allowed");
    exchange(&mut a, &mut b);
    assert!(a.contains("s", Kind::RemoveWinsSet, &x, 0));
}

#[test]
fn a_counter_that_is_removed_keeps_what_was_added_meanwhile_and_nothing_else() {
    let (mut a, mut b) = (replica(1), replica(2));
    let path = Path { key: "m", fields: &["n"] };
    a.write(path, Kind::Counter, &Op::Add(10), 0).expect("it is allowed");
    b.write(path, Kind::Counter, &Op::Add(5), 0).expect("it is allowed");
    exchange(&mut a, &mut b);
    a.write(path, Kind::Counter, &CLEAR, 0).expect("it is allowed");
    assert_eq!(a.read("m", Kind::Map, 0), Reading::Fields(Vec::new()));
    b.write(path, Kind::Counter, &Op::Add(2), 0).expect("it is allowed");
    exchange(&mut a, &mut b);
    for replica in [&a, &b] {
        assert_eq!(replica.read(path, Kind::Counter, 0), Reading::Number(2));
        assert_eq!(replica.read("m", Kind::Map, 0), Reading::Fields(vec![("n".into(), Kind::Counter)]));
    }
    b.write(path, Kind::Counter, &CLEAR, 0).expect("it is allowed");
    exchange(&mut a, &mut b);
    let (heard_a, heard_b) = ((a.actor(), a.context()), (b.actor(), b.context()));
    assert_eq!((a.stable(&[heard_b], 0).dropped, b.stable(&[heard_a], 0).dropped), (2, 2));
    assert_eq!((a.keys().count(), b.keys().count()), (0, 0));
    a.write(path, Kind::Counter, &Op::Add(4), 0).expect("it is allowed");
    exchange(&mut a, &mut b);
    assert_eq!(b.read(path, Kind::Counter, 0), Reading::Number(4));
}

#[test]
fn a_thousand_actors_that_counted_once_leave_no_row_of_a_removed_counter() {
    let mut hub = replica(0);
    for engine in 1..=1_000 {
        let mut once = replica(engine);
        once.write("n", Kind::Counter, &Op::Add(1), 0).expect("it is allowed");
        hub.apply(delta(&mut once), 0).expect("it is taken");
    }
    assert_eq!(number(&hub, "n", Kind::Counter), 1_000);
    hub.write("n", Kind::Counter, &CLEAR, 0).expect("it is allowed");
    assert_eq!(hub.stable(&[], 0).dropped, 1_000);
    assert_eq!(hub.keys().count(), 0);
}

#[test]
fn an_actor_that_counts_again_after_it_collected_counts_right_for_those_who_have_not() {
    let (mut a, mut b) = (replica(1), replica(2));
    a.write("n", Kind::Counter, &Op::Add(10), 0).expect("it is allowed");
    exchange(&mut a, &mut b);
    b.write("n", Kind::Counter, &CLEAR, 0).expect("it is allowed");
    let cleared = delta(&mut b);
    a.apply(cleared.clone(), 0).expect("it is taken");
    assert_eq!(a.stable(&[(b.actor(), b.context())], 0).dropped, 1);
    a.write("n", Kind::Counter, &Op::Add(4), 0).expect("it is allowed");
    b.apply(delta(&mut a), 0).expect("it is taken");
    assert_eq!((number(&a, "n", Kind::Counter), number(&b, "n", Kind::Counter)), (4, 4));
    for replica in [&mut a, &mut b] {
        replica.apply(cleared.clone(), 0).expect("it is taken");
        assert_eq!(number(replica, "n", Kind::Counter), 4);
    }
}

/// Failure 17: repair asked for ranges of sequences, which nobody had any more once they were out of the buffer.
#[test]
fn what_no_buffer_has_any_more_is_had_from_the_state() {
    let (mut a, mut b) = (replica(1), replica(2));
    for value in 0..100 {
        a.write("s", Kind::Set, &insert(&Value::Int(value)), 0).expect("it is allowed");
        a.take_delta();
    }
    b.apply(a.since(&b.context()), 0).expect("it is taken");
    assert_eq!(a.read("s", Kind::Set, 0), b.read("s", Kind::Set, 0));
    assert!(!b.context().covers(&a.context()), "keys alone teach no context");
    b.caught_up(&a.context());
    assert!(b.context().covers(&a.context()));
    assert_eq!(a.whole().encode(), b.whole().encode());
}

/// Failure 18: "causal" was said of versions of single keys, so what was missing of one key was not seen at another.
#[test]
fn what_happened_before_is_known_across_keys_and_a_transaction_is_never_half_there() {
    let (mut a, mut b, mut c) = (replica(1), replica(2), replica(3));
    let photo = Value::from("photo");
    a.write("album", Kind::Set, &insert(&photo), 0).expect("it is allowed");
    let first = delta(&mut a);
    b.apply(first.clone(), 0).expect("it is taken");
    // One transaction over two keys, made by who has seen a third.
    b.write("album", Kind::Set, &Op::Remove(&photo), 0).expect("it is allowed");
    b.write("log", Kind::Set, &insert(&Value::from("removed")), 0).expect("it is allowed");
    b.write("removals", Kind::Counter, &Op::Add(1), 0).expect("it is allowed");
    c.apply(delta(&mut b), 0).expect("it is taken");
    assert!(c.contains("log", Kind::Set, &Value::from("removed"), 0));
    assert_eq!(number(&c, "removals", Kind::Counter), 1, "all of it, or nothing");
    // The addition comes after the removal that saw it, and does not undo it.
    assert!(!c.context().contains(writer(1), 1), "it is known to be missing, whatever key it was of");
    c.apply(first, 0).expect("it is taken");
    assert!(!c.contains("album", Kind::Set, &photo, 0) && c.context().covers(&b.context()));
    assert_eq!(c.whole().encode(), b.whole().encode());
}

/// A transaction looked for each of its keys among all before it.
#[test]
#[allow(clippy::disallowed_methods, reason = "it is the time that is tested")]
fn a_transaction_of_many_keys_takes_time_in_proportion() {
    let time = |count: u32| {
        let keys: Vec<String> = (0..count).map(|number| format!("key{number}")).collect();
        let one = |key| Change { path: Path::from(key), kind: Kind::Counter, op: Op::Add(1) };
        let changes: Vec<Change<'_>> = keys.iter().map(String::as_str).map(one).collect();
        let mut replica = replica(1);
        let begun = std::time::Instant::now();
        replica.transaction(&changes, 0).expect("it is allowed");
        let took = begun.elapsed();
        assert_eq!(number(&replica, "key0", Kind::Counter), 1);
        took
    };
    // Four times the keys are sixteen times the work where it is quadratic. The machine may have been busy once.
    let is_in_proportion = || time(100_000) < 10 * time(25_000);
    assert!((0..3).any(|_| is_in_proportion()), "100,000 keys take ten times as long as 25,000");
}
