//! Archiving: whatever is moved, whoever reads finds what there was before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::clock::{Clock, ManualClock};
use crate::engine::{Engine, EngineOptions};
use crate::error::ErrorKind;
use crate::record::Append;
use crate::stream::options::ReadOptions;

use super::super::*;
use super::{id, load, names, save, save_as, store};

/// Keeps a snapshot of what the aggregate is now.
fn snapshot(store: &EventStore, key: &str, schema: u32) -> Position {
    let position = load(store, key).position;
    let new = NewSnapshot { position, schema, data: b"state", ttl: Duration::ZERO, data_subjects: &[] };
    store.save_snapshot(id(key), &new).wait().expect("a snapshot");
    position
}

fn archive(store: &EventStore, key: &str, up_to: u64) -> Archived {
    store.archive(id(key), up_to).wait().expect("archived")
}

/// How many events of an aggregate are in the store itself.
fn kept(store: &EventStore, key: &str) -> usize {
    let subject = store.0.names.subject(id(key)).expect("a subject");
    store.stream().read(&ReadOptions::default().filter(subject)).wait().expect("a read").len()
}

/// All that follows a store from its first event on.
fn follow(store: &EventStore, filters: Vec<EventFilter>, after: u64, max: usize) -> Vec<Event> {
    let feed = store.follow(&FollowOptions { filters, after }).wait().expect("a feed");
    let mut all = Vec::new();
    loop {
        let events = feed.try_next(max).expect("events");
        if events.is_empty() {
            return all;
        }
        all.extend(events.iter().map(|event| event.expect("an event").to_event()));
    }
}

#[test]
fn what_lies_before_the_snapshot_goes_and_is_still_loaded() {
    let store = store();
    save(&store, "a", Expected::None, &["A", "B", "C"]).expect("a save");
    let error = store.archive(id("a"), 0).wait().expect_err("no snapshot");
    assert!(error.kind() == ErrorKind::NotFound && error.message().contains("no snapshot"), "{error}");
    snapshot(&store, "a", 1);
    save(&store, "a", Expected::Any, &["D"]).expect("a save");
    let error = store.archive(id("a"), 3).wait().expect_err("beyond the snapshot");
    assert!(error.kind() == ErrorKind::Invalid && error.message().contains("the last is 2"), "{error}");
    assert_eq!(archive(&store, "a", 1), Archived { events: 1, up_to: 1, held_back_by: None });
    assert_eq!(kept(&store, "a"), 3);
    assert_eq!(archive(&store, "a", 0), Archived { events: 1, up_to: 2, held_back_by: None });
    assert_eq!(archive(&store, "a", 0), Archived { events: 0, up_to: 2, held_back_by: None });
    assert_eq!(kept(&store, "a"), 2);
    assert_eq!(names(&load(&store, "a")), ["1:A", "2:B", "3:C", "4:D"]);
    let with = LoadOptions { snapshot_schema: 1, ..LoadOptions::default() };
    assert_eq!(names(&store.load(id("a"), &with).wait().expect("a load")), ["4:D"]);
    for stale in [Expected::None, Expected::Version(2)] {
        assert_eq!(save(&store, "a", stale, &["E"]).expect_err("stale").actual(), Some(4));
    }
    let saved = save(&store, "a", Expected::Version(4), &["E"]).expect("the next");
    assert_eq!(saved.position, Position { version: 5, seq: 5 });
    store.0.engine.delete_event_store("events").wait().expect("deleted");
    assert!(!store.0.engine.stream_names().wait().unwrap().iter().any(|name| name.starts_with("EVENTS")));
}

/// All that loads of an aggregate answer, at every version, sequence and time, and from behind every position.
fn answers(store: &EventStore, key: &str, last: u64, until: u64) -> Vec<String> {
    let ends = (0..=last).map(AsOf::Version).chain((0..=last + 9).map(AsOf::Seq));
    let ends: Vec<AsOf> = ends.chain((0..until).map(AsOf::Time)).chain([AsOf::Now]).collect();
    let mut all = Vec::new();
    let mut ask = |options: LoadOptions| {
        let answer = store.load(id(key), &options).wait().map(|loaded| {
            let events: Vec<Event> = loaded.events().map(|event| event.to_event()).collect();
            (loaded.position, loaded.snapshot.clone(), events)
        });
        all.push(format!("{options:?}: {answer:?}"));
    };
    for &as_of in &ends {
        (0..3).for_each(|snapshot_schema| ask(LoadOptions { as_of, snapshot_schema, behind: Position::default() }));
    }
    for event in load(store, key).events() {
        ask(LoadOptions { behind: event.position(), ..LoadOptions::default() });
    }
    ask(LoadOptions { behind: Position { version: 2, seq: 77 }, ..LoadOptions::default() });
    all
}

#[test]
fn every_answer_is_the_one_of_before_for_any_history() {
    for seed in 0..40 {
        let clock = Arc::new(ManualClock::new(1, seed));
        let options = EngineOptions { clock: clock.clone(), ..EngineOptions::default() };
        let store = Engine::memory_with(options).unwrap().create_event_store(EventsConfig::default()).wait().unwrap();
        let below = |n: u64| clock.random() % n;
        for n in 0..30 {
            let key = ["a", "b", "c"][below(3) as usize];
            let events: Vec<String> = (0..=below(3)).map(|m| format!("{n}-{m}")).collect();
            let events: Vec<&str> = events.iter().map(String::as_str).collect();
            let command = format!("c{n}");
            let options = SaveOptions { command: &command, ..SaveOptions::default() };
            save_as(&store, key, Expected::Any, &events, &options).expect("a save");
            clock.advance(Duration::from_nanos(below(2)));
            if below(6) == 0 {
                snapshot(&store, key, 1 + below(2) as u32);
            }
        }
        let last = store.stream().last_seq("$EVENTS.>").wait().expect("the last");
        let all = |key: &str| answers(&store, key, last, 40);
        let commands = || -> Vec<_> {
            let keys = ["a", "b", "c"].into_iter();
            let find = |key, n| store.find_command(id(key), &format!("c{n}")).wait().expect("a look");
            keys.flat_map(|key| (0..30).map(move |n| find(key, n))).collect()
        };
        let before = (["a", "b", "c"].map(all), follow(&store, Vec::new(), 0, 1_000), commands());
        for _ in 0..4 {
            let key = ["a", "b", "c"][below(3) as usize];
            let done = store.archive(id(key), below(4)).wait();
            assert!(done.is_ok() || matches!(done.unwrap_err().kind(), ErrorKind::NotFound | ErrorKind::Invalid));
        }
        for key in ["a", "b", "c"] {
            if store.snapshot(id(key)).wait().unwrap().is_some() {
                archive(&store, key, 0);
            }
        }
        let max = 1 + below(9) as usize;
        let after = (["a", "b", "c"].map(all), follow(&store, Vec::new(), 0, max), commands());
        assert_eq!(before, after, "seed {seed}");
        let from = below(last + 1);
        let one = |events: &[Event]| -> Vec<Event> {
            let of_b = load(&store, "b").events().map(|event| event.seq()).collect::<Vec<_>>();
            events.iter().filter(|it| it.seq > from && of_b.contains(&it.seq)).cloned().collect()
        };
        assert_eq!(follow(&store, vec![EventFilter::one(id("b"))], from, max), one(&before.1), "seed {seed}");
    }
}

/// A run that ended between the copy and the removal leaves events in both places.
#[test]
fn what_is_in_both_places_counts_once() {
    let store = store();
    save(&store, "a", Expected::None, &["A", "B", "C", "D"]).expect("a save");
    save(&store, "b", Expected::None, &["X"]).expect("a save");
    let events = || store.stream().read(&ReadOptions::default().filter("$EVENTS.events.account.a"));
    let records = events().wait().expect("a read");
    snapshot(&store, "a", 1);
    archive(&store, "a", 2);
    // They come back, with the sequences of now: as another history has them.
    for record in records.iter().take(2) {
        let headers = record.headers().collect();
        let append = Append { headers, ..Append::new("$EVENTS.events.account.c", record.payload) };
        store.stream().append(&append).wait().expect("a record");
    }
    assert_eq!(names(&load(&store, "c")), ["1:A", "2:B"]);
    let whole = follow(&store, Vec::new(), 0, 3);
    assert_eq!(whole.iter().map(|it| it.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(whole.iter().map(|it| it.version).collect::<Vec<_>>(), [1, 2, 3, 4, 1, 1, 2]);
}

#[test]
fn archivers_at_once_move_each_event_once() {
    let store = store();
    let many: Vec<String> = (0..900).map(|n| format!("E{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for _ in 0..4 {
        save(&store, "a", Expected::Any, &many).expect("a save");
    }
    snapshot(&store, "a", 1);
    let before: Vec<Event> = load(&store, "a").events().map(|event| event.to_event()).collect();
    let moved: u64 = std::thread::scope(|scope| {
        let all: Vec<_> = (0..4).map(|_| scope.spawn(|| archive(&store, "a", 0).events)).collect();
        all.into_iter().map(|one| one.join().expect("an archiver")).sum()
    });
    assert_eq!((moved, kept(&store, "a")), (3_599, 1));
    let archived = store.0.engine.stream("EVENTSARCHIVE_events").wait().expect("the archive");
    let of_it = archived.subjects("$EVENTSARCHIVE.events.*.*", "", 9).wait().expect("subjects");
    assert_eq!(of_it, [("$EVENTSARCHIVE.events.account.a".to_owned(), 3_599)]);
    let after: Vec<Event> = load(&store, "a").events().map(|event| event.to_event()).collect();
    assert_eq!(before, after);
    assert_eq!(follow(&store, Vec::new(), 0, 1_000), before);
    assert_eq!(follow(&store, Vec::new(), 1_234, 777), before[1_234..]);
}

#[test]
fn an_archive_of_another_history_takes_nothing() {
    let store = store();
    save(&store, "a", Expected::None, &["A", "B", "C"]).expect("a save");
    snapshot(&store, "a", 1);
    archive(&store, "a", 2);
    let again = store.0.engine.clone();
    again.delete_stream("EVENTS_events").wait().expect("deleted");
    let store = again.create_event_store(EventsConfig::default()).wait().expect("a store");
    save(&store, "z", Expected::None, &["Z"]).expect("a save");
    save(&store, "a", Expected::None, &["K", "L", "M"]).expect("a save");
    snapshot(&store, "a", 2);
    let error = store.archive(id("a"), 0).wait().expect_err("another history");
    assert!(error.kind() == ErrorKind::Conflict && error.message().contains("another history"), "{error}");
    assert_eq!(kept(&store, "a"), 3);
}

#[test]
fn a_projection_that_is_behind_keeps_events_where_they_are() {
    let store = store();
    save(&store, "a", Expected::None, &["A", "B", "C", "D"]).expect("a save");
    snapshot(&store, "a", 1);
    let projection = store.projection(ProjectionConfig::new("totals")).wait().expect("a projection");
    let held = |events, up_to| Archived { events, up_to, held_back_by: Some("totals".to_owned()) };
    assert_eq!(archive(&store, "a", 0), held(0, 0));
    assert!(!store.0.engine.stream_names().wait().unwrap().contains(&"EVENTSARCHIVE_events".to_owned()));
    assert_eq!(projection.next(9).wait().expect("events").len(), 4);
    projection.commit(2, b"").wait().expect("a commit");
    let other = ProjectionConfig { filters: vec![EventFilter::aggregate("order")], ..ProjectionConfig::new("orders") };
    store.projection(other).wait().expect("a projection of others");
    assert_eq!(archive(&store, "a", 0), held(2, 2));
    assert_eq!(archive(&store, "a", 2), Archived { events: 0, up_to: 2, held_back_by: None });
    projection.commit(4, b"").wait().expect("a commit");
    assert_eq!(archive(&store, "a", 0), Archived { events: 1, up_to: 3, held_back_by: None });
}

#[test]
fn a_projection_from_the_first_event_on_sees_what_one_before_saw() {
    let store = store();
    for n in 0..50 {
        save(&store, ["a", "b", "c"][n % 3], Expected::Any, &[&format!("E{n}"), "x"]).expect("a save");
    }
    let seen = |name: &str| {
        let model = Arc::new(MemoryModel::new(Vec::new(), |seen: &mut Vec<Event>, event| {
            seen.push(event.to_event());
            Ok(())
        }));
        let projection = store.projection(ProjectionConfig::new(name)).wait().expect("a projection");
        projection.catch_up(&model).wait().expect("caught up");
        assert_eq!((projection.lag(), projection.position()), (0, 100));
        projection.close().wait().expect("closed");
        model.read(|seen, _| seen.clone())
    };
    let before = seen("one");
    for key in ["a", "b", "c"] {
        snapshot(&store, key, 1);
        assert!(archive(&store, key, 0).events > 10);
    }
    assert_eq!(seen("two"), before);
    // Few at a time, what is left of a read waits for the next.
    let few = store.projection(ProjectionConfig::new("few")).wait().expect("a projection");
    let mut last = 0;
    while last < 100 {
        let events = few.try_next(3).expect("events");
        assert_eq!(events.iter().map(|event| event.unwrap().seq()).next(), Some(last + 1));
        last = events.seq(events.len() - 1).expect("the last");
        few.commit(last, b"").wait().expect("a commit");
        assert_eq!(few.lag(), 100 - last);
    }
    assert!(few.try_next(3).expect("nothing").is_empty());
    // One whose model is in memory alone goes back to the first event, and holds what it is to see again.
    let again = store.projection(ProjectionConfig::new("two")).wait().expect("a projection");
    assert_eq!(again.position(), 100);
    again.seek(0);
    let first = again.next(3).wait().expect("events");
    assert_eq!(first.iter().map(|event| event.unwrap().seq()).collect::<Vec<_>>(), [1, 2, 3]);
    save(&store, "a", Expected::Any, &["Y"]).expect("a save");
    snapshot(&store, "a", 1);
    assert_eq!(archive(&store, "a", 0).held_back_by.as_deref(), Some("two"));
    // A dead letter of an archived event is taken in from there.
    assert_eq!(store.event_at(2).wait().expect("a look").get(0).unwrap().unwrap().seq(), 2);
    assert!(store.event_at(999).wait().expect("a look").is_empty());
}

/// Once more events are archived than places are held, the archive is passed through again.
#[test]
fn a_large_archive_is_read_in_parts() {
    let store = store();
    for n in 0..60 {
        save(&store, ["a", "b"][n % 2], Expected::Any, &["E"]).expect("a save");
    }
    snapshot(&store, "b", 1);
    snapshot(&store, "a", 1);
    archive(&store, "b", 0);
    archive(&store, "a", 20);
    let seen = super::super::history::of_few_places(&store, 7);
    assert_eq!(seen, (1..=58).collect::<Vec<u64>>());
}

/// One that is opened between the look for projections and the removal was not seen by the archiver.
#[test]
fn projections_that_begin_while_events_are_archived_miss_nothing() {
    let store = store();
    save(&store, "a", Expected::None, &["A", "B"]).expect("a save");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (writer, is_over) = (&store, &is_over);
        scope.spawn(move || {
            for n in 0..150 {
                let key = ["a", "b", "c"][n % 3];
                save(writer, key, Expected::Any, &["E", "F", "G"]).expect("a save");
                snapshot(writer, key, 1);
                archive(writer, key, 0);
            }
            is_over.store(true, Ordering::Release);
        });
        let mut n = 0;
        while !is_over.load(Ordering::Acquire) {
            let model = Arc::new(MemoryModel::new(Vec::new(), |seen: &mut Vec<u64>, event| {
                seen.push(event.seq());
                Ok(())
            }));
            let name = format!("p{n}");
            let projection = store.projection(ProjectionConfig::new(&name)).wait().expect("a projection");
            projection.catch_up(&model).wait().expect("caught up");
            let position = projection.position();
            model.read(|seen, _| assert_eq!(*seen, (1..=position).collect::<Vec<_>>(), "projection {n}"));
            drop(projection);
            store.delete_projection(&name).wait().expect("deleted");
            n += 1;
        }
        assert!(n > 1, "projections began meanwhile");
    });
    let archived = store.0.engine.stream("EVENTSARCHIVE_events").wait().expect("the archive");
    assert!(archived.info().wait().expect("its state").records > 10, "events were archived meanwhile");
}
