//! What a stream is and holds, as the verbs of `headwater stream` show it.

use headwater::{StreamConfig, StreamInfo};
use serde::Serialize;

use crate::failure::Done;
use crate::place::Place;
use crate::time::show_commit_time;
use crate::units::{show_count, show_duration, show_size};

#[derive(Serialize)]
struct InfoLine {
    name: String,
    subjects: Vec<String>,
    created: String,
    records: u64,
    bytes: u64,
    disk_bytes: u64,
    subject_count: u64,
    first_seq: u64,
    last_seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_time: Option<String>,
    deleted: u64,
    consumers: u64,
    segments: u64,
    config: StreamConfig,
}

/// Says what was done to a stream.
pub(super) fn answer(place: &Place, info: StreamInfo, what: &str) -> Done {
    let mut out = place.output();
    let line = InfoLine::of(info);
    out.either(&line, || format!("stream {} {what}, for {}", line.name, line.subjects.join(", ")))?;
    out.flush()
}

/// Lists the streams.
pub(super) fn list(place: &Place) -> Done {
    let engine = place.reader()?;
    let lines: Vec<InfoLine> = engine.streams().wait()?.into_iter().map(InfoLine::of).collect();
    place.warn(&engine);
    let mut out = place.output();
    if out.is_json() {
        for line in &lines {
            out.either(line, String::new)?;
        }
    } else {
        let rows: Vec<[String; 5]> = lines
            .iter()
            .map(|l| {
                let count = show_count(l.records);
                [l.name.clone(), l.subjects.join(","), count, l.last_seq.to_string(), l.on_disk()]
            })
            .collect();
        out.table(["STREAM", "SUBJECTS", "RECORDS", "LAST", "ON DISK"], &rows)?;
    }
    out.flush()
}

/// Shows one stream.
pub(super) fn show(name: &str, place: &Place) -> Done {
    let engine = place.reader()?;
    let line = InfoLine::of(engine.stream(name).wait()?.info().wait()?);
    let mut out = place.output();
    out.either(&line, || line.text())?;
    out.flush()
}

impl InfoLine {
    fn of(info: StreamInfo) -> Self {
        let at = |time: u64| (time > 0).then(|| show_commit_time(time));
        InfoLine {
            name: info.config.name.clone(),
            subjects: info.config.subjects.clone(),
            created: show_commit_time(info.created),
            records: info.records,
            bytes: info.bytes,
            disk_bytes: info.disk_bytes,
            subject_count: info.subjects,
            first_seq: info.first_seq,
            last_seq: info.last_seq,
            first_time: at(info.first_time),
            last_time: at(info.last_time),
            deleted: info.deleted,
            consumers: info.consumers,
            segments: info.segments,
            config: info.config,
        }
    }

    fn on_disk(&self) -> String {
        if self.config.hub.is_some() { "-".to_owned() } else { show_size(self.disk_bytes) }
    }

    fn text(&self) -> String {
        let limit = |value: u64| if value == 0 { "no limit".to_owned() } else { show_count(value) };
        let span = |seq: u64, time: &Option<String>| match time {
            Some(time) => format!("{seq} at {time}"),
            None => seq.to_string(),
        };
        let config = &self.config;
        // How a hub stores it, a client is not told.
        let (bytes, segments) = match &config.hub {
            None => (format!("{}, {} on disk", show_size(self.bytes), self.on_disk()), self.segments.to_string()),
            Some(_) => (show_size(self.bytes), String::new()),
        };
        let mut rows = vec![
            ("stream", self.name.clone()),
            ("description", config.description.clone()),
            ("subjects", self.subjects.join(", ")),
            ("created", self.created.clone()),
            ("durability", config.durability.name().to_owned()),
            ("records", format!("{} of {} subjects", show_count(self.records), show_count(self.subject_count))),
            ("first", span(self.first_seq, &self.first_time)),
            ("last", span(self.last_seq, &self.last_time)),
            ("deleted between", show_count(self.deleted)),
            ("bytes", bytes),
            ("segments", segments),
            ("consumers", self.consumers.to_string()),
            ("max age", if config.max_age.is_zero() { limit(0) } else { show_duration(config.max_age) }),
            ("max records", limit(config.max_msgs)),
            ("max bytes", limit(config.max_bytes)),
            ("max per subject", limit(config.max_msgs_per_subject)),
            ("duplicate window", show_duration(config.duplicate_window)),
        ];
        rows.extend(config.hub.iter().flat_map(|settings| super::hub::rows(settings)));
        let shown = rows.iter().filter(|(_, value)| !value.is_empty());
        shown.map(|(name, value)| format!("{name:<17} {value}")).collect::<Vec<_>>().join("\n")
    }
}
