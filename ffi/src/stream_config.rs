//! What a stream is told to be, in C's terms: zero is the default of every field.

use std::time::Duration;

use headwater::{Compression, Discard, Durability, HubConfig, Result, StreamConfig};
use serde_json::{Map, Value};

use crate::bytes::hw_str;
use crate::error::invalid;
use crate::raw::{self, versioned};

/// In a duration whose 0 means the default: none at all.
pub const HW_DURATION_NONE: u64 = u64::MAX;

/// What an acknowledgement promises.
#[repr(i32)]
pub enum hw_durability {
    /// On disk: it survives a power cut. Concurrent writers share one sync.
    Fsync = 0,
    /// In memory, written and synced every `sync_interval_ns`: a crash of the process or the machine may lose
    /// that much.
    Interval = 1,
    /// With the operating system: it survives a crash of the process, not of the machine.
    Os = 2,
    /// With as many servers of a hub as the stream has replicas; when they sync, a client cannot see. A local stream is
    /// never this.
    Unknown = 3,
}

/// What happens to an append when the stream is at a limit.
#[repr(i32)]
pub enum hw_discard {
    /// The oldest records make room.
    Old = 0,
    /// The append is refused with HW_STATUS_LIMIT.
    New = 1,
}

/// How sealed segments are stored.
#[repr(i32)]
pub enum hw_compression {
    /// As written.
    None = 0,
    /// In blocks, each compressed with zstd.
    Zstd = 1,
}

/// What a stream takes, how long it keeps it, and what its acknowledgements mean. Zero is the default of every
/// field, and a limit of 0 is no limit.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct hw_stream_config {
    /// sizeof(hw_stream_config)
    pub struct_size: usize,
    /// Its name: no white space, `.`, `*`, `>`, `/` or `\`. At most 200 bytes.
    pub name: hw_str,
    /// The filters of the subjects that it takes; its own name when there is none.
    pub subjects: *const hw_str,
    /// How many.
    pub subjects_len: usize,
    /// For people.
    pub description: hw_str,
    /// What only a hub has of a stream, as a JSON object, in UTF-8; a local engine refuses it. Empty says nothing: a
    /// stream that is made has the defaults, and one that is changed what it had. Each key may be left out:
    ///
    /// - `replicas`: on how many servers, 1 to 5; 1.
    /// - `storage`: where they keep it, `"file"` or `"memory"`; `"file"`.
    /// - `placement_cluster`: the cluster that it has to be in; any.
    /// - `placement_tags`: an array of the tags that its servers have to have; none.
    /// - `sources`: an array of the streams that it takes records from, beside its own subjects; none. Each is an
    ///   object: `name`; `start_seq`, a sequence, or `start_time`, a commit time in nanoseconds since the epoch, from
    ///   which on it takes them, 0 from the first; `filter`, the subjects that it takes, or `transforms`, an array of
    ///   objects as `subject_transform` is; `domain`, the JetStream domain that it is in, this one when empty.
    /// - `mirror`: the stream that it is a copy of, an object as in `sources`, or `null`; it takes no subjects of its
    ///   own then.
    /// - `subject_transform`: how subjects change as records come in, or `null`. An object: `source`, the filter of
    ///   those that change, and `destination`, what they become, with `{{wildcard(1)}}` and the like.
    /// - `allow_direct`: whether any replica answers single reads of other tools; `true`.
    pub hub: hw_str,
    /// With HW_DURABILITY_INTERVAL: at most this much time is lost. 1 ms to 1 hour; 0 is 100 ms.
    pub sync_interval_ns: u64,
    /// Records older than this go.
    pub max_age_ns: u64,
    /// The most records.
    pub max_msgs: u64,
    /// The most bytes of subjects, headers and payloads.
    pub max_bytes: u64,
    /// The most records of one subject; older ones of it go.
    pub max_msgs_per_subject: u64,
    /// How long message ids are remembered; 0 is 2 minutes, HW_DURATION_NONE not at all.
    pub duplicate_window_ns: u64,
    /// The size at which a segment is sealed, 64 KiB to 1 GiB; 0 is 64 MiB.
    pub segment_bytes: u64,
    /// The largest payload, in bytes; 0 is 8 MiB.
    pub max_msg_size: u32,
    /// An hw_durability.
    pub durability: i32,
    /// An hw_discard: what gives at `max_msgs` and `max_bytes`.
    pub discard: i32,
    /// An hw_compression.
    pub compression: i32,
    /// Not 0, with HW_DISCARD_NEW: refuse at `max_msgs_per_subject` too, instead of dropping the subject's
    /// oldest.
    pub discard_new_per_subject: u8,
    /// Not 0: an append may carry a rollup.
    pub allow_rollup: u8,
    /// Not 0: deleting single records is refused.
    pub deny_delete: u8,
    /// Not 0: purging is refused.
    pub deny_purge: u8,
}

versioned!(hw_stream_config);

pub(crate) fn from_c(from: &hw_stream_config) -> Result<StreamConfig> {
    let default = StreamConfig::default();
    Ok(StreamConfig {
        name: from.name.owned("name")?,
        subjects: raw::strings("subjects", from.subjects, from.subjects_len)?,
        description: from.description.owned("description")?,
        durability: durability(from.durability)?,
        sync_interval: duration_or(from.sync_interval_ns, default.sync_interval),
        max_age: Duration::from_nanos(from.max_age_ns),
        max_msgs: from.max_msgs,
        max_bytes: from.max_bytes,
        max_msgs_per_subject: from.max_msgs_per_subject,
        max_msg_size: from.max_msg_size,
        discard: match from.discard {
            0 => Discard::Old,
            1 => Discard::New,
            n => return Err(invalid(format!("discard is {n}, which is no hw_discard"))),
        },
        discard_new_per_subject: from.discard_new_per_subject != 0,
        duplicate_window: duration_or(from.duplicate_window_ns, default.duplicate_window),
        allow_rollup: from.allow_rollup != 0,
        deny_delete: from.deny_delete != 0,
        deny_purge: from.deny_purge != 0,
        compression: compression(from.compression)?,
        segment_bytes: if from.segment_bytes == 0 { default.segment_bytes } else { from.segment_bytes },
        hub: from.hub.some("hub")?.map(hub_from_json).transpose()?.map(Box::new),
    })
}

/// The settings of a hub in their JSON; a mistake names the key that it is at.
fn hub_from_json(text: &str) -> Result<HubConfig> {
    serde_json::from_str(text).map_err(|fault| {
        // What is wrong with the whole is wrong with one of its keys, each of which may stand alone.
        let keys: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
        let at_key = keys.into_iter().find_map(|(key, value)| {
            let alone = Value::Object(Map::from_iter([(key.clone(), value)]));
            serde_json::from_value::<HubConfig>(alone).err().map(|fault| format!("hub.{key}: {fault}"))
        });
        invalid(at_key.unwrap_or_else(|| format!("hub: {fault}")))
    })
}

/// The settings of a hub as JSON; empty when there are none.
pub(crate) fn hub_to_json(config: &StreamConfig) -> String {
    config.hub.as_ref().and_then(|hub| serde_json::to_string(hub).ok()).unwrap_or_default()
}

/// The configuration as C sees it, which borrows everything that is given here.
pub(crate) fn to_c(from: &StreamConfig, subjects: &[hw_str], hub: &str) -> hw_stream_config {
    hw_stream_config {
        struct_size: size_of::<hw_stream_config>(),
        name: hw_str::of(&from.name),
        subjects: subjects.as_ptr(),
        subjects_len: subjects.len(),
        description: hw_str::of(&from.description),
        hub: hw_str::of(hub),
        sync_interval_ns: nanos(from.sync_interval),
        max_age_ns: nanos(from.max_age),
        max_msgs: from.max_msgs,
        max_bytes: from.max_bytes,
        max_msgs_per_subject: from.max_msgs_per_subject,
        duplicate_window_ns: match nanos(from.duplicate_window) {
            0 => HW_DURATION_NONE,
            n => n,
        },
        segment_bytes: from.segment_bytes,
        max_msg_size: from.max_msg_size,
        durability: durability_number(from.durability),
        discard: i32::from(from.discard == Discard::New),
        compression: i32::from(from.compression == Compression::Zstd),
        discard_new_per_subject: from.discard_new_per_subject.into(),
        allow_rollup: from.allow_rollup.into(),
        deny_delete: from.deny_delete.into(),
        deny_purge: from.deny_purge.into(),
    }
}

/// A duration whose zero stands for `default`.
pub(crate) fn duration_or(nanos: u64, default: Duration) -> Duration {
    match nanos {
        0 => default,
        HW_DURATION_NONE => Duration::ZERO,
        n => Duration::from_nanos(n),
    }
}

/// A duration as whole nanoseconds, the longest where it is longer than that.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The durability that a number stands for.
pub(crate) fn durability(number: i32) -> Result<Durability> {
    match number {
        0 => Ok(Durability::Fsync),
        1 => Ok(Durability::Interval),
        2 => Ok(Durability::Os),
        3 => Ok(Durability::Unknown),
        n => Err(invalid(format!("durability is {n}, which is no hw_durability"))),
    }
}

/// The compression that a number stands for.
pub(crate) fn compression(number: i32) -> Result<Compression> {
    match number {
        0 => Ok(Compression::None),
        1 => Ok(Compression::Zstd),
        n => Err(invalid(format!("compression is {n}, which is no hw_compression"))),
    }
}

/// The number of a durability.
pub(crate) fn durability_number(durability: Durability) -> i32 {
    (match durability {
        Durability::Fsync => hw_durability::Fsync,
        Durability::Interval => hw_durability::Interval,
        Durability::Os => hw_durability::Os,
        Durability::Unknown => hw_durability::Unknown,
    }) as i32
}
