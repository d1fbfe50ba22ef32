//! A local stream as the contract knows it: each operation on the index and the journal, answered at once.
//!
//! It keeps the engine open. Filters and options were checked by the handle; what only this stream knows (its end, what
//! it denies, whether it may be changed) is checked here.

use std::sync::Arc;

use super::Local;
use super::append::append;
use super::consumer::registry::Registry;
use super::control::Control;
use super::subscription::LocalSubscription;
use crate::disk::OpenMode;
use crate::engine::Inner;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::record::{Ack, Append, Batch, Record};
use crate::stream::config::{ConsumerConfig, StreamConfig};
use crate::stream::consumer::ConsumerInfo;
use crate::stream::contract::{ConsumerOps, StreamOps, SubscriptionOps};
use crate::stream::info::StreamInfo;
use crate::stream::options::{PurgeOptions, ReadOptions};
use crate::stream::subscription::SubscribeOptions;
use crate::subject::{Filters, matches};

/// One stream of a local engine, with the engine.
#[derive(Clone)]
pub(crate) struct LocalStream {
    pub(crate) local: Arc<Local>,
    pub(crate) engine: Arc<Inner>,
}

impl LocalStream {
    /// What it is and holds.
    pub(crate) fn standing(&self) -> Result<StreamInfo> {
        let consumers = self.registry()?.len() as u64;
        let disk = self.local.disk();
        let dir = &self.local.dir;
        let names = disk.list(dir).unwrap_or_default();
        let size = |name: &String| disk.open(&dir.join(name), OpenMode::Read).ok()?.len().ok();
        let disk_bytes = names.iter().filter_map(size).sum();
        let mut state = self.local.ready()?;
        let first_time = state.first_time()?;
        Ok(StreamInfo {
            config: (*state.config).clone(),
            created: state.created,
            records: state.records,
            bytes: state.bytes,
            disk_bytes,
            subjects: state.subjects.live() as u64,
            first_seq: if state.records == 0 { state.last_seq + 1 } else { state.first_seq },
            first_time,
            last_seq: state.last_seq,
            last_time: state.last_time,
            deleted: if state.records == 0 { 0 } else { state.last_seq + 1 - state.first_seq - state.records },
            consumers,
            segments: state.parts.len() as u64,
        })
    }

    fn registry(&self) -> Result<Arc<Registry>> {
        self.engine.consumers(self)
    }

    fn newest(&self, filters: &[&str], after: u64, max: usize) -> Result<Batch> {
        let filters = Filters::new(filters)?;
        let (mut found, mut after) = (Batch::default(), after);
        loop {
            let mut places = self.local.newest(&filters, after)?;
            let is_all = places.len() <= max - found.len();
            places.truncate(max - found.len());
            let read = self.local.read_places(&places)?;
            let is_whole = read.len() == places.len();
            found.replace(read);
            // What was taken out meanwhile has a newer record behind all of these, or none.
            match places.last() {
                Some(&(last, _)) if found.len() < max && !(is_all && is_whole) => after = last,
                _ => return Ok(found),
            }
        }
    }

    fn tip(&self, filter: &str) -> Result<u64> {
        let mut state = self.local.ready()?;
        Ok(state.newest_of(filter))
    }

    fn subjects_after(&self, filter: &str, after: &str, max: usize) -> Result<Vec<(String, u64)>> {
        let state = self.local.ready()?;
        let taken = state.subjects.iter().filter(|(_, name, _)| *name > after && matches(filter, name));
        let mut found: Vec<(&str, u64)> = taken.map(|(_, name, s)| (name, u64::from(s.count))).collect();
        found.sort_unstable();
        found.truncate(max);
        Ok(found.into_iter().map(|(name, count)| (name.to_owned(), count)).collect())
    }

    /// Refuses what the configuration denies.
    fn refuse_if(&self, denied: impl FnOnce(&StreamConfig) -> bool, what: &str) -> Result<()> {
        if denied(&self.local.lock().config) {
            return Err(Error::new(ErrorKind::Invalid, format!("stream '{}' denies {what}", self.name())));
        }
        Ok(())
    }
}

impl StreamOps for LocalStream {
    fn name(&self) -> &str {
        &self.local.name
    }

    fn config(&self) -> StreamConfig {
        (*self.local.lock().config).clone()
    }

    fn info(&self) -> Pending<StreamInfo> {
        Pending::ready(self.standing())
    }

    fn append(&self, batch: &[Append<'_>]) -> Pending<Ack> {
        append(&self.local, batch)
    }

    fn get(&self, seq: u64) -> Pending<Option<Record>> {
        Pending::ready(self.local.get(seq))
    }

    fn last(&self, filter: &str) -> Pending<Option<Record>> {
        Pending::ready(self.local.last(filter))
    }

    fn last_many(&self, filters: &[&str], after: u64, max: usize) -> Pending<Batch> {
        Pending::ready(self.newest(filters, after, max))
    }

    fn last_seq(&self, filter: &str) -> Pending<u64> {
        Pending::ready(self.tip(filter))
    }

    fn subjects(&self, filter: &str, after: &str, max: usize) -> Pending<Vec<(String, u64)>> {
        Pending::ready(self.subjects_after(filter, after, max))
    }

    fn read(&self, options: &ReadOptions) -> Pending<Batch> {
        Pending::ready(options.plan().and_then(|plan| Ok(self.local.read(&plan)?.batch)))
    }

    fn subscribe(&self, options: SubscribeOptions) -> Pending<Box<dyn SubscriptionOps>> {
        Pending::ready(LocalSubscription::new(&self.local, &options).map(|s| Box::new(s) as Box<dyn SubscriptionOps>))
    }

    fn create_consumer(&self, config: ConsumerConfig) -> Pending<Box<dyn ConsumerOps>> {
        let made = self.registry().and_then(|consumers| consumers.create(self, config));
        Pending::ready(made.map(|c| Box::new(c) as Box<dyn ConsumerOps>))
    }

    fn consumer(&self, name: &str) -> Pending<Box<dyn ConsumerOps>> {
        let found = self.registry().and_then(|consumers| consumers.get(self, name));
        Pending::ready(found.map(|c| Box::new(c) as Box<dyn ConsumerOps>))
    }

    fn delete_consumer(&self, name: &str) -> Pending<()> {
        Pending::ready(self.registry().and_then(|consumers| consumers.delete(self, name)))
    }

    fn consumers(&self) -> Pending<Vec<ConsumerInfo>> {
        Pending::ready(self.registry().and_then(|consumers| consumers.infos(self)))
    }

    fn delete(&self, seq: u64) -> Pending<bool> {
        Pending::after(self.refuse_if(|c| c.deny_delete, "deleting"), |()| {
            if seq == 0 || seq > self.local.lock().last_seq {
                return Pending::ready(Ok(false));
            }
            self.local.control(&Control::Delete(seq)).map(|n| n > 0)
        })
    }

    fn erase(&self, seq: u64) -> Pending<bool> {
        Pending::after(self.refuse_if(|c| c.deny_delete, "deleting"), |()| {
            let is_beyond = seq > self.local.lock().last_seq;
            Pending::ready(if is_beyond { Ok(false) } else { self.local.erase(seq) })
        })
    }

    fn purge(&self, options: &PurgeOptions) -> Pending<u64> {
        Pending::after(self.refuse_if(|c| c.deny_purge, "purging"), |()| {
            // What is appended after this call stays.
            let before = options.before_seq.unwrap_or_else(|| self.local.lock().next_seq);
            let filter = options.filter.clone().filter(|f| f != ">");
            self.local.control(&Control::Purge { filter, before, keep: options.keep })
        })
    }

    fn sync(&self) -> Pending<()> {
        Pending::ready(self.local.refuse_if_read_only().and_then(|()| self.local.sync_now()))
    }
}
