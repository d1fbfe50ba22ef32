//! Data subjects that are forgotten.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::record::Append;
use crate::stream::options::ReadOptions;

use super::super::event::{HEADER_DATA_SUBJECT, HEADER_TYPE, HEADER_VERSION};
use super::super::*;
use super::{id, load, save, store};

fn about<'a>(data_subject: &'a str, event_type: &'a str, data: &'a [u8]) -> NewEvent<'a> {
    NewEvent { data_subject: Some(data_subject), ..NewEvent::new(event_type, data) }
}

fn save_about(store: &EventStore, key: &str, events: &[NewEvent<'_>]) -> Position {
    let saved = store.save(id(key), Expected::Any, events, &SaveOptions::default()).wait();
    saved.expect("a save").position
}

fn forget(store: &EventStore, data_subject: &str) -> bool {
    store.forget(data_subject).wait().expect("an answer")
}

/// Version, data and whether it is erased, of each event.
fn seen<'a>(events: impl Iterator<Item = EventView<'a>>) -> Vec<(u64, String, bool)> {
    events.map(|it| (it.version, String::from_utf8_lossy(it.data()).into_owned(), it.is_erased)).collect()
}

fn is(version: u64, data: &str) -> (u64, String, bool) {
    (version, data.to_owned(), false)
}

fn erased(version: u64) -> (u64, String, bool) {
    (version, String::new(), true)
}

#[test]
fn who_is_forgotten_has_no_data_and_all_others_have_theirs() {
    let store = store();
    save_about(
        &store,
        "a",
        &[about("ada", "E", b"of ada"), about("bob", "E", b"of bob"), NewEvent::new("E", b"of none")],
    );
    assert_eq!(seen(load(&store, "a").events()), [is(1, "of ada"), is(2, "of bob"), is(3, "of none")]);
    assert!(forget(&store, "ada"));
    assert!(!forget(&store, "ada"), "there is no key any more");
    assert!(!forget(&store, "eve"), "there never was one");
    let loaded = load(&store, "a");
    assert_eq!(seen(loaded.events()), [erased(1), is(2, "of bob"), is(3, "of none")]);
    let subjects: Vec<Option<&str>> = loaded.events().map(|event| event.data_subject).collect();
    assert_eq!(subjects, [Some("ada"), Some("bob"), None]);
    let found = loaded.into_events();
    assert_eq!(found.get(0).expect("one").expect("an event").to_event().data_subject.as_deref(), Some("ada"));
    assert_eq!(found.get(1).expect("one").expect("an event").data(), b"of bob");
}

#[test]
fn what_is_saved_later_has_another_key_and_what_was_stays_erased() {
    let store = store();
    save_about(&store, "a", &[about("ada", "E", b"before")]);
    assert!(forget(&store, "ada"));
    save_about(&store, "a", &[about("ada", "E", b"after")]);
    assert_eq!(seen(load(&store, "a").events()), [erased(1), is(2, "after")]);
    assert!(forget(&store, "ada"));
    assert_eq!(seen(load(&store, "a").events()), [erased(1), erased(2)]);
}

/// A ciphertext that could be moved would let whoever may write make one event say what another one said.
#[test]
fn a_payload_of_another_event_is_damage_and_no_event() {
    let store = store();
    save_about(&store, "a", &[about("ada", "E", b"10")]);
    let taken = store.stream().get(1).wait().expect("a read").expect("a record");
    let put = |key: &str, event_type: &str, version: &str, payload: &[u8]| {
        let subject = store.0.names.subject(id(key)).expect("a subject");
        let append = Append::new(&subject, payload).header(HEADER_TYPE, event_type).header(HEADER_VERSION, version);
        store.stream().append(&append.header(HEADER_DATA_SUBJECT, "ada")).wait().expect("an append");
    };
    put("same", "E", "1", &taken.payload);
    put("a", "E", "2", &taken.payload);
    put("type", "F", "1", &taken.payload);
    let mut flipped = taken.payload.clone();
    flipped[30] ^= 1;
    put("bit", "E", "1", &flipped);
    put("short", "E", "1", b"x");
    for key in ["same", "a", "type", "bit", "short"] {
        let error = store.load(id(key), &LoadOptions::default()).wait().expect_err("no event");
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{key}: {error}");
        assert!(error.message().contains("damaged, or was saved with another event"), "{error}");
    }
    assert!(forget(&store, "ada"));
    assert_eq!(seen(load(&store, "bit").events()), [erased(1)], "nobody can tell any more");
}

#[test]
fn two_first_savers_have_one_key() {
    let store = store();
    std::thread::scope(|scope| {
        for key in ["a", "b", "c", "d"] {
            let store = &store;
            scope.spawn(move || {
                for n in 0..20 {
                    save_about(store, key, &[about(&format!("s{n}"), "E", key.as_bytes())]);
                }
            });
        }
    });
    for key in ["a", "b", "c", "d"] {
        assert!(load(&store, key).events().all(|event| !event.is_erased && event.data() == key.as_bytes()), "{key}");
    }
}

#[test]
fn feeds_and_projections_give_what_can_be_read() {
    let store = store();
    save_about(&store, "a", &[about("ada", "E", b"1"), about("bob", "E", b"2"), NewEvent::new("E", b"3")]);
    forget(&store, "ada");
    let feed = store.follow(&FollowOptions::default()).wait().expect("a feed");
    let first = feed.next(2).wait().expect("events");
    assert_eq!(seen(first.iter().flatten()), [erased(1), is(2, "2")]);
    assert_eq!(seen(feed.try_next(9).expect("events").iter().flatten()), [is(3, "3")]);
    assert!(feed.try_next(9).expect("events").is_empty());
    save_about(&store, "b", &[about("bob", "E", b"4"), about("ada", "E", b"5"), about("bob", "E", b"6")]);
    assert_eq!(seen(feed.try_next(1).expect("events").iter().flatten()), [is(1, "4")]);
    assert_eq!(feed.lag(), 2);
    assert_eq!(seen(feed.next(9).wait().expect("events").iter().flatten()), [is(2, "5"), is(3, "6")]);
    let projection = store.projection(ProjectionConfig::new("p")).wait().expect("a projection");
    let model = Arc::new(MemoryModel::new(Vec::new(), |all: &mut Vec<String>, event| {
        let data = String::from_utf8_lossy(event.data());
        all.push(if event.is_erased { "erased".to_owned() } else { data.into_owned() });
        Ok(())
    }));
    projection.catch_up(&model).wait().expect("a run");
    assert_eq!(model.read(|all, _| all.clone()), ["erased", "2", "3", "4", "5", "6"]);
    assert_eq!(store.event_at(4).wait().expect("one").get(0).expect("one").expect("an event").data(), b"4");
}

/// What was taken from the stream while keys were looked for must not be lost with the wait.
#[test]
fn a_poll_that_looks_for_keys_loses_no_event() {
    let store = store();
    let feed = store.follow(&FollowOptions::default()).wait().expect("a feed");
    save_about(&store, "a", &[about("ada", "E", b"1"), about("ada", "E", b"2")]);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(feed.poll_ready(&mut cx).is_ready());
    assert_eq!(seen(feed.try_next(1).expect("events").iter().flatten()), [is(1, "1")]);
    assert!(feed.poll_ready(&mut cx).is_ready());
    assert_eq!(seen(feed.try_next(1).expect("events").iter().flatten()), [is(2, "2")]);
    assert!(feed.poll_ready(&mut cx).is_pending());
}

#[test]
fn time_travel_and_damage_in_a_projection_are_as_without() {
    let store = store();
    save_about(&store, "a", &[about("ada", "E", b"1"), about("bob", "E", b"2"), about("ada", "E", b"3")]);
    let at = |as_of| store.load(id("a"), &LoadOptions { as_of, ..LoadOptions::default() }).wait().expect("a load");
    assert_eq!(seen(at(AsOf::Version(2)).events()), [is(1, "1"), is(2, "2")]);
    let behind = Position { version: 1, seq: 1 };
    let tail = store.load(id("a"), &LoadOptions { behind, ..LoadOptions::default() }).wait().expect("a load");
    assert_eq!(seen(tail.events()), [is(2, "2"), is(3, "3")]);
    assert_eq!(seen(tail.clone().into_events().iter().flatten()), [is(2, "2"), is(3, "3")]);
    assert_eq!(tail.into_events().get(1).expect("one").expect("an event").data(), b"3");
    forget(&store, "bob");
    assert_eq!(seen(at(AsOf::Seq(2)).events()), [is(1, "1"), erased(2)]);

    let subject = store.0.names.subject(id("b")).expect("a subject");
    let damaged = Append::new(&subject, b"no ciphertext").header(HEADER_TYPE, "E").header(HEADER_VERSION, "1");
    store.stream().append(&damaged.header(HEADER_DATA_SUBJECT, "ada")).wait().expect("an append");
    let projection = store.projection(ProjectionConfig::new("p")).wait().expect("a projection");
    let count = Arc::new(MemoryModel::new(0, |count, _| {
        *count += 1;
        Ok(())
    }));
    projection.catch_up(&count).wait().expect("a run");
    assert_eq!(count.read(|count, _| *count), 3);
    let letters = store.dead_letters("p", 0, 9).wait().expect("letters");
    assert!(letters.len() == 1 && letters[0].failing.seq == 4, "{letters:?}");
}

#[test]
fn a_snapshot_of_data_of_whoever_was_forgotten_is_passed_over() {
    let store = store();
    let position = save_about(&store, "a", &[about("ada", "E", b"1"), about("bob", "E", b"2")]);
    let keep = |schema, data_subjects: &[&str]| {
        let new = NewSnapshot { position, schema, data: b"state", ttl: Duration::ZERO, data_subjects };
        store.save_snapshot(id("a"), &new).wait().expect("an answer")
    };
    let load = |snapshot_schema| {
        store.load(id("a"), &LoadOptions { snapshot_schema, ..LoadOptions::default() }).wait().expect("a load")
    };
    assert!(keep(1, &["bob", "ada", "bob"]));
    assert!(!keep(1, &[]), "there is one");
    let snapshot = load(1).snapshot.expect("a snapshot");
    assert_eq!(
        (snapshot.data.as_slice(), snapshot.data_subjects),
        (b"state".as_slice(), vec!["ada".into(), "bob".into()])
    );
    let value = store.0.snapshots.get("account.a").wait().expect("a read").expect("a value").value;
    assert!(!value.windows(5).any(|bytes| bytes == b"state"), "it is encrypted");
    assert!(forget(&store, "ada"));
    assert!(store.snapshot(id("a")).wait().expect("a look").is_none());
    assert_eq!(seen(load(1).events()), [erased(1), is(2, "2")]);
    assert!(!keep(1, &["ada", "bob"]), "nobody could read it");
    save_about(&store, "b", &[about("ada", "E", b"3")]);
    assert!(store.snapshot(id("a")).wait().expect("a look").is_none(), "another key is none");
    assert!(keep(1, &["bob"]), "one that is passed over makes room");
    assert_eq!(load(1).snapshot.expect("a snapshot").data_subjects, ["bob"]);
    let error = store
        .save_snapshot(
            id("a"),
            &NewSnapshot { position, schema: 9, data: b"", ttl: Duration::ZERO, data_subjects: &[""] },
        )
        .wait()
        .expect_err("no name");
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn names_that_can_not_be_and_data_that_is_too_long_are_refused() {
    let store = store();
    for (bad, of) in [("", "is empty"), (" x", "space"), ("a\nb", "control"), (&*"n".repeat(129), "129 bytes")] {
        let error = store.save(id("a"), Expected::Any, &[about(bad, "E", b"")], &SaveOptions::default()).wait();
        let error = error.expect_err("a bad name");
        assert!(error.kind() == ErrorKind::Invalid && error.message().contains(of), "{error}");
        assert_eq!(store.forget(bad).wait().expect_err("a bad name").kind(), ErrorKind::Invalid);
    }
    let data = vec![7; 8 << 20];
    let most = &data[37..];
    save_about(&store, "a", &[about("any: text ☃ . * >", "E", most)]);
    assert!(load(&store, "a").events().next().expect("one").data() == most);
    let error = store.save(id("a"), Expected::Any, &[about("ada", "E", &data[36..])], &SaveOptions::default()).wait();
    assert!(error.expect_err("too long").message().contains("8388571"));
}

#[test]
fn a_save_is_recognised_and_expectations_hold_as_without() {
    let store = store();
    let options = SaveOptions { command: "c", ..SaveOptions::default() };
    let save = |expected| store.save(id("a"), expected, &[about("ada", "E", b"1")], &options).wait();
    let first = save(Expected::None).expect("the first").position;
    for expected in [Expected::None, Expected::Any, Expected::Version(0), Expected::At(Position::default())] {
        let again = save(expected).expect("its own");
        assert_eq!((again.position, again.is_repeat), (first, true));
    }
    forget(&store, "ada");
    assert!(save(Expected::None).expect("its own").is_repeat);
    let other = SaveOptions { command: "d", ..SaveOptions::default() };
    let refused = store.save(id("a"), Expected::None, &[about("ada", "E", b"1")], &other).wait();
    assert_eq!(refused.expect_err("a conflict").kind(), ErrorKind::Conflict);
    let condition = Some(Condition { filter: EventFilter::default(), last_seq: 1 });
    let options = SaveOptions { condition, ..SaveOptions::default() };
    store.save(id("a"), Expected::Version(1), &[about("ada", "E", b"2")], &options).wait().expect("a save");
    assert_eq!(seen(load(&store, "a").events()), [erased(1), is(2, "2")]);
}

#[test]
fn a_store_that_has_no_data_subject_has_no_keys() {
    let store = store();
    save(&store, "a", Expected::None, &["A"]).expect("a save");
    assert!(!forget(&store, "ada"));
    let engine = &store.0.engine;
    assert_eq!(engine.buckets().wait().expect("a list"), ["EVENTS_events"]);
    save_about(&store, "a", &[about("ada", "E", b"1")]);
    assert_eq!(engine.buckets().wait().expect("a list"), ["EVENTKEYS_events", "EVENTS_events"]);
    assert_eq!(engine.event_stores().wait().expect("a list"), ["events"]);
    engine.delete_event_store("events").wait().expect("a removal");
    assert!(engine.stream_names().wait().expect("a list").is_empty());
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
        if entry.path().is_dir() { all.extend(files(&entry.path())) } else { all.push(entry.path()) }
    }
    all
}

/// Which files have these bytes.
fn found(dir: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let has = |path: &PathBuf| std::fs::read(path).is_ok_and(|it| it.windows(bytes.len()).any(|some| some == bytes));
    files(dir).into_iter().filter(has).collect()
}

/// The bytes of a key that is only marked as gone could be read from the disk, and with them all that was forgotten.
#[test]
fn the_key_of_who_was_forgotten_is_in_no_file() {
    let dir = std::env::temp_dir().join(format!("headwater-shredding-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    let engine = Engine::open(&dir).expect("an engine");
    let store = engine.create_event_store(EventsConfig::default()).wait().expect("a store");
    let names: Vec<String> = (0..20).map(|n| format!("s{n}")).collect();
    for name in &names {
        save_about(&store, "a", &[about(name, "E", b"a secret of somebody")]);
    }
    let key_of = |store: &EventStore, name: &str| {
        let bucket = store.0.engine.bucket("EVENTKEYS_events").wait().expect("a bucket");
        bucket.get(name).wait().expect("a read").map(|entry| entry.value)
    };
    let keys: Vec<Vec<u8>> = names.iter().map(|name| key_of(&store, name).expect("a key")).collect();
    assert!(found(&dir, b"a secret").is_empty(), "only ciphertext is written");
    assert!(keys.iter().all(|key| !found(&dir, &key[9..]).is_empty()), "the search finds what is there");
    // The last one of its segment, one in the middle of it, and the first one, which is in a packed segment by then.
    for (nth, n) in [19, 7, 0].into_iter().enumerate() {
        assert_eq!(found(&dir, &keys[n][9..]).len(), 1, "{n}");
        assert!(forget(&store, &names[n]));
        assert_eq!(found(&dir, &keys[n][9..]), Vec::<PathBuf>::new(), "{n}");
        let gone = seen(load(&store, "a").events()).iter().filter(|event| event.2).count();
        assert_eq!(gone, nth + 1);
    }
    engine.close().expect("a close");
    let report = Engine::verify(&dir, &mut |_, _| std::ops::ControlFlow::Continue(())).expect("a check");
    assert_eq!(report.damage, Vec::<String>::new());
    let engine = Engine::open(&dir).expect("an engine");
    let store = engine.event_store("events").wait().expect("a store");
    for (n, event) in load(&store, "a").events().enumerate() {
        assert_eq!(event.is_erased, [0, 7, 19].contains(&n), "{n}");
    }
    // As a crash leaves it that came before the segment was stored anew.
    let bucket = engine.bucket("EVENTKEYS_events").wait().expect("a bucket");
    let revision = bucket.get("s3").wait().expect("a read").expect("a key").revision;
    assert!(bucket.stream().delete(revision).wait().expect("an answer"));
    assert_eq!(found(&dir, &keys[3][9..]).len(), 1);
    assert!(!forget(&store, "s3"));
    assert_eq!(found(&dir, &keys[3][9..]), Vec::<PathBuf>::new());
    for name in &names {
        forget(&store, name);
    }
    assert!(load(&store, "a").events().all(|event| event.is_erased));
    engine.close().expect("a close");
    assert!(keys.iter().all(|key| found(&dir, &key[9..]).is_empty()));
    std::fs::remove_dir_all(&dir).expect("a removal");
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Person {
    names: Vec<String>,
    erased: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Named {
    of: String,
    name: String,
}

impl DomainEvent for Named {
    fn event_type(&self) -> &'static str {
        "named"
    }

    fn data_subject(&self) -> Option<&str> {
        (!self.of.is_empty()).then_some(&self.of)
    }

    fn encode(&self) -> Result<Vec<u8>> {
        Ok(format!("{}/{}", self.of, self.name).into_bytes())
    }

    fn decode(_: &str, _: u32, data: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(data).ok().and_then(|text| text.split_once('/'));
        let (of, name) = text.ok_or_else(|| Error::corrupt("it is none of a person"))?;
        Ok(Named { of: of.to_owned(), name: name.to_owned() })
    }
}

impl Aggregate for Person {
    const NAME: &'static str = "account";
    type Event = Named;

    fn apply(&mut self, event: &Named) {
        self.names.push(event.name.clone());
    }

    fn apply_erased(&mut self, event_type: &str) {
        self.erased.push(event_type.to_owned());
    }

    fn encode_snapshot(&self) -> Result<Option<Vec<u8>>> {
        Ok(Some(format!("{}|{}", self.names.join(","), self.erased.join(",")).into_bytes()))
    }

    fn decode_snapshot(data: &[u8]) -> Option<Self> {
        let (names, erased) = std::str::from_utf8(data).ok()?.split_once('|')?;
        let list = |text: &str| text.split(',').filter(|it| !it.is_empty()).map(str::to_owned).collect();
        Some(Person { names: list(names), erased: list(erased) })
    }
}

fn name(people: &Repository<Person>, of: &str, name: &str) {
    let event = Named { of: of.to_owned(), name: name.to_owned() };
    let raise = move |root: &mut Root<Person>| {
        root.raise(event.clone());
        Ok(())
    };
    people.transact("a", &SaveOptions::default(), raise).wait().expect("a save");
}

/// A snapshot of before a `forget` would bring back what was forgotten, and so would a state that stayed in memory.
#[test]
fn a_repository_folds_what_can_be_read_with_snapshots_as_without() {
    let store = store();
    let options = |snapshot_every, cache| RepositoryOptions { snapshot_every, cache, ..RepositoryOptions::default() };
    let people = Repository::<Person>::new(&store, options(2, 100));
    let plain = || Repository::<Person>::new(&store, options(0, 0));
    let state = |people: &Repository<Person>| people.load("a").wait().expect("a load").expect("one").state().clone();
    for (n, of) in ["", "ada", "bob", "ada", "", "bob"].into_iter().enumerate() {
        name(&people, of, &n.to_string());
        assert_eq!(state(&people), state(&plain()), "{n}");
        assert_eq!(state(&people), state(&Repository::new(&store, options(2, 0))), "{n}, by the snapshot");
    }
    assert_eq!(store.snapshot(id("a")).wait().expect("a look").expect("one").data_subjects, ["ada", "bob"]);
    forget(&store, "ada");
    let expected = Person { names: ["0", "2", "4", "5"].map(str::to_owned).to_vec(), erased: vec!["named".into(); 2] };
    assert_eq!([state(&people), state(&plain())], [expected.clone(), expected]);
    name(&people, "ada", "again");
    name(&people, "", "last");
    assert_eq!(state(&people), state(&plain()));
    let mut upcasters = Upcasters::default();
    upcasters.add("named", 1, |_| Err(Error::invalid("it was asked"))).expect("a step");
    forget(&store, "ada");
    forget(&store, "bob");
    let with = Repository::<Person>::with_upcasters(&store, options(0, 0), upcasters);
    let error = with.load("a").map(drop).wait().expect_err("plain events are upcast");
    assert!(error.message().contains("it was asked") && error.message().contains("event 1"), "{error}");
}

#[test]
fn an_upcaster_is_not_asked_for_what_is_erased() {
    let store = store();
    save_about(&store, "a", &[about("ada", "named", b"ada/x")]);
    forget(&store, "ada");
    let mut upcasters = Upcasters::default();
    upcasters.add("named", 1, |_| Err(Error::invalid("it was asked"))).expect("a step");
    let people = Repository::<Person>::with_upcasters(&store, RepositoryOptions::default(), upcasters);
    assert_eq!(people.load("a").wait().expect("a load").expect("one").state().erased, ["named"]);
}

/// Events without data subjects are on the disk as they were before there were any.
#[test]
fn plain_events_are_as_they_were() {
    let store = store();
    save(&store, "a", Expected::None, &["A"]).expect("a save");
    let batch = store.stream().read(&ReadOptions::default()).wait().expect("a read");
    let record = batch.get(0).expect("a record");
    assert_eq!((record.payload, record.header(HEADER_DATA_SUBJECT)), (b"A".as_slice(), None));
    assert_eq!(record.header(HEADER_VERSION), Some("1"));
}

/// What was moved is bound to where it was, and is forgotten with the rest; feeds decrypt both.
#[test]
fn archived_events_are_decrypted_and_forgotten_as_others_are() {
    let store = store();
    save_about(&store, "a", &[about("ada", "E", b"one"), about("bob", "E", b"two"), about("ada", "E", b"three")]);
    save_about(&store, "a", &[about("ada", "E", b"four")]);
    let position = load(&store, "a").position;
    let new = NewSnapshot { position, schema: 1, data: b"s", ttl: Duration::ZERO, data_subjects: &["ada", "bob"] };
    assert!(store.save_snapshot(id("a"), &new).wait().expect("kept"));
    assert_eq!(store.archive(id("a"), 0).wait().expect("archived").events, 3);
    let follow = |max: usize| {
        let feed = store.follow(&FollowOptions::default()).wait().expect("a feed");
        let mut all = Vec::new();
        while all.len() < 4 {
            let events = feed.next(max).wait().expect("events");
            all.extend(seen(events.iter().map(|event| event.expect("an event"))));
        }
        all
    };
    let whole = [is(1, "one"), is(2, "two"), is(3, "three"), is(4, "four")];
    assert_eq!(seen(load(&store, "a").events()), whole);
    assert_eq!(follow(3), whole);
    let second = store.event_at(2).wait().expect("a look");
    assert_eq!(second.get(0).expect("one").expect("an event").data(), b"two");
    assert!(forget(&store, "ada"));
    let rest = [erased(1), is(2, "two"), erased(3), erased(4)];
    assert_eq!(seen(load(&store, "a").events()), rest);
    assert_eq!(follow(1), rest);
    let error = store.archive(id("a"), 0).wait().expect_err("its snapshot is void");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
