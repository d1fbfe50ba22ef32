//! Loading: the newest snapshot that fits, and the events behind it.
//!
//! A snapshot counts only if the log has the very event that it ends with, so one that is left of another history, such
//! as a restored backup's, is passed over. The events have to follow each other without a gap; those that are not in
//! the store are looked for in its archive.

use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::record::Batch;
use crate::stream::options::ReadOptions;

use super::archived::Filled;
use super::event::EventView;
use super::names::AggregateId;
use super::read::Events;
use super::save::Position;
use super::snapshot::Snapshot;
use super::store::EventStore;

/// What a look for a snapshot may fail with, and the load goes on without.
const CAN_DO_WITHOUT: [ErrorKind; 3] = [ErrorKind::NotFound, ErrorKind::Closed, ErrorKind::Corrupt];

/// Up to where events are loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AsOf {
    /// All that there are.
    #[default]
    Now,
    /// This version, which has to be there; 0 is before the first event.
    Version(u64),
    /// The last event at or before this sequence of the store.
    Seq(u64),
    /// The last event that was saved at or before this time, in nanoseconds since the epoch.
    Time(Nanos),
}

/// What a load is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// Up to where.
    pub as_of: AsOf,
    /// Begins with a snapshot whose data has this schema, if there is one; with the first event, when 0.
    pub snapshot_schema: u32,
    /// Begins behind this position, whose state the caller has; no snapshot is looked for then.
    pub behind: Position,
}

/// What was loaded of an aggregate.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Where it stands by the last event that was loaded; version 0 if it has none up to there.
    pub position: Position,
    /// Where the events begin, if not with the first one.
    pub snapshot: Option<Snapshot>,
    events: Events,
}

impl Loaded {
    /// Whether the aggregate had an event by then.
    pub fn exists(&self) -> bool {
        self.position.version > 0
    }

    /// How many events there are behind the snapshot.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there is no event behind the snapshot.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The events behind the snapshot, in order.
    pub fn events(&self) -> impl Iterator<Item = EventView<'_>> {
        // Each of them was read as an event when it was loaded.
        self.events.iter().filter_map(Result::ok)
    }

    /// The same, for those who keep them.
    pub fn into_events(self) -> Events {
        self.events
    }
}

impl EventStore {
    /// Loads an aggregate; one that has no events is loaded as version 0.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when a version is asked for that it has not reached, and
    /// when the event that it is to begin behind is not there. [`ErrorKind::Corrupt`]
    /// for events that are missing, and for records that are none. Those of the stream.
    pub fn load(&self, id: AggregateId<'_>, options: &LoadOptions) -> Pending<Loaded> {
        let (store, options, of) = (self.clone(), *options, self.0.of(id));
        let wanted = self.0.names.subject(id).map(|subject| (subject, id.aggregate.to_owned(), id.key.to_owned()));
        Pending::after(wanted, move |(subject, aggregate, key)| {
            let counted = store.clone();
            let loaded = Pending::of(async move {
                let id = AggregateId::new(&aggregate, &key);
                if options.snapshot_schema > 0 && options.behind.version == 0 {
                    let snapshot = match store.snapshot(id).await {
                        // It is a copy: where its bucket is gone or damaged, the events still say all.
                        Err(error) if CAN_DO_WITHOUT.contains(&error.kind()) => None,
                        found => found?,
                    };
                    if let Some(snapshot) = snapshot.filter(|snapshot| options.takes(snapshot)) {
                        let begun = store.read(&subject, snapshot.position, options.as_of).await?;
                        if let Some(loaded) = begun {
                            return store.opened(Loaded { snapshot: Some(snapshot), ..loaded }).await;
                        }
                    }
                }
                let behind = options.behind;
                let loaded = store.read(&subject, behind, options.as_of).await?;
                match loaded {
                    Some(loaded) => store.opened(loaded).await,
                    None => Err(Error::not_found(format!("version {} is not in the log", behind.version))),
                }
            });
            loaded.map(move |loaded| counted.count_load(&options, loaded)).map_err(of)
        })
    }

    /// The same with the data of its events decrypted, all that can be.
    async fn opened(&self, mut loaded: Loaded) -> Result<Loaded> {
        self.open(&mut loaded.events).await?;
        match loaded.events.first_damaged() {
            Some(error) => Err(error),
            None => Ok(loaded),
        }
    }

    fn count_load(&self, options: &LoadOptions, loaded: Loaded) -> Loaded {
        let measured = &self.0.measured;
        measured.loads.add(1);
        measured.loaded.add(loaded.len());
        if options.snapshot_schema > 0 && options.behind.version == 0 {
            let found = if loaded.snapshot.is_some() { &measured.snapshot_hits } else { &measured.snapshot_misses };
            found.add(1);
        }
        loaded
    }

    /// Whether the log, or its archive, has this very event.
    pub(super) async fn has(&self, subject: &str, position: Position) -> Result<bool> {
        let options = ReadOptions { max_records: 1, ..ReadOptions::default() };
        let batch = self.0.stream.read(&options.filter(subject).from_seq(position.seq)).await?;
        let found = batch.iter().next().and_then(|record| EventView::of(record).ok());
        if found.is_some_and(|event| event.position() == position) {
            return Ok(true);
        }
        self.has_archived(subject, position).await
    }

    /// Reads behind a position; `None` if its event is not in the log.
    async fn read(&self, subject: &str, behind: Position, as_of: AsOf) -> Result<Option<Loaded>> {
        let mut loaded = Loaded::at(behind);
        let mut from = behind.seq.max(1);
        let mut is_found = behind.version == 0;
        let until = match as_of {
            AsOf::Time(time) => Some(time.saturating_add(1)),
            _ => None,
        };
        let mut is_open = true;
        while is_open {
            let options = ReadOptions { until, ..ReadOptions::default() }.filter(subject).from_seq(from);
            let batch = self.0.stream.read(&options).await?;
            if let Some(until) = loaded.is_missing(&batch, is_found, as_of)? {
                match self.fill(subject, &mut loaded, is_found, until, as_of).await? {
                    Filled::Unknown => return Ok(None),
                    Filled::End => return Ok(Some(loaded)),
                    Filled::On => is_found = true,
                }
            }
            let Some(last) = batch.last_seq() else { break };
            let (mut skip, mut count) = (0, 0);
            for record in batch.iter() {
                let event = EventView::of(record)?;
                if !is_found {
                    if event.position() != behind {
                        return Ok(None);
                    }
                    (is_found, skip) = (true, 1);
                    continue;
                }
                let is_beyond = match as_of {
                    AsOf::Version(version) => event.version > version,
                    AsOf::Seq(seq) => event.seq() > seq,
                    AsOf::Now | AsOf::Time(_) => false,
                };
                if is_beyond && event.version == loaded.position.version + 1 {
                    is_open = false;
                    break;
                }
                loaded.follow(event.position())?;
                count += 1;
            }
            loaded.events.push(batch, skip, count);
            from = last + 1;
        }
        match as_of {
            AsOf::Version(version) if loaded.position.version < version => {
                let last = loaded.position.version;
                Err(Error::not_found(format!("version {version} is not there yet, the last one is {last}")))
            }
            _ => Ok(is_found.then_some(loaded)),
        }
    }
}

impl Loaded {
    /// Nothing behind a position.
    pub(super) fn at(position: Position) -> Self {
        Loaded { position, ..Loaded::default() }
    }

    /// Takes the next event.
    pub(super) fn follow(&mut self, next: Position) -> Result<()> {
        let last = self.position.version;
        if next.version <= last {
            return Err(Error::corrupt(format!("record {} has version {} behind {last}", next.seq, next.version)));
        }
        if next.version != last + 1 {
            let missing = format!("events {} to {} are not in the log", last + 1, next.version - 1);
            return Err(Error::corrupt(format!("{missing}, nor in its archive, and no snapshot that fits has them")));
        }
        self.position = next;
        Ok(())
    }

    pub(super) fn push(&mut self, batch: Batch, skip: usize, len: usize) {
        self.events.push(batch, skip, len);
    }

    /// The version up to which the archive may have what is missing before a batch of the store; none where nothing is.
    fn is_missing(&self, batch: &Batch, is_found: bool, as_of: AsOf) -> Result<Option<u64>> {
        let at = self.position;
        Ok(match batch.get(0).map(EventView::of).transpose()?.map(|event| event.position()) {
            // A read up to a time does not see what lies behind it, such as the first event that was not archived.
            None => (!is_found || matches!(as_of, AsOf::Time(_))).then_some(u64::MAX),
            Some(first) if is_found => (first.version > at.version + 1).then_some(first.version),
            Some(first) => (first.version > at.version).then_some(first.version),
        })
    }
}

impl LoadOptions {
    /// Whether a load may begin with this snapshot. It was saved after its last event was.
    fn takes(&self, snapshot: &Snapshot) -> bool {
        let is_before = match self.as_of {
            AsOf::Now => true,
            AsOf::Version(version) => snapshot.position.version <= version,
            AsOf::Seq(seq) => snapshot.position.seq <= seq,
            AsOf::Time(time) => snapshot.saved <= time,
        };
        is_before && snapshot.schema == self.snapshot_schema
    }
}
