//! Spaces: which there are, how many are in one, and who.

use axum::extract::State;
use axum::http::Uri;
use serde_json::{Value, json};

use super::answer::{Answer, done};
use super::ask::{Asked, SpaceId};
use super::openapi::{Refusal, SpaceCountsAnswer, SpacesAnswer, UsersAnswer};
use super::router::{At, settled, working};

/// All spaces, by name, with how many are in them.
#[utoipa::path(get, path = "/api/v2/spaces", tag = "spaces", responses(
    (status = 200, description = "The spaces", body = SpacesAnswer),
    (status = "4XX", description = "Refused", body = Refusal),
))]
pub(super) async fn spaces(State(at): State<At>, uri: Uri) -> Answer {
    Asked::of(&uri, &[])?;
    let presence = at.presence()?.clone();
    let spaces = working(move || presence.spaces().wait()).await?;
    let spaces = spaces.into_iter().map(|(name, counts)| json!({"space": name, "counts": counts.to_json()}));
    Ok(done(json!({"spaces": spaces.collect::<Vec<Value>>()})))
}

/// How many are in a space.
#[utoipa::path(get, path = "/api/v2/spaces/{space}/counts", tag = "spaces",
    params(("space" = String, Path, description = "The space, 1 to 128 bytes")),
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
        ("space" = String, Path, description = "The space, 1 to 128 bytes"),
        ("limit" = Option<u32>, Query, description = "Users of a page, 1 to 10,000; 1,000 where it is not said"),
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
        let mut reading = presence.list(&space).wait()?;
        let after = asked.after.unwrap_or_default();
        let begin = reading.users.partition_point(|user| *user.user <= *after);
        let more = reading.users.len() > begin + limit;
        reading.users = reading.users.into_iter().skip(begin).take(limit).collect();
        let next = reading.users.last().filter(|_| more).map(|user| user.user.clone());
        let mut page = reading.to_json();
        if let (Some(next), Value::Object(fields)) = (next, &mut page) {
            fields.insert("next".to_owned(), Value::from(&*next));
        }
        Ok(page)
    });
    Ok(done(page.await?))
}
