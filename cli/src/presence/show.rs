//! Users, counts and changes, for people and for machines: what every door tells in JSON.

use headwater::presence::PresenceWatcher;
use serde_json::Value;

use crate::failure::Done;
use crate::output::Output;
use crate::place::Place;
use crate::text::printable;
use crate::units::show_number;

/// Events that are taken at once.
const AT_ONCE: usize = 256;

pub(super) fn user(place: &Place, user: &Value) -> Done {
    let mut out = place.output();
    out.either(user, || line(user))?;
    out.flush()
}

pub(super) fn reading(place: &Place, reading: &Value) -> Done {
    let mut out = place.output();
    if out.is_json() {
        out.either(reading, String::new)?;
        return out.flush();
    }
    if reading["stale"] == true {
        out.text(format!("as of {}: other nodes can't be heard", time(&reading["as_of"])))?;
    }
    for user in users(reading) {
        out.text(line(user))?;
    }
    out.flush()
}

pub(super) fn counts(place: &Place, counts: &Value) -> Done {
    let mut out = place.output();
    out.either(counts, || {
        let of = |field: &str| number(&counts[field]);
        format!(
            "{} with {}: {} online, {} away, {} busy, {} unknown",
            show_number(of("users"), "user"),
            show_number(of("sessions"), "session"),
            of("online"),
            of("away"),
            of("busy"),
            of("unknown")
        )
    })?;
    out.flush()
}

pub(super) fn purged(place: &Place, told: &Value) -> Done {
    let mut out = place.output();
    out.either(told, || format!("ended {}", show_number(number(&told["ended"]), "session")))?;
    out.flush()
}

pub(super) fn status(place: &Place, status: &Value) -> Done {
    let mut out = place.output();
    if out.is_json() {
        out.either(status, String::new)?;
        return out.flush();
    }
    let answered = show_number(number(&status["answered"]), "session");
    out.text(format!("node {} answers for {answered}", text(&status["node"])))?;
    let nodes = status["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<_> =
        nodes.iter().map(|node| [text(&node["name"]), text(&node["state"]), time(&node["heard"])]).collect();
    out.table(["NODE", "STATE", "HEARD"], &rows)?;
    let last_error = text(&status["last_error"]);
    if !last_error.is_empty() {
        out.text(last_error)?;
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
        events.iter().try_for_each(|event| tell(&mut out, &event.to_json()))?;
        out.flush()?;
    }
}

/// One event.
pub(super) fn event(place: &Place, event: &Value) -> Done {
    let mut out = place.output();
    tell(&mut out, event)?;
    out.flush()
}

fn tell(out: &mut Output, event: &Value) -> Done {
    if out.is_json() {
        return out.either(event, String::new);
    }
    match event["type"].as_str().unwrap_or_default() {
        "snapshot" => users(event).iter().try_for_each(|user| out.text(line(user))),
        "counts" => out.text(show_number(number(&event["counts"]["users"]), "user")),
        "view" if event["stale"] == true => {
            out.text(format!("as of {}: other nodes can't be heard", time(&event["as_of"])))
        }
        "view" => out.text("other nodes are heard again"),
        kind => out.text(format!("{} {}", printable(kind.as_bytes()), line(&event["user"]))),
    }
}

fn users(of: &Value) -> &[Value] {
    of["users"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// As it is, and no control of a terminal.
fn text(value: &Value) -> String {
    printable(value.as_str().unwrap_or_default().as_bytes())
}

fn time(value: &Value) -> String {
    if value.is_null() { "never".to_owned() } else { text(value) }
}

fn line(user: &Value) -> String {
    let message = user["message"].as_str().map(|message| format!(" ({})", message.escape_debug())).unwrap_or_default();
    let more = match user["sessions"].as_array().map_or(0, Vec::len) {
        0 => format!(", last seen {}", time(&user["last_seen"])),
        1 => String::new(),
        sessions => format!(", {}", show_number(sessions as u64, "session")),
    };
    format!("{}/{} is {}{message}{more}", text(&user["space"]), text(&user["user_id"]), text(&user["status"]))
}
