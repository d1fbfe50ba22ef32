//! What becomes of a record that was delivered too often, whichever engine keeps it: the stream that it moves to, its
//! subject there, and where it came from in its headers. Moving it twice is moving it once, by its message id.

use crate::error::{Error, Result};
use crate::record::{Append, RecordView};
use crate::subject::{SUBJECT_BYTES_MAX, check_subject, matches};

use super::config::{ConsumerConfig, StreamConfig};

/// The stream that takes the dead letters of a consumer of `stream`.
pub(crate) fn stream_name(stream: &str, config: &ConsumerConfig) -> String {
    if config.dead_letter.is_empty() { format!("{stream}_DLQ") } else { config.dead_letter.clone() }
}

/// What that stream is when nobody made it before.
pub(crate) fn stream_config(name: &str) -> StreamConfig {
    StreamConfig::new(name, [format!("$DLQ.{name}.>")])
}

/// What the subjects of a consumer's dead letters begin with.
pub(crate) fn prefix(dead: &str, stream: &str, config: &ConsumerConfig) -> String {
    format!("$DLQ.{dead}.{stream}.{}", config.name)
}

/// Refuses a dead-letter stream that does not take what is to go there.
pub(crate) fn check_takes(dead: &StreamConfig, stream: &str, config: &ConsumerConfig) -> Result<()> {
    let probe = prefix(&dead.name, stream, config);
    check_subject(&probe)?;
    if dead.subjects.iter().any(|s| matches(s, &probe)) {
        return Ok(());
    }
    Err(Error::invalid(format!("dead-letter stream '{}' does not take '$DLQ.{}.>'", dead.name, dead.name)))
}

/// A record on its way to the dead-letter stream.
pub(crate) struct Letter<'a> {
    record: RecordView<'a>,
    stream: &'a str,
    consumer: &'a str,
    subject: String,
    id: String,
    seq: String,
    deliveries: String,
}

impl<'a> Letter<'a> {
    pub(crate) fn new(
        dead: &str,
        stream: &'a str,
        config: &'a ConsumerConfig,
        record: RecordView<'a>,
        deliveries: u32,
    ) -> Self {
        let prefix = prefix(dead, stream, config);
        let whole = format!("{prefix}.{}", record.subject);
        Letter {
            record,
            stream,
            consumer: &config.name,
            subject: if whole.len() > SUBJECT_BYTES_MAX { prefix } else { whole },
            id: format!("{stream}.{}.{}", config.name, record.seq),
            seq: record.seq.to_string(),
            deliveries: deliveries.to_string(),
        }
    }

    /// As it is appended.
    pub(crate) fn append(&self) -> Append<'_> {
        let mut append = Append::new(&self.subject, self.record.payload)
            .header("Headwater-Stream", self.stream)
            .header("Headwater-Sequence", &self.seq)
            .header("Headwater-Subject", self.record.subject)
            .header("Headwater-Consumer", self.consumer)
            .header("Headwater-Deliveries", &self.deliveries)
            .msg_id(&self.id);
        append.event_time = self.record.event_time;
        let others = self.record.headers().filter(|(n, _)| !n.starts_with("Nats-") && !n.starts_with("Headwater-"));
        append.headers.extend(others);
        append
    }
}
