//! The verbs of `headwater crdt` that show what a store holds. All of them read beside whoever writes.

use headwater::crdt::Kind;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{At, Key, Prefix, Watch};
use crate::failure::{Done, Failure};
use crate::output::Output;
use crate::text::printable;

#[derive(Serialize)]
struct KeyLine<'a> {
    key: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a RawValue>,
}

impl Key {
    pub(super) fn show(self, at: &At<'_>) -> Done {
        let mut out = at.place.output();
        at.read(&self.store, |store| {
            let all = store.get(&self.key)?;
            if all.is_empty() {
                let message = format!("CRDT store '{}' has nothing at '{}'", self.store.store, self.key);
                return Err(Failure::not_found(message));
            }
            all.iter().try_for_each(|one| line(&mut out, &one.key, one.kind, &one.json, || plain(&one.json)))
        })?;
        out.flush()
    }
}

impl Prefix {
    pub(super) fn dump(self, at: &At<'_>) -> Done {
        let mut out = at.place.output();
        at.read(&self.store, |store| {
            store.dump(&self.prefix)?.iter().try_for_each(|one| full_line(&mut out, &one.key, one.kind, &one.json))
        })?;
        out.flush()
    }

    pub(super) fn keys(self, at: &At<'_>) -> Done {
        let mut out = at.place.output();
        at.read(&self.store, |store| {
            store.keys(&self.prefix)?.iter().try_for_each(|(key, kind)| {
                let object = KeyLine { key, kind: kind.name(), value: None };
                out.either(&object, || format!("{}\t{kind}", printable(key.as_bytes())))
            })
        })?;
        out.flush()
    }
}

impl Watch {
    pub(super) fn run(self, at: &At<'_>) -> Done {
        let mut out = at.place.output();
        at.read(&self.prefix.store, |store| {
            let mut watching = store.watch(&self.prefix.prefix)?;
            let mut left = self.limit.unwrap_or(u64::MAX);
            while left > 0 {
                let Some(changes) = watching.next(left, self.timeout)? else { break };
                changes.iter().try_for_each(|one| full_line(&mut out, &one.key, one.kind, &one.json))?;
                out.flush()?;
                left -= changes.len() as u64;
            }
            Ok(())
        })
    }
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
