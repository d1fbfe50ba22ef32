//! What is odd at an edge: its clock, its disk, its past, and the routes from it. Every acknowledged record is on every
//! side once all the same.

use std::ops::ControlFlow;
use std::sync::Arc;

use headwater::{Append, Engine, EngineOptions, LinkConfig, LinkState};

use crate::full_disk::FullDisk;
use crate::process::Years;
use crate::server::Server;
use crate::world::{Dir, Edge, config, config_with, holds_all, hub, payloads, until};

#[test]
fn clocks_that_are_years_apart_change_nothing() {
    let server = Server::start("2.15.1");
    let dirs = [Dir::new("ahead"), Dir::new("behind")];
    let mut edges = [("a", 10, &dirs[0]), ("b", -10, &dirs[1])].map(|(name, years, dir)| {
        let options = EngineOptions { clock: Arc::new(Years(years)), ..EngineOptions::default() };
        Edge::open_with(name, &config(dir.path(), &server.url(), ""), options)
    });
    for _ in 0..5 {
        for edge in &mut edges {
            edge.put(40);
        }
        until("something is pulled", || edges.iter().all(|edge| edge.status().pulled > 0));
    }
    let all = [&edges[0].acked[..], &edges[1].acked];
    for edge in &edges {
        holds_all(&edge.name, &edge.orders, &all);
    }
    holds_all("the hub", &hub(&server.url()).stream("ORDERS").wait().unwrap(), &all);
    for edge in &edges {
        let info = edge.orders.info().wait().unwrap();
        assert!(info.last_time.abs_diff(info.first_time) < 3600 * headwater::SECOND, "{info:?}");
    }
}

#[test]
fn an_edge_whose_disk_is_full_takes_what_it_missed_when_there_is_room() {
    let server = Server::start("2.15.1");
    let (dir, disk) = (Dir::new("full"), FullDisk::default());
    let options = EngineOptions { disk: Arc::new(disk.clone()), ..EngineOptions::default() };
    let mut edge = Edge::open_with("a", &config(dir.path(), &server.url(), ""), options);
    edge.put(20);
    until("it is carried", || edge.status().pushed == 20);
    let orders = hub(&server.url()).stream("ORDERS").wait().unwrap();
    disk.set(true);
    let mut theirs = Vec::new();
    for n in 0..50 {
        theirs.push(format!("h-{n}"));
        orders.append(&Append::new("orders.h", theirs[n].as_bytes())).wait().unwrap();
    }
    let refused = edge.orders.append(&Append::new("orders.a", b"a-20")).wait().unwrap_err();
    assert!(refused.is_disk_full(), "{refused:?}");
    until("the link says why it waits", || {
        let status = edge.status();
        status.state == LinkState::Waiting && status.last_error.is_some_and(|why| why.contains("full"))
    });
    disk.set(false);
    edge.put(20);
    let all = [&edge.acked[..], &theirs];
    holds_all("the edge", &edge.orders, &all);
    holds_all("the hub", &orders, &all);
}

#[test]
fn an_edge_from_an_old_backup_gets_its_own_records_back() {
    let server = Server::start("2.15.1");
    let dir = Dir::new("live");
    let copy = Dir::new("copy");
    let restored = copy.path().join("data");
    let mut edge = Edge::open("a", &config(dir.path(), &server.url(), ""));
    edge.put(40);
    until("it is on the hub", || edge.status().pushed == 40);
    edge.engine.backup(&restored, &mut |_, _| ControlFlow::Continue(())).unwrap();
    edge.put(60);
    until("all is on the hub", || edge.status().pushed == 100);
    edge.engine.close().unwrap();
    // The copy knows where its link was.
    let at_rest = Engine::open(&restored).unwrap();
    let status = at_rest.link_at_rest(&LinkConfig::new("l", "orders", "ORDERS")).unwrap();
    assert_eq!(status.pushed_seq, 40);
    at_rest.close().unwrap();
    let acked = std::mem::take(&mut edge.acked);
    let mut edge = Edge::open("c", &config(&restored, &server.url(), ""));
    assert_eq!(payloads(&edge.orders).len(), 40);
    edge.put(30);
    holds_all("the restored edge", &edge.orders, &[&acked, &edge.acked]);
    holds_all("the hub", &hub(&server.url()).stream("ORDERS").wait().unwrap(), &[&acked, &edge.acked]);
}

#[test]
fn two_routes_with_filters_that_overlap_bring_each_record_once() {
    let server = Server::start("2.15.1");
    let dirs = [Dir::new("a"), Dir::new("b")];
    // What one takes and the other does not is behind and before what both take.
    let routes = "filters = [\"orders.a\", \"orders.*.eu\"]\n[[link]]\nname = \"m\"\nstream = \"orders\"\n\
                  hub_stream = \"ORDERS\"\nfilters = [\"orders.a\", \"orders.*.us\"]\n";
    let edges = [("a", routes), ("b", "")].map(|(name, more)| {
        let dir = &dirs[usize::from(name == "b")];
        Edge::open(name, &config_with(dir.path(), &server.url(), more, &|_| None))
    });
    let mut acked = vec![Vec::new(); 3];
    for n in 0..300 {
        let (subject, of) = [("orders.a", "all"), ("orders.a.eu", "eu"), ("orders.a.us", "us")][n * 7 % 11 % 3];
        let payload = format!("{of}-{n}");
        edges[0].orders.append(&Append::new(subject, payload.as_bytes())).wait().unwrap();
        acked[n * 7 % 11 % 3].push(payload);
    }
    let all: Vec<&[String]> = acked.iter().map(Vec::as_slice).collect();
    let there = hub(&server.url());
    until("the stream is there", || there.stream("ORDERS").wait().is_ok());
    holds_all("the hub", &there.stream("ORDERS").wait().unwrap(), &all);
    for edge in &edges {
        holds_all(&edge.name, &edge.orders, &all);
    }
    let standing = |edge: &Edge| edge.engine.links().unwrap();
    until("nothing is left", || edges.iter().flat_map(standing).all(|link| link.lag_push + link.lag_pull == 0));
    for edge in &edges {
        assert_eq!(payloads(&edge.orders).len(), 300);
    }
}
