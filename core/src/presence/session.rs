//! One session of a user: a tab, a telephone, a program. It is what the log keeps of it, as JSON.

use std::num::NonZeroU64;
use std::time::Duration;

use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::limits::{DEVICE_BYTES_MAX, MESSAGE_BYTES_MAX, META_BYTES_MAX, TTL_RANGE, check_id, check_text};
use super::status::Status;
use super::time::Wall;
use crate::error::{Error, Result};
use crate::hybrid::stamp_ms;

/// The epoch of a node's store.
pub(crate) type Epoch = NonZeroU64;

/// What a session said of itself, and since when. There are many of them, so what it takes counts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Line")]
pub struct Session {
    /// Its name, the user's own choice.
    pub id: Box<str>,
    /// What it set; `idle` makes online away.
    pub status: Status,
    /// Most say nothing besides.
    pub(crate) said: Option<Box<Said>>,
    /// When it began, milliseconds since the epoch.
    pub since_ms: Wall,
    /// When somebody was active in it, milliseconds since the epoch, as of the last record about it.
    pub active_ms: Wall,
    /// When this was set, on the hybrid clock; of two nodes' words about one session the later counts.
    pub(crate) stamp: u64,
    /// The epoch of the node that holds it; a leased one has none.
    pub(crate) held: Option<Epoch>,
    /// For how long each sign of life lets a leased one live, milliseconds; 0 for a held one.
    pub(crate) ttl_ms: u32,
    /// When a leased one ends, milliseconds since the epoch, unless it was heard of since.
    pub(crate) until_ms: Wall,
    /// It was heard of since `until` was written, and no record tells of the times after that.
    pub(crate) renewed: bool,
    /// Nobody was active in it for a while.
    pub(crate) idle: bool,
    /// After how long without activity online is away, milliseconds; 0 is never.
    pub(crate) idle_ms: u32,
}

/// What a session says besides its status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) message: Option<Box<str>>,
    pub(crate) device: Option<Box<str>>,
    pub(crate) meta: Option<Box<str>>,
}

/// A session as a record has it.
#[derive(Deserialize)]
struct Line {
    id: Box<str>,
    status: Status,
    message: Option<Box<str>>,
    device: Option<Box<str>>,
    meta: Option<Box<str>>,
    since: Wall,
    active: Wall,
    stamp: u64,
    #[serde(default, with = "hex")]
    held: Option<Epoch>,
    #[serde(default)]
    ttl: u32,
    #[serde(default)]
    until: Wall,
    #[serde(default)]
    renewed: bool,
    #[serde(default)]
    idle: bool,
    #[serde(default)]
    idle_after: u32,
}

impl From<Line> for Session {
    fn from(line: Line) -> Session {
        let said = Said { message: line.message, device: line.device, meta: line.meta };
        Session {
            id: line.id,
            status: line.status,
            said: said.boxed(),
            since_ms: line.since,
            active_ms: line.active,
            stamp: line.stamp,
            held: line.held,
            ttl_ms: line.ttl,
            until_ms: line.until,
            renewed: line.renewed,
            idle: line.idle,
            idle_ms: line.idle_after,
        }
    }
}

impl Serialize for Session {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("status", &self.status)?;
        for (name, text) in [("message", self.message()), ("device", self.device()), ("meta", self.meta())] {
            text.map_or(Ok(()), |text| map.serialize_entry(name, text))?;
        }
        map.serialize_entry("since", &self.since_ms)?;
        map.serialize_entry("active", &self.active_ms)?;
        map.serialize_entry("stamp", &self.stamp)?;
        if let Some(held) = self.held {
            map.serialize_entry("held", &format_args!("{held:016x}"))?;
        }
        let idle_after = u64::from(self.idle_ms);
        for (name, number) in [("ttl", u64::from(self.ttl_ms)), ("until", self.until_ms), ("idle_after", idle_after)] {
            if number > 0 {
                map.serialize_entry(name, &number)?;
            }
        }
        for (name, is) in [("renewed", self.renewed), ("idle", self.idle)] {
            if is {
                map.serialize_entry(name, &is)?;
            }
        }
        map.end()
    }
}

impl Said {
    /// Nothing where it says nothing.
    pub(crate) fn boxed(self) -> Option<Box<Said>> {
        (self != Said::default()).then(|| Box::new(self))
    }
}

impl Session {
    /// One that begins.
    pub(crate) fn new(id: Box<str>, status: Status, said: Said) -> Session {
        Session {
            id,
            status,
            said: said.boxed(),
            since_ms: 0,
            active_ms: 0,
            stamp: 0,
            held: None,
            ttl_ms: 0,
            until_ms: 0,
            renewed: false,
            idle: false,
            idle_ms: 0,
        }
    }

    /// What it says besides its status.
    pub fn message(&self) -> Option<&str> {
        self.said.as_ref()?.message.as_deref()
    }

    /// The kind of device that it is on.
    pub fn device(&self) -> Option<&str> {
        self.said.as_ref()?.device.as_deref()
    }

    /// Its metadata, a JSON value as text.
    pub fn meta(&self) -> Option<&str> {
        self.said.as_ref()?.meta.as_deref()
    }

    /// Whether it says the same besides its status.
    pub(crate) fn says_the_same(&self, other: &Session) -> bool {
        self.said == other.said
    }

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
        (!self.is_held()).then(|| Duration::from_millis(self.ttl_ms.into()))
    }

    /// When it was set last, milliseconds since the epoch.
    pub fn changed_ms(&self) -> Wall {
        stamp_ms(self.stamp)
    }

    /// Whether a watcher would see a difference.
    pub(crate) fn looks_like(&self, other: &Session) -> bool {
        self.effective() == other.effective() && self.says_the_same(other) && self.since_ms == other.since_ms
    }

    /// Refuses what is beyond its bounds.
    pub(crate) fn check(&self) -> Result<()> {
        check_id("session", &self.id)?;
        self.status.settable()?;
        if u128::from(self.ttl_ms) > TTL_RANGE.1.as_millis() {
            return Err(Error::invalid(format!("no session lives for {} ms", self.ttl_ms)));
        }
        check_text("message", self.message().unwrap_or_default(), MESSAGE_BYTES_MAX)?;
        check_text("name of a device", self.device().unwrap_or_default(), DEVICE_BYTES_MAX)?;
        let Some(meta) = self.meta() else { return Ok(()) };
        check_text("session's metadata", meta, META_BYTES_MAX)?;
        match serde_json::from_str::<serde::de::IgnoredAny>(meta) {
            Ok(_) => Ok(()),
            Err(e) => Err(Error::invalid(format!("a session's metadata is JSON: {e}"))),
        }
    }
}

/// Numbers that JSON readers elsewhere would round.
pub(super) mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::Epoch;

    #[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
    pub(in super::super) fn serialize<S: Serializer>(number: &Option<Epoch>, to: S) -> Result<S::Ok, S::Error> {
        match number {
            Some(number) => to.collect_str(&format_args!("{number:016x}")),
            None => to.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Epoch>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        let epoch = |text: String| {
            let number = u64::from_str_radix(&text, 16).map_err(D::Error::custom)?;
            Epoch::new(number).ok_or_else(|| D::Error::custom("no epoch is zero"))
        };
        text.map(epoch).transpose()
    }
}
