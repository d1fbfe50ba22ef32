//! Links between engines of one process: records go both ways once, whatever joins, leaves, or was restored.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dirs::copy;
use headwater::{
    Append, Direction, Durability, Engine, EngineOptions, ErrorKind, LinkConfig, LinkState, LinkStatus, ManualClock,
    OnReset, PurgeOptions, ReadOptions, SECOND, Stream, StreamConfig, SubjectMap,
};
use patience::soon;

#[path = "common/dirs.rs"]
#[allow(dead_code)]
mod dirs;
#[path = "common/patience.rs"]
mod patience;

fn stream(engine: &Engine, name: &str, subjects: &[&str]) -> Stream {
    engine.create_stream(StreamConfig::new(name, subjects.iter().copied())).wait().unwrap()
}

/// A stream to which many may push: it takes position records too.
fn shared(engine: &Engine, name: &str, subjects: &[&str]) -> Stream {
    let positions = format!("$HW.{name}.>");
    let subjects: Vec<&str> = subjects.iter().copied().chain([positions.as_str()]).collect();
    stream(engine, name, &subjects)
}

fn payloads(stream: &Stream) -> Vec<String> {
    let batch = stream.read(&ReadOptions::default().max_records(100_000)).wait().unwrap();
    let records = batch.iter().filter(|r| !r.subject.starts_with("$HW"));
    records.map(|r| String::from_utf8(r.payload.to_vec()).unwrap()).collect()
}

fn counts(stream: &Stream) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for payload in payloads(stream) {
        *counts.entry(payload).or_default() += 1;
    }
    counts
}

fn put(stream: &Stream, subject: &str, payload: &str) {
    stream.append(&Append::new(subject, payload.as_bytes())).wait().unwrap();
}

fn once(wanted: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    wanted.into_iter().map(|payload| (payload, 1)).collect()
}

fn status(engine: &Engine) -> LinkStatus {
    engine.links().unwrap().remove(0)
}

#[test]
fn a_link_stores_where_it_is_whatever_its_stream_promises() {
    for durability in [Durability::Os, Durability::Interval] {
        let (hub, edge) = (Engine::memory().unwrap(), Engine::memory().unwrap());
        let there = shared(&hub, "ORDERS", &["orders.>"]);
        let config = StreamConfig { durability, ..StreamConfig::new("orders", ["orders.>"]) };
        let here = edge.create_stream(config).wait().unwrap();
        put(&here, "orders.1", "x");
        edge.add_link(LinkConfig::new("l", "orders", "ORDERS"), &hub).wait().unwrap();
        soon("it is carried", || counts(&there).len() == 1);
        edge.remove_link("l").unwrap();
        put(&here, "orders.1", "y");
        edge.close().unwrap();
    }
}

#[test]
fn a_hub_that_lost_its_end_and_grew_again_meanwhile_is_noticed() {
    let root = std::env::temp_dir().join(format!("headwater-regrown-{}", std::process::id()));
    let (dir, backup) = (root.join("hub"), root.join("backup"));
    let edge = Engine::memory().unwrap();
    let here = stream(&edge, "orders", &["orders.>"]);
    let link = LinkConfig { direction: Direction::Pull, ..LinkConfig::new("l", "orders", "ORDERS") };
    let hub = Engine::open(&dir).unwrap();
    let there = stream(&hub, "ORDERS", &["orders.>"]);
    put(&there, "orders.1", "kept");
    hub.close().unwrap();
    copy(&dir, &backup);
    let hub = Engine::open(&dir).unwrap();
    put(&hub.stream("ORDERS").wait().unwrap(), "orders.1", "lost on the hub");
    edge.add_link(link.clone(), &hub).wait().unwrap();
    soon("the edge has both", || counts(&here).len() == 2);
    edge.remove_link("l").unwrap();
    hub.close().unwrap();

    let hub = Engine::open(&backup).unwrap();
    let there = hub.stream("ORDERS").wait().unwrap();
    put(&there, "orders.1", "in its place");
    put(&there, "orders.1", "and more");
    edge.add_link(link, &hub).wait().unwrap();
    let all = ["kept", "lost on the hub", "in its place", "and more"];
    soon("the edge has all", || counts(&here).keys().eq(all.iter().collect::<BTreeSet<_>>()));
    assert_eq!(counts(&here).values().max(), Some(&1), "what the hub kept does not come a second time");
    assert_eq!(status(&edge).resets, 1);
    edge.close().unwrap();
    hub.close().unwrap();
    let _ = std::fs::remove_dir_all(root);
}

#[test]
fn a_log_that_was_opened_over_and_over_and_its_copies_hold_every_record_once() {
    let root = std::env::temp_dir().join(format!("headwater-reopened-{}", std::process::id()));
    let dirs = ["a", "b", "c"].map(|name| root.join(name));
    let index = |dir: &Path| std::fs::metadata(dir.join("streams/orders/index.snap")).unwrap().len();
    let run = |dir: &Path, payload: &str| {
        let engine = Engine::open(dir).unwrap();
        put(&stream(&engine, "orders", &["orders.>"]), "orders.1", payload);
        engine.close().unwrap();
    };
    let mut wanted = Vec::new();
    let mut sizes = Vec::new();
    for round in 0..3 {
        // Each copy goes on from where the first one was then.
        if round > 0 {
            copy(&dirs[0], &dirs[round]);
        }
        for n in 0..30 {
            for (place, dir) in dirs.iter().enumerate().take(round + 1) {
                wanted.push(format!("{place}-{round}-{n}"));
                run(dir, &wanted[wanted.len() - 1]);
            }
        }
        sizes.push(index(&dirs[0]));
    }
    if cfg!(target_os = "linux") {
        assert!(sizes[2] < sizes[0] + 100, "what a log says of itself grows with its openings: {sizes:?}");
    }
    let hub = Engine::memory().unwrap();
    let there = shared(&hub, "ORDERS", &["orders.>"]);
    let edges = dirs.each_ref().map(|dir| Engine::open(dir).unwrap());
    for edge in &edges {
        edge.add_link(LinkConfig::new("l", "orders", "ORDERS"), &hub).wait().unwrap();
    }
    let wanted = once(wanted);
    let streams = edges.each_ref().map(|edge| edge.stream("orders").wait().unwrap());
    for stream in streams.iter().chain([&there]) {
        soon("all are there", || counts(stream) == wanted);
    }
    for edge in &edges {
        edge.close().unwrap();
    }
    let _ = std::fs::remove_dir_all(root);
}

#[test]
fn two_edges_and_their_hub_hold_every_record_once() {
    let (hub, a, b) = (Engine::memory().unwrap(), Engine::memory().unwrap(), Engine::memory().unwrap());
    let h = shared(&hub, "ORDERS", &["orders.>"]);
    let sa = stream(&a, "orders", &["orders.>"]);
    let sb = stream(&b, "orders", &["orders.>"]);
    put(&sa, "orders.a", "before");
    a.add_link(LinkConfig::new("l", "orders", "ORDERS"), &hub).wait().unwrap();
    b.add_link(LinkConfig::new("l", "orders", "ORDERS"), &hub).wait().unwrap();
    let mut wanted = vec!["before".to_owned()];
    for n in 0..300 {
        put(&sa, "orders.a", &format!("a{n}"));
        put(&sb, "orders.b", &format!("b{n}"));
        put(&h, "orders.h", &format!("h{n}"));
        wanted.extend([format!("a{n}"), format!("b{n}"), format!("h{n}")]);
    }
    let wanted = once(wanted);
    for (name, stream) in [("the hub", &h), ("a", &sa), ("b", &sb)] {
        soon(&format!("{name} has all: {:?} {:?}", status(&a), status(&b)), || payloads(stream).len() >= wanted.len());
    }
    // What came back must not go round again.
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(counts(&h), wanted);
    assert_eq!(counts(&sa), wanted);
    assert_eq!(counts(&sb), wanted);
    let order = |stream: &Stream, of: char| -> Vec<String> {
        payloads(stream).into_iter().filter(|p| p.starts_with(of) && *p != "before").collect()
    };
    assert_eq!(order(&sb, 'a'), order(&sa, 'a'), "the order of one writer is kept");
    soon("it is counted", || status(&a).pushed >= 301 && status(&a).pulled >= 600);
    assert_eq!((status(&a).pushed, status(&a).pulled), (301, 600));
}

#[test]
fn a_stream_of_ones_own_is_pushed_to_one_by_one() {
    let (hub, a) = (Engine::memory().unwrap(), Engine::memory().unwrap());
    let h = stream(&hub, "EDGE", &["edge.7.>"]);
    let s = stream(&a, "log", &["log.>", "other"]);
    for n in 0..5000 {
        put(&s, "log.x", &format!("{n}"));
    }
    let config = LinkConfig {
        direction: Direction::Push,
        exclusive: true,
        filters: vec!["log.>".to_owned()],
        map: vec![SubjectMap { local: "log".to_owned(), remote: "edge.7".to_owned() }],
        ..LinkConfig::new("up", "log", "EDGE")
    };
    a.add_link(config.clone(), &hub).wait().unwrap();
    put(&s, "other", "stays here");
    put(&s, "log.y", "last");
    soon("all arrived", || status(&a).pushed == 5001);
    assert_eq!(h.last("edge.7.y").wait().unwrap().unwrap().payload, b"last");
    assert_eq!(counts(&h), once((0..5000).map(|n| n.to_string()).chain(["last".to_owned()])));
    a.remove_link("up").unwrap();
    put(&s, "log.y", "later");
    a.add_link(config, &hub).wait().unwrap();
    soon("it went on", || h.last("edge.7.y").wait().unwrap().unwrap().payload == b"later");
    assert_eq!(payloads(&h).len(), 5002);
    // A record is there before it is counted.
    soon("it is counted", || status(&a).pushed > 0);
    assert_eq!(status(&a).pushed, 1, "it went on where it was");
}

#[test]
fn a_restored_edge_gets_its_own_lost_records_back() {
    let dir = std::env::temp_dir().join(format!("headwater-links-{}", std::process::id()));
    let (live, copy) = (dir.join("live"), dir.join("copy"));
    let hub = Engine::memory().unwrap();
    let h = shared(&hub, "ORDERS", &["orders.>"]);
    let wanted = {
        let a = Engine::open(&live).unwrap();
        let s = stream(&a, "orders", &["orders.>"]);
        a.add_link(LinkConfig::new("l", "orders", "ORDERS"), &hub).wait().unwrap();
        (0..50).for_each(|n| put(&s, "orders.a", &format!("{n}")));
        a.backup(&copy, &mut |_, _| std::ops::ControlFlow::Continue(())).unwrap();
        (50..90).for_each(|n| put(&s, "orders.a", &format!("{n}")));
        soon("all are on the hub", || status(&a).pushed == 90);
        a.close().unwrap();
        once((0..90).map(|n| n.to_string()))
    };
    let a = Engine::open(&copy).unwrap();
    let s = a.stream("orders").wait().unwrap();
    assert_eq!(payloads(&s).len(), 50);
    put(&s, "orders.a", "new");
    a.add_link(LinkConfig::new("l", "orders", "ORDERS"), &hub).wait().unwrap();
    let wanted: BTreeMap<_, _> = wanted.into_iter().chain([("new".to_owned(), 1)]).collect();
    soon("both have all", || payloads(&s).len() == 91 && payloads(&h).len() == 91);
    std::thread::sleep(Duration::from_millis(30));
    assert_eq!((counts(&s), counts(&h)), (wanted.clone(), wanted));
    a.close().unwrap();
    let a = Engine::open(&copy).unwrap();
    let s = a.stream("orders").wait().unwrap();
    a.add_link(LinkConfig::new("l", "orders", "ORDERS"), &hub).wait().unwrap();
    put(&s, "orders.a", "newer");
    soon("it goes on", || payloads(&h).len() == 92);
    assert_eq!(payloads(&s).len(), 92);
    a.close().unwrap();
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn records_that_come_over_two_routes_come_once_and_circles_end() {
    let engines: Vec<Engine> = (0..4).map(|_| Engine::memory().unwrap()).collect();
    let [x, y, a, b] = &engines[..] else { unreachable!() };
    let hubs = [shared(x, "X", &["n.>"]), shared(y, "Y", &["n.>"])];
    let edges = [stream(a, "n", &["n.>"]), stream(b, "n", &["n.>"])];
    for edge in [a, b] {
        edge.add_link(LinkConfig::new("x", "n", "X"), x).wait().unwrap();
        let only = LinkConfig { filters: vec!["n.even".to_owned()], ..LinkConfig::new("y", "n", "Y") };
        edge.add_link(only, y).wait().unwrap();
    }
    for n in 0..200 {
        let subject = if n % 2 == 0 { "n.even" } else { "n.odd" };
        put(&edges[n % 2], subject, &format!("e{n}"));
        put(&hubs[n % 2], "n.even", &format!("h{n}"));
    }
    let all = |stream: &Stream, len: usize| soon("all came", || payloads(stream).len() >= len);
    for edge in &edges {
        all(edge, 400);
    }
    all(&hubs[0], 400);
    all(&hubs[1], 300);
    std::thread::sleep(Duration::from_millis(100));
    let once = |s: &Stream| counts(s).values().all(|&n| n == 1);
    assert!(edges.iter().chain(&hubs).all(once));
    assert_eq!(edges.each_ref().map(|e| payloads(e).len()), [400, 400]);
    assert_eq!(hubs.each_ref().map(|h| payloads(h).len()), [400, 300]);
}

#[test]
fn another_stream_of_the_name_is_noticed() {
    let (hub, a) = (Engine::memory().unwrap(), Engine::memory().unwrap());
    shared(&hub, "H", &["n"]);
    let s = stream(&a, "n", &["n"]);
    (0..20).for_each(|n| put(&s, "n", &n.to_string()));
    a.add_link(LinkConfig::new("l", "n", "H"), &hub).wait().unwrap();
    soon("all arrived", || status(&a).pushed == 20);
    hub.delete_stream("H").wait().unwrap();
    let h = shared(&hub, "H", &["n"]);
    a.remove_link("l").unwrap();
    a.add_link(LinkConfig::new("l", "n", "H"), &hub).wait().unwrap();
    soon("all arrived again", || payloads(&h).len() == 20);
    assert_eq!(status(&a).resets, 1);
}

#[test]
fn what_a_link_cannot_be_told_is_refused_by_name() {
    let (hub, a) = (Engine::memory().unwrap(), Engine::memory().unwrap());
    shared(&hub, "H", &["n"]);
    stream(&a, "n", &["n"]);
    let refused = |config: LinkConfig| a.add_link(config, &hub).wait().unwrap_err().to_string();
    assert!(refused(LinkConfig::new("l", "nowhere", "H")).contains("nowhere"));
    assert!(refused(LinkConfig::new("l", "n", "nowhere")).contains("nowhere"));
    assert!(refused(LinkConfig::new("a link", "n", "H")).contains("a link"));
    let map = |local: &str, remote: &str| SubjectMap { local: local.to_owned(), remote: remote.to_owned() };
    let config = LinkConfig { map: vec![map("n", "a"), map("m", "a.b")], ..LinkConfig::new("l", "n", "H") };
    assert!(refused(config).contains("overlap"));
    a.add_link(LinkConfig::new("l", "n", "H"), &hub).wait().unwrap();
    assert!(refused(LinkConfig::new("l", "n", "H")).contains("already"));
}

#[test]
fn a_stream_that_was_made_anew_under_a_link_at_work_gets_everything_again() {
    for exclusive in [false, true] {
        let (hub, a) = (Engine::memory().unwrap(), Engine::memory().unwrap());
        shared(&hub, "H", &["n"]);
        let s = stream(&a, "n", &["n"]);
        (0..20).for_each(|n| put(&s, "n", &n.to_string()));
        a.add_link(LinkConfig { exclusive, ..LinkConfig::new("l", "n", "H") }, &hub).wait().unwrap();
        soon("all arrived", || status(&a).pushed == 20);
        hub.delete_stream("H").wait().unwrap();
        let h = shared(&hub, "H", &["n"]);
        // The direction that has nothing to carry is told by the other one.
        soon("all arrived again", || payloads(&h).len() == 20);
        put(&s, "n", "20");
        soon("it goes on", || payloads(&h).len() == 21);
        assert_eq!(counts(&h), once((0..=20).map(|n| n.to_string())));
        soon("it has heard so", || status(&a).lag_push == 0);
        assert_eq!(status(&a).resets, 1);
    }
}

#[test]
fn a_push_that_meets_another_stream_of_the_name_begins_again() {
    for exclusive in [false, true] {
        let (hub, a) = (Engine::memory().unwrap(), Engine::memory().unwrap());
        shared(&hub, "H", &["n", "m"]);
        let s = stream(&a, "n", &["n"]);
        (0..20).for_each(|n| put(&s, "n", &n.to_string()));
        let config = LinkConfig { exclusive, direction: Direction::Push, ..LinkConfig::new("l", "n", "H") };
        a.add_link(config, &hub).wait().unwrap();
        soon("all arrived", || status(&a).pushed == 20);
        hub.delete_stream("H").wait().unwrap();
        let h = shared(&hub, "H", &["n", "m"]);
        // Longer than the one before it, so that no sequence tells them apart.
        (0..30).for_each(|n| put(&h, "m", &format!("m{n}")));
        put(&s, "n", "20");
        soon("all arrived again", || payloads(&h).len() == 51);
        assert_eq!(status(&a).resets, 1);
    }
}

#[test]
fn with_on_reset_stop_nothing_is_carried_to_another_stream_of_the_name() {
    let (hub, a) = (Engine::memory().unwrap(), Engine::memory().unwrap());
    shared(&hub, "H", &["n"]);
    let s = stream(&a, "n", &["n"]);
    put(&s, "n", "0");
    a.add_link(LinkConfig { on_reset: OnReset::Stop, ..LinkConfig::new("l", "n", "H") }, &hub).wait().unwrap();
    soon("it arrived", || status(&a).pushed == 1);
    hub.delete_stream("H").wait().unwrap();
    let h = shared(&hub, "H", &["n"]);
    soon("it stops", || status(&a).last_error.is_some_and(|e| e.contains("on_reset = stop")));
    put(&s, "n", "1");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(payloads(&h), Vec::<String>::new());
    assert_eq!(status(&a).lag_push, 1, "what it does not carry is behind");
}

#[test]
fn what_no_filter_takes_is_no_lag() {
    for exclusive in [false, true] {
        let (hub, a) = (Engine::memory().unwrap(), Engine::memory().unwrap());
        shared(&hub, "H", &["n.>"]);
        let s = stream(&a, "n", &["n.>"]);
        let config = LinkConfig { filters: vec!["n.eu.*".to_owned()], exclusive, ..LinkConfig::new("l", "n", "H") };
        a.add_link(config, &hub).wait().unwrap();
        for n in 0..3 {
            put(&s, "n.eu.1", &format!("eu{n}"));
            put(&s, "n.us.1", &format!("us{n}"));
        }
        soon("all arrived", || status(&a).pushed == 3 && status(&a).lag_push == 0);
        a.remove_link("l").unwrap();
    }
}

#[test]
fn what_local_limits_removed_before_it_was_pushed_is_counted_once() {
    let (hub, a) = (Engine::memory().unwrap(), Engine::memory().unwrap());
    let h = shared(&hub, "H", &["n.>"]);
    let s = stream(&a, "n", &["n.>"]);
    put(&s, "n.eu", "first");
    let config = LinkConfig { filters: vec!["n.eu".to_owned()], ..LinkConfig::new("l", "n", "H") };
    a.add_link(config.clone(), &hub).wait().unwrap();
    soon("it arrived", || status(&a).pushed == 1);
    a.remove_link("l").unwrap();
    (0..10).for_each(|n| put(&s, "n.eu", &format!("lost{n}")));
    put(&s, "n.us", "stays");
    s.purge(&PurgeOptions { before_seq: Some(12), ..PurgeOptions::default() }).wait().unwrap();
    for missed in [10, 0] {
        a.add_link(config.clone(), &hub).wait().unwrap();
        soon("it looked at all", || status(&a).state == LinkState::Running && status(&a).pushed_seq >= 11);
        assert_eq!(status(&a).missed, missed);
        a.remove_link("l").unwrap();
    }
    assert_eq!(payloads(&h), ["first"]);
}

#[test]
fn a_stream_with_a_link_is_not_removed_before_the_link() {
    let (hub, a) = (Engine::memory().unwrap(), Engine::memory().unwrap());
    shared(&hub, "H", &["n"]);
    stream(&a, "n", &["n"]);
    a.add_link(LinkConfig::new("l", "n", "H"), &hub).wait().unwrap();
    let refused = a.delete_stream("n").wait().unwrap_err();
    assert_eq!((refused.kind(), refused.to_string().contains("link 'l'")), (ErrorKind::Conflict, true), "{refused}");
    a.remove_link("l").unwrap();
    a.delete_stream("n").wait().unwrap();
}

#[test]
fn clocks_years_apart_change_nothing() {
    let at = |nanos: u64| {
        let clock = Arc::new(ManualClock::new(nanos, nanos ^ 7));
        Engine::memory_with(EngineOptions { clock, ..EngineOptions::default() }).unwrap()
    };
    let year = 365 * 86_400 * SECOND;
    let (hub, a, b) = (at(60 * year), at(1), at(200 * year));
    let h = shared(&hub, "ORDERS", &["orders.>"]);
    let (sa, sb) = (stream(&a, "orders", &["orders.>"]), stream(&b, "orders", &["orders.>"]));
    for edge in [&a, &b] {
        edge.add_link(LinkConfig::new("l", "orders", "ORDERS"), &hub).wait().unwrap();
    }
    for n in 0..50 {
        put(&sa, "orders.a", &format!("a{n}"));
        put(&sb, "orders.b", &format!("b{n}"));
        put(&h, "orders.h", &format!("h{n}"));
    }
    let wanted = once((0..50).flat_map(|n| [format!("a{n}"), format!("b{n}"), format!("h{n}")]));
    for side in [&h, &sa, &sb] {
        soon("all are there", || payloads(side).len() >= wanted.len());
        assert_eq!(counts(side), wanted);
    }
    // When it happened is what the clock of its writer said.
    assert_eq!(sa.last("orders.b").wait().unwrap().unwrap().event_time, Some(200 * year as i64));
    assert_eq!(sb.last("orders.a").wait().unwrap().unwrap().event_time, Some(1));
}
