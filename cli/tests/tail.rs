//! Following a stream or a bucket beside the process that writes it.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start threads and look at the clock")]

mod common;

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use common::Dir;
use serde_json::Value;

/// Longer than any answer takes, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// A command that follows, and the objects that it prints.
struct Follower(Child, Receiver<Value>);

impl Follower {
    fn start(dir: &Dir, args: &[&str]) -> Self {
        let mut child = dir.spawn(&[args, &["--json"]].concat());
        let lines: Lines<BufReader<ChildStdout>> = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let (sender, objects) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let object = serde_json::from_str(&line).expect("an object");
                if sender.send(object).is_err() {
                    return;
                }
            }
        });
        Follower(child, objects)
    }

    fn next(&self) -> Value {
        self.1.recv_timeout(PATIENCE).expect("something comes")
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn tail_follows_a_writing_process_without_a_seam() {
    let dir = Dir::new("tail");
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"]);
    let mut writer = dir.spawn(&["stream", "append", "orders", "--lines"]);
    let mut input = writer.stdin.take().expect("a pipe");
    let mut acks = BufReader::new(writer.stdout.take().expect("a pipe")).lines();
    let mut write = |from: u64, to: u64| {
        for n in from..=to {
            writeln!(input, "orders.{}\t{n}", if n % 2 == 0 { "even" } else { "odd" }).expect("it reads");
        }
        for n in from..=to {
            assert_eq!(acks.next().expect("an answer").expect("it reads"), n.to_string());
        }
    };
    write(1, 100);
    let all = Follower::start(&dir, &["stream", "tail", "orders", "--from", "1"]);
    let even = Follower::start(&dir, &["stream", "tail", "orders", "--from", "51", "--filter", "orders.even"]);
    for n in 1..=100u64 {
        assert_eq!(all.next()["seq"], n);
    }
    for n in (52..=100u64).step_by(2) {
        assert_eq!(even.next()["seq"], n);
    }
    write(101, 200);
    for n in 101..=200u64 {
        let record = all.next();
        assert_eq!((&record["seq"], &record["payload"]), (&n.into(), &n.to_string().into()));
    }
    for n in (102..=200u64).step_by(2) {
        assert_eq!(even.next()["seq"], n);
    }
    drop(input);
    assert!(writer.wait().expect("it ends").success());

    // The next writer is another process, and the followers do not notice.
    dir.ok(&["stream", "append", "orders", "orders.even", "--data", "201"]);
    assert_eq!(all.next()["seq"], 201);
    assert_eq!(even.next()["payload"], "201");
}

#[test]
fn tail_goes_on_where_a_close_sealed_the_last_segment() {
    let dir = Dir::new("tail-sealed");
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"]);
    let input =
        (1..=40_000).map(|n| format!("orders.1\tsome payload, long enough, {n}\n")).collect::<Vec<_>>().concat();
    assert_eq!(dir.feed(&["stream", "append", "orders", "--lines"], input.as_bytes()).code, 0);
    let tail = Follower::start(&dir, &["stream", "tail", "orders", "--from", "40000"]);
    assert_eq!(tail.next()["seq"], 40_000);
    for n in 40_001..=40_003u64 {
        dir.ok(&["stream", "append", "orders", "orders.1", "--data", "x"]);
        assert_eq!(tail.next()["seq"], n);
    }
}

#[test]
fn tail_ends_when_told() {
    let dir = Dir::new("tail-end");
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"]);
    for subject in ["orders.1", "orders.2", "orders.1"] {
        dir.ok(&["stream", "append", "orders", subject, "--data", "x"]);
    }
    let tail = |args: &[&str]| dir.json(&[&["stream", "tail", "orders"], args].concat()).len();
    assert_eq!(tail(&["--timeout", "200ms"]), 0, "nothing new comes");
    assert_eq!(tail(&["--from", "2", "--timeout", "200ms"]), 2);
    assert_eq!(tail(&["--from", "1", "--limit", "1"]), 1);
    assert_eq!(tail(&["--last-per-subject", "--timeout", "200ms"]), 2);
}

#[test]
fn watch_follows_a_bucket() {
    let dir = Dir::new("watch");
    dir.ok(&["kv", "put", "settings", "theme", "dark"]);
    dir.ok(&["kv", "put", "settings", "size", "12"]);
    let watch = Follower::start(&dir, &["kv", "watch", "settings"]);
    assert_eq!(watch.next()["key"], "theme");
    assert_eq!(watch.next()["value"], "12");
    dir.ok(&["kv", "put", "settings", "theme", "light"]);
    let entry = watch.next();
    assert_eq!((&entry["value"], &entry["revision"]), (&"light".into(), &3.into()));
    dir.ok(&["kv", "del", "settings", "size"]);
    let entry = watch.next();
    assert_eq!((&entry["key"], &entry["operation"]), (&"size".into(), &"delete".into()));
}
