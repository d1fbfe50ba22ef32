//! A directory that several engines share through the local socket of the one that has it open.
//!
//! The conformance vectors say that each operation means the same; here is what only a node has: who is reached, many
//! at once, ends of either side, and clients that speak nonsense.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use headwater::{
    Append, ConsumerConfig, DeliverPolicy, Durability, Engine, EngineOptions, ErrorKind, LocalServer, NodeUse,
    ReadOptions, Stream, StreamConfig, SubscribeOptions,
};

/// How long anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A directory, its owner and its node.
struct Node {
    dir: PathBuf,
    owner: Engine,
    server: LocalServer,
}

impl Node {
    fn new(name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self::at(std::env::temp_dir().join(format!("hw-node-{name}-{}-{number}", std::process::id())))
    }

    fn at(dir: PathBuf) -> Self {
        let owner = Engine::open(&dir).unwrap();
        let server = LocalServer::start(&owner).unwrap();
        Node { dir, owner, server }
    }

    fn client(&self) -> Engine {
        let client = Engine::open(&self.dir).unwrap();
        assert!(client.is_through_node());
        client
    }

    fn orders(&self, durability: Durability) -> Stream {
        let config = StreamConfig { durability, ..StreamConfig::new("orders", ["orders.>"]) };
        self.owner.create_stream(config).wait().unwrap()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.server.stop();
        let _ = self.owner.close();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

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
    // A wait that was given up at any moment loses nothing.
    for n in 51..=150u64 {
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

/// Bits that depend on the seed alone.
struct Bits(u64);

impl Bits {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// The first frame of a client.
fn hello() -> Vec<u8> {
    let body = [&b"hw-node\n"[..], &1u32.to_le_bytes(), &0u64.to_le_bytes(), &[4], b"test"].concat();
    frame(0, 0, &body)
}

fn frame(kind: u8, id: u64, body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 9).to_le_bytes()[..], &[kind], &id.to_le_bytes(), body].concat()
}

/// Whether the node hangs up, having read or not what was sent.
fn hangs_up(socket: &mut UnixStream) -> bool {
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut rest = Vec::new();
    match socket.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(e) => !matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
    }
}

#[test]
fn a_client_that_speaks_nonsense_is_cut_off_and_harms_nobody() {
    let node = Node::new("nonsense");
    node.orders(Durability::Os);
    let client = node.client();
    let orders = client.stream("orders").wait().unwrap();
    let open = [&[0][..], &[6], b"orders"].concat();
    for bad in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        frame(0, 0, b"hello"),
        frame(4, 1, &open),
        [hello(), frame(99, 1, &[0])].concat(),
        [hello(), frame(4, 1, &[0, 200])].concat(),
        [hello(), frame(4, 0, &open)].concat(),
        [hello(), frame(4, 1, &open), frame(4, 1, &open)].concat(),
        [hello(), u32::MAX.to_le_bytes().to_vec()].concat(),
        [hello(), 3u32.to_le_bytes().to_vec()].concat(),
    ] {
        let mut socket = UnixStream::connect(node.server.socket()).unwrap();
        socket.write_all(&bad).unwrap();
        assert!(hangs_up(&mut socket), "{bad:?}");
        assert!(orders.append(&Append::new("orders.1", b"x")).wait().is_ok());
    }
    let lines = node.owner.logs(1000);
    assert!(lines.iter().filter(|l| l.message.contains("was cut off")).count() >= 9, "{lines:?}");
    let seed = std::env::var("HEADWATER_SEED").map_or(0x9e37_79b9, |s| s.parse().unwrap());
    let mut bits = Bits(seed);
    println!("HEADWATER_SEED={seed}");
    for round in 0..300 {
        let mut bytes = if round % 2 == 0 { hello() } else { Vec::new() };
        for id in 1..=bits.next() % 20 {
            let body: Vec<u8> =
                (0..bits.next() % 40).map(|_| (bits.next() % 7) as u8 * (bits.next() % 3) as u8).collect();
            bytes.extend(frame((bits.next() % 72) as u8, id, &body));
        }
        let noise = bits.next() % 30;
        bytes.extend((0..noise).map(|_| bits.next() as u8));
        let mut socket = UnixStream::connect(node.server.socket()).unwrap();
        let _ = socket.write_all(&bytes);
        let _ = socket.shutdown(std::net::Shutdown::Write);
        assert!(hangs_up(&mut socket), "round {round}");
    }
    assert!(orders.append(&Append::new("orders.1", b"x")).wait().is_ok());
}

#[test]
fn a_client_that_reads_nothing_is_not_buffered_for() {
    let node = Node::new("slow");
    let stream = node.orders(Durability::Os);
    stream.append(&Append::new("orders.1", &vec![1; 1 << 20])).wait().unwrap();
    let mut socket = UnixStream::connect(node.server.socket()).unwrap();
    socket.write_all(&[hello(), frame(4, 1, &[&[0, 6][..], b"orders"].concat())].concat()).unwrap();
    socket.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    // Each asks for a megabyte; none is taken. The node stops to read, so writing comes to an end.
    let ask = |id| frame(18, id, &[1, 1]);
    let began = Instant::now();
    let stopped = (2..3_000_000u64).any(|id| socket.write_all(&ask(id)).is_err());
    assert!(stopped && began.elapsed() < PATIENCE);
    let client = node.client();
    assert!(client.stream("orders").wait().unwrap().last("orders.1").wait().unwrap().is_some());
}

#[test]
#[ignore = "a measurement"]
fn measure() {
    for (durability, threads, each) in [
        (Durability::Os, 1, 20_000u64),
        (Durability::Os, 64, 2_000),
        (Durability::Fsync, 1, 5_000),
        (Durability::Fsync, 64, 1_000),
    ] {
        let node = Node::new("measure");
        node.orders(durability);
        let client = node.client();
        let timed = |work: &(dyn Fn(&Stream, &str) + Sync)| {
            let began = Instant::now();
            std::thread::scope(|scope| {
                for thread in 0..threads {
                    let orders = client.stream("orders").wait().unwrap();
                    let subject = format!("orders.{thread}");
                    scope.spawn(move || (0..each).for_each(|_| work(&orders, &subject)));
                }
            });
            (threads * each) as f64 / began.elapsed().as_secs_f64()
        };
        let appends = timed(&|orders, subject| {
            orders.append(&Append::new(subject, &[1; 100])).wait().unwrap();
        });
        let lasts = timed(&|orders, subject| drop(orders.last(subject).wait().unwrap()));
        println!("{durability:?} {threads} threads: {appends:.0} appends/s, {lasts:.0} last/s");
    }
}
