//! An event store: aggregates and their events (docs/events.md). Made, opened, listed and removed, and what is asked of
//! it as a whole.

use std::ffi::c_char;
use std::sync::Arc;

use headwater::Result;
use headwater::events::{AggregateId, EventFilter, EventStore, EventsConfig};

use crate::aggregates::hw_aggregates;
use crate::bytes::{hw_str, hw_strings};
use crate::engine::hw_engine;
use crate::error::hw_error;
use crate::guard::{Guard, Handle, Root, on, release_handle};
use crate::raw::{self, Out, versioned};
use crate::status::hw_status;
use crate::stream::hw_stream;
use crate::stream_config::durability;

/// What an event store is made with. Zero is the default of every field. Events have no limit of age or number.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_events_config {
    /// sizeof(hw_events_config)
    pub struct_size: usize,
    /// Its name: 1 to 64 letters, digits, `-` and `_`; `events` when empty.
    pub name: hw_str,
    /// The most bytes of events, after which saves are refused; 0 is no limit.
    pub max_bytes: u64,
    /// An hw_durability.
    pub durability: i32,
}

/// Some aggregates of a store: those of a kind, of a key, both, or all when both are empty.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_event_filter {
    /// Of this kind alone; of all when empty.
    pub aggregate: hw_str,
    /// Of this key alone; of all when empty.
    pub key: hw_str,
}

versioned!(hw_events_config);

impl hw_event_filter {
    pub(crate) fn filter(&self) -> Result<EventFilter> {
        let part = |text: &hw_str, what| Ok(text.some(what)?.map(str::to_owned));
        Ok(EventFilter { aggregate: part(&self.aggregate, "aggregate")?, key: part(&self.key, "key")? })
    }
}

/// An event store. `const`: safe from many threads at once.
pub struct hw_event_store {
    pub(crate) root: Arc<Root>,
    pub(crate) store: EventStore,
}

impl hw_event_store {
    fn new(root: &Arc<Root>, store: EventStore) -> Self {
        hw_event_store { root: root.clone(), store }
    }
}

impl Handle for hw_event_store {
    const NOUN: &'static str = "event store";

    fn guard(&self) -> &Arc<Guard> {
        &self.root.guard
    }
}

/// An aggregate as calls name it: kind and key, each with its length.
pub(crate) struct Id(pub(crate) *const c_char, pub(crate) usize, pub(crate) *const c_char, pub(crate) usize);

impl Id {
    pub(crate) fn id<'a>(&self) -> Result<AggregateId<'a>> {
        Ok(AggregateId::new(raw::text("aggregate", self.0, self.1)?, raw::text("key", self.2, self.3)?))
    }
}

fn config(from: &hw_events_config) -> Result<EventsConfig> {
    Ok(EventsConfig {
        name: from.name.some("name")?.unwrap_or(EventsConfig::NAME).to_owned(),
        durability: durability(from.durability)?,
        max_bytes: from.max_bytes,
    })
}

/// Opens an event store, and makes its stream and its bucket of snapshots if they are not there.
///
/// Errors:    HW_STATUS_CONFLICT (it is there with another configuration), HW_STATUS_INVALID, HW_STATUS_IO.
/// Ownership: `config` is borrowed for the call, and may be NULL; `*store` is yours, free with hw_event_store_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_create_event_store(
    engine: Option<&hw_engine>,
    config: *const hw_events_config,
    store: *mut *mut hw_event_store,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let config = self::config(&raw::options(config)?)?;
        let out = Out::required("store", store)?;
        out.give(hw_event_store::new(&engine.root, engine.root.engine.create_event_store(config).wait()?));
        Ok(())
    })
}

/// Opens the event store of this name.
///
/// Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_INVALID.
/// Ownership: `*store` is yours, free with hw_event_store_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_event_store(
    engine: Option<&hw_engine>,
    name: *const c_char,
    name_len: usize,
    store: *mut *mut hw_event_store,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let name = raw::text("name", name, name_len)?;
        let out = Out::required("store", store)?;
        out.give(hw_event_store::new(&engine.root, engine.root.engine.event_store(name).wait()?));
        Ok(())
    })
}

/// The names of all event stores, in order.
///
/// Ownership: `*names` is yours, free with hw_strings_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_event_stores(
    engine: Option<&hw_engine>,
    names: *mut *mut hw_strings,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| {
        let out = Out::required("names", names)?;
        out.give(hw_strings::plain(engine.root.engine.event_stores().wait()?));
        Ok(())
    })
}

/// Removes an event store with everything in it.
///
/// Errors:    HW_STATUS_NOT_FOUND, HW_STATUS_IO.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_engine_delete_event_store(
    engine: Option<&hw_engine>,
    name: *const c_char,
    name_len: usize,
    error: *mut *mut hw_error,
) -> hw_status {
    on(engine, error, |engine| engine.root.engine.delete_event_store(raw::text("name", name, name_len)?).wait())
}

/// Its name.
///
/// Ownership: `*name` is borrowed until the handle is freed.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_store_name(
    store: Option<&hw_event_store>,
    name: *mut hw_str,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        Out::required("name", name)?.set(hw_str::of(store.store.name()));
        Ok(())
    })
}

/// The stream of its events.
///
/// Ownership: `*stream` is yours, free with hw_stream_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_store_stream(
    store: Option<&hw_event_store>,
    stream: *mut *mut hw_stream,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let out = Out::required("stream", stream)?;
        out.give(hw_stream::new(&store.root, store.store.stream().clone()));
        Ok(())
    })
}

/// The sequence of the last event of an aggregate; 0 when it has none.
///
/// Errors:    HW_STATUS_INVALID (a kind or a key that cannot be), HW_STATUS_IO.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_store_last_seq(
    store: Option<&hw_event_store>,
    aggregate: *const c_char,
    aggregate_len: usize,
    key: *const c_char,
    key_len: usize,
    seq: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let out = Out::required("seq", seq)?;
        out.set(store.store.last_seq(Id(aggregate, aggregate_len, key, key_len).id()?).wait()?);
        Ok(())
    })
}

/// Forgets a data subject: its key is gone, and its bytes are taken from where they were kept. Events about it read as
/// erased from then on, and snapshots that have some of its data are passed over. `*had_key`, when not NULL, gets
/// whether there was a key. Copies that were made before, such as backups, are not reached.
///
/// Errors:    HW_STATUS_INVALID (a name that cannot be), HW_STATUS_UNSUPPORTED (a build without the feature
///            `shredding`), HW_STATUS_IO.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_store_forget(
    store: Option<&hw_event_store>,
    data_subject: *const c_char,
    data_subject_len: usize,
    had_key: *mut bool,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let forgotten = store.store.forget(raw::text("data_subject", data_subject, data_subject_len)?).wait()?;
        if let Some(out) = Out::optional(had_key) {
            out.set(forgotten);
        }
        Ok(())
    })
}

/// Lists aggregates whose last event lies behind sequence `after`, the one first that was saved longest ago, at most
/// `max` of them (0 is 1,000). `*next`, when not NULL, gets what to go on behind; 0 at the end. `filter` may be NULL,
/// which is all.
///
/// Errors:    HW_STATUS_INVALID, HW_STATUS_CORRUPT (a record that is no event), HW_STATUS_IO.
/// Ownership: `*aggregates` is yours, free with hw_aggregates_free.
/// Threads:   any.
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_store_list(
    store: Option<&hw_event_store>,
    filter: Option<&hw_event_filter>,
    after: u64,
    max: usize,
    aggregates: *mut *mut hw_aggregates,
    next: *mut u64,
    error: *mut *mut hw_error,
) -> hw_status {
    on(store, error, |store| {
        let filter = filter.map_or_else(|| Ok(EventFilter::default()), hw_event_filter::filter)?;
        let out = Out::required("aggregates", aggregates)?;
        let page = store.store.list(&filter, after, if max == 0 { 1_000 } else { max }).wait()?;
        if let Some(next) = Out::optional(next) {
            next.set(page.next.unwrap_or(0));
        }
        out.give(hw_aggregates(page.aggregates));
        Ok(())
    })
}

/// Frees the handle; NULL is nothing.
///
/// Since:     0.1
#[unsafe(no_mangle)]
pub extern "C" fn hw_event_store_free(store: Option<Box<hw_event_store>>) {
    release_handle(store);
}
