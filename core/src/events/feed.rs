//! Following a store: its events from a position on, history and then live, without a seam.

use std::task::{Context, Poll};

use crate::error::Result;
use crate::pending::Pending;
use crate::stream::config::DeliverPolicy;
use crate::stream::subscription::{SubscribeOptions, Subscription};

use super::names::EventFilter;
use super::read::Events;
use super::store::EventStore;

/// What to follow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FollowOptions {
    /// Only events of aggregates that one of these takes; all when empty. The stream looks at it, so what is not taken
    /// does not travel.
    pub filters: Vec<EventFilter>,
    /// Only events behind this sequence of the store.
    pub after: u64,
}

/// A place in a store that moves as events are taken. Safe to share; each event goes to one taker.
pub struct EventFeed(Subscription);

impl EventFeed {
    /// Waits until there is at least one event, then takes up to `max`.
    pub fn next(&self, max: usize) -> Pending<Events> {
        self.0.next(max).map(Events::of)
    }

    /// Takes up to `max` events that are there.
    pub fn try_next(&self, max: usize) -> Result<Events> {
        self.0.try_next(max).map(Events::of)
    }

    /// Ready when `try_next` has something to say; else wakes `cx` then.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll_ready(cx)
    }

    /// How many events, of any aggregate, were saved behind what was taken: 0 is live. It is what the store has now,
    /// not what it had when the feed began.
    pub fn lag(&self) -> u64 {
        self.0.lag()
    }

    /// Ends it: waits answer [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    pub fn close(&self) {
        self.0.close();
    }
}

impl EventStore {
    /// Follows the events of some aggregates.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for names that can't be; those of the stream.
    pub fn follow(&self, options: &FollowOptions) -> Pending<EventFeed> {
        let filters: Result<Vec<String>> = options.filters.iter().map(|filter| self.0.names.filter(filter)).collect();
        let deliver_policy = DeliverPolicy::ByStartSequence(options.after + 1);
        Pending::after(filters, |filters| {
            let filters = if filters.is_empty() { vec![self.0.names.all()] } else { filters };
            self.stream().subscribe(SubscribeOptions { filters, deliver_policy }).map(EventFeed)
        })
    }
}
