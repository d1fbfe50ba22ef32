//! The stream contract: what a JetStream stream means, whichever engine keeps it.
//!
//! [`Stream`] is the handle and translates; `local/` keeps the records. Consumers, subscriptions and buckets stand on
//! the handle's own operations and know nothing of segments.

pub(crate) mod bucket;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod consumer;
#[cfg(feature = "hub")]
#[allow(dead_code, reason = "the handles stand on it once they are over both engines")]
pub(crate) mod contract;
#[cfg(feature = "hub")]
#[allow(dead_code, reason = "reached by the handles once they are over both engines")]
pub(crate) mod hub;
pub(crate) mod hub_config;
pub(crate) mod info;
pub(crate) mod ledger;
pub(crate) mod local;
pub(crate) mod options;
pub(crate) mod subscription;

use std::sync::Arc;

use crate::engine::Inner;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::record::{Ack, Append, Batch, Record};
use crate::subject::{Filters, check_filter, check_subject, matches};
use config::{ConsumerConfig, StreamConfig};
use consumer::{Consumer, ConsumerInfo};
pub use info::StreamInfo;
use local::Local;
use local::control::Control;
pub use options::{PurgeOptions, ReadOptions, Start};
use subscription::{SubscribeOptions, Subscription};

/// A durable, subject-addressed, sequenced log. Cheap to clone: clones share it, and keep the engine open.
#[derive(Clone)]
pub struct Stream {
    pub(crate) local: Arc<Local>,
    pub(crate) engine: Arc<Inner>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("name", &self.local.name).finish_non_exhaustive()
    }
}

impl Stream {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.local.name
    }

    /// Its configuration now.
    pub fn config(&self) -> StreamConfig {
        (*self.local.lock().config).clone()
    }

    /// What it is and holds.
    pub fn info(&self) -> Result<StreamInfo> {
        info::of(self)
    }

    /// Appends one record. It is done when the stream's durability is reached.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when a condition does not hold, with both sequences; [`ErrorKind::Limit`] when a limit
    /// or the disk leaves no room; [`ErrorKind::Invalid`] for what the stream does not take. Nothing was appended
    /// then.
    pub fn append(&self, append: &Append<'_>) -> Pending<Ack> {
        local::append::append(&self.local, std::slice::from_ref(append))
    }

    /// Appends up to 1,000 records, all or nothing, across a crash too.
    ///
    /// `expect_last_seq` goes with the first record only, and no record may have a condition on a subject that an
    /// earlier one of the batch writes. The acknowledgement names the last sequence.
    pub fn append_batch(&self, batch: &[Append<'_>]) -> Pending<Ack> {
        local::append::append(&self.local, batch)
    }

    /// The record with this sequence.
    pub fn get(&self, seq: u64) -> Result<Option<Record>> {
        self.local.get(seq)
    }

    /// The newest record of a subject, or of all that a wildcard filter takes.
    pub fn last(&self, filter: &str) -> Result<Option<Record>> {
        check_filter(filter)?;
        self.local.last(filter)
    }

    /// The newest record of every subject that the filters take, by sequence, at most `max` after sequence `after`.
    pub fn last_many(&self, filters: &[&str], after: u64, max: usize) -> Result<Batch> {
        let mut places = self.local.newest(&Filters::new(filters)?, after)?;
        places.truncate(max);
        self.local.read_places(&places)
    }

    /// The last sequence among all subjects that the filter takes; 0 when there is none.
    pub fn last_seq(&self, filter: &str) -> Result<u64> {
        check_filter(filter)?;
        let mut state = self.local.ready()?;
        Ok(if crate::subject::is_wildcard(filter) {
            state.tip(filter)
        } else {
            state.subjects.get(filter).map_or(0, |s| s.last_seq)
        })
    }

    /// The subjects that have a record, with how many, in order, at most `max` after the subject `after`.
    pub fn subjects(&self, filter: &str, after: &str, max: usize) -> Result<Vec<(String, u64)>> {
        check_filter(filter)?;
        let state = self.local.ready()?;
        let taken = state.subjects.iter().filter(|(_, name, _)| *name > after && matches(filter, name));
        let mut found: Vec<(&str, u64)> = taken.map(|(_, name, s)| (name, u64::from(s.count))).collect();
        found.sort_unstable();
        found.truncate(max);
        Ok(found.into_iter().map(|(name, count)| (name.to_owned(), count)).collect())
    }

    /// Reads records; for more, go on behind the last one's sequence. Stable while appends go on.
    pub fn read(&self, options: &ReadOptions) -> Result<Batch> {
        Ok(self.local.read(&options.plan()?)?.batch)
    }

    /// History, then live, with no gap and no duplicate at the seam.
    pub fn subscribe(&self, options: SubscribeOptions) -> Result<Subscription> {
        Subscription::new(&self.local, &options)
    }

    /// Makes a durable consumer; the same configuration again returns the one there, another one is a conflict.
    pub fn create_consumer(&self, config: ConsumerConfig) -> Result<Consumer> {
        self.engine.consumers(self)?.create(self, config)
    }

    /// The consumer of this name.
    pub fn consumer(&self, name: &str) -> Result<Consumer> {
        self.engine.consumers(self)?.get(self, name)
    }

    /// Removes a consumer.
    pub fn delete_consumer(&self, name: &str) -> Result<()> {
        self.engine.consumers(self)?.delete(self, name)
    }

    /// All consumers, by name.
    pub fn consumers(&self) -> Result<Vec<ConsumerInfo>> {
        self.engine.consumers(self)?.infos(self)
    }

    /// Removes one record; false when it was not there.
    pub fn delete(&self, seq: u64) -> Pending<bool> {
        let refused = {
            let state = self.local.lock();
            state.config.deny_delete.then(|| format!("stream '{}' denies deleting", self.name()))
        };
        if let Some(message) = refused {
            return Pending::ready(Err(Error::new(ErrorKind::Invalid, message)));
        }
        if seq == 0 || seq > self.local.lock().last_seq {
            return Pending::ready(Ok(false));
        }
        self.local.control(&Control::Delete(seq)).map(|n| n > 0)
    }

    /// Removes records and gives back their space; returns how many.
    pub fn purge(&self, options: &PurgeOptions) -> Pending<u64> {
        let check = || {
            if let Some(filter) = &options.filter {
                check_filter(filter)?;
            }
            if self.local.lock().config.deny_purge {
                return Err(Error::new(ErrorKind::Invalid, format!("stream '{}' denies purging", self.name())));
            }
            if options.keep > 0 && options.before_seq.is_some() {
                return Err(Error::invalid("a purge takes keep or before_seq, not both"));
            }
            Ok(())
        };
        if let Err(error) = check() {
            return Pending::ready(Err(error));
        }
        // What is appended after this call stays.
        let before = options.before_seq.unwrap_or_else(|| self.local.lock().next_seq);
        let filter = options.filter.clone().filter(|f| f != ">");
        self.local.control(&Control::Purge { filter, before, keep: options.keep })
    }

    /// Returns when everything appended so far is on disk, whatever the stream's durability.
    pub fn sync(&self) -> Pending<()> {
        Pending::ready(self.local.refuse_if_read_only().and_then(|()| self.local.sync_now()))
    }

    /// Checks a literal subject against what the stream takes.
    pub(crate) fn takes(&self, subject: &str) -> Result<bool> {
        check_subject(subject)?;
        Ok(self.local.lock().config.subjects.iter().any(|s| matches(s, subject)))
    }
}
