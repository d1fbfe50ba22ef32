//! An acknowledgement of an fsync stream comes after the sync: the order of the process's own system calls is looked
//! at, as strace sees them. Needs strace; says so and passes where there is none.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start threads and look at the clock")]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::Dir;

const RECORDS: u64 = 50;

#[test]
fn the_command_line_acknowledges_after_the_sync() {
    let Some(dir) = traced_stream("sync-cli") else { return };
    let log = dir.file("trace");
    let mut command = strace(&log);
    command.arg(env!("CARGO_BIN_EXE_headwater"));
    command.args(["stream", "append", "orders", "--lines", "--dir"]).arg(dir.path());
    converse(command);
    check(&std::fs::read_to_string(log).expect("strace writes its log"));
}

#[test]
fn python_acknowledges_after_the_sync() {
    let Some(dir) = traced_stream("sync-python") else { return };
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/venv/bin/python");
    let installed = Command::new(&python).args(["-c", "import headwater"]).stderr(Stdio::null()).status();
    if !installed.is_ok_and(|status| status.success()) {
        println!("skipped: the Python package is not installed in .tools/venv");
        return;
    }
    let log = dir.file("trace");
    let mut command = strace(&log);
    command.arg(python).args(["-c", PROGRAM]).arg(dir.path());
    converse(command);
    check(&std::fs::read_to_string(log).expect("strace writes its log"));
}

const PROGRAM: &str = r#"
import os, sys
import headwater

engine = headwater.open(sys.argv[1])
orders = engine.stream("orders")
for line in sys.stdin:
    subject, payload = line.rstrip("\n").split("\t")
    seq = orders.append(subject, payload.encode()).seq
    os.write(1, f"{seq}\n".encode())
engine.close()
"#;

/// A stream that acknowledges after a sync; `None`, with the reason printed, where strace cannot run.
fn traced_stream(test: &str) -> Option<Dir> {
    let runs = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    match runs {
        Err(_) => {
            println!("skipped: strace is not installed");
            return None;
        }
        Ok(status) => assert!(status.success(), "strace is there and cannot trace: {status}"),
    }
    let dir = Dir::new(test);
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>", "--durability", "fsync"]);
    Some(dir)
}

/// Calls that a thread waits in are written in two halves, so the order of the lines is the order of what happened.
fn strace(log: &Path) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-s", "64", "-e", "trace=write,writev,pwrite64,pwritev,fdatasync,fsync", "-o"]).arg(log);
    command
}

/// Appends one record after another, each when the one before was acknowledged.
fn converse(mut command: Command) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("strace starts it");
    let mut input = child.stdin.take().expect("a pipe");
    let mut acks = BufReader::new(child.stdout.take().expect("a pipe"));
    for n in 1..=RECORDS {
        writeln!(input, "orders.{}\trecord {n}", n % 5).expect("it reads");
        let mut ack = String::new();
        acks.read_line(&mut ack).expect("it answers");
        assert_eq!(ack, format!("{n}\n"));
    }
    drop(input);
    assert!(child.wait().expect("it ends").success());
}

/// One file's bytes as far as the trace has come.
#[derive(Default)]
struct Written {
    /// One past the last byte that a finished write put there.
    end: u64,
    /// One past the last byte that a finished sync covers.
    synced: u64,
    /// What each thread's sync under way will cover: only what was written when it began.
    syncing: BTreeMap<String, u64>,
}

/// Every acknowledgement is written when a finished sync covers all that was written to its segment before.
fn check(log: &str) {
    let mut segments: BTreeMap<PathBuf, Written> = BTreeMap::new();
    let mut unfinished: BTreeMap<String, String> = BTreeMap::new();
    let mut acks = 0;
    let mut synced_for_last_ack = 0;
    for line in log.lines() {
        let (thread, rest) = line.split_once(' ').expect("a line begins with its thread");
        let rest = rest.trim_start();
        let begins = !rest.starts_with("<...");
        let call = match rest.strip_suffix(" <unfinished ...>") {
            Some(head) => {
                unfinished.insert(thread.to_owned(), head.to_owned());
                head.to_owned()
            }
            None if begins => rest.to_owned(),
            None => {
                let Some(head) = unfinished.remove(thread) else { continue };
                head + rest.split_once("resumed>").expect("a second half says so").1
            }
        };
        let Some((name, arguments)) = call.split_once('(') else { continue };
        let ended = !rest.ends_with("<unfinished ...>");
        if begins && name.starts_with("write") && arguments.starts_with("1<") {
            acks += 1;
            let written: u64 = segments.values().map(|w| w.end).sum();
            let synced: u64 = segments.values().map(|w| w.synced).sum();
            assert!(synced > synced_for_last_ack, "acknowledgement {acks} without a sync of its own:\n{line}");
            assert_eq!(synced, written, "acknowledgement {acks} before its bytes were synced:\n{line}");
            synced_for_last_ack = synced;
        }
        let Some(path) = path_of(arguments).filter(|p| p.extension().is_some_and(|e| e == "seg")) else { continue };
        let segment = segments.entry(path.to_owned()).or_default();
        match name {
            "pwrite64" if ended => {
                let (call, count) = arguments.rsplit_once(" = ").expect("a finished call has a result");
                let offset = call.trim_end().trim_end_matches(')').rsplit_once(", ").expect("an offset").1;
                let offset: u64 = offset.parse().expect("a number");
                segment.end = segment.end.max(offset + count.trim().parse::<u64>().expect("it wrote"));
            }
            "write" | "writev" | "pwritev" => panic!("a write that this test cannot place: {line}"),
            "fdatasync" | "fsync" => {
                if begins {
                    segment.syncing.insert(thread.to_owned(), segment.end);
                }
                if ended {
                    assert!(call.trim_end().ends_with("= 0"), "a sync failed: {line}");
                    let covered = segment.syncing.remove(thread).expect("it began");
                    segment.synced = segment.synced.max(covered);
                }
            }
            _ => {}
        }
    }
    assert_eq!(acks, RECORDS, "each acknowledgement is a write of its own");
}

/// The file that a call's descriptor stands for, which strace writes behind it.
fn path_of(arguments: &str) -> Option<&Path> {
    let (_, rest) = arguments.split_once('<')?;
    rest.split_once('>').map(|(path, _)| Path::new(path))
}
