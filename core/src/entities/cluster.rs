//! Nodes that share entities: what each writes on the board of the cluster, and what it makes of what the others
//! wrote. `placement.rs` decides.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::clock::Nanos;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::member::Part as Mesh;
use crate::stream::bucket::BucketConfig;
use crate::stream::contract::WireOps;
use crate::subject::is_name;

use super::board::{Board, News, Posted};
use super::placement::{NodeRecord, ShardRecord, Step};
use super::runtime::Inner;
use super::shards::WEIGHT_MAX;

/// The longest name of a cluster or a node, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// A cluster, and this node's part in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    /// Its name, 1 to 64 letters, digits, `-` and `_`: its bucket is `ENTITIES_<name>`.
    pub name: String,
    /// The name of this node, alike; no two have one.
    pub node: String,
    /// How many shards it gets beside the others, 1 to 100; 0 for one that asks and handles nothing, and that is no
    /// node for the others.
    pub weight: u32,
    /// After how long of silence the others take its shards, at least 1 s.
    pub ttl: Duration,
    /// Whether the nodes meet over the mesh that the engine has joined, and not on its hub or in its directory. A mesh
    /// has no consensus: while it is whole one node has a shard, and when it is cut in two each side has one.
    pub mesh: bool,
}

impl ClusterConfig {
    /// A node of weight 1 that is gone after ten seconds.
    pub fn new(name: impl Into<String>, node: impl Into<String>) -> Self {
        ClusterConfig { name: name.into(), node: node.into(), weight: 1, ttl: Duration::from_secs(10), mesh: false }
    }

    /// One that asks the entities of a cluster that is there, and is no node of it.
    pub fn client(name: impl Into<String>) -> Self {
        ClusterConfig { weight: 0, ..ClusterConfig::new(name, "client") }
    }

    pub(super) fn is_client(&self) -> bool {
        self.weight == 0
    }

    pub(super) fn check(&self) -> Result<()> {
        for (what, name) in [("cluster", &self.name), ("node", &self.node)] {
            if name.len() > NAME_BYTES_MAX || !is_name(name) {
                let name = name.escape_debug();
                let message =
                    format!("{what} name '{name}' must be 1 to {NAME_BYTES_MAX} letters, digits, '-' and '_'");
                return Err(Error::invalid(message));
            }
        }
        if self.weight > WEIGHT_MAX || self.ttl < Duration::from_secs(1) {
            let (weight, ttl) = (self.weight, self.ttl);
            let message =
                format!("a node has a weight up to {WEIGHT_MAX} and a ttl of at least 1 s, not {weight}, {ttl:?}");
            return Err(Error::invalid(message));
        }
        Ok(())
    }
}

/// A node of a cluster, as another one sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterNode {
    /// Its name.
    pub name: String,
    /// Whether it was heard of lately.
    pub is_alive: bool,
    /// How many shards it gets beside the others.
    pub weight: u32,
    /// How many it has.
    pub shards: usize,
}

/// A node's part.
pub(super) struct Part {
    pub(super) config: ClusterConfig,
    board: Arc<dyn Board>,
    pub(super) wire: Arc<dyn WireOps>,
    /// The mesh over which the nodes meet, if they do.
    pub(super) mesh: Option<Arc<dyn Mesh>>,
    /// The revision of this node's own record, and up to where the board was read.
    revision: u64,
    read: u64,
    renewed: Nanos,
    /// While they are there, this node takes calls.
    pub(super) listening: Vec<Box<dyn Send + Sync>>,
    pub(super) is_over: bool,
}

pub(super) fn subject(cluster: &str, node: &str) -> String {
    format!("$ENTITIES.{cluster}.{node}")
}

/// The name of what a cluster meets by: its bucket, or its store in a mesh.
pub(super) fn board_name(cluster: &str) -> String {
    format!("ENTITIES_{cluster}")
}

impl Part {
    pub(super) async fn join(engine: &Engine, config: ClusterConfig) -> Result<Self> {
        if config.mesh {
            return Part::join_over_mesh(engine, config).await;
        }
        let unsupported = || Error::new(ErrorKind::Unsupported, "this engine has no requests from node to node");
        let wire = engine.wire().ok_or_else(unsupported)?;
        let name = board_name(&config.name);
        // A client finds a cluster, and makes none.
        let bucket = if config.is_client() {
            engine.bucket(&name).await.map_err(|error| error.context(format!("cluster '{}'", config.name)))?
        } else {
            engine.create_bucket(BucketConfig::new(name)).await?
        };
        Ok(Part::new(config, Arc::new(bucket), wire, None))
    }

    pub(super) fn new(
        config: ClusterConfig,
        board: Arc<dyn Board>,
        wire: Arc<dyn WireOps>,
        mesh: Option<Arc<dyn Mesh>>,
    ) -> Self {
        let (revision, read, renewed, listening) = (0, 0, 0, Vec::new());
        Part { config, board, wire, mesh, revision, read, renewed, listening, is_over: false }
    }
}

impl Part {
    /// How many shards the cluster has, of which this node has heard of so many.
    pub(super) async fn shards(&self, told: u32) -> Result<u32> {
        let (mut newest, mut place) = (None, 0);
        loop {
            let News { posted, upto, is_all } = self.board.since(place).await?;
            let nodes = posted.iter().filter(|posted| posted.key.starts_with("node."));
            let said = nodes.filter_map(|posted| Some((posted.revision, parse::<NodeRecord>(posted)?.shards)));
            newest = newest.max(said.max());
            if is_all {
                break;
            }
            place = upto;
        }
        match newest.map(|(_, shards)| shards) {
            Some(shards) if shards != told && self.config.is_client() => Ok(shards),
            Some(shards) if shards != told => {
                let cluster = &self.config.name;
                let message = format!("cluster '{cluster}' has {shards} shards, and this node was told {told}");
                Err(Error::new(ErrorKind::Conflict, message))
            }
            _ => Ok(told),
        }
    }
}

fn parse<T: DeserializeOwned>(posted: &Posted) -> Option<T> {
    serde_json::from_slice(&posted.value).ok()
}

fn json(of: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(of).unwrap_or_default()
}

impl Inner {
    /// Renews this node's record when that is due, sees what others wrote, and does what follows.
    pub(super) async fn round(self: &Arc<Self>) -> Result<()> {
        let begun = self.engine.clock().now();
        let next = self.engine.clock().random() >> 1;
        if self.act_placed(|placement, _| placement.lapse(next, begun))? {
            self.act(|dispatch, now| dispatch.abandon(None, now))?;
        }
        self.ask_mesh()?;
        let is_renewed = self.renew(begun).await?;
        self.look().await?;
        if is_renewed {
            self.act_placed(|placement, _| placement.renewed(begun))?;
        }
        let now = self.engine.clock().now();
        let steps = self.act_placed(|placement, dispatch| placement.plan(now, |shard| dispatch.is_drained(shard)));
        for step in steps? {
            self.take_step(step).await?;
        }
        Ok(())
    }

    /// Writes this node's record anew, when that is due.
    async fn renew(self: &Arc<Self>, begun: Nanos) -> Result<bool> {
        let has_lease = self.act_placed(|placement, _| placement.has_lease(begun))?;
        let (board, key, revision) = {
            let part = self.part()?;
            let ttl = u64::try_from(part.config.ttl.as_nanos()).unwrap_or(Nanos::MAX);
            if part.config.is_client() || has_lease && begun < part.renewed.saturating_add(ttl / 4) {
                return Ok(false);
            }
            (Arc::clone(&part.board), format!("node.{}", part.config.node), part.revision)
        };
        let record = self.act_placed(|placement, _| placement.renewal())?;
        let revision = match board.put(&key, &json(&record), revision).await {
            Err(error) if error.kind() == ErrorKind::Conflict => self.adopt(&*board, &key, &record).await?,
            written => written?,
        };
        let mut part = self.part()?;
        (part.revision, part.renewed) = (revision, begun);
        drop(part);
        self.act_placed(|placement, _| {
            placement.see_node(&key["node.".len()..], revision, Some(record), begun);
        })?;
        Ok(true)
    }

    /// What to do when this node's record is another than it knows: its own after a lost acknowledgement, or that of
    /// one that was there before it. One that began after it has its name now.
    async fn adopt(self: &Arc<Self>, board: &dyn Board, key: &str, record: &NodeRecord) -> Result<u64> {
        let newest = board.newest(key).await?;
        let found: Option<NodeRecord> = newest.as_ref().and_then(parse);
        let known = self.act_placed(|placement, _| placement.was(found.as_ref().map_or(0, |found| found.incarnation)));
        let is_ours = known?;
        let is_first = self.part()?.revision == 0;
        if !is_ours && !is_first {
            let mut part = self.part()?;
            part.is_over = true;
            let message = format!("node '{}' was begun again: this one is over", part.config.node);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        board.put(key, &json(record), newest.map_or(0, |posted| posted.revision)).await
    }

    /// Takes in what was written on the board since the last look.
    pub(super) async fn look(self: &Arc<Self>) -> Result<()> {
        loop {
            let (board, read) = {
                let part = self.part()?;
                (Arc::clone(&part.board), part.read)
            };
            let News { posted, upto, is_all } = board.since(read).await?;
            let now = self.engine.clock().now();
            let lost = self.act_placed(|placement, _| {
                let mut lost = Vec::new();
                for posted in &posted {
                    if let Some(name) = posted.key.strip_prefix("node.") {
                        placement.see_node(name, posted.revision, parse(posted), now);
                    } else if let Some(shard) = posted.key.strip_prefix("shard.").and_then(|n| n.parse().ok()) {
                        let was_lost = placement.see_shard(shard, posted.revision, parse(posted).unwrap_or_default());
                        lost.extend(was_lost.then_some(shard));
                    }
                }
                lost
            })?;
            for shard in lost {
                self.act(|dispatch, now| dispatch.abandon(Some(shard), now))?;
            }
            let mut part = self.part()?;
            part.read = part.read.max(upto);
            if is_all {
                return Ok(());
            }
        }
    }

    async fn take_step(self: &Arc<Self>, step: Step) -> Result<()> {
        let (board, node) = {
            let part = self.part()?;
            (Arc::clone(&part.board), part.config.node.clone())
        };
        let incarnation = self.act_placed(|placement, _| placement.incarnation())?;
        let (shard, revision, record) = match step {
            Step::Drain { shard } => return self.act(|dispatch, now| dispatch.drain(shard, now)),
            Step::Claim { shard, revision } => (shard, revision, ShardRecord { node, incarnation }),
            Step::Release { shard, revision } => (shard, revision, ShardRecord::default()),
        };
        let is_claim = !record.node.is_empty();
        match board.put(&format!("shard.{shard}"), &json(&record), revision).await {
            // The next look says whose it is.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            written => {
                let revision = written?;
                self.act_placed(|placement, dispatch| {
                    placement.see_shard(shard, revision, record);
                    if is_claim {
                        dispatch.settle(shard);
                    }
                })
            }
        }
    }

    /// Gives all shards back, and takes this node's record away.
    pub(super) async fn leave(self: &Arc<Self>) -> Result<()> {
        let (board, key, revision) = {
            let part = self.part()?;
            if part.config.is_client() {
                return Ok(());
            }
            (Arc::clone(&part.board), format!("node.{}", part.config.node), part.revision)
        };
        board.remove(&key, revision).await
    }
}
