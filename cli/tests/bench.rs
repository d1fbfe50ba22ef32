//! `headwater bench stream` in a directory: what it prints, and that it leaves nothing behind.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start processes")]

mod common;

use common::Dir;

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
