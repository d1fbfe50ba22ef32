//! `stream append --lines`: a pipe into a stream.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start threads and look at the clock")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{Dir, objects, start};

fn orders(test: &str) -> Dir {
    let dir = Dir::new(test);
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"]);
    dir
}

#[test]
fn each_line_is_answered_in_order() {
    let dir = orders("lines-order");
    let input = (1..=5_000).map(|n| format!("orders.{}\tpayload {n}\n", n % 7)).collect::<Vec<_>>().concat();
    let ran = dir.feed(&["stream", "append", "orders", "--lines"], input.as_bytes());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let seqs: Vec<u64> = ran.stdout.lines().map(|l| l.parse().expect("a sequence")).collect();
    assert_eq!(seqs, (1..=5_000).collect::<Vec<u64>>());
    let records = dir.json(&["stream", "read", "orders"]);
    assert_eq!(records.len(), 5_000);
    for (n, record) in (1..).zip(&records) {
        assert_eq!(record["payload"], format!("payload {n}"));
    }
}

#[test]
fn payloads_keep_every_byte_but_the_line_end() {
    let dir = orders("lines-bytes");
    let input = b"orders.a\t\norders.b\ta\tb\r\norders.c\t\xff\xfe\norders.d\tno line end";
    let ran = dir.feed(&["stream", "append", "orders", "--lines", "-H", "Source: pipe"], input);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "1\n2\n3\n4\n"), "{ran:?}");
    let records = dir.json(&["stream", "read", "orders"]);
    assert_eq!(records[0]["payload"], "");
    assert_eq!(records[1]["payload"], "a\tb\r");
    assert_eq!(records[2]["payload_base64"], "//4=");
    assert!(records[2].get("payload").is_none());
    assert_eq!(records[3]["payload"], "no line end");
    assert!(records.iter().all(|r| r["headers"]["Source"] == "pipe"));
}

#[test]
fn a_bad_line_is_named_and_the_others_go_on() {
    let dir = orders("lines-bad");
    dir.ok(&["stream", "edit", "orders", "--max-msg-size", "10"]);
    let input = b"orders.1\tone\nno tab\norders.*\tx\ninvoices.1\tx\norders.2\tlonger than ten\n\norders.3\tthree\n";
    let ran = dir.feed(&["stream", "append", "orders", "--lines"], input);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "1\n2\n"), "{ran:?}");
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 5, "{}", ran.stderr);
    for (line, number) in lines.iter().zip([2, 3, 4, 5, 6]) {
        assert!(line.starts_with(&format!("headwater: line {number}: ")), "{line}");
    }

    let ran = dir.feed(&["stream", "append", "orders", "--lines", "--json"], b"bad\norders.4\tfour\n");
    assert_eq!(ran.code, 1);
    let (ack, error) = (&objects(&ran.stdout)[0], &objects(&ran.stderr)[0]);
    assert_eq!((&ack["seq"], &ack["line"]), (&3.into(), &2.into()));
    assert_eq!((&error["line"], &error["error"]), (&1.into(), &"invalid".into()));
}

#[test]
fn a_line_beyond_every_bound_is_refused_alone() {
    let dir = orders("lines-long");
    let mut input = b"orders.1\t".to_vec();
    input.resize(20 << 20, b'x');
    input.extend_from_slice(b"\norders.2\ttwo\n");
    let ran = dir.feed(&["stream", "append", "orders", "--lines"], &input);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "1\n"), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("headwater: line 1: "), "{}", ran.stderr);
}

#[test]
fn an_answer_does_not_wait_for_the_next_line() {
    let dir = orders("lines-prompt");
    let mut writer = dir.spawn(&["stream", "append", "orders", "--lines"]);
    let mut input = writer.stdin.take().expect("a pipe");
    let mut acks = BufReader::new(writer.stdout.take().expect("a pipe"));
    for n in 1..=20 {
        writeln!(input, "orders.1\t{n}").expect("it reads");
        let mut ack = String::new();
        acks.read_line(&mut ack).expect("it answers");
        assert_eq!(ack, format!("{n}\n"));
    }
    drop(input);
    assert!(writer.wait().expect("it ends").success());
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let dir = orders("lines-pipe");
    let input = (1..=20_000).map(|n| format!("orders.1\t{n}\n")).collect::<Vec<_>>().concat();
    dir.feed(&["stream", "append", "orders", "--lines"], input.as_bytes());
    for args in [&["stream", "read", "orders"][..], &["stream", "tail", "orders", "--from", "1"]] {
        let mut child = dir.spawn(args);
        let mut first = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut first).expect("it prints");
        assert!(first.starts_with("1\t"), "{first}");
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{args:?}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
    // A writer whose answers nobody reads ends too, although its input stays open.
    let mut writer = dir.command(&["stream", "append", "orders", "--lines"]);
    let mut writer = writer.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the binary starts");
    drop(writer.stdout.take());
    let mut stdin = writer.stdin.take().expect("a pipe");
    stdin.write_all(b"orders.1\tx\n").expect("it reads");
    assert!(writer.wait().expect("it ends").success());
}

#[test]
fn a_full_disk_ends_it_with_one_sentence() {
    let runs = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    if !runs.is_ok_and(|status| status.success()) {
        println!("skipped: strace does not run here");
        return;
    }
    let dir = Dir::new("full-disk");
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"]);
    let mut command = Command::new("strace");
    command.args(["-f", "-o", "/dev/null", "-e", "inject=pwrite64:error=ENOSPC:when=3+"]);
    command.arg(env!("CARGO_BIN_EXE_headwater")).args(["stream", "append", "orders", "--lines", "--dir"]);
    let mut writer = start(command.arg(dir.path()));
    let mut acks = BufReader::new(writer.stdout.take().expect("it has a pipe"));
    let mut input = writer.stdin.take().expect("it has a pipe");
    // The disk of each thread is full after two writes of its own: how many fit depends on which of them writes.
    for n in 1..=2 {
        writeln!(input, "orders.1\t{n}").expect("it reads");
        let mut ack = String::new();
        acks.read_line(&mut ack).expect("it answers");
        assert_eq!(ack, format!("{n}\n"));
    }
    // Many at once, then one by one until it ends by itself.
    let mut lines = 3..5000;
    while let Some(n) = lines.next()
        && writeln!(input, "orders.1\t{n}").is_ok()
    {
        if n > 500 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    assert!(!lines.is_empty(), "no write was refused");
    drop(input);
    let acked = 2 + acks.lines().count();
    let ended = writer.wait_with_output().expect("it ends");
    let said = String::from_utf8(ended.stderr).expect("UTF-8");
    assert_eq!(ended.status.code(), Some(1), "{said}");
    let refused: Vec<&str> = said.lines().filter_map(|l| l.split_once("limit: line ")).map(|(_, l)| l).collect();
    assert_eq!(refused.len(), 1, "{said}");
    assert!(said.lines().count() < 6, "{said}");
    // What was acknowledged is there, and what was refused is not. Of the lines behind it nothing was said.
    let (line, _) = refused[0].split_once(':').expect("it says why");
    let there: Vec<String> = dir.json(&["stream", "read", "orders"]).iter().map(|r| r["payload"].to_string()).collect();
    let there: Vec<&str> = there.iter().map(|payload| payload.trim_matches('"')).collect();
    assert!(there.len() >= acked, "{acked} acknowledged, {there:?}");
    assert!((1..=acked).zip(&there).all(|(n, payload)| n.to_string() == *payload), "{acked} acknowledged, {there:?}");
    assert!(!there.contains(&line), "line {line} is in {there:?}");
}
