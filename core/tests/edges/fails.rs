//! What fails under links: the hub's process, the connection, the hub's stream and its limits. After each, every
//! acknowledged record is on every side once.

use std::net::Shutdown;
use std::time::Duration;

use headwater::{Append, Discard, Engine, LinkState, PurgeOptions, Stream, StreamConfig};

use crate::proxy::Proxy;
use crate::server::Server;
use crate::world::{Dir, Edge, config, holds_all, hub, payloads, until};

/// Appends at the hub, and keeps what was acknowledged.
fn put_there(orders: &Stream, acked: &mut Vec<String>, count: usize) {
    for _ in 0..count {
        let payload = format!("h-{}", acked.len());
        orders.append(&Append::new("orders.h", payload.as_bytes())).wait().unwrap();
        acked.push(payload);
    }
}

fn shared(limits: impl FnOnce(StreamConfig) -> StreamConfig) -> StreamConfig {
    limits(StreamConfig::new("ORDERS", ["orders.>", "$HW.ORDERS.>"]))
}

#[test]
fn a_hub_that_is_killed_while_two_edges_push_and_pull_loses_and_doubles_nothing() {
    let mut server = Server::start("2.15.1");
    let (da, db) = (Dir::new("a"), Dir::new("b"));
    let mut edges = [("a", &da), ("b", &db)].map(|(n, d)| Edge::open(n, &config(d.path(), &server.url(), "")));
    let mut theirs = Vec::new();
    until("the stream is there", || hub(&server.url()).stream("ORDERS").wait().is_ok());
    for round in 0..4 {
        let there = hub(&server.url());
        put_there(&there.stream("ORDERS").wait().unwrap(), &mut theirs, 20);
        for edge in &mut edges {
            edge.put(300);
        }
        if round % 2 == 1 {
            until("something was carried", || edges.iter().all(|edge| edge.status().pushed > 100 * round as u64));
        }
        server.kill();
        for edge in &mut edges {
            edge.put(50);
        }
        server.again();
    }
    let all = [&edges[0].acked[..], &edges[1].acked, &theirs];
    for edge in &edges {
        holds_all("an edge", &edge.orders, &all);
    }
    holds_all("the hub", &hub(&server.url()).stream("ORDERS").wait().unwrap(), &all);
    // What came back must not go round again.
    until("nothing is left", || edges.iter().all(|e| e.status().lag_push == 0 && e.status().lag_pull == 0));
    assert_eq!(edges.each_ref().map(|e| payloads(&e.orders).len()), [theirs.len() + 2 * 1400; 2]);
}

#[test]
fn a_connection_that_is_cut_delayed_and_half_closed_changes_nothing() {
    let server = Server::start("2.15.1");
    let (proxy, dir) = (Proxy::to(&[server.port]), Dir::new("a"));
    let mut edge = Edge::open("a", &config(dir.path(), &proxy.url(), ""));
    let there = hub(&server.url());
    until("the stream is there", || there.stream("ORDERS").wait().is_ok());
    let orders = there.stream("ORDERS").wait().unwrap();
    let mut theirs = Vec::new();
    for how in [Shutdown::Both, Shutdown::Read, Shutdown::Write] {
        edge.put(200);
        put_there(&orders, &mut theirs, 20);
        proxy.drop_all(how);
        edge.put(50);
        proxy.delay_ms(20);
        until("it goes on", || edge.status().lag_push < 100);
        proxy.delay_ms(0);
        proxy.cut();
        edge.put(100);
        put_there(&orders, &mut theirs, 20);
        until("it is noticed", || edge.engine.hub_state().unwrap().phase.name() == "reconnecting");
        proxy.heal();
    }
    let all = [&edge.acked[..], &theirs];
    holds_all("the hub", &orders, &all);
    holds_all("the edge", &edge.orders, &all);
    assert!(edge.engine.hub_state().unwrap().reconnects >= 3);
}

#[test]
fn what_arrives_twice_and_after_the_window_and_what_was_cut_for_longer_lands_once() {
    let window = "[link.create]\nduplicate_window = \"200ms\"\n";
    for more in ["", "exclusive = true\ndirection = \"push\"\n"] {
        let server = Server::start("2.15.1");
        let (proxy, dir) = (Proxy::to(&[server.port]), Dir::new("twin"));
        // Less than the window and more than it: the server forgets message ids meanwhile, if there were any.
        proxy.double(100);
        let mut edge = Edge::open("a", &config(dir.path(), &proxy.url(), &format!("{more}{window}")));
        edge.put(200);
        let there = hub(&server.url());
        until("the stream is there", || there.stream("ORDERS").wait().is_ok());
        let orders = there.stream("ORDERS").wait().unwrap();
        let mut theirs = Vec::new();
        for twin_ms in [500, 700] {
            edge.put(100);
            until("it goes on", || edge.status().lag_push < 50);
            if more.is_empty() {
                put_there(&orders, &mut theirs, 20);
            }
            proxy.double(twin_ms);
            edge.put(100);
            proxy.cut();
            edge.put(100);
            std::thread::sleep(Duration::from_millis(500));
            proxy.heal();
            until("it is back", || edge.status().lag_push < 50);
        }
        let all = [&edge.acked[..], &theirs];
        holds_all("the hub", &orders, &all);
        holds_all("the edge", &edge.orders, &all);
        // What is late comes now.
        std::thread::sleep(Duration::from_millis(1500));
        holds_all("the hub, later", &orders, &all);
        holds_all("the edge, later", &edge.orders, &all);
        edge.engine.close().unwrap();
    }
}

#[test]
fn a_link_with_nothing_to_do_says_that_its_hub_is_away() {
    let server = Server::start("2.15.1");
    let (proxy, dir) = (Proxy::to(&[server.port]), Dir::new("a"));
    let mut edge = Edge::open("a", &config(dir.path(), &proxy.url(), ""));
    edge.put(1);
    until("it is carried", || edge.status().pushed == 1 && edge.status().state == LinkState::Running);
    proxy.cut();
    until("it is noticed", || edge.status().state == LinkState::Waiting);
    let why = edge.status().last_error.unwrap();
    assert!(why.contains("the hub is reconnecting"), "{why}");
    edge.put(5);
    let state = edge.engine.hub_state().unwrap();
    assert_eq!(state.lag_records, 5);
    assert!(!state.last_error.is_empty());
    proxy.heal();
    until("it goes on", || edge.status().state == LinkState::Running);
    until("nothing is left", || edge.engine.hub_state().unwrap().lag_records == 0);
    assert_eq!(edge.engine.hub_state().unwrap().last_error, "", "what was wrong before is over");
}

#[test]
fn a_stream_of_the_hub_that_is_deleted_or_purged_is_filled_again_as_configured() {
    let server = Server::start("2.15.1");
    let (dir, again) = (Dir::new("resend"), Dir::new("continue"));
    let mut edge = Edge::open("a", &config(dir.path(), &server.url(), ""));
    edge.put(100);
    let there = hub(&server.url());
    until("all is there", || edge.status().pushed == 100);
    there.delete_stream("ORDERS").wait().unwrap();
    edge.put(10);
    until("it is made anew", || there.stream("ORDERS").wait().is_ok());
    holds_all("the new stream", &there.stream("ORDERS").wait().unwrap(), &[&edge.acked]);
    assert!(edge.status().resets >= 1);
    // A purge takes what was pushed and what says so: that is a stream that lost it.
    there.stream("ORDERS").wait().unwrap().purge(&PurgeOptions::default()).wait().unwrap();
    edge.engine.close().unwrap();
    let mut edge = Edge { acked: edge.acked, ..Edge::open("a", &config(dir.path(), &server.url(), "")) };
    edge.put(10);
    holds_all("the purged stream", &there.stream("ORDERS").wait().unwrap(), &[&edge.acked]);
    assert_eq!(payloads(&edge.orders).len(), 120, "nothing came back as somebody else's");
    edge.engine.close().unwrap();
    there.delete_stream("ORDERS").wait().unwrap();
    let mut edge =
        Edge::open("b", &config(again.path(), &server.url(), "on_reset = \"continue\"\ndirection = \"push\""));
    edge.put(50);
    until("all is there", || edge.status().pushed == 50);
    there.delete_stream("ORDERS").wait().unwrap();
    edge.put(5);
    until("it goes on", || there.stream("ORDERS").wait().is_ok_and(|s| payloads(&s).len() == 5));
}

#[test]
fn a_link_waits_for_room_on_the_hub_and_says_so() {
    let server = Server::start("2.15.1");
    let there = hub(&server.url());
    let full = |max_msgs| shared(|c| StreamConfig { max_msgs, discard: Discard::New, ..c });
    let orders = there.create_stream(full(20)).wait().unwrap();
    let dir = Dir::new("a");
    let mut edge = Edge::open("a", &config(dir.path(), &server.url(), ""));
    edge.put(5);
    until("there is room", || edge.status().pushed == 5);
    edge.put(60);
    until("it waits", || edge.status().state == LinkState::Waiting);
    let error = edge.status().last_error.unwrap();
    assert!(error.contains("maximum messages"), "{error}");
    there.update_stream(full(1000)).wait().unwrap();
    holds_all("the hub", &orders, &[&edge.acked]);
}

#[test]
fn two_hubs_streams_in_a_circle_end_where_they_began() {
    let server = Server::start("2.15.1");
    let there = hub(&server.url());
    for name in ["X", "Y"] {
        there.create_stream(StreamConfig::new(name, [format!("{name}.>"), format!("$HW.{name}.>")])).wait().unwrap();
    }
    let dirs = [Dir::new("a"), Dir::new("b")];
    let mut edges = ["a", "b"].map(|name| (name, Vec::new()));
    let engines: Vec<Engine> = dirs
        .iter()
        .map(|dir| {
            let link = |hub: &str| {
                let map = format!("map = [{{ local = \"n\", remote = \"{hub}\" }}]\n");
                format!("[[link]]\nstream = \"n\"\nhub_stream = \"{hub}\"\n{map}")
            };
            let text = format!(
                "[[stream]]\nname = \"n\"\nsubjects = [\"n.>\"]\n[hub]\nurl = \"{}\"\n{}{}",
                server.url(),
                link("X"),
                link("Y")
            );
            let path = dir.path().join("headwater.toml");
            std::fs::write(&path, text).unwrap();
            Engine::open_config(&headwater::Config::load(path, &|_| None).unwrap()).unwrap()
        })
        .collect();
    let streams: Vec<Stream> = engines.iter().map(|e| e.stream("n").wait().unwrap()).collect();
    for ((name, acked), stream) in edges.iter_mut().zip(&streams) {
        for n in 0..150 {
            let payload = format!("{name}-{n}");
            stream.append(&Append::new("n.x", payload.as_bytes())).wait().unwrap();
            acked.push(payload);
        }
    }
    let all = [&edges[0].1[..], &edges[1].1];
    let hubs = ["X", "Y"].map(|name| there.stream(name).wait().unwrap());
    streams.iter().chain(&hubs).for_each(|stream| holds_all("each", stream, &all));
    std::thread::sleep(Duration::from_millis(200));
    streams.iter().chain(&hubs).for_each(|stream| assert_eq!(payloads(stream).len(), 300));
}

#[test]
fn a_stream_that_others_make_anew_or_purge_under_a_push_gets_everything_again() {
    for more in ["direction = \"push\"", "direction = \"push\"\nexclusive = true"] {
        let (server, dir) = (Server::start("2.15.1"), Dir::new("anew"));
        let mut edge = Edge::open("a", &config(dir.path(), &server.url(), more));
        let there = hub(&server.url());
        edge.put(30);
        until("all is pushed", || edge.status().pushed == 30);
        there.delete_stream("ORDERS").wait().unwrap();
        let orders = there.create_stream(shared(|config| config)).wait().unwrap();
        // No word of it reaches the edge, and what is on the way next could land as if nothing had been.
        edge.put(1);
        holds_all("the stream that was made anew", &orders, &[&edge.acked]);
        until("nothing is left", || edge.status().lag_push == 0);
        assert_eq!(edge.status().resets, 1);
        if !more.contains("exclusive") {
            orders.purge(&PurgeOptions::default()).wait().unwrap();
            edge.put(1);
            holds_all("the stream that was purged", &orders, &[&edge.acked]);
        }
        edge.engine.close().unwrap();
    }
}
