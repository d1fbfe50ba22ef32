//! From the local stream to one that nobody else appends to: many records on their way at once, each under the
//! condition that the sequence before it is the last. A record that is held up comes too late for its condition. Where
//! the stream takes runs of them, they are answered for together.
//!
//! What is there is learned from the records themselves, from the sequence on up to which all of it was pushed from
//! here. Whatever leaves is on disk here before: were it lost to a power cut, others would get its sequences, and a
//! push that was held up could meet its condition among them.

use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::carry::Carried;
use super::{Link, Met};
use crate::error::{Error, ErrorKind, Result};
use crate::origin::{HEADER_ORIGIN, Origin};
use crate::pending::Pending;
use crate::record::{Ack, Append, Batch};
use crate::stream::Stream;
use crate::stream::contract::SubscriptionOps;
use crate::stream::options::ReadOptions;
use crate::timers::Sleep;

/// Records on their way at once; a run of them may go beyond.
const WINDOW: u64 = 1024;
/// Records of one run.
const RUN: usize = 500;
/// And their bytes.
const WINDOW_BYTES: usize = 8 << 20;
/// Records that are read at once.
const RECORDS_AT_ONCE: usize = 1000;

/// Some on their way, which are answered for together.
struct Sent {
    /// Of the last one.
    seq: u64,
    origin: Origin,
    count: u64,
    size: usize,
    ack: Pending<Ack>,
}

impl Sent {
    fn of(records: &[Carried], ack: Pending<Ack>) -> Option<Self> {
        let last = records.last()?;
        let (count, size) = (records.len() as u64, records.iter().map(Carried::size).sum());
        Some(Sent { seq: last.seq, origin: last.origin, count, size, ack })
    }
}

impl Link {
    /// Pushes until something fails, or the other stream is to be met again.
    pub(super) async fn push_alone(&self, met: &Met) -> Result<()> {
        // First, because it finds out whether the local stream lost its end: then all of the other is to be learned.
        let subscription = self.begin_push(met, self.place().known_pushed)?;
        let (mut there, mut end) = self.learn(met).await?;
        let mut waiting: VecDeque<Carried> = VecDeque::new();
        let mut sent: VecDeque<Sent> = VecDeque::new();
        let (mut on_way, mut bytes, mut last_known) = (0, 0, 0);
        // What is gone here and was pushed before is no gap.
        let (place, first_seq) = (self.place(), self.local.lock().first_seq);
        let mut told = place.pushed.min(first_seq.saturating_sub(1)).saturating_sub(place.known_pushed);
        let mut again = self.look_again();
        while !self.is_stopped() {
            while on_way < WINDOW && bytes < WINDOW_BYTES {
                let Some(record) = waiting.front() else { break };
                if there.remove(&record.origin) {
                    last_known = record.seq;
                    self.standing().known += 1;
                    waiting.pop_front();
                    continue;
                }
                bytes += record.size();
                let fits = |record: &&Carried| {
                    let fits = bytes + record.size() < WINDOW_BYTES && !there.contains(&record.origin);
                    bytes += if fits { record.size() } else { 0 };
                    fits
                };
                let more = waiting.iter().take(RUN).skip(1).take_while(fits).count();
                let run: Vec<Carried> = waiting.drain(..=more).collect();
                sent.extend(send(&met.stream, end, &run));
                (on_way, end) = (on_way + run.len() as u64, end + run.len() as u64);
            }
            if sent.is_empty() && waiting.is_empty() {
                self.pass_over(met, &subscription);
            }
            let next = |cx: &mut Context<'_>| self.next(&subscription, &mut sent, waiting.is_empty(), &mut again, cx);
            let Some(next) = self.unless_apart(met, next).await else { break };
            match next? {
                Next::Nothing if self.is_still(met).await? => again = self.look_again(),
                Next::Nothing => break,
                Next::Acked => {
                    let Some(done) = sent.pop_front() else { continue };
                    (on_way, bytes) = (on_way - done.count, bytes - done.size);
                    self.standing().pushed += done.count;
                    let remote_seq = end - on_way;
                    let all_is_here = there.is_empty() && done.seq >= last_known;
                    self.advance_in(met, |place| {
                        place.pushed = place.pushed.max(done.seq);
                        place.remote_seq = place.remote_seq.max(remote_seq);
                        if all_is_here {
                            (place.known_seq, place.known_pushed) = (remote_seq, done.seq);
                        }
                        place.last_pushed = Some(done.origin.to_string());
                    });
                }
                Next::Records(batch) => {
                    self.local.sync_committed()?;
                    self.tell_missed(&subscription, &mut told);
                    waiting.extend(self.outward(&batch, met.theirs));
                    again = self.look_again();
                }
            }
        }
        Ok(())
    }

    /// The origins that the other stream holds of what may still be pushed, and its last sequence, which was another
    /// when it was met: what arrives late is either read, or past the end that the next push is told.
    async fn learn(&self, met: &Met) -> Result<(BTreeSet<Origin>, u64)> {
        let (mut there, mut from) = (BTreeSet::new(), self.place().known_seq + 1);
        loop {
            let batch = met.stream.read(&ReadOptions::default().from_seq(from).max_records(RECORDS_AT_ONCE)).await?;
            let Some(last) = batch.last_seq() else { break };
            there.extend(batch.iter().filter_map(|r| r.header(HEADER_ORIGIN).and_then(Origin::parse)));
            from = last + 1;
        }
        Ok((there, met.info.last_seq.max(from - 1)))
    }

    /// What happens first: the oldest on its way arrives, (when asked for) there is more to push, or nothing was on
    /// its way for so long that the other stream is to be looked at.
    fn next(
        &self,
        subscription: &impl SubscriptionOps,
        sent: &mut VecDeque<Sent>,
        wants_more: bool,
        again: &mut Sleep,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Next>> {
        if let Some(first) = sent.front_mut()
            && let Poll::Ready(outcome) = Pin::new(&mut first.ack).poll(cx)
        {
            return Poll::Ready(outcome.map(|_| Next::Acked).map_err(|error| self.crossed(error)));
        }
        if wants_more && subscription.poll_ready(cx).is_ready() {
            return Poll::Ready(subscription.try_next(RECORDS_AT_ONCE).map(Next::Records));
        }
        if sent.is_empty() && wants_more {
            return Pin::new(again).poll(cx).map(|()| Ok(Next::Nothing));
        }
        Poll::Pending
    }

    fn crossed(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::Conflict => error.context(format_args!(
                "somebody else appends to stream '{}', or an earlier try arrived; exclusive is for one writer alone",
                self.config.remote
            )),
            _ => error,
        }
    }
}

/// Sends a run behind `end`, as one where that is better, else one by one.
fn send(stream: &Stream, end: u64, run: &[Carried]) -> Vec<Sent> {
    let appends: Vec<Append<'_>> = run.iter().map(Carried::append).collect();
    if let Some(ack) = stream.append_run(end, &appends) {
        return Sent::of(run, ack).into_iter().collect();
    }
    let one = |(n, append): (usize, &Append<'_>)| {
        Sent::of(&run[n..=n], stream.append(&append.clone().expect_last_seq(end + n as u64)))
    };
    appends.iter().enumerate().filter_map(one).collect()
}

enum Next {
    Nothing,
    Acked,
    Records(Batch),
}
