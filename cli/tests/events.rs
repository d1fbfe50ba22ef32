//! `headwater events`: aggregates on a directory, from the shell.

#![allow(clippy::disallowed_methods, reason = "a test stands outside: it may start threads and look at the clock")]

mod common;

use std::time::Duration;

use headwater::Engine;
use headwater::events::{AggregateId, NewSnapshot, Position};
use serde_json::Value;

use common::{Dir, objects};

#[test]
fn the_lines_of_the_readme_work_as_written() {
    let dir = Dir::new("events-lines");
    let append = |expect: &str| {
        let data = r#"{"amount":5}"#;
        dir.run(&["events", "append", "account", "acc-1", "--type", "Deposited", "--data", data, "--expect", expect])
    };
    let first = append("0");
    assert_eq!((first.code, first.stdout.as_str()), (0, "1\n"), "{first:?}");
    let again = append("0");
    assert_eq!((again.code, again.stdout.as_str()), (4, ""), "{again:?}");
    assert!(again.stderr.contains("account 'acc-1': expected version 0, actual 1"), "{again:?}");
    assert_eq!(append("1").stdout, "2\n");
    let events = dir.json(&["events", "load", "account", "acc-1"]);
    assert_eq!(events.len(), 2);
    assert_eq!((&events[1]["version"], &events[1]["type"]), (&2.into(), &"Deposited".into()));
    assert_eq!(events[1]["data"]["amount"], 5);
    assert_eq!(dir.json(&["events", "load", "account", "acc-1", "--as-of-version", "1"]).len(), 1);
    let then = events[0]["saved"].as_str().expect("a time");
    assert_eq!(dir.json(&["events", "load", "account", "acc-1", "--as-of-time", then]).len(), 1);
    assert_eq!(dir.run(&["events", "load", "account", "acc-1", "--as-of-time", "2020-01-01"]).code, 3);
    assert_eq!(dir.run(&["events", "load", "account", "acc-1", "--as-of-version", "9"]).code, 3);
    let list = dir.json(&["events", "ls", "account"]);
    assert_eq!(list.len(), 1);
    assert_eq!((&list[0]["key"], &list[0]["version"]), (&"acc-1".into(), &2.into()));
    assert!(dir.json(&["events", "ls", "order"]).is_empty());
}

#[test]
fn old_events_are_archived_behind_a_snapshot_and_still_loaded() {
    let dir = Dir::new("events-archive");
    for n in 0..4 {
        dir.ok(&["events", "append", "account", "acc-1", "--type", "Deposited", "--data", &n.to_string()]);
    }
    assert_eq!(dir.run(&["events", "archive", "account", "acc-1"]).code, 3, "there is no snapshot");
    {
        let engine = Engine::open(dir.path()).expect("the directory");
        let store = engine.event_store("events").wait().expect("the store");
        let (position, ttl) = (Position { version: 4, seq: 4 }, Duration::ZERO);
        let new = NewSnapshot { position, schema: 1, data: b"state", ttl, data_subjects: &[] };
        assert!(store.save_snapshot(AggregateId::new("account", "acc-1"), &new).wait().expect("a snapshot"));
    }
    assert_eq!(dir.run(&["events", "archive", "account", "acc-1", "--up-to", "4"]).code, 2);
    let moved = dir.json(&["events", "archive", "account", "acc-1", "--up-to", "1"]);
    assert_eq!(
        (&moved[0]["events"], &moved[0]["up_to"], &moved[0]["held_back_by"]),
        (&1.into(), &1.into(), &Value::Null)
    );
    assert_eq!(dir.ok(&["events", "archive", "account", "acc-1"]), "2 events moved, up to version 3\n");
    let events = dir.json(&["events", "load", "account", "acc-1"]);
    let seqs: Vec<_> = events.iter().map(|event| event["seq"].as_u64()).collect();
    assert_eq!(seqs, [Some(1), Some(2), Some(3), Some(4)]);
}

#[test]
fn a_command_that_is_repeated_appends_nothing() {
    let dir = Dir::new("events-command");
    let append = ["events", "append", "account", "a.b *", "--type", "Opened", "--data", "not JSON", "--command", "c-1"];
    for repeat in [false, true] {
        let answer = &dir.json(&append)[0];
        assert_eq!((&answer["version"], &answer["repeat"]), (&1.into(), &repeat.into()));
    }
    let fed = dir.feed(&["events", "append", "account", "a.b *", "--type", "Logo", "--meta", "user=ada"], b"\xff\xfe");
    assert_eq!((fed.code, fed.stdout.as_str()), (0, "2\n"), "{fed:?}");
    let events = dir.json(&["events", "load", "account", "a.b *"]);
    assert_eq!((&events[0]["command"], &events[0]["data_base64"]), (&"c-1".into(), &"bm90IEpTT04=".into()));
    assert_eq!((&events[1]["metadata"]["user"], &events[1]["data_base64"]), (&"ada".into(), &"//4=".into()));
    let shown = dir.ok(&["events", "load", "account", "a.b *"]);
    assert!(shown.lines().next().expect("a line").ends_with("Opened  not JSON"), "{shown}");
}

#[test]
fn who_is_forgotten_has_no_data_any_more() {
    let dir = Dir::new("events-forget");
    let append = |more: &[&str]| {
        let words = ["events", "append", "person", "p-1", "--type", "Named", "--data", r#"{"name":"Ada"}"#];
        dir.ok(&[&words, more].concat())
    };
    append(&["--data-subject", "ada"]);
    append(&[]);
    let load = || dir.json(&["events", "load", "person", "p-1"]);
    let before = load();
    assert_eq!((&before[0]["data"]["name"], &before[0]["data_subject"]), (&"Ada".into(), &"ada".into()));
    assert_eq!((&before[0]["is_erased"], before[1].get("data_subject")), (&false.into(), None));
    assert_eq!(dir.ok(&["events", "forget", "ada"]), "forgot 'ada'\n");
    let again = &dir.json(&["events", "forget", "ada"])[0];
    assert_eq!((&again["data_subject"], &again["had_key"]), (&"ada".into(), &false.into()));
    let after = load();
    assert_eq!((&after[0]["is_erased"], after[0].get("data"), after[0].get("data_base64")), (&true.into(), None, None));
    assert_eq!(after[1]["data"]["name"], "Ada");
    let shown = dir.ok(&["events", "load", "person", "p-1"]);
    assert!(shown.lines().next().expect("a line").ends_with("Named  (erased)"), "{shown}");
    assert_eq!(dir.run(&["events", "forget", ""]).code, 2);
    assert_eq!(dir.run(&["events", "forget", "ada", "--store", "none"]).code, 3);
}

#[test]
fn what_can_not_be_is_refused_and_makes_nothing() {
    let dir = Dir::new("events-refused");
    for (words, of) in [
        (["events", "append", "account", "", "--type", "A", "--data", "{}"], "key of an aggregate is empty"),
        (["events", "append", "account", "a", "--type", "", "--data", "{}"], "type of an event is empty"),
    ] {
        let ran = dir.run(&words);
        assert!(ran.code == 2 && ran.stderr.contains(of), "{ran:?}");
    }
    let ran = dir.run(&["events", "append", "account", "a", "--type", "A", "--data", "{}", "--meta", "Nats-X=1"]);
    assert!(ran.code == 2 && ran.stderr.contains("Nats-X"), "{ran:?}");
    let ran = dir.run(&["events", "append", "account", "a", "--type", "A", "--data", "{}", "--expect", "some"]);
    assert!(ran.code == 2 && ran.stderr.contains("'none', 'exists' or 'any'"), "{ran:?}");
    let missing = dir.run(&["--json", "events", "load", "account", "a"]);
    assert_eq!((missing.code, &objects(&missing.stderr)[0]["error"]), (3, &"not_found".into()), "{missing:?}");
}
