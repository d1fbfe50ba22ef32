//! From the local stream to one that others push to as well: atomic batches of records and, for each writer that they
//! stem from, a position record that says which of its records the stream ever took.
//!
//! The batch is conditioned on each position record being the one that was read last. So a batch that is held up and
//! comes after it was sent again is refused, and two links that bring the same record cannot both bring it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::carry::Carried;
use super::config::CatchUp;
use super::{Link, Met, POSITIONS, pass};
use crate::error::{Error, ErrorKind, Result};
use crate::intervals::Intervals;
use crate::origin::Writer;
use crate::record::{Append, BATCH_RECORDS_MAX};
use crate::stream::Stream;
use crate::stream::config::DeliverPolicy;
use crate::stream::contract::SubscriptionOps;
use crate::stream::local::subscription::LocalSubscription;
use crate::stream::subscription::SubscribeOptions;

/// Writers whose records go in one batch at the most.
const WRITERS_MAX: usize = 100;
/// Bytes of one batch, but at least one record.
const BATCH_BYTES: usize = 4 << 20;
/// Conflicts in a row that are settled without a pause.
const CONFLICTS_MAX: u32 = 8;

/// What a stream says it took from one writer, and the sequence of the record that says so.
#[derive(Debug, Clone, Default)]
pub(super) struct Position {
    pub(super) taken: Intervals,
    seq: u64,
}

type Positions = BTreeMap<Writer, Position>;

impl Link {
    /// Pushes until something fails.
    pub(super) async fn push(&self, met: &Met) -> Result<()> {
        let subscription = self.begin_push(met, self.place().pushed)?;
        let mut positions = Positions::new();
        while !self.is_stopped() {
            let next = subscription.next(BATCH_RECORDS_MAX - WRITERS_MAX);
            let Some(batch) = self.wait(met, next).await? else { break };
            let records = self.outward(&batch, met.theirs);
            let mut rest = &records[..];
            while !rest.is_empty() && !self.is_stopped() {
                let (now, later) = rest.split_at(fitting(rest));
                self.push_all(met, now, &mut positions).await?;
                rest = later;
            }
            if rest.is_empty() {
                let last = batch.last_seq().unwrap_or(0);
                self.advance(met, |place| place.pushed = place.pushed.max(last));
            }
            pass().await;
        }
        Ok(())
    }

    /// The local records behind `from`.
    pub(super) fn begin_push(&self, met: &Met, from: u64) -> Result<LocalSubscription> {
        let (first_seq, last_seq, subjects) = {
            let state = self.local.lock();
            (state.first_seq, state.last_seq, state.subjects.live() as u64)
        };
        if from > last_seq {
            // The local stream is the one that lost its end: it was restored from a backup.
            self.advance(met, |place| (place.pushed, place.known_seq, place.known_pushed) = (0, 0, 0));
            self.standing().resets += 1;
            return self.begin_push_at(DeliverPolicy::All);
        }
        if from > 0 && first_seq > from + 1 {
            self.standing().missed += first_seq - from - 1;
        }
        if self.config.catch_up == CatchUp::Latest && last_seq > from {
            self.standing().skipped += (last_seq - from).saturating_sub(subjects);
            return self.begin_push_at(DeliverPolicy::LastPerSubject);
        }
        self.begin_push_at(DeliverPolicy::ByStartSequence(from + 1))
    }

    fn begin_push_at(&self, deliver_policy: DeliverPolicy) -> Result<LocalSubscription> {
        let filters = self.config.filters.clone();
        LocalSubscription::new(&self.local, &SubscribeOptions { filters, deliver_policy })
    }

    /// Pushes what of these records is not there; all or nothing.
    async fn push_all(&self, met: &Met, records: &[Carried], positions: &mut Positions) -> Result<()> {
        for _ in 0..CONFLICTS_MAX {
            for record in records {
                let writer = record.origin.writer;
                if let Entry::Vacant(unknown) = positions.entry(writer) {
                    unknown.insert(position(&met.stream, writer).await?);
                }
            }
            let is_new =
                |r: &&Carried| !positions.get(&r.origin.writer).is_some_and(|p| p.taken.contains(r.origin.seq));
            let fresh: Vec<&Carried> = records.iter().filter(is_new).collect();
            if fresh.is_empty() {
                self.standing().known += records.len() as u64;
                return Ok(());
            }
            match self.push_fresh(met, &fresh, positions).await {
                Ok(()) => {
                    let mut standing = self.standing();
                    standing.pushed += fresh.len() as u64;
                    standing.known += (records.len() - fresh.len()) as u64;
                    return Ok(());
                }
                // Another link was faster, or an earlier try arrived after all: look again.
                Err(error) if error.kind() == ErrorKind::Conflict => self.look_again(met, &fresh, positions).await?,
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!("others who push to stream '{}' came between {CONFLICTS_MAX} times in a row", self.config.remote),
        ))
    }

    /// Reads the positions of those writers anew. One that says less than it said lost its end: then this is not the
    /// stream that was met.
    async fn look_again(&self, met: &Met, records: &[&Carried], positions: &mut Positions) -> Result<()> {
        let writers: BTreeSet<Writer> = records.iter().map(|r| r.origin.writer).collect();
        for writer in writers {
            let now = position(&met.stream, writer).await?;
            if let Some(before) = positions.insert(writer, now.clone())
                && !now.taken.covers(&before.taken)
            {
                let what = format!("stream '{}' lost records of {writer} that it had taken", self.config.remote);
                return Err(Error::new(ErrorKind::Conflict, what));
            }
        }
        Ok(())
    }

    async fn push_fresh(&self, met: &Met, fresh: &[&Carried], positions: &mut Positions) -> Result<()> {
        let mut after: Positions = BTreeMap::new();
        for record in fresh {
            let writer = record.origin.writer;
            let position = after.entry(writer).or_insert_with(|| positions.get(&writer).cloned().unwrap_or_default());
            position.taken.insert(record.origin.seq);
        }
        let notes: Vec<(String, Vec<u8>, u64)> = after
            .iter()
            .map(|(writer, position)| {
                let payload = serde_json::to_vec(&position.taken).unwrap_or_default();
                (position_subject(met.stream.name(), *writer), payload, position.seq)
            })
            .collect();
        let mut batch: Vec<Append<'_>> = fresh.iter().map(|record| record.append()).collect();
        batch.extend(notes.iter().map(|(s, payload, seq)| Append::new(s, payload).expect_subject_last_seq(*seq)));
        let ack = met.stream.append_batch(&batch).await?;
        let first_note = ack.seq + 1 - after.len() as u64;
        for (place, (writer, mut position)) in after.into_iter().enumerate() {
            position.seq = first_note + place as u64;
            positions.insert(writer, position);
        }
        let last = fresh.last().map(|r| r.origin.to_string());
        self.advance(met, |place| {
            place.remote_seq = place.remote_seq.max(ack.seq);
            place.last_pushed = last;
        });
        Ok(())
    }
}

fn position_subject(stream: &str, writer: Writer) -> String {
    format!("{POSITIONS}.{stream}.{writer}")
}

/// What a stream took from a writer.
pub(super) async fn position(stream: &Stream, writer: Writer) -> Result<Position> {
    let subject = position_subject(stream.name(), writer);
    let Some(record) = stream.last(&subject).await? else { return Ok(Position::default()) };
    let taken = serde_json::from_slice(&record.payload)
        .map_err(|e| Error::corrupt(format!("the position record {} at '{subject}': {e}", record.seq)))?;
    Ok(Position { taken, seq: record.seq })
}

/// How many of the first records go in one batch.
fn fitting(records: &[Carried]) -> usize {
    let (mut writers, mut bytes) = (Vec::new(), 0);
    let fits = |record: &&Carried| {
        let writer = record.origin.writer;
        if !writers.contains(&writer) {
            writers.push(writer);
        }
        bytes += record.size();
        writers.len() <= WRITERS_MAX && bytes <= BATCH_BYTES
    };
    records.iter().take_while(fits).count().max(1)
}
