//! A hub as nodes reach it that are cut off and whose acknowledgements are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::record::{Ack, Append, Batch, Record};
use crate::stream::StreamInfo;
use crate::stream::config::{ConsumerConfig, StreamConfig};
use crate::stream::consumer::ConsumerInfo;
use crate::stream::contract::{ConsumerOps, EngineOps, Listener, StreamOps, SubscriptionOps, WireCall, WireOps};
use crate::stream::options::{PurgeOptions, ReadOptions};
use crate::stream::subscription::SubscribeOptions;

/// What is between a node and the others.
#[derive(Default)]
pub(super) struct Faults {
    pub(super) is_cut: AtomicBool,
    /// So many of the next acknowledgements are lost, though what they speak of is done.
    pub(super) lost_acks: AtomicU64,
}

impl Faults {
    fn check(&self) -> Result<()> {
        if self.is_cut.load(Ordering::Relaxed) { Err(cut()) } else { Ok(()) }
    }

    fn loses_ack(&self) -> bool {
        let less = |count: u64| count.checked_sub(1);
        self.lost_acks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

fn cut() -> Error {
    Error::new(ErrorKind::Io, "the node is cut off")
}

fn or_cut<T: 'static>(faults: &Faults, work: impl FnOnce() -> Pending<T>) -> Pending<T> {
    match faults.check() {
        Ok(()) => work(),
        Err(error) => Pending::ready(Err(error)),
    }
}

/// A stream of the hub, as a node reaches it.
struct Reached {
    stream: Arc<dyn StreamOps>,
    faults: Arc<Faults>,
}

impl StreamOps for Reached {
    fn name(&self) -> &str {
        self.stream.name()
    }
    fn config(&self) -> StreamConfig {
        self.stream.config()
    }
    fn info(&self) -> Pending<StreamInfo> {
        or_cut(&self.faults, || self.stream.info())
    }
    fn append(&self, batch: &[Append<'_>]) -> Pending<Ack> {
        let faults = Arc::clone(&self.faults);
        or_cut(&self.faults, || self.stream.append(batch))
            .and_then(move |ack| Pending::ready(if faults.loses_ack() { Err(cut()) } else { Ok(ack) }))
    }
    fn get(&self, seq: u64) -> Pending<Option<Record>> {
        or_cut(&self.faults, || self.stream.get(seq))
    }
    fn last(&self, filter: &str) -> Pending<Option<Record>> {
        or_cut(&self.faults, || self.stream.last(filter))
    }
    fn last_many(&self, filters: &[&str], after: u64, max: usize) -> Pending<Batch> {
        or_cut(&self.faults, || self.stream.last_many(filters, after, max))
    }
    fn last_seq(&self, filter: &str) -> Pending<u64> {
        or_cut(&self.faults, || self.stream.last_seq(filter))
    }
    fn subjects(&self, filter: &str, after: &str, max: usize) -> Pending<Vec<(String, u64)>> {
        or_cut(&self.faults, || self.stream.subjects(filter, after, max))
    }
    fn read(&self, options: &ReadOptions) -> Pending<Batch> {
        or_cut(&self.faults, || self.stream.read(options))
    }
    fn subscribe(&self, options: SubscribeOptions) -> Pending<Box<dyn SubscriptionOps>> {
        self.stream.subscribe(options)
    }
    fn create_consumer(&self, config: ConsumerConfig) -> Pending<Box<dyn ConsumerOps>> {
        self.stream.create_consumer(config)
    }
    fn consumer(&self, name: &str) -> Pending<Box<dyn ConsumerOps>> {
        self.stream.consumer(name)
    }
    fn delete_consumer(&self, name: &str) -> Pending<()> {
        self.stream.delete_consumer(name)
    }
    fn consumers(&self) -> Pending<Vec<ConsumerInfo>> {
        self.stream.consumers()
    }
    fn delete(&self, seq: u64) -> Pending<bool> {
        self.stream.delete(seq)
    }
    fn purge(&self, options: &PurgeOptions) -> Pending<u64> {
        self.stream.purge(options)
    }
    fn sync(&self) -> Pending<()> {
        self.stream.sync()
    }
}

/// The hub, as a node reaches it.
pub(super) struct Reach {
    pub(super) hub: Arc<dyn EngineOps>,
    pub(super) faults: Arc<Faults>,
}

impl Reach {
    fn of(&self, stream: Pending<Arc<dyn StreamOps>>) -> Pending<Arc<dyn StreamOps>> {
        let faults = Arc::clone(&self.faults);
        stream.map(move |stream| Arc::new(Reached { stream, faults }) as Arc<dyn StreamOps>)
    }
}

impl EngineOps for Reach {
    fn create_stream(&self, config: StreamConfig) -> Pending<Arc<dyn StreamOps>> {
        self.of(self.hub.create_stream(config))
    }
    fn update_stream(&self, config: StreamConfig) -> Pending<Arc<dyn StreamOps>> {
        self.of(self.hub.update_stream(config))
    }
    fn stream(&self, name: &str) -> Pending<Arc<dyn StreamOps>> {
        self.of(self.hub.stream(name))
    }
    fn delete_stream(&self, name: &str) -> Pending<()> {
        self.hub.delete_stream(name)
    }
    fn streams(&self) -> Pending<Vec<StreamInfo>> {
        self.hub.streams()
    }
    fn close(&self) -> Result<()> {
        Ok(())
    }
    fn wire(&self) -> Option<Arc<dyn WireOps>> {
        let (wire, faults) = (self.hub.wire()?, Arc::clone(&self.faults));
        Some(Arc::new(Line { wire, faults }))
    }
}

/// Calls from a node and to it.
struct Line {
    wire: Arc<dyn WireOps>,
    faults: Arc<Faults>,
}

impl WireOps for Line {
    fn request(&self, subject: &str, payload: Vec<u8>, timeout: Duration) -> Pending<Vec<u8>> {
        or_cut(&self.faults, || self.wire.request(subject, payload, timeout))
    }
    fn listen(&self, subject: &str, take: Listener) -> Pending<Box<dyn Send + Sync>> {
        let faults = Arc::clone(&self.faults);
        let take = move |call: WireCall| {
            let (faults, reply) = (Arc::clone(&faults), call.reply);
            // What a node that is cut off is asked, and what it answers, is lost.
            if faults.check().is_ok() {
                let reply = Box::new(move |answer| {
                    if faults.check().is_ok() {
                        reply(answer);
                    }
                });
                take(WireCall { payload: call.payload, reply });
            }
        };
        self.wire.listen(subject, Arc::new(take))
    }
}
