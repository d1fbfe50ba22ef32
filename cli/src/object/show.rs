//! The verbs of `headwater object` that show what is there. All of them read beside whoever writes.

use std::collections::BTreeMap;

use headwater::{ObjectInfo, ObjectStatus};
use serde::Serialize;

use super::{Info, List};
use crate::failure::{Done, Failure};
use crate::place::Place;
use crate::text::printable;
use crate::time::show_commit_time;
use crate::units::{show_count, show_duration, show_size};

#[derive(Serialize)]
struct ObjectLine<'a> {
    name: &'a str,
    description: &'a str,
    size: u64,
    chunks: u64,
    modified: String,
    digest: &'a str,
    nuid: &'a str,
    headers: &'a [(String, String)],
    metadata: &'a BTreeMap<String, String>,
    link: Option<LinkLine<'a>>,
}

#[derive(Serialize)]
struct LinkLine<'a> {
    bucket: &'a str,
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct StatusLine<'a> {
    store: &'a str,
    description: &'a str,
    objects: usize,
    bytes: u64,
    ttl_ms: u64,
    max_bytes: u64,
    durability: &'static str,
}

impl<'a> ObjectLine<'a> {
    fn of(info: &'a ObjectInfo) -> Self {
        let link = info.link.as_ref();
        ObjectLine {
            name: &info.name,
            description: &info.description,
            size: info.size,
            chunks: info.chunks,
            modified: show_commit_time(info.modified),
            digest: &info.digest,
            nuid: &info.nuid,
            headers: &info.headers,
            metadata: &info.metadata,
            link: link.map(|link| LinkLine { bucket: &link.bucket, name: link.name.as_deref() }),
        }
    }
}

impl<'a> StatusLine<'a> {
    fn of(status: &'a ObjectStatus, objects: usize) -> Self {
        let config = &status.config;
        StatusLine {
            store: &config.bucket,
            description: &config.description,
            objects,
            bytes: status.bytes,
            ttl_ms: u64::try_from(config.ttl.as_millis()).unwrap_or(u64::MAX),
            max_bytes: config.max_bytes,
            durability: config.durability.name(),
        }
    }
}

/// Prints an object as JSON, or a sentence.
pub(super) fn answer(place: &Place, info: &ObjectInfo, sentence: impl FnOnce() -> String) -> Done {
    let mut out = place.output();
    out.either(&ObjectLine::of(info), sentence)?;
    out.flush()
}

fn leads_to(info: &ObjectInfo) -> Option<String> {
    let link = info.link.as_ref()?;
    Some(link.name.as_ref().map_or_else(|| link.bucket.clone(), |name| format!("{} in {}", name, link.bucket)))
}

impl List {
    pub(super) fn run(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let mut out = place.output();
        let mut rows = Vec::new();
        if let Some(store) = &self.store {
            for info in engine.object_store(store).wait()?.list().wait()? {
                if out.is_json() {
                    out.either(&ObjectLine::of(&info), String::new)?;
                } else {
                    let size = leads_to(&info).map_or_else(|| show_size(info.size), |to| format!("-> {to}"));
                    rows.push([printable(info.name.as_bytes()), size, show_commit_time(info.modified)]);
                }
            }
            out.table(["OBJECT", "SIZE", "MODIFIED"], &rows)?;
            return out.flush();
        }
        for name in engine.object_stores().wait()? {
            let store = engine.object_store(&name).wait()?;
            let (status, objects) = (store.status().wait()?, store.list().wait()?.len());
            if out.is_json() {
                out.either(&StatusLine::of(&status, objects), String::new)?;
            } else {
                rows.push([name, show_count(objects as u64), show_size(status.bytes)]);
            }
        }
        out.table(["STORE", "OBJECTS", "BYTES"], &rows)?;
        out.flush()
    }
}

impl Info {
    pub(super) fn run(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let store = engine.object_store(&self.store).wait()?;
        let mut out = place.output();
        if let Some(name) = &self.name {
            let missing = || Failure::not_found(format!("object store '{}' has no object '{name}'", self.store));
            let info = store.info(name).wait()?.ok_or_else(missing)?;
            out.either(&ObjectLine::of(&info), || lines(&object_rows(&info)))?;
            return out.flush();
        }
        let (status, objects) = (store.status().wait()?, store.list().wait()?.len());
        out.either(&StatusLine::of(&status, objects), || {
            let config = &status.config;
            let ttl = if config.ttl.is_zero() { "for ever".to_owned() } else { show_duration(config.ttl) };
            lines(&[
                ("store".to_owned(), config.bucket.clone()),
                ("description".to_owned(), printable(config.description.as_bytes())),
                ("objects".to_owned(), format!("{}, {}", show_count(objects as u64), show_size(status.bytes))),
                ("kept".to_owned(), ttl),
                ("durability".to_owned(), config.durability.name().to_owned()),
            ])
        })?;
        out.flush()
    }
}

fn object_rows(info: &ObjectInfo) -> Vec<(String, String)> {
    let row = |name: &str, value: String| (name.to_owned(), value);
    let mut rows = vec![
        row("object", printable(info.name.as_bytes())),
        row("description", printable(info.description.as_bytes())),
        row("link to", leads_to(info).map_or_else(String::new, |to| printable(to.as_bytes()))),
        row("size", format!("{}, in {} chunks", show_size(info.size), show_count(info.chunks))),
        row("modified", show_commit_time(info.modified)),
        row("digest", printable(info.digest.as_bytes())),
    ];
    let said = info.headers.iter().map(|(name, value)| (name, value)).chain(&info.metadata);
    rows.extend(said.map(|(name, value)| (printable(name.as_bytes()), printable(value.as_bytes()))));
    rows
}

fn lines(rows: &[(String, String)]) -> String {
    let shown = rows.iter().filter(|(_, value)| !value.is_empty());
    shown.map(|(name, value)| format!("{name:<12} {value}")).collect::<Vec<_>>().join("\n")
}
