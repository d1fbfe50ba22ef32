//! A store of events: one stream, and one bucket of snapshots.

use std::sync::{Arc, Mutex, OnceLock};

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::record::Durability;
use crate::stream::Stream;
use crate::stream::bucket::{Bucket, BucketConfig};
use crate::stream::config::{Discard, StreamConfig};

use super::measured::Measured;
use super::names::{AggregateId, Names, of_stream};

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
/// use headwater::events::{AggregateId, EventsConfig, Expected, LoadOptions, NewEvent, SaveOptions};
/// # fn main() -> headwater::Result<()> {
/// let engine = Engine::memory()?;
/// let store = engine.create_event_store(EventsConfig::default()).wait()?;
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
    /// That of the keys of data subjects, once it was seen.
    pub(super) keys: OnceLock<Bucket>,
    pub(super) names: Names,
    pub(super) measured: Arc<Measured>,
    /// Held from the look to the append by those who take any version, where a local stream says at once how it
    /// stands: whoever lost to another one each time would lose in the end. An append wakes its readers, and one that
    /// saves there and then does without.
    pub(super) any: Mutex<()>,
}

impl Engine {
    /// Opens an event store, and makes its stream and its bucket of snapshots if they are not there; another
    /// configuration than the stream has is a conflict.
    pub fn create_event_store(&self, config: EventsConfig) -> Pending<EventStore> {
        let engine = self.clone();
        Pending::after(Names::new(&config.name), move |names| {
            let stream = engine.create_stream(StreamConfig {
                durability: config.durability,
                max_bytes: config.max_bytes,
                discard: Discard::New,
                ..StreamConfig::new(names.stream(), [names.all()])
            });
            let bucket = BucketConfig { durability: config.durability, ..BucketConfig::new(names.stream()) };
            let made = Pending::of(async move {
                let stream = stream.await?;
                let snapshots = engine.create_bucket(bucket).await?;
                Ok(EventStore::over(engine, stream, snapshots, names))
            });
            made.map_err(move |e| e.context(format!("event store '{}'", config.name)))
        })
    }

    /// The event store of this name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is none.
    pub fn event_store(&self, name: &str) -> Pending<EventStore> {
        let engine = self.clone();
        Pending::after(Names::new(name), move |names| {
            let missing = missing(&names.store);
            let opened = Pending::of(async move {
                let stream = engine.stream(&names.stream()).await?;
                let snapshots = engine.bucket(&names.stream()).await?;
                Ok(EventStore::over(engine, stream, snapshots, names))
            });
            opened.map_err(missing)
        })
    }

    /// All event stores, by name.
    pub fn event_stores(&self) -> Pending<Vec<String>> {
        let stores = |names: Vec<String>| names.iter().filter_map(|name| of_stream(name).map(str::to_owned)).collect();
        self.stream_names().map(stores)
    }

    /// Removes an event store with everything in it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is none of this name.
    pub fn delete_event_store(&self, name: &str) -> Pending<()> {
        let engine = self.clone();
        Pending::after(Names::new(name), move |names| {
            let missing = missing(&names.store);
            Pending::of(async move {
                engine.delete_stream(&names.stream()).await.map_err(missing)?;
                let rest = [
                    engine.delete_bucket(&names.keys()),
                    engine.delete_bucket(&names.stream()),
                    engine.delete_stream(&names.letter_stream()),
                    engine.delete_stream(&names.archive_stream()),
                ];
                for gone in rest {
                    if_there(gone.await)?;
                }
                Ok(())
            })
        })
    }
}

impl EventStore {
    fn over(engine: Engine, stream: Stream, snapshots: Bucket, names: Names) -> Self {
        let measured = Measured::of(&engine, &names.store);
        let (keys, any) = (OnceLock::new(), Mutex::default());
        EventStore(Arc::new(Inner { engine, stream, snapshots, keys, names, measured, any }))
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
}

/// What was looked for, or nothing where it is not there.
pub(super) fn if_there<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

fn missing(name: &str) -> impl Fn(Error) -> Error + Send + 'static {
    let name = name.to_owned();
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
