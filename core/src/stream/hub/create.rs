//! Making a stream, and finding it again.
//!
//! A server removes a stream's files after it has answered that the stream is gone. One of the same name that is made
//! within those milliseconds fails, or finds the old records in its place (seen from 2.10 to 2.15).

use std::sync::Arc;
use std::time::Duration;

use async_nats::{HeaderMap, Request, RequestErrorKind, header};
use serde_json::Value;

use super::convert::{self, HUB_KEYS};
use super::engine::Hub;
use super::fault::{self, CREATE_FAILED, STREAM_DIFFERS, STREAM_NOT_FOUND};
use super::session::Session;
use super::stream::HubStream;
use crate::error::{Error, ErrorKind, Result};
use crate::stream::config::StreamConfig;
use crate::stream::hub_config::HubConfig;

/// How often a stream that could not be made is tried again, and how long after.
const CREATE_TRIES: u32 = 5;
const CREATE_PAUSE: Duration = Duration::from_millis(10);
/// How long the way to a stream that was made is waited for, at the most.
const ROUTE_PATIENCE: Duration = Duration::from_secs(1);

/// Makes a stream; the same configuration again finds the one there. One that says nothing of a hub gets as many
/// replicas as the connection says, and finds one there whatever was said of it.
pub(super) async fn create(hub: Arc<Hub>, config: StreamConfig) -> Result<Arc<HubStream>> {
    let copies = config.hub.as_ref().is_some_and(|h| h.mirror.is_some());
    if copies && !config.subjects.is_empty() {
        return Err(Error::invalid(format!("stream '{}' is a mirror, so it takes no subjects", config.name)));
    }
    let mut config = config.checked()?;
    // Whether one may be found that was made, or changed, with more words.
    let mut may_differ = config.hub.is_none();
    if may_differ {
        config.hub = Some(Box::new(HubConfig { replicas: hub.options.replicas, ..HubConfig::default() }));
    }
    let place = format!("stream '{}'", config.name);
    let session = Arc::clone(hub.reached().await?);
    let mut asked = convert::to_json(&config, session.state.api_level())?;
    let suffix = format!("STREAM.CREATE.{}", config.name);
    let mut tries = 0;
    let answer = loop {
        match session.api(&place, &suffix, &Value::Object(asked.clone())).await? {
            Ok(answer) => break answer,
            Err(error) if error.err_code == CREATE_FAILED && tries < CREATE_TRIES => {
                tries += 1;
                tokio::time::sleep(CREATE_PAUSE).await;
            }
            Err(error) if error.err_code == STREAM_DIFFERS && may_differ => {
                let there = session.call(&place, &format!("STREAM.INFO.{}", config.name), &Value::Null).await?;
                for key in HUB_KEYS {
                    asked.remove(key);
                    asked.extend(there["config"].get(key).map(|value| (key.to_owned(), value.clone())));
                }
                may_differ = false;
            }
            Err(error) if error.err_code == STREAM_DIFFERS => {
                let message = format!("stream '{}' is there with another configuration", config.name);
                return Err(Error::new(ErrorKind::Conflict, message));
            }
            Err(error) => return Err(error.into_error(&place)),
        }
    };
    if let Err(error) = convert::check_echo(&place, &asked, &answer["config"]) {
        if answer["did_create"] == true {
            // It is not what was asked for, so it is not left behind; when that fails too, the first error says more.
            let _ = session.api(&place, &format!("STREAM.DELETE.{}", config.name), &Value::Null).await;
        }
        return Err(error);
    }
    if answer["did_create"] == true {
        clear(&session, &place, &answer).await?;
        if answer["cluster"].is_object() {
            await_route(&session, &config).await;
        }
    }
    Ok(HubStream::new(hub, &answer))
}

/// Takes out what a stream that was just made has of a removed one of its name. Only what is there now goes, because
/// others may append already.
async fn clear(session: &Session, place: &str, answer: &Value) -> Result<()> {
    let info = convert::info(answer);
    let copies = info.config.hub.as_ref().is_some_and(|h| h.mirror.is_some() || !h.sources.is_empty());
    if copies || info.last_seq == 0 || info.last_time >= info.created {
        return Ok(());
    }
    let suffix = format!("STREAM.PURGE.{}", info.config.name);
    let purged = session.call(place, &suffix, &json!({ "seq": info.last_seq + 1 })).await;
    purged
        .map(drop)
        .map_err(|e| e.context("the hub gave it the records of the removed one: remove it and make it again"))
}

/// Waits until the server of this connection knows the way to a stream that was just made: its leader, on another
/// server, may answer for it some milliseconds before, and an append would find nobody. What is sent is refused, as it
/// expects a stream that no one has the name of.
async fn await_route(session: &Session, config: &StreamConfig) {
    let Some(subject) = config.subjects.first() else { return };
    let tokens: Vec<&str> = subject.split('.').map(|t| if matches!(t, "*" | ">") { "_" } else { t }).collect();
    let mut headers = HeaderMap::new();
    headers.insert(header::NATS_EXPECTED_STREAM, ".");
    let patience = session.timeout().min(ROUTE_PATIENCE);
    let end = tokio::time::Instant::now() + patience;
    while tokio::time::Instant::now() < end {
        let request = Request::new().headers(headers.clone()).timeout(Some(patience));
        match session.client.send_request(tokens.join("."), request).await {
            Err(error) if error.kind() == RequestErrorKind::NoResponders => tokio::time::sleep(CREATE_PAUSE).await,
            _ => return,
        }
    }
}

/// The stream of this name.
pub(super) async fn find(hub: Arc<Hub>, name: &str) -> Result<Arc<HubStream>> {
    let place = format!("stream '{name}'");
    let session = Arc::clone(hub.reached().await?);
    match session.api(&place, &format!("STREAM.INFO.{name}"), &Value::Null).await? {
        Ok(answer) => Ok(HubStream::new(hub, &answer)),
        Err(error) if error.err_code == STREAM_NOT_FOUND => {
            Err(Error::not_found(format!("there is no stream '{name}'")))
        }
        Err(error) => Err(fault::ApiError::into_error(error, &place)),
    }
}
