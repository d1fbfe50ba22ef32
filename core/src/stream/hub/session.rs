//! The connection to a hub, shared by everything that stands on it: JetStream's API as requests and answers, bounded in
//! time, and what this server is able to do.
//!
//! It holds no runtime, so that a task may hold it without keeping the hub open.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, HeaderMap, Message, Request, RequestErrorKind, Subscriber};
use bytes::Bytes;
use serde_json::Value;
use tokio::runtime::Handle;

use super::fault::{self, ApiError};
use super::options::HubOptions;
use super::outbox::Outbox;
use super::state::{HubPhase, StateCell};
use super::task::closed;
use crate::error::{Error, ErrorKind, Result};

/// The level of the API of 2.11: filters in conditions, batches of direct gets, times to live.
pub(super) const LEVEL_2_11: u32 = 1;
/// The level of the API of 2.12: atomic batches.
pub(super) const LEVEL_2_12: u32 = 2;
/// The level of the API of 2.14: fast batches.
pub(super) const LEVEL_2_14: u32 = 4;

/// What everything that stands on one hub shares.
pub(super) struct Session {
    pub(super) options: HubOptions,
    pub(super) prefix: String,
    pub(super) handle: Handle,
    pub(super) client: Client,
    pub(super) state: Arc<StateCell>,
    pub(super) outbox: Arc<Outbox>,
}

impl Session {
    /// Refuses work on a closed hub.
    pub(super) fn check_open(&self) -> Result<()> {
        if self.state.phase() == HubPhase::Closed { Err(closed()) } else { Ok(()) }
    }

    /// Whether the server's API has at least this level.
    pub(super) fn is_since(&self, level: u32) -> bool {
        self.state.api_level() >= level
    }

    /// Refuses what this server is too old for.
    pub(super) fn need(&self, level: u32, since: &str, what: &str) -> Result<()> {
        if self.is_since(level) {
            return Ok(());
        }
        let version = self.state.of_connection().server_version;
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("{what} needs a NATS server from {since} on, this is {version}"),
        ))
    }

    pub(super) fn timeout(&self) -> Duration {
        self.options.request_timeout
    }

    /// Random text for a name.
    pub(super) fn random_name(&self) -> String {
        format!("{:016x}", self.options.clock.random())
    }

    /// One message, and the answer to it.
    pub(super) async fn ask(&self, subject: String, headers: Option<HeaderMap>, payload: Bytes) -> Result<Message> {
        self.check_open()?;
        let mut request = Request::new().payload(payload).timeout(Some(self.timeout()));
        if let Some(headers) = headers {
            request = request.headers(headers);
        }
        self.client.send_request(subject.clone(), request).await.map_err(|e| match e.kind() {
            RequestErrorKind::TimedOut => fault::late(&subject, self.timeout()),
            RequestErrorKind::NoResponders => fault::nobody(&subject),
            RequestErrorKind::MaxPayloadExceeded | RequestErrorKind::InvalidSubject => {
                Error::invalid(format!("{subject}: {e}"))
            }
            RequestErrorKind::Other if self.state.phase() == HubPhase::Closed => closed(),
            RequestErrorKind::Other => Error::new(ErrorKind::Io, format!("{subject}: {e}")),
        })
    }

    /// A request of JetStream's API, and its answer or the error in it. `place` is what it is about.
    pub(super) async fn api(
        &self,
        place: &str,
        suffix: &str,
        body: &Value,
    ) -> Result<std::result::Result<Value, ApiError>> {
        let payload = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let answer =
            self.ask(format!("{}.{suffix}", self.prefix), None, payload).await.map_err(|e| e.context(place))?;
        let mut value: Value = serde_json::from_slice(&answer.payload)
            .map_err(|e| Error::new(ErrorKind::Internal, format!("{place}: the hub's answer cannot be read: {e}")))?;
        match value.get_mut("error").map(Value::take) {
            Some(error) => Ok(Err(serde_json::from_value(error).unwrap_or_default())),
            None => Ok(Ok(value)),
        }
    }

    /// As [`Session::api`], with an error that callers see.
    pub(super) async fn call(&self, place: &str, suffix: &str, body: &Value) -> Result<Value> {
        self.api(place, suffix, body).await?.map_err(|e| e.into_error(place))
    }

    /// Sends without an answer.
    pub(super) async fn tell(&self, subject: String, payload: Bytes) -> Result<()> {
        self.client.publish(subject, payload).await.map_err(|_| closed())
    }

    /// Sends with a subject to answer at.
    pub(super) async fn tell_with_reply(&self, subject: String, reply: String, payload: Bytes) -> Result<()> {
        self.client.publish_with_reply(subject, reply, payload).await.map_err(|_| closed())
    }

    /// Subjects of our own, which begin so and have one token more, and what arrives at them.
    pub(super) async fn inboxes(&self) -> Result<(String, Subscriber)> {
        let prefix = self.client.new_inbox();
        let subscriber = self.client.subscribe(format!("{prefix}.*")).await.map_err(|_| closed())?;
        Ok((prefix, subscriber))
    }

    /// A subject of our own, and what arrives at it.
    pub(super) async fn inbox(&self) -> Result<(String, Subscriber)> {
        let subject = self.client.new_inbox();
        let subscriber = self.client.subscribe(subject.clone()).await.map_err(|_| closed())?;
        Ok((subject, subscriber))
    }
}
