//! The consumer's handle, and what it tells of itself; whoever keeps the consumer is behind [`ConsumerOps`].

use std::task::{Context, Poll};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::config::ConsumerConfig;
use super::contract::ConsumerOps;
use crate::error::Result;
use crate::pending::Pending;
use crate::record::Batch;

/// A durable position in a stream. Cheap to clone: clones share it, and each record goes to one taker.
pub struct Consumer(pub(super) Box<dyn ConsumerOps>);

impl Clone for Consumer {
    fn clone(&self) -> Self {
        Consumer(self.0.another())
    }
}

/// Where a consumer stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConsumerInfo {
    /// Its configuration.
    pub config: ConsumerConfig,
    /// The highest sequence that was delivered.
    pub delivered_seq: u64,
    /// Everything up to this sequence is done.
    pub ack_floor: u64,
    /// Delivered and not acknowledged.
    pub num_ack_pending: u64,
    /// Of those, how many were delivered more than once.
    pub num_redelivered: u64,
    /// Not delivered yet.
    pub num_pending: u64,
    /// Moved to the dead-letter stream.
    pub num_dead: u64,
}

impl Consumer {
    /// Its name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Where it stands.
    pub fn info(&self) -> Pending<ConsumerInfo> {
        self.0.info()
    }

    /// Waits until there is a record to deliver, then takes up to `max`.
    pub fn next(&self, max: usize) -> Pending<Batch> {
        self.0.next(max)
    }

    /// Takes up to `max` records that can be delivered now; an empty batch when there is none.
    pub fn try_next(&self, max: usize) -> Result<Batch> {
        self.0.try_next(max)
    }

    /// Ready when [`Consumer::try_next`] has something to say; else wakes `cx` then.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_ready(cx)
    }

    /// Done with these sequences. One that is not pending is passed over; returns how many were.
    ///
    /// With [`AckPolicy::All`](super::config::AckPolicy::All) everything delivered before the highest of them is done
    /// too. The acknowledgement is with the operating system when this returns; see [`Consumer::ack_sync`].
    pub fn ack(&self, seqs: &[u64]) -> Result<usize> {
        self.0.ack(seqs)
    }

    /// As [`Consumer::ack`], and on disk when this returns.
    pub fn ack_sync(&self, seqs: &[u64]) -> Pending<usize> {
        self.0.ack_sync(seqs)
    }

    /// Not done: deliver it again after `delay`.
    pub fn nak(&self, seq: u64, delay: Duration) -> Result<()> {
        self.0.nak(seq, delay)
    }

    /// Still at it: start the ack wait anew.
    pub fn in_progress(&self, seq: u64) -> Result<()> {
        self.0.in_progress(seq)
    }

    /// Never deliver it again; it does not go to the dead-letter stream.
    pub fn term(&self, seq: u64) -> Result<()> {
        self.0.term(seq)
    }
}
