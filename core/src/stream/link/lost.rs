//! A stream that lost its end: it was put back to a backup, or a power cut took what it had not synced. Then it gives
//! sequences out a second time, and a sequence alone does not say which of its own records is meant.
//!
//! What it kept is found by comparing it with what came here; what it appends after that is another writer's. Its own
//! records never go back to it, lost or not: links that noticed a loss and links that did not would bring different
//! records under one name.

use std::collections::BTreeMap;
use std::sync::MutexGuard;

use super::{Link, Place, pass};
use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::origin::{HEADER_ORIGIN, Origin, Writer};
use crate::record::RecordView;
use crate::stream::local::read::Plan;
use crate::stream::options::ReadOptions;
use crate::stream::{Stream, StreamInfo};
use crate::subject::Filters;

/// Epochs of one stream: as often as it can lose its end before they could be taken for those of another one of its
/// name, made this many nanoseconds later.
const EPOCHS_MAX: u64 = 1 << 16;
/// Records that are compared at once, and their bytes.
const RECORDS_AT_ONCE: usize = 1000;
const BYTES_AT_ONCE: usize = 8 << 20;

/// What the records are known by that the other stream's own clients appended: a writer for each time that it lost its
/// end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Theirs {
    engine: u64,
    created: Nanos,
    losses: u64,
}

impl Theirs {
    pub(super) fn new(remote: &str, created: Nanos, losses: u64) -> Self {
        Theirs { engine: name_hash(remote), created, losses }
    }

    /// What a record of the other stream is known by.
    pub(super) fn origin(&self, record: &RecordView<'_>) -> Origin {
        let writer = Writer { engine: self.engine, epoch: self.created.wrapping_add(self.losses) };
        let brought = record.header(HEADER_ORIGIN).and_then(Origin::parse);
        brought.unwrap_or(Origin { writer, seq: record.seq })
    }

    /// Whether its own clients appended it, before or after a loss.
    pub(super) fn is_own(&self, origin: Origin) -> bool {
        let Writer { engine, epoch } = origin.writer;
        engine == self.engine && epoch.wrapping_sub(self.created) < EPOCHS_MAX
    }
}

/// What one record is compared by.
#[derive(PartialEq, Eq)]
struct Looks {
    subject: String,
    event_time: i64,
    payload: Vec<u8>,
}

impl Looks {
    fn of(record: &RecordView<'_>, subject: String) -> Self {
        let event_time = record.event_time.unwrap_or(record.time as i64);
        Looks { subject, event_time, payload: record.payload.to_vec() }
    }
}

/// What comparing comes to: the last record, and its time, that both sides have of the other stream's own; and whether
/// the other stream has lost newer ones.
struct Compared {
    kept: (u64, Nanos),
    lost: bool,
}

impl Link {
    /// How often the other stream lost its end, as far as the local log knows: the place may be older than the log.
    pub(super) fn losses(&self, created: Nanos) -> u64 {
        let losses = self.newest_of_theirs(created).map_or(0, |writer| writer.epoch.wrapping_sub(created));
        losses.max(self.place().losses)
    }

    fn newest_of_theirs(&self, created: Nanos) -> Option<Writer> {
        let theirs = Theirs::new(&self.config.remote, created, 0);
        let state = self.local.lock();
        state.origins.writers().filter(|&writer| theirs.is_own(Origin { writer, seq: 0 })).max()
    }

    /// What was found by comparing; nothing yet of a stream that was made anew.
    pub(super) fn compared(&self) -> MutexGuard<'_, Option<(u64, Nanos)>> {
        lock(&self.compared)
    }

    /// The last record, and its time, that the other stream kept of what came here; `None` if it did not lose its end.
    pub(super) async fn kept_of_it(
        &self,
        stream: &Stream,
        info: &StreamInfo,
        place: &Place,
    ) -> Result<Option<(u64, Nanos)>> {
        let compared = *self.compared();
        let known_end = place.pulled.max(place.remote_seq).max(compared.map_or(0, |(seq, _)| seq));
        let is_shorter = info.last_seq < known_end;
        if let Some(compared) = compared {
            let (seq, time) = compared.max((place.pulled, place.pulled_time));
            let known = if time == 0 { None } else { stream.get(seq).await? };
            match known.map(|record| record.time == time) {
                Some(true) if is_shorter => return Ok(Some((seq, time))),
                Some(true) => return Ok(None),
                None if !is_shorter => return self.not_meanwhile(stream, info).await.map(|()| None),
                _ => {}
            }
        }
        let compared = self.compare(stream, info).await?;
        self.not_meanwhile(stream, info).await?;
        *self.compared() = Some(compared.kept);
        Ok((is_shorter || compared.lost).then_some(compared.kept))
    }

    /// Refuses what was read of a stream that lost its end after `info` was asked for: records that are not there say
    /// nothing then.
    async fn not_meanwhile(&self, stream: &Stream, info: &StreamInfo) -> Result<()> {
        if stream.info().await?.last_seq >= info.last_seq {
            return Ok(());
        }
        let message = format!("stream '{}' lost its end while it was looked at", self.config.remote);
        Err(Error::new(ErrorKind::Conflict, message))
    }

    /// Compares, from the newest on, the other stream's own records that are here with what is there.
    async fn compare(&self, stream: &Stream, info: &StreamInfo) -> Result<Compared> {
        let mut compared = Compared { kept: (0, 0), lost: false };
        if self.newest_of_theirs(info.created).is_none() {
            return Ok(compared);
        }
        let theirs = Theirs::new(&self.config.remote, info.created, 0);
        let mut max_seq = u64::MAX;
        while compared.kept.0 == 0 {
            let Some((first, here)) = self.came_before(max_seq, theirs)? else { break };
            self.compare_some(stream, info, &here, &mut compared).await?;
            if here.first_key_value().is_some_and(|(&seq, _)| seq < info.first_seq) {
                // What limits removed there, nobody can compare.
                compared.kept.0 = compared.kept.0.max(info.first_seq - 1);
                break;
            }
            max_seq = first - 1;
            pass().await;
        }
        Ok(compared)
    }

    /// The other stream's own records among those up to a sequence here, and where those begin; `None` when there is
    /// nothing.
    fn came_before(&self, max_seq: u64, theirs: Theirs) -> Result<Option<(u64, BTreeMap<u64, Looks>)>> {
        let plan = Plan {
            filters: Filters::default(),
            min_seq: 1,
            max_seq,
            min_time: 0,
            max_time: Nanos::MAX,
            event_range: None,
            backward: true,
            max_records: RECORDS_AT_ONCE,
            max_bytes: BYTES_AT_ONCE,
        };
        let batch = self.local.read(&plan)?.batch;
        let mut here: BTreeMap<u64, (u64, Looks)> = BTreeMap::new();
        for record in batch.iter() {
            let origin = record.header(HEADER_ORIGIN).and_then(Origin::parse).filter(|&origin| theirs.is_own(origin));
            let Some(Origin { writer, seq }) = origin else { continue };
            // Of two that had one sequence, the one from after the loss.
            if here.get(&seq).is_none_or(|(epoch, _)| *epoch < writer.epoch) {
                here.insert(seq, (writer.epoch, Looks::of(&record, record.subject.to_owned())));
            }
        }
        let here = here.into_iter().map(|(seq, (_, looks))| (seq, looks)).collect();
        Ok(batch.iter().map(|r| r.seq).min().map(|first| (first, here)))
    }

    async fn compare_some(
        &self,
        stream: &Stream,
        info: &StreamInfo,
        here: &BTreeMap<u64, Looks>,
        compared: &mut Compared,
    ) -> Result<()> {
        let (Some((&first, _)), Some((&last, _))) = (here.first_key_value(), here.last_key_value()) else {
            return Ok(());
        };
        compared.lost |= last > info.last_seq;
        let mut from = first;
        while from <= last {
            let batch = stream.read(&ReadOptions::default().from_seq(from).max_records(RECORDS_AT_ONCE)).await?;
            for there in batch.iter() {
                let Some(here) = here.get(&there.seq) else { continue };
                let looks = Looks::of(&there, self.config.to_local(there.subject));
                if there.header(HEADER_ORIGIN).is_none() && *here == looks {
                    compared.kept = (there.seq, there.time);
                } else {
                    compared.lost = true;
                }
            }
            let Some(last) = batch.last_seq() else { break };
            from = last + 1;
        }
        Ok(())
    }
}

/// FNV-1a (Fowler, Noll, Vo) of a name: the same on every machine.
fn name_hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
