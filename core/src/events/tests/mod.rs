//! Stores, repositories and projections on an engine in memory.

mod archive;
mod measured;
mod projection;
mod repository;
#[cfg(feature = "shredding")]
mod shredding;
#[cfg(feature = "replica")]
mod sqlite;
mod store;

use crate::engine::Engine;
use crate::error::Result;

use super::*;

fn store() -> EventStore {
    let engine = Engine::memory().expect("an engine");
    engine.create_event_store(EventsConfig::default()).wait().expect("a store")
}

fn id(key: &str) -> AggregateId<'_> {
    AggregateId::new("account", key)
}

fn save(store: &EventStore, key: &str, expected: Expected, events: &[&str]) -> Result<Saved> {
    save_as(store, key, expected, events, &SaveOptions::default())
}

fn save_as(store: &EventStore, key: &str, expected: Expected, events: &[&str], o: &SaveOptions<'_>) -> Result<Saved> {
    let events: Vec<NewEvent<'_>> = events.iter().map(|event| NewEvent::new(event, event.as_bytes())).collect();
    store.save(id(key), expected, &events, o).wait()
}

fn names(loaded: &Loaded) -> Vec<String> {
    loaded.events().map(|event| format!("{}:{}", event.version, event.event_type)).collect()
}

fn load(store: &EventStore, key: &str) -> Loaded {
    store.load(id(key), &LoadOptions::default()).wait().expect("a load")
}
