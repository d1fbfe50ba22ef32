//! The same verbs on a hub: a real server with JetStream.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start processes and look at the clock")]

mod common;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::{Dir, finish, headwater, objects, start};
use serde_json::json;

/// A server that ends with the test.
struct Hub {
    server: Child,
    url: String,
    _dir: Dir,
}

impl Hub {
    fn start(test: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_owned);
        let program = root.join(".tools/nats/2.15.1/nats-server");
        assert!(program.exists(), "{} is missing: `cargo xtask tools` fetches it", program.display());
        let dir = Dir::new(test);
        let mut server = Command::new(program)
            .args(["-js", "-a", "127.0.0.1", "-p", "-1", "-sd"])
            .arg(dir.path())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(server.stderr.take().expect("its log")).lines().map_while(Result::ok);
        let url = lines
            .find_map(|line| Some(format!("nats://{}", line.split_once("client connections on ")?.1.trim())))
            .expect("it says where it listens");
        lines.find(|line| line.contains("Server is ready")).expect("it comes up");
        // Nobody reads the rest, and it is little.
        std::thread::spawn(move || lines.for_each(drop));
        Hub { server, url, _dir: dir }
    }

    fn run(&self, args: &[&str], input: &[u8]) -> common::Ran {
        finish(start(headwater(args).args(["--hub", &self.url])), input)
    }

    fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args, b"");
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.stderr);
        ran.stdout
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn the_verbs_of_a_directory_work_on_a_hub() {
    let hub = Hub::start("hub");
    hub.ok(&["stream", "add", "ORDERS", "--subjects", "orders.>"]);
    let ran = hub.run(&["stream", "append", "ORDERS", "orders.eu.1", "--json"], b"{\"n\":1}");
    assert_eq!(objects(&ran.stdout)[0]["seq"], 1);
    let ran =
        hub.run(&["stream", "append", "ORDERS", "orders.eu.1", "--data", "x", "--expect-subject-last-seq", "9"], b"");
    assert_eq!(ran.code, 4);
    assert!(ran.stderr.contains("expected last sequence 9, actual 1"), "{}", ran.stderr);
    let ran = hub.run(&["stream", "append", "ORDERS", "--lines"], b"orders.a\tone\norders.b\ttwo\n");
    assert_eq!(ran.stdout, "2\n3\n");
    let read = objects(&hub.ok(&["stream", "read", "ORDERS", "--filter", "orders.*", "--json"]));
    assert_eq!(read.iter().map(|r| r["payload"].clone()).collect::<Vec<_>>(), [json!("one"), json!("two")]);
    assert_eq!(objects(&hub.ok(&["stream", "last", "ORDERS", "orders.b", "--json"]))[0]["seq"], 3);
    hub.ok(&["consumer", "add", "ORDERS", "billing"]);
    let next = objects(&hub.ok(&["consumer", "next", "ORDERS", "billing", "--ack", "--json"]));
    assert_eq!(next[0]["seq"], 1);
    hub.ok(&["kv", "put", "settings", "colour", "blue"]);
    assert_eq!(hub.ok(&["kv", "get", "settings", "colour"]).trim_end(), "blue");
    assert_eq!(hub.run(&["kv", "get", "settings", "size"], b"").code, 3);
    hub.ok(&["stream", "purge", "ORDERS"]);
    assert_eq!(hub.ok(&["stream", "read", "ORDERS"]), "");
    hub.ok(&["stream", "rm", "ORDERS"]);
    assert_eq!(hub.run(&["stream", "info", "ORDERS"], b"").code, 3);
}

#[test]
fn what_only_a_hub_can_be_told_of_a_stream_is_told() {
    let hub = Hub::start("hub-settings");
    hub.ok(&["stream", "add", "IN", "--subjects", "in.>", "--storage", "memory"]);
    hub.ok(&["stream", "add", "ALL", "--source", "IN:in.a", "--transform", "in.*=all.{{wildcard(1)}}"]);
    hub.ok(&["stream", "add", "COPY", "--mirror", "IN"]);
    hub.ok(&["stream", "append", "IN", "in.a", "--data", "x"]);
    hub.ok(&["stream", "append", "IN", "in.b", "--data", "y"]);
    let read = |name: &str| hub.ok(&["stream", "tail", name, "--from", "1", "--timeout", "2s"]);
    let (all, copy) = (read("ALL"), read("COPY"));
    assert!(all.contains("all.a\tx") && !all.contains("\ty"), "{all}");
    assert!(copy.contains("in.a\tx") && copy.contains("in.b\ty"), "{copy}");
    let info = hub.ok(&["stream", "info", "ALL"]);
    for line in
        ["replicas          1", "storage           file", "sources           IN:in.a", "transform         in.*=all."]
    {
        assert!(info.contains(line), "{line}: {info}");
    }
    assert!(hub.ok(&["stream", "info", "COPY"]).contains("mirror of         IN"));
    // What is not given stays.
    hub.ok(&["stream", "edit", "ALL", "--max-age", "1h"]);
    assert_eq!(objects(&hub.ok(&["stream", "info", "ALL", "--json"]))[0]["config"]["hub"]["sources"][0]["name"], "IN");
    let alone = hub.run(&["stream", "add", "R3", "--replicas", "3"], b"");
    assert_eq!(alone.code, 1, "{}", alone.stderr);
    let dir = Dir::new("hub-settings-local");
    let args = ["stream", "add", "here", "--replicas", "3", "--dir"];
    let local = finish(start(headwater(&args).arg(dir.path())), b"");
    assert!(local.code == 1 && local.stderr.contains("unsupported"), "{} {}", local.code, local.stderr);
}

#[test]
fn a_hub_that_cannot_be_reached_is_an_error_that_says_so() {
    let ran = |args: &[&str]| finish(start(&mut headwater(args)), b"");
    let refused = ran(&["stream", "ls", "--hub", "nats://127.0.0.1:1"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("connect to the hub at nats://127.0.0.1:1: "), "{}", refused.stderr);
    let strange = ran(&["stream", "ls", "--hub", "http://127.0.0.1:1"]);
    assert_eq!(strange.code, 2, "{}", strange.stderr);
    let both = ran(&["stream", "ls", "--hub", "nats://127.0.0.1:1", "--dir", "data"]);
    assert_eq!(both.code, 2, "{}", both.stderr);
}
