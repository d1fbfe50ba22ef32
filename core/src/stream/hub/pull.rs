//! Consumers that last as long as a read or a subscription, and the protocol of pulling from any consumer: requests,
//! statuses, and what a delivered message's reply subject says of it.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Message, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::{Map, Value};

use super::fault;
use super::fetch::Fetched;
use super::stamp;
use super::stream::Remote;
use super::task::closed;
use crate::clock::Nanos;
use crate::error::{Error, Result};

/// How long a consumer of ours outlives its last pull, so that nothing stays behind on a server.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// Records of one pull while taking all.
const TAKE_RECORDS: usize = 1000;

/// What a delivered message's reply subject says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delivery {
    /// How often it was delivered, this time included.
    pub(super) delivered: u32,
    pub(super) seq: u64,
    /// Its place among the consumer's deliveries, from 1.
    pub(super) consumer_seq: u64,
    pub(super) time: Nanos,
    /// What was not delivered yet then.
    pub(super) pending: u64,
}

impl Delivery {
    /// Reads `$JS.ACK.<stream>.<consumer>.<delivered>.<seq>.<consumer seq>.<time>.<pending>`, or the form of eleven
    /// tokens, which has a domain and an account before the stream.
    pub(super) fn of(message: &Message) -> Option<Self> {
        let reply = message.reply.as_ref()?.as_str();
        let rest = reply.strip_prefix("$JS.ACK.")?;
        let skip = if rest.bytes().filter(|&b| b == b'.').count() >= 8 { 4 } else { 2 };
        let mut numbers = rest.split('.').skip(skip).map(|n| n.parse::<u64>().ok());
        Some(Delivery {
            delivered: numbers.next()?? as u32,
            seq: numbers.next()??,
            consumer_seq: numbers.next()??,
            time: numbers.next()??,
            pending: numbers.next()??,
        })
    }
}

/// Where a consumer begins.
#[derive(Debug, Clone, Copy)]
pub(super) enum Start {
    All,
    New,
    Last,
    LastPerSubject,
    Seq(u64),
    Time(Nanos),
}

impl Start {
    /// Adds it to a consumer's configuration.
    pub(super) fn put(self, config: &mut Map<String, Value>) {
        let policy = match self {
            Start::All => "all",
            Start::New => "new",
            Start::Last => "last",
            Start::LastPerSubject => "last_per_subject",
            Start::Seq(seq) => {
                config.insert("opt_start_seq".into(), json!(seq));
                "by_start_sequence"
            }
            Start::Time(time) => {
                config.insert("opt_start_time".into(), json!(stamp::format(time)));
                "by_start_time"
            }
        };
        config.insert("deliver_policy".into(), json!(policy));
    }
}

/// Adds filters to a consumer's configuration: one and several are different fields.
pub(super) fn put_filters(config: &mut Map<String, Value>, filters: &[String]) {
    match filters {
        [] => {}
        [one] => {
            config.insert("filter_subject".into(), json!(one));
        }
        several => {
            config.insert("filter_subjects".into(), json!(several));
        }
    }
}

/// A pull request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pull {
    pub(super) batch: usize,
    /// 0 is without a bound.
    pub(super) max_bytes: usize,
    /// Only what is there now; with `expires` what is there once there is something.
    pub(super) no_wait: bool,
    pub(super) expires: Duration,
    pub(super) heartbeat: Duration,
}

impl Pull {
    pub(super) fn to_json(self) -> Value {
        let mut body = Map::new();
        body.insert("batch".into(), json!(self.batch));
        if self.max_bytes > 0 {
            body.insert("max_bytes".into(), json!(self.max_bytes));
        }
        if self.no_wait {
            body.insert("no_wait".into(), json!(true));
        }
        if !self.expires.is_zero() {
            body.insert("expires".into(), json!(self.expires.as_nanos() as u64));
        }
        if !self.heartbeat.is_zero() {
            body.insert("idle_heartbeat".into(), json!(self.heartbeat.as_nanos() as u64));
        }
        Value::Object(body)
    }
}

/// What a status in a pull's inbox means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// The consumer is there and has nothing.
    Heartbeat,
    /// This request is over; so many of its records will not come.
    Over(usize),
    /// The next record does not fit into the request's bytes; so many will not come.
    TooLarge(usize),
    /// There is no such consumer any more, or its server changed.
    Gone,
}

impl Status {
    /// `None` for a record.
    pub(super) fn of(message: &Message) -> Option<Self> {
        let code = message.status?.as_u16();
        let said = message.description.as_deref().unwrap_or_default().to_ascii_lowercase();
        let header = message.headers.as_ref().and_then(|h| h.get("Nats-Pending-Messages"));
        let left = header.and_then(|v| v.as_str().parse().ok()).unwrap_or(0);
        Some(match code {
            100 => Status::Heartbeat,
            404 | 408 => Status::Over(left),
            409 if said.contains("maxbytes") => Status::TooLarge(left),
            409 if said.contains("exceeded") => Status::Over(left),
            _ => Status::Gone,
        })
    }
}

/// A consumer without a memory, gone with its last user.
pub(super) struct Ephemeral {
    remote: Arc<Remote>,
    pub(super) name: String,
    /// How many records it had to deliver when it was made.
    pub(super) pending: u64,
    /// How many requests were made of it; each has an inbox of its own, so that a late status is not taken for
    /// another's.
    pulls: u64,
}

impl Ephemeral {
    pub(super) async fn create(remote: &Arc<Remote>, filters: &[String], start: Start) -> Result<Self> {
        let session = remote.session();
        let name = format!("hw-{}", session.random_name());
        let mut config = Map::new();
        config.insert("name".into(), json!(name));
        config.insert("ack_policy".into(), json!("none"));
        config.insert("max_deliver".into(), json!(1));
        config.insert("mem_storage".into(), json!(true));
        config.insert("num_replicas".into(), json!(1));
        config.insert("inactive_threshold".into(), json!(IDLE_MAX.as_nanos() as u64));
        start.put(&mut config);
        // By subject needs a filter, and one that takes all will do.
        let all = [">".to_owned()];
        let filters = if filters.is_empty() && matches!(start, Start::LastPerSubject) { &all } else { filters };
        put_filters(&mut config, filters);
        let body = json!({ "stream_name": remote.name, "config": config, "action": "create" });
        let suffix = format!("CONSUMER.CREATE.{}.{name}", remote.name);
        let answer = session.call(&remote.place(), &suffix, &body).await?;
        let pending = answer["num_pending"].as_u64().unwrap_or(0);
        Ok(Ephemeral { remote: Arc::clone(remote), name, pending, pulls: 0 })
    }

    fn subject(&self) -> String {
        format!("{}.CONSUMER.MSG.NEXT.{}.{}", self.remote.session().prefix, self.remote.name, self.name)
    }

    /// Asks for records; returns where the statuses of this request arrive.
    pub(super) async fn pull(&mut self, inboxes: &str, pull: Pull) -> Result<String> {
        self.pulls += 1;
        let inbox = format!("{inboxes}.{}", self.pulls);
        let body = Bytes::from(pull.to_json().to_string());
        self.remote.session().tell_with_reply(self.subject(), inbox.clone(), body).await?;
        Ok(inbox)
    }

    /// Up to `want` records that are there now.
    pub(super) async fn take_now(
        &mut self,
        inboxes: &str,
        arriving: &mut Subscriber,
        want: usize,
        max_bytes: usize,
    ) -> Result<Vec<Fetched>> {
        let (session, mut page) = (Arc::clone(self.remote.session()), Vec::new());
        let pull = Pull { batch: want, max_bytes, no_wait: true, ..Pull::default() };
        let mut inbox = self.pull(inboxes, pull).await?;
        while page.len() < want {
            let next = tokio::time::timeout(session.timeout(), arriving.next()).await;
            let message = next.map_err(|_| fault::late(&self.remote.place(), session.timeout()))?.ok_or_else(closed)?;
            match Status::of(&message) {
                Some(Status::Heartbeat) => {}
                Some(_) if message.subject.as_str() != inbox => {}
                Some(Status::Over(_)) => break,
                // One record larger than the bound comes by itself.
                Some(Status::TooLarge(_)) if page.is_empty() => {
                    inbox = self.pull(inboxes, Pull { batch: 1, no_wait: true, ..Pull::default() }).await?;
                }
                Some(Status::TooLarge(_)) => break,
                Some(Status::Gone) => return Err(fault::nobody(&self.remote.place())),
                None => {
                    let delivery = Delivery::of(&message).ok_or_else(|| {
                        Error::not_found(format!("{}: a record came unlabelled", self.remote.place()))
                    })?;
                    let last = delivery.pending == 0;
                    page.push(Fetched::Delivered(message, delivery));
                    if last {
                        break;
                    }
                }
            }
        }
        Ok(page)
    }

    /// All records that it had when it was made.
    pub(super) async fn take_all(&mut self) -> Result<Vec<Fetched>> {
        let (inboxes, mut arriving) = self.remote.session().inboxes().await?;
        let mut all = Vec::new();
        while (all.len() as u64) < self.pending {
            let want = TAKE_RECORDS.min((self.pending - all.len() as u64) as usize);
            let page = self.take_now(&inboxes, &mut arriving, want, 0).await?;
            if page.is_empty() {
                break;
            }
            all.extend(page);
        }
        Ok(all)
    }
}

impl Drop for Ephemeral {
    fn drop(&mut self) {
        let session = Arc::clone(self.remote.session());
        let subject = format!("{}.CONSUMER.DELETE.{}.{}", session.prefix, self.remote.name, self.name);
        let reply = session.client.new_inbox();
        let handle = session.handle.clone();
        // When the hub cannot be reached, the server removes it after a while.
        handle.spawn(async move { session.tell_with_reply(subject, reply, Bytes::new()).await });
    }
}
