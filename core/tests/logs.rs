//! The log is a queue that can be waited for, whoever logs and whatever lock it holds.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use headwater::{Append, Engine, EngineOptions, ErrorKind, StreamConfig};

const WAIT: Duration = Duration::from_secs(20);

/// A directory whose stream logs a line when it is opened, because a torn tail is cut.
fn torn(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("headwater-logs-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    let engine = Engine::open(&dir).expect("open");
    let stream = engine.create_stream(StreamConfig::new("s", ["s"])).wait().expect("create");
    stream.append(&Append::new("s", b"kept")).wait().expect("append");
    engine.close().expect("close");
    let segment = dir.join("streams/s/0000000000000000.seg");
    fs::OpenOptions::new().append(true).open(segment).expect("open").write_all(b"torn").expect("write");
    dir
}

#[test]
fn a_wait_for_the_log_ends_with_what_an_open_has_to_say() {
    let dir = torn("wait");
    let engine = Engine::open(&dir).expect("open");
    let wait = engine.next_logs(10);
    let waiter = std::thread::spawn(move || wait.wait());
    engine.stream("s").wait().expect("the stream opens");
    let lines = waiter.join().expect("no panic").expect("a line");
    assert!(lines[0].level == "warn" && lines[0].message.contains("torn"), "{lines:?}");
    assert!(engine.logs(10).is_empty());
    fs::remove_dir_all(dir).expect("remove");
}

#[test]
fn without_a_worker_a_step_ends_the_wait() {
    let dir = torn("step");
    let options = EngineOptions { worker: false, ..EngineOptions::default() };
    let engine = Engine::open_with(&dir, options).expect("open");
    let mut wait = engine.next_logs(10);
    assert_eq!(wait.wait_timeout(Duration::ZERO).expect_err("nothing there").kind(), ErrorKind::Timeout);
    let waiter = std::thread::spawn(move || wait.wait());
    engine.stream("s").wait().expect("the stream opens");
    while !waiter.is_finished() {
        engine.step();
        std::thread::yield_now();
    }
    assert_eq!(waiter.join().expect("no panic").expect("a line").len(), 1);
    fs::remove_dir_all(dir).expect("remove");
}

#[test]
fn close_ends_waits_for_the_log() {
    let engine = Engine::memory().expect("an engine");
    let mut wait = engine.next_logs(10);
    assert_eq!(wait.wait_timeout(Duration::ZERO).expect_err("nothing there").kind(), ErrorKind::Timeout);
    engine.close().expect("close");
    assert_eq!(wait.wait_timeout(WAIT).expect_err("closed").kind(), ErrorKind::Closed);
}
