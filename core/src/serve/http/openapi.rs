//! The OpenAPI document: it is made of the handlers and of what they read, so it can't forget a path. What they answer
//! is told here; a test holds it together with real answers.

#![allow(
    dead_code,
    clippy::struct_field_names,
    reason = "the types are told of, and answers are made of the store's own"
)]

use serde_json::Value;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Info, OpenApi};
use utoipa::{Modify, OpenApi as _, ToSchema};

/// What every refusal is; the header `headwater-kind` has the kind of error.
#[derive(ToSchema)]
pub(super) struct Refusal {
    /// False.
    success: bool,
    /// What was wrong, for people.
    error: String,
}

/// 1 to 128 bytes of UTF-8 without control characters.
#[derive(ToSchema)]
#[schema(min_length = 1, max_length = 128, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$")]
pub(super) struct Name(String);

/// A status that a session may be set to; offline ends it.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(super) enum SessionStatus {
    Online,
    Away,
    Busy,
    Offline,
}

/// Users, each under its name.
#[derive(ToSchema)]
pub(super) struct UserAnswer {
    /// True.
    success: bool,
    /// The users by name.
    data: std::collections::BTreeMap<String, User>,
}

/// A user as the node knows it.
#[derive(ToSchema)]
pub(super) struct User {
    user_id: String,
    space: String,
    /// `online`, `away`, `busy`, `offline`, or `unknown` while the node that answers for the user is not heard.
    status: String,
    /// What the session says that counts most.
    message: Option<String>,
    /// When the user was last there, RFC 3339.
    last_seen: Option<String>,
    /// When the status changed last, RFC 3339.
    updated_at: Option<String>,
    /// The node that tells of it.
    node_id: String,
    /// How many seconds the session that counts most lives after each sign of life.
    ttl: Option<f64>,
    /// Whether the status was chosen over all sessions.
    chosen: Option<bool>,
    /// Whether others are told that the user is offline; told to those who may know.
    invisible: Option<bool>,
    /// Whether other nodes can't be heard, so that what is told of their users is as it was at `as_of`.
    stale: Option<bool>,
    /// When they were heard last, RFC 3339.
    as_of: Option<String>,
    sessions: Vec<Session>,
}

/// A session of a user.
#[derive(ToSchema)]
pub(super) struct Session {
    session: String,
    status: String,
    message: Option<String>,
    device: Option<String>,
    /// Any JSON.
    metadata: Option<Value>,
    /// When it began, RFC 3339.
    since: Option<String>,
    /// How many seconds a leased one lives after each sign of life.
    ttl: Option<f64>,
    /// It lives as long as a handle of a program.
    held: Option<bool>,
}

/// The sessions of a user.
#[derive(ToSchema)]
pub(super) struct SessionsAnswer {
    /// True.
    success: bool,
    data: Sessions,
}

#[derive(ToSchema)]
struct Sessions {
    sessions: Vec<Session>,
}

/// Until when a session lives.
#[derive(ToSchema)]
pub(super) struct LeaseAnswer {
    /// True.
    success: bool,
    data: LeaseData,
}

#[derive(ToSchema)]
struct LeaseData {
    /// RFC 3339; none for a session that a program holds.
    expires_at: Option<String>,
    /// Seconds.
    ttl: Option<f64>,
}

/// How many are in a space.
#[derive(ToSchema)]
pub(super) struct SpaceCountsAnswer {
    /// True.
    success: bool,
    data: SpaceCounts,
}

#[derive(ToSchema)]
struct SpaceCounts {
    /// Users who are not offline.
    users: u64,
    /// Their sessions.
    sessions: u64,
    online: u64,
    away: u64,
    busy: u64,
    /// Users of whom nothing is heard.
    unknown: u64,
}

/// All spaces.
#[derive(ToSchema)]
pub(super) struct SpacesAnswer {
    /// True.
    success: bool,
    data: Spaces,
}

#[derive(ToSchema)]
struct Spaces {
    spaces: Vec<Space>,
}

#[derive(ToSchema)]
struct Space {
    space: String,
    counts: SpaceCounts,
}

/// A page of users.
#[derive(ToSchema)]
pub(super) struct UsersAnswer {
    /// True.
    success: bool,
    data: Page,
}

#[derive(ToSchema)]
struct Page {
    users: Vec<User>,
    stale: bool,
    /// As of when other nodes' users are told of, RFC 3339.
    as_of: Option<String>,
    /// What `after` is for the next page; there is none behind the last.
    next: Option<String>,
}

/// How many sessions were ended.
#[derive(ToSchema)]
pub(super) struct PurgeAnswer {
    /// True.
    success: bool,
    data: Purged,
}

#[derive(ToSchema)]
struct Purged {
    ended: u64,
}

/// How the store stands.
#[derive(ToSchema)]
pub(super) struct StatusAnswer {
    /// True.
    success: bool,
    data: Standing,
}

#[derive(ToSchema)]
struct Standing {
    name: String,
    /// Who this node is in it.
    node: String,
    /// Sessions that this node answers for.
    answered: u64,
    stale: bool,
    as_of: Option<String>,
    /// The position of the last change.
    position: u64,
    /// Records of others that could not be read.
    refused: u64,
    last_error: String,
    nodes: Vec<Node>,
}

#[derive(ToSchema)]
struct Node {
    name: String,
    /// `up`, `silent` or `closed`.
    state: String,
    heard: Option<String>,
}

#[derive(utoipa::OpenApi)]
#[openapi(modifiers(&Bearer))]
struct Root;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, api: &mut OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = api.components.get_or_insert_with(Components::new);
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The document, with no path yet.
pub(super) fn root() -> OpenApi {
    let mut root = Root::openapi();
    root.info = Info::new("Headwater", env!("CARGO_PKG_VERSION"));
    root.info.description = Some("Who is here: presence of users, by a node of Headwater (docs/http.md).".to_owned());
    root
}
