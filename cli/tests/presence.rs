//! Who is here, from the shell: alone, and beside a node that keeps deadlines.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start threads and look at the clock")]

mod common;

use std::io::{BufRead, BufReader};
use std::process::Command;

use common::Dir;
use common::node::until;
use serde_json::{Value, json};

fn status(dir: &Dir, user: &str) -> Value {
    dir.json(&["presence", "get", user])[0]["users"][0]["status"].clone()
}

#[test]
fn sessions_are_kept_from_one_command_to_the_next() {
    let dir = Dir::new("presence-alone");
    let set =
        dir.json(&["presence", "set", "alice", "busy", "--message", "in a call", "--ttl", "60", "--meta", "{\"a\":1}"]);
    assert_eq!((&set[0]["status"], &set[0]["message"]), (&json!("busy"), &json!("in a call")));
    assert_eq!(set[0]["sessions"][0]["metadata"], json!({"a": 1}));
    dir.ok(&["presence", "set", "alice", "online", "--session", "phone", "--device", "mobile"]);
    dir.ok(&["presence", "set", "bob", "away"]);
    let both = &dir.json(&["presence", "get", "alice", "nobody"])[0];
    assert_eq!((&both["users"][0]["status"], &both["users"][1]["status"]), (&json!("busy"), &json!("offline")));
    assert_eq!(both["stale"], json!(false));
    assert_eq!(dir.json(&["presence", "ls"])[0]["users"].as_array().map(Vec::len), Some(2));
    let counts = &dir.json(&["presence", "count"])[0];
    assert_eq!((&counts["users"], &counts["sessions"], &counts["busy"]), (&json!(2), &json!(3), &json!(1)));
    assert_eq!(dir.ok(&["presence", "leave", "alice"]), "default/alice is online\n");
    assert_eq!(dir.ok(&["presence", "purge", "--user", "alice"]), "ended 1 session\n");
    assert_eq!(status(&dir, "alice"), "offline");
    assert!(dir.json(&["presence", "get", "alice"])[0]["users"][0]["last_seen"].is_string());
    assert_eq!(dir.json(&["presence", "status"])[0]["answered"], json!(1));
}

#[test]
fn what_can_not_be_is_refused_by_name() {
    let dir = Dir::new("presence-refused");
    for (args, code, said) in [
        (&["presence", "set", "alice", "sleeping"][..], 2, "'sleeping' is no status"),
        (&["presence", "set", "alice", "busy", "--ttl", "0"], 2, "1 s to 86400 s"),
        (&["presence", "set", "", "busy"], 2, "a user has a name"),
        (&["presence", "set", "alice", "busy", "--meta", "{"], 2, "metadata is JSON"),
        (&["presence", "purge", "--node", "x"], 3, "no node 'x'"),
        (&["presence", "purge"], 2, "--user"),
    ] {
        let ran = dir.run(args);
        assert_eq!(ran.code, code, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn a_node_ends_what_is_due_and_tells_those_who_watch() {
    let dir = Dir::new("presence-node");
    let config = dir.path().join("headwater.toml");
    std::fs::create_dir_all(dir.path()).expect("a directory");
    std::fs::write(config, "[presence]\nnode_type = \"center\"\ngrace = \"200ms\"\nttl = \"60s\"\n").expect("a file");
    dir.ok(&["presence", "set", "eve", "away"]);
    assert_eq!(dir.json(&["presence", "get", "eve"])[0]["users"][0]["sessions"][0]["ttl"], json!(60.0));
    dir.ok(&["presence", "leave", "eve"]);
    let mut node = dir.spawn(&["serve"]);
    let told = BufReader::new(node.stdout.take().expect("it is piped")).lines().next().expect("a line");
    assert!(told.expect("it reads").starts_with("serving "));
    let mut watch = dir.spawn(&["presence", "watch", "--json"]);
    let mut lines = BufReader::new(watch.stdout.take().expect("it is piped")).lines();
    let mut next = || -> Value {
        let line = lines.next().expect("it goes on").expect("it can be read");
        serde_json::from_str(&line).expect("it is JSON")
    };
    assert_eq!(next()["type"], "snapshot");
    dir.ok(&["presence", "set", "alice", "busy", "--ttl", "1"]);
    let joined = next();
    assert_eq!((&joined["type"], &joined["user"]["user_id"]), (&json!("joined"), &json!("alice")));
    assert_eq!(status(&dir, "alice"), "busy");
    let left = next();
    assert_eq!((&left["type"], &left["user"]["status"]), (&json!("left"), &json!("offline")));
    until("nobody is there", || dir.json(&["presence", "count"])[0]["users"] == json!(0));
    let ended = Command::new("kill").arg(node.id().to_string()).status().expect("kill runs");
    assert!(ended.success() && node.wait().expect("it ends").success());
    assert!(watch.wait().expect("it ends").success(), "a watch ends with its node");
}
