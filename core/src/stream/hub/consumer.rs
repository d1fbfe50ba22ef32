//! Durable consumers on a hub: made, found, listed, removed, and their configuration in JetStream's JSON and back.
//!
//! Deliveries are without end for the server: past `max_deliver` it only announces, and announcements can be lost. Ours
//! are counted by whoever takes the record, who buries it (`bury.rs`). What JetStream has no field for is in metadata.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

pub(super) use super::deliver::HubConsumer;
use super::fault::CONSUMER_NOT_FOUND;
use super::fetch::for_server;
use super::pull::{Start, put_filters};
use super::stream::Remote;
use super::{bury, stamp};
use crate::error::{Error, ErrorKind, Result};
use crate::stream::config::{AckPolicy, ConsumerConfig, DeliverPolicy, check_name};
use crate::stream::consumer::ConsumerInfo;
use crate::subject::Filters;

/// What of our configuration is kept in a consumer's metadata.
const MAX_DELIVER: &str = "headwater-max-deliver";
const DEAD_LETTER: &str = "headwater-dead-letter";
const ACK_WAIT: &str = "headwater-ack-wait";

fn nanos(value: Duration) -> u64 {
    u64::try_from(value.as_nanos()).unwrap_or(u64::MAX)
}

fn to_json(config: &ConsumerConfig) -> Result<Map<String, Value>> {
    let filters = Filters::new(&config.filter_subjects)?;
    let (mut filters, overlap) = for_server(filters.as_slice());
    if overlap {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("consumer '{}': its filters overlap, which a hub does not take", config.name),
        ));
    }
    let start = match config.deliver_policy {
        DeliverPolicy::All => Start::All,
        DeliverPolicy::New => Start::New,
        DeliverPolicy::Last => Start::Last,
        DeliverPolicy::LastPerSubject => Start::LastPerSubject,
        DeliverPolicy::ByStartSequence(0) => return Err(Error::invalid("sequences begin at 1, not 0")),
        DeliverPolicy::ByStartSequence(seq) => Start::Seq(seq),
        DeliverPolicy::ByStartTime(time) => Start::Time(time),
    };
    if filters.is_empty() && matches!(start, Start::LastPerSubject) {
        filters.push(">".to_owned());
    }
    let ack = match config.ack_policy {
        AckPolicy::Explicit => "explicit",
        AckPolicy::All => "all",
        AckPolicy::None => "none",
    };
    let mut map = Map::new();
    map.insert("name".into(), json!(config.name));
    map.insert("durable_name".into(), json!(config.name));
    map.insert("description".into(), json!(config.description));
    map.insert("ack_policy".into(), json!(ack));
    map.insert("replay_policy".into(), json!("instant"));
    start.put(&mut map);
    put_filters(&mut map, &filters);
    if config.ack_policy != AckPolicy::None {
        map.insert("ack_wait".into(), json!(nanos(config.backoff.first().copied().unwrap_or(config.ack_wait))));
        let most = if config.max_ack_pending == 0 { json!(-1) } else { json!(config.max_ack_pending) };
        map.insert("max_ack_pending".into(), most);
    }
    map.insert("max_deliver".into(), json!(-1));
    if !config.backoff.is_empty() {
        let waits: Vec<u64> = config.backoff.iter().copied().map(nanos).collect();
        map.insert("backoff".into(), json!(waits));
    }
    map.insert(
        "metadata".into(),
        json!({
            MAX_DELIVER: config.max_deliver.to_string(),
            DEAD_LETTER: config.dead_letter,
            ACK_WAIT: nanos(config.ack_wait).to_string(),
        }),
    );
    Ok(map)
}

/// The configuration that a server says a consumer has.
pub(super) fn from_json(json: &Value) -> ConsumerConfig {
    let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
    let meta = |key: &str| json["metadata"][key].as_str();
    let number = |key: &str| json[key].as_i64().unwrap_or(0);
    let duration = |value: &Value| Duration::from_nanos(value.as_u64().unwrap_or(0));
    let policy = text("deliver_policy");
    let mut filters: Vec<String> = Vec::new();
    if let Some(one) = json["filter_subject"].as_str().filter(|f| !f.is_empty()) {
        filters.push(one.to_owned());
    }
    filters
        .extend(json["filter_subjects"].as_array().into_iter().flatten().filter_map(|f| Some(f.as_str()?.to_owned())));
    if policy == "last_per_subject" && filters == [">"] {
        filters.clear();
    }
    let ack_policy = match json["ack_policy"].as_str() {
        Some("all") => AckPolicy::All,
        Some("none") => AckPolicy::None,
        _ => AckPolicy::Explicit,
    };
    let ack_wait = meta(ACK_WAIT).and_then(|w| w.parse().ok()).map(Duration::from_nanos);
    let max_ack_pending = if ack_policy == AckPolicy::None { 1000 } else { number("max_ack_pending").max(0) as u32 };
    ConsumerConfig {
        name: json["durable_name"].as_str().or(json["name"].as_str()).unwrap_or_default().to_owned(),
        description: text("description"),
        filter_subjects: filters,
        deliver_policy: match policy.as_str() {
            "new" => DeliverPolicy::New,
            "last" => DeliverPolicy::Last,
            "last_per_subject" => DeliverPolicy::LastPerSubject,
            "by_start_sequence" => DeliverPolicy::ByStartSequence(json["opt_start_seq"].as_u64().unwrap_or(1)),
            "by_start_time" => {
                DeliverPolicy::ByStartTime(json["opt_start_time"].as_str().and_then(stamp::parse).unwrap_or(0))
            }
            _ => DeliverPolicy::All,
        },
        ack_policy,
        ack_wait: ack_wait.unwrap_or_else(|| duration(&json["ack_wait"])),
        max_deliver: meta(MAX_DELIVER).and_then(|m| m.parse().ok()).unwrap_or(number("max_deliver").max(0) as u32),
        backoff: json["backoff"].as_array().map(|b| b.iter().map(duration).collect()).unwrap_or_default(),
        max_ack_pending,
        dead_letter: meta(DEAD_LETTER).unwrap_or_default().to_owned(),
    }
}

fn place(remote: &Remote, name: &str) -> String {
    format!("consumer '{name}' of stream '{}'", remote.name)
}

/// Makes a consumer; the same configuration again finds the one there.
pub(super) async fn create(remote: &Arc<Remote>, config: ConsumerConfig) -> Result<Value> {
    check_name("consumer", &config.name)?;
    if config.ack_wait.is_zero() || config.backoff.iter().any(Duration::is_zero) {
        return Err(Error::invalid("ack_wait and backoff must be more than zero"));
    }
    let asked = to_json(&config)?;
    if let Ok(answer) = look(remote, &config.name).await {
        return same(&config, answer);
    }
    if config.max_deliver > 0 {
        bury::prepare(remote, &config).await?;
    }
    let body = json!({ "stream_name": remote.name, "config": asked, "action": "create" });
    let suffix = format!("CONSUMER.CREATE.{}.{}", remote.name, config.name);
    let place = place(remote, &config.name);
    match remote.session().api(&place, &suffix, &body).await? {
        Ok(answer) => {
            super::convert::check_echo(&place, &asked, &answer["config"])?;
            Ok(answer)
        }
        // Somebody else was faster.
        Err(error) if matches!(error.err_code, 10013 | 10148) => same(&config, look(remote, &config.name).await?),
        Err(error) => Err(error.into_error(&place)),
    }
}

fn same(config: &ConsumerConfig, answer: Value) -> Result<Value> {
    // Through the same form, so that what a server keeps differently is no difference.
    let mut there = from_json(&answer["config"]);
    let asked = to_json(config)?;
    let mut wanted = from_json(&Value::Object(asked));
    there.filter_subjects.sort();
    wanted.filter_subjects.sort();
    if there == wanted {
        return Ok(answer);
    }
    Err(Error::new(ErrorKind::Conflict, format!("consumer '{}' is there with another configuration", config.name)))
}

/// What the server says of a consumer now.
pub(super) async fn look(remote: &Arc<Remote>, name: &str) -> Result<Value> {
    let suffix = format!("CONSUMER.INFO.{}.{name}", remote.name);
    match remote.session().api(&place(remote, name), &suffix, &Value::Null).await? {
        Ok(answer) => Ok(answer),
        Err(error) if error.err_code == CONSUMER_NOT_FOUND => {
            Err(Error::not_found(format!("stream '{}' has no consumer '{name}'", remote.name)))
        }
        Err(error) => Err(error.into_error(&place(remote, name))),
    }
}

/// Removes a consumer.
pub(super) async fn delete(remote: &Arc<Remote>, name: &str) -> Result<()> {
    let suffix = format!("CONSUMER.DELETE.{}.{name}", remote.name);
    match remote.session().api(&place(remote, name), &suffix, &Value::Null).await? {
        Ok(_) => Ok(()),
        Err(error) if error.err_code == CONSUMER_NOT_FOUND => {
            Err(Error::not_found(format!("stream '{}' has no consumer '{name}'", remote.name)))
        }
        Err(error) => Err(error.into_error(&place(remote, name))),
    }
}

/// All durable consumers, by name.
pub(super) async fn list(remote: &Arc<Remote>) -> Result<Vec<ConsumerInfo>> {
    let suffix = format!("CONSUMER.LIST.{}", remote.name);
    let (mut infos, mut offset) = (Vec::new(), 0);
    loop {
        let answer = remote.session().call(&remote.place(), &suffix, &json!({ "offset": offset })).await?;
        let page = answer["consumers"].as_array().cloned().unwrap_or_default();
        offset += page.len() as u64;
        for one in page.iter().filter(|c| c["config"]["durable_name"].is_string()) {
            infos.push(info(remote, one).await?);
        }
        if page.is_empty() || offset >= answer["total"].as_u64().unwrap_or(0) {
            break;
        }
    }
    infos.sort_by(|a, b| a.config.name.cmp(&b.config.name));
    Ok(infos)
}

/// Where a consumer stands.
pub(super) async fn info(remote: &Arc<Remote>, answer: &Value) -> Result<ConsumerInfo> {
    let config = from_json(&answer["config"]);
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let num_dead = if config.max_deliver > 0 { bury::count(remote, &config).await? } else { 0 };
    Ok(ConsumerInfo {
        delivered_seq: number(&answer["delivered"]["stream_seq"]),
        ack_floor: number(&answer["ack_floor"]["stream_seq"]),
        num_ack_pending: number(&answer["num_ack_pending"]),
        num_redelivered: number(&answer["num_redelivered"]),
        num_pending: number(&answer["num_pending"]),
        num_dead,
        config,
    })
}
