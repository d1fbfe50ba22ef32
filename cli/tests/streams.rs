//! The verbs of `stream` and their JSON.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start threads and look at the clock")]

mod common;

use common::{Dir, objects};
use serde_json::{Value, json};

fn seqs(records: &[Value]) -> Vec<u64> {
    records.iter().map(|r| r["seq"].as_u64().expect("a sequence")).collect()
}

#[test]
fn a_record_has_every_field() {
    let dir = Dir::new("fields");
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"]);
    let append = ["stream", "append", "orders", "orders.1", "--data", "x"];
    let more = ["-H", "A: 1", "-H", "B: 2", "-H", "B: 3", "--event-time", "2020-01-01T00:00:00.5Z"];
    let ack = &dir.json(&[&append[..], &more].concat())[0];
    assert_eq!(*ack, json!({"seq": 1, "stream": "orders", "duplicate": false, "durability": "fsync"}));
    let text = dir.ok(&["stream", "last", "orders", "orders.1", "--json"]);
    assert!(text.starts_with(r#"{"seq":1,"subject":"orders.1","time":""#), "{text}");
    let record = &objects(&text)[0];
    assert_eq!(record["headers"], json!({"A": "1", "B": ["2", "3"]}));
    assert_eq!(record["event_time"], "2020-01-01T00:00:00.500000000Z");
    let time = record["time"].as_str().expect("a time");
    assert_eq!((time.len(), &time[10..11], &time[29..]), (30, "T", "Z"), "{time}");
}

#[test]
fn a_payload_comes_from_standard_input_byte_for_byte() {
    let dir = Dir::new("stdin");
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"]);
    let append = ["stream", "append", "orders", "orders.1"];
    assert_eq!(dir.feed(&append, b"two\nlines\n").stdout, "1\n");
    assert_eq!(dir.feed(&append, &[0, 0xff]).stdout, "2\n");
    assert_eq!(dir.feed(&append, b"").stdout, "3\n");
    let records = dir.json(&["stream", "read", "orders"]);
    assert_eq!(records[0]["payload"], "two\nlines\n");
    assert_eq!(records[1]["payload_base64"], "AP8=");
    assert_eq!(records[2]["payload"], "");
    assert_eq!(dir.ok(&["stream", "read", "orders"]).lines().count(), 3, "a record stays on its line");
    let too_long = vec![b'x'; (8 << 20) + 1];
    let ran = dir.feed(&append, &too_long);
    assert_ne!(ran.code, 0);
    assert!(ran.stderr.contains("8388608"), "{}", ran.stderr);
}

#[test]
fn the_same_message_id_is_a_duplicate() {
    let dir = Dir::new("duplicate");
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"]);
    let append = ["stream", "append", "orders", "orders.1", "--data", "x", "--msg-id", "order-1", "--json"];
    assert_eq!(objects(&dir.ok(&append))[0]["duplicate"], false);
    let ran = dir.run(&append);
    let ack = &objects(&ran.stdout)[0];
    assert_eq!((ran.code, &ack["duplicate"], &ack["seq"]), (0, &true.into(), &1.into()));
    assert_eq!(dir.json(&["stream", "read", "orders"]).len(), 1);
}

#[test]
fn reads_go_both_ways_and_by_page() {
    let dir = Dir::new("reads");
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"]);
    let input = (1..=2_500).map(|n| format!("orders.{}\t{n}\n", n % 3)).collect::<Vec<_>>().concat();
    dir.feed(&["stream", "append", "orders", "--lines"], input.as_bytes());
    let read = |args: &[&str]| seqs(&dir.json(&[&["stream", "read", "orders"], args].concat()));
    assert_eq!(read(&[]), (1..=2_500).collect::<Vec<_>>());
    assert_eq!(read(&["--backward"]), (1..=2_500).rev().collect::<Vec<_>>());
    assert_eq!(read(&["--backward", "--from", "3"]), [3, 2, 1]);
    assert_eq!(read(&["--filter", "orders.0", "--limit", "3"]), [3, 6, 9]);
    assert_eq!(read(&["--filter", "orders.0", "--filter", "orders.1", "--from", "2", "--to", "8"]), [3, 4, 6, 7]);
    assert_eq!(read(&["--from", "2500"]), [2_500]);
    assert_eq!(read(&["--from", "2501"]), [] as [u64; 0]);
    assert_eq!(read(&["--from", "2000-01-01", "--limit", "1"]), [1]);
    assert_eq!(read(&["--from", "2200-01-01"]), [] as [u64; 0]);
    assert_eq!(read(&["--to", "2000-01-01"]), [] as [u64; 0]);
    assert_eq!(read(&["--event-to", "2000-01-01"]), [] as [u64; 0]);
    let last = dir.json(&["stream", "last", "orders"]);
    assert_eq!(seqs(&last), [2_500]);
    let subjects = dir.json(&["stream", "subjects", "orders", "--filter", "orders.*"]);
    assert_eq!(subjects[0], json!({"subject": "orders.0", "records": 833}));
    assert_eq!(subjects.len(), 3);
}

#[test]
fn limits_are_set_shown_and_changed() {
    let dir = Dir::new("limits");
    let limits = [
        "--subjects",
        "a.>,b.*",
        "--description",
        "two",
        "--durability",
        "os",
        "--max-age",
        "7d",
        "--max-msgs",
        "100",
        "--max-bytes",
        "1GiB",
        "--max-msgs-per-subject",
        "2",
        "--max-msg-size",
        "1KiB",
        "--discard",
        "new",
        "--duplicate-window",
        "5m",
        "--allow-rollup",
        "--deny-delete",
        "--compression",
        "none",
        "--segment-bytes",
        "1MiB",
    ];
    dir.ok(&[&["stream", "add", "mixed"], &limits[..]].concat());
    dir.ok(&[&["stream", "add", "mixed"], &limits[..]].concat());
    let config = |dir: &Dir| dir.json(&["stream", "info", "mixed"])[0]["config"].clone();
    let before = config(&dir);
    assert_eq!(before["subjects"], json!(["a.>", "b.*"]));
    assert_eq!(before["max_age"], json!(7u64 * 86_400 * 1_000_000_000));
    assert_eq!(before["max_bytes"], json!(1u64 << 30));
    assert_eq!((&before["durability"], &before["compression"]), (&json!("os"), &json!("none")));
    assert_eq!((&before["allow_rollup"], &before["deny_delete"]), (&json!(true), &json!(true)));
    dir.ok(&["stream", "edit", "mixed", "--max-msgs", "5", "--deny-delete=false"]);
    let mut expected = before;
    expected["max_msgs"] = json!(5);
    expected["deny_delete"] = json!(false);
    assert_eq!(config(&dir), expected, "what was not given stayed");
    assert!(dir.ok(&["stream", "info", "mixed"]).contains("7d"));
    assert_eq!(dir.json(&["stream", "ls"])[0]["name"], "mixed");
    assert!(dir.ok(&["stream", "ls"]).contains("a.>,b.*"));
}

#[test]
fn records_and_streams_are_removed() {
    let dir = Dir::new("remove");
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"]);
    let input = (1..=10).map(|n| format!("orders.{}\t{n}\n", n % 2)).collect::<Vec<_>>().concat();
    dir.feed(&["stream", "append", "orders", "--lines"], input.as_bytes());
    dir.ok(&["stream", "del", "orders", "3"]);
    assert_eq!(dir.run(&["stream", "get", "orders", "3"]).code, 3);
    assert_eq!(dir.json(&["stream", "get", "orders", "4"])[0]["payload"], "4");
    assert_eq!(dir.json(&["stream", "purge", "orders", "--filter", "orders.0", "--keep", "1"])[0]["removed"], 4);
    assert_eq!(dir.json(&["stream", "purge", "orders", "--before", "6"])[0]["removed"], 2);
    assert_eq!(seqs(&dir.json(&["stream", "read", "orders"])), [7, 9, 10]);
    dir.ok(&["stream", "rm", "orders"]);
    assert_eq!(dir.run(&["stream", "info", "orders"]).code, 3);
    assert_eq!(dir.ok(&["stream", "ls"]), "");
}

#[test]
fn a_backup_becomes_a_directory_again() {
    let dir = Dir::new("backup");
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"]);
    dir.feed(&["stream", "append", "orders", "--lines"], b"orders.1\tone\norders.2\ttwo\n");
    let (copy, again) = (dir.file("copy"), dir.file("again"));
    let (copy, again) = (copy.to_str().expect("UTF-8"), again.to_str().expect("UTF-8"));
    dir.ok(&["backup", copy]);
    dir.ok(&["stream", "append", "orders", "orders.3", "--data", "after the backup"]);
    let restore = ["restore", copy, "--dir", again];
    let ran = common::finish(common::start(&mut common::headwater(&restore)), b"");
    assert_eq!(ran.code, 0, "{ran:?}");
    let read = ["stream", "read", "orders", "--json", "--dir", again];
    let ran = common::finish(common::start(&mut common::headwater(&read)), b"");
    assert_eq!(seqs(&objects(&ran.stdout)), [1, 2]);
}
