//! Users and changes as every door writes them in JSON: the field names of the HTTP API, times as in RFC 3339.

use serde::Serialize;
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
    if ms == 0 { Value::Null } else { of(format_time(ms as i64 * 1_000_000)) }
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
        object([
            ("user_id", of(&*self.user)),
            ("space", of(&*self.space)),
            ("status", of(self.status)),
            ("message", of(self.message())),
            ("last_seen", time(self.last_seen_ms)),
            ("updated_at", time(self.changed_ms)),
            ("chosen", if self.chosen { of(true) } else { Value::Null }),
            ("invisible", if self.invisible { of(true) } else { Value::Null }),
            ("sessions", of(self.sessions.iter().map(session).collect::<Vec<_>>())),
        ])
    }
}

fn session(view: &SessionView) -> Value {
    let session = &view.session;
    let meta = session.meta.as_deref().and_then(|meta| serde_json::from_str(meta).ok());
    object([
        ("session", of(&*session.id)),
        ("status", of(view.status)),
        ("message", of(&session.message)),
        ("device", of(&session.device)),
        ("metadata", meta.unwrap_or(Value::Null)),
        ("since", time(session.since_ms)),
        ("ttl", if session.is_held() { Value::Null } else { of(session.ttl_ms as f64 / 1_000.0) }),
        ("held", if session.is_held() { of(true) } else { Value::Null }),
    ])
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
