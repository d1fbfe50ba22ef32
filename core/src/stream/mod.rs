//! The stream contract: what a JetStream stream means, whichever engine keeps it.
//!
//! [`Stream`] is a handle over `contract.rs`; it checks what every engine refuses alike. `local/` keeps records on a
//! disk or in memory. Buckets and objects stand on the handles, and know nothing of who keeps the records.

pub(crate) mod bucket;
pub(crate) mod config;
pub(crate) mod consumer;
#[doc(hidden)]
pub mod contract;
pub(crate) mod dead_letter;
#[cfg(feature = "hub")]
pub(crate) mod hub;
pub(crate) mod hub_config;
pub(crate) mod hub_state;
pub(crate) mod hub_watch;
pub(crate) mod info;
pub(crate) mod ledger;
pub(crate) mod link;
pub(crate) mod local;
pub(crate) mod node;
pub(crate) mod object;
pub(crate) mod options;
pub(crate) mod shape;
pub(crate) mod subscription;

use std::sync::Arc;

use crate::error::Result;
use crate::pending::Pending;
use crate::record::{Ack, Append, Batch, Record};
use crate::subject::check_filter;
use config::{ConsumerConfig, StreamConfig};
use consumer::{Consumer, ConsumerInfo};
use contract::StreamOps;
pub use info::StreamInfo;
pub use options::{PurgeOptions, ReadOptions, Start};
use subscription::{SubscribeOptions, Subscription};

/// A durable, subject-addressed, sequenced log. Cheap to clone: clones share it, and keep the engine open.
///
/// Its reads are ready at once where the records are local.
#[derive(Clone)]
pub struct Stream(Arc<dyn StreamOps>);

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl Stream {
    /// A handle over what keeps the records.
    #[doc(hidden)]
    pub fn over(ops: Arc<dyn StreamOps>) -> Self {
        Stream(ops)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Its configuration, as it was known last.
    pub fn config(&self) -> StreamConfig {
        self.0.config()
    }

    /// What it is and holds.
    pub fn info(&self) -> Pending<StreamInfo> {
        self.0.info()
    }

    /// Refuses by name where [`Stream::append_batch`] cannot be had, as far as that was seen.
    pub(crate) fn check_batches(&self) -> Result<()> {
        self.0.check_batches()
    }

    /// Appends one record. It is done when the stream's durability is reached.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) when a condition does not hold, with both sequences;
    /// [`Limit`](crate::ErrorKind::Limit) when a limit or the disk leaves no room;
    /// [`Invalid`](crate::ErrorKind::Invalid) for what the stream does not take. Nothing was appended then.
    pub fn append(&self, append: &Append<'_>) -> Pending<Ack> {
        self.0.append(std::slice::from_ref(append))
    }

    /// Appends up to 1,000 records, all or nothing, across a crash too.
    ///
    /// `expect_last_seq` goes with the first record only, and no record may have a condition on a subject that an
    /// earlier one of the batch writes. The acknowledgement names the last sequence.
    pub fn append_batch(&self, batch: &[Append<'_>]) -> Pending<Ack> {
        self.0.append(batch)
    }

    /// As [`contract::StreamOps::append_run`].
    pub(crate) fn append_run(&self, last_seq: u64, run: &[Append<'_>]) -> Option<Pending<Ack>> {
        self.0.append_run(last_seq, run)
    }

    /// The record with this sequence.
    pub fn get(&self, seq: u64) -> Pending<Option<Record>> {
        self.0.get(seq)
    }

    /// The newest record of a subject, or of all that a wildcard filter takes.
    pub fn last(&self, filter: &str) -> Pending<Option<Record>> {
        Pending::after(check_filter(filter), |()| self.0.last(filter))
    }

    /// The newest record of every subject that the filters take, by sequence, at most `max` after sequence `after`.
    pub fn last_many(&self, filters: &[&str], after: u64, max: usize) -> Pending<Batch> {
        Pending::after(filters.iter().try_for_each(|f| check_filter(f)), |()| self.0.last_many(filters, after, max))
    }

    /// The last sequence among all subjects that the filter takes; 0 when there is none.
    pub fn last_seq(&self, filter: &str) -> Pending<u64> {
        Pending::after(check_filter(filter), |()| self.0.last_seq(filter))
    }

    /// The subjects that have a record, with how many, in order, at most `max` after the subject `after`.
    pub fn subjects(&self, filter: &str, after: &str, max: usize) -> Pending<Vec<(String, u64)>> {
        Pending::after(check_filter(filter), |()| self.0.subjects(filter, after, max))
    }

    /// Reads records; for more, go on behind the last one's sequence. Stable while appends go on.
    pub fn read(&self, options: &ReadOptions) -> Pending<Batch> {
        Pending::after(options.check(), |()| self.0.read(options))
    }

    /// History, then live, with no gap and no duplicate at the seam.
    pub fn subscribe(&self, options: SubscribeOptions) -> Pending<Subscription> {
        Pending::after(options.check(), |()| self.0.subscribe(options).map(Subscription))
    }

    /// Makes a durable consumer; the same configuration again returns the one there, another one is a conflict.
    pub fn create_consumer(&self, config: ConsumerConfig) -> Pending<Consumer> {
        Pending::after(config.check(), |()| self.0.create_consumer(config).map(Consumer))
    }

    /// The consumer of this name.
    pub fn consumer(&self, name: &str) -> Pending<Consumer> {
        self.0.consumer(name).map(Consumer)
    }

    /// Removes a consumer.
    pub fn delete_consumer(&self, name: &str) -> Pending<()> {
        self.0.delete_consumer(name)
    }

    /// All consumers, by name.
    pub fn consumers(&self) -> Pending<Vec<ConsumerInfo>> {
        self.0.consumers()
    }

    /// Removes one record; false when it was not there.
    pub fn delete(&self, seq: u64) -> Pending<bool> {
        self.0.delete(seq)
    }

    /// As [`contract::StreamOps::erase`].
    pub(crate) fn erase(&self, seq: u64) -> Pending<bool> {
        self.0.erase(seq)
    }

    /// Removes records and gives back their space; returns how many.
    pub fn purge(&self, options: &PurgeOptions) -> Pending<u64> {
        Pending::after(options.check(), |()| self.0.purge(options))
    }

    /// Returns when everything appended so far is on disk, whatever the stream's durability.
    pub fn sync(&self) -> Pending<()> {
        self.0.sync()
    }
}
