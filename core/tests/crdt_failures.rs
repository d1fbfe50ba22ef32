//! What once went wrong in stores of this kind, each by what happened, each as it has to be. The numbers are those of
//! `src/crdt/tests/failures.rs`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs, reason = "a test stops at the first surprise")]

use std::time::{Duration, Instant};

use dirs::{Dir, copy};
use headwater::crdt::{CrdtConfig, CrdtStore, Kind, Op, Reading, Value};
use headwater::{Engine, ErrorKind, LinkConfig, StreamConfig};

#[path = "common/dirs.rs"]
mod dirs;

const SEGMENT: &str = "streams/CRDT_app/0000000000000000.seg";

fn app(engine: &Engine, snapshot_records: u64) -> CrdtStore {
    engine.crdt(CrdtConfig { name: "app".into(), snapshot_records, ..CrdtConfig::default() }).unwrap()
}

fn add(store: &CrdtStore, key: &str, amount: i64) {
    store.write(key, Kind::Counter, &Op::Add(amount)).wait().unwrap();
}

fn number(store: &CrdtStore, key: &str) -> i128 {
    match store.read(key, Kind::Counter).unwrap() {
        Reading::Number(number) => number,
        other => panic!("{key} reads as {other:?}"),
    }
}

/// Failure 12: a value was taken out of the engine and changed beside its lock.
#[test]
fn changes_by_many_threads_and_handles_at_once_are_all_there() {
    let engine = Engine::memory().unwrap();
    let stores = [app(&engine, 100), app(&engine, 100)];
    std::thread::scope(|scope| {
        for thread in 0..8_usize {
            let store = &stores[thread % 2];
            scope.spawn(move || {
                let mut seen = 0;
                for turn in 0..50 {
                    add(store, "likes", if turn % 5 == 4 { -1 } else { 1 });
                    add(store, &format!("own{thread}"), 1);
                    let value = Value::Int((thread * 50 + turn) as i64);
                    store.write("all", Kind::Set, &Op::Insert { value: &value, ttl_ms: None }).wait().unwrap();
                    let own = number(store, &format!("own{thread}"));
                    assert_eq!(own, seen + 1, "nobody else touches it");
                    seen = own;
                }
            });
        }
    });
    for store in stores.iter().chain([&app(&engine, 100)]) {
        assert_eq!(number(store, "likes"), 8 * (40 - 10));
        assert_eq!(store.read("all", Kind::Set).unwrap(), Reading::Values((0..400).map(Value::Int).collect()));
    }
}

/// Failure 13: checksums were computed after the bytes were written, so all or none of the log was damaged, and a torn
/// end was damage.
#[test]
fn a_flipped_byte_is_damage_and_a_torn_end_is_cut_wherever_it_is() {
    let (dir, killed) = (Dir::new(), Dir::new());
    let engine = Engine::open(&dir.0).unwrap();
    let store = app(&engine, 0);
    let mut ends = Vec::new();
    for _ in 0..6 {
        add(&store, "likes", 1);
        let bytes = std::fs::read(dir.0.join(SEGMENT)).unwrap();
        ends.push(bytes.iter().rposition(|&byte| byte != 0).unwrap() + 1);
    }
    copy(&dir.0, &killed.0);
    engine.close().unwrap();
    let whole = std::fs::read(killed.0.join(SEGMENT)).unwrap();
    for cut in (ends[0]..=ends[5]).step_by(3) {
        let torn = Dir::new();
        copy(&killed.0, &torn.0);
        std::fs::write(torn.0.join(SEGMENT), &whole[..cut]).unwrap();
        let engine = Engine::open(&torn.0).unwrap();
        let store = engine.open_crdt("app").unwrap();
        let read = number(&store, "likes");
        let whole_ones = ends.iter().filter(|&&end| end <= cut).count() as i128;
        // The last bytes of a record may be zeros, which are cut off then.
        assert!((whole_ones - 1..=whole_ones).contains(&read), "cut at {cut}: {read}, of {ends:?}");
        add(&store, "likes", 10);
        assert_eq!(number(&app(&engine, 0), "likes"), read + 10);
    }
    for at in (ends[0]..ends[4]).step_by(5) {
        let damaged = Dir::new();
        copy(&dir.0, &damaged.0);
        let mut bytes = std::fs::read(damaged.0.join(SEGMENT)).unwrap();
        bytes[at] ^= 0x10;
        std::fs::write(damaged.0.join(SEGMENT), bytes).unwrap();
        let engine = Engine::open(&damaged.0).unwrap();
        let Err(error) = engine.open_crdt("app") else { panic!("byte {at} was flipped and nobody saw it") };
        assert_eq!(error.kind(), ErrorKind::Corrupt, "byte {at}: {error}");
    }
    assert_eq!(number(&Engine::open(&dir.0).unwrap().open_crdt("app").unwrap(), "likes"), 6, "it is whole");
}

/// Failure 14: snapshots were sorted by their names as text, where 9 comes after 10.
#[test]
fn snapshot_ten_is_newer_than_snapshot_nine() {
    let engine = Engine::memory().unwrap();
    let store = app(&engine, 0);
    (0..8).for_each(|_| add(&store, "likes", 1));
    for seq in [9, 10] {
        add(&store, "likes", 1);
        assert_eq!(store.snapshot().unwrap(), seq);
    }
    let again = app(&engine, 0);
    assert_eq!(again.status().unwrap().snapshot_seq, 10);
    assert_eq!(number(&again, "likes"), 10);
}

/// Failure 15: sequences went on from how many entries the log has, which a purge makes less, so that others took new
/// operations for old ones; and a store without a good snapshot was emptied and went on under its name.
#[test]
fn what_is_done_after_a_purge_and_without_snapshots_is_new_to_others() {
    let dir = Dir::new();
    let hub = Engine::memory().unwrap();
    hub.create_stream(StreamConfig::new("CRDT_app", ["$CRDT.app.>", "$HW.CRDT_app.>"])).wait().unwrap();
    let there = hub.open_crdt("app").unwrap();
    let mut total = 0;
    for _ in 0..4 {
        let edge = Engine::open(&dir.0).unwrap();
        let store = app(&edge, 10);
        edge.add_link(LinkConfig::new("l", "CRDT_app", "CRDT_app"), &hub).wait().unwrap();
        for _ in 0..35 {
            add(&store, "likes", 1);
            total += 1;
        }
        let began = Instant::now();
        while number(&there, "likes") != total {
            assert!(began.elapsed() < Duration::from_secs(20), "{} of {total}", number(&there, "likes"));
            std::thread::sleep(Duration::from_millis(2));
        }
        store.snapshot().unwrap();
        assert_eq!(number(&store, "likes"), total);
        edge.close().unwrap();
    }
    let edge = Engine::open(&dir.0).unwrap();
    let store = app(&edge, 10);
    assert!(store.stream().info().wait().unwrap().first_seq > 1, "the log was purged");
    drop(store);
    let snapshots = edge.object_store("CRDT_app_SNAPSHOTS").wait().unwrap();
    let chunks = headwater::PurgeOptions { filter: Some("$O.CRDT_app_SNAPSHOTS.C.>".into()), ..Default::default() };
    snapshots.stream().purge(&chunks).wait().unwrap();
    let Err(error) = edge.open_crdt("app") else { panic!("it has lost what the snapshots had") };
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(number(&there, "likes"), total);
}
