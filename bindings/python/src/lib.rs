//! The Python door: a typed extension module over the core crate. It translates and adds no logic.
//!
//! Every call checks that its handle was not carried over a `fork()`, runs with the interpreter released, turns
//! panics and errors into `headwater.Error`, and waits in slices, so that Ctrl-C is heard. Waits of asyncio cost no
//! thread: see `bell.rs`.

#![allow(clippy::disallowed_methods, reason = "a door looks at the clock for the deadlines of its callers")]

mod append;
mod bell;
mod bucket;
mod call;
mod change;
mod clock;
mod connection;
mod consumer;
mod convert;
mod crdt;
mod crdt_change;
mod crdt_later;
mod crdt_replica;
mod database;
mod database_config;
mod database_later;
mod database_model;
mod engine;
mod entities;
mod entities_client;
mod entity_config;
mod entity_model;
mod entity_turns;
mod error;
mod event;
mod event_later;
mod event_model;
mod event_store;
mod fork;
mod hub;
mod hub_config;
mod logs;
mod mesh;
mod model;
mod object_io;
mod object_store;
mod payload;
mod point;
mod points;
mod presence;
mod presence_later;
mod presence_model;
mod presence_set;
mod projection;
mod queue;
mod reader;
mod record;
mod settings;
mod stream;
mod subject;
mod subscription;
mod time;
mod transfer;
mod wait;
mod watcher;

#[pyo3::pymodule]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::append::Append;
    #[pymodule_export]
    use crate::bucket::Bucket;
    #[pymodule_export]
    use crate::clock::ManualClock;
    #[pymodule_export]
    use crate::connection::Connection;
    #[pymodule_export]
    use crate::consumer::Consumer;
    #[pymodule_export]
    use crate::crdt::CrdtStore;
    #[pymodule_export]
    use crate::crdt_change::Change;
    #[pymodule_export]
    use crate::crdt_replica::Replica;
    #[pymodule_export]
    use crate::database::Database;
    #[pymodule_export]
    use crate::engine::{Engine, memory, open, open_config, restore, temporary, verify};
    #[pymodule_export]
    use crate::entities::Entities;
    #[pymodule_export]
    use crate::entities_client::EntitiesClient;
    #[pymodule_export]
    use crate::entity_model::{shard_of, shard_owner};
    #[pymodule_export]
    use crate::entity_turns::Turns;
    #[pymodule_export]
    use crate::event::{Event, NewEvent};
    #[pymodule_export]
    use crate::event_store::EventStore;
    #[pymodule_export]
    use crate::fork::after_fork_in_child;
    #[pymodule_export]
    use crate::hub::{connect, connect_async};
    #[pymodule_export]
    use crate::object_io::{ObjectReader, ObjectWriter};
    #[pymodule_export]
    use crate::object_store::ObjectStore;
    #[pymodule_export]
    use crate::point::{Point, Row};
    #[pymodule_export]
    use crate::points::Points;
    #[pymodule_export]
    use crate::presence::{HeldSession, Presence};
    #[pymodule_export]
    use crate::projection::Projection;
    #[pymodule_export]
    use crate::reader::Reader;
    #[pymodule_export]
    use crate::record::{Ack, Record};
    #[pymodule_export]
    use crate::stream::Stream;
    #[pymodule_export]
    use crate::subject::{check_filter, check_subject, covers, decode_token, encode_token, matches, overlap};
    #[pymodule_export]
    use crate::subscription::Subscription;
    #[pymodule_export]
    use crate::wait::Wait;
    #[pymodule_export]
    use crate::watcher::{
        ChangeWatcher, CrdtWatcher, Entry, EventFeed, HubWatcher, ObjectWatcher, PointWatcher, PresenceWatcher, Watcher,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("PAYLOAD_BYTES_MAX", headwater::PAYLOAD_BYTES_MAX)?;
        module.add("HEADERS_BYTES_MAX", headwater::HEADERS_BYTES_MAX)?;
        module.add("BATCH_RECORDS_MAX", headwater::BATCH_RECORDS_MAX)?;
        module.add("BATCH_BYTES_MAX", headwater::BATCH_BYTES_MAX)?;
        module.add("EVENTS_PER_SAVE_MAX", headwater::events::EVENTS_PER_SAVE_MAX)?;
        module.add("SUBJECT_BYTES_MAX", headwater::subject::SUBJECT_BYTES_MAX)?;
        module.add("NAME_BYTES_MAX", headwater::NAME_BYTES_MAX)
    }
}
