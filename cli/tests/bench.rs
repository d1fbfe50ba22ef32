//! `headwater bench` in a directory: what it prints, and that it leaves nothing behind.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start processes")]

mod common;

use common::{Dir, finish, headwater, objects, start};

#[test]
fn a_directory_is_measured_and_left_as_it_was() {
    let dir = Dir::new("bench");
    let few = ["--count", "2500", "--sync-count", "20", "--size", "64", "--batch", "100"];
    let rows = dir.json(&[&["bench", "stream"], &few[..]].concat());
    let what: Vec<&str> = rows.iter().filter_map(|row| row["what"].as_str()).collect();
    assert_eq!(what, ["append, one at a time", "append, many at once", "append, batched", "read back"]);
    let records: Vec<u64> = rows.iter().filter_map(|row| row["records"].as_u64()).collect();
    assert_eq!(records, [20, 2500, 2500, 5020]);
    assert!(rows.iter().all(|row| row["records_per_second"].as_f64().is_some_and(|r| r > 0.0)));
    assert!(rows.iter().all(|row| row["p99_us"].as_f64() >= row["p50_us"].as_f64()));
    assert_eq!(dir.ok(&["stream", "ls"]), "");
    assert!(dir.ok(&[&["bench", "stream"], &few[..]].concat()).starts_with("WHAT"));
    assert_eq!(dir.run(&["bench", "stream", "--batch", "1001"]).code, 2);
    assert_eq!(dir.run(&["bench", "stream", "--size", "3"]).code, 2);
}

#[test]
fn events_are_measured_in_a_directory_and_without_one() {
    let dir = Dir::new("bench-events");
    let words = ["bench", "events", "--n", "500", "--users", "10"];
    let check = |rows: &[serde_json::Value]| {
        let what: Vec<&str> = rows.iter().filter_map(|row| row["what"].as_str()).collect();
        assert_eq!(what, ["load, one event, save", "replay of all events"]);
        assert!(rows.iter().all(|row| row["records"] == 500 && row["p99_us"].as_f64() >= row["p50_us"].as_f64()));
    };
    check(&dir.json(&words));
    assert_eq!(dir.ok(&["stream", "ls"]), "");
    assert_eq!(dir.run(&["bench", "events", "--n", "0"]).code, 2);

    // With no place at all it makes one, and takes it away.
    let here = dir.file("empty");
    std::fs::create_dir_all(&here).expect("a working directory");
    let ran = finish(start(headwater(&[&words[..], &["--json"]].concat()).current_dir(&here)), b"");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    check(&objects(&ran.stdout));
    assert_eq!(std::fs::read_dir(&here).expect("a directory").count(), 0);
}
