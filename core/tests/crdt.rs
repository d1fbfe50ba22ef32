//! CRDT stores: what is kept, what is given back after a kill, damage and lost ends, and how handles and engines that
//! worked apart become equal.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs, reason = "a test stops at the first surprise")]

use std::sync::Arc;
use std::time::Duration;

use dirs::{Dir, copy};
use headwater::crdt::{Change, Changed, CrdtConfig, CrdtStore, HELD_MAX, Kind, Op, Reading, SNAPSHOTS_KEPT, Value};
use headwater::{
    Append, Discard, Engine, EngineOptions, ErrorKind, LinkConfig, LocalServer, ManualClock, PurgeOptions, SECOND,
    StreamConfig,
};
use patience::soon;

#[path = "common/dirs.rs"]
mod dirs;
#[path = "common/patience.rs"]
mod patience;

#[cfg(feature = "hub")]
#[path = "common/server.rs"]
#[allow(dead_code)]
mod server;

const SNAPSHOTS: &str = "CRDT_app_SNAPSHOTS";

fn app(engine: &Engine, snapshot_records: u64) -> CrdtStore {
    engine.crdt(CrdtConfig { name: "app".into(), snapshot_records, ..CrdtConfig::default() }).unwrap()
}

fn add(store: &CrdtStore, key: &str, amount: i64) -> i128 {
    store.write(key, Kind::Counter, &Op::Add(amount)).wait().unwrap().total.unwrap()
}

fn insert(store: &CrdtStore, key: &str, value: i64) {
    store.write(key, Kind::Set, &Op::Insert { value: &Value::Int(value), ttl_ms: None }).wait().unwrap();
}

fn number(store: &CrdtStore, key: &str) -> i128 {
    match store.read(key, Kind::Counter).unwrap() {
        Reading::Number(number) => number,
        other => panic!("{key} reads as {other:?}"),
    }
}

fn first_seq(store: &CrdtStore) -> u64 {
    store.stream().info().wait().unwrap().first_seq
}

#[test]
fn a_store_is_there_again_after_a_close_and_after_a_kill() {
    let (dir, killed) = (Dir::new(), Dir::new());
    let engine = Engine::open(&dir.0).unwrap();
    let store = app(&engine, 0);
    assert_eq!(add(&store, "likes", 5), 5);
    let value = Value::from("dark");
    store.write("theme", Kind::Register, &Op::Write { value: &value, ttl_ms: None }).wait().unwrap();
    store.write("on", Kind::Flag, &Op::Enable { ttl_ms: None }).wait().unwrap();
    insert(&store, "tags", 7);
    let last = add(&store, "likes", 1);
    assert_eq!(last, 6);
    copy(&dir.0, &killed.0);
    store.close();
    assert_eq!(store.read("likes", Kind::Counter).unwrap_err().kind(), ErrorKind::Closed);
    engine.close().unwrap();

    for at in [&dir, &killed] {
        let engine = Engine::open(&at.0).unwrap();
        let store = engine.open_crdt("app").unwrap();
        assert_eq!(number(&store, "likes"), 6);
        assert_eq!(store.read("theme", Kind::Register).unwrap(), Reading::Value(Some(value.clone())));
        assert_eq!(store.read("on", Kind::Flag).unwrap(), Reading::Flag(true));
        assert!(store.contains("tags", Kind::Set, &Value::Int(7)).unwrap());
        assert_eq!(add(&store, "likes", 1), 7, "another actor goes on");
        assert_eq!(engine.crdts().wait().unwrap(), ["app"]);
        engine.close().unwrap();
    }
}

#[test]
fn a_torn_last_record_is_gone_and_nothing_before_it() {
    let (dir, torn) = (Dir::new(), Dir::new());
    let engine = Engine::open(&dir.0).unwrap();
    let store = app(&engine, 0);
    add(&store, "likes", 5);
    insert(&store, "tags", 1);
    copy(&dir.0, &torn.0);
    engine.close().unwrap();
    let segment = torn.0.join("streams/CRDT_app/0000000000000000.seg");
    let bytes = std::fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|&b| b != 0).unwrap() + 1;
    std::fs::write(&segment, &bytes[..end - 3]).unwrap();
    let engine = Engine::open(&torn.0).unwrap();
    let store = engine.open_crdt("app").unwrap();
    assert_eq!(number(&store, "likes"), 5);
    assert_eq!(store.read("tags", Kind::Set).unwrap(), Reading::Values(vec![]));
    assert_eq!(store.status().unwrap().seq, 1);
}

/// Removes the bytes of a snapshot, not what is known of it.
fn damage(engine: &Engine, name: &str) {
    let objects = engine.object_store(SNAPSHOTS).wait().unwrap();
    let info = objects.info(name).wait().unwrap().unwrap();
    let chunk = objects.stream().last(&format!("$O.{SNAPSHOTS}.C.{}", info.nuid)).wait().unwrap().unwrap();
    assert!(objects.stream().delete(chunk.seq).wait().unwrap());
}

fn snapshots(engine: &Engine) -> Vec<String> {
    let infos = engine.object_store(SNAPSHOTS).wait().unwrap().list().wait().unwrap();
    infos.into_iter().map(|info| info.name).collect()
}

#[test]
fn snapshots_stand_in_for_the_log_and_a_damaged_one_is_no_loss() {
    let engine = Engine::memory().unwrap();
    let store = app(&engine, 10);
    for n in 1..=55 {
        add(&store, "likes", 1);
        insert(&store, "seen", n);
    }
    assert_eq!(snapshots(&engine), ["100", "80", "90"], "the last {SNAPSHOTS_KEPT}");
    assert_eq!(first_seq(&store), 80, "the record that the oldest covers stays");
    let is_whole = |store: &CrdtStore| {
        assert_eq!(number(store, "likes"), 55);
        let all = (1..=55).map(Value::Int).collect();
        assert_eq!(store.read("seen", Kind::Set).unwrap(), Reading::Values(all));
    };
    is_whole(&app(&engine, 10));
    for name in ["100", "90"] {
        damage(&engine, name);
        let again = app(&engine, 10);
        is_whole(&again);
        assert!(engine.logs(100).iter().any(|line| line.level == "warn" && line.message.contains(SNAPSHOTS)), "{name}");
    }
    damage(&engine, "80");
    let Err(error) = engine.open_crdt("app") else { panic!("records 1 to 79 are lost") };
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains("begins at record 80"), "{error}");
}

#[test]
fn who_must_not_block_writes_the_snapshot_that_is_due_elsewhere() {
    let engine = Engine::memory().unwrap();
    let store = app(&engine, 10);
    (0..9).for_each(|_| assert_ne!(add(&store, "likes", 1), 0));
    assert!(!store.is_snapshot_due());
    store.snapshot_if_due().unwrap();
    assert_eq!(store.status().unwrap().snapshot_seq, 0, "none was due");
    add(&store, "likes", 1);
    assert!(store.is_snapshot_due());
    store.snapshot_if_due().unwrap();
    assert!(!store.is_snapshot_due());
    assert_eq!(snapshots(&engine), ["10"]);
    store.close();
    assert!(!store.is_snapshot_due());
    assert_eq!(store.snapshot_if_due().unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn without_good_snapshots_the_whole_log_is_read() {
    let engine = Engine::memory().unwrap();
    let store = app(&engine, 10);
    (0..25).for_each(|_| assert_ne!(add(&store, "likes", 1), 0));
    assert_eq!(snapshots(&engine), ["10", "20"], "fewer than are kept, so nothing is purged");
    damage(&engine, "10");
    damage(&engine, "20");
    assert_eq!(number(&app(&engine, 10), "likes"), 25);
}

#[test]
fn a_log_that_was_purged_by_hand_goes_on_from_its_snapshot_and_else_is_refused() {
    for has_snapshot in [true, false] {
        let engine = Engine::memory().unwrap();
        let store = app(&engine, 0);
        (0..5).for_each(|_| assert_ne!(add(&store, "likes", 1), 0));
        if has_snapshot {
            assert_eq!(store.snapshot().unwrap(), 5);
        }
        store.stream().purge(&PurgeOptions::default()).wait().unwrap();
        match engine.open_crdt("app") {
            Ok(again) => assert_eq!((has_snapshot, add(&again, "likes", 1)), (true, 6)),
            Err(error) => assert_eq!((has_snapshot, error.kind()), (false, ErrorKind::Corrupt)),
        }
    }
}

#[test]
fn a_log_that_lost_its_end_keeps_what_the_snapshot_has_and_what_comes_after() {
    let (dir, backup) = (Dir::new(), Dir::new());
    let log = |dir: &Dir| dir.0.join("streams/CRDT_app");
    let engine = Engine::open(&dir.0).unwrap();
    let store = app(&engine, 0);
    (0..5).for_each(|_| assert_ne!(add(&store, "likes", 1), 0));
    engine.close().unwrap();
    copy(&log(&dir), &log(&backup));
    let engine = Engine::open(&dir.0).unwrap();
    let store = app(&engine, 0);
    (0..5).for_each(|_| assert_ne!(add(&store, "likes", 1), 0));
    assert_eq!(store.snapshot().unwrap(), 10);
    engine.close().unwrap();
    std::fs::remove_dir_all(log(&dir)).unwrap();
    copy(&log(&backup), &log(&dir));

    // Sequences 6 and on are given out again, past the 10 of the snapshot.
    for expected in 11..=20 {
        let engine = Engine::open(&dir.0).unwrap();
        let store = app(&engine, 0);
        assert_eq!(add(&store, "likes", 1), expected);
        engine.close().unwrap();
    }
    let engine = Engine::open(&dir.0).unwrap();
    let store = app(&engine, 0);
    assert_eq!(store.snapshot().unwrap(), 15);
    assert_eq!(snapshots(&engine), ["15"], "the one of the lost end is in it");
    assert_eq!(number(&app(&engine, 0), "likes"), 20);
}

#[test]
fn a_backup_whose_snapshots_are_all_younger_than_its_log_is_whole() {
    let (dir, backup) = (Dir::new(), Dir::new());
    let log = |dir: &Dir| dir.0.join("streams/CRDT_app");
    let engine = Engine::open(&dir.0).unwrap();
    let store = app(&engine, 10);
    (0..55).for_each(|_| assert_ne!(add(&store, "likes", 1), 0));
    assert!(first_seq(&store) > 1);
    engine.close().unwrap();
    copy(&log(&dir), &log(&backup));
    let engine = Engine::open(&dir.0).unwrap();
    let store = app(&engine, 10);
    (0..60).for_each(|_| assert_ne!(add(&store, "likes", 1), 0));
    engine.close().unwrap();
    std::fs::remove_dir_all(log(&dir)).unwrap();
    copy(&log(&backup), &log(&dir));
    let engine = Engine::open(&dir.0).unwrap();
    let store = app(&engine, 10);
    let kept = number(&store, "likes");
    assert!((105..=115).contains(&kept), "{kept}: what the newest snapshot had");
    (0..40).for_each(|_| assert_ne!(add(&store, "likes", 1), 0));
    assert_eq!(number(&app(&engine, 10), "likes"), kept + 40);
    engine.close().unwrap();
    let engine = Engine::open(&dir.0).unwrap();
    assert_eq!(number(&app(&engine, 10), "likes"), kept + 40);
}

#[test]
fn handles_of_one_engine_see_each_other_even_past_a_purge() {
    let engine = Engine::memory().unwrap();
    let (one, idle) = (app(&engine, 10), engine.open_crdt("app").unwrap());
    let silent = engine.open_crdt("app").unwrap();
    assert_eq!(add(&one, "likes", 2), 2);
    assert_eq!(add(&idle, "likes", 3), 5);
    assert_eq!(number(&one, "likes"), 5);
    insert(&one, "tags", 1);
    for _ in 0..60 {
        add(&one, "likes", 1);
    }
    one.write("tags", Kind::Set, &Op::Remove(&Value::Int(1))).wait().unwrap();
    assert!(first_seq(&one) > 10, "what the idle one has not read is purged");
    assert_eq!(number(&idle, "likes"), 65);
    assert_eq!(idle.read("tags", Kind::Set).unwrap(), Reading::Values(vec![]));
    assert_eq!(add(&idle, "likes", 1), 66);
    assert_eq!(number(&silent, "likes"), 66, "it had read nothing at all");
}

#[test]
fn many_threads_write_through_one_handle() {
    let dir = Dir::new();
    let engine = Engine::open(&dir.0).unwrap();
    let store = app(&engine, 50);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..50).for_each(|_| assert_ne!(add(&store, "likes", 1), 0)));
        }
    });
    assert_eq!(number(&store, "likes"), 400);
    assert!(first_seq(&store) > 1, "snapshots were written meanwhile");
    assert_eq!(number(&engine.open_crdt("app").unwrap(), "likes"), 400);
}

#[test]
fn a_thousand_handles_of_one_increment_each_lose_none() {
    let engine = Engine::memory().unwrap();
    for n in 1..=1_000 {
        let store = app(&engine, 200);
        assert_eq!(add(&store, "likes", 1), n);
        store.close();
    }
    let store = app(&engine, 200);
    assert_eq!(store.status().unwrap().actors, 1, "each went on as the one before");
    assert_eq!(snapshots(&engine).len(), SNAPSHOTS_KEPT);
    assert!(store.stream().info().wait().unwrap().records <= 200, "closed handles leave snapshots behind");
    let read_only = app(&engine, 200);
    assert_eq!(number(&read_only, "likes"), 1_000);
    read_only.close();
    add(&store, "likes", 1);
    add(&app(&engine, 200), "likes", 1);
    assert_eq!(store.status().unwrap().actors, 2, "two at once are two");
}

#[test]
fn a_transaction_is_whole_and_a_wrong_kind_names_both() {
    let engine = Engine::memory().unwrap();
    let store = app(&engine, 0);
    add(&store, "likes", 1);
    let change = |key, kind, op| Change { path: key, kind, op };
    let error = store
        .transaction(&[
            change("stock".into(), Kind::Counter, Op::Add(-1)),
            change("likes".into(), Kind::Flag, Op::Enable { ttl_ms: None }),
        ])
        .wait()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains("is a counter, not a flag"), "{error}");
    assert_eq!(number(&store, "stock"), 0);
    assert_eq!(store.status().unwrap().seq, 1, "nothing was appended");

    let other = engine.open_crdt("app").unwrap();
    let watcher = other.watch("").unwrap();
    store
        .transaction(&[
            change("stock".into(), Kind::Counter, Op::Add(-1)),
            change("sold".into(), Kind::Counter, Op::Add(1)),
        ])
        .wait()
        .unwrap();
    assert_eq!(store.status().unwrap().seq, 2, "it is one record");
    let changed = |key: &str| Changed { key: key.into(), kind: Kind::Counter };
    assert_eq!(watcher.try_next(10).unwrap(), [changed("sold"), changed("stock")]);
    assert_eq!((number(&other, "stock"), number(&other, "sold")), (-1, 1));
    let text = Value::from("x".repeat(1 << 20).as_str());
    let large: Vec<Change<'_>> =
        (0..9).map(|_| change("big".into(), Kind::MultiRegister, Op::Write { value: &text, ttl_ms: None })).collect();
    assert_eq!(store.transaction(&large).wait().unwrap_err().kind(), ErrorKind::Limit);
    assert_eq!(add(&store, "likes", 1), 2, "it was refused before anything was done");
}

#[test]
fn a_watcher_hears_of_each_key_once_and_waits() {
    let engine = Engine::memory().unwrap();
    let store = app(&engine, 0);
    add(&store, "a.1", 1);
    let watcher = store.watch("a.").unwrap();
    assert_eq!(watcher.try_next(10).unwrap(), []);
    for _ in 0..5 {
        add(&store, "a.1", 1);
        add(&store, "b", 1);
        insert(&store, "a.2", 1);
    }
    let changed = |key: &str, kind| Changed { key: key.into(), kind };
    assert_eq!(watcher.next(1).wait().unwrap(), [changed("a.1", Kind::Counter)]);
    assert_eq!(watcher.next(10).wait().unwrap(), [changed("a.2", Kind::Set)]);
    let mut next = watcher.next(10);
    assert_eq!(next.wait_timeout(Duration::from_millis(5)).unwrap_err().kind(), ErrorKind::Timeout);
    add(&store, "b", 1);
    add(&store, "a.3", 1);
    assert_eq!(next.wait_timeout(Duration::from_secs(20)).unwrap(), [changed("a.3", Kind::Counter)]);
    watcher.close();
    assert_eq!(watcher.next(1).wait().unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_record_that_is_no_fragment_is_named_and_not_skipped() {
    let engine = Engine::memory().unwrap();
    let store = app(&engine, 0);
    add(&store, "likes", 1);
    let watcher = store.watch("").unwrap();
    let subject = format!("$CRDT.app.{:016x}-{:016x}", 1, 2);
    store.stream().append(&Append::new(&subject, b"nonsense")).wait().unwrap();
    let named = |error: headwater::Error| {
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains("record 2 of stream CRDT_app"), "{error}");
    };
    for _ in 0..2 {
        named(store.read("likes", Kind::Counter).unwrap_err());
    }
    named(store.write("likes", Kind::Counter, &Op::Add(1)).wait().unwrap_err());
    named(watcher.try_next(10).unwrap_err());
    named(engine.open_crdt("app").map(drop).unwrap_err());
    store.stream().delete(2).wait().unwrap();
    assert_eq!(number(&engine.open_crdt("app").unwrap(), "likes"), 1, "without it one can go on");
}

#[test]
fn a_handle_whose_write_failed_is_over_and_the_next_has_what_the_log_has() {
    let engine = Engine::memory().unwrap();
    let config = StreamConfig { max_msgs: 2, discard: Discard::New, ..StreamConfig::new("CRDT_app", ["$CRDT.app.>"]) };
    engine.create_stream(config).wait().unwrap();
    let store = engine.open_crdt("app").unwrap();
    add(&store, "likes", 1);
    add(&store, "likes", 1);
    let error = store.write("likes", Kind::Counter, &Op::Add(1)).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.message().contains("opened again"), "{error}");
    assert_eq!(store.read("likes", Kind::Counter).unwrap_err().kind(), ErrorKind::Limit, "it may say too much");
    assert_eq!(number(&engine.open_crdt("app").unwrap(), "likes"), 2);
    assert_eq!(engine.open_crdt("none").map(drop).unwrap_err().kind(), ErrorKind::NotFound);
    for bad in ["", "a.b", "a b", "*"] {
        assert_eq!(engine.open_crdt(bad).map(drop).unwrap_err().kind(), ErrorKind::Invalid, "{bad:?}");
    }
}

/// An engine whose clock stands at so many seconds.
fn at(seconds: u64, seed: u64) -> Engine {
    let clock = Arc::new(ManualClock::new(seconds * SECOND, seed));
    Engine::memory_with(EngineOptions { clock, ..EngineOptions::default() }).unwrap()
}

#[test]
fn a_clock_that_is_ahead_is_held_listed_and_let_in_and_own_writes_after_it_stay() {
    let (here, ahead) = (at(1_000, 1), at(5_000, 2));
    let (store, early) = (app(&here, 0), app(&ahead, 0));
    let (theirs, ours) = (Value::from("theirs"), Value::from("ours"));
    early.write("theme", Kind::Register, &Op::Write { value: &theirs, ttl_ms: None }).wait().unwrap();
    let record = early.stream().get(1).wait().unwrap().unwrap();
    store.stream().append(&Append::new(&record.subject, &record.payload)).wait().unwrap();
    assert_eq!(store.read("theme", Kind::Register).unwrap(), Reading::Value(None));
    let held = store.status().unwrap().held;
    assert_eq!((held.len(), held[0].iter().count()), (1, 1));
    assert_eq!(store.snapshot().unwrap_err().kind(), ErrorKind::Conflict, "it would cover what it does not have");
    assert_eq!(store.release_held().unwrap(), 1);
    assert_eq!(store.read("theme", Kind::Register).unwrap(), Reading::Value(Some(theirs)));
    store.write("theme", Kind::Register, &Op::Write { value: &ours, ttl_ms: None }).wait().unwrap();
    let again = here.open_crdt("app").unwrap();
    assert_eq!(again.read("theme", Kind::Register).unwrap(), Reading::Value(Some(ours)));
    assert_eq!(again.status().unwrap().held, [], "what came before it is let in with it");
}

#[test]
fn more_than_can_be_held_waits_in_the_log_and_none_of_it_is_lost() {
    const COUNT: usize = HELD_MAX + 100;
    let clock = Arc::new(ManualClock::new(1_000 * SECOND, 1));
    let options = EngineOptions { clock: Arc::clone(&clock) as _, ..EngineOptions::default() };
    let (here, ahead) = (Engine::memory_with(options).unwrap(), at(5_000, 2));
    let (store, early) = (app(&here, 0), app(&ahead, 0));
    for n in 1..=COUNT as i64 {
        let value = Value::Int(n);
        early.write(&*format!("r{n}"), Kind::Register, &Op::Write { value: &value, ttl_ms: None }).wait().unwrap();
        let record = early.stream().get(n as u64).wait().unwrap().unwrap();
        store.stream().append(&Append::new(&record.subject, &record.payload)).wait().unwrap();
    }
    let alive = |store: &CrdtStore| store.keys("").unwrap().len();
    let (by_hand, by_time) = (here.open_crdt("app").unwrap(), here.open_crdt("app").unwrap());
    for store in [&store, &by_hand, &by_time] {
        assert_eq!((store.status().unwrap().held.len(), alive(store)), (COUNT, 0));
        assert_eq!(store.snapshot().unwrap_err().kind(), ErrorKind::Conflict);
    }
    assert_eq!(by_hand.release_held().unwrap(), COUNT);
    assert_eq!(alive(&by_hand), COUNT);
    assert_ne!(by_hand.snapshot().unwrap(), 0);
    by_hand.stream().purge(&PurgeOptions::default()).wait().unwrap();
    assert_eq!(store.release_held().unwrap(), COUNT, "what is gone from the log is in the snapshot");
    assert_eq!(alive(&store), COUNT);
    clock.set(5_000 * SECOND);
    assert_eq!((alive(&by_time), by_time.status().unwrap().held.len()), (COUNT, 0));
}

#[test]
fn a_dump_shows_every_kind() {
    let engine = Engine::memory().unwrap();
    let store = app(&engine, 0);
    add(&store, "n", -3);
    insert(&store, "s", 2);
    let write = |path: headwater::crdt::Path<'_>, value: Value| {
        store.write(path, Kind::Register, &Op::Write { value: &value, ttl_ms: None }).wait().unwrap();
    };
    write("bytes".into(), Value::from(&b"\xff"[..]));
    write("json".into(), Value::Json("{\"a\":[1]}".into()));
    write("nan".into(), Value::Float(f64::NAN));
    write(headwater::crdt::Path { key: "m", fields: &["in", "r"] }, Value::Int(1));
    let dumped: Vec<String> =
        store.dump("").unwrap().iter().map(|d| format!("{} {} {}", d.key, d.kind, d.json)).collect();
    let inner = r#"[{"field":"r","kind":"register","value":1}]"#;
    let wanted = [
        r#"bytes register {"base64":"/w=="}"#.to_owned(),
        r#"json register {"a":[1]}"#.to_owned(),
        format!(r#"m map [{{"field":"in","kind":"map","value":{inner}}}]"#),
        "n counter -3".to_owned(),
        r#"nan register "NaN""#.to_owned(),
        "s set [2]".to_owned(),
    ];
    assert_eq!(dumped, wanted);
    assert_eq!(store.keys("n").unwrap(), [("n".to_owned(), Kind::Counter), ("nan".to_owned(), Kind::Register)]);
    assert_eq!(store.kinds("m").unwrap(), [Kind::Map]);
    store.write("n", Kind::Counter, &Op::Clear).wait().unwrap();
    assert_eq!(store.kinds("n").unwrap(), []);
}

/// What two stores that worked apart come to.
fn converge(a: &CrdtStore, b: &CrdtStore) {
    let whole = |store: &CrdtStore| (number(store, "likes"), store.read("tags", Kind::Set).unwrap());
    let both = (7, Reading::Values([1, 2, 3].map(Value::Int).to_vec()));
    soon("both have all", || whole(a) == both && whole(b) == both);
    assert_eq!(a.dump("").unwrap(), b.dump("").unwrap());
}

fn work_apart(a: &CrdtStore, b: &CrdtStore) {
    add(a, "likes", 5);
    add(b, "likes", 2);
    insert(a, "tags", 1);
    insert(a, "tags", 2);
    insert(b, "tags", 2);
    insert(b, "tags", 3);
    a.write("tags", Kind::Set, &Op::Remove(&Value::Int(2))).wait().unwrap();
}

#[test]
fn edges_that_wrote_apart_are_equal_once_links_join_them() {
    let (hub, a, b) = (Engine::memory().unwrap(), Engine::memory().unwrap(), Engine::memory().unwrap());
    hub.create_stream(StreamConfig::new("CRDT_app", ["$CRDT.app.>", "$HW.CRDT_app.>"])).wait().unwrap();
    let (at_a, at_b) = (app(&a, 10), app(&b, 10));
    work_apart(&at_a, &at_b);
    for edge in [&a, &b] {
        edge.add_link(LinkConfig::new("l", "CRDT_app", "CRDT_app"), &hub).wait().unwrap();
    }
    converge(&at_a, &at_b);
    let at_hub = hub.open_crdt("app").unwrap();
    soon("the hub has all", || number(&at_hub, "likes") == 7);
    at_hub.write("likes", Kind::Counter, &Op::Clear).wait().unwrap();
    soon("both heard of it", || number(&at_a, "likes") == 0 && number(&at_b, "likes") == 0);
    assert_eq!(number(&hub.open_crdt("app").unwrap(), "likes"), 0, "the positions of links are no records of it");
}

#[test]
fn what_a_link_has_not_pushed_is_not_purged() {
    let (hub, edge) = (Engine::memory().unwrap(), Engine::memory().unwrap());
    let full = StreamConfig {
        max_msgs: 1,
        discard: Discard::New,
        ..StreamConfig::new("CRDT_app", ["$CRDT.app.>", "$HW.CRDT_app.>"])
    };
    hub.create_stream(full.clone()).wait().unwrap();
    let store = app(&edge, 10);
    (0..5).for_each(|_| assert_ne!(add(&store, "likes", 1), 0));
    edge.add_link(LinkConfig::new("l", "CRDT_app", "CRDT_app"), &hub).wait().unwrap();
    (0..55).for_each(|_| assert_ne!(add(&store, "likes", 1), 0));
    assert_eq!((snapshots(&edge).len(), first_seq(&store)), (SNAPSHOTS_KEPT, 1), "the hub takes nothing");
    hub.update_stream(StreamConfig { max_msgs: 0, ..full }).wait().unwrap();
    let at_hub = hub.open_crdt("app").unwrap();
    soon("the hub has all", || number(&at_hub, "likes") == 60);
    soon("the edge may purge", || {
        add(&store, "likes", 1);
        first_seq(&store) > 1
    });
}

#[test]
fn a_store_through_a_node_is_that_of_the_node() {
    let dir = Dir::new();
    let owner = Engine::open(&dir.0).unwrap();
    let server = LocalServer::start(&owner).unwrap();
    let client = Engine::open(&dir.0).unwrap();
    assert!(client.is_through_node());
    let (there, here) = (app(&owner, 10), app(&client, 10));
    for n in 0..30 {
        add(&here, "likes", 1);
        soon("the owner has it", || number(&there, "likes") == 2 * n + 1);
        add(&there, "likes", 1);
        soon("the client has it", || number(&here, "likes") == 2 * n + 2);
    }
    assert!(first_seq(&there) > 1);
    assert_eq!(number(&client.open_crdt("app").unwrap(), "likes"), 60);
    server.stop();
    owner.close().unwrap();
}

#[cfg(feature = "hub")]
#[test]
fn a_store_on_a_hub_and_edges_that_it_joins() {
    let server = server::Server::start("2.15.1");
    let connect = || Engine::connect(headwater::HubOptions::new(server.url())).wait().unwrap();
    let (one, two) = (connect(), connect());
    let config = StreamConfig::new("CRDT_app", ["$CRDT.app.>", "$HW.CRDT_app.>"]);
    one.create_stream(config).wait().unwrap();
    let (a, b) = (one.open_crdt("app").unwrap(), two.open_crdt("app").unwrap());
    work_apart(&a, &b);
    let (first, second) = (Engine::memory().unwrap(), Engine::memory().unwrap());
    let (at_first, at_second) = (app(&first, 0), app(&second, 0));
    for edge in [&first, &second] {
        edge.add_link(LinkConfig::new("l", "CRDT_app", "CRDT_app"), &one).wait().unwrap();
    }
    let tags = |store: &CrdtStore| store.read("tags", Kind::Set).unwrap();
    let all = || [&a, &b, &at_first, &at_second];
    soon("all have all", || all().iter().all(|s| number(s, "likes") == 7 && tags(s) == tags(&a)));
    add(&at_first, "likes", 1);
    soon("all have one more", || all().iter().all(|s| number(s, "likes") == 8));
    soon("a snapshot is written", || a.snapshot().is_ok_and(|seq| seq > 0));
    a.stream().purge(&PurgeOptions { filter: Some("$CRDT.app.>".into()), ..PurgeOptions::default() }).wait().unwrap();
    let again = connect().open_crdt("app").unwrap();
    assert_eq!((number(&again, "likes"), tags(&again)), (8, tags(&a)));
    first.close().unwrap();
    second.close().unwrap();
}
