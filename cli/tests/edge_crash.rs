//! An edge that is killed over and over while it pushes and pulls: what it acknowledged is on both sides once.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start processes and look at the clock")]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write;

use common::node::{Hub, Node, payloads, until};
use common::{Dir, finish, headwater, start};

const ROUNDS: u64 = 4;
const LINES: u64 = 4000;

#[test]
fn an_edge_that_is_killed_while_it_pushes_and_pulls_loses_and_doubles_nothing() {
    let (dir, mut hub) = (Dir::new("edge_crash"), Hub::later());
    hub.start();
    let text = format!(
        "dir = \"data\"\n[[stream]]\nname = \"orders\"\nsubjects = [\"orders.>\"]\n[hub]\nurl = \"{}\"\n\
         [[link]]\nstream = \"orders\"\nhub_stream = \"ORDERS\"\n",
        hub.url()
    );
    std::fs::write(dir.file("a.toml"), text).expect("a file");
    let on_hub =
        |args: &[&str], input: &str| finish(start(headwater(args).args(["--hub", &hub.url()])), input.as_bytes());
    let status = || dir.json(&["link", "status"]).pop().expect("a link");
    let mut acked: Vec<String> = Vec::new();
    for round in 0..ROUNDS {
        let mut node = Node::start(&dir, &["--config", "a.toml"]);
        let mut lines = String::new();
        (0..LINES).for_each(|n| writeln!(lines, "orders.a\ta-{round}-{n}").expect("text takes it"));
        let appending = dir.spawn(&["stream", "append", "orders", "--lines"]);
        let feeding = std::thread::spawn(move || finish(appending, lines.as_bytes()));
        until("the hub's stream is made", || on_hub(&["stream", "info", "ORDERS"], "").code == 0);
        let mut theirs = String::new();
        (0..200).for_each(|n| writeln!(theirs, "orders.h\th-{round}-{n}").expect("text takes it"));
        let taken = on_hub(&["stream", "append", "ORDERS", "--lines"], &theirs);
        assert_eq!(taken.code, 0, "{taken:?}");
        acked.extend((0..200).map(|n| format!("h-{round}-{n}")));
        until("it carries both ways", || {
            let status = status();
            status["pushed"].as_u64() > Some(50 * round) && status["pulled"].as_u64() > Some(0)
        });
        node.process.kill().expect("it runs");
        node.process.wait().expect("it ends");
        let ran = feeding.join().expect("it is fed");
        // Lines are acknowledged in order, each by a sequence of its own line.
        let count = ran.stdout.lines().count() as u64;
        acked.extend((0..count).map(|n| format!("a-{round}-{n}")));
    }
    let node = Node::start(&dir, &["--config", "a.toml"]);
    until("nothing is left to carry", || {
        let status = status();
        status["state"] == "running" && status["lag_records"] == 0 && status["pushed_seq"].as_u64() > Some(0)
    });
    let times = |text: &str| {
        let mut times: BTreeMap<String, u32> = BTreeMap::new();
        for payload in payloads(text) {
            *times.entry(payload.as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        times
    };
    let mut sides = (BTreeMap::new(), BTreeMap::new());
    until("both sides hold the same", || {
        sides = (
            times(&dir.ok(&["stream", "read", "orders", "--json"])),
            times(&on_hub(&["stream", "read", "ORDERS", "--json"], "").stdout),
        );
        sides.0 == sides.1
    });
    assert!(sides.0.values().all(|n| *n == 1), "something is there twice");
    let lost: Vec<&String> = acked.iter().filter(|a| !sides.0.contains_key(*a)).collect();
    assert!(lost.is_empty(), "acknowledged, and gone: {lost:?}");
    assert!(acked.iter().filter(|a| a.starts_with("a-")).count() > 100, "hardly anything was acknowledged");
    assert_eq!(node.end(), 0);
}
