//! Consumers, buckets and points from the shell.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start threads and look at the clock")]

mod common;

use std::fs;

use common::{Dir, finish, objects};
use serde_json::json;

#[test]
fn a_consumer_hands_out_records_until_they_are_acknowledged() {
    let dir = Dir::new("consumer");
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"]);
    let input = (1..=6).map(|n| format!("orders.{n}\t{n}\n")).collect::<Vec<_>>().concat();
    dir.feed(&["stream", "append", "orders", "--lines"], input.as_bytes());
    dir.ok(&["consumer", "add", "orders", "billing", "--filter", "orders.*", "--ack-wait", "1h"]);
    dir.ok(&["consumer", "add", "orders", "billing", "--filter", "orders.*", "--ack-wait", "1h"]);
    assert_eq!(dir.run(&["consumer", "add", "orders", "billing"]).code, 4);

    let next = |more: &[&str]| dir.json(&[&["consumer", "next", "orders", "billing"], more].concat());
    let first = next(&[]);
    assert_eq!((&first[0]["seq"], &first[0]["delivered"]), (&json!(1), &json!(1)));
    assert_eq!(next(&["--max", "2", "--ack"]).len(), 2);
    assert_eq!(dir.json(&["consumer", "ack", "orders", "billing", "1"])[0]["acked"], 1);
    let info = &dir.json(&["consumer", "info", "orders", "billing"])[0];
    assert_eq!((&info["ack_floor"], &info["num_pending"]), (&json!(3), &json!(3)), "{info}");

    assert_eq!(next(&[])[0]["seq"], 4);
    dir.ok(&["consumer", "nak", "orders", "billing", "4"]);
    let again = next(&[]);
    assert_eq!((&again[0]["seq"], &again[0]["delivered"]), (&json!(4), &json!(2)));
    dir.ok(&["consumer", "term", "orders", "billing", "4"]);
    assert_eq!(next(&["--max", "10", "--ack", "--timeout", "1s"]).len(), 2);
    let ran = dir.run(&["consumer", "next", "orders", "billing", "--timeout", "100ms"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""));
    assert_eq!(dir.json(&["consumer", "ls", "orders"])[0]["name"], "billing");
    dir.ok(&["consumer", "rm", "orders", "billing"]);
    assert_eq!(dir.run(&["consumer", "next", "orders", "billing"]).code, 3);
}

#[test]
fn a_bucket_keeps_values_and_their_history() {
    let dir = Dir::new("bucket");
    assert_eq!(dir.ok(&["kv", "put", "settings", "theme", "dark"]), "1\n", "the bucket is made by the way");
    dir.ok(&["kv", "put", "settings", "theme", "light"]);
    assert_eq!(dir.ok(&["kv", "get", "settings", "theme"]), "light\n");
    assert_eq!(dir.ok(&["kv", "get", "settings", "theme", "--raw"]), "light");
    let entry = &dir.json(&["kv", "get", "settings", "theme", "--revision", "1"])[0];
    assert_eq!((&entry["value"], &entry["operation"], &entry["revision"]), (&json!("dark"), &json!("put"), &json!(1)));
    assert_eq!(dir.json(&["kv", "update", "settings", "theme", "blue", "--revision", "2"])[0]["revision"], 3);
    dir.feed(&["kv", "put", "settings", "logo"], &[0xff, 0x00]);
    assert_eq!(dir.json(&["kv", "get", "settings", "logo"])[0]["value_base64"], "/wA=");
    assert_eq!(dir.ok(&["kv", "keys", "settings"]), "logo\ntheme\n");
    dir.ok(&["kv", "del", "settings", "theme"]);
    assert_eq!(dir.run(&["kv", "get", "settings", "theme"]).code, 3);
    let history = dir.json(&["kv", "history", "settings", "theme"]);
    let operations: Vec<_> = history.iter().map(|e| e["operation"].as_str().expect("a word")).collect();
    assert_eq!(operations, ["put", "put", "put", "delete"]);
    dir.ok(&["kv", "purge", "settings", "theme"]);
    assert_eq!(dir.json(&["kv", "history", "settings", "theme"]).len(), 1, "the mark of the purge");
    dir.ok(&["kv", "add", "locks", "--history", "3", "--ttl", "1h"]);
    let names: Vec<_> = dir.json(&["kv", "ls"]).iter().map(|b| b["bucket"].clone()).collect();
    assert_eq!(names, [json!("locks"), json!("settings")]);
    assert!(dir.ok(&["kv", "info", "locks"]).contains("1h"));
    dir.ok(&["kv", "rm", "locks"]);
    assert_eq!(dir.run(&["kv", "info", "locks"]).code, 3);
}

#[test]
fn an_object_store_keeps_files() {
    let dir = Dir::new("object");
    let (file, copy) = (dir.file("report.bin"), dir.file("copy.bin"));
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n * 31 % 251) as u8).collect();
    fs::write(&file, &bytes).expect("it writes");
    let (file, to) = (file.to_str().expect("UTF-8"), copy.to_str().expect("UTF-8"));
    let put = &dir.json(&["object", "put", "files", file, "--header", "h=1", "--meta", "k=v=w"])[0];
    assert_eq!((&put["name"], &put["size"], &put["chunks"]), (&json!("report.bin"), &json!(1_000_000), &json!(8)));
    assert_eq!((&put["headers"], &put["metadata"]), (&json!([["h", "1"]]), &json!({"k": "v=w"})));
    assert_eq!(dir.json(&["object", "get", "files", "report.bin", "--output", to])[0]["digest"], put["digest"]);
    assert!(fs::read(&copy).expect("the copy") == bytes);
    assert_eq!(dir.feed(&["object", "put", "files", "-"], b"text").code, 2, "it has no name");
    assert_eq!(dir.feed(&["object", "put", "files", "-", "--name", "t"], b"text").code, 0);
    assert_eq!(dir.ok(&["object", "get", "files", "t"]), "text");
    dir.ok(&["object", "link", "files", "l", "files", "t"]);
    assert_eq!(dir.ok(&["object", "get", "files", "l"]), "text");
    assert!(dir.ok(&["object", "info", "files", "l"]).contains("t in files"));
    dir.ok(&["object", "mv", "files", "t", "u"]);
    assert_eq!(dir.run(&["object", "get", "files", "l"]).code, 3, "it leads nowhere");
    let names: Vec<_> = dir.json(&["object", "ls", "files"]).iter().map(|o| o["name"].clone()).collect();
    assert_eq!(names, [json!("l"), json!("report.bin"), json!("u")]);
    dir.ok(&["object", "rm", "files", "report.bin"]);
    assert_eq!(dir.run(&["object", "rm", "files", "report.bin"]).code, 3);
    assert_eq!(dir.run(&["object", "rm", "files"]).code, 2, "an object, or all of it");
    dir.ok(&["object", "add", "other", "--ttl", "1h", "--compression", "zstd"]);
    assert!(dir.ok(&["object", "info", "other"]).contains("1h"));
    assert_eq!(dir.json(&["object", "ls"])[0]["objects"], 2);
    dir.ok(&["object", "rm", "files", "--all"]);
    assert_eq!(dir.json(&["object", "ls"]).len(), 1);
}

#[test]
fn points_are_imported_asked_and_exported() {
    let dir = Dir::new("points");
    let csv = dir.file("cars.csv");
    fs::write(
        &csv,
        "at,car,speed,fuel\n2026-01-01T00:00:00Z,a,10,1\nyesterday,a,1,1\n2026-01-01T00:30:00Z,a,30,2\n\
                     2026-01-01T01:00:00Z,b,50,3\n",
    )
    .expect("it writes");
    let csv = csv.to_str().expect("UTF-8");
    let import = ["points", "import", "fleet", csv, "--time", "at", "--node-column", "car", "--json"];
    let ran = dir.run(&import);
    assert_eq!(ran.code, 1, "{ran:?}");
    let report = &objects(&ran.stdout)[0];
    assert_eq!((&report["points"], &report["rejected"]), (&json!(6), &json!(1)));
    let rejected = &objects(&ran.stderr)[0];
    assert_eq!(rejected["line"], 3);
    assert!(rejected["message"].as_str().expect("a reason").contains("yesterday"));

    let again = dir.run(&import);
    assert_eq!(objects(&again.stdout)[0]["points"], 0, "a second run has nothing to add: {again:?}");

    let latest = dir.json(&["points", "latest", "fleet", "a.*"]);
    assert_eq!(latest.len(), 2);
    let speed = latest.iter().find(|p| p["type"] == "speed").expect("it is there");
    assert_eq!((&speed["node"], &speed["value"].as_f64()), (&json!("a"), &Some(30.0)));
    assert_eq!(speed["time"], "2026-01-01T00:30:00.000000000Z");

    let rows = dir.json(&["points", "query", "fleet", "*.speed", "--every", "1h", "--agg", "count,mean,p50"]);
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["series"], &rows[0]["start"]), (&json!("a.speed"), &json!("2026-01-01T00:00:00.000000000Z")));
    assert_eq!((&rows[0]["count"], &rows[0]["mean"].as_f64()), (&json!(2), &Some(20.0)));
    assert_eq!(rows[1]["series"], "b.speed");

    dir.ok(&["points", "put", "fleet", "a", "speed", "-4.5", "--time", "2026-01-02"]);
    dir.ok(&["points", "put", "fleet", "a", "state", "{\"on\":true}", "--type", "json"]);
    assert_eq!(dir.json(&["points", "latest", "fleet", "a.state"])[0]["value"], json!({"on": true}));
    assert_eq!(dir.run(&["points", "put", "fleet", "a", "speed", "fast"]).code, 2);

    let out = dir.file("out.csv");
    dir.ok(&["points", "export", "fleet", "*.speed", "--to", "2026-01-02", "--output", out.to_str().expect("UTF-8")]);
    assert_eq!(fs::read_to_string(&out).expect("it reads").lines().count(), 4, "a header and three points");
    let lines = objects(&dir.ok(&["points", "export", "fleet", "--json"]));
    assert_eq!(lines.len(), 8);
    assert_eq!(dir.json(&["points", "ls"])[0]["store"], "fleet");

    for name in ["all.csv", "all.jsonl"] {
        let (file, store) = (dir.file(name), name.replace('.', "-"));
        let file = file.to_str().expect("UTF-8");
        dir.ok(&["points", "export", "fleet", "--output", file]);
        dir.ok(&["points", "import", &store, file, "--time", "time"]);
        let mut back = objects(&dir.ok(&["points", "export", &store, "--json"]));
        let mut sent = lines.clone();
        for points in [&mut back, &mut sent] {
            points.sort_by_key(ToString::to_string);
        }
        assert_eq!(back, sent, "{name}: an export goes back in");
    }
}

#[test]
fn every_refused_line_is_reported() {
    let dir = Dir::new("refused");
    let csv = dir.file("bad.csv");
    let lines = "yesterday,1\n".repeat(3000);
    fs::write(&csv, format!("at,speed\n{lines}2026-01-01,1\n")).expect("it writes");
    let csv = csv.to_str().expect("UTF-8");
    let ran = dir.run(&["points", "import", "p", csv, "--time", "at", "--node", "a", "--json"]);
    assert_eq!(ran.code, 1);
    assert_eq!(objects(&ran.stdout)[0]["rejected"], 3000);
    let numbers: Vec<_> = objects(&ran.stderr).iter().filter_map(|o| o["line"].as_u64()).collect();
    assert_eq!(numbers, (2..=3001).collect::<Vec<u64>>());
}

#[test]
fn state_that_merges_is_changed_and_shown() {
    let dir = Dir::new("crdt");
    assert_eq!(dir.run(&["crdt", "get", "likes"]).code, 3, "there is no directory");
    assert_eq!(dir.ok(&["crdt", "incr", "likes", "5"]), "5\n", "the store is made by the way");
    assert_eq!(dir.ok(&["crdt", "incr", "likes"]), "6\n");
    assert_eq!(dir.json(&["crdt", "decr", "likes", "8"])[0], json!({"key": "likes", "value": -2}));
    assert_eq!(dir.ok(&["crdt", "get", "likes"]), "-2\n");
    assert_eq!(dir.run(&["crdt", "incr", "likes", "-1"]).code, 2, "that is what decr is for");

    dir.ok(&["crdt", "set", "theme", "dark"]);
    assert_eq!(dir.ok(&["crdt", "get", "theme"]), "dark\n");
    assert_eq!(dir.run(&["crdt", "set", "limit", "x", "--type", "int"]).code, 2);
    dir.ok(&["crdt", "set", "gone", "1", "--ttl", "1ms"]);
    std::thread::sleep(std::time::Duration::from_millis(5));
    assert_eq!(dir.run(&["crdt", "get", "gone"]).code, 3);
    dir.ok(&["crdt", "add", "tags", "blue"]);
    dir.ok(&["crdt", "add", "tags", "-1", "--type", "int"]);
    assert_eq!(dir.ok(&["crdt", "get", "tags"]), "[-1,\"blue\"]\n");
    dir.ok(&["crdt", "remove", "tags", "blue"]);
    dir.ok(&["crdt", "flag", "on", "on"]);
    dir.ok(&["crdt", "flag", "on", "off"]);
    dir.ok(&["crdt", "flag", "ready", "on"]);
    let ran = dir.run(&["crdt", "flag", "likes", "on"]);
    assert!(ran.code == 4 && ran.stderr.contains("a counter, not a flag"), "{ran:?}");

    let dump = [
        json!({"key": "likes", "kind": "counter", "value": -2}),
        json!({"key": "ready", "kind": "flag", "value": true}),
        json!({"key": "tags", "kind": "set", "value": [-1]}),
        json!({"key": "theme", "kind": "register", "value": "dark"}),
    ];
    assert_eq!(dir.json(&["crdt", "dump"]), dump);
    assert_eq!(dir.ok(&["crdt", "dump", "th"]), "theme\tregister\tdark\n");
    assert_eq!(dir.ok(&["crdt", "keys", "t"]), "tags\tset\ntheme\tregister\n");
    dir.ok(&["crdt", "remove", "likes"]);
    assert_eq!(dir.run(&["crdt", "get", "likes"]).code, 3);
    assert_eq!(dir.ok(&["crdt", "incr", "likes", "--store", "other"]), "1\n");

    // It begins at its own time, so it is written until it has heard.
    let watch = dir.spawn(&["crdt", "watch", "th", "--limit", "1", "--json", "--timeout", "20s"]);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let ran = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                dir.ok(&["crdt", "set", "theme", "light"]);
            }
        });
        let ran = finish(watch, b"");
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        ran
    });
    assert_eq!(objects(&ran.stdout), [json!({"key": "theme", "kind": "register", "value": "light"})], "{ran:?}");
}

#[test]
fn a_store_takes_in_what_another_directory_has() {
    let (dir, other) = (Dir::new("merge"), Dir::new("merge-from"));
    let from = other.path();
    let from = from.to_str().expect("UTF-8");
    assert_eq!(dir.run(&["crdt", "merge", "--from", from]).code, 3, "there is no such directory");
    other.ok(&["crdt", "incr", "likes", "5"]);
    other.ok(&["crdt", "add", "tags", "blue"]);
    let merged = dir.json(&["crdt", "merge", "--from", from]).remove(0);
    assert_eq!((&merged["keys"], &merged["changed"]), (&json!(2), &json!(2)), "the directory is made by the way");
    assert_eq!(dir.ok(&["crdt", "merge", "--from", from]), "0 of 0 keys taken in, 0 B\n");
    assert_eq!(dir.ok(&["crdt", "incr", "likes"]), "6\n");
    assert_eq!(dir.json(&["crdt", "status"])[0]["behind"], 0);
    assert!(dir.ok(&["crdt", "status"]).lines().any(|line| line == "actors       2"));
    let server = ["--server", "grpcs://127.0.0.1:1", "--ca", "a", "--cert", "b", "--key", "c"];
    let ran = dir.run(&[&["crdt", "merge", "--from", from][..], &server].concat());
    assert_ne!(ran.code, 0);
}
