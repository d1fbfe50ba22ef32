//! A writer killed with SIGKILL in mid-write: every acknowledged record is there, whole and in order.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start threads and look at the clock")]

mod common;

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::time::{Duration, Instant};

use common::Dir;

#[test]
fn every_acknowledged_record_survives_kill_9() {
    survive(5);
}

#[test]
#[ignore = "200 rounds take a while: make soak"]
fn soak_200_rounds_of_kill_9() {
    survive(200);
}

fn survive(rounds: u64) {
    let dir = Dir::new("kill");
    dir.ok(&["stream", "add", "ledger", "--subjects", "ledger.>"]);
    let mut on_disk = 0;
    let mut acked = 0;
    for round in 0..rounds {
        // From at once to well into the work.
        let delay = Duration::from_millis(5 + round * 37 % 150);
        let last = write_and_kill(&dir, on_disk, delay);
        acked += last - on_disk;
        on_disk = check(&dir, on_disk);
        assert!(on_disk >= last, "round {round}: {last} was acknowledged, {on_disk} is the last one there");
    }
    assert!(acked > 0, "in {rounds} rounds nothing was acknowledged, so nothing was proven");
    assert_eq!(dir.run(&["verify"]).code, 0);
}

/// Lets a writer work for `delay` after its first answer, and kills it; returns the last sequence that it acknowledged.
fn write_and_kill(dir: &Dir, on_disk: u64, delay: Duration) -> u64 {
    let mut writer = dir.spawn(&["stream", "append", "ledger", "--lines"]);
    let mut input = BufWriter::new(writer.stdin.take().expect("a pipe"));
    let acks = BufReader::new(writer.stdout.take().expect("a pipe"));
    let feeder = std::thread::spawn(move || {
        for n in on_disk + 1.. {
            if writeln!(input, "ledger.{}\tentry {n}", n % 10).is_err() {
                return;
            }
        }
    });
    let mut last = on_disk;
    let mut kill_at = None;
    for line in acks.split(b'\n') {
        let line = String::from_utf8(line.expect("it reads")).expect("UTF-8");
        // The last line may be cut off by the kill; a cut number is smaller than the next one, so it is never taken.
        if line.parse() == Ok(last + 1) {
            last += 1;
        }
        if Instant::now() >= *kill_at.get_or_insert_with(|| Instant::now() + delay) {
            writer.kill().expect("it can be killed");
        }
    }
    writer.wait().expect("it ends");
    feeder.join().expect("feeding does not panic");
    last
}

/// Reads what came since `before`; returns the last sequence.
fn check(dir: &Dir, before: u64) -> u64 {
    let mut last = before;
    for record in dir.json(&["stream", "read", "ledger", "--from", &(before + 1).to_string()]) {
        last += 1;
        assert_eq!(record["seq"], last);
        assert_eq!(record["payload"], format!("entry {last}"));
        assert_eq!(record["subject"], format!("ledger.{}", last % 10));
    }
    last
}
