//! What a hub's answer to an append means, and what takes a look to say: which condition did not hold, and whether a
//! message id was seen, which wins over conditions on the local engine and not on every server.

use std::sync::Arc;

use async_nats::header;
use async_nats::message::OutboundMessage;
use bytes::Bytes;
use serde::Deserialize;

use super::append::Asked;
use super::fault::{self, ApiError, BATCH_HAS_DUPLICATE, WRONG_LAST_SEQUENCE, WRONG_LAST_SEQUENCE_UNSAID};
use super::read;
use super::stream::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Ack, Durability, HEADER_MSG_ID};
use crate::stream::options::ReadOptions;

/// Records that are looked through for a message id.
const FIND_RECORDS_MAX: usize = 1000;

/// What JetStream answers to a publish.
#[derive(Debug, Deserialize)]
struct PubAck {
    #[serde(default)]
    stream: String,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    /// Of a batch, how many of its records it says this of.
    #[serde(default)]
    count: Option<u32>,
    #[serde(default)]
    error: Option<ApiError>,
}

/// What an answer means.
pub(super) enum Meaning {
    Done(Result<Ack>),
    /// It takes a look to say.
    Look(ApiError),
    Nobody,
}

pub(super) fn meaning(remote: &Remote, asked: &Asked, message: &async_nats::Message) -> Meaning {
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
            // Clusters note an id before they look at conditions, and some keep it when these refuse the append.
            // Nothing is stored under it, so it is no duplicate.
            let message = format!(
                "{}: the hub remembers the msg_id from an append that was refused or is on its way; nothing was \
                 appended",
                remote.place()
            );
            return Meaning::Done(Err(Error::new(ErrorKind::Conflict, message)));
        }
        if let Some(count) = ack.count.filter(|&count| count < asked.count) {
            let message = format!("{}: {count} of {} records were appended, then one not", remote.place(), asked.count);
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
pub(super) async fn look(remote: Arc<Remote>, asked: Asked, error: Option<ApiError>) -> Result<Ack> {
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
    let from = remote.session().options.clock.now().saturating_sub(window);
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
    headers.insert(header::NATS_EXPECTED_LAST_MESSAGE_ID, format!("never-{}", remote.session().random_name()));
    let answer = remote.session().ask(subject.to_owned(), probe.headers, probe.payload).await?;
    let ack: PubAck = serde_json::from_slice(&answer.payload)
        .map_err(|e| Error::new(ErrorKind::Internal, format!("the answer to a probe cannot be read: {e}")))?;
    // Without a sequence it is an append on its way, or one that was refused (see `meaning`).
    Ok((ack.duplicate && ack.seq > 0).then_some(ack.seq))
}
