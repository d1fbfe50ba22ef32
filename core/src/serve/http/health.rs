//! For those who watch a node: whether the process lives, whether it is ready, and why not, in sentences; its metrics.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::prometheus;
use super::router::{At, working};
use crate::engine::Engine;
use crate::stream::hub_state::HubPhase;

/// What metrics are, in Prometheus's terms.
const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Whether the process works.
#[utoipa::path(get, path = "/health/liveness", tag = "health", responses(
    (status = 200, description = "It does", body = String, content_type = "text/plain"),
))]
pub(super) async fn liveness() -> &'static str {
    "alive\n"
}

/// Whether the node is ready: not while a stream is damaged or poisoned, or a hub was not reached yet.
#[utoipa::path(get, path = "/health/readiness", tag = "health", responses(
    (status = 200, description = "It is", body = String, content_type = "text/plain"),
    (status = 503, description = "A line for each reason", body = String, content_type = "text/plain"),
))]
pub(super) async fn readiness(State(at): State<At>) -> Response {
    let engine = at.engine.clone();
    let reasons = working(move || Ok(reasons(&engine))).await.unwrap_or_else(|error| vec![error.to_string()]);
    match reasons.as_slice() {
        [] => "ready\n".into_response(),
        reasons => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", reasons.join("\n"))).into_response(),
    }
}

/// What the node has done and how it stands, as Prometheus reads it.
#[utoipa::path(get, path = "/metrics", tag = "health", responses(
    (status = 200, description = "The metrics", body = String, content_type = "text/plain"),
    (status = 503, description = "Why there are none", body = String, content_type = "text/plain"),
))]
pub(super) async fn metrics(State(at): State<At>) -> Response {
    let engine = at.engine.clone();
    match working(move || engine.metrics()).await {
        Ok(metrics) => ([(header::CONTENT_TYPE, PROMETHEUS)], prometheus::text(&metrics)).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

/// Why it is not ready; nothing when it is.
fn reasons(engine: &Engine) -> Vec<String> {
    let mut reasons = damaged(engine).unwrap_or_else(|error| vec![error.to_string()]);
    let metrics = engine.metrics().unwrap_or_default();
    let poisoned = metrics.into_iter().filter(|m| m.name == "headwater_stream_poisoned" && m.value > 0.0);
    let names = poisoned.flat_map(|m| m.labels).map(|(_, name)| name);
    reasons.extend(names.map(|name| format!("stream '{name}': a sync failed, and it takes nothing more")));
    if let Ok(state) = engine.hub_state()
        && state.phase == HubPhase::Connecting
    {
        let why = if state.last_error.is_empty() { "no server answered" } else { &state.last_error };
        reasons.push(format!("the hub was not reached yet: {}", why.replace('\n', " ")));
    }
    reasons
}

/// The streams that are there and cannot be read.
fn damaged(engine: &Engine) -> crate::error::Result<Vec<String>> {
    let whole: Vec<String> = engine.streams().wait()?.into_iter().map(|info| info.config.name).collect();
    let names = engine.stream_names().wait()?;
    let damaged = names.into_iter().filter(|name| !whole.contains(name));
    Ok(damaged.map(|name| format!("stream '{name}' is damaged: headwater verify says what is missing")).collect())
}
