//! One session of a user: a tab, a telephone, a program. It is what the log keeps of it, as JSON.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::limits::{DEVICE_BYTES_MAX, MESSAGE_BYTES_MAX, META_BYTES_MAX, TTL_RANGE, check_id, check_text};
use super::status::Status;
use super::time::Wall;
use crate::error::{Error, Result};
use crate::hybrid::stamp_ms;

/// What a session said of itself, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its name, the user's own choice.
    pub id: Box<str>,
    /// What it set; `idle` makes online away.
    pub status: Status,
    /// What it says besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Box<str>>,
    /// The kind of device that it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Box<str>>,
    /// Its metadata, a JSON value as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Box<str>>,
    /// When it began, milliseconds since the epoch.
    #[serde(rename = "since")]
    pub since_ms: Wall,
    /// When somebody was active in it, milliseconds since the epoch, as of the last record about it.
    #[serde(rename = "active")]
    pub active_ms: Wall,
    /// When this was set, on the hybrid clock; of two nodes' words about one session the later counts.
    pub(crate) stamp: u64,
    /// The epoch of the node that holds it, in hexadecimal; a leased one has none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "hex")]
    pub(crate) held: Option<u64>,
    /// For how long each sign of life lets a leased one live, milliseconds; 0 for a held one.
    #[serde(rename = "ttl", default, skip_serializing_if = "is_zero")]
    pub(crate) ttl_ms: u64,
    /// When a leased one ends, milliseconds since the epoch, unless it was heard of since.
    #[serde(rename = "until", default, skip_serializing_if = "is_zero")]
    pub(crate) until_ms: Wall,
    /// It was heard of since `until` was written, and no record tells of the times after that.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) renewed: bool,
    /// Nobody was active in it for a while.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) idle: bool,
    /// After how long without activity online is away, milliseconds; 0 is never.
    #[serde(rename = "idle_after", default, skip_serializing_if = "is_zero")]
    pub(crate) idle_ms: u64,
}

impl Session {
    /// What it is now.
    pub fn effective(&self) -> Status {
        if self.idle && self.status == Status::Online { Status::Away } else { self.status }
    }

    /// Whether it dies with the handle that holds it; a leased one lives to its deadline.
    pub fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// How long each sign of life lets a leased one live; none for a held one.
    pub fn ttl(&self) -> Option<Duration> {
        (!self.is_held()).then(|| Duration::from_millis(self.ttl_ms))
    }

    /// When it was set last, milliseconds since the epoch.
    pub fn changed_ms(&self) -> Wall {
        stamp_ms(self.stamp)
    }

    /// Whether a watcher would see a difference.
    pub(crate) fn looks_like(&self, other: &Session) -> bool {
        self.effective() == other.effective()
            && self.message == other.message
            && self.device == other.device
            && self.meta == other.meta
            && self.since_ms == other.since_ms
    }

    /// Refuses what is beyond its bounds.
    pub(crate) fn check(&self) -> Result<()> {
        check_id("session", &self.id)?;
        self.status.settable()?;
        if self.ttl_ms > TTL_RANGE.1.as_millis() as u64 {
            return Err(Error::invalid(format!("no session lives for {} ms", self.ttl_ms)));
        }
        check_text("message", self.message.as_deref().unwrap_or_default(), MESSAGE_BYTES_MAX)?;
        check_text("name of a device", self.device.as_deref().unwrap_or_default(), DEVICE_BYTES_MAX)?;
        let Some(meta) = &self.meta else { return Ok(()) };
        check_text("session's metadata", meta, META_BYTES_MAX)?;
        match serde_json::from_str::<serde::de::IgnoredAny>(meta) {
            Ok(_) => Ok(()),
            Err(e) => Err(Error::invalid(format!("a session's metadata is JSON: {e}"))),
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
fn is_false(is: &bool) -> bool {
    !is
}

/// Numbers that JSON readers elsewhere would round.
pub(super) mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[allow(clippy::ref_option, reason = "as serde asks")]
    pub(in super::super) fn serialize<S: Serializer>(number: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
        match number {
            Some(number) => to.collect_str(&format_args!("{number:016x}")),
            None => to.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| u64::from_str_radix(&text, 16).map_err(D::Error::custom)).transpose()
    }
}
