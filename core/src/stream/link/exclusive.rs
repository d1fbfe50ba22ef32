//! From the local stream to one that nobody else appends to: records one by one, many on their way at once, each under
//! the condition that the sequence before it is the last. A record that is held up comes too late for its condition.
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
use crate::record::{Ack, Batch};
use crate::stream::contract::SubscriptionOps;
use crate::stream::options::ReadOptions;

/// Records on their way at once.
const WINDOW: usize = 1024;
/// And their bytes.
const WINDOW_BYTES: usize = 8 << 20;
/// Records that are read at once.
const RECORDS_AT_ONCE: usize = 1000;

/// One on its way.
struct Sent {
    seq: u64,
    origin: Origin,
    size: usize,
    ack: Pending<Ack>,
}

impl Link {
    /// Pushes until something fails.
    pub(super) async fn push_alone(&self, met: &Met) -> Result<()> {
        // First, because it finds out whether the local stream lost its end: then all of the other is to be learned.
        let subscription = self.begin_push(met, self.place().known_pushed)?;
        let (mut there, mut end) = self.learn(met).await?;
        let mut waiting: VecDeque<Carried> = VecDeque::new();
        let mut sent: VecDeque<Sent> = VecDeque::new();
        let (mut bytes, mut looked_at, mut last_known) = (0, self.place().pushed, 0);
        while !self.is_stopped() {
            while sent.len() < WINDOW && bytes < WINDOW_BYTES {
                let Some(record) = waiting.pop_front() else { break };
                if there.remove(&record.origin) {
                    last_known = record.seq;
                    self.standing().known += 1;
                    continue;
                }
                let ack = met.stream.append(&record.append().expect_last_seq(end));
                end += 1;
                bytes += record.size();
                sent.push_back(Sent { seq: record.seq, origin: record.origin, size: record.size(), ack });
            }
            if sent.is_empty() && waiting.is_empty() {
                self.advance(met, |place| place.pushed = place.pushed.max(looked_at));
            }
            match self.next(met, &subscription, &mut sent, waiting.is_empty()).await? {
                Next::Over => break,
                Next::Acked => {
                    let Some(done) = sent.pop_front() else { continue };
                    bytes -= done.size;
                    self.standing().pushed += 1;
                    let remote_seq = end - sent.len() as u64;
                    let all_is_here = there.is_empty() && done.seq >= last_known;
                    self.advance(met, |place| {
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
                    looked_at = batch.last_seq().unwrap_or(looked_at);
                    waiting.extend(self.outward(&batch, met.theirs));
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

    /// What happens first: the oldest on its way arrives, or (when asked for) there is more to push.
    async fn next(
        &self,
        met: &Met,
        subscription: &impl SubscriptionOps,
        sent: &mut VecDeque<Sent>,
        wants_more: bool,
    ) -> Result<Next> {
        std::future::poll_fn(|cx: &mut Context<'_>| {
            if self.is_over(met, cx) {
                return Poll::Ready(Ok(Next::Over));
            }
            if let Some(first) = sent.front_mut()
                && let Poll::Ready(outcome) = Pin::new(&mut first.ack).poll(cx)
            {
                return Poll::Ready(outcome.map(|_| Next::Acked).map_err(|error| self.crossed(error)));
            }
            if wants_more && subscription.poll_ready(cx).is_ready() {
                return Poll::Ready(subscription.try_next(RECORDS_AT_ONCE).map(Next::Records));
            }
            Poll::Pending
        })
        .await
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

enum Next {
    /// The other stream was found to be another one.
    Over,
    Acked,
    Records(Batch),
}
