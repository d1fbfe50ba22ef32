//! Merging one CRDT store into another: equal after, nothing brought back that was removed, nothing claimed that was
//! not taken, whatever comes in meanwhile.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs, reason = "a test stops at the first surprise")]

use std::ops::ControlFlow;
use std::sync::Arc;

use dirs::Dir;
use headwater::crdt::{CrdtConfig, CrdtStore, Kind, Merged, Op, Path, Reading, Value};
use headwater::{Append, Engine, EngineOptions, ErrorKind, LinkConfig, ManualClock, Record, SECOND, StreamConfig};
use patience::soon;

#[path = "common/dirs.rs"]
#[allow(dead_code)]
mod dirs;
#[path = "common/patience.rs"]
mod patience;

fn app(engine: &Engine) -> CrdtStore {
    engine.crdt(CrdtConfig { name: "app".into(), ..CrdtConfig::default() }).unwrap()
}

fn memory() -> CrdtStore {
    app(&Engine::memory().unwrap())
}

fn add(store: &CrdtStore, key: &str, amount: i64) {
    store.write(key, Kind::Counter, &Op::Add(amount)).wait().unwrap();
}

fn insert(store: &CrdtStore, key: &str, value: i64) {
    store.write(key, Kind::Set, &Op::Insert { value: &Value::Int(value), ttl_ms: None }).wait().unwrap();
}

fn remove(store: &CrdtStore, key: &str, value: i64) {
    store.write(key, Kind::Set, &Op::Remove(&Value::Int(value))).wait().unwrap();
}

fn set(store: &CrdtStore, key: &str, value: i64) {
    store.write(key, Kind::Register, &Op::Write { value: &Value::Int(value), ttl_ms: None }).wait().unwrap();
}

fn values(store: &CrdtStore, key: &str) -> Vec<Value> {
    match store.read(key, Kind::Set).unwrap() {
        Reading::Values(values) => values,
        other => panic!("{key} reads as {other:?}"),
    }
}

fn records(store: &CrdtStore) -> Vec<Record> {
    let last = store.stream().info().wait().unwrap().last_seq;
    (1..=last).filter_map(|seq| store.stream().get(seq).wait().unwrap()).collect()
}

/// What a link does with one record.
fn carry(record: &Record, to: &CrdtStore) {
    let mut append = Append::new(&record.subject, &record.payload);
    append.headers = record.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    to.stream().append(&append).wait().unwrap();
}

fn assert_equal(a: &CrdtStore, b: &CrdtStore) {
    assert_eq!(a.dump("").unwrap(), b.dump("").unwrap());
    assert_eq!(a.context().unwrap(), b.context().unwrap());
    assert_eq!((a.status().unwrap().behind, b.status().unwrap().behind), (0, 0));
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn work(store: &CrdtStore, random: &mut Random, count: usize) {
    for _ in 0..count {
        let key = |kind: &str, random: &mut Random| format!("{kind}{}", random.below(8));
        match random.below(8) {
            0 => add(store, &key("n", random), random.below(100) as i64 - 50),
            1 => insert(store, &key("s", random), random.below(5) as i64),
            2 => remove(store, &key("s", random), random.below(5) as i64),
            3 => set(store, &key("r", random), random.below(1_000) as i64),
            4 => {
                let cleared = [("n", Kind::Counter), ("s", Kind::Set), ("r", Kind::Register)][random.below(3) as usize];
                store.write(&*key(cleared.0, random), cleared.1, &Op::Clear).wait().unwrap();
            }
            5 => {
                let on = if random.below(2) == 0 { Op::Disable } else { Op::Enable { ttl_ms: None } };
                store.write(&*key("f", random), Kind::DisableWinsFlag, &on).wait().unwrap();
            }
            6 => {
                let value = Value::Int(random.below(5) as i64);
                let op =
                    if random.below(2) == 0 { Op::Remove(&value) } else { Op::Insert { value: &value, ttl_ms: None } };
                store.write(&*key("w", random), Kind::RemoveWinsSet, &op).wait().unwrap();
            }
            _ => {
                let (key, field) = (key("m", random), key("f", random));
                let path = Path { key: &key, fields: &[&field] };
                store.write(path, Kind::Counter, &Op::Add(1)).wait().unwrap();
            }
        }
    }
}

#[test]
fn stores_that_merged_each_other_are_equal_and_have_nothing_left_to_do() {
    for seed in 1..=40 {
        let (mut random, stores) = (Random(seed * 7_919), [memory(), memory(), memory()]);
        for _ in 0..4 {
            for store in &stores {
                work(store, &mut random, 30);
            }
            let (to, from) = (random.below(3) as usize, random.below(3) as usize);
            stores[to].merge(&stores[from]).unwrap();
            assert!(stores[to].context().unwrap().covers(&stores[from].context().unwrap()), "seed {seed}");
        }
        for (to, from) in [(0, 1), (0, 2), (1, 0), (2, 0)] {
            stores[to].merge(&stores[from]).unwrap();
        }
        for store in &stores[1..] {
            assert_equal(&stores[0], store);
            let records = store.stream().info().wait().unwrap().last_seq;
            assert_eq!(store.merge(&stores[0]).unwrap(), Merged::default());
            assert_eq!(store.stream().info().wait().unwrap().last_seq, records, "seed {seed}");
        }
    }
}

#[test]
fn what_was_taken_is_there_when_it_is_opened_again_and_watches_heard_of_it() {
    let dir = Dir::new();
    let (theirs, engine) = (memory(), Engine::open(&dir.0).unwrap());
    let ours = app(&engine);
    for n in 0..1_200 {
        set(&theirs, &format!("k{n}"), n);
    }
    insert(&ours, "tags", 1);
    let (context, watcher) = (ours.context().unwrap(), ours.watch("").unwrap());
    let stopped = ours.merge_with(&theirs, &mut |compared, total| {
        assert_eq!((compared, total), (500, 1_201));
        ControlFlow::Break(())
    });
    assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(ours.context().unwrap(), context, "half of the keys are not all that the other had");
    assert_eq!(ours.keys("k").unwrap().len(), 500);
    let mut heard = 0;
    while heard < 500 {
        heard += watcher.next(1_000).wait().unwrap().len();
    }
    drop((watcher, ours, engine));
    let engine = Engine::open(&dir.0).unwrap();
    let ours = engine.open_crdt("app").unwrap();
    let merged = ours.merge(&theirs).unwrap();
    assert_eq!((merged.keys, merged.changed), (1_201, 700));
    assert!(merged.bytes > 7_000);
    theirs.merge(&ours).unwrap();
    assert_equal(&ours, &theirs);
    assert_equal(&ours, &engine.open_crdt("app").unwrap());
    drop((ours, engine));
    assert_equal(&Engine::open(&dir.0).unwrap().open_crdt("app").unwrap(), &theirs);
}

#[test]
fn what_was_removed_before_it_was_seen_stays_removed() {
    let (a, b, c, e) = (memory(), memory(), memory(), memory());
    insert(&a, "tags", 1);
    let added = &records(&a)[0];
    carry(added, &b);
    remove(&b, "tags", 1);
    carry(records(&b).last().unwrap(), &c);
    assert_eq!(c.status().unwrap().behind, 1, "the addition is known and not here");
    e.merge(&c).unwrap();
    for store in [&c, &e] {
        carry(added, store);
        assert_eq!(values(store, "tags"), []);
    }
    assert_equal(&c, &e);
}

#[test]
fn what_comes_in_while_stores_are_merged_is_what_the_other_made_of_it() {
    let (a, theirs, ours) = (memory(), memory(), memory());
    (1..=3).for_each(|value| insert(&a, "tags", value));
    insert(&a, "kept", 1);
    let added = records(&a);
    for record in &added {
        carry(record, &theirs);
    }
    (1..=2).for_each(|value| remove(&theirs, "tags", value));
    theirs.write("tags", Kind::Set, &Op::Clear).wait().unwrap();
    (0..600).for_each(|n| set(&theirs, &format!("k{n}"), n));
    let mut rounds = 0;
    let merged = ours.merge_with(&theirs, &mut |_, _| {
        rounds += 1;
        if rounds == 2 {
            for record in &added {
                carry(record, &ours);
            }
        }
        ControlFlow::Continue(())
    });
    assert_eq!(merged.unwrap().keys, 601 + 2, "the two keys that were touched are compared again");
    assert_eq!((values(&ours, "tags"), values(&ours, "kept")), (vec![], vec![Value::Int(1)]));
    theirs.merge(&ours).unwrap();
    assert_equal(&ours, &theirs);
}

#[test]
fn that_all_is_here_is_true_of_this_log_alone() {
    let (a, theirs, ours, third) = (memory(), memory(), memory(), memory());
    insert(&a, "tags", 1);
    let added = &records(&a)[0];
    carry(added, &theirs);
    carry(added, &ours);
    set(&theirs, "theme", 5);
    ours.merge(&theirs).unwrap();
    assert_equal(&ours, &theirs);
    // A link carries what was written here before it carries what came from elsewhere.
    records(&ours)[1..].iter().for_each(|record| carry(record, &third));
    assert_eq!(third.read("theme", Kind::Register).unwrap(), Reading::Value(Some(Value::Int(5))));
    assert!(!third.context().unwrap().contains(a.actor(), 1), "it has nothing of that");
    carry(added, &third);
    assert_eq!(values(&third, "tags"), [Value::Int(1)]);
}

#[test]
fn what_is_held_ends_a_merge_until_it_is_let_in() {
    let at = |seconds: u64, seed| {
        let clock = Arc::new(ManualClock::new(seconds * SECOND, seed));
        app(&Engine::memory_with(EngineOptions { clock, ..EngineOptions::default() }).unwrap())
    };
    let (ours, ahead) = (at(1_000, 1), at(5_000, 2));
    set(&ahead, "theme", 1);
    insert(&ahead, "tags", 1);
    let refused = ours.merge(&ahead).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(refused.to_string().contains("held"), "{refused}");
    assert_eq!(ours.context().unwrap().count(), 0);
    assert_eq!(ours.release_held().unwrap(), 1);
    ours.merge(&ahead).unwrap();
    assert_equal(&ours, &ahead);
}

#[test]
fn a_key_that_no_record_holds_is_named_and_all_others_are_taken() {
    let (engine, theirs) = (Engine::memory().unwrap(), memory());
    let small = StreamConfig { max_msg_size: 2_000, ..StreamConfig::new("CRDT_app", ["$CRDT.app.>"]) };
    engine.create_stream(small).wait().unwrap();
    let ours = engine.open_crdt("app").unwrap();
    (0..1_000).for_each(|n| insert(&theirs, "many", n));
    (0..100).for_each(|n| set(&theirs, &format!("k{n}"), n));
    for _ in 0..2 {
        let refused = ours.merge(&theirs).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Limit);
        assert!(refused.to_string().contains("'many'"), "{refused}");
        assert_eq!((ours.keys("k").unwrap().len(), ours.context().unwrap().count()), (100, 0));
    }
}

/// A stream in the middle that keeps the last few records, and nodes that come late and were away.
#[test]
fn a_node_that_missed_records_merges_a_backup_and_reads_what_all_read() {
    const KEPT: u64 = 40;
    let (dir, backup) = (Dir::new(), Dir::new());
    let (hub, old) = (Engine::memory().unwrap(), Engine::open(&dir.0).unwrap());
    let (new, third) = (Engine::memory().unwrap(), Engine::memory().unwrap());
    let subjects = ["$CRDT.app.>", "$HW.CRDT_app.>"];
    let middle = hub.create_stream(StreamConfig { max_msgs: KEPT, ..StreamConfig::new("CRDT_app", subjects) });
    let middle = middle.wait().unwrap();
    let (at_old, at_new, at_third) = (app(&old), app(&new), app(&third));
    let link = |engine: &Engine| engine.add_link(LinkConfig::new("l", "CRDT_app", "CRDT_app"), &hub).wait().unwrap();
    let is_carried = |engine: &Engine| {
        let links = engine.links().unwrap();
        let own = engine.stream("CRDT_app").wait().unwrap().info().wait().unwrap().last_seq;
        links[0].pushed_seq == own && links[0].pulled_seq == middle.info().wait().unwrap().last_seq
    };
    link(&old);
    for n in 0..100 {
        set(&at_old, &format!("k{n}"), n);
        insert(&at_old, "tags", n);
    }
    soon("the old one pushed all", || is_carried(&old));
    [&new, &third].into_iter().for_each(link);
    soon("the others have what there is", || is_carried(&new) && is_carried(&third));
    assert!(values(&at_new, "tags").len() as u64 <= KEPT);
    // What they did see is removed where they will not see that: the hub keeps less than comes while they are away.
    for engine in [&new, &third] {
        engine.remove_link("l").unwrap();
    }
    (0..100).for_each(|n| remove(&at_old, "tags", n));
    (0..100).for_each(|n| add(&at_old, "likes", n));
    soon("the old one pushed all", || is_carried(&old));
    [&new, &third].into_iter().for_each(link);
    soon("the others have what there is", || is_carried(&new) && is_carried(&third));
    assert!(new.links().unwrap()[0].missed > 0);
    assert!(at_new.status().unwrap().behind > 0);
    assert!(!values(&at_new, "tags").is_empty());

    old.backup(&backup.0, &mut |_, _| ControlFlow::Continue(())).unwrap();
    let copy = Engine::open_with(&backup.0, EngineOptions::read_only()).unwrap();
    let merged = at_new.merge(&copy.open_crdt("app").unwrap()).unwrap();
    assert!(merged.changed >= 100 - KEPT, "{merged:?}");
    assert_equal(&at_new, &at_old);

    // Links carry what was taken in, and nobody claims what he has not.
    let all = [&old, &new, &third];
    soon("all is carried", || all.into_iter().all(is_carried));
    assert_equal(&at_new, &at_old);
    assert!(at_third.status().unwrap().behind > 0);
    at_third.merge(&at_new).unwrap();
    assert_equal(&at_third, &at_old);
    let stores = [&at_old, &at_new, &at_third];
    (0..).zip(stores).for_each(|(n, store)| insert(store, "last", n));
    soon("all have the last", || stores.iter().all(|store| values(store, "last").len() == 3));
    assert_eq!(at_old.dump("").unwrap(), at_third.dump("").unwrap());
}
