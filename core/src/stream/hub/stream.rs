//! A stream on a hub: the contract's operations, each handed to the file that does it.
//!
//! It knows the configuration that it saw last, because every append is checked against it; the server checks again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::consumer::{self, HubConsumer};
use super::engine::Hub;
use super::fault::{DELETE_FAILED, NO_MESSAGE, SEQUENCE_NOT_FOUND};
use super::session::Session;
use super::subscription::HubSubscription;
use super::task::run;
use super::{append, convert, fast, fetch, read, subjects};
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::Pending;
use crate::record::{Ack, Append, Batch, Record};
use crate::stream::config::{ConsumerConfig, StreamConfig};
use crate::stream::consumer::ConsumerInfo;
use crate::stream::contract::{ConsumerOps, StreamOps, SubscriptionOps};
use crate::stream::info::StreamInfo;
use crate::stream::options::{PurgeOptions, ReadOptions};
use crate::stream::subscription::SubscribeOptions;
use crate::subject::check_filter;

/// How long what is known of replicas is taken for true, before a condition on a filter asks again.
const KNOWN_FOR: Duration = Duration::from_secs(10);

/// A stream on a hub.
pub(crate) struct HubStream(Arc<Remote>);

/// What all handles and tasks of one stream share.
pub(super) struct Remote {
    pub(super) hub: Arc<Hub>,
    pub(super) name: String,
    known: Mutex<(Arc<Known>, Instant)>,
}

/// What was seen of a stream last.
pub(super) struct Known {
    pub(super) config: StreamConfig,
    pub(super) replicas: u32,
    pub(super) allow_direct: bool,
    pub(super) atomic: bool,
    pub(super) fast: bool,
    pub(super) ttl: bool,
}

impl Known {
    fn of(answer: &Value) -> Arc<Self> {
        let raw = &answer["config"];
        let config = convert::from_json(raw);
        let hub = config.hub.clone().unwrap_or_default();
        Arc::new(Known {
            config,
            replicas: hub.replicas,
            allow_direct: hub.allow_direct,
            atomic: raw["allow_atomic"] == true,
            fast: raw["allow_batched"] == true,
            ttl: raw["allow_msg_ttl"] == true,
        })
    }
}

impl HubStream {
    pub(super) fn new(hub: Arc<Hub>, answer: &Value) -> Arc<Self> {
        let name = answer["config"]["name"].as_str().unwrap_or_default().to_owned();
        Arc::new(HubStream(Arc::new(Remote { hub, name, known: Mutex::new((Known::of(answer), Instant::now())) })))
    }

    pub(super) fn remote(&self) -> &Arc<Remote> {
        &self.0
    }

    /// Begins an operation at the call.
    fn begin<T, F>(&self, work: impl FnOnce(Arc<Remote>) -> F) -> Pending<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        run(&self.0.session().handle, work(Arc::clone(&self.0)))
    }

    /// Removes a record; unless `no_erase`, the server overwrites its bytes.
    fn remove(&self, seq: u64, no_erase: bool) -> Pending<bool> {
        if self.0.known().config.deny_delete {
            let message = format!("stream '{}' denies deleting", self.0.name);
            return Pending::ready(Err(Error::new(ErrorKind::Invalid, message)));
        }
        self.begin(move |remote| async move {
            if seq == 0 {
                return Ok(false);
            }
            let suffix = format!("STREAM.MSG.DELETE.{}", remote.name);
            match remote.session().api(&remote.place(), &suffix, &json!({ "seq": seq, "no_erase": no_erase })).await? {
                Ok(answer) => Ok(answer["success"] == true),
                // Older servers only say that it failed, of what is gone or was never there too.
                Err(error) if matches!(error.err_code, NO_MESSAGE | SEQUENCE_NOT_FOUND | DELETE_FAILED) => {
                    match fetch::from_leader(&remote, &json!({ "seq": seq })).await? {
                        None => Ok(false),
                        Some(_) => Err(error.into_error(&remote.place())),
                    }
                }
                Err(error) => Err(error.into_error(&remote.place())),
            }
        })
    }
}

impl Remote {
    pub(super) fn session(&self) -> &Arc<Session> {
        self.hub.session()
    }

    pub(super) fn place(&self) -> String {
        format!("stream '{}'", self.name)
    }

    pub(super) fn known(&self) -> Arc<Known> {
        Arc::clone(&lock(&self.known).0)
    }

    /// What the server says of the stream now, told by its leader.
    pub(super) async fn look(&self, body: &Value) -> Result<Value> {
        let answer = self.session().call(&self.place(), &format!("STREAM.INFO.{}", self.name), body).await?;
        *lock(&self.known) = (Known::of(&answer), Instant::now());
        Ok(answer)
    }

    /// Whether what is known was looked at a short while ago.
    pub(super) fn is_fresh(&self) -> bool {
        lock(&self.known).1.elapsed() < KNOWN_FOR
    }

    /// What is known, looked at again when that was long ago.
    pub(super) async fn known_now(&self) -> Result<Arc<Known>> {
        if !self.is_fresh() {
            self.look(&Value::Null).await?;
        }
        Ok(self.known())
    }
}

impl StreamOps for HubStream {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn config(&self) -> StreamConfig {
        self.0.known().config.clone()
    }

    fn info(&self) -> Pending<StreamInfo> {
        self.begin(|remote| async move { remote.look(&Value::Null).await.map(|answer| convert::info(&answer)) })
    }

    fn check_batches(&self) -> Result<()> {
        append::check_batches(&self.0, &self.0.known())
    }

    fn append(&self, batch: &[Append<'_>]) -> Pending<Ack> {
        append::append(&self.0, batch)
    }

    fn append_run(&self, last_seq: u64, run: &[Append<'_>]) -> Option<Pending<Ack>> {
        fast::append(&self.0, last_seq, run)
    }

    fn get(&self, seq: u64) -> Pending<Option<Record>> {
        self.begin(|remote| async move {
            if seq == 0 { Ok(None) } else { read::leader_get(&remote, &json!({ "seq": seq })).await }
        })
    }

    fn last(&self, filter: &str) -> Pending<Option<Record>> {
        let filter = filter.to_owned();
        self.begin(|remote| async move { read::last(&remote, &filter).await })
    }

    fn last_many(&self, filters: &[&str], after: u64, max: usize) -> Pending<Batch> {
        let filters: Vec<String> = filters.iter().map(|&f| f.to_owned()).collect();
        self.begin(|remote| async move { subjects::last_many(&remote, &filters, after, max).await })
    }

    fn last_seq(&self, filter: &str) -> Pending<u64> {
        let filter = filter.to_owned();
        self.begin(|remote| async move { read::tip(&remote, &filter).await })
    }

    fn subjects(&self, filter: &str, after: &str, max: usize) -> Pending<Vec<(String, u64)>> {
        let (filter, after) = (filter.to_owned(), after.to_owned());
        self.begin(|remote| async move {
            let mut all = subjects::list(&remote, &filter).await?;
            all.retain(|s| s.0 > after);
            all.truncate(max);
            Ok(all)
        })
    }

    fn read(&self, options: &ReadOptions) -> Pending<Batch> {
        let plan = options.plan();
        self.begin(|remote| async move { read::read(&remote, plan?).await })
    }

    fn subscribe(&self, options: SubscribeOptions) -> Pending<Box<dyn SubscriptionOps>> {
        self.begin(|remote| async move {
            let subscription = HubSubscription::open(remote, options).await?;
            Ok(Box::new(subscription) as Box<dyn SubscriptionOps>)
        })
    }

    fn create_consumer(&self, config: ConsumerConfig) -> Pending<Box<dyn ConsumerOps>> {
        self.begin(|remote| async move {
            let answer = consumer::create(&remote, config).await?;
            Ok(Box::new(HubConsumer::new(remote, &answer)) as Box<dyn ConsumerOps>)
        })
    }

    fn consumer(&self, name: &str) -> Pending<Box<dyn ConsumerOps>> {
        let name = name.to_owned();
        self.begin(|remote| async move {
            let answer = consumer::look(&remote, &name).await?;
            Ok(Box::new(HubConsumer::new(remote, &answer)) as Box<dyn ConsumerOps>)
        })
    }

    fn delete_consumer(&self, name: &str) -> Pending<()> {
        let name = name.to_owned();
        self.begin(|remote| async move {
            consumer::delete(&remote, &name).await?;
            remote.hub.seats.forget(&remote.name, Some(&name));
            Ok(())
        })
    }

    fn consumers(&self) -> Pending<Vec<ConsumerInfo>> {
        self.begin(|remote| async move { consumer::list(&remote).await })
    }

    fn delete(&self, seq: u64) -> Pending<bool> {
        self.remove(seq, true)
    }

    fn erase(&self, seq: u64) -> Pending<bool> {
        self.remove(seq, false)
    }

    fn purge(&self, options: &PurgeOptions) -> Pending<u64> {
        let options = options.clone();
        self.begin(|remote| async move {
            if let Some(filter) = &options.filter {
                check_filter(filter)?;
            }
            if remote.known().config.deny_purge {
                return Err(Error::invalid(format!("stream '{}' denies purging", remote.name)));
            }
            if options.keep > 0 && options.before_seq.is_some() {
                return Err(Error::invalid("a purge takes keep or before_seq, not both"));
            }
            if options.before_seq == Some(0) {
                return Ok(0);
            }
            let mut body = Map::new();
            if let Some(filter) = options.filter {
                body.insert("filter".into(), json!(filter));
            }
            if let Some(seq) = options.before_seq {
                body.insert("seq".into(), json!(seq));
            }
            if options.keep > 0 {
                body.insert("keep".into(), json!(options.keep));
            }
            let suffix = format!("STREAM.PURGE.{}", remote.name);
            let answer = remote.session().call(&remote.place(), &suffix, &Value::Object(body)).await?;
            Ok(answer["purged"].as_u64().unwrap_or(0))
        })
    }

    fn sync(&self) -> Pending<()> {
        Pending::ready(Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "stream '{}' is on a hub: when its servers sync is their configuration, and cannot be asked for",
                self.0.name
            ),
        )))
    }
}
