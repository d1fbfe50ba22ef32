//! Rows as they are joined, one on a line, until the command is ended.

use headwater::replica::{Database, RowChange, Value};
use serde_json::{Value as Json, json};

use crate::failure::{Done, Failure, report_warning};
use crate::place::Place;
use crate::text::hex;
use crate::time::show_commit_time;

/// Changes that are taken at once.
const AT_ONCE: usize = 256;

pub(super) fn follow(place: &Place, database: &Database) -> Done {
    let watcher = database.watch().wait()?;
    let mut missed = 0;
    loop {
        let changes = match watcher.next(AT_ONCE).wait() {
            // The node ended.
            Err(error) if error.kind() == headwater::ErrorKind::Closed => return Ok(()),
            changes => changes.map_err(Failure::from)?,
        };
        let mut out = place.output();
        if watcher.missed() > missed {
            report_warning(&format!("{} changes were missed", watcher.missed() - missed), place.json);
            missed = watcher.missed();
        }
        for change in &changes {
            out.either(&line(change), || text(change))?;
        }
        out.flush()?;
    }
}

fn line(change: &RowChange) -> Json {
    json!({"table": change.table, "key": change.key.iter().map(cell).collect::<Vec<_>>(), "kind": change.kind.name(),
           "node": change.node, "stamp": change.stamp, "time_ms": change.time_ms()})
}

/// A value of a key: text that is not UTF-8, and bytes, are an object with their hex digits.
fn cell(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Integer(number) => json!(number),
        Value::Real(number) => json!(number),
        Value::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => json!(text),
            Err(_) => json!({"text_hex": hex(bytes)}),
        },
        Value::Blob(bytes) => json!({"blob_hex": hex(bytes)}),
    }
}

fn text(change: &RowChange) -> String {
    let key: Vec<_> = change.key.iter().map(|value| cell(value).to_string()).collect();
    let time = show_commit_time(change.time_ms() * 1_000_000);
    format!("{time} {} {} {} by {}", change.kind.name(), change.table, key.join(", "), change.node)
}
