//! Links over a cluster whose servers are killed one after the other, the leader with them: every record is on every
//! side once, and each edge's in its order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::stream::hub::testing::{Cluster, Server, VERSIONS, pause, since};
use crate::{Append, Direction, Engine, HubConfig, HubOptions, LinkConfig, ReadOptions, Stream, StreamConfig};

/// How long anything may take to come about here, in steps of 20 ms.
const PATIENCE: u32 = 3000;

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..PATIENCE {
        if holds() {
            return;
        }
        pause(20);
    }
    panic!("waited in vain until {what}");
}

/// The number of each record, in order, of those that this edge wrote.
fn written_by(stream: &Stream, edge: usize) -> Vec<u64> {
    let filter = format!("orders.{edge}");
    let (mut numbers, mut from) = (Vec::new(), 1);
    loop {
        let options = ReadOptions::default().filter(&filter).from_seq(from).max_records(1000);
        let mut read = stream.read(&options).wait();
        // A server that comes back may not answer yet.
        until("the stream is read", || {
            read.is_ok() || {
                read = stream.read(&options).wait();
                read.is_ok()
            }
        });
        let batch = read.expect("read");
        let Some(last) = batch.iter().last().map(|r| r.seq) else { return numbers };
        numbers
            .extend(batch.iter().map(|r| std::str::from_utf8(r.payload).expect("text").parse::<u64>().expect("one")));
        from = last + 1;
    }
}

/// Connects to a cluster whose servers have found each other.
fn connector(cluster: &Cluster) -> impl Fn() -> Engine + use<> {
    drop(cluster.connect());
    let urls: Vec<String> = cluster.0.iter().map(Server::url).collect();
    let options = HubOptions { urls, request_timeout: Duration::from_secs(2), ..HubOptions::default() };
    move || {
        let mut connected = None;
        until("the hub takes a connection", || {
            connected = Engine::connect(options.clone()).wait().ok();
            connected.is_some()
        });
        connected.expect("it was there")
    }
}

fn hub_with_orders(connect: impl Fn() -> Engine) -> Engine {
    let hub = connect();
    let config = StreamConfig {
        hub: Some(Box::new(HubConfig { replicas: 3, ..HubConfig::default() })),
        ..StreamConfig::new("ORDERS", ["orders.>", "$HW.ORDERS.>"])
    };
    until("the stream is made", || hub.create_stream(config.clone()).wait().is_ok());
    hub
}

fn kill_each(cluster: &mut Cluster) {
    for server in &mut cluster.0 {
        pause(500);
        server.restart();
        pause(1000);
    }
}

#[test]
fn edges_push_while_each_server_of_a_cluster_is_killed() {
    for version in VERSIONS.into_iter().filter(|v| since(v, 12)) {
        println!("nats-server {version}");
        let mut cluster = Cluster::start(version);
        let connect = connector(&cluster);
        let hub = hub_with_orders(&connect);
        let edges: Vec<Engine> = (0..3).map(|_| Engine::memory().expect("an edge")).collect();
        let mut streams = Vec::new();
        for edge in &edges {
            streams.push(edge.create_stream(StreamConfig::new("orders", ["orders.>"])).wait().expect("a stream"));
            let link = LinkConfig::new("l", "orders", "ORDERS");
            until("the link is made", || edge.add_link(link.clone(), &connect()).wait().is_ok());
        }
        let killing = AtomicBool::new(true);
        let written: Vec<u64> = std::thread::scope(|scope| {
            #[allow(clippy::disallowed_methods, reason = "edges write while servers are killed")]
            let write = |(edge, stream): (usize, &Stream)| {
                let (stream, killing) = (stream.clone(), &killing);
                scope.spawn(move || {
                    let (subject, mut count) = (format!("orders.{edge}"), 0);
                    while killing.load(Ordering::Relaxed) {
                        let text = u64::to_string(&count);
                        stream.append(&Append::new(&subject, text.as_bytes())).wait().expect("a local append");
                        count += 1;
                        pause(2);
                    }
                    count
                })
            };
            let writers: Vec<_> = streams.iter().enumerate().map(write).collect();
            kill_each(&mut cluster);
            killing.store(false, Ordering::Relaxed);
            writers.into_iter().map(|w| w.join().expect("a writer")).collect()
        });
        let all: u64 = written.iter().sum();
        let there = |stream: &Stream| stream.info().wait().map_or(0, |info| info.records);
        for stream in &streams {
            until("every edge has every record", || there(stream) >= all);
        }
        let on_hub = hub.stream("ORDERS").wait().expect("the hub's stream");
        for stream in streams.iter().chain([&on_hub]) {
            for (edge, &count) in written.iter().enumerate() {
                assert!(count > 100, "edge {edge} hardly wrote: {count}");
                assert_eq!(written_by(stream, edge), (0..count).collect::<Vec<_>>(), "edge {edge}");
            }
        }
        for edge in &edges {
            let status = edge.links().expect("links").remove(0);
            println!("{all} records; {status:?}");
            assert_eq!((status.missed, status.resets), (0, 0), "{status:?}");
        }
    }
}

#[test]
fn an_edge_pushes_runs_alone_while_each_server_of_a_cluster_is_killed() {
    for version in VERSIONS.into_iter().filter(|v| since(v, 14)) {
        println!("nats-server {version}");
        let mut cluster = Cluster::start(version);
        let connect = connector(&cluster);
        let hub = hub_with_orders(&connect);
        let on_hub = hub.stream("ORDERS").wait().expect("the hub's stream");
        let edge = Engine::memory().expect("an edge");
        let stream = edge.create_stream(StreamConfig::new("orders", ["orders.>"])).wait().expect("a stream");
        let config =
            LinkConfig { direction: Direction::Push, exclusive: true, ..LinkConfig::new("l", "orders", "ORDERS") };
        until("the link is made", || edge.add_link(config.clone(), &connect()).wait().is_ok());
        let killing = AtomicBool::new(true);
        let count = std::thread::scope(|scope| {
            #[allow(clippy::disallowed_methods, reason = "the edge writes while servers are killed")]
            let writer = scope.spawn(|| {
                let mut count = 0_u64;
                while killing.load(Ordering::Relaxed) {
                    let texts: Vec<String> = (count..count + 50).map(|n| n.to_string()).collect();
                    let batch: Vec<Append<'_>> = texts.iter().map(|t| Append::new("orders.0", t.as_bytes())).collect();
                    stream.append_batch(&batch).wait().expect("a local append");
                    count += 50;
                    pause(10);
                }
                count
            });
            kill_each(&mut cluster);
            killing.store(false, Ordering::Relaxed);
            writer.join().expect("the writer")
        });
        until("the hub has every record", || on_hub.info().wait().map_or(0, |info| info.records) >= count);
        assert!(count > 5000, "the edge hardly wrote: {count}");
        assert_eq!(written_by(&on_hub, 0), (0..count).collect::<Vec<_>>());
        let status = edge.links().expect("links").remove(0);
        println!("{count} records; {status:?}");
        assert_eq!((status.missed, status.resets), (0, 0), "{status:?}");
    }
}
