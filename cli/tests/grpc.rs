//! A node's gRPC door as somebody uses it: real processes, real TLS, the verbs, and whoever must not come in.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start processes and look at the clock")]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use common::certs::{make_certs, make_expired, run};
use common::node::{Node, until};
use common::{Dir, Ran, finish, headwater, objects, start};
use headwater::crdt::{Change, Kind, Op, Value};
use headwater::{CertFiles, ErrorKind, GrpcClient, Tls};

/// What a node is told; its store does not wait for the disk.
const CONFIG: &str = "dir = \"data\"\n[[stream]]\nname = \"CRDT_default\"\nsubjects = [\"$CRDT.default.>\"]\n\
                      durability = \"interval\"\n[grpc]\nbind = \"127.0.0.1:0\"\nca = \"certs/ca.pem\"\n\
                      cert = \"certs/a.pem\"\nkey = \"certs/a.key\"\n";

/// A node with certificates, and who knows it.
struct World {
    dir: Dir,
    node: Node,
}

impl World {
    fn new(test: &str) -> Self {
        let dir = Dir::new(test);
        make_certs(&dir, "certs", &["a", "b"]);
        std::fs::write(dir.file("a.toml"), CONFIG).expect("a file");
        let node = Node::start(&dir, &["--config", "a.toml"]);
        assert!(node.grpc.starts_with("grpcs://127.0.0.1:"), "{}", node.grpc);
        World { dir, node }
    }

    /// A verb on the node, with a certificate `name` of the CA in `certs`.
    fn with(&self, certs: &str, name: &str, args: &[&str]) -> Ran {
        finish(start(&mut self.command(certs, name, args)), b"")
    }

    fn command(&self, certs: &str, name: &str, args: &[&str]) -> std::process::Command {
        let mut command = headwater(&[&["crdt"], args, &["--server", &self.node.grpc]].concat());
        let file = |name: String| self.dir.file(certs).join(name);
        command.arg("--ca").arg(file("ca.pem".into()));
        command.arg("--cert").arg(file(format!("{name}.pem"))).arg("--key").arg(file(format!("{name}.key")));
        command
    }

    fn good(&self, args: &[&str]) -> String {
        let ran = self.with("certs", "b", args);
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran.stdout
    }

    fn client(&self) -> GrpcClient {
        let files = CertFiles { ca: "ca.pem".into(), cert: "b.pem".into(), key: "b.key".into() };
        let tls = Tls::load(&files.beside(self.dir.file("certs"))).expect("good files");
        GrpcClient::new(&self.node.grpc, &tls).expect("a client")
    }

    fn socket(&self) -> TcpStream {
        TcpStream::connect(self.node.grpc.trim_start_matches("grpcs://")).expect("it listens")
    }

    /// A counter of the node.
    fn metric(&self, name: &str) -> u64 {
        let (_, metrics) = self.node.get("/metrics");
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name}: {metrics}"))
    }

    fn refused(&self, reason: &str) -> u64 {
        self.metric(&format!("headwater_grpc_refused_total{{reason=\"{reason}\"}}"))
    }
}

#[test]
fn every_verb_answers_as_it_does_in_a_directory() {
    let (world, alone) = (World::new("verbs"), Dir::new("verbs-alone"));
    let verbs: [&[&str]; 27] = [
        &["get", "likes"],
        &["incr", "likes", "5"],
        &["incr", "likes"],
        &["decr", "likes", "8", "--json"],
        &["incr", "left", "3", "--kind", "bounded_counter"],
        // Rights are of the handle that counted, and each verb in a directory has one of its own.
        &["get", "left"],
        &["get", "likes"],
        &["set", "theme", "dark"],
        &["get", "theme", "--json"],
        &["set", "limit", "x", "--type", "int"],
        &["set", "limit", "-5", "--type", "int", "--json"],
        &["set", "doc", "{\"a\":[1]}", "--type", "json"],
        &["set", "both", "1", "--kind", "multi_register"],
        &["add", "tags", "blue"],
        &["add", "tags", "grün\t"],
        &["remove", "tags", "blue"],
        &["flag", "on", "on"],
        &["flag", "on", "off"],
        &["flag", "ready", "on"],
        &["flag", "likes", "on"],
        &["flag", "likes", "on", "--json"],
        &["dump"],
        &["dump", "--json"],
        &["dump", "t"],
        &["keys", "--json"],
        &["remove", "likes"],
        &["get", "likes", "--json"],
    ];
    // The stream is made by the configuration there, and here by the verb.
    alone.ok(&["stream", "add", "CRDT_default", "--subjects", "$CRDT.default.>"]);
    for verb in verbs {
        let (there, here) = (world.with("certs", "b", verb), alone.run(&[&["crdt"], verb].concat()));
        assert_eq!((there.code, &there.stdout, &there.stderr), (here.code, &here.stdout, &here.stderr), "{verb:?}");
    }
    assert_eq!(world.good(&["incr", "likes", "--store", "other"]), "1\n", "a store is made by the way");
    assert_eq!(world.with("certs", "b", &["get", "likes", "--store", "none"]).code, 3);
    assert_eq!(world.with("certs", "b", &["get", "likes", "--store", "a b"]).code, 2);
    let status = world.good(&["status", "--json"]);
    // Who reads the files beside the node is a flush behind it.
    until("the files have it", || world.dir.ok(&["crdt", "status", "--json"]) == status);
    assert!(status.contains("\"behind\":0") && !status.contains("\"seq\":0"), "{status}");
    let merge = world.with("certs", "b", &["merge", "--from", "copy"]);
    assert!(merge.code == 2 && merge.stderr.contains("does not work over --server"), "{merge:?}");
    // What is done over gRPC is there for who works beside the node.
    assert_eq!(world.dir.ok(&["crdt", "get", "theme"]), "dark\n");
    let args = ["watch", "th", "--limit", "1", "--json", "--timeout", "20s"];
    let watch = start(&mut world.command("certs", "b", &args));
    until("the watch is on", || world.metric("headwater_grpc_connections") == 1);
    let changing = std::thread::scope(|scope| {
        let (done, is_done) = std::sync::mpsc::channel::<()>();
        let dir = &world.dir;
        scope.spawn(move || {
            // Again and again, because a connection is there before its watch is.
            while is_done.recv_timeout(Duration::from_millis(50)).is_err_and(|e| e == TIMED_OUT) {
                dir.ok(&["crdt", "set", "theme", "light"]);
            }
        });
        let ran = finish(watch, b"");
        drop(done);
        ran
    });
    assert_eq!(changing.stdout, "{\"key\":\"theme\",\"kind\":\"register\",\"value\":\"light\"}\n");
    let nothing = world.with("certs", "b", &["watch", "none", "--timeout", "100ms"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (0, ""));
    assert_eq!(world.node.end(), 0);
}

const TIMED_OUT: std::sync::mpsc::RecvTimeoutError = std::sync::mpsc::RecvTimeoutError::Timeout;

#[test]
fn who_must_not_come_in_is_refused_and_counted_and_disturbs_nobody() {
    let world = World::new("refused");
    world.good(&["incr", "likes"]);
    let good = world.client();
    let again = || good.write("default", "likes", Kind::Counter, &Op::Add(1)).wait().expect("it goes on").total;
    assert_eq!(again(), Some(2));

    make_certs(&world.dir, "other", &["a", "b"]);
    std::fs::copy(world.dir.file("certs/ca.pem"), world.dir.file("other/ca.pem")).expect("a file");
    let stranger = world.with("other", "b", &["get", "likes"]);
    assert!(stranger.code == 1 && stranger.stderr.contains("UnknownCA"), "{stranger:?}");
    until("it is counted", || world.refused("unknown_certificate") == 1);
    assert_eq!(again(), Some(3));

    make_expired(&world.dir);
    let expired = world.with("certs", "old", &["get", "likes"]);
    assert!(expired.code == 1 && expired.stderr.contains("CertificateExpired"), "{expired:?}");
    until("it is counted", || world.refused("expired_certificate") == 1);
    assert_eq!(again(), Some(4));

    let mut plain = world.socket();
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("it is sent");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(answer.len() < 64, "an alert at the most: {answer:?}");
    let mut garbage = world.socket();
    let bytes: Vec<u8> = (0..65_536_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    // It may be cut off in the middle.
    let _ = garbage.write_all(&bytes);
    until("both are counted", || world.refused("not_tls") == 2);
    assert_eq!(again(), Some(5));

    let failed = world.metric("headwater_grpc_failed_calls_total");
    let large = Value::Bytes(vec![7; 1 << 20].into());
    let write = Change { path: "big".into(), kind: Kind::Set, op: Op::Insert { value: &large, ttl_ms: None } };
    let too_long = world.client().transaction("default", &vec![write; 5]).wait().expect_err("5 MiB");
    assert_eq!(too_long.kind(), ErrorKind::Limit, "{too_long}");
    until("it is counted", || world.metric("headwater_grpc_failed_calls_total") == failed + 1);
    assert_eq!(again(), Some(6));
    assert_eq!(world.good(&["get", "likes"]), "6\n");
    assert_eq!(world.node.end(), 0);
}

#[test]
fn certificates_are_replaced_while_it_runs() {
    let world = World::new("replaced");
    let standing = world.client();
    let again = || standing.write("default", "n", Kind::Counter, &Op::Add(1)).wait().expect("it goes on").total;
    assert_eq!(again(), Some(1));
    make_certs(&world.dir, "new", &["a", "b"]);
    std::fs::copy(world.dir.file("certs/a.pem"), world.dir.file("a-old.pem")).expect("a file");
    // What is bad changes nothing.
    std::fs::write(world.dir.file("certs/a.pem"), "rubbish").expect("a file");
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(world.good(&["get", "n"]), "1\n");
    for name in ["ca.pem", "a.pem", "a.key"] {
        std::fs::copy(world.dir.file("new").join(name), world.dir.file("certs").join(name)).expect("a file");
    }
    until("the new ones are known", || world.with("new", "b", &["get", "n"]).code == 0);
    std::fs::copy(world.dir.file("new/ca.pem"), world.dir.file("certs/ca.pem")).expect("a file");
    let old = world.with("certs", "b", &["get", "n"]);
    assert!(old.code == 1 && old.stderr.contains("UnknownCA"), "{old:?}");
    assert_eq!(again(), Some(2), "a connection that stands stays");
    assert_eq!(world.node.end(), 0);
}

#[test]
fn certificates_are_made_and_never_written_over() {
    let dir = Dir::new("certs");
    let at = dir.file("certs").display().to_string();
    let made = run(&["certs", "ca", "--out", &at]);
    assert!(made.code == 0 && made.stdout.contains("next: headwater certs node"), "{made:?}");
    assert_eq!(run(&["certs", "ca", "--out", &at]).code, 4);
    let node = |more: &[&str]| run(&[&["certs", "node", "--ca", &at, "--out", &at], more].concat());
    let made = node(&["--name", "a", "--host", "a.example.org", "--days", "90", "--json"]);
    assert_eq!(objects(&made.stdout)[0]["days"], 90, "{made:?}");
    assert_eq!(node(&["--name", "a"]).code, 4);
    for name in ["ca", "../a", "", ".a", "a b"] {
        assert_eq!(node(&["--name", name]).code, 2, "{name}");
    }
    assert_eq!(run(&["certs", "node", "--ca", "nowhere", "--name", "c", "--out", &at]).code, 3);
    for name in ["ca.key", "a.key"] {
        let mode = std::fs::metadata(dir.file("certs").join(name)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    // The key of another CA signs nothing that anybody would take.
    let other = dir.file("other").display().to_string();
    assert_eq!(run(&["certs", "ca", "--out", &other]).code, 0);
    std::fs::copy(dir.file("certs/ca.pem"), dir.file("other/ca.pem")).expect("a file");
    assert_eq!(run(&["certs", "node", "--ca", &other, "--name", "c", "--out", &other]).code, 2);
    for (args, why) in [
        (["crdt", "get", "k", "--server", "grpc://127.0.0.1:1"], "without TLS"),
        (["crdt", "get", "k", "--server", "grpcs://127.0.0.1:1"], "--ca and --cert and --key"),
        (["crdt", "get", "k", "--ca", "x"], "no --server"),
    ] {
        let ran = run(&args);
        assert!(ran.code == 2 && ran.stderr.contains(why), "{args:?}: {ran:?}");
    }
    let both = dir.run(&["crdt", "get", "k", "--server", "grpcs://127.0.0.1:1"]);
    assert!(both.code == 2 && both.stderr.contains("--dir and --server"), "{both:?}");
}

/// How long one call takes, over one connection of this machine, one call after another. Run it with
/// `cargo test --release -p headwater-cli --test grpc -- --ignored --nocapture measure`.
#[test]
#[ignore = "it measures"]
fn measure_one_call() {
    let world = World::new("measure");
    let client = world.client();
    for (what, count) in [("warm-up", 2_000), ("incr", 20_000), ("get", 20_000)] {
        let mut times: Vec<Duration> = Vec::with_capacity(count);
        for _ in 0..count {
            let begun = Instant::now();
            match what {
                "get" => drop(client.read("default", "n", Kind::Counter).wait().expect("a reading")),
                _ => assert!(client.write("default", "n", Kind::Counter, &Op::Add(1)).wait().is_ok()),
            }
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let at = |share: f64| times[((count - 1) as f64 * share) as usize].as_micros();
        println!("{what}: {count} calls, p50 {} us, p99 {} us, p99.9 {} us", at(0.5), at(0.99), at(0.999));
    }
}
