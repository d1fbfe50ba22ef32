//! What JavaScript holds by number: one table for each type and thread, each entry with the hub that it answers to.
//!
//! A number is given out when a handle is made and taken back when the JavaScript object that wraps it is collected.

use std::cell::RefCell;
use std::rc::Rc;

use headwater::crdt::{CrdtStore, CrdtWatcher};
use headwater::entities::Entities;
use headwater::events::{EventFeed, EventStore, Projection};
use headwater::points::{PointWatcher, Points};
use headwater::presence::{HeldSession, Presence, PresenceWatcher};
use headwater::replica::{ChangeWatcher, Database};
use headwater::{
    Bucket, Consumer, Engine, HubWatcher, ManualClock, ObjectStore, ObjectWatcher, Stream, Subscription, Watcher,
};
use napi_derive::napi;

use crate::connection::Session;
use crate::crdt_replica::Shared;
use crate::entities_client::Client;
use crate::error::{Result, released};
use crate::hub::Hub;
use crate::object_io::{Reading, Writing};
use crate::slab::Slab;

/// The handles of one type that live on this thread, each with the hub that it answers to.
pub(crate) type Table<T> = RefCell<Slab<(T, Rc<Hub>)>>;

/// What JavaScript may hold by number.
pub(crate) trait Held: Sized + 'static {
    /// For error messages.
    const NAME: &'static str;

    fn table<R>(run: impl FnOnce(&Table<Self>) -> R) -> R;

    /// Calls `run` with the value behind `number`.
    fn with<R>(number: u32, run: impl FnOnce(&Self, &Rc<Hub>) -> Result<R>) -> Result<R> {
        Self::table(|table| match table.borrow().get(number) {
            Some((value, hub)) => run(value, hub),
            None => Err(released(Self::NAME)),
        })
    }

    /// Gives the value a number.
    fn hold(self, hub: &Rc<Hub>) -> u32 {
        Self::table(|table| table.borrow_mut().insert(|_| (self, hub.clone())))
    }

    /// Drops the value behind `number`.
    fn release(number: u32) {
        // Taken out first: dropping the last handle of an engine closes it, which is not to happen under the borrow.
        let taken = Self::table(|table| table.borrow_mut().remove(number));
        drop(taken);
    }
}

macro_rules! held {
    ($($type:ty, $table:ident, $name:literal, $release:ident;)*) => {
        thread_local! {
            $(static $table: Table<$type> = const { RefCell::new(Slab::new()) };)*
        }
        $(
            impl Held for $type {
                const NAME: &'static str = $name;

                fn table<R>(run: impl FnOnce(&Table<Self>) -> R) -> R {
                    $table.with(run)
                }
            }

            /// Takes back a number whose JavaScript object is gone.
            #[napi(catch_unwind)]
            pub fn $release(number: u32) {
                <$type as Held>::release(number);
            }
        )*

        /// Drops everything that this thread holds, children before the engines that they stand on.
        pub(crate) fn release_all() {
            $(drop($table.with(|table| table.replace(Slab::new())));)*
        }
    };
}

held! {
    Subscription, SUBSCRIPTIONS, "subscription", release_subscription;
    ChangeWatcher, CHANGE_WATCHERS, "watcher", release_change_watcher;
    CrdtWatcher, CRDT_WATCHERS, "watcher", release_crdt_watcher;
    EventFeed, EVENT_FEEDS, "feed", release_event_feed;
    Projection, PROJECTIONS, "projection", release_projection;
    PointWatcher, POINT_WATCHERS, "watcher", release_point_watcher;
    PresenceWatcher, PRESENCE_WATCHERS, "watcher", release_presence_watcher;
    HeldSession, HELD_SESSIONS, "session", release_held_session;
    Presence, PRESENCES, "presence store", release_presence;
    Watcher, WATCHERS, "watcher", release_watcher;
    HubWatcher, HUB_WATCHERS, "watcher", release_hub_watcher;
    ObjectWatcher, OBJECT_WATCHERS, "watcher", release_object_watcher;
    Reading, OBJECT_READERS, "object reader", release_object_reader;
    Writing, OBJECT_WRITERS, "object writer", release_object_writer;
    ObjectStore, OBJECT_STORES, "object store", release_object_store;
    Consumer, CONSUMERS, "consumer", release_consumer;
    CrdtStore, CRDT_STORES, "store", release_crdt_store;
    Shared, REPLICAS, "replica", release_replica;
    Session, SESSIONS, "connection", release_connection;
    Database, DATABASES, "database", release_database;
    Entities, ENTITIES, "entities", release_entities;
    Client, ENTITIES_CLIENTS, "entities client", release_entities_client;
    EventStore, EVENT_STORES, "event store", release_event_store;
    Points, POINTS, "point store", release_points;
    Bucket, BUCKETS, "bucket", release_bucket;
    Stream, STREAMS, "stream", release_stream;
    Engine, ENGINES, "engine", release_engine;
    ManualClock, CLOCKS, "clock", release_clock;
}
