//! Users, counts and changes, for people and for machines.

use headwater::presence::{Counts, PresenceStatus, PresenceWatcher, Reading, UserView, WatchEvent};
use serde_json::json;

use crate::failure::Done;
use crate::place::Place;
use crate::time::show_commit_time;
use crate::units::show_number;

/// Events that are taken at once.
const AT_ONCE: usize = 256;

pub(super) fn user(place: &Place, user: &UserView) -> Done {
    let mut out = place.output();
    out.either(&user.to_json(), || line(user))?;
    out.flush()
}

pub(super) fn reading(place: &Place, reading: &Reading) -> Done {
    let mut out = place.output();
    if out.is_json() {
        out.either(&reading.to_json(), String::new)?;
        return out.flush();
    }
    if reading.stale {
        out.text(format!("as of {}: other nodes can't be heard", time(reading.as_of_ms)))?;
    }
    for user in &reading.users {
        out.text(line(user))?;
    }
    out.flush()
}

pub(super) fn counts(place: &Place, counts: Counts) -> Done {
    let mut out = place.output();
    out.either(&counts.to_json(), || {
        format!(
            "{} with {}: {} online, {} away, {} busy, {} unknown",
            show_number(counts.users, "user"),
            show_number(counts.sessions, "session"),
            counts.online,
            counts.away,
            counts.busy,
            counts.unknown
        )
    })?;
    out.flush()
}

pub(super) fn purged(place: &Place, ended: u64) -> Done {
    let mut out = place.output();
    out.either(&json!({"ended": ended}), || format!("ended {}", show_number(ended, "session")))?;
    out.flush()
}

pub(super) fn status(place: &Place, status: &PresenceStatus) -> Done {
    let mut out = place.output();
    if out.is_json() {
        out.either(&status.to_json(), String::new)?;
        return out.flush();
    }
    out.text(format!("node {} answers for {}", status.node, show_number(status.answered, "session")))?;
    let rows: Vec<_> =
        status.nodes.iter().map(|node| [node.name.clone(), node.state.clone(), time(node.heard_ms)]).collect();
    out.table(["NODE", "STATE", "HEARD"], &rows)?;
    if !status.last_error.is_empty() {
        out.text(&status.last_error)?;
    }
    out.flush()
}

/// Events as they come, until the store is closed.
pub(super) fn follow(place: &Place, watcher: &PresenceWatcher) -> Done {
    loop {
        let events = match watcher.next(AT_ONCE).wait() {
            // The node ended.
            Err(error) if error.kind() == headwater::ErrorKind::Closed => return Ok(()),
            events => events?,
        };
        let mut out = place.output();
        for event in &events {
            if out.is_json() {
                out.either(&event.to_json(), String::new)?;
                continue;
            }
            match event {
                WatchEvent::Snapshot { users, .. } => {
                    for user in users {
                        out.text(line(user))?;
                    }
                }
                WatchEvent::Change(change) => out.text(format!("{} {}", change.kind.name(), line(&change.user)))?,
                WatchEvent::Counts(counts) => out.text(show_number(counts.users, "user"))?,
                WatchEvent::View { stale: true, as_of_ms } => {
                    out.text(format!("as of {}: other nodes can't be heard", time(*as_of_ms)))?;
                }
                WatchEvent::View { .. } => out.text("other nodes are heard again")?,
            }
        }
        out.flush()?;
    }
}

fn time(ms: u64) -> String {
    if ms == 0 { "never".to_owned() } else { show_commit_time(ms * 1_000_000) }
}

fn line(user: &UserView) -> String {
    let message = user.message().map(|message| format!(" ({})", message.escape_debug())).unwrap_or_default();
    let more = match user.sessions.len() {
        0 => format!(", last seen {}", time(user.last_seen_ms)),
        1 => String::new(),
        sessions => format!(", {}", show_number(sessions as u64, "session")),
    };
    format!("{}/{} is {}{message}{more}", user.space, user.user, user.status)
}
