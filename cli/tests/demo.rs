//! The tour runs, proves what it says, and stays readable where it is piped.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start threads and look at the clock")]

mod common;

use std::process::Command;
use std::time::{Duration, Instant};

use common::{Dir, finish, headwater, objects, start};

const COLUMNS_MAX: usize = 79;

#[test]
fn the_tour_is_short_plain_and_true() {
    let began = Instant::now();
    let ran = finish(start(&mut headwater(&["demo"])), b"");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    assert!(!ran.stdout.contains('\x1b'), "no colours in a pipe");
    // However it was called is as long as it is.
    let called = env!("CARGO_BIN_EXE_headwater");
    for line in ran.stdout.replace(called, "headwater").lines() {
        assert!(line.chars().count() <= COLUMNS_MAX, "{} columns: {line}", line.chars().count());
    }
    for text in ["26,277 points", "1,679 recognised", "SIGKILL", "0 lost", "records/s", "Try next"] {
        assert!(ran.stdout.contains(text), "'{text}' in\n{}", ran.stdout);
    }
    let dir = Dir::new("demo-next");
    let next = ran.stdout.lines().skip_while(|line| !line.contains("Try next")).filter(|line| line.contains(called));
    // The third follows a stream for as long as it is let.
    for line in next.take(2) {
        let status = Command::new("sh").args(["-c", line]).current_dir(dir.file(".")).status().expect("a shell");
        assert!(status.success(), "{line}");
    }
    assert!(dir.path().join("streams/orders").is_dir(), "both lines are there and did what they say");
}

#[test]
fn the_tour_can_be_kept_and_counted() {
    let dir = Dir::new("demo");
    let ran = dir.run(&["demo", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let figures = &objects(&ran.stdout)[0];
    assert_eq!((&figures["points"], &figures["kills"]), (&26_277.into(), &3.into()));
    assert_eq!(figures["presence_changes"], 6_480);
    assert!(figures["acked"].as_u64().is_some_and(|n| n >= 6_000));
    assert!(figures["records_per_second"]["append_fsync_64_writers"].as_u64().is_some_and(|n| n > 0));
    assert_eq!(dir.json(&["points", "latest", "weather", "seattle.temperature"]).len(), 1);
    assert_eq!(dir.run(&["demo"]).code, 2, "a directory that is in use is left alone");
}
