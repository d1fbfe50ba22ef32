//! The verbs of `headwater crdt` that show what a store holds. All of them read beside whoever writes.

use headwater::crdt::{CrdtStore, Kind};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Key, Prefix, Watch};
use crate::failure::{Done, Failure};
use crate::output::Output;
use crate::place::Place;
use crate::text::printable;

/// How many changes a watch takes at once.
const PAGE_CHANGES: u64 = 1_000;

#[derive(Serialize)]
struct KeyLine<'a> {
    key: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a RawValue>,
}

impl Key {
    pub(super) fn show(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let store = engine.open_crdt(&self.store.store)?;
        let kinds = store.kinds(&self.key)?;
        if kinds.is_empty() {
            let message = format!("CRDT store '{}' has nothing at '{}'", self.store.store, self.key);
            return Err(Failure::not_found(message));
        }
        let mut out = place.output();
        for kind in kinds {
            let json = store.json(&self.key, kind)?;
            line(&mut out, &self.key, kind, &json, || plain(&json))?;
        }
        place.warn(&engine);
        out.flush()
    }
}

impl Prefix {
    pub(super) fn dump(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let mut out = place.output();
        for dumped in engine.open_crdt(&self.store.store)?.dump(&self.prefix)? {
            full_line(&mut out, &dumped.key, dumped.kind, &dumped.json)?;
        }
        place.warn(&engine);
        out.flush()
    }

    pub(super) fn keys(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let mut out = place.output();
        for (key, kind) in engine.open_crdt(&self.store.store)?.keys(&self.prefix)? {
            let object = KeyLine { key: &key, kind: kind.name(), value: None };
            out.either(&object, || format!("{}\t{kind}", printable(key.as_bytes())))?;
        }
        place.warn(&engine);
        out.flush()
    }
}

impl Watch {
    pub(super) fn run(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let store = engine.open_crdt(&self.prefix.store.store)?;
        let watcher = store.watch(&self.prefix.prefix)?;
        let mut left = self.limit.unwrap_or(u64::MAX);
        let mut out = place.output();
        while left > 0 {
            let mut next = watcher.next(left.min(PAGE_CHANGES) as usize);
            let changes = match self.timeout {
                None => next.wait()?,
                Some(timeout) => match next.wait_timeout(timeout) {
                    Err(_) if !next.is_taken() => break,
                    changes => changes?,
                },
            };
            for change in &changes {
                show_now(&mut out, &store, &change.key, change.kind)?;
            }
            out.flush()?;
            left -= changes.len() as u64;
        }
        Ok(())
    }
}

fn show_now(out: &mut Output, store: &CrdtStore, key: &str, kind: Kind) -> Done {
    full_line(out, key, kind, &store.json(key, kind)?)
}

/// A key with its kind and what it reads as.
fn full_line(out: &mut Output, key: &str, kind: Kind, json: &str) -> Done {
    line(out, key, kind, json, || format!("{}\t{kind}\t{}", printable(key.as_bytes()), plain(json)))
}

fn line(out: &mut Output, key: &str, kind: Kind, json: &str, text: impl FnOnce() -> String) -> Done {
    let value = serde_json::from_str(json).ok();
    out.either(&KeyLine { key, kind: kind.name(), value }, text)
}

/// A text as it is, and all else in JSON.
fn plain(json: &str) -> String {
    let text: Option<String> = serde_json::from_str(json).ok();
    printable(text.as_deref().unwrap_or(json).as_bytes())
}
