//! Our configuration of a stream in JetStream's JSON and back, and whether a server kept what it was told.
//!
//! Servers before 2.12 drop fields that they do not know without a word, so what a server echoes is compared with what
//! was asked, and what it dropped is refused by name.

use std::time::Duration;

use serde_json::{Map, Value};

use super::stamp;
use crate::error::{Error, ErrorKind, Result};
use crate::record::Durability;
use crate::stream::config::{Compression, Discard, StreamConfig};
use crate::stream::hub::session::{LEVEL_2_11, LEVEL_2_12, LEVEL_2_14};
use crate::stream::hub_config::{HubConfig, REPLICAS_MAX, Storage, StreamSource, SubjectTransform};
use crate::stream::info::StreamInfo;

/// The shortest window that JetStream takes.
const DUPLICATE_WINDOW_MIN: Duration = Duration::from_millis(100);
/// What [`HubConfig`] says of a stream.
pub(super) const HUB_KEYS: [&str; 7] =
    ["mirror", "sources", "placement", "subject_transform", "storage", "num_replicas", "allow_direct"];

/// A limit of ours, where 0 is none, as JetStream writes it.
fn limit(value: u64) -> Value {
    if value == 0 { json!(-1) } else { json!(value) }
}

fn nanos(value: Duration) -> u64 {
    u64::try_from(value.as_nanos()).unwrap_or(u64::MAX)
}

/// The window in which ids are remembered: JetStream's cannot be longer than records stay.
fn duplicate_window(config: &StreamConfig) -> Duration {
    if config.max_age.is_zero() { config.duplicate_window } else { config.duplicate_window.min(config.max_age) }
}

/// The configuration in JetStream's JSON, for a server of this level of the API.
pub(super) fn to_json(config: &StreamConfig, api_level: u32) -> Result<Map<String, Value>> {
    let hub = config.hub.clone().unwrap_or_default();
    if !(1..=REPLICAS_MAX).contains(&hub.replicas) {
        return Err(Error::invalid(format!("replicas is {}, must be 1 to {REPLICAS_MAX}", hub.replicas)));
    }
    if duplicate_window(config) < DUPLICATE_WINDOW_MIN {
        let message = format!("duplicate_window is {:?}, the least on a hub is 100 ms", config.duplicate_window);
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    if !config.max_age.is_zero() && config.max_age < DUPLICATE_WINDOW_MIN {
        let message = format!("max_age is {:?}, the least on a hub is 100 ms", config.max_age);
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    let copies = hub.mirror.is_some();
    let mut json = json!({
        "name": config.name,
        "description": config.description,
        "retention": "limits",
        "max_consumers": -1,
        "max_msgs": limit(config.max_msgs),
        "max_bytes": limit(config.max_bytes),
        "max_age": nanos(config.max_age),
        "max_msgs_per_subject": limit(config.max_msgs_per_subject),
        "max_msg_size": limit(config.max_msg_size.into()),
        "discard": if config.discard == Discard::Old { "old" } else { "new" },
        "discard_new_per_subject": config.discard_new_per_subject,
        "storage": if hub.storage == Storage::File { "file" } else { "memory" },
        "num_replicas": hub.replicas,
        "duplicate_window": nanos(duplicate_window(config)),
        "allow_rollup_hdrs": config.allow_rollup,
        "deny_delete": config.deny_delete,
        "deny_purge": config.deny_purge,
        "allow_direct": hub.allow_direct,
        "compression": if config.compression == Compression::None { "none" } else { "s2" },
    });
    let Some(map) = json.as_object_mut() else { return Ok(Map::new()) };
    if !copies {
        map.insert("subjects".into(), json!(config.subjects));
    }
    if api_level >= LEVEL_2_11 {
        map.insert("allow_msg_ttl".into(), json!(true));
    }
    if api_level >= LEVEL_2_12 && !copies {
        map.insert("allow_atomic".into(), json!(true));
    }
    if api_level >= LEVEL_2_14 && !copies {
        map.insert("allow_batched".into(), json!(true));
    }
    if !hub.placement_cluster.is_empty() || !hub.placement_tags.is_empty() {
        map.insert("placement".into(), json!({ "cluster": hub.placement_cluster, "tags": hub.placement_tags }));
    }
    if let Some(mirror) = &hub.mirror {
        map.insert("mirror".into(), source_to_json(mirror)?);
    }
    if !hub.sources.is_empty() {
        let sources: Result<Vec<Value>> = hub.sources.iter().map(source_to_json).collect();
        map.insert("sources".into(), json!(sources?));
    }
    if let Some(transform) = &hub.subject_transform {
        map.insert("subject_transform".into(), json!({ "src": transform.source, "dest": transform.destination }));
    }
    Ok(std::mem::take(map))
}

fn source_to_json(source: &StreamSource) -> Result<Value> {
    crate::stream::config::check_name("source", &source.name)?;
    let mut map = Map::new();
    map.insert("name".into(), json!(source.name));
    if source.start_seq > 0 {
        map.insert("opt_start_seq".into(), json!(source.start_seq));
    }
    if source.start_time > 0 {
        map.insert("opt_start_time".into(), json!(stamp::format(source.start_time)));
    }
    if !source.filter.is_empty() {
        map.insert("filter_subject".into(), json!(source.filter));
    }
    if !source.transforms.is_empty() {
        let list: Vec<Value> =
            source.transforms.iter().map(|t| json!({ "src": t.source, "dest": t.destination })).collect();
        map.insert("subject_transforms".into(), json!(list));
    }
    if !source.domain.is_empty() {
        map.insert("external".into(), json!({ "api": format!("$JS.{}.API", source.domain), "deliver": "" }));
    }
    Ok(Value::Object(map))
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or(0)
}

fn transform(value: &Value) -> SubjectTransform {
    SubjectTransform { source: text(value, "src"), destination: text(value, "dest") }
}

fn list<T>(value: &Value, make: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().map(|a| a.iter().map(make).collect()).unwrap_or_default()
}

fn source(value: &Value) -> StreamSource {
    let api = text(&value["external"], "api");
    StreamSource {
        name: text(value, "name"),
        start_seq: number(value, "opt_start_seq"),
        start_time: value["opt_start_time"].as_str().and_then(stamp::parse).unwrap_or(0),
        filter: text(value, "filter_subject"),
        transforms: list(&value["subject_transforms"], transform),
        domain: api.strip_prefix("$JS.").and_then(|a| a.strip_suffix(".API")).unwrap_or_default().to_owned(),
    }
}

/// The configuration that a server says a stream has.
pub(super) fn from_json(json: &Value) -> StreamConfig {
    let placement = &json["placement"];
    StreamConfig {
        name: text(json, "name"),
        subjects: list(&json["subjects"], |s| s.as_str().unwrap_or_default().to_owned()),
        description: text(json, "description"),
        durability: Durability::Unknown,
        max_age: Duration::from_nanos(number(json, "max_age")),
        max_msgs: number(json, "max_msgs"),
        max_bytes: number(json, "max_bytes"),
        max_msgs_per_subject: number(json, "max_msgs_per_subject"),
        max_msg_size: number(json, "max_msg_size") as u32,
        discard: if json["discard"] == "new" { Discard::New } else { Discard::Old },
        discard_new_per_subject: json["discard_new_per_subject"] == true,
        duplicate_window: Duration::from_nanos(number(json, "duplicate_window")),
        allow_rollup: json["allow_rollup_hdrs"] == true,
        deny_delete: json["deny_delete"] == true,
        deny_purge: json["deny_purge"] == true,
        compression: if json["compression"] == "s2" { Compression::Zstd } else { Compression::None },
        hub: Some(Box::new(HubConfig {
            replicas: number(json, "num_replicas").max(1) as u32,
            storage: if json["storage"] == "memory" { Storage::Memory } else { Storage::File },
            placement_cluster: text(placement, "cluster"),
            placement_tags: list(&placement["tags"], |t| t.as_str().unwrap_or_default().to_owned()),
            sources: list(&json["sources"], source),
            mirror: json["mirror"].is_object().then(|| source(&json["mirror"])),
            subject_transform: json["subject_transform"].is_object().then(|| transform(&json["subject_transform"])),
            allow_direct: json["allow_direct"] == true,
        })),
        ..StreamConfig::default()
    }
}

/// Refuses when the server did not keep what it was asked for.
pub(super) fn check_echo(place: &str, asked: &Map<String, Value>, echoed: &Value) -> Result<()> {
    for (key, value) in asked {
        let kept = &echoed[key.as_str()];
        if !same(value, kept) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("{place}: the server did not take {key} {value}, it has {kept} instead"),
            ));
        }
    }
    Ok(())
}

/// Whether a value was kept. What is empty, false or 0 may be left out, and objects may have grown.
fn same(asked: &Value, kept: &Value) -> bool {
    match (asked, kept) {
        (Value::Object(asked), Value::Object(_)) => asked.iter().all(|(key, value)| same(value, &kept[key.as_str()])),
        (Value::Array(asked), Value::Array(kept)) => {
            asked.len() == kept.len() && asked.iter().zip(kept).all(|(a, k)| same(a, k))
        }
        (Value::String(a), Value::String(k)) => {
            a == k || (stamp::parse(a).is_some() && stamp::parse(a) == stamp::parse(k))
        }
        (asked, Value::Null) => {
            asked.is_null()
                || *asked == false
                || *asked == 0
                || *asked == ""
                || asked == "none"
                || asked.as_array().is_some_and(Vec::is_empty)
        }
        (asked, kept) => asked == kept,
    }
}

/// What a server's answer says a stream is and holds.
pub(super) fn info(answer: &Value) -> StreamInfo {
    let state = &answer["state"];
    let time = |value: &Value| value.as_str().and_then(stamp::parse).unwrap_or(0);
    let (records, last_seq) = (number(state, "messages"), number(state, "last_seq"));
    StreamInfo {
        config: from_json(&answer["config"]),
        created: time(&answer["created"]),
        records,
        bytes: number(state, "bytes"),
        disk_bytes: 0,
        subjects: number(state, "num_subjects"),
        first_seq: if records == 0 { last_seq + 1 } else { number(state, "first_seq") },
        first_time: if records == 0 { 0 } else { time(&state["first_ts"]) },
        last_seq,
        last_time: if last_seq == 0 { 0 } else { time(&state["last_ts"]) },
        deleted: if records == 0 { 0 } else { number(state, "num_deleted") },
        consumers: number(state, "consumer_count"),
        segments: 0,
    }
}
