//! A consumer in a node, which delivers to whoever takes.
//!
//! An acknowledgement has its answer when the call returns, as beside the files.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::queue::Queue;
use super::session::Held;
use super::table::{AckRecords, AckSync, InProgress, Nak, Progress, Term};
use crate::error::Result;
use crate::pending::Pending;
use crate::record::Batch;
use crate::stream::consumer::ConsumerInfo;
use crate::stream::contract::ConsumerOps;

/// A consumer in a node.
pub(super) struct NodeConsumer {
    queue: Arc<Queue>,
    name: Arc<str>,
    waiter: u64,
}

impl NodeConsumer {
    pub(super) fn new(held: Held, name: String) -> Self {
        let queue = Queue::new(held, format!("consumer '{name}'"));
        NodeConsumer { waiter: queue.new_waiter(), queue, name: name.into() }
    }
}

impl ConsumerOps for NodeConsumer {
    fn name(&self) -> &str {
        &self.name
    }

    fn info(&self) -> Pending<ConsumerInfo> {
        self.queue.ask::<Progress>(&())
    }

    fn next(&self, max: usize) -> Pending<Batch> {
        self.queue.next(max)
    }

    fn try_next(&self, max: usize) -> Result<Batch> {
        self.queue.try_next(max)
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.queue.poll_ready(cx, self.waiter)
    }

    fn ack(&self, seqs: &[u64]) -> Result<usize> {
        self.queue.ask::<AckRecords>(&seqs.to_vec()).wait().map(|n| n as usize)
    }

    fn ack_sync(&self, seqs: &[u64]) -> Pending<usize> {
        self.queue.ask::<AckSync>(&seqs.to_vec()).map(|n| n as usize)
    }

    fn nak(&self, seq: u64, delay: Duration) -> Result<()> {
        self.queue.ask::<Nak>(&(seq, delay)).wait()
    }

    fn in_progress(&self, seq: u64) -> Result<()> {
        self.queue.ask::<InProgress>(&seq).wait()
    }

    fn term(&self, seq: u64) -> Result<()> {
        self.queue.ask::<Term>(&seq).wait()
    }

    fn another(&self) -> Box<dyn ConsumerOps> {
        let queue = Arc::clone(&self.queue);
        Box::new(NodeConsumer { waiter: queue.new_waiter(), queue, name: Arc::clone(&self.name) })
    }
}

impl Drop for NodeConsumer {
    fn drop(&mut self) {
        self.queue.waiting.remove(self.waiter);
    }
}
