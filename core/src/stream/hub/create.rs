//! Making a stream, and finding it again.
//!
//! A server removes a stream's files after it has answered that the stream is gone. One of the same name that is made
//! within those milliseconds fails, or finds the old records in its place (seen from 2.10 to 2.15).

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::convert;
use super::engine::Hub;
use super::fault::{self, CREATE_FAILED, STREAM_DIFFERS, STREAM_NOT_FOUND};
use super::session::Session;
use super::stream::HubStream;
use crate::error::{Error, ErrorKind, Result};
use crate::stream::config::StreamConfig;

/// How often a stream that could not be made is tried again, and how long after.
const CREATE_TRIES: u32 = 5;
const CREATE_PAUSE: Duration = Duration::from_millis(10);

/// Makes a stream; the same configuration again finds the one there.
pub(super) async fn create(hub: Arc<Hub>, config: StreamConfig) -> Result<Arc<HubStream>> {
    let copies = config.hub.as_ref().is_some_and(|h| h.mirror.is_some());
    if copies && !config.subjects.is_empty() {
        return Err(Error::invalid(format!("stream '{}' is a mirror, so it takes no subjects", config.name)));
    }
    let config = config.checked()?;
    let place = format!("stream '{}'", config.name);
    let session = Arc::clone(hub.reached().await?);
    let asked = convert::to_json(&config, session.state.api_level())?;
    let suffix = format!("STREAM.CREATE.{}", config.name);
    let mut tries = 0;
    let answer = loop {
        match session.api(&place, &suffix, &Value::Object(asked.clone())).await? {
            Ok(answer) => break answer,
            Err(error) if error.err_code == CREATE_FAILED && tries < CREATE_TRIES => {
                tries += 1;
                tokio::time::sleep(CREATE_PAUSE).await;
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
