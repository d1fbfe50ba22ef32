//! Typed aggregates over a store: load, decide, save, and again if somebody else was faster.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::Pending;

use super::aggregate::{Aggregate, DomainEvent, Root};
use super::cache::{Cache, Cached};
use super::event::NewEvent;
use super::load::{AsOf, LoadOptions, Loaded};
use super::names::AggregateId;
use super::reading::Readings;
use super::save::{Expected, SaveOptions, Saved};
use super::snapshot::NewSnapshot;
use super::store::EventStore;
use super::upcast::Upcasters;

/// How often [`Repository::transact`] decides, at the most, when others save meanwhile.
pub const CONFLICT_TRIES: usize = 16;

/// How a repository works.
#[derive(Debug, Clone)]
pub struct RepositoryOptions {
    /// Keeps a snapshot every so many events, or when [`Aggregate::is_snapshot_due`] says so; never, when 0.
    pub snapshot_every: u64,
    /// How long a snapshot stays; for ever, when zero.
    pub snapshot_ttl: Duration,
    /// The most states that are kept in memory; none, when 0. One that has data of a data subject is not. A state of
    /// memory is never trusted: the log is asked whether there is more.
    pub cache: usize,
}

impl Default for RepositoryOptions {
    fn default() -> Self {
        RepositoryOptions { snapshot_every: 100, snapshot_ttl: Duration::ZERO, cache: 1_000 }
    }
}

/// The aggregates of one type in a store. Cheap to clone: clones share it.
#[derive(Clone)]
pub struct Repository<A: Aggregate>(Arc<Inner<A>>);

struct Inner<A: Aggregate> {
    store: EventStore,
    options: RepositoryOptions,
    upcasters: Upcasters,
    cache: Mutex<Cache<A>>,
    /// Loads at once of an aggregate that is not in the cache share one read.
    readings: Readings<Cached<A>>,
}

/// What a transaction came to.
pub struct Transacted<A: Aggregate, T> {
    /// The aggregate as it is now.
    pub root: Root<A>,
    /// What the decision answered; none where the command was carried out before the call, and nothing was decided.
    pub decided: Option<T>,
    /// Whether the events of the command were there already, and nothing was saved now.
    pub is_repeat: bool,
}

impl<A: Aggregate, T> std::fmt::Debug for Transacted<A, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (key, position) = (&self.root.key, self.root.position);
        let fields = &mut f.debug_struct("Transacted");
        fields
            .field("key", key)
            .field("position", &position)
            .field("is_repeat", &self.is_repeat)
            .finish_non_exhaustive()
    }
}

impl<A: Aggregate> Repository<A> {
    /// The aggregates of a store, without upcasters.
    pub fn new(store: &EventStore, options: RepositoryOptions) -> Self {
        Repository::with_upcasters(store, options, Upcasters::default())
    }

    /// The aggregates of a store, whose old events go through upcasters.
    pub fn with_upcasters(store: &EventStore, options: RepositoryOptions, upcasters: Upcasters) -> Self {
        let cache = Mutex::new(Cache::new(options.cache));
        Repository(Arc::new(Inner { store: store.clone(), options, upcasters, cache, readings: Readings::default() }))
    }

    /// An aggregate that has no event yet; a save of it is refused if it has.
    pub fn start(&self, key: &str) -> Root<A> {
        Root::new(key)
    }

    /// Loads an aggregate, if it has an event.
    ///
    /// # Errors
    /// As [`EventStore::load`], and those of upcasters and of decoding.
    pub fn load(&self, key: &str) -> Pending<Option<Root<A>>> {
        self.get_or_create(key).map(|root| root.exists().then_some(root))
    }

    /// Loads an aggregate, or starts it.
    ///
    /// # Errors
    /// As [`Repository::load`].
    pub fn get_or_create(&self, key: &str) -> Pending<Root<A>> {
        Arc::clone(&self.0).load(key.to_owned())
    }

    /// Loads an aggregate as it was, if it had an event by then. Nothing of it is kept in memory. A save of it is
    /// refused where there is more by now.
    ///
    /// # Errors
    /// As [`Repository::load`]; [`ErrorKind::NotFound`] for a version that it has not reached.
    pub fn load_as_of(&self, key: &str, as_of: AsOf) -> Pending<Option<Root<A>>> {
        let (inner, key) = (Arc::clone(&self.0), key.to_owned());
        Pending::of(async move { inner.read_as_of(&key, as_of).await.map(|root| root.exists().then_some(root)) })
    }

    /// Saves the events that were raised, and keeps a snapshot if one is due. An aggregate that is not to be saved, or
    /// could not be, is dropped and loaded again: no one else sees what was raised on it.
    ///
    /// # Errors
    /// As [`EventStore::save`], with the position of the load as what is expected; those of encoding. That a snapshot
    /// could not be kept is logged, and no error: the events are saved.
    pub fn save(&self, root: Root<A>, options: &SaveOptions<'_>) -> Pending<Root<A>> {
        self.save_raised(root, options).map(|(root, _)| root)
    }

    /// As [`Repository::save`], with whether it was a repeat.
    fn save_raised(&self, root: Root<A>, options: &SaveOptions<'_>) -> Pending<(Root<A>, bool)> {
        if root.raised.is_empty() {
            return Pending::ready(Ok((root, false)));
        }
        let encoded: Result<Vec<Vec<u8>>> = root.raised.iter().map(DomainEvent::encode).collect();
        let encoded = match encoded {
            Ok(encoded) => encoded,
            Err(error) => return Pending::ready(Err(error)),
        };
        let events: Vec<NewEvent<'_>> = root
            .raised
            .iter()
            .zip(&encoded)
            .map(|(event, data)| NewEvent {
                schema: event.schema(),
                data_subject: event.data_subject(),
                ..NewEvent::new(event.event_type(), data)
            })
            .collect();
        let id = AggregateId::new(A::NAME, &root.key);
        let saving = self.0.store.save(id, Expected::At(root.position), &events, options);
        let inner = Arc::clone(&self.0);
        saving.and_then(move |saved| inner.saved(root, saved).map(move |root| (root, saved.is_repeat)))
    }

    /// Loads an aggregate, lets `decide` raise events on it, and saves them; again from the load, up to 16 times in
    /// all, when somebody else saved meanwhile; once, with a condition. All tries are one command, so one whose answer
    /// was lost is not done twice.
    ///
    /// With the id of a command, the aggregate's last 1,000 events are searched for those of the command before
    /// anything is decided: if they are there, it is a repeat, and `decide` is not called.
    ///
    /// # Errors
    /// What `decide` answers, and nothing is saved then; [`ErrorKind::Conflict`] after the last time; as
    /// [`Repository::save`].
    pub fn transact<T: Send + 'static>(
        &self,
        key: &str,
        options: &SaveOptions<'_>,
        mut decide: impl FnMut(&mut Root<A>) -> Result<T> + Send + 'static,
    ) -> Pending<Transacted<A, T>> {
        let (repository, key) = (self.clone(), key.to_owned());
        let is_named = !options.command.is_empty();
        let command = match options.command {
            "" => format!("{:016x}", self.0.store.0.engine.clock().random()),
            command => command.to_owned(),
        };
        let (correlation, causation) = (options.correlation.to_owned(), options.causation.to_owned());
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let metadata: Vec<(String, String)> = options.metadata.iter().map(owned).collect();
        let condition = options.condition.clone();
        Pending::of(async move {
            let mut tries = CONFLICT_TRIES;
            loop {
                let mut root = repository.get_or_create(&key).await?;
                let id = AggregateId::new(A::NAME, &key);
                // What is saved behind the load is not missed: the save is refused then.
                if is_named
                    && root.exists()
                    && let Some(done) = repository.0.store.find_command(id, &command).await?
                {
                    if done.position.version > root.position.version {
                        root = repository.get_or_create(&key).await?;
                    }
                    return Ok(Transacted { root, decided: None, is_repeat: true });
                }
                let decided = decide(&mut root)?;
                let metadata: Vec<(&str, &str)> = metadata.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                let options = SaveOptions {
                    command: &command,
                    correlation: &correlation,
                    causation: &causation,
                    metadata: &metadata,
                    condition: condition.clone(),
                };
                tries -= 1;
                match repository.save_raised(root, &options).await {
                    Err(error) if error.kind() == ErrorKind::Conflict && tries > 0 && condition.is_none() => {}
                    Err(error) => return Err(error),
                    Ok((root, is_repeat)) => return Ok(Transacted { root, decided: Some(decided), is_repeat }),
                }
            }
        })
    }
}

impl<A: Aggregate> Inner<A> {
    fn load(self: Arc<Self>, key: String) -> Pending<Root<A>> {
        let cached = lock(&self.cache).get(&key);
        match cached {
            Some(cached) => self.look(key, cached),
            None => Pending::of(async move { self.share(key).await }),
        }
    }

    /// Loads what is not in memory, together with all who want it now.
    async fn share(self: Arc<Self>, key: String) -> Result<Root<A>> {
        if self.options.cache == 0 {
            return self.read(&key).await;
        }
        let (reading, is_begun) = self.readings.join(&key, || {
            let (inner, key) = (Arc::clone(&self), key.clone());
            async move {
                let read = inner.read(&key).await;
                inner.readings.end(&key);
                read.map(Cached::of)
            }
        });
        let read = reading.await?;
        // One that was under way may not have what this caller knows to be saved.
        if is_begun { Ok(read.root(key)) } else { self.look(key, read).await }
    }

    /// Looks whether the log has more than a state of memory, which a local stream says at once, and takes that in.
    fn look(self: Arc<Self>, key: String, cached: Cached<A>) -> Pending<Root<A>> {
        self.store.last_seq(AggregateId::new(A::NAME, &key)).and_then(move |last_seq| {
            if last_seq == cached.position.seq {
                return Pending::ready(Ok(cached.root(key)));
            }
            Pending::of(async move { self.catch_up(key, cached).await })
        })
    }

    /// Takes in what the log has behind a state of memory.
    async fn catch_up(&self, key: String, cached: Cached<A>) -> Result<Root<A>> {
        let id = AggregateId::new(A::NAME, &key);
        let options = LoadOptions { behind: cached.position, ..LoadOptions::default() };
        match self.store.load(id, &options).await {
            // The log is not the one that it was.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                lock(&self.cache).remove(&key);
                self.read(&key).await
            }
            loaded => {
                let root = self.fold(cached.root(key), &loaded?)?;
                self.keep(&root);
                Ok(root)
            }
        }
    }

    /// Reads an aggregate from its snapshot or its first event on.
    async fn read(&self, key: &str) -> Result<Root<A>> {
        let root = self.read_as_of(key, AsOf::Now).await?;
        self.keep(&root);
        Ok(root)
    }

    /// The same up to a place, whatever is kept in memory.
    async fn read_as_of(&self, key: &str, as_of: AsOf) -> Result<Root<A>> {
        let id = AggregateId::new(A::NAME, key);
        let snapshot_schema = if self.options.snapshot_every > 0 { A::SNAPSHOT_SCHEMA } else { 0 };
        let options = LoadOptions { as_of, ..LoadOptions::default() };
        let loaded = self.store.load(id, &LoadOptions { snapshot_schema, ..options }).await?;
        let Some(snapshot) = &loaded.snapshot else { return self.fold(Root::new(key), &loaded) };
        match A::decode_snapshot(&snapshot.data) {
            Some(state) => {
                let snapshot_version = snapshot.position.version;
                let data_subjects = snapshot.data_subjects.iter().cloned().collect();
                self.fold(Root { state, snapshot_version, data_subjects, ..Root::new(key) }, &loaded)
            }
            None => self.fold(Root::new(key), &self.store.load(id, &options).await?),
        }
    }

    /// Takes in what was loaded.
    fn fold(&self, mut root: Root<A>, loaded: &Loaded) -> Result<Root<A>> {
        for event in loaded.events() {
            if event.is_erased {
                root.state.apply_erased(event.event_type);
                continue;
            }
            let of_event = |error: Error| {
                let place = format!("event {} of {} '{}'", event.version, A::NAME, root.key.escape_debug());
                error.context(format!("{place}, '{}' of schema {}", event.event_type, event.schema))
            };
            let decoded = if self.upcasters.is_empty() {
                A::Event::decode(event.event_type, event.schema, event.data())
            } else {
                let newest = self.upcasters.upcast(event.event_type, event.schema, event.data());
                newest.and_then(|event| A::Event::decode(&event.event_type, event.schema, &event.data))
            };
            root.state.apply(&decoded.map_err(of_event)?);
            root.has_data_of(event.data_subject);
        }
        root.position = loaded.position;
        Ok(root)
    }

    /// Keeps a state in memory, unless it has data that can be forgotten.
    fn keep(&self, root: &Root<A>) {
        if self.options.cache > 0 && root.exists() && root.data_subjects.is_empty() {
            let (state, position, snapshot_version) = (root.state.clone(), root.position, root.snapshot_version);
            let cached = Cached { state, position, snapshot_version, data_subjects: BTreeSet::new() };
            lock(&self.cache).put(&root.key, cached);
        }
    }

    /// What follows when events are saved.
    fn saved(self: Arc<Self>, mut root: Root<A>, saved: Saved) -> Pending<Root<A>> {
        root.raised.clear();
        if saved.is_repeat {
            // What was decided now is not what was saved then: the log says what is.
            lock(&self.cache).remove(&root.key);
            return self.load(root.key);
        }
        root.position = saved.position;
        let every = self.options.snapshot_every;
        let behind = root.position.version.saturating_sub(root.snapshot_version);
        let is_due = every > 0 && root.state.is_snapshot_due(behind, every);
        let kept = match if is_due { root.state.encode_snapshot() } else { Ok(None) } {
            Ok(None) => {
                self.keep(&root);
                return Pending::ready(Ok(root));
            }
            Ok(Some(data)) => {
                let (schema, ttl) = (A::SNAPSHOT_SCHEMA, self.options.snapshot_ttl);
                let data_subjects: Vec<&str> = root.data_subjects.iter().map(String::as_str).collect();
                let data_subjects = data_subjects.as_slice();
                let new = NewSnapshot { position: root.position, schema, data: &data, ttl, data_subjects };
                self.store.save_snapshot(AggregateId::new(A::NAME, &root.key), &new)
            }
            Err(error) => Pending::ready(Err(error)),
        };
        Pending::of(async move {
            match kept.await {
                Ok(_) => root.snapshot_version = root.position.version,
                Err(error) => {
                    let place = format!("{} '{}' got no snapshot", A::NAME, root.key.escape_debug());
                    self.store.0.engine.log("warn", error.context(place).to_string());
                }
            }
            self.keep(&root);
            Ok(root)
        })
    }
}

impl<A: Aggregate> Cached<A> {
    fn of(root: Root<A>) -> Self {
        let Root { state, position, snapshot_version, data_subjects, .. } = root;
        Cached { state, position, snapshot_version, data_subjects }
    }

    fn root(self, key: String) -> Root<A> {
        let Cached { state, position, snapshot_version, data_subjects } = self;
        Root { state, position, snapshot_version, data_subjects, ..Root::new(key) }
    }
}
