//! `[presence]`: who is here. With a hub, its stream is linked to that of the same name there.

use std::time::Duration;

use serde::Deserialize;

use super::file::Section;
use crate::error::Result;
use crate::presence::PresenceConfig;
use crate::record::Durability;
use crate::stream::config::StreamConfig;
use crate::stream::link::LinkConfig;

/// What the node is among those that share the store.
#[derive(Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NodeType {
    /// Alone, or beside the hub that leaves go to.
    #[default]
    Center,
    /// One of those that go to a hub.
    Leaf,
}

/// The keys of `[presence]`: the fields of [`PresenceConfig`], `forget_after` for its `keep`, and the type of the node.
/// Durations are nanoseconds.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PresenceTable {
    name: String,
    node: String,
    node_type: NodeType,
    durability: Durability,
    ttl: u64,
    heartbeat: u64,
    grace: u64,
    idle: u64,
    forget_after: u64,
    beat: u64,
    silence: u64,
    cold_users: usize,
    history: usize,
    announce_max: u64,
    counts_every: u64,
}

impl Default for PresenceTable {
    fn default() -> Self {
        let config = PresenceConfig::default();
        let nanos = |time: Duration| time.as_nanos() as u64;
        PresenceTable {
            name: config.name,
            node: config.node,
            node_type: NodeType::default(),
            durability: config.durability,
            ttl: nanos(config.ttl),
            heartbeat: nanos(config.heartbeat),
            grace: nanos(config.grace),
            idle: nanos(config.idle),
            forget_after: nanos(config.keep),
            beat: nanos(config.beat),
            silence: nanos(config.silence),
            cold_users: config.cold_users,
            history: config.history,
            announce_max: config.announce_max,
            counts_every: nanos(config.counts_every),
        }
    }
}

impl PresenceTable {
    fn config(&self) -> PresenceConfig {
        let time = Duration::from_nanos;
        PresenceConfig {
            name: self.name.clone(),
            node: self.node.clone(),
            durability: self.durability,
            ttl: time(self.ttl),
            heartbeat: time(self.heartbeat),
            grace: time(self.grace),
            idle: time(self.idle),
            keep: time(self.forget_after),
            beat: time(self.beat),
            silence: time(self.silence),
            cold_users: self.cold_users,
            history: self.history,
            announce_max: self.announce_max,
            counts_every: time(self.counts_every),
        }
    }
}

/// Reads the section; `has_hub` says whether there is one for a leaf to go to.
pub(super) fn read(section: Section<'_>, has_hub: bool) -> Result<PresenceConfig> {
    let (whole, node_type) = (section.place_of(""), section.place_of("node_type"));
    let table = section.fill(|_: &PresenceTable| Ok(()))?;
    if table.node_type == NodeType::Leaf && !has_hub {
        return Err(node_type.error("node_type: a leaf needs a [hub] with a url"));
    }
    let config = table.config();
    // The engine's id, which stands for a node without a name, is a name.
    config.settings("engine").map_err(|e| whole.error(e.message()))?;
    Ok(config)
}

/// What joins it to a hub, where the file does not say that itself. Whoever comes first makes the stream there.
pub(super) fn link(config: &PresenceConfig, said: &[LinkConfig]) -> Option<LinkConfig> {
    let local = config.stream();
    let name = local.name.clone();
    if said.iter().any(|link| link.stream == name) {
        return None;
    }
    let create = Some(Box::new(StreamConfig { max_msgs_per_subject: 1, ..StreamConfig::default() }));
    Some(LinkConfig { create, ..LinkConfig::new(name.clone(), name.clone(), name) })
}
