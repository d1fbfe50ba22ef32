//! What a store reads of its archive: events as they were before they were moved, with the sequence and the time that
//! they had in the store, and on the subject that they had.
//!
//! A store without an archive is one whose archive has nothing. Whoever asks has looked into the store first, and found
//! that something is missing: what is moved is in the archive before it is gone.

use crate::error::{Error, Result};
use crate::record::{Append, Base, Batch, RecordView, encode};
use crate::stream::Stream;
use crate::stream::options::ReadOptions;

use super::event::EventView;
use super::load::{AsOf, Loaded};
use super::names::Names;
use super::pages::Pages;
use super::save::Position;
use super::store::{EventStore, if_there};

/// The place in the store that an archived event had.
pub(super) const HEADER_SEQ: &str = "Headwater-Seq";
/// When it was saved, in nanoseconds since the epoch.
pub(super) const HEADER_SAVED: &str = "Headwater-Saved";

/// What a load finds in the archive of what it misses.
pub(super) enum Filled {
    /// The event that it begins behind is in the archive neither.
    Unknown,
    /// What there is, and the load goes on in the store.
    On,
    /// The load ends there.
    End,
}

/// The place in the store that an event of the archive had.
pub(super) fn seq_of(record: &RecordView<'_>) -> Result<u64> {
    number(record, HEADER_SEQ)
}

fn number(record: &RecordView<'_>, header: &str) -> Result<u64> {
    let value = record.header(header).and_then(|value| value.parse().ok());
    value.ok_or_else(|| {
        let place = format!("record {} on '{}'", record.seq, record.subject);
        Error::corrupt(format!("{place} is no archived event: header '{header}' is missing or wrong"))
    })
}

/// Records of the archive as they were in the store, in the order in which they are given.
pub(super) struct Restored<'n> {
    names: &'n Names,
    bytes: Vec<u8>,
    /// For each record, where its bytes begin, how many they are, its tag and its sequence.
    items: Vec<(usize, usize, u8, u64)>,
}

impl<'n> Restored<'n> {
    pub(super) fn new(names: &'n Names) -> Self {
        Restored { names, bytes: Vec::new(), items: Vec::new() }
    }

    /// Adds a record of the archive.
    pub(super) fn add(&mut self, record: &RecordView<'_>) -> Result<()> {
        let (seq, saved) = (seq_of(record)?, number(record, HEADER_SAVED)?);
        let subject = self.names.unarchived(record.subject).unwrap_or_default();
        let headers = record.headers().filter(|(name, _)| ![HEADER_SEQ, HEADER_SAVED].contains(name)).collect();
        let append = Append { headers, event_time: record.event_time, ..Append::new(&subject, record.payload) };
        self.put(&append, seq, saved);
        Ok(())
    }

    /// Adds a record of the store.
    pub(super) fn keep(&mut self, record: &RecordView<'_>) {
        let append = Append {
            headers: record.headers().collect(),
            event_time: record.event_time,
            ..Append::new(record.subject, record.payload)
        };
        self.put(&append, record.seq, record.time);
    }

    fn put(&mut self, append: &Append<'_>, seq: u64, time: u64) {
        let start = self.bytes.len();
        let tag = encode(&mut self.bytes, append, Base { seq: 0, time: 0 }, seq, time);
        self.items.push((start, self.bytes.len() - start, tag, seq));
    }

    pub(super) fn batch(self) -> Batch {
        let mut batch = Batch::default();
        let buffer = batch.add_buffer(self.bytes, Base { seq: 0, time: 0 });
        for (start, len, tag, seq) in self.items {
            batch.push(buffer, start, len, tag, seq);
        }
        batch
    }
}

impl EventStore {
    /// The archive, if there ever was one.
    pub(super) async fn archive_stream(&self) -> Result<Option<Stream>> {
        if_there(self.0.engine.stream(&self.0.names.archive_stream()).await)
    }

    /// Takes in what the archive has behind what was loaded, before version `until`. `is_found` is whether the event is
    /// known to have been that the load begins behind.
    pub(super) async fn fill(
        &self,
        subject: &str,
        loaded: &mut Loaded,
        is_found: bool,
        until: u64,
        as_of: AsOf,
    ) -> Result<Filled> {
        let behind = loaded.position;
        let mut is_found = is_found;
        let Some(archive) = self.archive_stream().await? else { return Ok(Filled::of(is_found)) };
        let target = self.0.names.archived(subject);
        let newest = archive.last_many(&[&target], 0, 1).await?;
        let newest = newest.get(0).map(EventView::of).transpose()?.map_or(0, |event| event.version);
        if newest < behind.version || (is_found && newest == behind.version) {
            return Ok(Filled::of(is_found));
        }
        let mut pages = Pages::of(&archive, ReadOptions::default().filter(target));
        while let Some(batch) = pages.next().await? {
            let mut restored = Restored::new(&self.0.names);
            let (mut ended, mut count) = (None, 0);
            for record in batch.iter() {
                let event = EventView::of(record)?;
                let at = Position { version: event.version, seq: seq_of(&record)? };
                if at.version <= behind.version {
                    is_found |= at == behind;
                    continue;
                }
                if !is_found || at.version >= until {
                    ended = Some(Filled::of(is_found));
                    break;
                }
                let is_beyond = match as_of {
                    AsOf::Now => false,
                    AsOf::Version(version) => at.version > version,
                    AsOf::Seq(seq) => at.seq > seq,
                    AsOf::Time(time) => number(&record, HEADER_SAVED)? > time,
                };
                if is_beyond {
                    ended = Some(Filled::End);
                    break;
                }
                loaded.follow(at)?;
                restored.add(&record)?;
                count += 1;
            }
            if count > 0 {
                loaded.push(restored.batch(), 0, count);
            }
            if let Some(filled) = ended {
                return Ok(filled);
            }
        }
        Ok(Filled::of(is_found))
    }

    /// Whether the archive has this very event of an aggregate.
    pub(super) async fn has_archived(&self, subject: &str, position: Position) -> Result<bool> {
        let mut nothing = Loaded::at(position);
        let filled = self.fill(subject, &mut nothing, false, position.version + 1, AsOf::Now).await?;
        Ok(!matches!(filled, Filled::Unknown))
    }

    /// The last events of an aggregate in the archive, the newest first.
    pub(super) async fn last_archived(&self, subject: &str, max: usize) -> Result<Batch> {
        let Some(archive) = self.archive_stream().await? else { return Ok(Batch::default()) };
        let options = ReadOptions::default().filter(self.0.names.archived(subject)).backward().max_records(max);
        let batch = archive.read(&options).await?;
        let mut restored = Restored::new(&self.0.names);
        batch.iter().try_for_each(|record| restored.add(&record))?;
        Ok(restored.batch())
    }

    /// The archived event that had this sequence, or none. It reads the archive.
    pub(super) async fn archived_at(&self, seq: u64) -> Result<Batch> {
        let Some(archive) = self.archive_stream().await? else { return Ok(Batch::default()) };
        if self.archived_until(&archive).await? < seq {
            return Ok(Batch::default());
        }
        let mut pages = Pages::of(&archive, ReadOptions::default().filter(self.0.names.archived("")));
        while let Some(batch) = pages.next().await? {
            for record in batch.iter() {
                if seq_of(&record)? == seq {
                    let mut restored = Restored::new(&self.0.names);
                    restored.add(&record)?;
                    return Ok(restored.batch());
                }
            }
        }
        Ok(Batch::default())
    }

    /// The highest sequence that an archived event had, or one that is to be archived at this moment.
    pub(super) async fn archived_until(&self, archive: &Stream) -> Result<u64> {
        let mark = archive.last_many(&[&self.0.names.archive_mark()], 0, 1).await?;
        mark.get(0).map_or(Ok(0), |record| seq_of(&record))
    }
}

impl Filled {
    fn of(is_found: bool) -> Self {
        if is_found { Filled::On } else { Filled::Unknown }
    }
}
