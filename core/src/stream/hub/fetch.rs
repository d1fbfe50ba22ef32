//! Records of a stretch of sequences, page by page, in one of three ways.
//!
//! By batches of direct gets where one server keeps the stream and knows them; by a consumer for the time of the read
//! on older servers and for several filters; and from the leader, one by one, where there are several replicas: any
//! replica may answer the other two, and may not have seen what was acknowledged before the read began.

use std::sync::Arc;

use async_nats::{HeaderValue, Message, Subscriber};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::{Map, Value};

use super::fault::{self, NO_MESSAGE};
use super::pull::{Delivery, Ephemeral, Start};
use super::records::{Raw, parse_block};
use super::session::LEVEL_2_11;
use super::stamp;
use super::stream::{Known, Remote};
use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::subject::covers;

/// Records that are asked for at a time.
pub(super) const PAGE_RECORDS: usize = 1000;
/// Bytes that are asked for at a time.
const PAGE_BYTES: usize = 8 << 20;
/// Requests to the leader that are on their way at once.
const LEADER_AT_ONCE: usize = 64;

/// A record and where it came from.
pub(super) enum Fetched {
    /// By a direct get, with its sequence, time and subject.
    Direct(Message, u64, Nanos, String),
    /// By a consumer.
    Delivered(Message, Delivery),
    /// From the leader.
    Leader(LeaderRecord),
}

/// A record as the leader answers it.
pub(super) struct LeaderRecord {
    seq: u64,
    time: Nanos,
    subject: String,
    headers: Vec<u8>,
    payload: Vec<u8>,
}

impl Fetched {
    pub(super) fn raw(&self) -> Raw<'_> {
        match self {
            Fetched::Direct(m, seq, time, subject) => Raw::new(*seq, *time, subject, m.headers.as_ref(), &m.payload),
            Fetched::Delivered(m, d) => Raw::new(d.seq, d.time, &m.subject, m.headers.as_ref(), &m.payload),
            Fetched::Leader(r) => {
                let mut raw = Raw::new(r.seq, r.time, &r.subject, None, &r.payload);
                raw.set_headers(&parse_block(&r.headers), true);
                raw
            }
        }
    }

    pub(super) fn seq(&self) -> u64 {
        match self {
            Fetched::Direct(_, seq, ..) => *seq,
            Fetched::Delivered(_, delivery) => delivery.seq,
            Fetched::Leader(record) => record.seq,
        }
    }
}

/// The filters that a server is told: none that another covers. The flag says that some overlap, which a server
/// refuses; it is told none then, and we look at each record ourselves.
pub(super) fn for_server(filters: &[String]) -> (Vec<String>, bool) {
    let mut kept: Vec<String> = Vec::new();
    for filter in filters {
        if kept.iter().any(|k| covers(k, filter)) {
            continue;
        }
        kept.retain(|k| !covers(filter, k));
        kept.push(filter.clone());
    }
    let overlap = kept.iter().enumerate().any(|(i, a)| kept[..i].iter().any(|b| crate::subject::overlap(a, b)));
    if overlap { (Vec::new(), true) } else { (kept, false) }
}

/// Whether batches of direct gets see everything.
pub(super) fn may_be_direct(remote: &Remote, known: &Known) -> bool {
    known.replicas == 1 && known.allow_direct && remote.session().state.api_level() >= LEVEL_2_11
}

enum Way {
    Direct,
    Consumer(Box<(Ephemeral, String, Subscriber)>),
    Leader,
}

/// Pages of what filters take, from a sequence on.
pub(super) struct Pager {
    remote: Arc<Remote>,
    filters: Vec<String>,
    way: Way,
    next: u64,
}

impl Pager {
    /// From `from` on; `filters` as [`for_server`] made them.
    pub(super) async fn open(remote: &Arc<Remote>, filters: &[String], from: u64) -> Result<Self> {
        let known = remote.known();
        let way = if known.replicas > 1 {
            Way::Leader
        } else if may_be_direct(remote, &known) && filters.len() <= 1 {
            Way::Direct
        } else {
            Self::consumer(remote, filters, from).await?
        };
        Ok(Pager { remote: Arc::clone(remote), filters: filters.to_vec(), way, next: from })
    }

    async fn consumer(remote: &Arc<Remote>, filters: &[String], from: u64) -> Result<Way> {
        let consumer = Ephemeral::create(remote, filters, Start::Seq(from)).await?;
        let (inboxes, arriving) = remote.session().inboxes().await?;
        Ok(Way::Consumer(Box::new((consumer, inboxes, arriving))))
    }

    /// The next records, in order, about `want` of them at the most; none at the end.
    pub(super) async fn page(&mut self, want: usize) -> Result<Vec<Fetched>> {
        let want = want.clamp(1, PAGE_RECORDS);
        let page = match &mut self.way {
            Way::Direct => {
                let mut body = Map::new();
                body.insert("seq".into(), json!(self.next));
                if let Some(filter) = self.filters.first() {
                    body.insert("next_by_subj".into(), json!(filter));
                }
                match direct(&self.remote, body, want).await? {
                    Some((page, _)) => page,
                    None => {
                        self.way = Way::Leader;
                        return Box::pin(self.page(want)).await;
                    }
                }
            }
            Way::Consumer(parts) => {
                let (consumer, inboxes, arriving) = &mut **parts;
                consumer.take_now(inboxes, arriving, want, PAGE_BYTES).await?
            }
            Way::Leader => leader_page(&self.remote, &self.filters, self.next, want).await?,
        };
        if let Some(last) = page.last() {
            self.next = last.seq() + 1;
        }
        Ok(page)
    }
}

/// A batch of direct gets, and how many more there are; `None` when a mirror answered, which may be behind.
pub(super) async fn direct(
    remote: &Remote,
    mut body: Map<String, Value>,
    batch: usize,
) -> Result<Option<(Vec<Fetched>, u64)>> {
    let session = remote.session();
    let subject = format!("{}.DIRECT.GET.{}", session.prefix.clone(), remote.name);
    body.insert("batch".into(), json!(batch));
    body.insert("max_bytes".into(), json!(PAGE_BYTES));
    let (inbox, mut arriving) = session.inbox().await?;
    session.tell_with_reply(subject.clone(), inbox, Bytes::from(Value::Object(body).to_string())).await?;
    let mut page = Vec::new();
    loop {
        let next = tokio::time::timeout(session.timeout(), arriving.next()).await;
        let message = next.map_err(|_| fault::late(&subject, session.timeout()))?.ok_or_else(super::task::closed)?;
        let pending = header(&message, "Nats-Num-Pending").and_then(|p| p.parse().ok()).unwrap_or(0);
        match message.status.map(|s| s.as_u16()) {
            None | Some(200) => {}
            Some(204) => return Ok(Some((page, pending))),
            Some(404) => return Ok(Some((page, 0))),
            Some(503) => return Err(fault::nobody(&remote.place())),
            Some(413) => {
                return Err(Error::new(
                    ErrorKind::Limit,
                    format!("{}: too many subjects for one answer", remote.place()),
                ));
            }
            Some(code) => {
                let said = message.description.clone().unwrap_or_default();
                return Err(Error::new(ErrorKind::Io, format!("{}: {said} ({code})", remote.place())));
            }
        }
        match got_direct(remote, message)? {
            Some(fetched) => page.push(fetched),
            None => return Ok(None),
        }
    }
}

fn header<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.headers.as_ref()?.get(name).map(HeaderValue::as_str)
}

/// The record that came by a direct get; `None` when a mirror sent it, which may be behind.
fn got_direct(remote: &Remote, message: Message) -> Result<Option<Fetched>> {
    if header(&message, "Nats-Stream").is_some_and(|stream| stream != remote.name) {
        return Ok(None);
    }
    let seq = header(&message, "Nats-Sequence").and_then(|s| s.parse().ok());
    let time = header(&message, "Nats-Time-Stamp").and_then(stamp::parse);
    let (Some(seq), Some(time), Some(subject)) = (seq, time, header(&message, "Nats-Subject")) else {
        let message = format!("{}: a record came without its sequence", remote.place());
        return Err(Error::new(ErrorKind::Internal, message));
    };
    let subject = subject.to_owned();
    Ok(Some(Fetched::Direct(message, seq, time, subject)))
}

/// The newest record that a filter takes: by a direct get, which costs the server half as much as its API does, where
/// one server keeps the stream; else from the leader.
pub(super) async fn last_of(remote: &Remote, filter: &str) -> Result<Option<Fetched>> {
    let body = json!({ "last_by_subj": filter });
    let known = remote.known_now().await?;
    if known.replicas == 1 && known.allow_direct {
        let session = remote.session();
        let subject = format!("{}.DIRECT.GET.{}", session.prefix, remote.name);
        let message = session.ask(subject, None, Bytes::from(body.to_string())).await?;
        match message.status.map(|status| status.as_u16()) {
            Some(404) => return Ok(None),
            None | Some(200) => {
                if let Some(fetched) = got_direct(remote, message)? {
                    return Ok(Some(fetched));
                }
            }
            // The leader says what it is.
            Some(_) => {}
        }
    }
    Ok(from_leader(remote, &body).await?.map(Fetched::Leader))
}

/// One record from the leader.
pub(super) async fn from_leader(remote: &Remote, body: &Value) -> Result<Option<LeaderRecord>> {
    let session = remote.session();
    match session.api(&remote.place(), &format!("STREAM.MSG.GET.{}", remote.name), body).await? {
        Ok(answer) => {
            let message = &answer["message"];
            let bytes = |key: &str| STANDARD.decode(message[key].as_str().unwrap_or_default());
            let (Ok(headers), Ok(payload)) = (bytes("hdrs"), bytes("data")) else {
                return Err(Error::new(ErrorKind::Internal, format!("{}: a record cannot be read", remote.place())));
            };
            Ok(Some(LeaderRecord {
                seq: message["seq"].as_u64().unwrap_or(0),
                time: message["time"].as_str().and_then(stamp::parse).unwrap_or(0),
                subject: message["subject"].as_str().unwrap_or_default().to_owned(),
                headers,
                payload,
            }))
        }
        Err(error) if error.err_code == NO_MESSAGE => Ok(None),
        Err(error) => Err(error.into_error(&remote.place())),
    }
}

/// The records of many requests to the leader, in order, without those that are not there.
pub(super) async fn many_from_leader(remote: &Remote, bodies: Vec<Value>) -> Result<Vec<Fetched>> {
    let mut answers = futures_util::stream::iter(bodies)
        .map(|body| async move { from_leader(remote, &body).await })
        .buffered(LEADER_AT_ONCE);
    let mut page = Vec::new();
    while let Some(answer) = answers.next().await {
        page.extend(answer?.map(Fetched::Leader));
    }
    Ok(page)
}

async fn leader_page(remote: &Remote, filters: &[String], from: u64, want: usize) -> Result<Vec<Fetched>> {
    if filters.is_empty() {
        // Where sequences follow each other, many are asked for at once; a gap is jumped over.
        let Some(first) = from_leader(remote, &json!({ "seq": from, "next_by_subj": ">" })).await? else {
            return Ok(Vec::new());
        };
        let after = first.seq + 1;
        let mut page = vec![Fetched::Leader(first)];
        let rest = (after..after + (want as u64 - 1)).map(|seq| json!({ "seq": seq })).collect();
        page.extend(many_from_leader(remote, rest).await?);
        return Ok(page);
    }
    let mut heads: Vec<Option<LeaderRecord>> = Vec::new();
    for filter in filters {
        heads.push(from_leader(remote, &json!({ "seq": from, "next_by_subj": filter })).await?);
    }
    let mut page = Vec::new();
    while page.len() < want {
        let least = heads.iter().enumerate().filter_map(|(i, h)| Some((h.as_ref()?.seq, i))).min();
        let Some((seq, i)) = least else { break };
        let next = from_leader(remote, &json!({ "seq": seq + 1, "next_by_subj": filters[i] })).await?;
        page.extend(std::mem::replace(&mut heads[i], next).map(Fetched::Leader));
    }
    Ok(page)
}
