//! What an engine keeps: the stream contract as traits, of which [`super::Stream`], [`super::Subscription`] and
//! [`super::Consumer`] are the handles.
//!
//! Whoever implements them decides where the records are; nobody above asks. What may have to wait returns a
//! [`Pending`], which is ready at once where everything is local. An implementation refuses by name what it cannot
//! keep, and never does something weaker instead.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::config::{ConsumerConfig, StreamConfig};
use super::consumer::ConsumerInfo;
use super::info::StreamInfo;
use super::link::{LinkConfig, LinkStatus};
use super::options::{PurgeOptions, ReadOptions};
use super::subscription::SubscribeOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::member::MeshStatus;
use crate::metric::Metric;
use crate::origin::Writer;
use crate::pending::Pending;
use crate::record::{Ack, Append, Batch, Record};

/// The operations of a stream. Filters, options and configurations were checked by the handle.
pub trait StreamOps: Send + Sync {
    fn name(&self) -> &str;
    /// Its configuration as it was known last.
    fn config(&self) -> StreamConfig;
    fn info(&self) -> Pending<StreamInfo>;
    /// Refuses by name where several records cannot be appended all or nothing, as far as that was seen.
    fn check_batches(&self) -> Result<()> {
        Ok(())
    }
    /// One record, or several all or nothing. Checks them with `shape::check`, which tells their bytes too.
    fn append(&self, batch: &[Append<'_>]) -> Pending<Ack>;
    /// Appends records one after another, each under the condition that the one before it is the stream's last, and the
    /// first that `last_seq` is. An error may leave the first ones appended. `None` where `append` is as fast.
    fn append_run(&self, _last_seq: u64, _run: &[Append<'_>]) -> Option<Pending<Ack>> {
        None
    }
    fn get(&self, seq: u64) -> Pending<Option<Record>>;
    fn last(&self, filter: &str) -> Pending<Option<Record>>;
    fn last_many(&self, filters: &[&str], after: u64, max: usize) -> Pending<Batch>;
    fn last_seq(&self, filter: &str) -> Pending<u64>;
    fn subjects(&self, filter: &str, after: &str, max: usize) -> Pending<Vec<(String, u64)>>;
    fn read(&self, options: &ReadOptions) -> Pending<Batch>;
    fn subscribe(&self, options: SubscribeOptions) -> Pending<Box<dyn SubscriptionOps>>;
    fn create_consumer(&self, config: ConsumerConfig) -> Pending<Box<dyn ConsumerOps>>;
    fn consumer(&self, name: &str) -> Pending<Box<dyn ConsumerOps>>;
    fn delete_consumer(&self, name: &str) -> Pending<()>;
    fn consumers(&self) -> Pending<Vec<ConsumerInfo>>;
    fn delete(&self, seq: u64) -> Pending<bool>;
    /// As `delete`, and what keeps the record has none of its bytes any more. With sequence 0 it makes up for what was
    /// cut short before.
    fn erase(&self, _seq: u64) -> Pending<bool> {
        let message = "this engine can't take the bytes of a record from where they are kept";
        Pending::ready(Err(Error::new(ErrorKind::Unsupported, message)))
    }
    fn purge(&self, options: &PurgeOptions) -> Pending<u64>;
    fn sync(&self) -> Pending<()>;
}

/// A place in a stream that moves as records are taken. Dropping it ends it.
pub trait SubscriptionOps: Send + Sync {
    fn next(&self, max: usize) -> Pending<Batch>;
    fn try_next(&self, max: usize) -> Result<Batch>;
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()>;
    fn position(&self) -> u64;
    fn lag(&self) -> u64;
    fn missed(&self) -> u64;
    /// Whether nothing up to `seq` is left to take.
    fn is_past(&self, seq: u64) -> bool;
    /// Moves behind a record without reading up to there; false where that can't be done.
    fn pass(&self, _seq: u64) -> bool {
        false
    }
    fn close(&self);
}

/// A durable position in a stream.
pub trait ConsumerOps: Send + Sync {
    fn name(&self) -> &str;
    fn info(&self) -> Pending<ConsumerInfo>;
    fn next(&self, max: usize) -> Pending<Batch>;
    fn try_next(&self, max: usize) -> Result<Batch>;
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()>;
    fn ack(&self, seqs: &[u64]) -> Result<usize>;
    fn ack_sync(&self, seqs: &[u64]) -> Pending<usize>;
    fn nak(&self, seq: u64, delay: Duration) -> Result<()>;
    fn in_progress(&self, seq: u64) -> Result<()>;
    fn term(&self, seq: u64) -> Result<()>;
    /// Another handle of the same consumer, which waits for itself.
    fn another(&self) -> Box<dyn ConsumerOps>;
}

/// The operations of an engine on its streams by name.
pub trait EngineOps: Send + Sync {
    fn create_stream(&self, config: StreamConfig) -> Pending<Arc<dyn StreamOps>>;
    fn update_stream(&self, config: StreamConfig) -> Pending<Arc<dyn StreamOps>>;
    fn stream(&self, name: &str) -> Pending<Arc<dyn StreamOps>>;
    fn delete_stream(&self, name: &str) -> Pending<()>;
    fn streams(&self) -> Pending<Vec<StreamInfo>>;
    /// The names of all streams, also of those that cannot be read.
    fn stream_names(&self) -> Pending<Vec<String>> {
        self.streams().map(|infos| infos.into_iter().map(|info| info.config.name).collect())
    }
    /// Where each of its links stands, by name.
    fn links(&self) -> Pending<Vec<LinkStatus>> {
        no_links()
    }
    /// Begins a link to the hub at this address.
    fn add_hub_link(&self, _config: LinkConfig, _url: &str) -> Pending<()> {
        no_links()
    }
    /// Ends a link.
    fn remove_link(&self, _name: &str) -> Pending<()> {
        no_links()
    }
    /// Of the directory behind it, if there is one: an actor of a CRDT store, by the stream of that, which nobody is at
    /// work as and which is then nobody else's, and the sequence of its next operation.
    fn take_actor(&self, _stream: &str) -> Pending<Option<(Writer, u64)>> {
        Pending::ready(Ok(None))
    }
    /// Nobody is at work as this actor any more, and the stream has all it did before this sequence.
    fn free_actor(&self, _stream: &str, _actor: Writer, _next_seq: u64) -> Pending<()> {
        Pending::ready(Ok(()))
    }
    /// What was done and is held where the streams are, when that is another process.
    fn metrics(&self) -> Pending<Vec<Metric>> {
        Pending::ready(Ok(Vec::new()))
    }
    /// How the mesh stands that it is part of, when that is in another process.
    fn mesh(&self) -> Pending<Option<MeshStatus>> {
        Pending::ready(Ok(None))
    }
    /// Asks the process that has the directory open about its replicated files; question and answer are JSON. The
    /// answer to one that `waits` may take for ever.
    fn database(&self, _call: String, _waits: bool) -> Pending<String> {
        let message = "a replicated database needs a directory, and this engine keeps its streams elsewhere";
        Pending::ready(Err(Error::new(ErrorKind::Unsupported, message)))
    }
    /// Asks the process that has the directory open about who is here; question and answer are JSON.
    fn presence(&self, _call: String, _waits: bool) -> Pending<String> {
        let message = "a presence store needs a directory or a hub, and this engine has neither";
        Pending::ready(Err(Error::new(ErrorKind::Unsupported, message)))
    }
    /// Ends all that is open, and the log; later calls answer `Closed`. Twice is nothing, and the last handle to go
    /// does it too.
    fn close(&self) -> Result<()>;
    /// Requests from node to node that no stream keeps, where there are any.
    fn wire(&self) -> Option<Arc<dyn WireOps>> {
        None
    }
}

/// Requests from node to node that no stream keeps: those of NATS, or within this process.
pub trait WireOps: Send + Sync {
    /// Asks whoever listens on a subject. [`ErrorKind::NotFound`] at once when nobody does; [`ErrorKind::Timeout`] when
    /// there is no answer in time.
    fn request(&self, subject: &str, payload: Vec<u8>, timeout: Duration) -> Pending<Vec<u8>>;
    /// The same of whoever listens at the node with this engine, where subjects do not find the way by themselves; 0 is
    /// this one.
    fn request_at(&self, _engine: u64, subject: &str, payload: Vec<u8>, timeout: Duration) -> Pending<Vec<u8>> {
        self.request(subject, payload, timeout)
    }
    /// Listens on a subject until what is returned is dropped: each call goes to `take`, which must not wait.
    fn listen(&self, subject: &str, take: Listener) -> Pending<Box<dyn Send + Sync>>;
    /// The subjects with a prefix on which somebody listens at this node, where that is known.
    fn heard(&self, _prefix: &str) -> Vec<String> {
        Vec::new()
    }
}

/// What takes calls.
pub type Listener = Arc<dyn Fn(WireCall) + Send + Sync>;

/// A call that came in.
pub struct WireCall {
    /// What was sent.
    pub payload: Vec<u8>,
    /// Takes the answer.
    pub reply: Box<dyn FnOnce(Vec<u8>) + Send>,
}

fn no_links<T>() -> Pending<T> {
    let message = "a link needs a directory, and this engine keeps its streams elsewhere";
    Pending::ready(Err(Error::new(ErrorKind::Unsupported, message)))
}
