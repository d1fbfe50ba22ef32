//! What a stream is told to be, and what it is and holds.

use headwater::{Compression, Discard, StreamConfig, StreamInfo};
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use super::hub::HubSettings;
use super::{choice, name_of, set, set_durability, set_millis, set_u64};
use crate::error::Result;
use crate::values::to_millis;

const DISCARD: [(&str, Discard); 2] = [("old", Discard::Old), ("new", Discard::New)];
pub(super) const COMPRESSION: [(&str, Compression); 2] = [("none", Compression::None), ("zstd", Compression::Zstd)];

/// A stream's configuration.
#[napi(object)]
#[derive(Default)]
pub struct StreamOptions {
    pub name: Option<String>,
    pub subjects: Option<Vec<String>>,
    pub description: Option<String>,
    pub durability: Option<String>,
    pub sync_interval_ms: Option<f64>,
    pub max_age_ms: Option<f64>,
    pub max_msgs: Option<BigInt>,
    pub max_bytes: Option<BigInt>,
    pub max_msgs_per_subject: Option<BigInt>,
    pub max_msg_size: Option<u32>,
    pub discard: Option<String>,
    pub discard_new_per_subject: Option<bool>,
    pub duplicate_window_ms: Option<f64>,
    pub allow_rollup: Option<bool>,
    pub deny_delete: Option<bool>,
    pub deny_purge: Option<bool>,
    pub compression: Option<String>,
    pub segment_bytes: Option<BigInt>,
    pub hub: Option<HubSettings>,
}

impl StreamOptions {
    /// As core wants it.
    pub(crate) fn into_core(self) -> Result<StreamConfig> {
        let mut c = StreamConfig::default();
        set(&mut c.name, self.name);
        set(&mut c.subjects, self.subjects);
        set(&mut c.description, self.description);
        set_durability(&mut c.durability, self.durability.as_deref())?;
        set_millis(&mut c.sync_interval, "syncIntervalMs", self.sync_interval_ms)?;
        set_millis(&mut c.max_age, "maxAgeMs", self.max_age_ms)?;
        set_u64(&mut c.max_msgs, "maxMsgs", self.max_msgs.as_ref())?;
        set_u64(&mut c.max_bytes, "maxBytes", self.max_bytes.as_ref())?;
        set_u64(&mut c.max_msgs_per_subject, "maxMsgsPerSubject", self.max_msgs_per_subject.as_ref())?;
        set(&mut c.max_msg_size, self.max_msg_size);
        set(&mut c.discard, self.discard.map(|n| choice("discard", &DISCARD, &n)).transpose()?);
        set(&mut c.discard_new_per_subject, self.discard_new_per_subject);
        set_millis(&mut c.duplicate_window, "duplicateWindowMs", self.duplicate_window_ms)?;
        set(&mut c.allow_rollup, self.allow_rollup);
        set(&mut c.deny_delete, self.deny_delete);
        set(&mut c.deny_purge, self.deny_purge);
        set(&mut c.compression, self.compression.map(|n| choice("compression", &COMPRESSION, &n)).transpose()?);
        set_u64(&mut c.segment_bytes, "segmentBytes", self.segment_bytes.as_ref())?;
        c.hub = self.hub.map(HubSettings::into_core).transpose()?.map(Box::new);
        Ok(c)
    }

    /// As JavaScript sees it.
    pub(crate) fn from_core(c: StreamConfig) -> Self {
        StreamOptions {
            discard: Some(name_of(&DISCARD, &c.discard)),
            compression: Some(name_of(&COMPRESSION, &c.compression)),
            name: Some(c.name),
            subjects: Some(c.subjects),
            description: Some(c.description),
            durability: Some(c.durability.name().to_owned()),
            sync_interval_ms: Some(to_millis(c.sync_interval)),
            max_age_ms: Some(to_millis(c.max_age)),
            max_msgs: Some(c.max_msgs.into()),
            max_bytes: Some(c.max_bytes.into()),
            max_msgs_per_subject: Some(c.max_msgs_per_subject.into()),
            max_msg_size: Some(c.max_msg_size),
            discard_new_per_subject: Some(c.discard_new_per_subject),
            duplicate_window_ms: Some(to_millis(c.duplicate_window)),
            allow_rollup: Some(c.allow_rollup),
            deny_delete: Some(c.deny_delete),
            deny_purge: Some(c.deny_purge),
            segment_bytes: Some(c.segment_bytes.into()),
            hub: c.hub.map(|hub| HubSettings::from_core(*hub)),
        }
    }
}

/// What a stream is and holds.
#[napi(object, object_from_js = false)]
pub struct StreamDescription {
    pub config: StreamOptions,
    pub created: u64,
    pub records: u64,
    pub bytes: u64,
    pub disk_bytes: u64,
    pub subjects: u64,
    pub first_seq: u64,
    pub first_time: u64,
    pub last_seq: u64,
    pub last_time: u64,
    pub deleted: u64,
    pub consumers: u64,
    pub segments: u64,
}

impl From<StreamInfo> for StreamDescription {
    fn from(info: StreamInfo) -> Self {
        StreamDescription {
            config: StreamOptions::from_core(info.config),
            created: info.created,
            records: info.records,
            bytes: info.bytes,
            disk_bytes: info.disk_bytes,
            subjects: info.subjects,
            first_seq: info.first_seq,
            first_time: info.first_time,
            last_seq: info.last_seq,
            last_time: info.last_time,
            deleted: info.deleted,
            consumers: info.consumers,
            segments: info.segments,
        }
    }
}
