//! Exporting points: one line for each with everything that it has, so that an import gives the same points.
//!
//! The columns of CSV, and the fields of JSON lines, are `time`, `node`, `type` (the kind), `key`, `value_type`,
//! `value`, `tombstone` and `origin`: SimpleIoT's names where it has one.

use std::io::Write;
use std::ops::ControlFlow;

use crate::error::{Error, Result};

use super::csv::push_field;
use super::point::Point;
use super::range::PAGE_RECORDS;
use super::shape::EXPORT_COLUMNS;
use super::store::Points;
use super::value::Value;
use crate::time::format_time;

impl Points {
    /// Exports the points of a filter, in the order of their commit, as CSV; returns how many. `progress` hears bytes
    /// written, and stops the export when it breaks: then it ends with
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout), and what was written stays, each line whole.
    pub fn export_csv(
        &self,
        to: &mut dyn Write,
        filter: &str,
        from: Option<i64>,
        until: Option<i64>,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<u64> {
        let mut header = EXPORT_COLUMNS.join(",");
        header.push('\n');
        self.export(to, header, filter, (from, until), progress, push_csv)
    }

    /// Exports the points of a filter as JSON lines, otherwise as [`Points::export_csv`].
    ///
    /// A JSON value is written as it is, and on one line; a float that JSON cannot hold is written as text.
    pub fn export_jsonl(
        &self,
        to: &mut dyn Write,
        filter: &str,
        from: Option<i64>,
        until: Option<i64>,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<u64> {
        self.export(to, String::new(), filter, (from, until), progress, push_json)
    }

    fn export(
        &self,
        to: &mut dyn Write,
        header: String,
        filter: &str,
        (from, until): (Option<i64>, Option<i64>),
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
        push: fn(&mut String, &Point),
    ) -> Result<u64> {
        let (mut text, mut after, mut count, mut bytes) = (header, 0, 0, 0);
        loop {
            let (points, next) = self.range(filter, from, until, after, PAGE_RECORDS)?;
            for point in &points {
                push(&mut text, point);
            }
            to.write_all(text.as_bytes()).map_err(|e| Error::io("write the export", &e))?;
            bytes += text.len() as u64;
            if progress(bytes).is_break() {
                return Err(Error::stopped("the export was stopped, and holds whole lines up to there"));
            }
            if points.is_empty() {
                to.flush().map_err(|e| Error::io("write the export", &e))?;
                return Ok(count);
            }
            count += points.len() as u64;
            after = next;
            text.clear();
        }
    }
}

fn push_csv(out: &mut String, point: &Point) {
    let value = point.value.as_view();
    let tombstone = point.tombstone.to_string();
    for field in [
        &format_time(point.time),
        &point.node,
        &point.kind,
        &point.key,
        value.type_name(),
        &value.to_text(),
        &tombstone,
        &point.origin,
    ] {
        push_field(out, field);
    }
    out.push('\n');
}

fn push_json(out: &mut String, point: &Point) {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let value = match &point.value {
        Value::Float(v) if !v.is_finite() => format!("\"{v:?}\""),
        Value::Float(_) | Value::Int(_) => point.value.as_view().to_text(),
        Value::Text(text) => quoted(text),
        Value::Json(text) => one_line(text),
    };
    for (name, json) in [
        ("{\"time\":", quoted(&format_time(point.time))),
        (",\"node\":", quoted(&point.node)),
        (",\"type\":", quoted(&point.kind)),
        (",\"key\":", quoted(&point.key)),
        (",\"value_type\":", quoted(point.value.type_name())),
        (",\"value\":", value),
        (",\"tombstone\":", point.tombstone.to_string()),
        (",\"origin\":", quoted(&point.origin)),
    ] {
        out.push_str(name);
        out.push_str(&json);
    }
    out.push_str("}\n");
}

/// A JSON document without line breaks, which JSON has only between its tokens; as text where it is no JSON after all.
fn one_line(text: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(_) => text.replace(['\n', '\r'], " "),
        Err(_) => serde_json::Value::from(text).to_string(),
    }
}
