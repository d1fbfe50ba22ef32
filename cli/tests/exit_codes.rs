//! Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 conflict, 5 corrupt; and what is said with them.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start threads and look at the clock")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use common::{Dir, finish, headwater, objects, start};

#[test]
fn wrong_usage_is_2() {
    let dir = Dir::new("usage");
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"]);
    let wrong: [&[&str]; 14] = [
        &["stream"],
        &["stream", "append", "orders"],
        &["stream", "append", "orders", "orders.1", "--lines"],
        &["stream", "append", "orders", "--lines", "--data", "x"],
        &["stream", "append", "orders", "orders.*", "--data", "x"],
        &["stream", "append", "orders", "invoices.1", "--data", "x"],
        &["stream", "read", "orders", "--from", "yesterday"],
        &["stream", "read", "orders", "--from", "3", "--to", "1"],
        &["stream", "read", "orders", "--from", "2026-02-01", "--to", "2026-01-01"],
        &["stream", "ls", "--dir", ""],
        &["stream", "add", "a.b"],
        &["stream", "add", "logs", "--max-age", "7 days"],
        &["points", "query", "weather", "a.b", "--agg", "average"],
        &["points", "import", "weather", "x.csv", "--time", "date", "--node", "a", "--node-column", "b"],
    ];
    for args in wrong {
        let ran = dir.run(args);
        assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
        assert_eq!(ran.stdout, "", "{args:?}");
        assert!(!ran.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn with_json_an_error_is_an_object() {
    let dir = Dir::new("json-errors");
    for (args, code, name) in [
        (&["stream", "read", "orders", "--from", "yesterday", "--json"][..], 2, "invalid"),
        (&["stream", "info", "orders", "--json"], 3, "not_found"),
    ] {
        let ran = dir.run(args);
        assert_eq!(ran.code, code, "{ran:?}");
        let error = &objects(&ran.stderr)[0];
        assert_eq!(error["error"], name);
        assert!(!error["message"].as_str().expect("a message").is_empty());
    }
}

#[test]
fn no_directory_is_wrong_usage_and_the_variable_stands_in() {
    let ran = finish(start(&mut headwater(&["stream", "ls"])), b"");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("--dir") && ran.stderr.contains("HEADWATER_DIR"), "{}", ran.stderr);
    let dir = Dir::new("variable");
    dir.ok(&["stream", "add", "orders"]);
    let ran = finish(start(headwater(&["stream", "info", "orders"]).env("HEADWATER_DIR", dir.path())), b"");
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn what_is_not_there_is_3_and_is_not_made() {
    let dir = Dir::new("missing");
    for args in [&["stream", "ls"][..], &["stream", "append", "a", "a", "--data", "x"], &["kv", "get", "b", "k"]] {
        assert_eq!(dir.run(args).code, 3, "{args:?}");
    }
    assert!(!dir.path().exists(), "a verb that only looks makes no directory");
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"]);
    dir.ok(&["kv", "add", "settings"]);
    let missing: [&[&str]; 14] = [
        &["stream", "info", "invoices"],
        &["stream", "append", "invoices", "invoices.1", "--data", "x"],
        &["stream", "edit", "invoices", "--max-msgs", "1"],
        &["stream", "rm", "invoices"],
        &["stream", "last", "orders", "orders.1"],
        &["stream", "get", "orders", "1"],
        &["stream", "del", "orders", "1"],
        &["consumer", "info", "orders", "billing"],
        &["consumer", "rm", "orders", "billing"],
        &["kv", "get", "settings", "theme"],
        &["kv", "history", "settings", "theme"],
        &["kv", "rm", "locks"],
        &["points", "latest", "weather"],
        &["points", "import", "weather", "no-such-file.csv", "--time", "date", "--node", "seattle"],
    ];
    for args in missing {
        let ran = dir.run(args);
        assert_eq!(ran.code, 3, "{args:?}: {ran:?}");
    }
    let ran = finish(start(&mut headwater(&["verify", "no-such-directory"])), b"");
    assert_eq!(ran.code, 3, "{ran:?}");
}

#[test]
fn a_conflict_is_4_and_names_both_sequences() {
    let dir = Dir::new("conflict");
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"]);
    dir.ok(&["stream", "append", "orders", "orders.eu.1", "--data", "a"]);
    dir.ok(&["stream", "append", "orders", "orders.eu.2", "--data", "b"]);
    let append = ["stream", "append", "orders", "orders.eu.1", "--data", "x"];
    let ran = dir.run(&[&append[..], &["--expect-subject-last-seq", "7"]].concat());
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stderr.contains('7') && ran.stderr.contains('1'), "{}", ran.stderr);

    let filter = ["--expect-filter", "orders.eu.*", "--expect-subject-last-seq", "1", "--json"];
    let ran = dir.run(&[&append[..], &filter].concat());
    assert_eq!(ran.code, 4, "{ran:?}");
    let error = &objects(&ran.stderr)[0];
    assert_eq!((&error["error"], &error["expected"], &error["actual"]), (&"conflict".into(), &1.into(), &2.into()));

    assert_eq!(dir.run(&[&append[..], &["--expect-last-seq", "1"]].concat()).code, 4);
    dir.ok(&[&append[..], &["--expect-last-seq", "2"]].concat());
    assert_eq!(dir.run(&["stream", "add", "orders", "--subjects", "orders.>", "--max-msgs", "5"]).code, 4);
    dir.ok(&["kv", "create", "locks", "job", "a"]);
    assert_eq!(dir.run(&["kv", "create", "locks", "job", "b"]).code, 4);
    assert_eq!(dir.run(&["kv", "update", "locks", "job", "b", "--revision", "9"]).code, 4);
    for verb in [&["create", "locks", "job", "b"][..], &["update", "locks", "job", "b", "--revision", "9"]] {
        let ran = dir.run(&[&["kv"], verb].concat());
        assert!(ran.stderr.contains("key 'job' of bucket 'locks': expected last sequence"), "{verb:?}: {}", ran.stderr);
    }
    let ran = dir.run(&["kv", "add", "locks", "--history", "3"]);
    assert!(ran.code == 4 && ran.stderr.contains("bucket 'locks' is there with another configuration"), "{ran:?}");
}

#[test]
fn a_second_writer_is_refused_and_a_reader_is_not() {
    let dir = Dir::new("busy");
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"]);
    let mut writer = dir.spawn(&["stream", "append", "orders", "--lines"]);
    let mut acks = BufReader::new(writer.stdout.take().expect("it has a pipe"));
    let input = writer.stdin.as_mut().expect("it has a pipe");
    std::io::Write::write_all(input, b"orders.1\tone\n").expect("it reads");
    let mut ack = String::new();
    acks.read_line(&mut ack).expect("it answers");
    assert_eq!(ack, "1\n", "the answer comes while the input is still open");

    let second = dir.run(&["stream", "append", "orders", "orders.1", "--data", "x"]);
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.stderr.contains("busy"), "{}", second.stderr);
    assert_eq!(dir.json(&["stream", "read", "orders"]).len(), 1, "a reader sees what was acknowledged");
    drop(writer.stdin.take());
    assert!(writer.wait().expect("it ends").success());
}

#[test]
fn too_long_a_payload_on_standard_input_is_not_counted_wrong() {
    let dir = Dir::new("long");
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"]);
    let ran = dir.feed(&["stream", "append", "orders", "orders.1"], &vec![b'x'; 9_000_000]);
    assert!(ran.code == 2 && ran.stderr.contains("has more than 8388608 bytes"), "{ran:?}");
    let ran = dir.run(&["points", "query", "p", "--from", "2010-02-01", "--to", "2010-01-01"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    dir.ok(&["points", "add", "p"]);
    let ran = dir.run(&["points", "query", "p", "--from", "2010-02-01", "--to", "2010-01-01"]);
    let said = "the range ends at 2010-01-01T00:00:00Z before it starts at 2010-02-01T00:00:00Z";
    assert!(ran.code == 2 && ran.stderr.contains(said), "{ran:?}");
}

#[test]
fn damage_is_5_and_is_named() {
    let dir = Dir::new("damage");
    dir.ok(&["stream", "add", "orders", "--subjects", "orders.>"]);
    let input = (1..=100).map(|n| format!("orders.{n}\tthe payload of record {n}\n")).collect::<Vec<_>>().concat();
    assert_eq!(dir.feed(&["stream", "append", "orders", "--lines"], input.as_bytes()).code, 0);
    dir.ok(&["verify"]);
    let (file, offset) = find_bytes(&dir.path(), b"the payload of record 50");
    let mut bytes = fs::read(&file).expect("it reads");
    bytes[offset] ^= 1;
    fs::write(&file, bytes).expect("it writes");

    let ran = dir.run(&["verify"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    let name = file.file_name().and_then(|n| n.to_str()).expect("a name");
    assert!(ran.stderr.contains(name) && ran.stderr.contains("50"), "{}", ran.stderr);
    let ran = dir.run(&["verify", "--json"]);
    let report = &objects(&ran.stdout)[0];
    assert_eq!((ran.code, &report["ok"]), (5, &false.into()));
    assert!(!report["damage"].as_array().expect("a list").is_empty());
    assert_eq!(dir.run(&["stream", "read", "orders"]).code, 5);
}

#[test]
fn what_is_damaged_is_named_and_removed_and_the_rest_works() {
    let dir = Dir::new("damaged-stream");
    for name in ["bad", "good"] {
        dir.ok(&["stream", "add", name, "--subjects", &format!("{name}.>")]);
        dir.ok(&["stream", "append", name, &format!("{name}.1"), "--data", "x"]);
    }
    for name in ["broken", "sound"] {
        dir.ok(&["consumer", "add", "good", name]);
    }
    let hole = dir.path().join("streams/bad/0000000000000000.seg");
    fs::write(&hole, b"").expect("it writes");
    let place = dir.path().join("streams/good/consumers/broken");
    let ledger = fs::read_dir(&place).expect("it lists").next().expect("a file").expect("it reads").path();
    fs::write(ledger, b"").expect("it writes");

    let ran = dir.run(&["stream", "ls", "--json"]);
    let names: Vec<_> = objects(&ran.stdout).iter().map(|l| l["name"].clone()).collect();
    assert_eq!((ran.code, names), (0, vec!["good".into()]));
    assert!(ran.stderr.contains("stream 'bad'"), "{}", ran.stderr);
    let ran = dir.run(&["consumer", "ls", "good"]);
    assert!(ran.code == 0 && ran.stdout.contains("sound") && ran.stderr.contains("'broken'"), "{ran:?}");
    assert_eq!(dir.run(&["stream", "info", "bad"]).code, 5);
    assert_eq!(dir.run(&["consumer", "next", "good", "broken"]).code, 5);
    dir.ok(&["consumer", "next", "good", "sound", "--ack"]);
    dir.ok(&["stream", "add", "new", "--subjects", "new.>"]);
    let ran = dir.run(&["verify"]);
    assert!(ran.code == 5 && ran.stderr.contains("bad") && ran.stderr.contains("broken"), "{ran:?}");
    dir.ok(&["consumer", "rm", "good", "broken"]);
    dir.ok(&["stream", "rm", "bad"]);
    dir.ok(&["verify"]);
}

/// The file under `dir` that holds `needle`, and where.
fn find_bytes(dir: &Path, needle: &[u8]) -> (PathBuf, usize) {
    let mut left = vec![dir.to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).expect("it reads").map(|entry| entry.expect("it reads").path()));
        } else if let Some(offset) = fs::read(&path).expect("it reads").windows(needle.len()).position(|w| w == needle)
        {
            return (path, offset);
        }
    }
    panic!("no file holds {}", String::from_utf8_lossy(needle));
}
