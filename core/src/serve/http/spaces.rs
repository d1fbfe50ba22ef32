//! Spaces: which there are, how many are in one, and who.

use axum::extract::State;
use axum::http::Uri;
use serde_json::Value;

use super::answer::{Answer, done, object};
use super::ask::{Asked, SpaceId};
use super::openapi::{Name, Refusal, SpaceCountsAnswer, SpacesAnswer, UsersAnswer};
use super::router::{At, settled, working};
use super::users::UserBody;
use crate::presence::Counts;

/// All spaces, by name, with how many are in them.
#[utoipa::path(get, path = "/api/v2/spaces", tag = "spaces", responses(
    (status = 200, description = "The spaces", body = SpacesAnswer),
    (status = "4XX", description = "Refused", body = Refusal),
))]
pub(super) async fn spaces(State(at): State<At>, uri: Uri) -> Answer {
    Asked::of(&uri, &[])?;
    let presence = at.presence()?.clone();
    let spaces = working(move || presence.spaces().wait()).await?;
    let of = |(name, counts): (String, Counts)| object([("space", name.into()), ("counts", counts.to_json())]);
    let spaces: Vec<Value> = spaces.into_iter().map(of).collect();
    Ok(done(object([("spaces", spaces.into())])))
}

/// How many are in a space.
#[utoipa::path(get, path = "/api/v2/spaces/{space}/counts", tag = "spaces",
    params(("space" = Name, Path, description = "The space, 1 to 128 bytes")),
    responses(
        (status = 200, description = "How many users and sessions there are", body = SpaceCountsAnswer),
        (status = "4XX", description = "Refused", body = Refusal),
    ))]
pub(super) async fn counts(State(at): State<At>, SpaceId(space): SpaceId, uri: Uri) -> Answer {
    Asked::of(&uri, &[])?;
    let counts = settled(at.presence()?.counts(&space)).await?;
    Ok(done(counts.to_json()))
}

/// Who is in a space and not offline, by name, a page at a time.
#[utoipa::path(get, path = "/api/v2/spaces/{space}/users", tag = "spaces",
    params(
        ("space" = Name, Path, description = "The space, 1 to 128 bytes"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 10_000,
            description = "Users of a page, 1 to 10,000; 1,000 where it is not said"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
    ),
    responses(
        (status = 200, description = "The users, and `next` where there are more", body = UsersAnswer),
        (status = "4XX", description = "Refused", body = Refusal),
    ))]
pub(super) async fn users(State(at): State<At>, SpaceId(space): SpaceId, uri: Uri) -> Answer {
    let asked = Asked::of(&uri, &["limit", "after"])?;
    let (limit, presence) = (asked.limit()?, at.presence()?.clone());
    let page = working(move || {
        let reading = presence.list(&space).wait()?;
        let after = asked.after.unwrap_or_default();
        let begin = reading.users.partition_point(|user| *user.user <= *after);
        let shown = &reading.users[begin..(begin + limit).min(reading.users.len())];
        let users = shown.iter().map(|view| UserBody { view, node: &at.node, reading: None });
        let users = serde_json::to_value(users.collect::<Vec<_>>()).unwrap_or_default();
        let page = [("users", users), ("stale", reading.stale.into()), ("as_of", reading.as_of())];
        let has_more = begin + limit < reading.users.len();
        let next = shown.last().filter(|_| has_more).map(|user| ("next", Value::from(&*user.user)));
        Ok(object(page.into_iter().chain(next)))
    });
    Ok(done(page.await?))
}
