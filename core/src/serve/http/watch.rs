//! Following users as things happen: by server-sent events, or by a WebSocket where the request asks for one. Each
//! event is one JSON object; who reads too slowly is told everything anew by the store, and is cut off when nothing of
//! it goes out for a while (`line.rs`).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderMap, Uri, header};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use super::answer::{Answer, Refused};
use super::ask::{Asked, SpaceId, number};
use super::gate::may_connect;
use super::openapi::{Name, Refusal};
use super::router::{At, Whom};
use super::state::Turned;
use crate::presence::{PresenceWatcher, WatchEvent, WatchOptions};

/// Events that are taken at once.
const AT_ONCE: usize = 64;
/// After so long without an event something is said, so that both ends know of each other.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// After so long without a word a WebSocket is over.
const SILENCE: Duration = Duration::from_secs(60);
/// How long the end of a WebSocket may take.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);
/// The most bytes of what who follows sends.
const MESSAGE_BYTES_MAX: usize = 4 << 10;

/// Who follows, its place, and until when it may.
struct Follower {
    watcher: PresenceWatcher,
    closing: tokio::sync::watch::Receiver<bool>,
    until: Option<Instant>,
    _place: OwnedSemaphorePermit,
}

/// An event as it goes out.
struct Told {
    kind: String,
    /// Behind which one goes on.
    position: Option<u64>,
    text: String,
}

/// Who is there, then each change: server-sent events, or a WebSocket.
#[utoipa::path(get, path = "/api/v2/spaces/{space}/watch", tag = "spaces",
    params(
        ("space" = Name, Path, description = "The space, 1 to 128 bytes"),
        ("users" = Option<String>, Query, description = "The users, with commas between; all where it is not said"),
        ("user" = Option<Vec<Name>>, Query, description = "One user whose name may have a comma; it may come again"),
        ("after" = Option<u64>, Query, description = "Go on behind this position; `Last-Event-ID` says it too"),
        ("access_token" = Option<String>, Query, description = "The token, for who can't set a header"),
    ),
    responses(
        (status = 101, description = "A WebSocket with one event in each text message"),
        (status = 200, description = "Events of type snapshot, joined, updated, left, counts or view, as JSON",
            content_type = "text/event-stream", body = String),
        (status = "4XX", description = "Refused", body = Refusal),
        (status = 503, description = "As many follow as may", body = Refusal),
    ))]
pub(super) async fn watch(
    State(at): State<At>,
    whom: Whom,
    SpaceId(space): SpaceId,
    uri: Uri,
    headers: HeaderMap,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Answer {
    let asked = Asked::of(&uri, &["users", "user", "after", "access_token"])?;
    let follower = follow(&at, &whom, space, asked, &headers)?;
    if headers.contains_key(header::UPGRADE) {
        if !may_connect(&at.rules(), &headers) {
            return Err(Refused::forbidden("pages of this origin may not follow: see [http] cors_origins"));
        }
        let socket = socket.map_err(|e| Refused::invalid(e.body_text()))?;
        let socket = socket.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX);
        return Ok(socket.on_upgrade(|socket| serve(socket, follower)));
    }
    let events = stream::unfold((follower, VecDeque::new()), |(mut follower, mut waiting)| async move {
        while waiting.is_empty() {
            waiting = follower.next().await?;
        }
        let told: Told = waiting.pop_front()?;
        let event = match told.position {
            Some(position) => Event::default().id(position.to_string()),
            None => Event::default(),
        };
        Some((Ok::<_, Infallible>(event.event(told.kind).data(told.text)), (follower, waiting)))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEPALIVE)).into_response())
}

fn follow(at: &At, whom: &Whom, space: String, asked: Asked, headers: &HeaderMap) -> Result<Follower, Refused> {
    let presence = at.presence()?;
    // What the browser says of itself when it comes back is newer than the address.
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned).or(asked.after);
    let after = last.map(|last| number("after", &last)).transpose()?;
    let reveal = match asked.users.as_slice() {
        [] => whom.0.as_ref().is_some_and(|caller| caller.is_admin),
        users => users.iter().all(|user| whom.knows(user)),
    };
    let place = std::sync::Arc::clone(&at.watchers).try_acquire_owned().map_err(|_| {
        at.counts.turned(Turned::Watchers);
        Refused::full("as many follow as may: see [http] watchers_max")
    })?;
    let watcher = presence.watch(WatchOptions { space, users: asked.users, after, reveal })?;
    let needs_token = reveal || at.rules().verifier.as_ref().is_some_and(super::token::Verifier::guards_reads);
    let until = whom.0.as_ref().filter(|_| needs_token).map(|caller| Instant::now() + caller.left());
    Ok(Follower { watcher, closing: at.closing.clone(), until, _place: place })
}

impl Follower {
    /// What comes next; `None` when it is over: the door or the store closes, or the token is over.
    async fn next(&mut self) -> Option<VecDeque<Told>> {
        let over = async {
            match self.until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        let events = tokio::select! {
            events = self.watcher.next(AT_ONCE) => events.ok()?,
            _ = self.closing.wait_for(|closing| *closing) => return None,
            () = over => return None,
        };
        Some(events.iter().map(told).collect())
    }
}

fn told(event: &WatchEvent) -> Told {
    let json = event.to_json();
    let position = match event {
        WatchEvent::Change(change) => Some(change.position),
        WatchEvent::Snapshot { position, .. } => Some(*position),
        WatchEvent::Counts(_) | WatchEvent::View { .. } => None,
    };
    let kind = json.get("type").and_then(Value::as_str).unwrap_or("message").to_owned();
    Told { kind, position, text: json.to_string() }
}

/// Serves a WebSocket to its end.
async fn serve(mut socket: WebSocket, mut follower: Follower) {
    let (mut heard, mut beat) = (Instant::now(), tokio::time::interval(KEEPALIVE));
    loop {
        tokio::select! {
            events = follower.next() => {
                let Some(events) = events else { break };
                for told in events {
                    if socket.send(Message::Text(told.text.into())).await.is_err() {
                        return;
                    }
                }
            }
            message = socket.recv() => match message {
                // What is said there is no business of the node; that something is said is a sign of life.
                Some(Ok(_)) => heard = Instant::now(),
                _ => return,
            },
            _ = beat.tick() => {
                if heard.elapsed() > SILENCE || socket.send(Message::Ping(Vec::new().into())).await.is_err() {
                    return;
                }
            }
        }
    }
    let frame = CloseFrame { code: close_code::AWAY, reason: "the node or the token is over".into() };
    let _ = timeout(CLOSE_PATIENCE, socket.send(Message::Close(Some(frame)))).await;
}
