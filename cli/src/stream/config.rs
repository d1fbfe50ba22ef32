//! The flags for every limit of a stream, for `add` and `edit` alike: what is not given stays as it is.

use std::time::Duration;

use clap::{Args, ValueEnum};
use headwater::{Compression, Discard, Durability, StreamConfig};

use crate::units::{parse_duration, parse_size, parse_small_size};

#[derive(Args)]
pub(crate) struct Limits {
    /// The filters of the subjects that it takes, with commas between; its own name when not given.
    #[arg(long, value_delimiter = ',', value_name = "FILTERS")]
    subjects: Option<Vec<String>>,
    /// For people.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// What an acknowledgement promises [default: fsync].
    #[arg(long)]
    durability: Option<DurabilityName>,
    /// With --durability interval: at most this much time is lost, 1ms to 1h [default: 100ms].
    #[arg(long, value_parser = parse_duration, value_name = "DURATION")]
    sync_interval: Option<Duration>,
    /// Records older than this go; 0 is no limit, here and below.
    #[arg(long, value_parser = parse_duration, value_name = "DURATION")]
    max_age: Option<Duration>,
    /// The most records.
    #[arg(long, value_name = "COUNT")]
    max_msgs: Option<u64>,
    /// The most bytes of subjects, headers and payloads.
    #[arg(long, value_parser = parse_size, value_name = "SIZE")]
    max_bytes: Option<u64>,
    /// The most records of one subject; older ones of it go.
    #[arg(long, value_name = "COUNT")]
    max_msgs_per_subject: Option<u64>,
    /// The largest payload.
    #[arg(long, value_parser = parse_small_size, value_name = "SIZE")]
    max_msg_size: Option<u32>,
    /// What gives at --max-msgs and --max-bytes: the oldest records, or the new one [default: old].
    #[arg(long)]
    discard: Option<DiscardName>,
    /// With --discard new: refuse at --max-msgs-per-subject too.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    discard_new_per_subject: Option<bool>,
    /// How long message ids are remembered [default: 2m].
    #[arg(long, value_parser = parse_duration, value_name = "DURATION")]
    duplicate_window: Option<Duration>,
    /// Whether an append may carry a rollup.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    allow_rollup: Option<bool>,
    /// Whether deleting single records is refused.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    deny_delete: Option<bool>,
    /// Whether purging is refused.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    deny_purge: Option<bool>,
    /// How sealed segments are stored [default: none].
    #[arg(long)]
    compression: Option<CompressionName>,
    /// The size at which a segment is sealed, 64KiB to 1GiB [default: 64MiB].
    #[arg(long, value_parser = parse_size, value_name = "SIZE")]
    segment_bytes: Option<u64>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum DurabilityName {
    /// On disk before the acknowledgement.
    Fsync,
    /// In memory, synced every --sync-interval.
    Interval,
    /// With the operating system: survives a crash of the process, not of the machine.
    Os,
}

#[derive(Clone, Copy, ValueEnum)]
enum DiscardName {
    Old,
    New,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum CompressionName {
    None,
    Zstd,
}

impl DurabilityName {
    /// The engine's word for it.
    pub(crate) fn level(self) -> Durability {
        match self {
            DurabilityName::Fsync => Durability::Fsync,
            DurabilityName::Interval => Durability::Interval,
            DurabilityName::Os => Durability::Os,
        }
    }
}

impl CompressionName {
    /// The engine's word for it.
    pub(crate) fn kind(self) -> Compression {
        match self {
            CompressionName::None => Compression::None,
            CompressionName::Zstd => Compression::Zstd,
        }
    }
}

impl Limits {
    /// Puts what was given into `config`.
    pub(crate) fn apply(self, config: &mut StreamConfig) {
        set(&mut config.subjects, self.subjects);
        set(&mut config.description, self.description);
        set(&mut config.durability, self.durability.map(DurabilityName::level));
        set(&mut config.sync_interval, self.sync_interval);
        set(&mut config.max_age, self.max_age);
        set(&mut config.max_msgs, self.max_msgs);
        set(&mut config.max_bytes, self.max_bytes);
        set(&mut config.max_msgs_per_subject, self.max_msgs_per_subject);
        set(&mut config.max_msg_size, self.max_msg_size);
        set(
            &mut config.discard,
            self.discard.map(|d| match d {
                DiscardName::Old => Discard::Old,
                DiscardName::New => Discard::New,
            }),
        );
        set(&mut config.discard_new_per_subject, self.discard_new_per_subject);
        set(&mut config.duplicate_window, self.duplicate_window);
        set(&mut config.allow_rollup, self.allow_rollup);
        set(&mut config.deny_delete, self.deny_delete);
        set(&mut config.deny_purge, self.deny_purge);
        set(&mut config.compression, self.compression.map(CompressionName::kind));
        set(&mut config.segment_bytes, self.segment_bytes);
    }
}

/// Changes what was given.
pub(super) fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}
