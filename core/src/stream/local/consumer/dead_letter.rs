//! Where records go that were delivered too often: a stream of their own, with where they came from in the headers.

use crate::error::{ErrorKind, Result};
use crate::record::{Append, Batch};
use crate::stream::config::{ConsumerConfig, StreamConfig, check_name};
use crate::stream::contract::StreamOps;
use crate::stream::local::stream::LocalStream;
use crate::subject::SUBJECT_BYTES_MAX;

/// The stream that takes a consumer's dead letters.
pub(crate) fn stream_name(stream: &str, config: &ConsumerConfig) -> String {
    if config.dead_letter.is_empty() { format!("{stream}_DLQ") } else { config.dead_letter.clone() }
}

/// Opens the dead-letter stream of a consumer of `stream`, and makes it if it is not there.
pub(crate) fn open(stream: &LocalStream, config: &ConsumerConfig) -> Result<LocalStream> {
    let name = stream_name(stream.name(), config);
    check_name("stream", &name)?;
    match stream.engine.open_stream(&name) {
        Err(e) if e.kind() == ErrorKind::NotFound => {
            stream.engine.make_stream(StreamConfig::new(&name, [format!("$DLQ.{name}.>")]).checked()?)
        }
        found => found,
    }
}

/// Moves a record: it is safe in the dead-letter stream when this returns. Doing it twice is doing it once.
pub(crate) fn bury(stream: &LocalStream, config: &ConsumerConfig, one: &Batch, deliveries: u32) -> Result<()> {
    let Some(record) = one.get(0) else { return Ok(()) };
    let dead = open(stream, config)?;
    let seq = record.seq.to_string();
    let deliveries = deliveries.to_string();
    let mut subject = format!("$DLQ.{}.{}.{}.{}", dead.name(), stream.name(), config.name, record.subject);
    if subject.len() > SUBJECT_BYTES_MAX {
        subject = format!("$DLQ.{}.{}.{}", dead.name(), stream.name(), config.name);
    }
    let id = format!("{}.{}.{}", stream.name(), config.name, record.seq);
    let mut append = Append::new(&subject, record.payload)
        .header("Headwater-Stream", stream.name())
        .header("Headwater-Sequence", &seq)
        .header("Headwater-Subject", record.subject)
        .header("Headwater-Consumer", &config.name)
        .header("Headwater-Deliveries", &deliveries)
        .msg_id(&id);
    append.event_time = record.event_time;
    for (name, value) in record.headers().filter(|(n, _)| !n.starts_with("Nats-") && !n.starts_with("Headwater-")) {
        append = append.header(name, value);
    }
    dead.append(&[append]).wait().map(|_| ())
}
