//! `headwater crdt merge` and `headwater crdt status`: what a store lacks, and where it comes from.

use headwater::crdt::Merged;
use headwater::{Engine, EngineOptions};
use serde_json::json;

use super::opened::open_or_make;
use super::{At, Merge, Store};
use crate::failure::{Done, Failure};
use crate::progress::Progress;
use crate::units::{show_count, show_size};

impl Merge {
    pub(super) fn run(self, at: &At<'_>) -> Done {
        if at.node.is_some() {
            let how = "give --dir on the machine of the node, whose own directory it may be, or --hub";
            return Err(Failure::usage(format!("crdt merge does not work over --server: {how}")));
        }
        let source = Engine::open_with(&self.from, EngineOptions::read_only())?;
        let other = source.open_crdt(&self.store.store)?;
        let progress = Progress::count("merging").interruptible();
        let merged = at.place.make(|engine| {
            let store = open_or_make(engine, &self.store.store)?;
            let merged = store.merge_with(&other, &mut |done, total| progress.at_of(done, total))?;
            store.close();
            Ok(merged)
        });
        drop(progress);
        at.place.warn(&source);
        let Merged { keys, changed, bytes } = merged?;
        let mut out = at.place.output();
        out.either(&json!({ "keys": keys, "changed": changed, "bytes": bytes }), || {
            format!("{} of {} keys taken in, {}", show_count(changed), show_count(keys), show_size(bytes))
        })?;
        out.flush()
    }
}

impl Store {
    pub(super) fn status(self, at: &At<'_>) -> Done {
        #[allow(clippy::redundant_closure_for_method_calls, reason = "the function is of one lifetime alone")]
        let status = at.read(&self, |store| store.status())?;
        let fields = [
            ("seq", status.seq),
            ("snapshot_seq", status.snapshot_seq),
            ("held", status.held.len() as u64),
            ("actors", status.actors as u64),
            ("behind", status.behind),
        ];
        let mut out = at.place.output();
        let object: serde_json::Map<_, _> = fields.iter().map(|(name, n)| ((*name).to_owned(), json!(n))).collect();
        out.either(&object, || {
            let lines = fields.map(|(name, number)| format!("{name:<13}{}", show_count(number)));
            lines.join("\n")
        })?;
        out.flush()
    }
}
