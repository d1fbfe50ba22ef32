//! What is counted of stores and projections.

use std::time::Duration;

use crate::engine::Engine;

use super::super::*;
use super::{id, load, save, save_as, store};

/// What a metric says of a store, and of a projection of it where one is named; none where it is not told.
fn told(engine: &Engine, name: &str, store: &str, projection: Option<&str>) -> Option<f64> {
    let labels: Vec<_> = [("store", Some(store)), ("projection", projection)]
        .into_iter()
        .filter_map(|(n, v)| Some((n, v?.to_owned())))
        .collect();
    let all = engine.metrics().expect("metrics");
    let found: Vec<_> = all.iter().filter(|metric| metric.name == name && metric.labels == labels).collect();
    assert!(found.len() <= 1, "{found:?}");
    found.first().map(|metric| metric.value)
}

fn of_store<const N: usize>(store: &EventStore, names: [&str; N]) -> [u64; N] {
    names.map(|name| {
        let name = format!("headwater_events_{name}_total");
        told(&store.0.engine, &name, "events", None).expect("a metric") as u64
    })
}

#[test]
fn saves_are_counted_by_what_came_of_them() {
    let store = store();
    let counted = |store: &EventStore| of_store(store, ["saves", "saved", "conflicts", "repeats"]);
    assert_eq!(counted(&store), [0, 0, 0, 0]);
    let once = SaveOptions { command: "c", ..SaveOptions::default() };
    save_as(&store, "a", Expected::None, &["A", "B"], &once).expect("a save");
    save(&store, "a", Expected::Any, &["C"]).expect("a save");
    save(&store, "a", Expected::None, &["D"]).expect_err("a conflict");
    save(&store, "a", Expected::Version(9), &["D"]).expect_err("a conflict");
    assert!(save_as(&store, "a", Expected::None, &["A", "B"], &once).expect("a repeat").is_repeat);
    assert_eq!(counted(&store), [2, 3, 2, 1]);
    // Another handle of the store counts in the same place, another store in its own.
    let again = store.0.engine.event_store("events").wait().expect("the store");
    save(&again, "b", Expected::Any, &["A"]).expect("a save");
    let config = EventsConfig { name: "other".to_owned(), ..EventsConfig::default() };
    let other = store.0.engine.create_event_store(config).wait().expect("a store");
    save(&other, "a", Expected::Any, &["A"]).expect("a save");
    assert_eq!(counted(&store), [3, 4, 2, 1]);
    assert_eq!(told(&store.0.engine, "headwater_events_saves_total", "other", None), Some(1.0));
}

#[test]
fn loads_are_counted_with_where_they_began() {
    let store = store();
    let at = save(&store, "a", Expected::None, &["A", "B", "C"]).expect("a save").position;
    load(&store, "a");
    let with = LoadOptions { snapshot_schema: 1, ..LoadOptions::default() };
    store.load(id("a"), &with).wait().expect("a load");
    let new = NewSnapshot { position: at, schema: 1, data: b"s", ttl: Duration::ZERO, data_subjects: &[] };
    assert!(store.save_snapshot(id("a"), &new).wait().expect("a snapshot"));
    assert!(!store.save_snapshot(id("a"), &new).wait().expect("it is there"));
    store.load(id("a"), &with).wait().expect("a load");
    let names = ["loads", "loaded", "snapshot_hits", "snapshot_misses", "snapshots"];
    assert_eq!(of_store(&store, names), [3, 6, 1, 1, 1]);
    store.archive(id("a"), 0).wait().expect("archived");
    assert_eq!(of_store(&store, ["archived"]), [2]);
}

#[test]
fn projections_are_counted_by_what_came_of_their_events() {
    let store = store();
    let engine = store.0.engine.clone();
    save(&store, "a", Expected::None, &["A", "B", "C", "D"]).expect("a save");
    let config = ProjectionConfig { tries: 2, pause: Duration::ZERO, ..ProjectionConfig::new("totals") };
    let projection = store.projection(config).wait().expect("a projection");
    let of = |name: &str| told(&engine, &format!("headwater_projection_{name}"), "events", Some("totals"));
    assert_eq!((of("position"), of("lag"), of("events_total")), (Some(0.0), Some(4.0), Some(0.0)));
    assert_eq!(projection.next(9).wait().expect("events").len(), 4);
    projection.commit(1, b"").wait().expect("a commit");
    for left in [3, 2] {
        projection.fail(2, "no").wait().expect("a failure");
        assert_eq!(projection.next(9).wait().expect("again").len(), left);
    }
    projection.commit(4, b"").wait().expect("a commit");
    assert_eq!((of("events_total"), of("failures_total"), of("dead_total")), (Some(3.0), Some(2.0), Some(1.0)));
    assert_eq!((of("position"), of("lag")), (Some(4.0), Some(0.0)));
    projection.close().wait().expect("closed");
    assert_eq!((of("position"), of("events_total")), (None, Some(3.0)), "what is closed stands nowhere");
}
