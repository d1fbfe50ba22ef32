//! The power goes at any moment while events are archived: nothing is lost, whoever reads finds what there was, and
//! archiving again ends it.

use std::sync::Arc;
use std::time::Duration;

use headwater::events::{
    AggregateId, Event, EventStore, EventsConfig, Expected, FollowOptions, LoadOptions, NewEvent, NewSnapshot,
    SaveOptions,
};
use headwater::{Engine, EngineOptions, ManualClock};
use headwater_sim::SimDisk;

const EVENTS: usize = 40;

fn open(disk: &SimDisk) -> Option<(Engine, EventStore)> {
    let options = EngineOptions {
        disk: Arc::new(disk.clone()),
        clock: Arc::new(ManualClock::new(1_700_000_000_000_000_000, 3)),
        worker: false,
        ..EngineOptions::default()
    };
    let engine = Engine::open_with("/archived", options).ok()?;
    let store = engine.create_event_store(EventsConfig::default()).wait().ok()?;
    Some((engine, store))
}

fn id(key: &str) -> AggregateId<'_> {
    AggregateId::new("account", key)
}

/// All that there is, by aggregate and in the order of the store.
fn seen(store: &EventStore) -> (Vec<Vec<Event>>, Vec<Event>) {
    let load = |key| -> Vec<Event> {
        let loaded = store.load(id(key), &LoadOptions::default()).wait().expect("a load");
        loaded.events().map(|event| event.to_event()).collect()
    };
    let feed = store.follow(&FollowOptions::default()).wait().expect("a feed");
    let mut followed = Vec::new();
    loop {
        let events = feed.try_next(7).expect("events");
        if events.is_empty() {
            return (["a", "b"].map(load).into(), followed);
        }
        followed.extend(events.iter().map(|event| event.expect("an event").to_event()));
    }
}

#[test]
fn a_power_cut_at_any_moment_of_archiving_loses_nothing() {
    for operations in 0.. {
        let disk = SimDisk::new(operations, None);
        let (engine, store) = open(&disk).expect("a store");
        for n in 0..EVENTS {
            let data = n.to_string();
            let event = NewEvent::new("moved", data.as_bytes());
            let key = ["a", "b"][n % 2];
            store.save(id(key), Expected::Any, &[event], &SaveOptions::default()).wait().expect("a save");
        }
        for key in ["a", "b"] {
            let position = store.load(id(key), &LoadOptions::default()).wait().expect("a load").position;
            let new = NewSnapshot { position, schema: 1, data: b"state", ttl: Duration::ZERO, data_subjects: &[] };
            store.save_snapshot(id(key), &new).wait().expect("a snapshot");
        }
        let before = seen(&store);
        assert_eq!(before.1.len(), EVENTS);
        disk.cut_after(operations);
        let is_whole = ["a", "b"].iter().all(|key| store.archive(id(key), 0).wait().is_ok());
        drop((store, engine));
        disk.cut_after(0);
        disk.restart();

        let (_engine, store) = open(&disk).expect("a store after the power came back");
        assert_eq!(seen(&store), before, "cut after {operations} operations");
        for key in ["a", "b"] {
            let archived = store.archive(id(key), 0).wait().expect("archived");
            assert_eq!(archived.up_to, EVENTS as u64 / 2 - 1, "cut after {operations} operations");
        }
        assert_eq!(seen(&store), before, "cut after {operations} operations, and archived");
        if is_whole {
            assert!(operations > 10, "archiving takes operations");
            return;
        }
    }
}
