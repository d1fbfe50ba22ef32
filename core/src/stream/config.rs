//! What a stream and a consumer are told to be: JetStream's names and defaults, checked before anything is touched.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::hub_config::HubConfig;
use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Durability, PAYLOAD_BYTES_MAX};
use crate::subject::{check_filter, overlap};

/// The longest name of a stream, a consumer or a bucket, in bytes.
pub const NAME_BYTES_MAX: usize = 200;

/// What happens to an append when the stream is at a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Discard {
    /// The oldest records make room.
    #[default]
    Old,
    /// The append is refused with [`crate::ErrorKind::Limit`].
    New,
}

/// How sealed segments are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// As written.
    #[default]
    None,
    /// In blocks of 64 KiB, each compressed with zstd; reading one record decompresses its block.
    Zstd,
}

/// What a stream takes, how long it keeps it, and what its acknowledgements mean. A limit of 0 is no limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StreamConfig {
    /// Its name: no white space, `.`, `*`, `>`, `/` or `\`.
    pub name: String,
    /// The filters of the subjects that it takes; its own name when empty.
    pub subjects: Vec<String>,
    /// For people.
    pub description: String,
    /// What an acknowledgement promises.
    pub durability: Durability,
    /// With [`Durability::Interval`]: at most this much time is lost. 1 ms to 1 hour.
    #[serde(with = "nanos")]
    pub sync_interval: Duration,
    /// Records older than this go.
    #[serde(with = "nanos")]
    pub max_age: Duration,
    /// The most records.
    pub max_msgs: u64,
    /// The most bytes of subjects, headers and payloads.
    pub max_bytes: u64,
    /// The most records of one subject; older ones of it go.
    pub max_msgs_per_subject: u64,
    /// The largest payload, in bytes; 0 is the engine's own bound of 8 MiB.
    pub max_msg_size: u32,
    /// What gives at `max_msgs` and `max_bytes`.
    pub discard: Discard,
    /// With [`Discard::New`]: refuse at `max_msgs_per_subject` too, instead of dropping the subject's oldest.
    pub discard_new_per_subject: bool,
    /// How long message ids are remembered.
    #[serde(with = "nanos")]
    pub duplicate_window: Duration,
    /// Whether an append may carry a rollup.
    pub allow_rollup: bool,
    /// Whether deleting single records is refused.
    pub deny_delete: bool,
    /// Whether purging is refused.
    pub deny_purge: bool,
    /// How sealed segments are stored.
    pub compression: Compression,
    /// The size at which a segment is sealed, in bytes, 64 KiB to 1 GiB.
    pub segment_bytes: u64,
    /// What only a hub can do; a local stream is refused with it. Left out, a stream that is made has the defaults, and
    /// one that is changed what it had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub: Option<Box<HubConfig>>,
}

impl Default for StreamConfig {
    fn default() -> Self {
        StreamConfig {
            name: String::new(),
            subjects: Vec::new(),
            description: String::new(),
            durability: Durability::Fsync,
            sync_interval: Duration::from_millis(100),
            max_age: Duration::ZERO,
            max_msgs: 0,
            max_bytes: 0,
            max_msgs_per_subject: 0,
            max_msg_size: 0,
            discard: Discard::Old,
            discard_new_per_subject: false,
            duplicate_window: Duration::from_secs(120),
            allow_rollup: false,
            deny_delete: false,
            deny_purge: false,
            compression: Compression::None,
            segment_bytes: 64 << 20,
            hub: None,
        }
    }
}

impl StreamConfig {
    /// A stream of this name and these subjects, everything else by default.
    pub fn new<S: Into<String>>(name: impl Into<String>, subjects: impl IntoIterator<Item = S>) -> Self {
        StreamConfig {
            name: name.into(),
            subjects: subjects.into_iter().map(Into::into).collect(),
            ..StreamConfig::default()
        }
    }

    /// The largest payload that is taken, in bytes.
    pub(crate) fn payload_bytes_max(&self) -> usize {
        match self.max_msg_size {
            0 => PAYLOAD_BYTES_MAX,
            n => (n as usize).min(PAYLOAD_BYTES_MAX),
        }
    }

    /// Fills in what was left open and refuses what cannot be.
    pub(crate) fn checked(mut self) -> Result<Self> {
        check_name("stream", &self.name)?;
        let is_mirror = self.hub.as_ref().is_some_and(|hub| hub.mirror.is_some());
        if self.subjects.is_empty() && !is_mirror {
            self.subjects.push(self.name.clone());
        }
        for (i, subject) in self.subjects.iter().enumerate() {
            check_filter(subject)?;
            if let Some(other) = self.subjects[..i].iter().find(|o| overlap(o, subject)) {
                return Err(Error::invalid(format!(
                    "subjects '{other}' and '{subject}' of stream '{}' overlap",
                    self.name
                )));
            }
        }
        let between = |what: &str, value: u128, low: u128, high: u128, unit: &str| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(Error::invalid(format!("{what} is {value} {unit}, must be {low} to {high}")))
            }
        };
        between("sync_interval", self.sync_interval.as_millis(), 1, 3_600_000, "ms")?;
        between("segment_bytes", self.segment_bytes.into(), 64 << 10, 1 << 30, "bytes")?;
        between("max_msg_size", self.max_msg_size.into(), 0, PAYLOAD_BYTES_MAX as u128, "bytes")?;
        if self.discard_new_per_subject && (self.discard != Discard::New || self.max_msgs_per_subject == 0) {
            return Err(Error::invalid("discard_new_per_subject needs discard 'new' and max_msgs_per_subject"));
        }
        Ok(self)
    }

    /// Refuses what a local stream cannot be.
    pub(crate) fn for_local(self) -> Result<Self> {
        if self.durability == Durability::Unknown {
            return Err(Error::invalid("durability 'unknown' is what a hub says; choose fsync, interval or os"));
        }
        if self.hub.is_some() {
            let message = format!("stream '{}' has settings for a hub, and this engine is local", self.name);
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        Ok(self)
    }
}

/// Refuses a name that a directory or a subject token could not hold.
pub(crate) fn check_name(what: &str, name: &str) -> Result<()> {
    let bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '.' | '*' | '>' | '/' | '\\');
    if name.is_empty() {
        return Err(Error::invalid(format!("{what} name is empty")));
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(Error::invalid(format!("{what} name is {} bytes, the most is {NAME_BYTES_MAX}", name.len())));
    }
    if let Some((at, c)) = name.char_indices().find(|&(_, c)| bad(c)) {
        return Err(Error::invalid(format!("{what} name '{}' has {c:?} at byte {at}", name.escape_debug())));
    }
    Ok(())
}

/// Where a consumer or a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliverPolicy {
    /// At the first record that is kept.
    #[default]
    All,
    /// At the last record that the filters take.
    Last,
    /// At the first record appended from now on.
    New,
    /// At this sequence.
    ByStartSequence(u64),
    /// At the first record committed at or after this time, in nanoseconds since the epoch.
    ByStartTime(Nanos),
    /// With the newest record of each subject, then on from there.
    LastPerSubject,
}

impl DeliverPolicy {
    /// Refuses what no engine takes.
    pub(crate) fn check(self) -> Result<()> {
        if self == DeliverPolicy::ByStartSequence(0) {
            return Err(Error::invalid("sequences begin at 1, not 0"));
        }
        Ok(())
    }
}

/// Which records need an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AckPolicy {
    /// Each one by itself.
    #[default]
    Explicit,
    /// An acknowledgement covers all that were delivered before it.
    All,
    /// None: delivered is done.
    None,
}

/// A durable position in a stream, with JetStream's names and defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsumerConfig {
    /// Its name, as a stream's.
    pub name: String,
    /// For people.
    pub description: String,
    /// Only records that one of these takes; all when empty.
    pub filter_subjects: Vec<String>,
    /// Where it begins.
    pub deliver_policy: DeliverPolicy,
    /// Which records need an acknowledgement.
    pub ack_policy: AckPolicy,
    /// How long a delivered record may stay unacknowledged before it is delivered again.
    #[serde(with = "nanos")]
    pub ack_wait: Duration,
    /// How often a record is delivered at the most; 0 is without end.
    pub max_deliver: u32,
    /// Instead of `ack_wait`: the wait after the first, second, … delivery; the last one repeats.
    #[serde(with = "nanos_list")]
    pub backoff: Vec<Duration>,
    /// The most records that may be delivered and unacknowledged; 0 is without end.
    pub max_ack_pending: u32,
    /// The stream that takes records past `max_deliver`; `<stream>_DLQ` when empty. It is made if it is not there.
    pub dead_letter: String,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        ConsumerConfig {
            name: String::new(),
            description: String::new(),
            filter_subjects: Vec::new(),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: Duration::from_secs(30),
            max_deliver: 0,
            backoff: Vec::new(),
            max_ack_pending: 1000,
            dead_letter: String::new(),
        }
    }
}

impl ConsumerConfig {
    /// A consumer of this name, everything else by default.
    pub fn new(name: impl Into<String>) -> Self {
        ConsumerConfig { name: name.into(), ..ConsumerConfig::default() }
    }

    /// Refuses what no engine takes.
    pub(crate) fn check(&self) -> Result<()> {
        check_name("consumer", &self.name)?;
        if self.ack_wait.is_zero() || self.backoff.iter().any(Duration::is_zero) {
            return Err(Error::invalid("ack_wait and backoff must be more than zero"));
        }
        self.filter_subjects.iter().try_for_each(|f| check_filter(f))?;
        self.deliver_policy.check()
    }
}

pub(crate) mod nanos {
    //! A duration as a whole number of nanoseconds, as JetStream writes it.
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &Duration, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_u64(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_nanos)
    }
}

mod nanos_list {
    //! Durations as whole numbers of nanoseconds.
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &[Duration], out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(value.iter().map(|d| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Duration>, D::Error> {
        Ok(Vec::<u64>::deserialize(from)?.into_iter().map(Duration::from_nanos).collect())
    }
}
