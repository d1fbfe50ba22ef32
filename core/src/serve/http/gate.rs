//! What a request passes before its handler: how often its address asks, which pages may ask (CORS), whose token it
//! brings, and how often that one asks.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use super::answer::Refused;
use super::ask::{Asked, bearer};
use super::rates::Who;
use super::router::{At, Whom};
use super::state::{Door, Rules, Turned};

/// What needs a token where reads do, and where a bad one is refused.
const GUARDED: &str = "/api/v2/";
/// What pages may send.
const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, PUT, POST, DELETE");
const ALLOWED_HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type, last-event-id");
/// What of an answer pages may read besides its body.
const EXPOSED: HeaderValue = HeaderValue::from_static("headwater-kind, retry-after");
/// For how many seconds browsers need not ask again whether they may.
const PREFLIGHT_SECS: HeaderValue = HeaderValue::from_static("600");

/// Lets a request in, or says why not.
pub(super) async fn admit(State(door): State<At>, mut request: Request, next: Next) -> Response {
    door.counts.request();
    let rules = door.rules();
    let allowed = allowed_origin(&rules, request.headers());
    let is_asked = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match address(&door, &rules, &request) {
        Err(refused) => refused.into_response(),
        Ok(()) if allowed.is_some() && is_asked && request.method() == Method::OPTIONS => preflight(),
        Ok(()) if request.uri().path().starts_with(GUARDED) => match whom(&door, &rules, &request) {
            Ok(whom) => {
                request.extensions_mut().insert(whom);
                next.run(request).await
            }
            Err(refused) => refused.into_response(),
        },
        Ok(()) => next.run(request).await,
    };
    if !rules.origins.is_empty() {
        response.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
    }
    if let Some(origin) = allowed {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    response
}

fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECS),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// What a page of this origin is told; nothing where it may not read the answer.
fn allowed_origin(rules: &Rules, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    if rules.origins.iter().any(|known| known == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    rules.origins.iter().any(|known| known.as_bytes() == origin.as_bytes()).then(|| origin.clone())
}

/// Whether a page may open a WebSocket, which browsers let it do whatever its origin is: a page of this node, one of
/// the origins that may call, or a program that is no page.
pub(super) fn may_connect(rules: &Rules, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    own.is_some() && own == host || allowed_origin(rules, headers).is_some()
}

fn limited(door: &Door, rules: &Rules, who: Who) -> Result<(), Refused> {
    door.rates.take(who, rules.rate, Instant::now()).map_err(|after| {
        door.counts.turned(Turned::Rate);
        Refused::too_often(after)
    })
}

fn address(door: &Door, rules: &Rules, request: &Request) -> Result<(), Refused> {
    match request.extensions().get::<ConnectInfo<SocketAddr>>() {
        Some(ConnectInfo(from)) => limited(door, rules, Who::address(from.ip())),
        None => Ok(()),
    }
}

/// Who asks.
fn whom(door: &Door, rules: &Rules, request: &Request) -> Result<Whom, Refused> {
    let Some(verifier) = &rules.verifier else { return Ok(Whom(None)) };
    let turned = |refused| {
        door.counts.turned(Turned::Token);
        refused
    };
    if let Some((level, line)) = verifier.renew() {
        door.engine.log(level, line);
    }
    // Pages can't give a WebSocket or an event source a header.
    let is_watch = request.uri().path().ends_with("/watch");
    let asked = is_watch.then(|| Asked::token_of(request.uri())).flatten();
    match bearer(request.headers()).map_err(turned)?.or(asked.as_deref()) {
        Some(token) => {
            let caller = verifier.verify(token).map_err(|what| turned(Refused::unknown(what)))?;
            limited(door, rules, Who::subject(&caller.subject))?;
            Ok(Whom(Some(caller)))
        }
        None if verifier.guards_reads() => {
            Err(turned(Refused::unknown("reads need a token here: Authorization: Bearer <token>")))
        }
        None => Ok(Whom(None)),
    }
}
