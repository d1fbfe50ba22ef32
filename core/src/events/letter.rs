//! Dead letters of projections: which events could not be taken in, and why.
//!
//! A letter says where the event is, and has no copy of it: an event that is to be forgotten is in one place.

use serde::Serialize;

use crate::clock::Nanos;
use crate::error::{ErrorKind, Result};
use crate::pending::Pending;
use crate::record::{Append, RecordView};
use crate::stream::Stream;
use crate::stream::config::StreamConfig;
use crate::stream::options::{PurgeOptions, ReadOptions};

use super::names::check_name;
use super::pages::Pages;
use super::read::Events;
use super::standing::{Failing, as_text};
use super::store::{EventStore, if_there};

const HEADER_DELIVERIES: &str = "Headwater-Deliveries";

/// An event that a projection gave up. As JSON it has `seq`, `tries`, `error`, and `time` as RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// What failed: the place of the event in the store, how often it was tried, and why it failed the last time.
    #[serde(flatten)]
    pub failing: Failing,
    /// When it was given up, in nanoseconds since the epoch.
    #[serde(serialize_with = "as_text")]
    pub time: Nanos,
}

impl EventStore {
    /// Dead letters of a projection whose events lie behind sequence `after`, `max` of them at the most.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a name that can't be; those of the stream.
    pub fn dead_letters(&self, projection: &str, after: u64, max: usize) -> Pending<Vec<DeadLetter>> {
        if let Err(error) = check_name("projection", projection) {
            return Pending::ready(Err(error));
        }
        let (store, projection) = (self.clone(), projection.to_owned());
        Pending::of(async move {
            let Some(stream) = store.letters().await? else { return Ok(Vec::new()) };
            let options = ReadOptions::default().filter(store.0.names.letters(&projection));
            let (mut letters, mut pages) = (Vec::new(), Pages::of(&stream, options));
            while let Some(batch) = pages.next().await? {
                letters.extend(batch.iter().filter_map(|record| DeadLetter::of(&record)));
            }
            letters.retain(|letter| letter.failing.seq > after);
            letters.sort_by_key(|letter| letter.failing.seq);
            letters.truncate(max);
            Ok(letters)
        })
    }

    /// Removes a dead letter, say as its event was taken in after all; false if there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a name that can't be; those of the stream.
    pub fn delete_dead_letter(&self, projection: &str, seq: u64) -> Pending<bool> {
        if let Err(error) = check_name("projection", projection) {
            return Pending::ready(Err(error));
        }
        let (store, projection) = (self.clone(), projection.to_owned());
        Pending::of(async move {
            let Some(stream) = store.letters().await? else { return Ok(false) };
            let purge =
                PurgeOptions { filter: Some(store.0.names.letter(&projection, seq)), ..PurgeOptions::default() };
            Ok(stream.purge(&purge).await? > 0)
        })
    }

    /// The event at a sequence of the store, or none. For one that was archived, the archive is read.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn event_at(&self, seq: u64) -> Pending<Events> {
        let store = self.clone();
        Pending::of(async move {
            let batch = store.stream().read(&ReadOptions::default().from_seq(seq).max_records(1)).await?;
            let batch = if batch.seq(0) == Some(seq) { batch } else { store.archived_at(seq).await? };
            let mut events = Events::of(batch);
            store.open(&mut events).await?;
            Ok(events)
        })
    }

    /// Writes a dead letter; one that is there stays.
    pub(super) async fn give_up(&self, projection: &str, failing: &Failing) -> Result<()> {
        let names = &self.0.names;
        let config = StreamConfig {
            durability: self.stream().config().durability,
            ..StreamConfig::new(names.letter_stream(), [names.all_letters()])
        };
        let stream = self.0.engine.create_stream(config).await?;
        let (subject, tries) = (names.letter(projection, failing.seq), failing.tries.to_string());
        let append = Append::new(&subject, failing.error.as_bytes()).header(HEADER_DELIVERIES, &tries);
        match stream.append(&append.expect_subject_last_seq(0)).await {
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            done => done.map(|_| ()),
        }
    }

    /// Whether an event is a dead letter.
    pub(super) async fn is_given_up(&self, projection: &str, seq: u64) -> Result<bool> {
        match self.letters().await? {
            Some(stream) => Ok(stream.last_seq(&self.0.names.letter(projection, seq)).await? > 0),
            None => Ok(false),
        }
    }

    /// How many dead letters a projection has.
    pub(super) async fn letters_of(&self, projection: &str) -> Result<u64> {
        let Some(stream) = self.letters().await? else { return Ok(0) };
        let (filter, mut count, mut after) = (self.0.names.letters(projection), 0, String::new());
        loop {
            let page = stream.subjects(&filter, &after, 1_000).await?;
            count += page.len() as u64;
            match page.into_iter().last() {
                Some((last, _)) => after = last,
                None => return Ok(count),
            }
        }
    }

    /// Removes the dead letters of a projection.
    pub(super) async fn bury_letters(&self, projection: &str) -> Result<()> {
        let Some(stream) = self.letters().await? else { return Ok(()) };
        let purge = PurgeOptions { filter: Some(self.0.names.letters(projection)), ..PurgeOptions::default() };
        stream.purge(&purge).await.map(|_| ())
    }

    /// The stream of dead letters, if there ever was one.
    async fn letters(&self) -> Result<Option<Stream>> {
        if_there(self.0.engine.stream(&self.0.names.letter_stream()).await)
    }
}

impl DeadLetter {
    fn of(record: &RecordView<'_>) -> Option<Self> {
        let seq = record.subject.rsplit('.').next()?.parse().ok()?;
        let tries = record.header(HEADER_DELIVERIES)?.parse().ok()?;
        let error = String::from_utf8_lossy(record.payload).into_owned();
        Some(DeadLetter { failing: Failing { seq, tries, error }, time: record.time })
    }
}
