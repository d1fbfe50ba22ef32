//! From the local stream to one that others push to as well: atomic batches of records and, for each writer that they
//! stem from, a position record that says which of its records the stream ever took.
//!
//! The batch is conditioned on each position record being the one that was read last. So a batch that is held up and
//! comes after it was sent again is refused, and two links that bring the same record cannot both bring it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::carry::Carried;
use super::config::CatchUp;
use super::{Link, Met, POSITIONS, newest_for, pass};
use crate::error::{Error, ErrorKind, Result};
use crate::intervals::Intervals;
use crate::origin::{Origin, Writer};
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
    /// Pushes until something fails, or the other stream is to be met again.
    pub(super) async fn push(&self, met: &Met) -> Result<()> {
        let subscription = self.begin_push(met, self.place().pushed)?;
        let mut positions = Positions::new();
        let mut told = 0;
        while !self.is_stopped() {
            let batch = subscription.try_next(BATCH_RECORDS_MAX - WRITERS_MAX)?;
            self.tell_missed(&subscription, &mut told);
            if batch.is_empty() && !self.wait_for_more(met, &subscription).await? {
                break;
            }
            let records = self.outward(&batch, met.theirs);
            let mut rest = &records[..];
            while !rest.is_empty() && !self.is_stopped() {
                let (now, later) = rest.split_at(fitting(rest));
                self.push_all(met, now, &mut positions).await?;
                rest = later;
            }
            if let Some(last) = batch.last_seq()
                && rest.is_empty()
                && !self.advance_in(met, |place| place.pushed = place.pushed.max(last))
            {
                break;
            }
            pass().await;
        }
        Ok(())
    }

    /// Waits until there is more to push; false when the other stream is to be met again.
    async fn wait_for_more(&self, met: &Met, subscription: &LocalSubscription) -> Result<bool> {
        loop {
            self.pass_over(met, subscription);
            let mut again = self.look_again();
            let more = |cx: &mut Context<'_>| match subscription.poll_ready(cx) {
                Poll::Ready(()) => Poll::Ready(true),
                Poll::Pending => Pin::new(&mut again).poll(cx).map(|()| false),
            };
            match self.unless_apart(met, more).await {
                Some(false) if self.is_still(met).await? => {}
                more => return Ok(more == Some(true)),
            }
        }
    }

    /// Moves behind what is not for this link, once all that was is there.
    pub(super) fn pass_over(&self, met: &Met, subscription: &LocalSubscription) {
        self.advance_in(met, |place| place.pushed = place.pushed.max(subscription.passed()));
    }

    /// Counts what local limits removed before it was taken from here.
    pub(super) fn tell_missed(&self, subscription: &LocalSubscription, told: &mut u64) {
        let missed = subscription.missed();
        if missed > *told {
            self.standing().missed += missed - std::mem::replace(told, missed);
        }
    }

    /// The local records behind `from`.
    pub(super) fn begin_push(&self, met: &Met, from: u64) -> Result<LocalSubscription> {
        let (last_seq, subjects) = {
            let state = self.local.lock();
            (state.last_seq, state.subjects.live() as u64)
        };
        if from > last_seq {
            // The local stream is the one that lost its end: it was restored from a backup.
            self.advance_in(met, |place| (place.pushed, place.known_seq, place.known_pushed) = (0, 0, 0));
            self.standing().resets += 1;
            return self.begin_push_at(DeliverPolicy::All);
        }
        if self.config.catch_up == CatchUp::Latest && newest_for(&self.config, &self.local) > from {
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
        let mut before = Positions::new();
        for _ in 0..CONFLICTS_MAX {
            for record in records {
                let writer = record.origin.writer;
                if let Entry::Vacant(unknown) = positions.entry(writer) {
                    unknown.insert(self.look_up(&met.stream, writer, before.get(&writer)).await?);
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
                Err(error) if error.kind() == ErrorKind::Conflict => before = std::mem::take(positions),
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!("others who push to stream '{}' came between {CONFLICTS_MAX} times in a row", self.config.remote),
        ))
    }

    /// What the other stream took from a writer. It never forgets any of it, or it is another.
    async fn look_up(&self, stream: &Stream, writer: Writer, before: Option<&Position>) -> Result<Position> {
        let now = position(stream, writer).await?;
        let last = self.place().last_pushed.as_deref().and_then(Origin::parse).filter(|last| last.writer == writer);
        if before.is_some_and(|before| !now.taken.covers(&before.taken))
            || last.is_some_and(|last| !now.taken.contains(last.seq))
        {
            let message = format!("stream '{}' no longer says what it took from {writer}", stream.name());
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        Ok(now)
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
        self.advance_in(met, |place| {
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
