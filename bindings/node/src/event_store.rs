//! Event stores: aggregates saved, loaded, listed and followed. `lib/events.js` is the other side.

use headwater::Engine;
use headwater::events::{AggregateId, EventFeed, EventFilter, EventStore, FollowOptions};
use napi::Env;
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use crate::answer::{Answer, Raw};
use crate::config::{EventsOptions, FilterRequest, LoadRequest, SaveRequest, SnapshotRequest};
use crate::engine::perform;
use crate::error::{Result, fault};
use crate::event_pack as pack;
use crate::handles::Held;
use crate::jobs;
use crate::values::u64_of;

/// Opens an event store, and makes it if it is not there.
#[napi(catch_unwind)]
pub fn engine_create_event_store(env: Env, engine: u32, options: EventsOptions) -> Result<Raw> {
    let config = options.into_core()?;
    Engine::with(engine, |engine, hub| {
        perform(env, hub, engine, move |engine| engine.create_event_store(config).map(Answer::handle))
    })
}

/// The event store of this name.
#[napi(catch_unwind)]
pub fn engine_event_store(env: Env, engine: u32, name: String) -> Result<Raw> {
    Engine::with(engine, |engine, hub| {
        perform(env, hub, engine, move |engine| engine.event_store(&name).map(Answer::handle))
    })
}

/// All event stores.
#[napi(catch_unwind)]
pub fn engine_event_stores(env: Env, engine: u32) -> Result<Raw> {
    Engine::with(engine, |engine, hub| hub.settle(env, engine.event_stores().map(Answer::value)))
}

/// Removes an event store.
#[napi(catch_unwind)]
pub fn engine_delete_event_store(env: Env, engine: u32, name: String) -> Result<Raw> {
    Engine::with(engine, |engine, hub| {
        perform(env, hub, engine, move |engine| engine.delete_event_store(&name).map(|()| Answer::Done))
    })
}

/// Its name.
#[napi(catch_unwind)]
pub fn event_store_name(store: u32) -> Result<String> {
    EventStore::with(store, |store, _| Ok(store.name().to_owned()))
}

/// The stream below.
#[napi(catch_unwind)]
pub fn event_store_stream(store: u32) -> Result<u32> {
    EventStore::with(store, |store, hub| Ok(store.stream().clone().hold(hub)))
}

/// The sequence of the last event of an aggregate.
#[napi(catch_unwind)]
pub fn event_store_last_seq(env: Env, store: u32, aggregate: String, key: String) -> Result<Raw> {
    EventStore::with(store, |store, hub| {
        hub.settle(env, store.last_seq(AggregateId::new(&aggregate, &key)).map(Answer::Count))
    })
}

/// Saves packed events, all or nothing.
#[napi(catch_unwind)]
pub fn event_store_save(
    env: Env,
    store: u32,
    aggregate: String,
    key: String,
    packed: &[u8],
    count: u32,
    request: SaveRequest,
) -> Result<Raw> {
    let (events, expected, metadata) = (pack::unpack(packed, count)?, request.expected()?, request.metadata()?);
    let options = request.options(&metadata)?;
    EventStore::with(store, |store, hub| {
        let saving = store.save(AggregateId::new(&aggregate, &key), expected, &events, &options);
        hub.settle(env, saving.map(|saved| Answer::Bytes(pack::saved(saved))))
    })
}

/// What a save of a command came to, packed; nothing where none is known.
#[napi(catch_unwind)]
pub fn event_store_find_command(env: Env, store: u32, aggregate: String, key: String, command: String) -> Result<Raw> {
    EventStore::with(store, |store, hub| {
        let looking = store.find_command(AggregateId::new(&aggregate, &key), &command);
        hub.settle(env, looking.map(|found| Answer::Bytes(found.map(pack::saved).unwrap_or_default())))
    })
}

/// Archives the events of an aggregate before its snapshot, up to a version or all of them; what came of it is packed.
#[napi(catch_unwind)]
pub fn event_store_archive(env: Env, store: u32, aggregate: String, key: String, up_to: BigInt) -> Result<Raw> {
    let up_to = u64_of("upTo", &up_to)?;
    EventStore::with(store, |store, hub| {
        let archiving = store.archive(AggregateId::new(&aggregate, &key), up_to);
        hub.settle(env, archiving.map(|archived| Answer::Bytes(pack::archived(archived))))
    })
}

/// Loads an aggregate, packed.
#[napi(catch_unwind)]
pub fn event_store_load(env: Env, store: u32, aggregate: String, key: String, request: LoadRequest) -> Result<Raw> {
    let options = request.into_core()?;
    EventStore::with(store, |store, hub| {
        let loading = store.load(AggregateId::new(&aggregate, &key), &options);
        hub.settle(env, loading.map(|loaded| Answer::Bytes(pack::loaded(loaded))))
    })
}

/// The snapshot of an aggregate, packed.
#[napi(catch_unwind)]
pub fn event_store_snapshot(env: Env, store: u32, aggregate: String, key: String) -> Result<Raw> {
    EventStore::with(store, |store, hub| {
        let looking = store.snapshot(AggregateId::new(&aggregate, &key));
        hub.settle(env, looking.map(|found| Answer::Bytes(pack::snapshot(found.as_ref()))))
    })
}

/// Keeps a snapshot of an aggregate.
#[napi(catch_unwind)]
pub fn event_store_save_snapshot(
    env: Env,
    store: u32,
    aggregate: String,
    key: String,
    request: SnapshotRequest,
    data: &[u8],
) -> Result<Raw> {
    let names: Vec<&str> = request.data_subjects.iter().map(String::as_str).collect();
    let new = request.with(data, &names)?;
    EventStore::with(store, |store, hub| {
        hub.settle(env, store.save_snapshot(AggregateId::new(&aggregate, &key), &new).map(Answer::Flag))
    })
}

/// Forgets a data subject.
#[napi(catch_unwind)]
pub fn event_store_forget(env: Env, store: u32, data_subject: String) -> Result<Raw> {
    EventStore::with(store, |store, hub| {
        let store = store.clone();
        jobs::run(env, hub, move || store.forget(&data_subject).map(Answer::Flag).wait())
    })
}

/// A page of aggregates, packed.
#[napi(catch_unwind)]
pub fn event_store_list(
    env: Env,
    store: u32,
    aggregate: Option<String>,
    key: Option<String>,
    after: BigInt,
    max: u32,
) -> Result<Raw> {
    let (filter, after) = (EventFilter { aggregate, key }, u64_of("after", &after)?);
    EventStore::with(store, |store, hub| {
        hub.settle(env, store.list(&filter, after, max as usize).map(|page| Answer::Bytes(pack::page(&page))))
    })
}

/// Follows the events of some aggregates.
#[napi(catch_unwind)]
pub fn event_store_follow(env: Env, store: u32, filters: Vec<FilterRequest>, after: BigInt) -> Result<Raw> {
    let filters = filters.iter().map(FilterRequest::filter).collect();
    let options = FollowOptions { filters, after: u64_of("after", &after)? };
    EventStore::with(store, |store, hub| hub.settle(env, store.follow(&options).map(Answer::handle)))
}

/// Waits for events, then takes up to `max`, packed.
#[napi(catch_unwind)]
pub fn event_feed_next(env: Env, feed: u32, max: u32) -> Result<Raw> {
    EventFeed::with(feed, |feed, hub| {
        hub.settle(env, feed.next(max as usize).map(|events| Answer::Bytes(pack::events(&events))))
    })
}

/// Takes up to `max` events that are there, packed.
#[napi(catch_unwind)]
pub fn event_feed_try_next(env: Env, feed: u32, max: u32) -> Result<Raw> {
    EventFeed::with(feed, |feed, hub| {
        Answer::Bytes(pack::events(&feed.try_next(max as usize).map_err(fault)?)).into_js(env, hub)
    })
}

/// How many events were saved behind what was taken.
#[napi(catch_unwind)]
pub fn event_feed_lag(feed: u32) -> Result<u64> {
    EventFeed::with(feed, |feed, _| Ok(feed.lag()))
}

/// Ends it.
#[napi(catch_unwind)]
pub fn event_feed_close(feed: u32) -> Result<()> {
    EventFeed::with(feed, |feed, _| {
        feed.close();
        Ok(())
    })
}
