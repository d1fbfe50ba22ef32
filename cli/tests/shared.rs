//! A directory that several processes share through `headwater serve`: the same output with the node up and down, and
//! nothing lost or doubled when the node or a client is killed.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start threads and look at the clock")]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use common::{Dir, start};

/// Longer than any answer takes, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a client appends that is not cut off before.
const LINES_MAX: u64 = 1_000_000;

/// A node that runs.
struct Node(Child);

impl Node {
    fn start(dir: &Dir) -> Self {
        Self::of(dir.spawn(&["serve"]), dir)
    }

    /// The one that was started so.
    fn of(mut child: Child, dir: &Dir) -> Self {
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let line = lines.next().expect("a line").expect("it reads");
        assert!(line.starts_with(&format!("serving {}", dir.path().display())), "{line}");
        Node(child)
    }

    /// Ends it in good order, and returns its exit code.
    fn stop(mut self) -> Option<i32> {
        let told = Command::new("kill").arg(self.0.id().to_string()).status().expect("kill runs");
        assert!(told.success());
        self.0.wait().expect("it ends").code()
    }

    fn kill(mut self) {
        self.0.kill().expect("it can be killed");
        self.0.wait().expect("it ends");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What every verb printed, in order.
fn story(dir: &Dir) -> Vec<String> {
    let mut told = vec![dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"])];
    let steps: &[&[&str]] = &[
        &["stream", "append", "orders", "orders.eu.1", "--data", "x"],
        &["stream", "append", "orders", "orders.eu.1", "--data", "y", "--expect-subject-last-seq", "1", "--json"],
        &["stream", "read", "orders"],
        &["stream", "subjects", "orders"],
        &["consumer", "add", "orders", "worker"],
        &["consumer", "next", "orders", "worker", "--ack"],
        &["kv", "add", "flags"],
        &["kv", "put", "flags", "colour", "red"],
        &["kv", "get", "flags", "colour"],
        &["points", "add", "weather"],
        &["points", "put", "weather", "seattle", "temperature", "4.5"],
        &["points", "latest", "weather"],
        &["object", "add", "files"],
        &["object", "put", "files", "Cargo.toml", "--name", "one"],
        &["object", "ls", "files"],
        &["stream", "purge", "orders", "--keep", "1"],
    ];
    for step in steps {
        let ran = dir.run(step);
        assert_eq!(ran.code, 0, "{step:?}: {ran:?}");
        told.push(ran.stdout);
    }
    let refused = dir.run(&["stream", "append", "orders", "orders.eu.1", "--data", "z", "--expect-last-seq", "9"]);
    let missing = dir.run(&["stream", "append", "nowhere", "a", "--data", "z"]);
    told.push(format!("{} {}", refused.code, refused.stderr));
    told.push(format!("{} {}", missing.code, missing.stderr));
    told
}

#[test]
fn every_verb_says_the_same_with_the_node_up_and_down() {
    let (down, up) = (Dir::new("serve-down"), Dir::new("serve-up"));
    let node = Node::start(&up);
    let without_times = |lines: Vec<String>| -> Vec<String> {
        let is_plain = |word: &&str| !(word.starts_with("20") && word.contains('T'));
        let plain = |line: String| line.split_whitespace().filter(is_plain).collect::<Vec<_>>().join(" ");
        lines.into_iter().map(plain).collect()
    };
    let (with, without) = (without_times(story(&up)), without_times(story(&down)));
    assert_eq!(with, without);
    // What looks at the files works beside it.
    assert_eq!(up.run(&["verify"]).code, 0);
    let copy = up.file("copy");
    up.ok(&["backup", copy.to_str().expect("UTF-8")]);
    assert!(!copy.join("node.sock").exists());
    let serve = up.run(&["serve"]);
    assert_eq!((serve.code, serve.stderr.contains("open for writing already")), (1, true), "{serve:?}");
    assert_eq!(node.stop(), Some(0));
    assert!(!up.path().join("node.sock").exists());
    assert_eq!(up.run(&["verify"]).code, 0);
}

#[test]
fn a_tail_follows_what_a_client_of_the_node_appends() {
    let dir = Dir::new("serve-tail");
    let node = Node::start(&dir);
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"]);
    let mut tail = dir.spawn(&["stream", "tail", "orders", "--from", "1", "--limit", "3"]);
    let lines = BufReader::new(tail.stdout.take().expect("a pipe")).lines();
    let (sender, seen) = channel();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    for n in 1..=3 {
        assert_eq!(dir.ok(&["stream", "append", "orders", "orders.1", "--data", &n.to_string()]).trim(), n.to_string());
        assert!(seen.recv_timeout(PATIENCE).expect("a line").ends_with(&n.to_string()));
    }
    assert!(tail.wait().expect("it ends").success());
    assert_eq!(node.stop(), Some(0));
}

/// A client that appends lines until it is cut off; returns how many it had an answer for, counted as they come.
fn write_until_the_end(dir: &Dir, writer: usize, acks: &Arc<AtomicU64>) -> (Child, JoinHandle<u64>) {
    let count = Arc::clone(acks);
    let mut child = dir.spawn(&["stream", "append", "ledger", "--lines"]);
    let mut input = BufWriter::new(child.stdin.take().expect("a pipe"));
    let acks = BufReader::new(child.stdout.take().expect("a pipe"));
    std::thread::spawn(move || {
        for n in 1..=LINES_MAX {
            if writeln!(input, "ledger.{writer}\t{n}").is_err() {
                return;
            }
        }
    });
    let count = std::thread::spawn(move || {
        // A line that was cut off has no end.
        let acked = acks.lines().map_while(Result::ok).filter(|line| line.parse::<u64>().is_ok());
        acked.for_each(|_| _ = count.fetch_add(1, Ordering::Relaxed));
        count.load(Ordering::Relaxed)
    });
    (child, count)
}

/// How many payloads of each writer there are; each is there once, in order.
fn kept(dir: &Dir) -> BTreeMap<String, u64> {
    let mut kept = BTreeMap::new();
    for record in dir.json(&["stream", "read", "ledger", "--limit", "10000000"]) {
        let last: &mut u64 = kept.entry(record["subject"].as_str().expect("a subject").to_owned()).or_default();
        *last += 1;
        assert_eq!(record["payload"], last.to_string(), "{record}");
    }
    kept
}

#[test]
fn every_record_that_a_killed_node_acknowledged_is_there_once() {
    let dir = Dir::new("serve-kill");
    dir.ok(&["stream", "add", "ledger", "--subjects", "ledger.>"]);
    let node = Node::start(&dir);
    let acks: [Arc<AtomicU64>; 4] = Default::default();
    let writers: Vec<_> = acks.iter().enumerate().map(|(n, acks)| write_until_the_end(&dir, n, acks)).collect();
    let began = Instant::now();
    // One that is not there yet would find no node, and write the files itself.
    while acks.iter().any(|acks| acks.load(Ordering::Relaxed) < 100) {
        assert!(began.elapsed() < PATIENCE, "they do not all write: {acks:?}");
        std::thread::yield_now();
    }
    node.kill();
    let acked: Vec<u64> = writers
        .into_iter()
        .map(|(mut child, count)| {
            assert!(!child.wait().expect("it ends").success());
            count.join().expect("no panic")
        })
        .collect();
    assert!(acked.iter().sum::<u64>() > 0, "nothing was acknowledged, so nothing was proven");
    let kept = kept(&dir);
    for (writer, acked) in acked.iter().enumerate() {
        let there = kept.get(&format!("ledger.{writer}")).copied().unwrap_or(0);
        assert!(there >= *acked, "writer {writer}: {acked} were acknowledged, {there} are there");
    }
    assert_eq!(dir.run(&["verify"]).code, 0);
    // The next one takes the place of the socket that was left.
    let node = Node::start(&dir);
    dir.ok(&["stream", "append", "ledger", "ledger.9", "--data", "x"]);
    assert_eq!(node.stop(), Some(0));
}

#[test]
fn a_client_that_is_killed_in_mid_write_harms_nobody() {
    let dir = Dir::new("serve-client");
    dir.ok(&["stream", "add", "ledger", "--subjects", "ledger.>"]);
    let node = Node::start(&dir);
    for writer in 0..5 {
        let (mut child, count) = write_until_the_end(&dir, writer, &Arc::default());
        std::thread::sleep(Duration::from_millis(40 * writer as u64));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        let acked = count.join().expect("no panic");
        let kept = kept(&dir).get(&format!("ledger.{writer}")).copied().unwrap_or(0);
        assert!(kept >= acked, "{acked} were acknowledged, {kept} are there");
    }
    dir.ok(&["stream", "append", "ledger", "ledger.9", "--data", "x"]);
    assert_eq!(node.stop(), Some(0));
    assert_eq!(dir.run(&["verify"]).code, 0);
}

#[test]
fn clients_that_found_no_descriptor_are_taken_when_there_is_one() {
    let dir = Dir::new("serve-full");
    dir.ok(&["stream", "add", "ledger"]);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 40; exec \"$0\" serve --dir \"$1\"", env!("CARGO_BIN_EXE_headwater")]);
    let node = Node::of(start(command.arg(dir.path())), &dir);
    let mut idle: Vec<UnixStream> =
        (0..60).map(|_| UnixStream::connect(dir.path().join("node.sock")).expect("it listens")).collect();
    // Who says nonsense is cut off, once it is taken.
    let mut last = idle.pop().expect("the last one");
    last.write_all(&[0xff; 64]).expect("there is room");
    last.set_read_timeout(Some(Duration::from_millis(300))).expect("a bound");
    assert!(last.read(&mut [0; 64]).is_err(), "there was a descriptor for each");
    drop(idle);
    last.set_read_timeout(Some(PATIENCE)).expect("a bound");
    let mut said = Vec::new();
    assert!(!matches!(last.read_to_end(&mut said), Err(e) if e.kind() == ErrorKind::WouldBlock), "it is never taken");
    assert_eq!(node.stop(), Some(0));
}
