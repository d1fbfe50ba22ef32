//! What the nodes of a cluster write for each other: one entry for each node and each shard, written in the place of
//! what was seen. A bucket of a hub or a directory is one for all nodes; over a mesh each node has one of its own,
//! which the mesh keeps in step with the others.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::crdt::{CrdtConfig, CrdtStore, Value};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::locks::lock;
use crate::pending::Pending;
use crate::stream::bucket::{Bucket, Entry};

/// Entries of a bucket that are taken at once.
const ENTRIES_AT_ONCE: usize = 4_096;
/// Records of the log of a board between two snapshots: there are few keys, and each node writes every few seconds.
const SNAPSHOT_RECORDS: u64 = 10_000;

/// An entry of a board.
#[derive(Debug, Clone)]
pub(super) struct Posted {
    pub(super) key: String,
    /// Grows with each write of the key, whoever made it.
    pub(super) revision: u64,
    /// Empty when it was taken away.
    pub(super) value: Vec<u8>,
}

/// What is new on a board.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) posted: Vec<Posted>,
    /// From where to ask for what is new then.
    pub(super) upto: u64,
    /// Whether that is all.
    pub(super) is_all: bool,
}

/// Where the nodes of a cluster write.
pub(super) trait Board: Send + Sync {
    /// Writes a key in the place of the revision that was seen, 0 for none: its new revision. `Conflict` when another
    /// one is there.
    fn put(&self, key: &str, value: &[u8], seen: u64) -> Pending<u64>;
    /// What was written since a place that was told; 0 is the beginning.
    fn since(&self, place: u64) -> Pending<News>;
    /// A key as it is now.
    fn newest(&self, key: &str) -> Pending<Option<Posted>>;
    /// Takes a key away, if this is its revision.
    fn remove(&self, key: &str, seen: u64) -> Pending<()>;
}

impl Board for Bucket {
    fn put(&self, key: &str, value: &[u8], seen: u64) -> Pending<u64> {
        self.conditional(key, value, seen, None)
    }

    fn since(&self, place: u64) -> Pending<News> {
        let prefix = format!("$KV.{}.", self.name());
        let batch = self.stream().last_many(&[&format!("{prefix}>")], place, ENTRIES_AT_ONCE);
        batch.map(move |batch| {
            let posted: Vec<Posted> = batch
                .iter()
                .map(|record| Posted {
                    key: record.subject.strip_prefix(&prefix).unwrap_or_default().to_owned(),
                    revision: record.seq,
                    value: record.payload.to_vec(),
                })
                .collect();
            let upto = posted.last().map_or(place, |last| last.revision);
            News { is_all: posted.len() < ENTRIES_AT_ONCE, posted, upto }
        })
    }

    fn newest(&self, key: &str) -> Pending<Option<Posted>> {
        let posted = |entry: Entry| Posted { key: entry.key, revision: entry.revision, value: entry.value };
        Bucket::newest(self, key).map(move |entry| entry.map(posted))
    }

    fn remove(&self, key: &str, seen: u64) -> Pending<()> {
        self.purge(key, Some(seen)).map(|_| ())
    }
}

/// A board that is this node's own: registers of a CRDT store. The revision of a key is the stamp of its last write,
/// which is higher than all that the writer had seen. Of two writes that saw neither the other, the higher stamp stays
/// on both sides; of two with the same stamp, one does.
pub(super) struct Registers {
    engine: Engine,
    store: Mutex<CrdtStore>,
    noticed: Mutex<Noticed>,
}

/// What was there at the last look, and the number of the look that found it first.
#[derive(Default)]
struct Noticed {
    looks: u64,
    keys: BTreeMap<String, (u64, Posted)>,
}

fn config(name: &str) -> CrdtConfig {
    CrdtConfig { name: name.to_owned(), snapshot_records: SNAPSHOT_RECORDS, ..CrdtConfig::default() }
}

fn bytes(value: Value) -> Vec<u8> {
    match value {
        Value::Bytes(bytes) => bytes.into_vec(),
        // Whatever else somebody wrote there is no entry.
        _ => b"?".to_vec(),
    }
}

impl Registers {
    /// The board of a store, which is made if it is not there and may be.
    pub(super) fn open(engine: &Engine, name: &str, may_make: bool) -> Result<Self> {
        let store = if may_make { engine.crdt(config(name))? } else { engine.open_crdt(name)? };
        Ok(Registers { engine: engine.clone(), store: Mutex::new(store), noticed: Mutex::default() })
    }

    /// A handle that goes on: one that failed is opened anew.
    fn store(&self) -> Result<CrdtStore> {
        let mut store = lock(&self.store);
        if store.is_over() {
            *store = self.engine.crdt(config(store.name()))?;
        }
        Ok(store.clone())
    }

    fn look(&self, place: u64) -> Result<News> {
        // Looks are one after another, so that none brings back what was before.
        let mut noticed = lock(&self.noticed);
        let all = self.store()?.registers()?;
        let looks = noticed.looks + 1;
        let is_there = |key: &String| all.binary_search_by(|(name, ..)| name.cmp(key)).is_ok();
        for (key, (look, posted)) in &mut noticed.keys {
            if !is_there(key) && !posted.value.is_empty() {
                posted.value.clear();
                *look = looks;
            }
        }
        for (key, revision, value) in all {
            let value = bytes(value);
            let is_known = noticed.keys.get(&key).is_some_and(|(_, p)| (p.revision, &p.value) == (revision, &value));
            if !is_known {
                noticed.keys.insert(key.clone(), (looks, Posted { key, revision, value }));
            }
        }
        noticed.looks = looks;
        let posted = noticed.keys.values().filter(|(look, _)| *look > place).map(|(_, posted)| posted.clone());
        Ok(News { posted: posted.collect(), upto: looks, is_all: true })
    }
}

impl Board for Registers {
    fn put(&self, key: &str, value: &[u8], seen: u64) -> Pending<u64> {
        let value = Value::from(value);
        Pending::ready(self.store().and_then(|store| store.replace_register(key, Some(&value), seen)))
    }

    fn since(&self, place: u64) -> Pending<News> {
        Pending::ready(self.look(place))
    }

    fn newest(&self, key: &str) -> Pending<Option<Posted>> {
        let found = self.store().and_then(|store| store.register(key));
        let posted = |(revision, value)| Posted { key: key.to_owned(), revision, value: bytes(value) };
        Pending::ready(found.map(|found| found.map(posted)))
    }

    fn remove(&self, key: &str, seen: u64) -> Pending<()> {
        let removed = self.store().and_then(|store| store.replace_register(key, None, seen));
        Pending::ready(removed.map(|_| ()).map_err(|error: Error| error.context("a node takes its record away")))
    }
}
