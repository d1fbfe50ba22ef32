//! Sessions of a user: which there are, signs of life, the end of one, and what the user chooses over all of them.

use axum::body::Body;
use axum::extract::State;
use axum::http::Uri;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::answer::{Answer, Refused, done, object};
use super::ask::{Asked, BODY_BYTES_MAX, SPACE, UserId, json, seconds, session, status};
use super::openapi::{LeaseAnswer, Name, PurgeAnswer, Refusal, SessionStatus, SessionsAnswer, UserAnswer};
use super::router::{At, Whom, settled, working};
use crate::presence::Purge;

/// Which session lives.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HeartbeatBody {
    /// The session; `default` where it is not said.
    #[schema(value_type = Option<Name>)]
    session: Option<String>,
    /// Somebody did something there, so that online is not away.
    #[serde(default)]
    active: bool,
    /// The space; `default` where it is not said.
    #[schema(value_type = Option<Name>)]
    space: Option<String>,
}

/// What a user chooses over all sessions.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChoiceBody {
    /// The status; null is what the sessions say.
    #[schema(value_type = Option<SessionStatus>)]
    status: Option<String>,
    /// For how many seconds; until it is changed where it is not said.
    #[schema(minimum = 0)]
    ttl: Option<f64>,
    /// Whether others are told that the user is offline; as it was where it is not said.
    invisible: Option<bool>,
    /// The space; `default` where it is not said.
    #[schema(value_type = Option<Name>)]
    space: Option<String>,
}

/// Whose sessions are to be over: of a user, a space or a node, one at the least.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PurgeBody {
    /// In this space only.
    #[schema(value_type = Option<Name>)]
    space: Option<String>,
    /// Of this user only.
    #[schema(value_type = Option<Name>)]
    user_id: Option<String>,
    /// Of those that this node answers for only.
    node: Option<String>,
}

/// The sessions of a user that are live, or not heard of for a moment.
#[utoipa::path(get, path = "/api/v2/presence/{user_id}/sessions", tag = "sessions",
    params(
        ("user_id" = Name, Path, description = "The user, 1 to 128 bytes"),
        ("space" = Option<Name>, Query, description = "The space; `default` where it is not said"),
    ),
    responses(
        (status = 200, description = "The sessions, by name", body = SessionsAnswer),
        (status = "4XX", description = "Refused", body = Refusal),
    ))]
pub(super) async fn sessions(State(at): State<At>, whom: Whom, UserId(user): UserId, uri: Uri) -> Answer {
    let asked = Asked::of(&uri, &["space"])?;
    let view = settled(at.presence()?.get(asked.space(), &user)).await?;
    let view = if whom.knows(&user) { view } else { view.public() };
    let mut user = view.to_json();
    let sessions = user.get_mut("sessions").map(Value::take).unwrap_or_default();
    Ok(done(object([("sessions", sessions)])))
}

/// A sign of life of a session.
#[utoipa::path(post, path = "/api/v2/presence/{user_id}/heartbeat", tag = "sessions", request_body = HeartbeatBody,
    params(("user_id" = Name, Path, description = "The user, 1 to 128 bytes")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Until when it lives now", body = LeaseAnswer),
        (status = 404, description = "This node does not answer for it any more: set it", body = Refusal),
        (status = "4XX", description = "Refused", body = Refusal),
    ))]
pub(super) async fn heartbeat(State(at): State<At>, whom: Whom, UserId(user): UserId, body: Body) -> Answer {
    let presence = at.presence()?;
    whom.may_write(&at, &user)?;
    let body: HeartbeatBody = json(body, BODY_BYTES_MAX).await?;
    let session = session(body.session);
    let space = body.space.as_deref().unwrap_or(SPACE);
    let lease = settled(presence.heartbeat(space, &user, &session, body.active)).await?;
    Ok(done(lease.to_json()))
}

/// Ends a session, whichever node answers for it. One that is not there is nothing.
#[utoipa::path(delete, path = "/api/v2/presence/{user_id}", tag = "sessions",
    params(
        ("user_id" = Name, Path, description = "The user, 1 to 128 bytes"),
        ("session" = Option<Name>, Query, description = "The session; `default` where it is not said"),
        ("space" = Option<Name>, Query, description = "The space; `default` where it is not said"),
    ),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The user, under its name", body = UserAnswer),
        (status = "4XX", description = "Refused", body = Refusal),
    ))]
pub(super) async fn leave(State(at): State<At>, whom: Whom, UserId(user): UserId, uri: Uri) -> Answer {
    let asked = Asked::of(&uri, &["space", "session"])?;
    let presence = at.presence()?;
    whom.may_write(&at, &user)?;
    let session = session(asked.session.clone());
    let view = settled(presence.leave(asked.space(), &user, &session)).await?;
    Ok(at.one(&view))
}

/// Chooses a status over all sessions of a user who is there, and whether others know of it.
#[utoipa::path(put, path = "/api/v2/presence/{user_id}/choice", tag = "sessions", request_body = ChoiceBody,
    params(("user_id" = Name, Path, description = "The user, 1 to 128 bytes")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The user, under its name", body = UserAnswer),
        (status = "4XX", description = "Refused", body = Refusal),
    ))]
pub(super) async fn choose(State(at): State<At>, whom: Whom, UserId(user): UserId, body: Body) -> Answer {
    let presence = at.presence()?;
    whom.may_write(&at, &user)?;
    let body: ChoiceBody = json(body, BODY_BYTES_MAX).await?;
    let chosen = body.status.as_deref().map(status).transpose()?;
    let how_long = body.ttl.map(|ttl| seconds("ttl", ttl)).transpose()?;
    let space = body.space.as_deref().unwrap_or(SPACE);
    let mut view = settled(presence.choose(space, &user, chosen, how_long)).await?;
    if let Some(on) = body.invisible {
        view = settled(presence.hide(space, &user, on)).await?;
    }
    Ok(at.one(&view))
}

/// Ends sessions whichever node answers for them. It needs the scope `presence:admin`.
#[utoipa::path(post, path = "/api/v2/purge", tag = "sessions", request_body = PurgeBody,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "How many were ended", body = PurgeAnswer),
        (status = "4XX", description = "Refused", body = Refusal),
    ))]
pub(super) async fn purge(State(at): State<At>, whom: Whom, body: Body) -> Answer {
    let presence = at.presence()?.clone();
    whom.may_do_everything(&at)?;
    let body: PurgeBody = json(body, BODY_BYTES_MAX).await?;
    if body.space.is_none() && body.user_id.is_none() && body.node.is_none() {
        return Err(Refused::invalid("it names no user_id, space or node"));
    }
    let purge = Purge { space: body.space, user: body.user_id, node: body.node };
    let ended = working(move || presence.purge(purge).wait()).await?;
    Ok(done(object([("ended", ended.into())])))
}
