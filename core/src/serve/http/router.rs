//! The one router: what a binary serves is what the tests ask. Before a handler there is the gate (`gate.rs`).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{Answer, Refused, done};
use super::ask::Asked;
use super::openapi::{Refusal, StatusAnswer};
use super::state::Door;
use super::token::Caller;
use super::users::Users;
use super::{gate, health, openapi, page, sessions, spaces, users, watch};
use crate::error::{Error, ErrorKind, Result};
use crate::pending::Pending;
use crate::presence::{Presence, UserView};

/// How long an operation may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The door that a request is at.
pub(super) type At = Arc<Door>;

/// Who asks; nobody without a token.
#[derive(Debug, Clone, Default)]
pub(super) struct Whom(pub(super) Option<Caller>);

impl<S: Send + Sync> FromRequestParts<S> for Whom {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> std::result::Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Whom>().cloned().unwrap_or_default())
    }
}

impl Whom {
    /// Whether it may know of a user what others may not.
    pub(super) fn knows(&self, user: &str) -> bool {
        self.0.as_ref().is_some_and(|caller| caller.is_for(user))
    }

    fn caller(&self, at: &Door) -> std::result::Result<&Caller, Refused> {
        self.0.as_ref().ok_or_else(|| {
            if at.takes_tokens() {
                Refused::unknown("this needs a token: Authorization: Bearer <token>")
            } else {
                Refused::forbidden("this node takes no writes over HTTP: its configuration has no [auth]")
            }
        })
    }

    /// Refuses who is neither the user nor an administrator.
    pub(super) fn may_write(&self, at: &Door, user: &str) -> std::result::Result<(), Refused> {
        if self.caller(at)?.is_for(user) {
            return Ok(());
        }
        Err(Refused::forbidden("the token's subject is not this user, and its scope is not presence:admin"))
    }

    /// Refuses who is no administrator.
    pub(super) fn may_do_everything(&self, at: &Door) -> std::result::Result<(), Refused> {
        if self.caller(at)?.is_admin {
            return Ok(());
        }
        Err(Refused::forbidden("this needs a token whose scope is presence:admin"))
    }
}

impl Door {
    /// The store; refused where the node keeps none.
    pub(super) fn presence(&self) -> std::result::Result<&Presence, Refused> {
        let missing = "this node keeps no presence store: its configuration has no [presence]";
        self.presence.as_ref().ok_or_else(|| Refused::not_found(missing))
    }

    /// The answer that is one user, under its name.
    pub(super) fn one(&self, view: &Arc<UserView>) -> Response {
        done(Users { views: std::slice::from_ref(view), node: &self.node, reading: None })
    }
}

/// What an operation comes to, in bounded time.
pub(super) async fn settled<T: Send>(pending: Pending<T>) -> Result<T> {
    let late = |_| Error::new(ErrorKind::Timeout, format!("it took more than {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, pending).await.map_err(late)?
}

/// What work comes to that may wait for a disk or is long: it has a thread of its own.
pub(super) async fn working<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let late = |_| Error::new(ErrorKind::Timeout, format!("it took more than {} s", PATIENCE.as_secs()));
    let ended = tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(work)).await.map_err(late)?;
    ended.map_err(|_| Error::new(ErrorKind::Internal, "it panicked"))?
}

/// How the store stands, and which nodes share it.
#[utoipa::path(get, path = "/api/v2/status", tag = "spaces", responses(
    (status = 200, description = "The store and its nodes", body = StatusAnswer),
    (status = "4XX", description = "Refused", body = Refusal),
))]
async fn status(State(at): State<At>, uri: Uri) -> Answer {
    Asked::of(&uri, &[])?;
    Ok(done(settled(at.presence()?.status()).await?.to_json()))
}

/// The routes with their document.
fn routes() -> OpenApiRouter<At> {
    OpenApiRouter::with_openapi(openapi::root())
        .routes(routes!(users::get_many))
        .routes(routes!(users::get, users::put, sessions::leave))
        .routes(routes!(users::batch))
        .routes(routes!(sessions::sessions))
        .routes(routes!(sessions::heartbeat))
        .routes(routes!(sessions::choose))
        .routes(routes!(sessions::purge))
        .routes(routes!(spaces::spaces))
        .routes(routes!(spaces::counts))
        .routes(routes!(spaces::users))
        .routes(routes!(watch::watch))
        .routes(routes!(status))
        .routes(routes!(health::liveness))
        .routes(routes!(health::readiness))
        .routes(routes!(health::metrics))
        // The user 'batch' has the path of a route.
        .route("/api/v2/presence/batch", get(users::get).put(users::put).delete(sessions::leave))
}

/// Everything that the door answers.
pub(super) fn router(door: &At) -> Router {
    let (router, document) = routes().split_for_parts();
    let document = Arc::new(document);
    let served = move || {
        let document = Arc::clone(&document);
        async move { Json(&*document).into_response() }
    };
    router
        .route("/api/openapi.json", get(served))
        .merge(page::routes())
        .fallback(|| async {
            Refused::not_found("there is no such path: /api/openapi.json names those that there are")
        })
        .method_not_allowed_fallback(|| async { Refused::method() })
        .layer(middleware::from_fn_with_state(Arc::clone(door), gate::admit))
        .layer(middleware::map_response(careful))
        .with_state(Arc::clone(door))
}

/// What every answer says to browsers and caches.
async fn careful(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
