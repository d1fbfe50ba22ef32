//! What a consumer is told to be, in C's terms: zero is the default of every field.

use std::time::Duration;

use headwater::{AckPolicy, ConsumerConfig, DeliverPolicy, Result};

use crate::bytes::hw_str;
use crate::error::invalid;
use crate::raw::{self, versioned};
use crate::stream_config::{duration_or, nanos};
use crate::subscription::{deliver_policy, hw_deliver_policy};

/// In a count whose 0 means the default: without end.
pub const HW_COUNT_UNLIMITED: u32 = u32::MAX;

/// Which records need an acknowledgement.
#[repr(i32)]
pub enum hw_ack_policy {
    /// Each one by itself.
    Explicit = 0,
    /// An acknowledgement covers all that were delivered before it.
    All = 1,
    /// None: delivered is done.
    None = 2,
}

/// A durable position in a stream, with JetStream's names and defaults. Zero is the default of every field.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_consumer_config {
    /// sizeof(hw_consumer_config)
    pub struct_size: usize,
    /// Its name, as a stream's.
    pub name: hw_str,
    /// For people.
    pub description: hw_str,
    /// Only records that one of these takes; all when there is none.
    pub filter_subjects: *const hw_str,
    /// How many.
    pub filter_subjects_len: usize,
    /// For HW_DELIVER_POLICY_BY_START_SEQUENCE.
    pub start_seq: u64,
    /// For HW_DELIVER_POLICY_BY_START_TIME, in nanoseconds since the epoch.
    pub start_time: u64,
    /// How long a delivered record may stay unacknowledged before it is delivered again; 0 is 30 s.
    pub ack_wait_ns: u64,
    /// Instead of `ack_wait_ns`: the wait after the first, second, ... delivery; the last one repeats.
    pub backoff_ns: *const u64,
    /// How many.
    pub backoff_len: usize,
    /// The stream that takes records past `max_deliver`; `<stream>_DLQ` when empty. It is made if it is not
    /// there.
    pub dead_letter: hw_str,
    /// How often a record is delivered at the most; 0 is without end.
    pub max_deliver: u32,
    /// The most records that may be delivered and unacknowledged; 0 is 1,000, HW_COUNT_UNLIMITED is without end.
    pub max_ack_pending: u32,
    /// An hw_deliver_policy.
    pub deliver_policy: i32,
    /// An hw_ack_policy.
    pub ack_policy: i32,
}

versioned!(hw_consumer_config);

pub(crate) fn from_c(from: &hw_consumer_config) -> Result<ConsumerConfig> {
    let default = ConsumerConfig::default();
    let backoff = raw::array("backoff_ns", from.backoff_ns, from.backoff_len)?;
    Ok(ConsumerConfig {
        name: from.name.owned("name")?,
        description: from.description.owned("description")?,
        filter_subjects: raw::strings("filter_subjects", from.filter_subjects, from.filter_subjects_len)?,
        deliver_policy: deliver_policy(from.deliver_policy, from.start_seq, from.start_time)?,
        ack_policy: match from.ack_policy {
            0 => AckPolicy::Explicit,
            1 => AckPolicy::All,
            2 => AckPolicy::None,
            n => return Err(invalid(format!("ack_policy is {n}, which is no hw_ack_policy"))),
        },
        ack_wait: duration_or(from.ack_wait_ns, default.ack_wait),
        max_deliver: from.max_deliver,
        backoff: backoff.iter().copied().map(Duration::from_nanos).collect(),
        max_ack_pending: match from.max_ack_pending {
            0 => default.max_ack_pending,
            HW_COUNT_UNLIMITED => 0,
            n => n,
        },
        dead_letter: from.dead_letter.owned("dead_letter")?,
    })
}

pub(crate) fn to_c(from: &ConsumerConfig, filters: &[hw_str], backoff: &[u64]) -> hw_consumer_config {
    let (policy, start_seq, start_time) = match from.deliver_policy {
        DeliverPolicy::All => (hw_deliver_policy::All, 0, 0),
        DeliverPolicy::Last => (hw_deliver_policy::Last, 0, 0),
        DeliverPolicy::New => (hw_deliver_policy::New, 0, 0),
        DeliverPolicy::ByStartSequence(seq) => (hw_deliver_policy::ByStartSequence, seq, 0),
        DeliverPolicy::ByStartTime(time) => (hw_deliver_policy::ByStartTime, 0, time),
        DeliverPolicy::LastPerSubject => (hw_deliver_policy::LastPerSubject, 0, 0),
    };
    let ack_policy = match from.ack_policy {
        AckPolicy::Explicit => hw_ack_policy::Explicit,
        AckPolicy::All => hw_ack_policy::All,
        AckPolicy::None => hw_ack_policy::None,
    };
    hw_consumer_config {
        struct_size: size_of::<hw_consumer_config>(),
        name: hw_str::of(&from.name),
        description: hw_str::of(&from.description),
        filter_subjects: filters.as_ptr(),
        filter_subjects_len: filters.len(),
        start_seq,
        start_time,
        ack_wait_ns: nanos(from.ack_wait),
        backoff_ns: backoff.as_ptr(),
        backoff_len: backoff.len(),
        dead_letter: hw_str::of(&from.dead_letter),
        max_deliver: from.max_deliver,
        max_ack_pending: match from.max_ack_pending {
            0 => HW_COUNT_UNLIMITED,
            n => n,
        },
        deliver_policy: policy as i32,
        ack_policy: ack_policy as i32,
    }
}
