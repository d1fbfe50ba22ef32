//! What is asked: names in the path, parameters behind it, a JSON body; each within its bounds, and whatever is not
//! known is refused by name.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Query, RawPathParams};
use axum::http::request::Parts;
use axum::http::{Uri, header};
use serde::de::DeserializeOwned;

use super::answer::Refused;
use crate::presence::{SessionSet, Status};

/// The most bytes of a body that is about one user.
pub(super) const BODY_BYTES_MAX: usize = 64 << 10;
/// The most bytes of a body that names many.
pub(super) const BATCH_BYTES_MAX: usize = 1 << 20;
/// How long a body may take to come.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
/// The space where none is named.
pub(super) const SPACE: &str = "default";
/// A user whose path is another route's too.
const BATCH: &str = "batch";
/// The most users of one page of a list, and how many it has where nobody says.
const PAGE: (usize, usize) = (10_000, 1_000);

/// The user in the path.
pub(super) struct UserId(pub(super) String);
/// The space in the path.
pub(super) struct SpaceId(pub(super) String);

/// A name in the path, with its `%` escapes resolved.
async fn named<S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> Result<Option<String>, Refused> {
    let params = RawPathParams::from_request_parts(parts, state).await;
    let params = params.map_err(|_| Refused::invalid("the path is no UTF-8"))?;
    Ok(params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned()))
}

impl<S: Send + Sync> FromRequestParts<S> for UserId {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        // The one path of a user without a parameter is that of the user 'batch'.
        Ok(UserId(named(parts, state, "user_id").await?.unwrap_or_else(|| BATCH.to_owned())))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SpaceId {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        Ok(SpaceId(named(parts, state, "space").await?.unwrap_or_else(|| SPACE.to_owned())))
    }
}

/// The parameters behind a path.
#[derive(Debug, Default)]
pub(super) struct Asked {
    space: Option<String>,
    /// Users, by `users=a,b` and by `user=` for each, which may have a comma in it.
    pub(super) users: Vec<String>,
    pub(super) session: Option<String>,
    pub(super) after: Option<String>,
    limit: Option<usize>,
}

impl Asked {
    /// Reads them; only those that are known here are taken.
    pub(super) fn of(uri: &Uri, known: &[&str]) -> Result<Asked, Refused> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
        let Query(pairs) = pairs.map_err(|e| Refused::invalid(e.body_text()))?;
        let mut asked = Asked::default();
        for (key, value) in pairs {
            if !known.contains(&key.as_str()) {
                let (key, known) = (key.chars().take(64).collect::<String>(), known.join(", "));
                return Err(Refused::invalid(format!(
                    "there is no parameter '{}'; there is {known}",
                    key.escape_debug()
                )));
            }
            match key.as_str() {
                "space" => asked.space = Some(value),
                "users" => {
                    let users = value.split(',').map(str::trim).filter(|user| !user.is_empty());
                    asked.users.extend(users.map(str::to_owned));
                }
                "user" => asked.users.push(value),
                "session" => asked.session = Some(value),
                "after" => asked.after = Some(value),
                "limit" => asked.limit = Some(number("limit", &value)? as usize),
                "access_token" => {}
                other => return Err(Refused::invalid(format!("there is no parameter '{other}'"))),
            }
        }
        Ok(asked)
    }

    /// The token among them, whatever else is there.
    pub(super) fn token_of(uri: &Uri) -> Option<String> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
        pairs.into_iter().find(|(key, _)| key == "access_token").map(|(_, token)| token)
    }

    pub(super) fn space(&self) -> &str {
        self.space.as_deref().unwrap_or(SPACE)
    }

    /// How many users a page may have.
    pub(super) fn limit(&self) -> Result<usize, Refused> {
        let (most, otherwise) = PAGE;
        match self.limit.unwrap_or(otherwise) {
            limit if (1..=most).contains(&limit) => Ok(limit),
            limit => Err(Refused::invalid(format!("limit is 1 to {most}, and this one is {limit}"))),
        }
    }
}

/// A whole number.
pub(super) fn number(what: &str, text: &str) -> Result<u64, Refused> {
    text.parse().map_err(|_| {
        let text: String = text.chars().take(32).collect();
        Refused::invalid(format!("{what} is a whole number, and not '{}'", text.escape_debug()))
    })
}

/// A body as JSON, whatever kind it says that it is.
pub(super) async fn json<T: DeserializeOwned>(body: Body, max: usize) -> Result<T, Refused> {
    let read = tokio::time::timeout(BODY_PATIENCE, to_bytes(body, max)).await;
    let bytes = read.map_err(|_| Refused::too_slow(BODY_PATIENCE))?.map_err(|_| Refused::too_large(max))?;
    serde_json::from_slice(&bytes).map_err(|e| Refused::invalid(format!("the body: {e}")))
}

/// A session by its name; the default one where none is named.
pub(super) fn session(named: Option<String>) -> String {
    named.unwrap_or_else(|| SessionSet::default().session)
}

/// A status by its name.
pub(super) fn status(name: &str) -> Result<Status, Refused> {
    Ok(name.parse()?)
}

/// A number of seconds; the store has bounds of its own.
pub(super) fn seconds(what: &str, seconds: f64) -> Result<Duration, Refused> {
    let time = Duration::try_from_secs_f64(seconds);
    time.map_err(|_| Refused::invalid(format!("{what} is a number of seconds, and not {seconds}")))
}

/// The token of a request: behind `Bearer`, by RFC 6750.
pub(super) fn bearer(parts: &axum::http::HeaderMap) -> Result<Option<&str>, Refused> {
    let Some(value) = parts.get(header::AUTHORIZATION) else { return Ok(None) };
    let wrong = || Refused::unknown("Authorization is the word Bearer and a token");
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(wrong)?;
    if !scheme.eq_ignore_ascii_case("bearer") { Err(wrong()) } else { Ok(Some(token.trim())) }
}
