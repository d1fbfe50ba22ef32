//! Users and changes as every door writes them in JSON: the field names of the HTTP API, times as in RFC 3339.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::change::Change;
use super::store::{PresenceStatus, Reading};
use super::time::Wall;
use super::view::{Counts, SessionView, UserView};
use super::watch::WatchEvent;
use super::write::Lease;
use crate::time::format_time;

/// None of what is written here has no JSON.
fn of(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn time(ms: Wall) -> Value {
    if ms == 0 { Value::Null } else { of(text_of(ms)) }
}

fn text_of(ms: Wall) -> String {
    format_time((ms as i64).saturating_mul(1_000_000))
}

/// Writes a time, if there is one.
fn put_time<M: SerializeMap>(map: &mut M, name: &'static str, ms: Wall) -> Result<(), M::Error> {
    if ms == 0 { Ok(()) } else { map.serialize_entry(name, &text_of(ms)) }
}

/// Writes what is there.
fn put<M: SerializeMap>(map: &mut M, name: &'static str, value: Option<impl Serialize>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, &value))
}

/// A user, straight into text: an answer may have a thousand of them.
struct User<'a>(&'a UserView);

impl Serialize for User<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        self.0.write_fields(&mut map)?;
        map.end()
    }
}

struct Session<'a>(&'a SessionView);

impl Serialize for Session<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let SessionView { session, status } = self.0;
        let meta = session.meta().and_then(|meta| serde_json::from_str::<Value>(meta).ok());
        let ttl = (!session.is_held()).then(|| f64::from(session.ttl_ms) / 1_000.0);
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("session", &*session.id)?;
        map.serialize_entry("status", status)?;
        put(&mut map, "message", session.message())?;
        put(&mut map, "device", session.device())?;
        put(&mut map, "metadata", meta.filter(|meta| !meta.is_null()))?;
        put_time(&mut map, "since", session.since_ms)?;
        put(&mut map, "ttl", ttl)?;
        put(&mut map, "held", session.is_held().then_some(true))?;
        map.end()
    }
}

struct Sessions<'a>(&'a [SessionView]);

impl Serialize for Sessions<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(Session))
    }
}

/// Leaves out what is not there.
fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Object(
        fields.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.to_owned(), v)).collect::<Map<_, _>>(),
    )
}

impl UserView {
    /// `user_id`, `space`, `status`, `message`, `last_seen`, `updated_at`, `chosen` and `invisible` where they hold,
    /// and `sessions`.
    pub fn to_json(&self) -> Value {
        of(User(self))
    }

    /// Writes those fields into an object that may have more.
    pub(crate) fn write_fields<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("user_id", &*self.user)?;
        map.serialize_entry("space", &*self.space)?;
        map.serialize_entry("status", &self.status)?;
        put(map, "message", self.message())?;
        put_time(map, "last_seen", self.last_seen_ms)?;
        put_time(map, "updated_at", self.changed_ms)?;
        put(map, "chosen", self.chosen.then_some(true))?;
        put(map, "invisible", self.invisible.then_some(true))?;
        map.serialize_entry("sessions", &Sessions(&self.sessions))
    }
}

impl Counts {
    /// `users`, `sessions`, and how many are `online`, `away`, `busy` and `unknown`.
    pub fn to_json(&self) -> Value {
        of(self)
    }
}

impl Reading {
    /// `users`, `as_of` and `stale`.
    pub fn to_json(&self) -> Value {
        let users: Vec<_> = self.users.iter().map(|user| user.to_json()).collect();
        object([("users", of(users)), ("as_of", time(self.as_of_ms)), ("stale", of(self.stale))])
    }
}

#[cfg(feature = "http")]
impl Reading {
    /// As of when other nodes' users are told of.
    pub(crate) fn as_of(&self) -> Value {
        time(self.as_of_ms)
    }
}

impl Lease {
    /// `expires_at` and `ttl`, in seconds, of a leased session; a held one has neither.
    pub fn to_json(&self) -> Value {
        let ttl = if self.expires_ms == 0 { Value::Null } else { of(self.ttl_ms as f64 / 1_000.0) };
        object([("expires_at", time(self.expires_ms)), ("ttl", ttl)])
    }
}

impl Change {
    /// `type`, `position`, `session` where it is about one, `was`, and `user`.
    pub fn to_json(&self) -> Value {
        object([
            ("type", of(self.kind)),
            ("position", of(self.position)),
            ("session", if self.session.is_empty() { Value::Null } else { of(&*self.session) }),
            ("was", of(self.was)),
            ("user", self.user.to_json()),
        ])
    }
}

impl WatchEvent {
    /// A change, or an object of `type` `snapshot`, `counts` or `view`.
    pub fn to_json(&self) -> Value {
        match self {
            WatchEvent::Change(change) => change.to_json(),
            WatchEvent::Snapshot { position, users } => {
                let users: Vec<_> = users.iter().map(|user| user.to_json()).collect();
                object([("type", of("snapshot")), ("position", of(position)), ("users", of(users))])
            }
            WatchEvent::Counts(counts) => object([("type", of("counts")), ("counts", of(counts))]),
            WatchEvent::View { stale, as_of_ms } => {
                object([("type", of("view")), ("stale", of(stale)), ("as_of", time(*as_of_ms))])
            }
        }
    }
}

impl PresenceStatus {
    /// Its fields, with times as text.
    pub fn to_json(&self) -> Value {
        let nodes: Vec<_> = self
            .nodes
            .iter()
            .map(|node| object([("name", of(&node.name)), ("state", of(&node.state)), ("heard", time(node.heard_ms))]))
            .collect();
        object([
            ("name", of(&self.name)),
            ("node", of(&self.node)),
            ("answered", of(self.answered)),
            ("stale", of(self.stale)),
            ("as_of", time(self.as_of_ms)),
            ("position", of(self.position)),
            ("refused", of(self.refused)),
            ("last_error", of(&self.last_error)),
            ("nodes", of(nodes)),
        ])
    }
}
