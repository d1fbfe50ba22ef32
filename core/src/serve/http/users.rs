//! Users: what they are, one or many, and what they say that they are.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Uri;
use serde::Deserialize;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use utoipa::ToSchema;

use super::answer::{Answer, Refused, done};
use super::ask::{Asked, BATCH_BYTES_MAX, BODY_BYTES_MAX, SPACE, UserId, json, seconds, session, status};
use super::openapi::{Name, Refusal, SessionStatus, UserAnswer};
use super::router::{At, Whom, settled, working};
use crate::presence::{Reading, SessionSet, UserView};

/// What a session of a user is to be. It is set as a whole.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetBody {
    /// `online`, `away`, `busy`, or `offline`, which ends the session.
    #[schema(value_type = SessionStatus)]
    status: String,
    /// What it says besides, up to 1,024 bytes.
    #[schema(max_length = 1024)]
    message: Option<String>,
    /// How many seconds it lives after each sign of life, 1 to 86,400; the store's own where it is not said.
    #[schema(minimum = 1, maximum = 86_400)]
    ttl: Option<f64>,
    /// The session, 1 to 128 bytes; `default` where it is not said.
    #[schema(value_type = Option<Name>)]
    session: Option<String>,
    /// The kind of device, up to 64 bytes.
    #[schema(max_length = 64)]
    device: Option<String>,
    /// Any JSON, up to 4,096 bytes.
    metadata: Option<Value>,
    /// After how many seconds without activity online is away; 0 is never.
    #[schema(minimum = 0)]
    idle: Option<f64>,
    /// The space; `default` where it is not said.
    #[schema(value_type = Option<Name>)]
    space: Option<String>,
}

/// Whom to look up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BatchBody {
    /// The users, 1,000 at the most.
    #[schema(value_type = Vec<Name>, max_items = 1000)]
    user_ids: Vec<String>,
    /// The space; `default` where it is not said.
    #[schema(value_type = Option<Name>)]
    space: Option<String>,
}

/// A user; one who was never there is offline.
#[utoipa::path(get, path = "/api/v2/presence/{user_id}", tag = "users",
    params(
        ("user_id" = Name, Path, description = "The user, 1 to 128 bytes"),
        ("space" = Option<Name>, Query, description = "The space; `default` where it is not said"),
    ),
    responses(
        (status = 200, description = "The user, under its name", body = UserAnswer),
        (status = "4XX", description = "Refused", body = Refusal),
    ))]
pub(super) async fn get(State(at): State<At>, whom: Whom, UserId(user): UserId, uri: Uri) -> Answer {
    let asked = Asked::of(&uri, &["space"])?;
    look_up(&at, &whom, asked.space(), vec![user]).await
}

/// Users by name.
#[utoipa::path(get, path = "/api/v2/presence", tag = "users",
    params(
        ("users" = Option<String>, Query, description = "The users, with commas between, 1,000 at the most"),
        ("user" = Option<Vec<Name>>, Query, description = "One user whose name may have a comma; it may come again"),
        ("space" = Option<Name>, Query, description = "The space; `default` where it is not said"),
    ),
    responses(
        (status = 200, description = "The users, each under its name", body = UserAnswer),
        (status = "4XX", description = "Refused", body = Refusal),
    ))]
pub(super) async fn get_many(State(at): State<At>, whom: Whom, uri: Uri) -> Answer {
    let asked = Asked::of(&uri, &["users", "user", "space"])?;
    if asked.users.is_empty() {
        return Err(Refused::invalid("users names nobody: write users=alice,bob"));
    }
    look_up(&at, &whom, asked.space(), asked.users.clone()).await
}

/// Users by name, when they are many or their names have commas.
#[utoipa::path(post, path = "/api/v2/presence/batch", tag = "users", request_body = BatchBody, responses(
    (status = 200, description = "The users, each under its name", body = UserAnswer),
    (status = "4XX", description = "Refused", body = Refusal),
))]
pub(super) async fn batch(State(at): State<At>, whom: Whom, body: Body) -> Answer {
    let batch: BatchBody = json(body, BATCH_BYTES_MAX).await?;
    look_up(&at, &whom, batch.space.as_deref().unwrap_or(SPACE), batch.user_ids).await
}

/// Sets a session of a user, which lives until its time to live passed without a sign of life. Setting it again is one.
#[utoipa::path(put, path = "/api/v2/presence/{user_id}", tag = "users", request_body = SetBody,
    params(("user_id" = Name, Path, description = "The user, 1 to 128 bytes")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The user, under its name", body = UserAnswer),
        (status = "4XX", description = "Refused", body = Refusal),
    ))]
pub(super) async fn put(State(at): State<At>, whom: Whom, UserId(user): UserId, uri: Uri, body: Body) -> Answer {
    let asked = Asked::of(&uri, &["space"])?;
    let presence = at.presence()?;
    whom.may_write(&at, &user)?;
    let body: SetBody = json(body, BODY_BYTES_MAX).await?;
    let set = SessionSet {
        session: session(body.session),
        status: status(&body.status)?,
        message: body.message,
        device: body.device,
        meta: body.metadata.map(|value| value.to_string()),
        ttl: body.ttl.map(|ttl| seconds("ttl", ttl)).transpose()?,
        idle: body.idle.map(|idle| seconds("idle", idle)).transpose()?,
    };
    let space = body.space.as_deref().unwrap_or(asked.space());
    let view = settled(presence.set(space, &user, set)).await?;
    Ok(at.one(&view))
}

/// Looks users up; who may not know of one who is invisible is told what others are.
async fn look_up(at: &At, whom: &Whom, space: &str, users: Vec<String>) -> Answer {
    let presence = at.presence()?;
    let names: Vec<_> = users.iter().map(String::as_str).collect();
    let reading = if let Some(reading) = presence.told(space, &names) {
        reading
    } else {
        let (presence, space) = (presence.clone(), space.to_owned());
        working(move || {
            let names: Vec<_> = users.iter().map(String::as_str).collect();
            presence.get_many(&space, &names).wait()
        })
        .await?
    };
    let told = reading.users.iter().map(|view| if whom.knows(&view.user) { Arc::clone(view) } else { view.public() });
    let mut told: Vec<_> = told.collect();
    // Who is asked for twice is told once.
    told.sort_by(|a, b| a.user.cmp(&b.user));
    told.dedup_by(|a, b| a.user == b.user);
    Ok(done(Users { views: &told, node: &at.node, reading: Some(&reading) }))
}

/// Users as the HTTP API tells of them, each under its name.
pub(super) struct Users<'a> {
    pub(super) views: &'a [Arc<UserView>],
    pub(super) node: &'a str,
    pub(super) reading: Option<&'a Reading>,
}

impl Serialize for Users<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let user = |view| UserBody { view, node: self.node, reading: self.reading };
        to.collect_map(self.views.iter().map(|view| (&*view.user, user(view))))
    }
}

/// A user with what the HTTP API has besides what every door tells.
pub(super) struct UserBody<'a> {
    pub(super) view: &'a UserView,
    pub(super) node: &'a str,
    pub(super) reading: Option<&'a Reading>,
}

impl Serialize for UserBody<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        self.view.write_fields(&mut map)?;
        map.serialize_entry("node_id", self.node)?;
        if let Some(ttl) = self.view.top().and_then(|top| top.session.ttl()) {
            match ttl.subsec_nanos() {
                0 => map.serialize_entry("ttl", &ttl.as_secs())?,
                _ => map.serialize_entry("ttl", &ttl.as_secs_f64())?,
            }
        }
        if let Some(reading) = self.reading {
            map.serialize_entry("stale", &reading.stale)?;
            if reading.stale {
                map.serialize_entry("as_of", &reading.as_of())?;
            }
        }
        map.end()
    }
}
