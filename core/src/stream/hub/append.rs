//! Appending to a hub: the checks of both engines, then the conditions as headers, sent at the call.
//!
//! A condition on a filter is one header on one server of 2.11 or later. Older ones ignore that header, so there it
//! is refused; on several replicas a racing writer can pass it, so there it is looked at and then held by the
//! stream's last sequence (`filtered.rs`). Batches are JetStream's atomic ones (ADR-50), by hand, because the client
//! has none.

use std::sync::Arc;
use std::task::{Context, Poll};

use async_nats::message::OutboundMessage;
use async_nats::{HeaderMap, header};
use bytes::Bytes;

use super::answer::{Meaning, look, meaning};
use super::filtered;
use super::outbox::Slot;
use super::records::headers_of;
use super::session::{LEVEL_2_11, LEVEL_2_12};
use super::stream::{Known, Remote};
use super::task::run;
use crate::error::{Error, ErrorKind, Result};
use crate::pending::{Pending, Wait};
use crate::record::{Ack, Append};
use crate::stream::shape::{self, check_for};

/// Whose last sequence `Nats-Expected-Last-Subject-Sequence` speaks of.
const EXPECTED_SUBJECT: &str = "Nats-Expected-Last-Subject-Sequence-Subject";
/// What a message's protocol line and headers add at the most, beside what is counted.
const FRAME_SLACK: usize = 64;

/// A condition of an append: on the stream, or on what a filter takes.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    /// Of which record.
    record: usize,
    pub(super) filter: Option<String>,
    /// Whether the filter is the record's own subject.
    own: bool,
    pub(super) expected: u64,
}

impl Condition {
    pub(super) fn what(&self, stream: &str) -> String {
        self.filter.as_ref().map_or_else(|| format!("stream '{stream}'"), |f| format!("subject '{f}'"))
    }
}

/// What it takes to understand the answer.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) conditions: Vec<Condition>,
    pub(super) count: u32,
    pub(super) ids: Vec<(String, String)>,
}

/// Begins appends, all or none.
pub(super) fn append(remote: &Arc<Remote>, appends: &[Append<'_>]) -> Pending<Ack> {
    begin(remote, appends).unwrap_or_else(|error| Pending::ready(Err(error)))
}

fn begin(remote: &Arc<Remote>, appends: &[Append<'_>]) -> Result<Pending<Ack>> {
    shape::check(appends)?;
    let known = remote.known();
    for append in appends {
        check_for(&known.config, append)?;
    }
    remote.session().check_open()?;
    let mut messages = messages(remote, &known, appends)?;
    let asked = asked(appends);
    if asked.conditions.iter().any(|c| c.filter.is_some() && !c.own) {
        remote.session().need(LEVEL_2_11, "2.11", "a condition on another subject or a filter")?;
        if known.replicas > 1 || !remote.is_fresh() {
            let remote = Arc::clone(remote);
            let handle = remote.session().handle.clone();
            return Ok(run(&handle, async move { filtered::append(&remote, messages, asked).await }));
        }
    }
    asked.put(&mut messages);
    submit(remote, messages, asked)
}

pub(super) fn submit(remote: &Arc<Remote>, messages: Vec<OutboundMessage>, asked: Asked) -> Result<Pending<Ack>> {
    let slot = remote.session().outbox.submit(messages)?;
    Ok(Pending::waiting(Waiting { slot, remote: Arc::clone(remote), asked, after: None }))
}

/// Adds the condition on the stream's last sequence.
pub(super) fn expect_last(message: &mut OutboundMessage, expected: u64) {
    message.headers.get_or_insert_default().insert(header::NATS_EXPECTED_LAST_SEQUENCE, expected.to_string());
}

/// Refuses a server or a stream that has no atomic batches.
pub(super) fn check_batches(remote: &Remote, known: &Known) -> Result<()> {
    remote.session().need(LEVEL_2_12, "2.12", "a batch of more than one record")?;
    if known.atomic { Ok(()) } else { Err(off(remote, "allow_atomic", "a batch of more than one record")) }
}

/// The messages of appends, but for their conditions.
fn messages(remote: &Remote, known: &Known, appends: &[Append<'_>]) -> Result<Vec<OutboundMessage>> {
    let session = remote.session();
    let whole = appends.len() > 1;
    if whole {
        check_batches(remote, known)?;
    }
    let batch_id = whole.then(|| session.random_name() + &session.random_name());
    let place = |i: usize| batch_id.as_ref().map(|id| (id.as_str(), i + 1, i + 1 == appends.len()));
    appends.iter().enumerate().map(|(i, append)| message(remote, known, append, place(i))).collect()
}

/// The message of an append, but for its conditions; with an atomic batch's id, its place in it, and whether it is the
/// last, if it is in one.
pub(super) fn message(
    remote: &Remote,
    known: &Known,
    append: &Append<'_>,
    batch: Option<(&str, usize, bool)>,
) -> Result<OutboundMessage> {
    let session = remote.session();
    if append.ttl.is_some() {
        session.need(LEVEL_2_11, "2.11", "a time to live for one record")?;
        if !known.ttl {
            return Err(off(remote, "allow_msg_ttl", "a time to live for one record"));
        }
    }
    let mut headers = headers_of(append)?;
    if let Some((id, place, is_last)) = batch {
        let headers = headers.get_or_insert_with(HeaderMap::new);
        headers.insert(header::NATS_BATCH_ID, id);
        headers.insert(header::NATS_BATCH_SEQUENCE, place.to_string());
        if is_last {
            headers.insert(header::NATS_BATCH_COMMIT, "1");
        }
    }
    let size = append.payload.len() + headers.as_ref().map_or(0, size_of) + FRAME_SLACK;
    let most = session.client.max_payload();
    if size > most {
        return Err(Error::invalid(format!(
            "the record takes {size} bytes with its headers, the most that the hub's server takes is {most} \
             (its max_payload)"
        )));
    }
    let payload = Bytes::copy_from_slice(append.payload);
    Ok(OutboundMessage { subject: append.subject.into(), reply: None, payload, headers })
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
    pub(super) fn held_by(last: u64, count: u32, ids: Vec<(String, String)>) -> Self {
        let conditions = vec![Condition { record: 0, filter: None, own: false, expected: last }];
        Asked { conditions, count, ids }
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

/// Sends messages and waits for what they come to.
pub(super) async fn send(remote: &Arc<Remote>, messages: Vec<OutboundMessage>, asked: &Asked) -> Result<Ack> {
    let slot = remote.session().outbox.submit(messages)?;
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
            self.after = Some(run(&remote.session().handle, look(Arc::clone(&remote), self.asked.clone(), error)));
        }
    }
}
