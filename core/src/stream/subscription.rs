//! The subscription's handle, and what it is told; whoever reads the records is behind [`SubscriptionOps`].

use std::task::{Context, Poll};

use serde::{Deserialize, Serialize};

use super::config::DeliverPolicy;
use super::contract::SubscriptionOps;
use crate::error::Result;
use crate::pending::Pending;
use crate::record::Batch;
use crate::subject::check_filter;

/// What to subscribe to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[must_use]
pub struct SubscribeOptions {
    /// Only records that one of these takes; all when empty.
    pub filters: Vec<String>,
    /// Where to begin.
    pub deliver_policy: DeliverPolicy,
}

impl SubscribeOptions {
    /// Adds a filter.
    pub fn filter(mut self, filter: impl Into<String>) -> Self {
        self.filters.push(filter.into());
        self
    }

    /// Begins here.
    pub fn deliver(mut self, policy: DeliverPolicy) -> Self {
        self.deliver_policy = policy;
        self
    }

    /// Refuses what no engine takes.
    pub(crate) fn check(&self) -> Result<()> {
        self.filters.iter().try_for_each(|f| check_filter(f))?;
        self.deliver_policy.check()
    }
}

/// A place in a stream that moves as records are taken. Safe to share; each record goes to one taker.
pub struct Subscription(pub(super) Box<dyn SubscriptionOps>);

impl Subscription {
    /// Waits until there is at least one record, then takes up to `max`.
    pub fn next(&self, max: usize) -> Pending<Batch> {
        self.0.next(max)
    }

    /// Takes up to `max` records that are there; an empty batch when there is none.
    pub fn try_next(&self, max: usize) -> Result<Batch> {
        self.0.try_next(max)
    }

    /// Ready when [`Subscription::try_next`] has something to say (a record, or that it is closed); else wakes `cx`
    /// then.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_ready(cx)
    }

    /// The sequence that comes next at the earliest.
    pub fn position(&self) -> u64 {
        self.0.position()
    }

    /// How many sequences the stream is ahead.
    pub fn lag(&self) -> u64 {
        self.0.lag()
    }

    /// How many records of the stream limits removed before this subscription came to read them: it fell that far
    /// behind.
    ///
    /// It counts from the first record that was read, or from the place that the deliver policy named: a subscription
    /// to all that has read nothing yet begins at what is kept, and has missed nothing.
    pub fn missed(&self) -> u64 {
        self.0.missed()
    }

    /// Whether nothing up to `seq` is left to take.
    pub(crate) fn is_past(&self, seq: u64) -> bool {
        self.0.is_past(seq)
    }

    /// Moves behind a record whose content and that of all before it is known; false where that can't be done.
    pub(crate) fn pass(&self, seq: u64) -> bool {
        self.0.pass(seq)
    }

    /// Ends it: waits return `Closed`.
    pub fn close(&self) {
        self.0.close();
    }
}
