//! Replicated SQLite files with the plain `sqlite3` program at both ends, nodes as real processes, and a real server.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start processes and look at the clock")]

mod common;
#[path = "../../core/tests/common/rclone.rs"]
mod rclone;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::node::{Hub, Node, until};
use common::side::sqlite::sqlite;
use common::side::{BOOKS, Side, equal};
use common::{Dir, finish, headwater, start};
use rclone::Rclone;
use serde_json::Value;

#[test]
fn two_nodes_and_a_hub_are_killed_and_every_row_arrives() {
    let mut hub = Hub::later();
    hub.start();
    let (mut a, mut b) = (Side::new("replica-a", &hub), Side::new("replica-b", &hub));
    a.start();
    b.start();
    a.sql("INSERT INTO books VALUES (1, 'one', 1.5)");
    equal(&[&a, &b], "SELECT id, title, price FROM books", "1|one|1.5");
    // The hub goes: both sides work on.
    hub.kill();
    a.sql("UPDATE books SET title = 'eins' WHERE id = 1; INSERT INTO books VALUES (2, 'two', 2)");
    b.sql("UPDATE books SET price = 9 WHERE id = 1; INSERT INTO books VALUES (3, 'three', 3)");
    // The nodes go, and the application does not.
    a.kill();
    b.kill();
    for n in 10..20 {
        a.sql(&format!("INSERT INTO books VALUES ({n}, 'of a', 0)"));
        b.sql(&format!("INSERT INTO books VALUES (1{n}, 'of b', 0)"));
    }
    a.start();
    b.start();
    hub.start();
    equal(&[&a, &b], "SELECT count(*) FROM books", "23");
    equal(&[&a, &b], "SELECT title, price FROM books WHERE id = 1", "eins|9.0");
    let status = a.status();
    assert_eq!((&status["state"], &status["node_id"], &status["missing"]), (&"running".into(), &"7".into(), &0.into()));
    assert_eq!(status["refused"][0]["table"], "notes");
    // A table and a column that one side has first.
    a.sql("ALTER TABLE books ADD COLUMN isbn TEXT; CREATE TABLE tags(name TEXT PRIMARY KEY, n INT)");
    a.sql("UPDATE books SET isbn = 'x' WHERE id = 2; INSERT INTO tags VALUES ('new', 1)");
    until("it is parked", || b.status()["parked"].as_u64().is_some_and(|parked| parked > 0));
    b.sql("ALTER TABLE books ADD COLUMN isbn TEXT; CREATE TABLE tags(name TEXT PRIMARY KEY, n INT)");
    equal(&[&a, &b], "SELECT isbn, (SELECT name FROM tags) FROM books WHERE id = 2", "x|new");
    // Who watches through the node is told of rows as they come, and ends with it.
    let watch = headwater(&["replica", "watch", "--json", "--dir", "data"]);
    let mut watching = watch_from(watch, &b.dir.file(""));
    let mut id = 1000;
    let line = until_line(&mut watching, || {
        id += 1;
        a.sql(&format!("INSERT INTO books VALUES ({id}, 'seen', 0, NULL)"));
    });
    assert_eq!((&line["table"], &line["kind"]), (&"books".into(), &"insert".into()), "{line}");
    assert!(line["key"][0].as_u64().is_some_and(|key| key > 1000), "{line}");
    for verb in ["pause", "resume", "sync", "release"] {
        let ran = a.run(&["replica", verb]);
        assert_eq!(ran.code, 0, "{verb}: {}", ran.stderr);
    }
    assert_eq!(a.run(&["replica", "pause", "other"]).code, 3);
    let ran = a.run(&["replica", "detach", "app.db"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(a.sql("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%headwater%'"), "0");
    assert_eq!(a.node.take().map(Node::end), Some(0));
    assert_eq!(b.node.take().map(Node::end), Some(0));
    assert_eq!(watching.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_file_that_was_attached_is_served_as_its_configuration_says_and_as_it_says_later() {
    let mut hub = Hub::later();
    hub.start();
    let mut side = Side::new("replica-told", &hub);
    let attach = |side: &Side, more: &[&str]| side.run(&[&["replica", "attach", "app.db"], more].concat());
    assert_eq!(attach(&side, &["--per-row", "books"]).code, 0);
    // What the configuration says holds, and a bare attach leaves it.
    side.start();
    assert_eq!(side.status()["node_id"], "7");
    assert_eq!(attach(&side, &[]).code, 0);
    let other = attach(&side, &["--exclude", "books"]);
    assert_eq!(other.code, 4, "{other:?}");
    assert!(other.stderr.contains("another exclude, log, node_id: it is worked on"), "{}", other.stderr);
    // And what it says later, without an end of the node.
    let path = side.dir.file("a.toml");
    let text = std::fs::read_to_string(&path).expect("a file").replace("node_id = 7", "node_id = \"seven\"");
    std::fs::write(path, text).expect("a file");
    side.node.as_ref().expect("it runs").signal("-HUP");
    until("it has its name", || side.status()["node_id"] == "seven");
    side.sql("INSERT INTO books VALUES (1, 'one', 1)");
    until("it works on", || side.status()["published"].as_u64().is_some_and(|published| published > 0));
    assert_eq!(side.node.take().map(Node::end), Some(0));
}

/// Starts a command whose output is read line by line.
fn watch_from(mut command: Command, dir: &Path) -> Child {
    command.current_dir(dir).stdout(Stdio::piped()).spawn().expect("it starts")
}

/// The first line of a command's output, `write` being done until it comes.
fn until_line(child: &mut Child, mut write: impl FnMut()) -> Value {
    let stdout = child.stdout.take().expect("it is read");
    let (told, line) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(stdout).lines();
        let _ = told.send(lines.next());
        // What comes later is read too: nobody is to wait for room in a pipe.
        lines.for_each(drop);
    });
    for _ in 0..200 {
        write();
        if let Ok(line) = line.recv_timeout(Duration::from_millis(100)) {
            return serde_json::from_str(&line.expect("a line").expect("it is text")).expect("it is JSON");
        }
    }
    panic!("nothing is told");
}

#[test]
fn a_file_is_attached_and_let_go_without_a_node() {
    let dir = Dir::new("replica-alone");
    let db = dir.file("shop.db");
    sqlite(&db, BOOKS);
    let db = db.display().to_string();
    let shown = dir.run(&["replica", "attach", &db, "--exclude", "notes"]).stdout;
    assert!(shown.contains("attached as shop, with 1 table\n"), "{shown}");
    let attached = dir.json(&["replica", "attach", &db, "--exclude", "notes"]).remove(0);
    assert_eq!((&attached["name"], &attached["tables"][0]), (&"shop".into(), &"books".into()));
    sqlite(Path::new(&db), "INSERT INTO books VALUES (1, 'one', 1)");
    assert_eq!(dir.json(&["replica", "status"])[0]["pending"], 1);
    dir.ok(&["replica", "sync"]);
    let status = dir.json(&["replica", "status", "shop"]).remove(0);
    assert_eq!((&status["pending"], &status["state"]), (&0.into(), &"stopped".into()));
    assert_eq!(dir.json(&["stream", "read", "REPLICA_shop", "--filter", "$REPLICA.shop.unit.*"]).len(), 1);
    assert_eq!(dir.run(&["replica", "attach", "none.db"]).code, 3);
    dir.ok(&["replica", "detach", &db]);
    assert_eq!(dir.run(&["replica", "detach", &db]).code, 3);
}

#[test]
fn a_node_that_has_nothing_to_do_makes_a_snapshot_and_ends() {
    let mut hub = Hub::later();
    hub.start();
    let mut side = Side::new("replica-sleep", &hub);
    let text = std::fs::read_to_string(side.dir.file("a.toml")).expect("a file");
    let text = text.replace("publish = true", "publish = true\nsleep_timeout = \"1s\"");
    std::fs::write(side.dir.file("a.toml"), text + "[replica.snapshot]\nstore = \"nats\"\n").expect("a file");
    side.sql("INSERT INTO books VALUES (1, 'one', 1)");
    side.start();
    let mut node = side.node.take().expect("it runs");
    let code = node.process.wait().expect("it ends").code();
    assert_eq!(code, Some(0));
    let objects =
        finish(start(headwater(&["object", "ls", "REPLICA_app_SNAPSHOTS", "--json", "--hub"]).arg(hub.url())), b"");
    assert!(objects.code == 0 && objects.stdout.contains(".json"), "{} {}", objects.stdout, objects.stderr);
    // A new node is made of it.
    let mut other = Side::new("replica-new", &hub);
    std::fs::remove_file(&other.db).expect("it was there");
    std::fs::copy(side.dir.file("a.toml"), other.dir.file("a.toml")).expect("a file");
    other.start();
    until("it is there", || other.db.exists() && other.sql("SELECT title FROM books") == "one");
}

#[test]
fn a_node_keeps_snapshots_at_s3_and_its_secret_to_itself() {
    let mut hub = Hub::later();
    hub.start();
    let bucket = Dir::new("replica-bucket");
    std::fs::create_dir_all(bucket.file("files/backups")).expect("a directory");
    let server = Rclone::serve(&bucket.file(""), "s3", &["--auth-key", "key,not-for-all"]);
    let told = |secret: &str| {
        let s3 = format!("endpoint = \"http://127.0.0.1:{}\"\nbucket = \"backups\"\naccess_key = \"key\"", server.port);
        format!("[replica.snapshot]\nstore = \"s3\"\n[replica.snapshot.s3]\n{s3}\nsecret = \"{secret}\"\n")
    };
    let mut side = Side::new("replica-s3", &hub);
    let text = std::fs::read_to_string(side.dir.file("a.toml")).expect("a file");
    std::fs::write(side.dir.file("a.toml"), text.clone() + &told("wrong")).expect("a file");
    side.sql("INSERT INTO books VALUES (1, 'one', 1)");
    side.start();
    let ran = side.run(&["replica", "snapshot"]);
    assert!(ran.code == 2 && ran.stderr.contains("127.0.0.1") && !ran.stderr.contains("wrong"), "{}", ran.stderr);
    // The secret is told anew, and the upload that stopped goes on.
    side.kill();
    std::fs::write(side.dir.file("a.toml"), text.clone() + &told("not-for-all")).expect("a file");
    side.start();
    let ran = side.run(&["replica", "snapshot"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let known = std::fs::read_to_string(side.dir.file("data/databases.json")).expect("a file");
    assert!(known.contains("backups") && !known.contains("not-for-all"), "{known}");
    let mut other = Side::new("replica-of-s3", &hub);
    std::fs::remove_file(&other.db).expect("it was there");
    std::fs::write(other.dir.file("a.toml"), text + &told("not-for-all")).expect("a file");
    other.start();
    equal(&[&side, &other], "SELECT title FROM books", "one");
}
