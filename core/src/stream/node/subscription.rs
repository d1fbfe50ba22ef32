//! A subscription in a node, whose place the node keeps.
//!
//! Position, lag and what was missed are the node's answers; when it is gone, they are its last ones.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::queue::Queue;
use super::session::Held;
use super::table::IsPast;
use crate::error::Result;
use crate::pending::Pending;
use crate::record::Batch;
use crate::stream::contract::SubscriptionOps;

/// A subscription in a node.
pub(super) struct NodeSubscription {
    queue: Arc<Queue>,
    waiter: u64,
}

impl NodeSubscription {
    pub(super) fn new(held: Held, what: String) -> Self {
        let queue = Queue::new(held, what);
        NodeSubscription { waiter: queue.new_waiter(), queue }
    }
}

impl SubscriptionOps for NodeSubscription {
    fn next(&self, max: usize) -> Pending<Batch> {
        self.queue.next(max)
    }

    fn try_next(&self, max: usize) -> Result<Batch> {
        self.queue.try_next(max)
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.queue.poll_ready(cx, self.waiter)
    }

    fn position(&self) -> u64 {
        self.queue.stand().0
    }

    fn lag(&self) -> u64 {
        self.queue.stand().1
    }

    fn missed(&self) -> u64 {
        self.queue.stand().2
    }

    fn is_past(&self, seq: u64) -> bool {
        !self.queue.has_spare() && self.queue.ask::<IsPast>(&seq).wait().unwrap_or(false)
    }

    fn close(&self) {
        self.queue.close();
    }
}

impl Drop for NodeSubscription {
    fn drop(&mut self) {
        self.queue.waiting.remove(self.waiter);
    }
}
