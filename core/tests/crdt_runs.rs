//! CRDT stores that are opened, written once and closed, over and over: they leave one actor, and a copy of their
//! directory another one.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs, reason = "a test stops at the first surprise")]

use std::path::Path;
use std::time::{Duration, Instant};

use dirs::{Dir, copy};
use headwater::crdt::{CrdtConfig, CrdtStore, Kind, Op, Reading};
use headwater::{Engine, LinkConfig, LocalServer, StreamConfig, Writer};

#[path = "common/dirs.rs"]
mod dirs;

fn app(engine: &Engine) -> CrdtStore {
    engine.crdt(CrdtConfig { name: "app".into(), ..CrdtConfig::default() }).unwrap()
}

fn add(store: &CrdtStore, amount: i64) -> i128 {
    store.write("likes", Kind::Counter, &Op::Add(amount)).wait().unwrap().total.unwrap()
}

fn number(store: &CrdtStore) -> i128 {
    match store.read("likes", Kind::Counter).unwrap() {
        Reading::Number(number) => number,
        other => panic!("{other:?}"),
    }
}

/// One increment, as a process of its own would make it; who made it.
fn run(dir: &Path, total: i128) -> Writer {
    let engine = Engine::open(dir).unwrap();
    let store = app(&engine);
    assert_eq!(add(&store, 1), total);
    let actor = store.actor();
    store.close();
    engine.close().unwrap();
    actor
}

/// So many runs; how many actors there are then, bytes in the newest snapshot, and in its index.
fn runs(count: u64) -> (usize, u64, u64) {
    let dir = Dir::new();
    let began = Instant::now();
    for n in 1..=count {
        run(&dir.0, n.into());
    }
    println!("{count} runs: {:.2} ms each", began.elapsed().as_secs_f64() * 1e3 / count as f64);
    let engine = Engine::open(&dir.0).unwrap();
    let store = engine.open_crdt("app").unwrap();
    assert_eq!(number(&store), count.into());
    store.snapshot().unwrap();
    let objects = engine.object_store("CRDT_app_SNAPSHOTS").wait().unwrap();
    let newest = objects.list().wait().unwrap().into_iter().map(|info| info.size).max().unwrap();
    let index = std::fs::metadata(dir.0.join("streams/CRDT_app/index.snap")).unwrap().len();
    (store.status().unwrap().actors, newest, index)
}

#[cfg(target_os = "linux")]
#[test]
fn hundreds_of_runs_of_one_increment_leave_one_actor_and_a_small_snapshot() {
    let (actors, bytes, index) = runs(300);
    assert_eq!(actors, 1);
    assert!(bytes < 100, "{bytes} bytes");
    assert!(index < 2_000, "{index} bytes");
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "it takes a minute"]
fn soak_ten_thousand_runs_of_one_increment_leave_what_hundreds_do() {
    let (actors, bytes, index) = runs(10_000);
    assert_eq!(actors, 1);
    assert!(bytes < 100, "{bytes} bytes");
    assert!(index < 2_000, "{index} bytes");
}

#[test]
fn a_copy_of_a_directory_at_rest_counts_as_another_actor() {
    let (dir, other) = (Dir::new(), Dir::new());
    let actor = run(&dir.0, 1);
    copy(&dir.0, &other.0);
    let again = run(&dir.0, 2);
    assert_eq!(again == actor, cfg!(target_os = "linux"), "the original goes on");
    let in_copy = run(&other.0, 2);
    assert_ne!(in_copy, actor);
    run(&other.0, 3);

    let (hub, a, b) = (Engine::memory().unwrap(), Engine::open(&dir.0).unwrap(), Engine::open(&other.0).unwrap());
    hub.create_stream(StreamConfig::new("CRDT_app", ["$CRDT.app.>", "$HW.CRDT_app.>"])).wait().unwrap();
    for edge in [&a, &b] {
        edge.add_link(LinkConfig::new("l", "CRDT_app", "CRDT_app"), &hub).wait().unwrap();
    }
    let stores = [a.open_crdt("app").unwrap(), b.open_crdt("app").unwrap(), hub.open_crdt("app").unwrap()];
    let began = Instant::now();
    // One of before the copy, one here, two there.
    while stores.iter().any(|store| number(store) != 4) {
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", stores.each_ref().map(number));
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn runs_beside_a_node_leave_one_actor_too() {
    let dir = Dir::new();
    let owner = Engine::open(&dir.0).unwrap();
    let server = LocalServer::start(&owner).unwrap();
    let actors: Vec<Writer> = (1..=20).map(|n| run(&dir.0, n)).collect();
    assert!(actors.iter().all(|actor| *actor == actors[0]), "{actors:?}");
    let at_once = [Engine::open(&dir.0).unwrap(), Engine::open(&dir.0).unwrap()];
    let stores = at_once.each_ref().map(app);
    assert_ne!(stores[0].actor(), stores[1].actor());
    assert_eq!((add(&stores[0], 1), add(&app(&owner), 1)), (21, 22));
    assert_eq!(owner.open_crdt("app").unwrap().status().unwrap().actors, 2);
    server.stop();
    owner.close().unwrap();
}

#[test]
fn an_actor_whose_process_ended_without_a_close_is_nobodys() {
    let (dir, killed) = (Dir::new(), Dir::new());
    let engine = Engine::open(&dir.0).unwrap();
    let store = app(&engine);
    add(&store, 1);
    copy(&dir.0, &killed.0);
    assert_ne!(run(&killed.0, 2), store.actor());
    store.close();
    let next = app(&engine);
    assert_eq!(next.actor(), store.actor(), "within one open it is anybody's");
    assert_eq!(add(&next, 1), 2);
    assert_ne!(app(&engine).actor(), next.actor());
}

#[test]
fn an_actor_whose_records_were_deleted_does_not_go_on() {
    let engine = Engine::memory().unwrap();
    let (store, reader) = (app(&engine), app(&engine));
    (1..=3).for_each(|n| assert_eq!(add(&store, 1), n));
    assert_eq!(number(&reader), 3);
    store.close();
    reader.stream().delete(3).wait().unwrap();
    let next = app(&engine);
    assert_ne!(next.actor(), store.actor(), "its third operation is known elsewhere");
    add(&next, 1);
    assert_eq!(number(&reader), 4);
}
