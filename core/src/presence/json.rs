//! Users and changes as every door writes them in JSON: the field names of the HTTP API, times as in RFC 3339.

use serde_json::{Map, Value, json};

use super::change::Change;
use super::store::{PresenceStatus, Reading};
use super::time::Wall;
use super::view::{Counts, SessionView, UserView};
use super::watch::WatchEvent;
use crate::time::format_time;

fn time(ms: Wall) -> Value {
    if ms == 0 { Value::Null } else { json!(format_time(ms as i64 * 1_000_000)) }
}

/// Leaves out what is not there.
fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Object(
        fields.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.to_owned(), v)).collect::<Map<_, _>>(),
    )
}

impl UserView {
    /// `user_id`, `space`, `status`, `message`, `last_seen`, `updated_at`, `chosen` and `invisible` where they hold,
    /// and
    /// `sessions`.
    pub fn to_json(&self) -> Value {
        object([
            ("user_id", json!(&*self.user)),
            ("space", json!(&*self.space)),
            ("status", json!(self.status)),
            ("message", json!(self.message())),
            ("last_seen", time(self.last_seen_ms)),
            ("updated_at", time(self.changed_ms)),
            ("chosen", if self.chosen { json!(true) } else { Value::Null }),
            ("invisible", if self.invisible { json!(true) } else { Value::Null }),
            ("sessions", json!(self.sessions.iter().map(session).collect::<Vec<_>>())),
        ])
    }
}

fn session(view: &SessionView) -> Value {
    let session = &view.session;
    let meta = session.meta.as_deref().and_then(|meta| serde_json::from_str(meta).ok());
    object([
        ("session", json!(&*session.id)),
        ("status", json!(view.status)),
        ("message", json!(session.message)),
        ("device", json!(session.device)),
        ("metadata", meta.unwrap_or(Value::Null)),
        ("since", time(session.since_ms)),
        ("ttl", if session.is_held() { Value::Null } else { json!(session.ttl_ms as f64 / 1_000.0) }),
        ("held", if session.is_held() { json!(true) } else { Value::Null }),
    ])
}

impl Counts {
    /// `users`, `sessions`, and how many are `online`, `away`, `busy` and `unknown`.
    pub fn to_json(&self) -> Value {
        json!(self)
    }
}

impl Reading {
    /// `users`, `as_of` and `stale`.
    pub fn to_json(&self) -> Value {
        let users: Vec<_> = self.users.iter().map(|user| user.to_json()).collect();
        json!({"users": users, "as_of": time(self.as_of_ms), "stale": self.stale})
    }
}

impl Change {
    /// `type`, `position`, `session` where it is about one, `was`, and `user`.
    pub fn to_json(&self) -> Value {
        object([
            ("type", json!(self.kind)),
            ("position", json!(self.position)),
            ("session", if self.session.is_empty() { Value::Null } else { json!(&*self.session) }),
            ("was", json!(self.was)),
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
                json!({"type": "snapshot", "position": position, "users": users})
            }
            WatchEvent::Counts(counts) => json!({"type": "counts", "counts": counts}),
            WatchEvent::View { stale, as_of_ms } => json!({"type": "view", "stale": stale, "as_of": time(*as_of_ms)}),
        }
    }
}

impl PresenceStatus {
    /// Its fields, with times as text.
    pub fn to_json(&self) -> Value {
        let nodes: Vec<_> = self
            .nodes
            .iter()
            .map(|node| {
                object([("name", json!(node.name)), ("state", json!(node.state)), ("heard", time(node.heard_ms))])
            })
            .collect();
        json!({
            "name": self.name, "node": self.node, "answered": self.answered, "stale": self.stale,
            "as_of": time(self.as_of_ms), "position": self.position, "refused": self.refused,
            "last_error": self.last_error, "nodes": nodes
        })
    }
}
