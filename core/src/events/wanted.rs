//! A save on its way: what it appends, and what it does when it is refused.

use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock_soon;
use crate::pending::Pending;
use crate::record::{Ack, Append, Batch, Durability};
use crate::stream::options::ReadOptions;

use super::event::{EventView, HEADER_CAUSATION, HEADER_COMMAND, HEADER_CORRELATION, NewEvent, check_metadata};
use super::keys::Keys;
use super::names::{AggregateId, check, id_of};
use super::opened::About;
use super::save::{EVENTS_PER_SAVE_MAX, Expected, Position, SaveOptions, Saved};
use super::store::EventStore;

/// How many of an aggregate's last events are searched for those of a command that was saved before.
const EVENTS_SEARCHED: usize = EVENTS_PER_SAVE_MAX;
/// How often a save that takes any version reads the version anew, because others saved meanwhile.
const TRIES: usize = 64;

/// What every event of one save says of where it comes from.
pub(super) struct Tags {
    ours: [(&'static str, String); 3],
    metadata: Vec<(String, String)>,
}

impl Tags {
    fn of(options: &SaveOptions<'_>) -> Result<Self> {
        let tag = |name: &'static str, value: &str| match value {
            "" => Ok((name, String::new())),
            value => check(name, value).map(|()| (name, value.to_owned())),
        };
        check_metadata("a save", options.metadata)?;
        Ok(Tags {
            ours: [
                tag(HEADER_COMMAND, options.command)?,
                tag(HEADER_CORRELATION, options.correlation)?,
                tag(HEADER_CAUSATION, options.causation)?,
            ],
            metadata: options.metadata.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
        })
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ours.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (*name, value.as_str()))
    }

    /// Further names and values.
    pub(super) fn metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        self.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn command(&self) -> &str {
        &self.ours[0].1
    }
}

/// A save, but for its events.
pub(super) struct Wanted {
    store: EventStore,
    subject: String,
    expected: Expected,
    tags: Tags,
    /// The subjects that a condition speaks of, and the last sequence there.
    pub(super) condition: Option<(String, u64)>,
    /// The keys of all data subjects of its events.
    pub(super) keys: Keys,
}

impl Wanted {
    pub(super) fn new(
        store: &EventStore,
        id: AggregateId<'_>,
        expected: Expected,
        events: &[NewEvent<'_>],
        options: &SaveOptions<'_>,
    ) -> Result<Self> {
        let names = &store.0.names;
        let subject = names.subject(id)?;
        if events.is_empty() || events.len() > EVENTS_PER_SAVE_MAX {
            let message = format!("{} events of {id}: a save takes 1 to {EVENTS_PER_SAVE_MAX}", events.len());
            return Err(Error::invalid(message));
        }
        events.iter().try_for_each(NewEvent::check)?;
        if let Some(condition) = &options.condition
            && !condition.filter.takes(id)
        {
            return Err(Error::invalid(format!(
                "the condition of a save of {id} has to take that aggregate too: widen it, to all of its kind or to all"
            )));
        }
        let condition = options.condition.as_ref();
        let condition = condition.map(|c| Ok::<_, Error>((names.filter(&c.filter)?, c.last_seq))).transpose()?;
        Ok(Wanted { store: store.clone(), subject, expected, tags: Tags::of(options)?, condition, keys: Keys::new() })
    }

    /// Appends the events behind a position, on the condition that the aggregate, or all that the condition speaks of,
    /// stands there.
    pub(super) fn append(&self, at: Position, events: &[NewEvent<'_>]) -> Pending<Saved> {
        let schema = |event: &NewEvent<'_>| if event.schema == 1 { String::new() } else { event.schema.to_string() };
        let numbers: Vec<(String, String)> =
            (at.version + 1..).zip(events).map(|(version, event)| (version.to_string(), schema(event))).collect();
        let sealed = match self.seal(at.version + 1, events) {
            Ok(sealed) => sealed,
            Err(error) => return Pending::ready(Err(error)),
        };
        let records = events.iter().zip(&numbers).enumerate();
        let mut appends: Vec<Append<'_>> = records
            .map(|(index, (event, numbers))| {
                let data = sealed.get(index).and_then(Option::as_deref).unwrap_or(event.data);
                event.append(&self.subject, numbers, &self.tags, data)
            })
            .collect();
        if let Some(first) = appends.first_mut() {
            (first.expect_filter, first.expect_subject_last_seq) = match &self.condition {
                Some((filter, last_seq)) => (Some(filter.as_str()), Some(*last_seq)),
                None => (None, Some(at.seq)),
            };
        }
        let version = at.version + events.len() as u64;
        let appended = match appends.as_slice() {
            [one] => self.store.0.stream.append(one),
            many => self.store.0.stream.append_batch(many),
        };
        let saved = move |ack: Ack| Saved {
            position: Position { version, seq: ack.seq },
            is_repeat: false,
            durability: ack.durability,
        };
        let (store, count) = (&self.store, events.len());
        match appended.into_ready() {
            // The common way on a local stream takes no further handle of the store.
            Ok(appended) => Pending::ready(appended.map(|ack| {
                store.count_save(count);
                saved(ack)
            })),
            Err(appended) => {
                let store = store.clone();
                appended.map(move |ack| {
                    store.count_save(count);
                    saved(ack)
                })
            }
        }
    }

    /// The payloads of events with data subjects, of which the first has this version; nothing where none has one.
    fn seal(&self, version: u64, events: &[NewEvent<'_>]) -> Result<Vec<Option<Vec<u8>>>> {
        if self.keys.is_empty() {
            return Ok(Vec::new());
        }
        let seal = |(version, event): (u64, &NewEvent<'_>)| {
            let Some(data_subject) = event.data_subject else { return Ok(None) };
            let missing = || Error::new(ErrorKind::Internal, format!("there is no key of '{data_subject}'"));
            let (subject, event_type) = (self.subject.as_str(), event.event_type);
            let about = About { subject, event_type, schema: event.schema, version, data_subject };
            let key = self.keys.get(data_subject).ok_or_else(missing)?;
            key.seal(&about.to_bytes(), event.data).map(Some)
        };
        (version..).zip(events).map(seal).collect()
    }

    /// As [`Wanted::append`], with what follows when that is refused.
    pub(super) async fn save_at(self, at: Position, events: Vec<OwnedEvent>) -> Result<Saved> {
        let events: Vec<NewEvent<'_>> = events.iter().map(OwnedEvent::view).collect();
        match self.append(at, &events).await {
            Err(error) => self.refused(error).await,
            saved => saved,
        }
    }

    /// Reads where the aggregate stands, and appends there if that is as expected.
    ///
    /// Nobody can save between the look and the append unseen: a condition on other aggregates takes this one too, and
    /// what is saved after the look lies behind all that the condition knows.
    pub(super) async fn look_and_save(self, at: Option<Position>, events: Vec<OwnedEvent>) -> Result<Saved> {
        let events: Vec<NewEvent<'_>> = events.iter().map(OwnedEvent::view).collect();
        let takes_any = self.expected.version().is_none();
        if takes_any && let Some(saved) = self.repeat().await? {
            return Ok(saved);
        }
        let mut tries = if takes_any { TRIES } else { 1 };
        loop {
            let looked = {
                let _alone = takes_any.then(|| lock_soon(&self.store.0.any));
                self.position().into_ready().map(|found| found.map(|found| (found, self.append_at(at, found, &events))))
            };
            let (found, appended) = match looked {
                Ok(looked) => looked?,
                Err(looking) => {
                    let found = looking.await?;
                    (found, self.append_at(at, found, &events))
                }
            };
            let Some(appended) = appended else {
                return self.repeat().await?.map_or_else(|| Err(self.conflict(found)), Ok);
            };
            tries -= 1;
            match appended.await {
                Err(error) if error.kind() == ErrorKind::Conflict && tries > 0 && self.condition.is_none() => {
                    self.see_others().await?;
                }
                Err(error) => return self.refused(error).await,
                saved => return saved,
            }
        }
    }

    /// Appends where the aggregate was found, if that is as expected.
    fn append_at(&self, at: Option<Position>, found: Position, events: &[NewEvent<'_>]) -> Option<Pending<Saved>> {
        let is_expected = match (at, self.expected) {
            (Some(at), _) => at == found,
            (None, Expected::Exists) => found.version > 0,
            (None, expected) => expected.version().is_none_or(|version| version == found.version),
        };
        is_expected.then(|| self.append(found, events))
    }

    /// What a refused append comes to: the answer of before, if the events are there, saved by the same command.
    pub(super) fn refused(self, error: Error) -> Pending<Saved> {
        if error.kind() != ErrorKind::Conflict {
            return Pending::ready(Err(error));
        }
        Pending::of(async move {
            self.see_others().await?;
            if let Some(saved) = self.repeat().await? {
                return Ok(saved);
            }
            let is_of_others = self.condition.is_some() || self.expected.version().is_none();
            if is_of_others {
                self.store.0.measured.conflicts.add(1);
                return Err(error);
            }
            Err(self.conflict(self.position().await?))
        })
    }

    /// Waits until what made an append fail can be read: where a write comes before an acknowledgement, a condition
    /// looks at what is on its way too, and a read does not.
    async fn see_others(&self) -> Result<()> {
        let stream = &self.store.0.stream;
        if stream.config().durability == Durability::Interval {
            return Ok(());
        }
        match stream.sync().await {
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
            done => done,
        }
    }

    /// Where the aggregate stands.
    fn position(&self) -> Pending<Position> {
        let newest = self.store.0.stream.last_many(&[&self.subject], 0, 1);
        newest.and_then(|newest| {
            let found = newest.get(0).map(|record| EventView::of(record).map(|event| event.position()));
            Pending::ready(found.transpose().map(Option::unwrap_or_default))
        })
    }

    /// What an earlier save of the same command answered, if it is among the last events.
    async fn repeat(&self) -> Result<Option<Saved>> {
        let command = self.tags.command();
        if command.is_empty() {
            return Ok(None);
        }
        let found = find(&self.store, &self.subject, command).await?;
        self.store.0.measured.repeats.add(usize::from(found.is_some()));
        Ok(found)
    }

    fn conflict(&self, found: Position) -> Error {
        self.store.0.measured.conflicts.add(1);
        let (aggregate, key) = match id_of(&self.subject) {
            Ok(id) => id,
            Err(error) => return error,
        };
        let id = AggregateId::new(&aggregate, &key);
        match self.expected.version() {
            Some(version) => Error::wrong_version(&id.to_string(), version, found.version),
            None => Error::new(ErrorKind::Conflict, format!("{id} has no events, and some were expected")),
        }
    }
}

impl EventStore {
    fn count_save(&self, events: usize) {
        self.0.measured.saves.add(1);
        self.0.measured.saved.add(events);
    }
}

/// What a save of a command came to, if it is among the last events of an aggregate.
pub(super) async fn find(store: &EventStore, subject: &str, command: &str) -> Result<Option<Saved>> {
    let stream = &store.0.stream;
    let options = ReadOptions::default().filter(subject).backward().max_records(EVENTS_SEARCHED);
    let batch = stream.read(&options).await?;
    let found = find_in(&batch, command)?;
    let is_first = |record| EventView::of(record).is_ok_and(|event| event.version == 1);
    // The rest of the last events may be in the archive.
    let rest = match (&found, batch.iter().last()) {
        (None, Some(oldest)) if batch.len() < EVENTS_SEARCHED && !is_first(oldest) => EVENTS_SEARCHED - batch.len(),
        _ => 0,
    };
    let found = if rest > 0 { find_in(&store.last_archived(subject, rest).await?, command)? } else { found };
    let durability = stream.config().durability;
    Ok(found.map(|position| Saved { position, is_repeat: true, durability }))
}

/// Where the first event of a command is in what was read.
fn find_in(batch: &Batch, command: &str) -> Result<Option<Position>> {
    for record in batch.iter() {
        let event = EventView::of(record)?;
        if event.command() == Some(command) {
            return Ok(Some(event.position()));
        }
    }
    Ok(None)
}

/// A new event that owns its bytes, for a save that has to look first.
pub(super) struct OwnedEvent {
    event_type: String,
    data: Vec<u8>,
    schema: u32,
    time: Option<i64>,
    metadata: Vec<(String, String)>,
    data_subject: Option<String>,
}

impl OwnedEvent {
    pub(super) fn of(event: &NewEvent<'_>) -> Self {
        OwnedEvent {
            event_type: event.event_type.to_owned(),
            data: event.data.to_vec(),
            schema: event.schema,
            time: event.time,
            metadata: event.metadata.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
            data_subject: event.data_subject.map(str::to_owned),
        }
    }

    fn view(&self) -> NewEvent<'_> {
        NewEvent {
            event_type: &self.event_type,
            data: &self.data,
            schema: self.schema,
            time: self.time,
            metadata: self.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
            data_subject: self.data_subject.as_deref(),
        }
    }
}
