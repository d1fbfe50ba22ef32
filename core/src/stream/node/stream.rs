//! A node's stream as the contract knows it: each operation is a request, and the answer is the outcome.

use std::sync::{Arc, Mutex};

use super::consumer::NodeConsumer;
use super::records::put_appends;
use super::session::{Held, Session};
use super::subscription::NodeSubscription;
use super::table::{
    AppendRecords, Consumers, CreateConsumer, Delete, DeleteConsumer, Erase, Get, Info, Last, LastMany, LastSeq,
    OpenConsumer, Operation, Purge, Read, Subjects, Subscribe, Sync,
};
use crate::locks::lock;
use crate::pending::Pending;
use crate::record::{Ack, Append, Batch, Record};
use crate::stream::config::{ConsumerConfig, StreamConfig};
use crate::stream::consumer::ConsumerInfo;
use crate::stream::contract::{ConsumerOps, StreamOps, SubscriptionOps};
use crate::stream::info::StreamInfo;
use crate::stream::options::{BYTES_DEFAULT, PurgeOptions, RECORDS_DEFAULT, ReadOptions, Start};
use crate::stream::shape;
use crate::stream::subscription::SubscribeOptions;

/// The most bytes of records that a node reads for one request.
pub(crate) const READ_BYTES_MAX: usize = 8 << 20;

/// A stream of a node.
pub(super) struct NodeStream {
    held: Held,
    name: String,
    config: Arc<Mutex<StreamConfig>>,
}

impl NodeStream {
    pub(super) fn new(session: Arc<Session>, id: u64, config: StreamConfig) -> Self {
        let name = config.name.clone();
        NodeStream { held: Held { session, id }, name, config: Arc::new(Mutex::new(config)) }
    }

    fn ask<O: Operation>(&self, question: &O::Question) -> Pending<O::Answer> {
        self.held.session.ask::<O>(self.held.id, question)
    }

    fn ask_new<O: Operation>(&self, question: &O::Question) -> Pending<Held> {
        let session = Arc::clone(&self.held.session);
        let (id, answer) = self.held.session.ask_new::<O>(self.held.id, question);
        answer.map(move |_| Held { session, id })
    }

    fn open_consumer<O: Operation>(&self, name: &str, question: &O::Question) -> Pending<Box<dyn ConsumerOps>> {
        let name = name.to_owned();
        self.ask_new::<O>(question).map(|held| Box::new(NodeConsumer::new(held, name)) as Box<dyn ConsumerOps>)
    }
}

/// Reads more than one answer may hold, page by page.
async fn read_pages(session: Arc<Session>, id: u64, mut options: ReadOptions) -> crate::error::Result<Batch> {
    let mut bytes_left = options.max_bytes;
    if options.max_records == 0 {
        options.max_records = RECORDS_DEFAULT;
    }
    let mut all = Batch::default();
    loop {
        options.max_bytes = bytes_left.min(READ_BYTES_MAX);
        let page = session.ask::<Read>(id, &options).await?;
        let Some(last) = page.last_seq() else { return Ok(all) };
        options.max_records -= page.len().min(options.max_records);
        bytes_left = bytes_left.saturating_sub(page.stored_bytes());
        all.absorb(page);
        if options.max_records == 0 || bytes_left == 0 || (options.backward && last == 1) {
            return Ok(all);
        }
        options.start = Some(Start::Seq(if options.backward { last - 1 } else { last + 1 }));
    }
}

impl StreamOps for NodeStream {
    fn name(&self) -> &str {
        &self.name
    }

    fn config(&self) -> StreamConfig {
        lock(&self.config).clone()
    }

    fn info(&self) -> Pending<StreamInfo> {
        let known = Arc::clone(&self.config);
        self.ask::<Info>(&()).map(move |info| {
            lock(&known).clone_from(&info.config);
            info
        })
    }

    fn append(&self, batch: &[Append<'_>]) -> Pending<Ack> {
        Pending::after(shape::check(batch), |_| {
            self.held.session.send(AppendRecords::KIND, self.held.id, |out| put_appends(out, batch)).1
        })
    }

    fn get(&self, seq: u64) -> Pending<Option<Record>> {
        self.ask::<Get>(&seq)
    }

    fn last(&self, filter: &str) -> Pending<Option<Record>> {
        self.ask::<Last>(&filter.to_owned())
    }

    fn last_many(&self, filters: &[&str], after: u64, max: usize) -> Pending<Batch> {
        let filters = filters.iter().map(|&f| f.to_owned()).collect();
        self.ask::<LastMany>(&(filters, after, max as u64))
    }

    fn last_seq(&self, filter: &str) -> Pending<u64> {
        self.ask::<LastSeq>(&filter.to_owned())
    }

    fn subjects(&self, filter: &str, after: &str, max: usize) -> Pending<Vec<(String, u64)>> {
        self.ask::<Subjects>(&(filter.to_owned(), after.to_owned(), max as u64))
    }

    fn read(&self, options: &ReadOptions) -> Pending<Batch> {
        let bytes = if options.max_bytes == 0 { BYTES_DEFAULT } else { options.max_bytes };
        if bytes <= READ_BYTES_MAX {
            return self.ask::<Read>(options);
        }
        Pending::of(read_pages(Arc::clone(&self.held.session), self.held.id, options.clone()))
    }

    fn subscribe(&self, options: SubscribeOptions) -> Pending<Box<dyn SubscriptionOps>> {
        let what = format!("the subscription to stream '{}'", self.name);
        self.ask_new::<Subscribe>(&options)
            .map(|held| Box::new(NodeSubscription::new(held, what)) as Box<dyn SubscriptionOps>)
    }

    fn create_consumer(&self, config: ConsumerConfig) -> Pending<Box<dyn ConsumerOps>> {
        self.open_consumer::<CreateConsumer>(&config.name, &config)
    }

    fn consumer(&self, name: &str) -> Pending<Box<dyn ConsumerOps>> {
        self.open_consumer::<OpenConsumer>(name, &name.to_owned())
    }

    fn delete_consumer(&self, name: &str) -> Pending<()> {
        self.ask::<DeleteConsumer>(&name.to_owned())
    }

    fn consumers(&self) -> Pending<Vec<ConsumerInfo>> {
        self.ask::<Consumers>(&())
    }

    fn delete(&self, seq: u64) -> Pending<bool> {
        self.ask::<Delete>(&seq)
    }

    fn erase(&self, seq: u64) -> Pending<bool> {
        self.ask::<Erase>(&seq)
    }

    fn purge(&self, options: &PurgeOptions) -> Pending<u64> {
        self.ask::<Purge>(options)
    }

    fn sync(&self) -> Pending<()> {
        self.ask::<Sync>(&())
    }
}
