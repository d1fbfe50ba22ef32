//! Dead letters on a hub: a record that was delivered too often moves to a stream of its own, under the same subjects
//! and headers as on the local engine. Doing it twice is doing it once, by its message id within the window.

use std::sync::Arc;

use super::fault::STREAM_NOT_FOUND;
use super::stream::{HubStream, Remote};
use super::{append, engine};
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Append, RecordView};
use crate::stream::config::{ConsumerConfig, StreamConfig};
use crate::stream::local::consumer::dead_letter::stream_name;
use crate::subject::{SUBJECT_BYTES_MAX, matches};

/// Opens the dead-letter stream, and makes it if it is not there.
async fn open(remote: &Arc<Remote>, config: &ConsumerConfig) -> Result<Arc<HubStream>> {
    let name = stream_name(&remote.name, config);
    match engine::find(Arc::clone(&remote.hub), &name).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let config = StreamConfig::new(&name, [format!("$DLQ.{name}.>")]);
            engine::create(Arc::clone(&remote.hub), config).await
        }
        other => other,
    }
}

/// Refuses a dead-letter stream that does not take what is to go there.
pub(super) async fn prepare(remote: &Arc<Remote>, config: &ConsumerConfig) -> Result<()> {
    let dead = open(remote, config).await?;
    let dead = dead.remote();
    let probe = format!("$DLQ.{}.{}.{}", dead.name, remote.name, config.name);
    if dead.known().config.subjects.iter().any(|s| matches(s, &probe)) {
        return Ok(());
    }
    Err(Error::invalid(format!("dead-letter stream '{}' does not take '$DLQ.{}.>'", dead.name, dead.name)))
}

/// Moves a record: it is in the dead-letter stream when this returns.
pub(super) async fn bury(
    remote: &Arc<Remote>,
    config: &ConsumerConfig,
    record: RecordView<'_>,
    deliveries: u32,
) -> Result<()> {
    let dead = open(remote, config).await?;
    let dead = dead.remote();
    let (seq, deliveries) = (record.seq.to_string(), deliveries.to_string());
    let mut subject = format!("$DLQ.{}.{}.{}.{}", dead.name, remote.name, config.name, record.subject);
    if subject.len() > SUBJECT_BYTES_MAX {
        subject = format!("$DLQ.{}.{}.{}", dead.name, remote.name, config.name);
    }
    let id = format!("{}.{}.{}", remote.name, config.name, record.seq);
    let pending = {
        let mut append = Append::new(&subject, record.payload)
            .header("Headwater-Stream", &remote.name)
            .header("Headwater-Sequence", &seq)
            .header("Headwater-Subject", record.subject)
            .header("Headwater-Consumer", &config.name)
            .header("Headwater-Deliveries", &deliveries)
            .msg_id(&id);
        append.event_time = record.event_time;
        for (name, value) in record.headers().filter(|(n, _)| !n.starts_with("Nats-") && !n.starts_with("Headwater-")) {
            append = append.header(name, value);
        }
        append::append(dead, &[append])
    };
    pending.await.map(|_| ())
}

/// How many records of a consumer are in its dead-letter stream.
pub(super) async fn count(remote: &Arc<Remote>, config: &ConsumerConfig) -> Result<u64> {
    let name = stream_name(&remote.name, config);
    let prefix = format!("$DLQ.{name}.{}.{}", remote.name, config.name);
    let place = format!("stream '{name}'");
    let mut count = 0;
    for filter in [format!("{prefix}.>"), prefix] {
        let suffix = format!("STREAM.INFO.{name}");
        match remote.session().api(&place, &suffix, &json!({ "subjects_filter": filter })).await? {
            Ok(answer) => {
                let subjects = answer["state"]["subjects"].as_object();
                count += subjects.into_iter().flatten().map(|(_, n)| n.as_u64().unwrap_or(0)).sum::<u64>();
            }
            Err(error) if error.err_code == STREAM_NOT_FOUND => return Ok(0),
            Err(error) => return Err(error.into_error(&place)),
        }
    }
    Ok(count)
}
