//! A directory that several engines share through the local socket of the one that has it open.
//!
//! The conformance vectors say that each operation means the same; here is what only a node has: who is reached, many
//! at once, ends of either side, and clients that speak nonsense.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

mod measure;
mod nonsense;
mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use headwater::{
    Append, ConsumerConfig, DeliverPolicy, Durability, Engine, EngineOptions, ErrorKind, LocalServer, NodeUse,
    ReadOptions, StreamConfig, SubscribeOptions,
};

use world::{Node, PATIENCE};

#[test]
fn an_open_reaches_the_node_while_there_is_one() {
    let node = Node::new("open");
    assert!(!node.owner.is_through_node());
    let socket = node.dir.join("node.sock");
    assert_eq!(node.server.socket(), socket);
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let client = node.client();
    assert_eq!((client.id(), client.dir()), (node.owner.id(), Some(node.dir.clone())));
    let never = EngineOptions { node: NodeUse::Never, ..EngineOptions::default() };
    assert_eq!(Engine::open_with(&node.dir, never).unwrap_err().kind(), ErrorKind::Busy);
    assert!(!Engine::open_with(&node.dir, EngineOptions::read_only()).unwrap().is_through_node());
    assert_eq!(LocalServer::start(&node.owner).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(LocalServer::start(&client).unwrap_err().kind(), ErrorKind::Unsupported);
    let refused = client.add_link(headwater::LinkConfig::default(), &node.owner).wait().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(refused.message().contains("through its node"), "{refused}");
    node.server.stop();
    assert!(!socket.exists());
    let only = || EngineOptions { node: NodeUse::Only, ..EngineOptions::default() };
    assert_eq!(Engine::open_with(&node.dir, only()).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(Engine::open(&node.dir).unwrap_err().kind(), ErrorKind::Busy);
    // A socket that a killed node left behind is in nobody's way.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert_eq!(Engine::open(&node.dir).unwrap_err().kind(), ErrorKind::Busy);
    let again = LocalServer::start(&node.owner).unwrap();
    assert!(Engine::open_with(&node.dir, only()).unwrap().is_through_node());
    drop(again);
}

#[test]
fn a_client_tells_the_metrics_of_its_node() {
    let node = Node::new("metrics");
    let orders = node.orders(Durability::Os);
    orders.append(&Append::new("orders.1", b"x")).wait().unwrap();
    let (client, there) = (node.client(), node.owner.metrics().unwrap());
    assert!(there.iter().any(|m| m.name == "headwater_stream_records" && m.labels[0].1 == "orders" && m.value > 0.0));
    assert_eq!(client.metrics().unwrap(), there);
    node.server.stop();
    // Whoever asks before it is known that the node went away, is told by the wait for the answer.
    let first = client.metrics().unwrap_err().kind();
    assert!(matches!(first, ErrorKind::Io | ErrorKind::Closed), "{first:?}");
    assert_eq!(client.metrics().unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn a_directory_with_a_long_name_has_a_node_too() {
    let long = std::env::temp_dir().join(format!("hw-node-{}", std::process::id())).join("d".repeat(150));
    let node = Node::at(long.clone());
    let orders = node.client().create_stream(StreamConfig::new("orders", ["orders"])).wait().unwrap();
    assert_eq!(orders.append(&Append::new("orders", b"x")).wait().unwrap().seq, 1);
    drop((orders, node));
    fs::remove_dir_all(long.parent().unwrap()).unwrap();
}

#[test]
fn appends_on_their_way_are_answered_each_by_its_own() {
    let node = Node::new("window");
    node.orders(Durability::Fsync);
    let orders = node.client().stream("orders").wait().unwrap();
    let window: Vec<_> = (0..5000u32)
        .map(|n| {
            let payload = n.to_le_bytes();
            let append = Append::new("orders.1", &payload).expect_last_seq(u64::from(n));
            orders.append(&append)
        })
        .collect();
    for (n, pending) in window.into_iter().enumerate() {
        let ack = pending.wait().unwrap();
        assert_eq!((ack.seq, ack.durability), (n as u64 + 1, Durability::Fsync));
    }
    let error = orders.append(&Append::new("orders.1", b"").expect_last_seq(1)).wait().unwrap_err();
    assert_eq!((error.kind(), error.expected(), error.actual()), (ErrorKind::Conflict, Some(1), Some(5000)));
}

#[test]
fn the_largest_batch_and_a_read_of_more_than_one_answer_pass() {
    let node = Node::new("large");
    node.orders(Durability::Os);
    let orders = node.client().stream("orders").wait().unwrap();
    let payload = vec![7; 66_000];
    let batch: Vec<_> = (0..1000).map(|_| Append::new("orders.1", &payload)).collect();
    assert_eq!(orders.append_batch(&batch).wait().unwrap().count, 1000);
    let all = || ReadOptions { max_bytes: usize::MAX, ..ReadOptions::default() };
    for options in [all(), all().backward()] {
        let read = orders.read(&options).wait().unwrap();
        let mut seqs: Vec<u64> = read.iter().map(|r| r.seq).collect();
        if options.backward {
            seqs.reverse();
        }
        assert_eq!(seqs, (1..=1000).collect::<Vec<_>>());
        assert!(read.iter().all(|r| r.payload == payload));
    }
    assert_eq!(orders.read(&all().max_records(300)).wait().unwrap().len(), 300);
    let error = orders.append(&Append::new("orders.1", &vec![0; 17 << 20])).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn whoever_waits_is_woken_by_any_other_client() {
    let node = Node::new("wake");
    node.orders(Durability::Os);
    let (one, two) = (node.client(), node.client());
    let here = one.stream("orders").wait().unwrap();
    let there = two.stream("orders").wait().unwrap();
    let new = SubscribeOptions::default().deliver(DeliverPolicy::New);
    let subscription = here.subscribe(new).wait().unwrap();
    let consumer = here.create_consumer(ConsumerConfig::new("worker")).wait().unwrap();
    let mut gone = subscription.next(1);
    assert_eq!(gone.wait_timeout(Duration::from_millis(5)).unwrap_err().kind(), ErrorKind::Timeout);
    drop(gone);
    for n in 1..=50u64 {
        let (mut next, mut task) = (subscription.next(10), consumer.next(10));
        assert!(next.wait_timeout(Duration::ZERO).is_err());
        there.append(&Append::new("orders.1", b"x")).wait().unwrap();
        assert_eq!(next.wait_timeout(PATIENCE).unwrap().seq(0), Some(n));
        assert_eq!(task.wait_timeout(PATIENCE).unwrap().seq(0), Some(n));
        assert_eq!(consumer.ack(&[n]).unwrap(), 1);
    }
    // A deadline is for what is still to come: what is there is taken without one.
    for n in 51..=60u64 {
        there.append(&Append::new("orders.1", b"x")).wait().unwrap();
        assert_eq!(consumer.next(1).wait_timeout(Duration::ZERO).unwrap().seq(0), Some(n));
        assert_eq!(subscription.next(1).wait_timeout(Duration::ZERO).unwrap().seq(0), Some(n));
    }
    // A wait that was given up at any moment loses nothing.
    for n in 61..=150u64 {
        let mut next = subscription.next(1);
        let _ = next.wait_timeout(Duration::from_micros(n * 3));
        there.append(&Append::new("orders.1", b"x")).wait().unwrap();
        let got = next.wait_timeout(Duration::from_micros(n));
        drop(next);
        let got = got.unwrap_or_else(|_| subscription.next(1).wait_timeout(PATIENCE).unwrap());
        assert_eq!(got.seq(0), Some(n));
    }
}

#[test]
fn what_a_client_lets_go_of_is_freed_in_the_node() {
    let node = Node::new("free");
    node.orders(Durability::Os);
    let client = node.client();
    // A client may hold 65,536 things at once.
    for _ in 0..70_000 {
        drop(client.stream("orders").wait().unwrap());
    }
    let orders = client.stream("orders").wait().unwrap();
    for _ in 0..1000 {
        let subscription = orders.subscribe(SubscribeOptions::default()).wait().unwrap();
        let mut next = subscription.next(1);
        assert!(next.wait_timeout(Duration::ZERO).is_err());
    }
    assert_eq!(orders.append(&Append::new("orders.1", b"x")).wait().unwrap().seq, 1);
}

#[test]
fn a_node_that_closes_ends_all_waits_and_later_calls() {
    let node = Node::new("close");
    node.orders(Durability::Fsync);
    let client = node.client();
    let orders = client.stream("orders").wait().unwrap();
    let none = SubscribeOptions::default().filter("orders.none");
    let subscription = orders.subscribe(none).wait().unwrap();
    let logs = client.next_logs(1);
    std::thread::scope(|scope| {
        let wait = || subscription.next(1).wait_timeout(PATIENCE).unwrap_err().kind();
        let waiting: Vec<_> = (0..20).map(|_| scope.spawn(wait)).collect();
        let mut own = subscription.next(1);
        assert_eq!(own.wait_timeout(Duration::from_millis(10)).unwrap_err().kind(), ErrorKind::Timeout);
        // What was asked before the end is answered: it was read, because a later question has its answer.
        let appends: Vec<_> = (0..100).map(|_| orders.append(&Append::new("orders.1", b"x"))).collect();
        orders.last_seq(">").wait().unwrap();
        node.server.stop();
        for append in appends {
            append.wait().unwrap();
        }
        for kind in waiting.into_iter().map(|w| w.join().unwrap()) {
            assert_eq!(kind, ErrorKind::Closed);
        }
        assert_eq!(own.wait_timeout(PATIENCE).unwrap_err().kind(), ErrorKind::Closed);
    });
    assert!(logs.wait().unwrap()[0].message.contains("went away"));
    let error = orders.append(&Append::new("orders.1", b"x")).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    assert!(error.message().contains("open the directory again"), "{error}");
    assert_eq!(subscription.try_next(1).unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(client.streams().wait().unwrap_err().kind(), ErrorKind::Closed);
    client.close().unwrap();
}

#[test]
fn a_client_that_closes_ends_its_own_waits_alone() {
    let node = Node::new("own");
    node.orders(Durability::Os);
    let (one, two) = (node.client(), node.client());
    let mut here = one.stream("orders").wait().unwrap().subscribe(SubscribeOptions::default()).wait().unwrap().next(1);
    let mut there = two.stream("orders").wait().unwrap().subscribe(SubscribeOptions::default()).wait().unwrap().next(1);
    assert!(
        here.wait_timeout(Duration::from_millis(1)).is_err() && there.wait_timeout(Duration::from_millis(1)).is_err()
    );
    one.close().unwrap();
    assert_eq!(here.wait_timeout(PATIENCE).unwrap_err().kind(), ErrorKind::Closed);
    node.owner.stream("orders").wait().unwrap().append(&Append::new("orders.1", b"x")).wait().unwrap();
    assert_eq!(there.wait_timeout(PATIENCE).unwrap().len(), 1);
}

#[test]
fn many_threads_of_several_clients_write_each_record_once() {
    let node = Node::new("threads");
    node.orders(Durability::Fsync);
    let clients: Vec<Engine> = (0..4).map(|_| node.client()).collect();
    std::thread::scope(|scope| {
        for thread in 0..64usize {
            let orders = clients[thread % clients.len()].stream("orders").wait().unwrap();
            scope.spawn(move || {
                let subject = format!("orders.{thread}");
                for n in 0..50u64 {
                    let append = Append::new(&subject, &[1]);
                    let append = if n == 0 { append.expect_subject_last_seq(0) } else { append };
                    let seq = orders.append(&append).wait().unwrap().seq;
                    assert_eq!(orders.last(&subject).wait().unwrap().unwrap().seq, seq);
                }
            });
        }
    });
    let orders = node.owner.stream("orders").wait().unwrap();
    assert_eq!(orders.info().wait().unwrap().records, 64 * 50);
    assert!(orders.subjects(">", "", 100).wait().unwrap().iter().all(|(_, count)| *count == 50));
}
