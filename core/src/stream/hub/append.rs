//! Appending to a hub: the checks of both engines, then the conditions as headers, sent at the call.
//!
//! A condition on a filter is one header on one server of 2.11 or later. Older ones ignore that header, so there it is
//! refused; on several replicas a racing writer can pass it, so there it is looked at and then held by the stream's last
//! sequence (`filtered.rs`). Batches are JetStream's atomic ones (ADR-50), by hand, because the client has none.

use std::sync::Arc;
use std::task::{Context, Poll};

use async_nats::message::OutboundMessage;
use async_nats::{HeaderMap, header};
use bytes::Bytes;
use serde::Deserialize;

use super::fault::{self, ApiError, BATCH_HAS_DUPLICATE, WRONG_LAST_SEQUENCE, WRONG_LAST_SEQUENCE_UNSAID};
use super::link::{LEVEL_2_11, LEVEL_2_12};
use super::outbox::Slot;
use super::records::headers_of;
use super::stream::{Known, Remote};
use super::task::run;
use super::{filtered, read};
use crate::error::{Error, ErrorKind, Result};
use crate::pending::{Pending, Wait};
use crate::record::{Ack, Append, Durability, HEADER_MSG_ID};
use crate::stream::check::{check_for, check_shape};
use crate::stream::options::ReadOptions;

/// Whose last sequence `Nats-Expected-Last-Subject-Sequence` speaks of.
const EXPECTED_SUBJECT: &str = "Nats-Expected-Last-Subject-Sequence-Subject";
/// Records that are looked through for a message id.
const FIND_RECORDS_MAX: usize = 1000;
/// What a message's protocol line and headers add at the most, beside what is counted.
const FRAME_SLACK: usize = 64;

/// What JetStream answers to a publish.
#[derive(Debug, Deserialize)]
struct PubAck {
    #[serde(default)]
    stream: String,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    #[serde(default)]
    error: Option<ApiError>,
}

/// A condition of an append: on the stream, or on what a filter takes.
#[derive(Debug, Clone)]
struct Condition {
    /// Of which record.
    record: usize,
    filter: Option<String>,
    /// Whether the filter is the record's own subject.
    own: bool,
    expected: u64,
}

impl Condition {
    fn what(&self, stream: &str) -> String {
        self.filter.as_ref().map_or_else(|| format!("stream '{stream}'"), |f| format!("subject '{f}'"))
    }
}

/// What it takes to understand the answer.
#[derive(Clone)]
pub(super) struct Asked {
    conditions: Vec<Condition>,
    count: u32,
    ids: Vec<(String, String)>,
}

/// Begins appends, all or none.
pub(super) fn append(remote: &Arc<Remote>, appends: &[Append<'_>]) -> Pending<Ack> {
    begin(remote, appends).unwrap_or_else(|error| Pending::ready(Err(error)))
}

fn begin(remote: &Arc<Remote>, appends: &[Append<'_>]) -> Result<Pending<Ack>> {
    check_shape(appends)?;
    let known = remote.known();
    for append in appends {
        check_for(&known.config, append)?;
    }
    remote.link().check_open()?;
    let mut messages = messages(remote, &known, appends)?;
    let asked = asked(appends);
    if asked.conditions.iter().any(|c| c.filter.is_some() && !c.own) {
        remote.link().need(LEVEL_2_11, "2.11", "a condition on another subject or a filter")?;
        if known.replicas > 1 || !remote.is_fresh() {
            let remote = Arc::clone(remote);
            let handle = remote.link().handle.clone();
            return Ok(run(&handle, async move { filtered::append(&remote, messages, asked).await }));
        }
    }
    asked.put(&mut messages);
    let slot = remote.link().outbox.submit(messages)?;
    Ok(Pending::waiting(Waiting { slot, remote: Arc::clone(remote), asked, after: None }))
}

/// Adds the condition on the stream's last sequence.
pub(super) fn expect_last(message: &mut OutboundMessage, expected: u64) {
    message.headers.get_or_insert_default().insert(header::NATS_EXPECTED_LAST_SEQUENCE, expected.to_string());
}

/// The messages of appends, but for their conditions.
fn messages(remote: &Remote, known: &Known, appends: &[Append<'_>]) -> Result<Vec<OutboundMessage>> {
    let link = remote.link();
    let whole = appends.len() > 1;
    if whole {
        link.need(LEVEL_2_12, "2.12", "a batch of more than one record")?;
        if !known.atomic {
            return Err(off(remote, "allow_atomic", "a batch of more than one record"));
        }
    }
    let batch_id = whole.then(|| link.random_name() + &link.random_name());
    let most = link.client.max_payload();
    let mut messages = Vec::with_capacity(appends.len());
    for (i, append) in appends.iter().enumerate() {
        if append.ttl.is_some() {
            link.need(LEVEL_2_11, "2.11", "a time to live for one record")?;
            if !known.ttl {
                return Err(off(remote, "allow_msg_ttl", "a time to live for one record"));
            }
        }
        let mut headers = headers_of(append)?;
        if let Some(id) = &batch_id {
            let headers = headers.get_or_insert_with(HeaderMap::new);
            headers.insert(header::NATS_BATCH_ID, id.as_str());
            headers.insert(header::NATS_BATCH_SEQUENCE, (i + 1).to_string());
            if i + 1 == appends.len() {
                headers.insert(header::NATS_BATCH_COMMIT, "1");
            }
        }
        let size = append.payload.len() + headers.as_ref().map_or(0, size_of) + FRAME_SLACK;
        if size > most {
            return Err(Error::invalid(format!(
                "the record takes {size} bytes with its headers, the most that the hub's server takes is {most} (its max_payload)"
            )));
        }
        messages.push(OutboundMessage {
            subject: append.subject.into(),
            reply: None,
            payload: Bytes::copy_from_slice(append.payload),
            headers,
        });
    }
    Ok(messages)
}

fn off(remote: &Remote, setting: &str, what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{}: {what} needs {setting}, which is off for it", remote.place()))
}

fn size_of(headers: &HeaderMap) -> usize {
    let one = |(name, values): (&async_nats::HeaderName, &Vec<async_nats::HeaderValue>)| -> usize {
        let name: &str = name.as_ref();
        values.iter().map(|v| name.len() + v.as_str().len() + 4).sum()
    };
    headers.iter().map(one).sum()
}

fn asked(appends: &[Append<'_>]) -> Asked {
    let mut conditions = Vec::new();
    for (record, append) in appends.iter().enumerate() {
        if let Some(expected) = append.expect_last_seq {
            conditions.push(Condition { record, filter: None, own: false, expected });
        }
        if let Some(expected) = append.expect_subject_last_seq {
            let filter = append.expect_filter.unwrap_or(append.subject);
            conditions.push(Condition {
                record,
                filter: Some(filter.to_owned()),
                own: filter == append.subject,
                expected,
            });
        }
    }
    let ids = appends.iter().filter_map(|a| Some((a.subject.to_owned(), a.msg_id?.to_owned()))).collect();
    Asked { conditions, count: appends.len() as u32, ids }
}

impl Asked {
    /// Of `count` records, held by the stream's last sequence alone.
    pub(super) fn held_by(last: u64, like: &Asked) -> Self {
        let conditions = vec![Condition { record: 0, filter: None, own: false, expected: last }];
        Asked { conditions, count: like.count, ids: like.ids.clone() }
    }

    /// Adds the conditions to the messages.
    pub(super) fn put(&self, messages: &mut [OutboundMessage]) {
        for condition in &self.conditions {
            let Some(message) = messages.get_mut(condition.record) else { continue };
            let Some(filter) = &condition.filter else {
                expect_last(message, condition.expected);
                continue;
            };
            let headers = message.headers.get_or_insert_default();
            headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, condition.expected.to_string());
            if !condition.own {
                headers.insert(EXPECTED_SUBJECT, filter.as_str());
            }
        }
    }

    /// What is expected of the stream and of filters.
    pub(super) fn expectations(&self) -> (Option<u64>, Vec<(&str, u64)>) {
        let last = self.conditions.iter().find(|c| c.filter.is_none()).map(|c| c.expected);
        let filters = self.conditions.iter().filter_map(|c| Some((c.filter.as_deref()?, c.expected)));
        (last, filters.collect())
    }
}

/// What an answer means.
enum Meaning {
    Done(Result<Ack>),
    /// It takes a look to say.
    Look(ApiError),
    Nobody,
}

fn meaning(remote: &Remote, asked: &Asked, message: &async_nats::Message) -> Meaning {
    if message.status == Some(async_nats::StatusCode::NO_RESPONDERS) {
        return Meaning::Nobody;
    }
    let ack: PubAck = match serde_json::from_slice(&message.payload) {
        Ok(ack) => ack,
        Err(e) => {
            let message = format!("{}: the answer to an append cannot be read: {e}", remote.place());
            return Meaning::Done(Err(Error::new(ErrorKind::Internal, message)));
        }
    };
    let Some(error) = ack.error else {
        if ack.stream != remote.name {
            let message =
                format!("{}: its subjects belong to stream '{}' now, which took it", remote.place(), ack.stream);
            return Meaning::Done(Err(Error::new(ErrorKind::Conflict, message)));
        }
        if ack.duplicate && ack.seq == 0 {
            // Clusters note an id before they look at conditions, and some keep it when these refuse the append. Nothing
            // is stored under it, so it is no duplicate.
            let message = format!(
                "{}: the hub remembers the msg_id from an append that was refused or is on its way; nothing was appended",
                remote.place()
            );
            return Meaning::Done(Err(Error::new(ErrorKind::Conflict, message)));
        }
        let count = if ack.duplicate { 0 } else { asked.count };
        let durability = Durability::Unknown;
        return Meaning::Done(Ok(Ack { seq: ack.seq, count, duplicate: ack.duplicate, durability }));
    };
    match (error.err_code, asked.conditions.as_slice()) {
        // Clusters, and all servers from 2.12 on, check conditions before ids, so one that was seen is asked for.
        (WRONG_LAST_SEQUENCE, [one]) if asked.ids.is_empty() => {
            if let Some(actual) = error.number() {
                return Meaning::Done(Err(Error::wrong_sequence(&one.what(&remote.name), one.expected, actual)));
            }
            Meaning::Look(error)
        }
        (WRONG_LAST_SEQUENCE | WRONG_LAST_SEQUENCE_UNSAID, _) => Meaning::Look(error),
        (BATCH_HAS_DUPLICATE, _) => Meaning::Look(error),
        _ => Meaning::Done(Err(error.into_error(&remote.place()))),
    }
}

/// What stands behind a refusal that does not say it.
async fn look(remote: Arc<Remote>, asked: Asked, error: Option<ApiError>) -> Result<Ack> {
    let Some(error) = error else {
        // Nobody took it: because the stream is gone, or because it has no leader.
        remote.look(&serde_json::Value::Null).await?;
        return Err(fault::nobody(&remote.place()));
    };
    if error.err_code == BATCH_HAS_DUPLICATE {
        return seen_before(&remote, &asked).await;
    }
    let refusal = refusal(&remote, &asked, &error).await?;
    seen_or(&remote, &asked, refusal).await
}

/// Which condition did not hold.
async fn refusal(remote: &Arc<Remote>, asked: &Asked, error: &ApiError) -> Result<Error> {
    if let ([one], Some(actual)) = (asked.conditions.as_slice(), error.number()) {
        return Ok(Error::wrong_sequence(&one.what(&remote.name), one.expected, actual));
    }
    for condition in &asked.conditions {
        let actual = match &condition.filter {
            None => remote.look(&serde_json::Value::Null).await?["state"]["last_seq"].as_u64().unwrap_or(0),
            Some(filter) => read::tip(remote, filter).await?,
        };
        if actual != condition.expected {
            return Ok(Error::wrong_sequence(&condition.what(&remote.name), condition.expected, actual));
        }
    }
    // It holds by now, and did not then.
    Ok(Error::new(ErrorKind::Conflict, format!("{}: {}", remote.place(), error.description)))
}

/// The outcome of a batch that holds ids which were seen: done before when all were.
///
/// Each id is tried with a condition on the last id that cannot hold, which every server checks after the id itself: so
/// nothing is appended, and a seen one answers its sequence.
async fn seen_before(remote: &Arc<Remote>, asked: &Asked) -> Result<Ack> {
    let (seen, last) = probe(remote, asked).await?;
    if seen == asked.count {
        return Ok(Ack { seq: last, count: 0, duplicate: true, durability: Durability::Unknown });
    }
    Err(Error::new(
        ErrorKind::Conflict,
        format!("{seen} of the batch's {} records were appended before, by their msg_id", asked.count),
    ))
}

/// How many of the ids were seen, and the last of their sequences.
async fn probe(remote: &Arc<Remote>, asked: &Asked) -> Result<(u32, u64)> {
    remote.look(&serde_json::Value::Null).await?;
    let alone = remote.known().replicas == 1;
    let (mut seen, mut last) = (0, 0);
    for (subject, id) in &asked.ids {
        // A refused probe would leave its id behind in a cluster, so there it is looked for among the records.
        let found = if alone { probe_id(remote, subject, id).await? } else { find_id(remote, subject, id).await? };
        if let Some(seq) = found {
            seen += 1;
            last = seq.max(last);
        }
    }
    Ok((seen, last))
}

/// The sequence of the record of a subject that has this message id, among those within the window.
async fn find_id(remote: &Arc<Remote>, subject: &str, id: &str) -> Result<Option<u64>> {
    let window = remote.known().config.duplicate_window.as_nanos() as u64;
    let from = remote.link().options.clock.now().saturating_sub(window);
    let options = ReadOptions { until: Some(from), max_records: FIND_RECORDS_MAX, ..ReadOptions::default() };
    let plan = options.filter(subject).backward().plan()?;
    let found = read::read(remote, plan).await?;
    Ok(found.iter().find(|r| r.header(HEADER_MSG_ID) == Some(id)).map(|r| r.seq))
}

/// `error`, unless what was asked was done before: an id that was seen is acknowledged whatever the conditions say.
pub(super) async fn seen_or(remote: &Arc<Remote>, asked: &Asked, error: Error) -> Result<Ack> {
    if asked.ids.is_empty() {
        return Err(error);
    }
    match probe(remote, asked).await? {
        (0, _) => Err(error),
        _ => seen_before(remote, asked).await,
    }
}

/// The sequence of the record that had this message id, if it was seen within the window.
async fn probe_id(remote: &Arc<Remote>, subject: &str, id: &str) -> Result<Option<u64>> {
    let mut probe = OutboundMessage { subject: subject.into(), reply: None, payload: Bytes::new(), headers: None };
    let headers = probe.headers.get_or_insert_default();
    headers.insert(header::NATS_MESSAGE_ID, id);
    headers.insert(header::NATS_EXPECTED_LAST_MESSAGE_ID, format!("never-{}", remote.link().random_name()));
    let answer = remote.link().ask(subject.to_owned(), probe.headers, probe.payload).await?;
    let ack: PubAck = serde_json::from_slice(&answer.payload)
        .map_err(|e| Error::new(ErrorKind::Internal, format!("the answer to a probe cannot be read: {e}")))?;
    // Without a sequence it is an append on its way, or one that was refused (see `meaning`).
    Ok((ack.duplicate && ack.seq > 0).then_some(ack.seq))
}

/// Sends messages and waits for what they come to.
pub(super) async fn send(remote: &Arc<Remote>, messages: Vec<OutboundMessage>, asked: &Asked) -> Result<Ack> {
    let slot = remote.link().outbox.submit(messages)?;
    Pending::waiting(Waiting { slot, remote: Arc::clone(remote), asked: asked.clone(), after: None }).await
}

/// An append on its way.
struct Waiting {
    slot: Arc<Slot>,
    remote: Arc<Remote>,
    asked: Asked,
    after: Option<Pending<Ack>>,
}

impl Wait<Ack> for Waiting {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Ack>> {
        loop {
            if let Some(after) = &mut self.after {
                return std::pin::Pin::new(after).poll(cx);
            }
            let message = match self.slot.poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(message)) => message,
            };
            let error = match meaning(&self.remote, &self.asked, &message) {
                Meaning::Done(result) => return Poll::Ready(result),
                Meaning::Look(error) => Some(error),
                Meaning::Nobody => None,
            };
            let remote = Arc::clone(&self.remote);
            self.after = Some(run(&remote.link().handle, look(Arc::clone(&remote), self.asked.clone(), error)));
        }
    }
}
