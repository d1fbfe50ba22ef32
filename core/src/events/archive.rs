//! Archiving: the old events of an aggregate, which its snapshot makes needless for most loads, are moved into a stream
//! beside the store, from where whoever needs them still reads them.
//!
//! They are copied, then synced, then removed from the store, so an end at any moment leaves each event in one place at
//! least, and what is in both counts once. The last event always stays, so saves know nothing of it.
//!
//! A projection that has not taken an event in keeps it where it is. It is looked for before the copy and again before
//! the removal: one that is opened between the two either is seen by that look, or sees the copy.

use crate::error::{Error, ErrorKind, Result};
use crate::origin::{HEADER_ORIGIN, HEADER_ORIGIN_MSG_ID};
use crate::pending::Pending;
use crate::record::{Append, RecordView};
use crate::stream::Stream;
use crate::stream::config::StreamConfig;
use crate::stream::options::{PurgeOptions, ReadOptions};

use super::archived::{HEADER_SAVED, HEADER_SEQ, seq_of};
use super::event::EventView;
use super::names::AggregateId;
use super::pages::Pages;
use super::save::Position;
use super::standing::name_of;
use super::store::EventStore;

/// How often a copy begins anew, because others copy events of the same aggregate.
const TRIES: usize = 64;

/// What archiving came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Archived {
    /// How many events left the store now.
    pub events: u64,
    /// The version of the last event that was moved, now or before; 0 when none was.
    pub up_to: u64,
    /// The projection that has not taken in yet what else was to go, and so kept it where it is.
    pub held_back_by: Option<String>,
}

/// How far events may go.
struct Bound {
    version: u64,
    /// Up to where every projection has taken them in, and the one that has taken in the least.
    seq: u64,
    projection: Option<String>,
}

impl EventStore {
    /// Moves the events of an aggregate that lie before its snapshot into the archive: those up to version `up_to`, or
    /// all of them when 0. The event that the snapshot ends with stays, and so do those that a projection of this store
    /// has not taken in yet. Loads, projections and feeds that begin before them read them from there.
    ///
    /// A call that was cut short is made again. Several at once for one aggregate are one.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when the aggregate has no snapshot; [`ErrorKind::Invalid`] for a version that lies not
    /// before it, and for names that can't be; [`ErrorKind::Conflict`] when the archive is that of another history;
    /// those of the stream.
    pub fn archive(&self, id: AggregateId<'_>, up_to: u64) -> Pending<Archived> {
        let (store, of) = (self.clone(), self.0.of(id));
        let wanted = self.0.names.subject(id).map(|subject| (subject, id.aggregate.to_owned(), id.key.to_owned()));
        Pending::after(wanted, move |(subject, aggregate, key)| {
            let work = async move { store.move_old(AggregateId::new(&aggregate, &key), &subject, up_to).await };
            Pending::of(work).map_err(of)
        })
    }

    async fn move_old(&self, id: AggregateId<'_>, subject: &str, up_to: u64) -> Result<Archived> {
        let version = self.last_to_go(id, subject, up_to).await?;
        let (seq, projection) = self.taken_in(id).await?;
        let bound = Bound { version, seq, projection };
        let first = self.0.stream.read(&ReadOptions::default().filter(subject).max_records(1)).await?;
        let first = first.get(0).map(EventView::of).transpose()?.map(|event| event.position());
        let waiting = first.filter(|first| first.version <= bound.version);
        if waiting.is_none_or(|first| first.seq > bound.seq) {
            let held_back_by = waiting.and(bound.projection);
            return Ok(Archived { events: 0, up_to: self.archived_version(subject).await?, held_back_by });
        }
        let archive = self.create_archive().await?;
        let last = self.copy(&archive, subject, &bound).await?;
        if last.version == 0 {
            // Somebody else moved them meanwhile.
            return Ok(Archived { up_to: self.archived_version(subject).await?, ..Archived::default() });
        }
        self.mark(&archive, last.seq).await?;
        match archive.sync().await {
            Err(error) if error.kind() == ErrorKind::Unsupported => {}
            done => done?,
        }
        let (seq, projection) = self.taken_in(id).await?;
        let (seq, projection) = if seq < bound.seq { (seq, projection) } else { (bound.seq, bound.projection) };
        let before_seq = Some(last.seq.min(seq) + 1);
        let purge = PurgeOptions { filter: Some(subject.to_owned()), before_seq, ..PurgeOptions::default() };
        let events = self.0.stream.purge(&purge).await?;
        self.0.measured.archived.add(usize::try_from(events).unwrap_or(usize::MAX));
        let is_held = seq < last.seq || last.version < bound.version;
        Ok(Archived { events, up_to: last.version, held_back_by: projection.filter(|_| is_held) })
    }

    /// The version of the last event that may go: it lies before that of the newest snapshot that a load would take.
    async fn last_to_go(&self, id: AggregateId<'_>, subject: &str, up_to: u64) -> Result<u64> {
        let snapshot = match self.snapshot(id).await? {
            Some(snapshot) if self.has(subject, snapshot.position).await? => snapshot,
            _ => return Err(Error::not_found("it has no snapshot, and only what lies before one is archived")),
        };
        let last = snapshot.position.version - 1;
        if up_to > last {
            let message = format!("version {up_to} can't go: the snapshot is of {}, so the last is {last}", last + 1);
            return Err(Error::invalid(message));
        }
        Ok(if up_to == 0 { last } else { up_to })
    }

    /// Up to where all projections have taken in the events of an aggregate, and the one that is furthest behind.
    async fn taken_in(&self, id: AggregateId<'_>) -> Result<(u64, Option<String>)> {
        let mut least = (u64::MAX, None);
        for key in self.0.snapshots.keys("*").await? {
            let Some(kept) = self.kept(&key).await? else { continue };
            if kept.standing.position < least.0 && kept.standing.takes(id) {
                least = (kept.standing.position, Some(name_of(&key).to_owned()));
            }
        }
        Ok(least)
    }

    async fn create_archive(&self) -> Result<Stream> {
        let names = &self.0.names;
        let config = StreamConfig {
            durability: self.stream().config().durability,
            ..StreamConfig::new(names.archive_stream(), [names.all_archived()])
        };
        self.0.engine.create_stream(config).await
    }

    /// Copies what the archive does not have yet; answers the last event that may go.
    async fn copy(&self, archive: &Stream, subject: &str, bound: &Bound) -> Result<Position> {
        let mut tries = TRIES;
        loop {
            tries -= 1;
            match self.copy_once(archive, subject, bound).await {
                Err(error) if error.kind() == ErrorKind::Conflict && error.actual().is_some() && tries > 0 => {}
                done => return done,
            }
        }
    }

    async fn copy_once(&self, archive: &Stream, subject: &str, bound: &Bound) -> Result<Position> {
        let target = self.0.names.archived(subject);
        let newest = archive.last_many(&[&target], 0, 1).await?;
        let mut newest = newest.get(0).map(|record| Ok::<_, Error>((place(&record)?, record.seq))).transpose()?;
        let mut pages = Pages::of(&self.0.stream, ReadOptions::default().filter(subject));
        let mut last = Position::default();
        while let Some(batch) = pages.next().await? {
            let mut going = Vec::new();
            let mut is_end = false;
            for record in batch.iter() {
                let at = EventView::of(record)?.position();
                if at.version > bound.version || at.seq > bound.seq {
                    is_end = true;
                    break;
                }
                let there = newest.map_or(Position::default(), |(at, _)| at);
                if at.version > there.version {
                    check_joins(there.version + going.len() as u64, at)?;
                    going.push(record);
                } else if at.version == there.version && at != there {
                    return Err(other_history(at, there));
                }
                last = if at.version > last.version { at } else { last };
            }
            if !going.is_empty() {
                let seq = append(archive, &target, &going, newest.map_or(0, |(_, seq)| seq)).await?;
                newest = Some((last, seq));
            }
            if is_end {
                break;
            }
        }
        Ok(last)
    }

    /// Says that events up to here are archived, before any of them is gone.
    async fn mark(&self, archive: &Stream, until: u64) -> Result<()> {
        let subject = self.0.names.archive_mark();
        loop {
            let mark = archive.last_many(&[&subject], 0, 1).await?;
            let there = mark.get(0).map(|record| Ok::<_, Error>((seq_of(&record)?, record.seq))).transpose()?;
            let (marked, seq) = there.unwrap_or_default();
            if marked >= until {
                return Ok(());
            }
            let text = until.to_string();
            let append = Append::new(&subject, &[]).header(HEADER_SEQ, &text).expect_subject_last_seq(seq);
            match archive.append(&append).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                done => {
                    done?;
                    break;
                }
            }
        }
        let purge = PurgeOptions { filter: Some(subject), keep: 1, ..PurgeOptions::default() };
        archive.purge(&purge).await.map(|_| ())
    }

    async fn archived_version(&self, subject: &str) -> Result<u64> {
        let newest = self.last_archived(subject, 1).await?;
        newest.get(0).map_or(Ok(0), |record| Ok(EventView::of(record)?.version))
    }
}

/// Where the aggregate of an archived event stood by it.
fn place(record: &RecordView<'_>) -> Result<Position> {
    Ok(Position { version: EventView::of(*record)?.version, seq: seq_of(record)? })
}

fn check_joins(last: u64, next: Position) -> Result<()> {
    if next.version == last + 1 {
        return Ok(());
    }
    let missing = format!("events {} to {}", last + 1, next.version.saturating_sub(1));
    Err(Error::corrupt(format!("{missing} are neither in the store nor in its archive")))
}

fn other_history(here: Position, there: Position) -> Error {
    let message = format!(
        "version {} is record {} of the store, and the archive has that of {}",
        here.version, here.seq, there.seq
    );
    Error::new(ErrorKind::Conflict, format!("{message}: it is of another history"))
}

/// Appends records of the store to the archive, behind what it has of their aggregate; answers the last sequence there.
async fn append(archive: &Stream, target: &str, records: &[RecordView<'_>], behind: u64) -> Result<u64> {
    let numbers: Vec<(String, String)> =
        records.iter().map(|record| (record.seq.to_string(), record.time.to_string())).collect();
    let goes = |name: &str| !name.starts_with("Nats-") && name != HEADER_ORIGIN && name != HEADER_ORIGIN_MSG_ID;
    let mut appends: Vec<Append<'_>> = Vec::with_capacity(records.len());
    for (record, (seq, saved)) in records.iter().zip(&numbers) {
        let mut headers: Vec<_> = record.headers().filter(|(name, _)| goes(name)).collect();
        headers.extend([(HEADER_SEQ, seq.as_str()), (HEADER_SAVED, saved.as_str())]);
        appends.push(Append { headers, event_time: record.event_time, ..Append::new(target, record.payload) });
    }
    if let Some(first) = appends.first_mut() {
        first.expect_subject_last_seq = Some(behind);
    }
    let ack = match appends.as_slice() {
        [one] => archive.append(one).await?,
        many => archive.append_batch(many).await?,
    };
    Ok(ack.seq)
}
