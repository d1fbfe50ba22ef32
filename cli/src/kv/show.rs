//! The verbs of `headwater kv` that show what a bucket holds. All of them read beside whoever writes.

use headwater::{BucketStatus, Entry, Operation, WatchOptions};
use serde::Serialize;

use super::{Get, Key, Keys, Name, Watch};
use crate::failure::{Done, Failure};
use crate::output::{Bytes, Output};
use crate::place::Place;
use crate::text::printable;
use crate::time::show_commit_time;
use crate::units::{show_count, show_duration, show_size};

/// How many entries a watch takes at once.
const PAGE_ENTRIES: usize = 1000;

#[derive(Serialize)]
struct EntryLine<'a> {
    key: &'a str,
    revision: u64,
    time: String,
    operation: &'static str,
    #[serde(flatten)]
    value: Bytes<'a>,
}

#[derive(Serialize)]
struct StatusLine<'a> {
    bucket: &'a str,
    description: &'a str,
    values: u64,
    bytes: u64,
    history: u32,
    ttl_ms: u64,
    max_bytes: u64,
    max_value_size: u32,
    durability: &'static str,
}

/// Lists the buckets.
pub(super) fn buckets(place: &Place) -> Done {
    let engine = place.reader()?;
    let mut out = place.output();
    let mut rows = Vec::new();
    for name in engine.buckets().wait()? {
        let status = engine.bucket(&name).wait()?.status().wait()?;
        if out.is_json() {
            out.either(&StatusLine::of(&status), String::new)?;
        } else {
            let (values, bytes) = (show_count(status.values), show_size(status.bytes));
            rows.push([name, values, bytes, status.config.history.to_string()]);
        }
    }
    out.table(["BUCKET", "VALUES", "BYTES", "HISTORY"], &rows)?;
    out.flush()
}

impl Name {
    pub(super) fn show(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let status = engine.bucket(&self.bucket).wait()?.status().wait()?;
        let mut out = place.output();
        out.either(&StatusLine::of(&status), || {
            let config = &status.config;
            let ttl = if config.ttl.is_zero() { "for ever".to_owned() } else { show_duration(config.ttl) };
            let rows = [
                ("bucket", config.bucket.clone()),
                ("description", config.description.clone()),
                ("values", format!("{}, {}", show_count(status.values), show_size(status.bytes))),
                ("history", format!("{} of a key", config.history)),
                ("kept", ttl),
                ("durability", config.durability.name().to_owned()),
            ];
            let shown = rows.iter().filter(|(_, value)| !value.is_empty());
            shown.map(|(name, value)| format!("{name:<12} {value}")).collect::<Vec<_>>().join("\n")
        })?;
        out.flush()
    }
}

impl Get {
    pub(super) fn run(self, place: &Place) -> Done {
        let Key { bucket: name, key } = &self.key;
        let engine = place.reader()?;
        let bucket = engine.bucket(name).wait()?;
        let entry = match self.revision {
            None => bucket.get(key).wait()?,
            Some(revision) => bucket.get_revision(key, revision).wait()?,
        };
        let missing = || match self.revision {
            None => format!("bucket '{name}' has no value of '{key}'"),
            Some(revision) => format!("bucket '{name}' has no revision {revision} of '{key}'"),
        };
        let entry = entry.ok_or_else(|| Failure::not_found(missing()))?;
        let mut out = place.output();
        if out.is_json() {
            print(&mut out, &entry)?;
        } else {
            out.bytes(&entry.value)?;
            out.bytes(if self.raw { b"" } else { b"\n" })?;
        }
        out.flush()
    }
}

impl Key {
    pub(super) fn history(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let entries = engine.bucket(&self.bucket).wait()?.history(&self.key).wait()?;
        if entries.is_empty() {
            return Err(Failure::not_found(format!("bucket '{}' never had a key '{}'", self.bucket, self.key)));
        }
        let mut out = place.output();
        for entry in &entries {
            print(&mut out, entry)?;
        }
        out.flush()
    }
}

impl Keys {
    pub(super) fn run(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let keys = engine.bucket(&self.bucket).wait()?.keys(&self.filter).wait()?;
        let mut out = place.output();
        for key in &keys {
            out.either(&serde_json::json!({ "key": key }), || printable(key.as_bytes()))?;
        }
        out.flush()
    }
}

impl Watch {
    pub(super) fn run(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let options = WatchOptions {
            filters: self.filters,
            include_history: self.history,
            updates_only: self.updates_only,
            ignore_deletes: self.ignore_deletes,
        };
        let watcher = engine.bucket(&self.bucket).wait()?.watch(options).wait()?;
        let mut left = self.limit.unwrap_or(u64::MAX);
        let mut out = place.output();
        while left > 0 {
            let mut next = watcher.next(left.min(PAGE_ENTRIES as u64) as usize);
            let entries = match self.timeout {
                None => next.wait()?,
                Some(timeout) => match next.wait_timeout(timeout) {
                    Err(_) if !next.is_taken() => break,
                    entries => entries?,
                },
            };
            for entry in &entries {
                print(&mut out, entry)?;
            }
            out.flush()?;
            left -= entries.len() as u64;
        }
        Ok(())
    }
}

fn print(out: &mut Output, entry: &Entry) -> Done {
    let line = EntryLine {
        key: &entry.key,
        revision: entry.revision,
        time: show_commit_time(entry.time),
        operation: match entry.operation {
            Operation::Put => "put",
            Operation::Delete => "delete",
            Operation::Purge => "purge",
        },
        value: Bytes::value(&entry.value),
    };
    out.either(&line, || {
        let (key, value) = (printable(line.key.as_bytes()), printable(&entry.value));
        format!("{}\t{}\t{}\t{key}\t{value}", line.revision, line.time, line.operation)
    })
}

impl<'a> StatusLine<'a> {
    fn of(status: &'a BucketStatus) -> Self {
        let config = &status.config;
        StatusLine {
            bucket: &config.bucket,
            description: &config.description,
            values: status.values,
            bytes: status.bytes,
            history: config.history,
            ttl_ms: u64::try_from(config.ttl.as_millis()).unwrap_or(u64::MAX),
            max_bytes: config.max_bytes,
            max_value_size: config.max_value_size,
            durability: config.durability.name(),
        }
    }
}
