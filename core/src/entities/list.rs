//! Which entities are there, for people.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Nanos;
use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::Pending;

use super::entity::{Doing, Entry};
use super::reply::Outcome;
use super::runtime::{Entities, Inner};
use super::wire;

/// The most bytes of the list of one node.
const LIST_BYTES_MAX: usize = 512 << 10;
/// How long another node may take for its list.
const PATIENCE: Duration = Duration::from_secs(5);

/// What an entity does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityState {
    /// Nothing waits.
    Idle,
    /// Messages wait for its turn.
    Ready,
    /// It handles messages.
    Running,
    /// Its handler broke, and is begun anew after a pause.
    Resting,
    /// It was paused.
    Paused,
}

/// An entity as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityInfo {
    /// Its kind.
    pub kind: String,
    /// Which one it is.
    pub key: String,
    /// Its shard.
    pub shard: u32,
    /// Its node; empty without a cluster.
    pub node: String,
    /// What it does.
    pub state: EntityState,
    /// How many messages wait.
    pub waiting: usize,
}

impl Entities {
    /// Which entities of a kind are there on all nodes, or of all kinds when it is empty: by kind and key, the first of
    /// each node as far as 512 KiB of its list reach. A node that does not answer has none to show.
    ///
    /// # Errors
    /// Those of requests from node to node.
    pub fn list(&self, kind: &str) -> Pending<Vec<EntityInfo>> {
        let (inner, kind) = (Arc::clone(&self.0), kind.to_owned());
        Pending::of(async move { inner.list(&kind).await })
    }

    /// Which entities are there on this node, by kind and key.
    pub fn list_here(&self) -> Vec<EntityInfo> {
        self.0.list_here("", usize::MAX)
    }
}

impl Inner {
    fn list_here(&self, kind: &str, bytes_max: usize) -> Vec<EntityInfo> {
        let now = self.engine.clock().now();
        let node = self.config.cluster.as_ref().map_or("", |cluster| &cluster.node);
        let state = lock(&self.state);
        let entries = state.dispatch.entries.iter().flatten();
        let of_kind = entries.filter(|entry| kind.is_empty() || *entry.name.kind == *kind);
        let mut all: Vec<EntityInfo> = of_kind.map(|entry| info(entry, node, now)).collect();
        drop(state);
        all.sort_by(|a, b| (&a.kind, &a.key).cmp(&(&b.kind, &b.key)));
        within(all, bytes_max)
    }

    pub(super) async fn list(&self, kind: &str) -> Result<Vec<EntityInfo>> {
        let Some(cluster) = &self.config.cluster else { return Ok(self.list_here(kind, usize::MAX)) };
        let now = self.engine.clock().now();
        let nodes = lock(&self.state).placement.as_ref().map(|placement| placement.nodes(now)).unwrap_or_default();
        let mut all = if cluster.is_client() { Vec::new() } else { self.list_here(kind, LIST_BYTES_MAX) };
        let others = nodes.into_iter().filter(|(name, is_alive, ..)| *is_alive && *name != cluster.node);
        // All are asked before one is waited for.
        let asked: Vec<(String, Pending<Vec<u8>>)> = others
            .map(|(name, ..)| Ok((name.clone(), self.request_of(&name, wire::list(kind), PATIENCE)?)))
            .collect::<Result<_>>()?;
        for (name, pending) in asked {
            let answer = match pending.await {
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Timeout) => continue,
                answer => answer.and_then(|answer| wire::decode(&answer)).map(Outcome::into_answer)?,
            };
            let listed: Vec<EntityInfo> = serde_json::from_slice(&answer?)
                .map_err(|_| Error::corrupt(format!("the list of node '{name}' can't be read")))?;
            all.extend(listed);
        }
        all.sort_by(|a, b| (&a.kind, &a.key).cmp(&(&b.kind, &b.key)));
        Ok(all)
    }

    /// The list that another node asked for.
    pub(super) fn listed(&self, kind: &str) -> Outcome {
        let list = self.list_here(kind, LIST_BYTES_MAX);
        Outcome::Answer(Ok(serde_json::to_vec(&list).unwrap_or_default()))
    }
}

/// As many of a list as fit into so many bytes of JSON.
pub(super) fn within(mut list: Vec<EntityInfo>, bytes_max: usize) -> Vec<EntityInfo> {
    let mut left = bytes_max;
    // What stands around the names in JSON, and each name at its longest.
    let fits = |it: &EntityInfo| {
        let bytes = 128 + 6 * (it.kind.len() + it.key.len() + it.node.len());
        let fits = bytes <= left;
        left = left.saturating_sub(bytes);
        fits
    };
    let count = list.iter().map(fits).take_while(|fits| *fits).count();
    list.truncate(count);
    list
}

fn info(entry: &Entry, node: &str, now: Nanos) -> EntityInfo {
    let state = match entry.doing {
        Doing::Running { .. } => EntityState::Running,
        _ if entry.steps.is_some() => EntityState::Paused,
        Doing::Ready => EntityState::Ready,
        Doing::Nothing if entry.resume > now => EntityState::Resting,
        Doing::Nothing => EntityState::Idle,
    };
    EntityInfo {
        kind: entry.name.kind.to_string(),
        key: entry.name.key.to_string(),
        shard: entry.shard,
        node: node.to_owned(),
        state,
        waiting: entry.mailbox.len(),
    }
}
