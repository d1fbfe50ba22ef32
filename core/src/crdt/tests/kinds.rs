//! Each kind by example: what it reads, what it refuses, and with which words.

use super::*;
use crate::crdt::{KEY_BYTES_MAX, MAP_DEPTH_MAX, VALUE_BYTES_MAX};
use crate::error::ErrorKind;

#[test]
fn concurrent_writes_are_all_kept_and_one_of_them_wins() {
    let (mut a, mut b) = (replica(1), replica(2));
    let (one, two, three) = (Value::Int(1), Value::Int(2), Value::Int(3));
    for kind in [Kind::Register, Kind::MultiRegister] {
        a.write(kind.name(), kind, &write(&one), 50).expect("it is allowed");
        b.write(kind.name(), kind, &write(&two), 60).expect("it is allowed");
    }
    give(&a, &mut b);
    assert_eq!(b.read("register", Kind::Register, 0), Reading::Value(Some(two.clone())));
    assert_eq!(b.read("multi_register", Kind::MultiRegister, 0), Reading::Values(vec![two, one]));
    b.write("multi_register", Kind::MultiRegister, &write(&three), 0).expect("it is allowed");
    give(&b, &mut a);
    assert_eq!(a.read("multi_register", Kind::MultiRegister, 0), Reading::Values(vec![three]));
}

#[test]
fn additions_or_removals_win_as_the_kind_says() {
    let x = Value::from("x");
    let flags = [(Kind::Flag, true), (Kind::DisableWinsFlag, false)];
    let sets = [(Kind::Set, true), (Kind::RemoveWinsSet, false)];
    for (kind, stays) in sets.into_iter().chain(flags) {
        let is_set = matches!(kind, Kind::Set | Kind::RemoveWinsSet);
        let add = if is_set { insert(&x) } else { Op::Enable { ttl_ms: None } };
        let remove = if is_set { Op::Remove(&x) } else { Op::Disable };
        let is_there = |r: &Replica| r.contains("k", kind, &x, 0) || r.read("k", kind, 0) == Reading::Flag(true);
        let (mut a, mut b) = (replica(1), replica(2));
        a.write("k", kind, &add, 0).expect("it is allowed");
        give(&a, &mut b);
        a.write("k", kind, &add, 0).expect("it is allowed");
        b.write("k", kind, &remove, 0).expect("it is allowed");
        assert!(!is_there(&b), "{kind}");
        give(&a, &mut b);
        give(&b, &mut a);
        assert_eq!((is_there(&a), is_there(&b)), (stays, stays), "{kind}");
        a.write("k", kind, &remove, 0).expect("it is allowed");
        a.write("k", kind, &add, 0).expect("it is allowed");
        give(&a, &mut b);
        assert!(is_there(&b), "{kind}: what comes after wins");
    }
}

#[test]
fn what_has_expired_is_not_there_and_its_losers_do_not_show() {
    let (mut a, mut b) = (replica(1), replica(2));
    let (short, long) = (Value::from("short"), Value::from("long"));
    a.write("r", Kind::Register, &write(&long), 1_000).expect("it is allowed");
    b.write("r", Kind::Register, &Op::Write { value: &short, ttl_ms: Some(10) }, 1_001).expect("it is allowed");
    b.write("s", Kind::Set, &Op::Insert { value: &short, ttl_ms: Some(10) }, 1_001).expect("it is allowed");
    b.write("f", Kind::Flag, &Op::Enable { ttl_ms: Some(10) }, 1_001).expect("it is allowed");
    give(&b, &mut a);
    assert_eq!(a.read("r", Kind::Register, 1_010), Reading::Value(Some(short.clone())));
    assert!(a.contains("s", Kind::Set, &short, 1_010));
    for _ in 0..2 {
        assert_eq!(a.read("r", Kind::Register, 1_011), Reading::Value(None));
        assert!(!a.contains("s", Kind::Set, &short, 1_011));
        assert_eq!(a.read("f", Kind::Flag, 1_011), Reading::Flag(false));
        give(&a, &mut b);
        a.stable(&[(b.actor(), b.context())], 1_011);
    }
    assert_eq!(a.keys().count(), 0);
    let error = a.write("f", Kind::Flag, &Op::Enable { ttl_ms: Some(0) }, 0).expect_err("it lives no time");
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn a_bounded_counter_gives_what_it_has_and_never_more() {
    let (mut a, mut b) = (replica(1), replica(2));
    let kind = Kind::BoundedCounter;
    a.write("b", kind, &Op::Add(10), 0).expect("it is allowed");
    let error = b.write("b", kind, &Op::Add(-1), 0).expect_err("it has no rights");
    assert!(error.message().contains("1 is more than the 0 that this actor has the rights to"), "{error}");
    a.write("b", kind, &Op::Give { to: b.actor(), amount: 6 }, 0).expect("it has ten");
    let gift = delta(&mut a);
    assert_eq!(a.rights("b"), 4);
    b.apply(gift, 0).expect("it is taken");
    b.write("b", kind, &Op::Add(-6), 0).expect("it was given six");
    a.write("b", kind, &Op::Add(-4), 0).expect("it has four left");
    let error = b.write("b", kind, &Op::Add(-1), 0).expect_err("there is nothing left");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains(&format!("others: {} 4", a.actor())), "{error}");
    // What it rests on comes with it.
    let mut c = replica(3);
    c.apply(delta(&mut b), 0).expect("it is taken");
    assert_eq!(number(&c, "b", kind), 4);
    give(&a, &mut b);
    assert_eq!(number(&b, "b", kind), 0);
    let error = a.write("b", kind, &CLEAR, 0).expect_err("it can't be removed");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let path = Path { key: "m", fields: &["b"] };
    let error = a.write(path, kind, &Op::Add(1), 0).expect_err("not in a map");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(a.write("b", kind, &Op::Give { to: a.actor(), amount: 0 }, 0).is_err());
}

#[test]
fn two_kinds_of_one_name_are_both_kept_and_a_third_is_refused() {
    let (mut a, mut b) = (replica(1), replica(2));
    let value = Value::Int(1);
    for key in [Path::from("k"), Path { key: "m", fields: &["f"] }] {
        a.write(key, Kind::Counter, &Op::Add(1), 0).expect("it is allowed");
        b.write(key, Kind::Register, &write(&value), 0).expect("it is allowed");
        give(&a, &mut b);
        give(&b, &mut a);
        for replica in [&mut a, &mut b] {
            assert_eq!(replica.read(key, Kind::Counter, 0), Reading::Number(1));
            assert_eq!(replica.read(key, Kind::Register, 0), Reading::Value(Some(value.clone())));
            let error = replica.write(key, Kind::Set, &insert(&value), 0).expect_err("it is of other kinds");
            assert_eq!(error.kind(), ErrorKind::Conflict);
            assert!(error.message().contains("is a counter, not a set"), "{error}");
        }
        a.write(key, Kind::Counter, &CLEAR, 0).expect("it is allowed");
        a.write(key, Kind::Register, &CLEAR, 0).expect("it is allowed");
        a.write(key, Kind::Set, &insert(&value), 0).expect("nothing else is alive");
        give(&a, &mut b);
        assert_eq!(b.read(key, Kind::Set, 0), Reading::Values(vec![value.clone()]));
    }
}

#[test]
fn limits_are_named() {
    let mut a = replica(1);
    let refused = |done: crate::error::Result<bool>, kind: ErrorKind, words: &str| {
        let error = done.expect_err(words);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(words), "{error}");
    };
    let long = "k".repeat(KEY_BYTES_MAX + 1);
    refused(a.write(&*long, Kind::Counter, &Op::Add(1), 0), ErrorKind::Invalid, "a name of 1025 bytes");
    refused(a.write("", Kind::Counter, &Op::Add(1), 0), ErrorKind::Invalid, "a name of 0 bytes");
    let large = Value::Bytes(vec![0; VALUE_BYTES_MAX + 1].into());
    refused(a.write("r", Kind::Register, &write(&large), 0), ErrorKind::Limit, "the most is 1048576");
    let bad = Value::Json("{".into());
    refused(a.write("r", Kind::Register, &write(&bad), 0), ErrorKind::Invalid, "does not parse");
    let deep = ["f"; MAP_DEPTH_MAX + 1];
    let path = |depth: usize| Path { key: "m", fields: &deep[..depth] };
    a.write(path(MAP_DEPTH_MAX), Kind::Counter, &Op::Add(1), 0).expect("so deep it may be");
    Fragment::decode(&a.whole().encode()).expect("and is read");
    refused(a.write(path(MAP_DEPTH_MAX + 1), Kind::Counter, &Op::Add(1), 0), ErrorKind::Limit, "33 fields");
    a.write("n", Kind::Counter, &Op::Add(i64::MAX), 0).expect("it is allowed");
    refused(a.write("n", Kind::Counter, &Op::Add(1), 0), ErrorKind::Limit, "64 bits signed");
    assert_eq!(number(&a, "n", Kind::Counter), i64::MAX.into());
    refused(a.write("g", Kind::GrowCounter, &Op::Add(-1), 0), ErrorKind::Invalid, "use a counter");
    refused(a.write("n", Kind::Counter, &Op::Disable, 0), ErrorKind::Invalid, "a counter has no operation 'disable'");
    assert!(!a.write("none", Kind::Set, &CLEAR, 0).expect("there is nothing to do"));
}

#[test]
fn values_are_told_apart_bit_for_bit() {
    let mut a = replica(1);
    let values = [
        Value::Bytes(b"1"[..].into()),
        Value::Int(1),
        Value::Float(-f64::NAN),
        Value::Float(-0.0),
        Value::Float(0.0),
        Value::Float(f64::NAN),
        Value::Text("1".into()),
        Value::Json("1".into()),
        Value::Json("1 ".into()),
    ];
    for value in values.iter().rev() {
        a.write("s", Kind::Set, &insert(value), 0).expect("it is allowed");
    }
    let again = Fragment::decode(&a.whole().encode()).expect("it was encoded");
    let mut b = replica(2);
    b.apply(again, 0).expect("it is taken");
    assert_eq!(b.read("s", Kind::Set, 0), Reading::Values(values.to_vec()));
}
