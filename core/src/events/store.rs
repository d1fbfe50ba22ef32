//! A store of events: one stream, and one bucket of snapshots.

use std::sync::Arc;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::record::Durability;
use crate::stream::Stream;
use crate::stream::bucket::{Bucket, BucketConfig};
use crate::stream::config::StreamConfig;

use super::names::{AggregateId, Names};

/// What an event store is made with. Events have no limit of age or number: history that goes by itself would make
/// aggregates unloadable.
#[derive(Debug, Clone)]
pub struct EventsConfig {
    /// Its name, letters, digits, `-` and `_`, 64 bytes at the most; the stream is `EVENTS_<name>`.
    pub name: String,
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// The most bytes of events, after which saving is refused; 0 is no limit.
    pub max_bytes: u64,
}

impl EventsConfig {
    /// The name of a store, where none is given.
    pub const NAME: &'static str = "events";
}

impl Default for EventsConfig {
    fn default() -> Self {
        EventsConfig { name: EventsConfig::NAME.to_owned(), durability: Durability::default(), max_bytes: 0 }
    }
}

/// Aggregates and their events, over one stream. Cheap to clone: clones share it.
///
/// ```
/// use headwater::Engine;
/// use headwater::events::{AggregateId, EventStore, EventsConfig, Expected, LoadOptions, NewEvent, SaveOptions};
/// # fn main() -> headwater::Result<()> {
/// let engine = Engine::memory()?;
/// let store = EventStore::create(&engine, EventsConfig::default())?;
/// let account = AggregateId::new("account", "acc-1");
/// let opened = [NewEvent::new("Opened", b"{}"), NewEvent::new("Deposited", br#"{"amount":5}"#)];
/// let saved = store.save(account, Expected::None, &opened, &SaveOptions::default()).wait()?;
/// assert_eq!(saved.position.version, 2);
/// let again = store.save(account, Expected::None, &opened, &SaveOptions::default()).wait();
/// assert_eq!(again.unwrap_err().kind(), headwater::ErrorKind::Conflict);
/// for event in store.load(account, &LoadOptions::default()).wait()?.events() {
///     println!("{} {} {}", event.version, event.event_type, String::from_utf8_lossy(event.data()));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct EventStore(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) engine: Engine,
    pub(super) stream: Stream,
    pub(super) snapshots: Bucket,
    pub(super) names: Names,
}

impl EventStore {
    /// Opens it, and makes its stream and its bucket of snapshots if they are not there; another configuration than
    /// the stream has is a conflict.
    pub fn create(engine: &Engine, config: EventsConfig) -> Result<EventStore> {
        let names = Names::new(&config.name)?;
        let stream = engine.create_stream(StreamConfig {
            durability: config.durability,
            max_bytes: config.max_bytes,
            discard: crate::stream::config::Discard::New,
            ..StreamConfig::new(names.stream(), [names.all()])
        });
        let of_store = |e: Error| e.context(format!("event store '{}'", config.name));
        let stream = stream.wait().map_err(of_store)?;
        let bucket = BucketConfig { durability: config.durability, ..BucketConfig::new(names.stream()) };
        let snapshots = engine.create_bucket(bucket).wait().map_err(of_store)?;
        Ok(EventStore(Arc::new(Inner { engine: engine.clone(), stream, snapshots, names })))
    }

    /// Opens one that is there.
    pub fn open(engine: &Engine, name: &str) -> Result<EventStore> {
        let names = Names::new(name)?;
        let stream = engine.stream(&names.stream()).wait().map_err(missing(name))?;
        let snapshots = engine.bucket(&names.stream()).wait().map_err(missing(name))?;
        Ok(EventStore(Arc::new(Inner { engine: engine.clone(), stream, snapshots, names })))
    }

    /// Removes a store with everything in it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is none of this name.
    pub fn delete(engine: &Engine, name: &str) -> Result<()> {
        let names = Names::new(name)?;
        engine.delete_stream(&names.stream()).wait().map_err(missing(name))?;
        match engine.delete_bucket(&names.stream()).wait() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.names.store
    }

    /// The stream below.
    pub fn stream(&self) -> &Stream {
        &self.0.stream
    }

    /// The last sequence among the events of an aggregate; 0 when it has none. On a local stream it costs no read.
    pub fn last_seq(&self, id: AggregateId<'_>) -> Pending<u64> {
        Pending::after(self.0.names.subject(id), |subject| self.0.stream.last_seq(&subject))
    }

    /// Kind and key of the aggregate whose events have this subject.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if no aggregate has it.
    pub fn aggregate_of(&self, subject: &str) -> Result<(String, String)> {
        self.0.names.parse(subject)
    }
}

fn missing(name: &str) -> impl Fn(Error) -> Error {
    move |error| match error.kind() {
        ErrorKind::NotFound => Error::not_found(format!("there is no event store '{name}'")),
        _ => error,
    }
}

impl Inner {
    pub(super) fn of(&self, id: AggregateId<'_>) -> impl Fn(Error) -> Error + Send + 'static {
        let place = format!("{id} of event store '{}'", self.names.store);
        move |error| error.context(&place)
    }
}
