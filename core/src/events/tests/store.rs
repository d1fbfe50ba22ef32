//! Saves, loads, snapshots, lists and feeds.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::ManualClock;
use crate::engine::{Engine, EngineOptions};
use crate::error::ErrorKind;
use crate::record::Append;

use super::super::*;
use super::{id, load, names, save, save_as, store};

#[test]
fn every_expectation_is_checked_against_the_log() {
    let store = store();
    let conflict = |expected| {
        let error = save(&store, "a", expected, &["X"]).expect_err("a conflict");
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        (error.expected(), error.actual())
    };
    assert_eq!(conflict(Expected::Version(1)), (Some(1), Some(0)));
    assert_eq!(conflict(Expected::Exists), (None, None));
    let first = save(&store, "a", Expected::None, &["A", "B"]).expect("the first").position;
    assert_eq!(first, Position { version: 2, seq: 2 });
    assert_eq!(conflict(Expected::None), (Some(0), Some(2)));
    assert_eq!(conflict(Expected::Version(0)), (Some(0), Some(2)));
    assert_eq!(conflict(Expected::Version(3)), (Some(3), Some(2)));
    assert_eq!(conflict(Expected::At(Position { version: 1, seq: 1 })), (Some(1), Some(2)));
    let mut at = first;
    for expected in
        [Expected::Version(2), Expected::Any, Expected::Exists, Expected::At(Position { version: 5, seq: 5 })]
    {
        at = save(&store, "a", expected, &["C"]).expect("a save").position;
    }
    assert_eq!(at, Position { version: 6, seq: 6 });
    assert_eq!(names(&load(&store, "a")), ["1:A", "2:B", "3:C", "4:C", "5:C", "6:C"]);
}

#[test]
fn several_events_are_saved_as_one_or_not_at_all() {
    let store = store();
    save(&store, "a", Expected::None, &["A"]).expect("the first");
    assert!(save(&store, "a", Expected::None, &["B", "C", "D"]).is_err());
    assert_eq!(names(&load(&store, "a")), ["1:A"]);
    let many: Vec<String> = (0..EVENTS_PER_SAVE_MAX).map(|n| format!("E{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    save(&store, "a", Expected::Version(1), &many).expect("as many as there may be");
    let beyond = [many.as_slice(), &["one more"]].concat();
    let error = save(&store, "a", Expected::Any, &beyond).expect_err("too many");
    assert!(error.message().contains("1 to 1000"), "{error}");
    assert_eq!(load(&store, "a").position.version, 1001);
}

/// Two events with one version could be saved by two savers whose condition did not cover the whole batch, and the
/// aggregate could never be loaded again.
#[test]
fn savers_at_once_leave_a_history_that_one_could_have_written() {
    let store = store();
    std::thread::scope(|scope| {
        for saver in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for n in 0..50 {
                    let names = [format!("{saver}-{n}-0"), format!("{saver}-{n}-1")];
                    save(store, "a", Expected::Any, &[&names[0], &names[1]]).expect("a save");
                }
            });
        }
    });
    let loaded = load(&store, "a");
    assert_eq!(loaded.position.version, 400);
    let events: Vec<String> = loaded.events().map(|event| event.event_type.to_owned()).collect();
    for pair in events.chunks(2) {
        assert_eq!(pair[0].trim_end_matches('0'), pair[1].trim_end_matches('1'), "events of one save stay together");
    }
}

/// A lost acknowledgement must not make the next try a conflict with oneself, nor an event that is there twice.
#[test]
fn a_save_that_is_repeated_is_recognised_as_its_own() {
    let store = store();
    let options = SaveOptions { command: "c-1", ..SaveOptions::default() };
    let first = save_as(&store, "a", Expected::None, &["A", "B"], &options).expect("the first");
    for expected in [Expected::None, Expected::Any, Expected::Exists, Expected::Version(0), Expected::Version(1)] {
        let again = save_as(&store, "a", expected, &["A", "B"], &options).expect("its own");
        assert_eq!((again.position, again.is_repeat), (first.position, true), "{expected:?}");
    }
    save(&store, "a", Expected::Any, &["C"]).expect("another");
    let late = save_as(&store, "a", Expected::None, &["A", "B"], &options).expect("its own");
    assert_eq!(late.position, first.position, "the answer of then");
    let other = SaveOptions { command: "c-2", ..SaveOptions::default() };
    assert!(save_as(&store, "a", Expected::None, &["A", "B"], &other).is_err(), "another command is a conflict");
    assert_eq!(names(&load(&store, "a")), ["1:A", "2:B", "3:C"]);
}

/// Keys with dots, wildcards or spaces became several tokens of a subject, and some readers never saw them.
#[test]
fn any_text_is_a_key() {
    let store = store();
    let long = "k".repeat(KEY_BYTES_MAX);
    let keys = ["a.b", "a", "*", ">", "with space", "=", "emoji 🦀", "a:b", "a-b", "\0", long.as_str()];
    for (n, key) in keys.iter().enumerate() {
        let saved = save(&store, key, Expected::None, &["A"]).expect("a save");
        assert_eq!(saved.position.seq, n as u64 + 1);
        assert_eq!(names(&load(&store, key)), ["1:A"], "{key:?}");
    }
    let page = store.list(&EventFilter::aggregate("account"), 0, 100).wait().expect("a list");
    assert_eq!(page.aggregates.iter().map(|it| it.key.as_str()).collect::<Vec<_>>(), keys);
    for bad in ["", &"k".repeat(KEY_BYTES_MAX + 1)] {
        assert_eq!(save(&store, bad, Expected::None, &["A"]).expect_err("a bad key").kind(), ErrorKind::Invalid);
    }
}

#[test]
fn a_list_goes_on_where_it_stopped() {
    let store = store();
    for n in 0..5 {
        save(&store, &format!("k{n}"), Expected::None, &["A"]).expect("a save");
    }
    save(&store, "k0", Expected::Any, &["B"]).expect("a save");
    let (mut found, mut after) = (Vec::new(), 0);
    loop {
        let page = store.list(&EventFilter::default(), after, 2).wait().expect("a page");
        found.extend(page.aggregates.iter().map(|it| (it.key.clone(), it.position.version, it.event_type.clone())));
        let Some(next) = page.next else { break };
        after = next;
    }
    let expected = [("k1", 1, "A"), ("k2", 1, "A"), ("k3", 1, "A"), ("k4", 1, "A"), ("k0", 2, "B")];
    assert_eq!(found, expected.map(|(key, version, last)| (key.to_owned(), version, last.to_owned())));
}

#[test]
fn what_an_event_says_of_itself_is_read_back() {
    let store = store();
    let event =
        NewEvent { schema: 3, time: Some(-7), metadata: vec![("user", "ada")], ..NewEvent::new("E", b"\xff\0") };
    let all = [("tenant", "t-1")];
    let options = SaveOptions { command: "c", correlation: "r", causation: "q", metadata: &all, condition: None };
    store.save(id("a"), Expected::None, std::slice::from_ref(&event), &options).wait().expect("a save");
    let found = load(&store, "a").events().next().expect("an event").to_event();
    assert_eq!((found.schema, found.time, found.data.as_slice()), (3, -7, b"\xff\0".as_slice()));
    let text = |text: &str| Some(text.to_owned());
    assert_eq!((found.command, found.correlation, found.causation), (text("c"), text("r"), text("q")));
    let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    assert_eq!(found.metadata, [pair(("user", "ada")), pair(("tenant", "t-1"))]);
    let hostile = SaveOptions { metadata: &[("nats-msg-id", "1")], ..SaveOptions::default() };
    let error = store.save(id("a"), Expected::Any, std::slice::from_ref(&event), &hostile).wait().expect_err("a name");
    assert!(error.kind() == ErrorKind::Invalid && error.message().contains("a save: metadata"), "{error}");
    for (bad, of) in [
        (NewEvent { metadata: vec![("headwater-x", "1")], ..event.clone() }, "headwater-x"),
        (NewEvent { schema: 0, ..event.clone() }, "schemas begin at 1"),
        (NewEvent { event_type: "", ..event.clone() }, "type of an event is empty"),
        (NewEvent { event_type: "a\nb", ..event }, "control character"),
    ] {
        let error = store.save(id("a"), Expected::Any, &[bad], &options).wait().expect_err("a bad event");
        assert!(error.kind() == ErrorKind::Invalid && error.message().contains(of), "{error}");
    }
}

#[test]
fn time_travel_ends_at_a_version_a_sequence_or_a_time() {
    let clock = Arc::new(ManualClock::new(1_000, 7));
    let engine = Engine::memory_with(EngineOptions { clock: clock.clone(), ..EngineOptions::default() });
    let store = engine.expect("an engine").create_event_store(EventsConfig::default()).wait().expect("a store");
    for (n, key) in ["a", "b", "a", "b", "a"].iter().enumerate() {
        save(&store, key, Expected::Any, &[&format!("E{n}")]).expect("a save");
        clock.advance(Duration::from_micros(1));
    }
    let at = |as_of| store.load(id("a"), &LoadOptions { as_of, ..LoadOptions::default() }).wait();
    let versions = |as_of| at(as_of).expect("a load").position.version;
    assert_eq!([0, 1, 2, 3].map(|v| versions(AsOf::Version(v))), [0, 1, 2, 3]);
    assert_eq!([0, 1, 2, 3, 4, 5, 9].map(|seq| versions(AsOf::Seq(seq))), [0, 1, 1, 2, 2, 3, 3]);
    assert_eq!([999, 1_000, 2_999, 3_000, 5_000].map(|t| versions(AsOf::Time(t))), [0, 1, 1, 2, 3]);
    assert_eq!(at(AsOf::Version(4)).expect_err("not yet").kind(), ErrorKind::NotFound);
    let snapshot = store.load(id("a"), &LoadOptions::default()).wait().expect("a load").position;
    let new = NewSnapshot { position: snapshot, schema: 1, data: b"s", ttl: Duration::ZERO, data_subjects: &[] };
    assert!(store.save_snapshot(id("a"), &new).wait().expect("a snapshot"));
    let with = |as_of| store.load(id("a"), &LoadOptions { as_of, snapshot_schema: 1, ..LoadOptions::default() }).wait();
    assert!(with(AsOf::Version(2)).expect("a load").snapshot.is_none(), "it is of later");
    assert!(with(AsOf::Version(3)).expect("a load").snapshot.is_some());
}

#[test]
fn a_snapshot_counts_only_where_the_log_has_its_last_event() {
    let store = store();
    let at = save(&store, "a", Expected::None, &["A", "B", "C"]).expect("a save").position;
    let keep = |position, schema, data: &'static [u8]| {
        store
            .save_snapshot(id("a"), &NewSnapshot { position, schema, data, ttl: Duration::ZERO, data_subjects: &[] })
            .wait()
            .expect("a call")
    };
    let with = |schema| {
        store.load(id("a"), &LoadOptions { snapshot_schema: schema, ..LoadOptions::default() }).wait().expect("a load")
    };
    assert!(keep(Position { version: 2, seq: 2 }, 1, b"two"));
    assert_eq!((with(1).snapshot.expect("it").data, with(1).len()), (b"two".to_vec(), 1));
    assert!(keep(at, 1, b"three"));
    assert!(!keep(Position { version: 2, seq: 2 }, 1, b"two"), "an older one does not take its place");
    assert_eq!((with(1).snapshot.expect("it").data, with(1).len()), (b"three".to_vec(), 0));
    assert_eq!((with(2).snapshot, with(2).len()), (None, 3), "one of another schema is passed over");
    assert!(keep(Position { version: 9, seq: 9 }, 1, b"of another history"));
    let loaded = with(1);
    assert_eq!((loaded.snapshot.is_none(), loaded.len(), loaded.position), (true, 3, at));
    store.0.snapshots.put("account.a", b"\x09rubbish").wait().expect("a put");
    assert_eq!(with(1).len(), 3, "and what can't be read is none");
}

/// Events that went by themselves made an aggregate begin again at version 1.
#[test]
fn events_that_are_missing_are_an_error_and_not_a_new_aggregate() {
    let store = store();
    save(&store, "a", Expected::None, &["A", "B", "C"]).expect("a save");
    store.stream().delete(1).wait().expect("a delete");
    let error = store.load(id("a"), &LoadOptions::default()).wait().expect_err("a gap");
    assert!(error.kind() == ErrorKind::Corrupt && error.message().contains("events 1 to 1"), "{error}");
    let foreign = Append::new("$EVENTS.events.account.b", b"x");
    store.stream().append(&foreign).wait().expect("a record");
    let error = store.load(id("b"), &LoadOptions::default()).wait().expect_err("no event");
    assert!(error.kind() == ErrorKind::Corrupt && error.message().contains("Headwater-Event"), "{error}");
}

#[test]
fn a_condition_holds_for_all_that_a_decision_was_made_of() {
    let store = store();
    let a = save(&store, "a", Expected::None, &["A"]).expect("a save").position;
    let b = save(&store, "b", Expected::None, &["B"]).expect("a save").position;
    let all = EventFilter::aggregate("account");
    let with = |last_seq| SaveOptions {
        condition: Some(Condition { filter: EventFilter::aggregate("account"), last_seq }),
        ..SaveOptions::default()
    };
    let a = save_as(&store, "a", Expected::At(a), &["A2"], &with(b.seq)).expect("nothing changed").position;
    save(&store, "b", Expected::Any, &["B2"]).expect("a save");
    let error = save_as(&store, "a", Expected::At(a), &["A3"], &with(a.seq)).expect_err("b changed");
    assert_eq!((error.kind(), error.expected(), error.actual()), (ErrorKind::Conflict, Some(3), Some(4)));
    // What was loaded before another save of the same aggregate is stale, though the condition is not.
    let stale = Expected::At(Position { version: 1, seq: 1 });
    assert_eq!(save_as(&store, "a", stale, &["A3"], &with(4)).expect_err("stale").actual(), Some(2));
    let narrow = Condition { filter: EventFilter::one(id("b")), last_seq: 4 };
    let options = SaveOptions { condition: Some(narrow), ..SaveOptions::default() };
    let error = save_as(&store, "a", Expected::At(a), &["A3"], &options).expect_err("it leaves 'a' out");
    assert!(error.kind() == ErrorKind::Invalid && error.message().contains("widen it"), "{error}");
    assert!(all.takes(id("a")) && !EventFilter::one(id("b")).takes(id("a")));
}

#[test]
fn a_feed_goes_from_history_to_live_without_a_seam() {
    let store = store();
    for key in ["a", "b", "a"] {
        save(&store, key, Expected::Any, &["E"]).expect("a save");
    }
    let options = FollowOptions { filters: vec![EventFilter::one(id("a"))], after: 1 };
    let feed = store.follow(&options).wait().expect("a feed");
    let seqs = |events: Events| events.iter().map(|event| event.expect("an event").seq()).collect::<Vec<_>>();
    assert_eq!(feed.lag(), 2);
    assert_eq!(seqs(feed.next(10).wait().expect("history")), [3]);
    assert_eq!(feed.lag(), 0);
    save(&store, "b", Expected::Any, &["E"]).expect("a save");
    assert_eq!(feed.lag(), 1, "what the store has now");
    save(&store, "a", Expected::Any, &["E", "F"]).expect("a save");
    assert_eq!(seqs(feed.next(10).wait().expect("live")), [5, 6]);
    assert!(feed.try_next(10).expect("nothing").is_empty());
    feed.close();
    assert_eq!(feed.next(1).wait().expect_err("closed").kind(), ErrorKind::Closed);
    let whole = store.follow(&FollowOptions::default()).wait().expect("a feed");
    assert_eq!(seqs(whole.next(10).wait().expect("all")), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_snapshot_of_another_history_makes_room() {
    let store = store();
    save(&store, "a", Expected::Any, &["1", "2"]).expect("saved");
    let snapshot = |version, data| NewSnapshot {
        position: Position { version, seq: version },
        schema: 1,
        data,
        ttl: Duration::ZERO,
        data_subjects: &[],
    };
    assert!(store.save_snapshot(id("a"), &snapshot(9, b"another")).wait().unwrap());
    assert!(store.save_snapshot(id("a"), &snapshot(2, b"this")).wait().unwrap());
    assert!(!store.save_snapshot(id("a"), &snapshot(1, b"old")).wait().unwrap());
    assert_eq!(store.snapshot(id("a")).wait().unwrap().unwrap().data, b"this");
}
