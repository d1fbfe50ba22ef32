//! What a consumer is told to be and where it begins, and where it stands.

use headwater::{AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy};
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use super::{choice, name_of, set, set_millis};
use crate::error::{Result, invalid};
use crate::values::{millis, to_millis, u64_of};

const ACK_POLICY: [(&str, AckPolicy); 3] =
    [("explicit", AckPolicy::Explicit), ("all", AckPolicy::All), ("none", AckPolicy::None)];
const DELIVER_POLICIES: &str = "all, last, new, by_start_sequence, by_start_time, last_per_subject";

/// Where a subscription or a consumer begins, by JetStream's names.
pub(crate) fn deliver_policy(
    name: Option<&str>,
    start_seq: Option<&BigInt>,
    start_time: Option<&BigInt>,
) -> Result<DeliverPolicy> {
    let policy = match (name, start_seq, start_time) {
        (None | Some("all"), None, None) => DeliverPolicy::All,
        (Some("last"), None, None) => DeliverPolicy::Last,
        (Some("new"), None, None) => DeliverPolicy::New,
        (Some("last_per_subject"), None, None) => DeliverPolicy::LastPerSubject,
        (None | Some("by_start_sequence"), Some(seq), None) => DeliverPolicy::ByStartSequence(u64_of("startSeq", seq)?),
        (None | Some("by_start_time"), None, Some(time)) => DeliverPolicy::ByStartTime(u64_of("startTime", time)?),
        (Some("by_start_sequence"), None, None) => return Err(invalid("by_start_sequence needs startSeq")),
        (Some("by_start_time"), None, None) => return Err(invalid("by_start_time needs startTime")),
        (Some("all" | "last" | "new" | "last_per_subject" | "by_start_sequence" | "by_start_time") | None, ..) => {
            return Err(invalid("startSeq and startTime each need the deliverPolicy of that name, and no other"));
        }
        (Some(name), ..) => {
            return Err(invalid(format!("deliverPolicy '{name}' is not one of {DELIVER_POLICIES}")));
        }
    };
    Ok(policy)
}

/// A consumer's configuration.
#[napi(object)]
pub struct ConsumerOptions {
    pub name: Option<String>,
    pub description: Option<String>,
    pub filter_subjects: Option<Vec<String>>,
    pub deliver_policy: Option<String>,
    pub start_seq: Option<BigInt>,
    pub start_time: Option<BigInt>,
    pub ack_policy: Option<String>,
    pub ack_wait_ms: Option<f64>,
    pub max_deliver: Option<u32>,
    pub backoff_ms: Option<Vec<f64>>,
    pub max_ack_pending: Option<u32>,
    pub dead_letter: Option<String>,
}

impl ConsumerOptions {
    /// As core wants it.
    pub(crate) fn into_core(self) -> Result<ConsumerConfig> {
        let policy = deliver_policy(self.deliver_policy.as_deref(), self.start_seq.as_ref(), self.start_time.as_ref())?;
        let mut c = ConsumerConfig { deliver_policy: policy, ..ConsumerConfig::default() };
        set(&mut c.name, self.name);
        set(&mut c.description, self.description);
        set(&mut c.filter_subjects, self.filter_subjects);
        set(&mut c.ack_policy, self.ack_policy.map(|n| choice("ackPolicy", &ACK_POLICY, &n)).transpose()?);
        set_millis(&mut c.ack_wait, "ackWaitMs", self.ack_wait_ms)?;
        set(&mut c.max_deliver, self.max_deliver);
        let backoff = self.backoff_ms.unwrap_or_default();
        c.backoff = backoff.into_iter().map(|ms| millis("backoffMs", ms)).collect::<Result<_>>()?;
        set(&mut c.max_ack_pending, self.max_ack_pending);
        set(&mut c.dead_letter, self.dead_letter);
        Ok(c)
    }

    fn from_core(c: ConsumerConfig) -> Self {
        let (policy, start_seq, start_time) = match c.deliver_policy {
            DeliverPolicy::All => ("all", None, None),
            DeliverPolicy::Last => ("last", None, None),
            DeliverPolicy::New => ("new", None, None),
            DeliverPolicy::ByStartSequence(seq) => ("by_start_sequence", Some(seq.into()), None),
            DeliverPolicy::ByStartTime(time) => ("by_start_time", None, Some(time.into())),
            DeliverPolicy::LastPerSubject => ("last_per_subject", None, None),
        };
        ConsumerOptions {
            ack_policy: Some(name_of(&ACK_POLICY, &c.ack_policy)),
            name: Some(c.name),
            description: Some(c.description),
            filter_subjects: Some(c.filter_subjects),
            deliver_policy: Some(policy.to_owned()),
            start_seq,
            start_time,
            ack_wait_ms: Some(to_millis(c.ack_wait)),
            max_deliver: Some(c.max_deliver),
            backoff_ms: Some(c.backoff.into_iter().map(to_millis).collect()),
            max_ack_pending: Some(c.max_ack_pending),
            dead_letter: Some(c.dead_letter),
        }
    }
}

/// Where a consumer stands.
#[napi(object, object_from_js = false)]
pub struct ConsumerDescription {
    pub config: ConsumerOptions,
    pub delivered_seq: u64,
    pub ack_floor: u64,
    pub num_ack_pending: u64,
    pub num_redelivered: u64,
    pub num_pending: u64,
    pub num_dead: u64,
}

impl From<ConsumerInfo> for ConsumerDescription {
    fn from(info: ConsumerInfo) -> Self {
        ConsumerDescription {
            config: ConsumerOptions::from_core(info.config),
            delivered_seq: info.delivered_seq,
            ack_floor: info.ack_floor,
            num_ack_pending: info.num_ack_pending,
            num_redelivered: info.num_redelivered,
            num_pending: info.num_pending,
            num_dead: info.num_dead,
        }
    }
}
