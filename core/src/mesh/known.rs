//! The nodes that this one has met, kept in a file of its directory: whom to call where no seed answers, and who has to
//! have seen a removal before it can be forgotten. One that has not been heard of for longer than the horizon is away:
//! nobody waits for it any more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::{Nanos, SECOND};
use crate::disk::{Disk, OpenMode, read_all, replace};
use crate::error::{Error, Result};

use super::config::keeps;
use super::proto::Node;

/// The file.
const FILE: &str = "mesh.json";
/// How often it is written, if there is something new in it.
const SAVE_EVERY: Nanos = 600 * SECOND;
/// Nodes that it has at the most; those that were heard of longest ago go first.
const NODES_MAX: usize = 10_000;

/// A node as it was heard of last.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Met {
    name: String,
    /// Where it listened; empty for one that has done something in a store and never was seen here.
    address: String,
    /// The stores that it keeps in step; all when empty.
    stores: Vec<String>,
    /// When it was heard of last, nanoseconds since the epoch.
    heard: Nanos,
    /// Whether it went on purpose: it calls when it is there again.
    #[serde(default)]
    has_left: bool,
}

/// The nodes by the id of their engine.
pub(super) struct Known {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    nodes: BTreeMap<u64, Met>,
    horizon: Nanos,
    save_at: Nanos,
    is_new: bool,
}

impl Known {
    /// What is in the file, if it is there and good.
    pub(super) fn load(disk: Arc<dyn Disk>, root: &std::path::Path, horizon: Nanos, now: Nanos) -> Known {
        let path = root.join(FILE);
        let bytes = disk.open(&path, OpenMode::Read).and_then(|file| read_all(&*file)).ok();
        let nodes = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Known { disk, path, nodes, horizon, save_at: now, is_new: false }
    }

    /// A node introduced itself; how long it had not been heard of if that is beyond the horizon.
    pub(super) fn meet(&mut self, node: &Node, stores: Vec<String>, now: Nanos) -> Option<Nanos> {
        let before = self.nodes.get(&node.engine).map(|met| now.saturating_sub(met.heard));
        let met = Met { name: node.name.clone(), address: node.address.clone(), stores, heard: now, has_left: false };
        self.nodes.insert(node.engine, met);
        while self.nodes.len() > NODES_MAX {
            let oldest = self.nodes.iter().min_by_key(|(_, met)| met.heard).map(|(&engine, _)| engine);
            oldest.and_then(|engine| self.nodes.remove(&engine));
        }
        (self.is_new, self.save_at) = (true, self.save_at.min(now));
        before.filter(|&before| before > self.horizon)
    }

    /// Whether a node keeps a store in step, as it said last; one that said nothing does.
    pub(super) fn keeps(&self, engine: u64, store: &str) -> bool {
        self.nodes.get(&engine).is_none_or(|met| keeps(&met.stores, store))
    }

    /// An engine was heard of.
    pub(super) fn hear(&mut self, engine: u64, now: Nanos) {
        self.nodes.entry(engine).or_default().heard = now;
        self.is_new = true;
    }

    /// An engine has done something in a store, and may never have been heard of.
    pub(super) fn notice(&mut self, engine: u64, now: Nanos) {
        if !self.nodes.contains_key(&engine) {
            self.hear(engine, now);
        }
    }

    /// A node went on purpose.
    pub(super) fn leave(&mut self, engine: u64) {
        self.nodes.get_mut(&engine).into_iter().for_each(|met| met.has_left = true);
    }

    /// The addresses of nodes that may be there.
    pub(super) fn addresses(&self, now: Nanos) -> impl Iterator<Item = &str> {
        let may_be = move |met: &&Met| !met.has_left && !met.address.is_empty() && !self.is_away(met, now);
        self.nodes.values().filter(may_be).map(|met| met.address.as_str())
    }

    /// Some engines, and all others that keep a store in step: those that are there, and those that are away.
    pub(super) fn of_store(&self, store: &str, some: &BTreeSet<u64>, now: Nanos) -> (BTreeSet<u64>, BTreeSet<u64>) {
        let takes_part = |met: &Met| !met.address.is_empty() && keeps(&met.stores, store);
        let (mut there, mut away) = (BTreeSet::new(), BTreeSet::new());
        for (&engine, met) in self.nodes.iter().filter(|(engine, met)| some.contains(engine) || takes_part(met)) {
            if self.is_away(met, now) {
                away.insert(engine)
            } else {
                there.insert(engine)
            };
        }
        (there, away)
    }

    fn is_away(&self, met: &Met, now: Nanos) -> bool {
        now.saturating_sub(met.heard) > self.horizon
    }

    /// When it is to be written.
    pub(super) fn due(&self) -> Nanos {
        if self.is_new { self.save_at } else { Nanos::MAX }
    }

    /// Writes the file if that is due.
    ///
    /// # Errors
    /// `io`; it is tried again later.
    pub(super) fn save_if_due(&mut self, now: Nanos) -> Result<()> {
        if self.due() > now {
            return Ok(());
        }
        (self.save_at, self.is_new) = (now + SAVE_EVERY, false);
        let bytes = serde_json::to_vec(&self.nodes).map_err(|e| Error::invalid(e.to_string()))?;
        replace(&*self.disk, &self.path, &bytes)
            .map_err(|e| Error::io(format_args!("write {}", self.path.display()), &e))
    }
}
