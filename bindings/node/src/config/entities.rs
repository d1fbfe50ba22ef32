//! What live entities are told.

use headwater::entities::{ClusterConfig, EntitiesConfig};
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

use super::{set, set_millis, set_u64};
use crate::error::Result;

/// How entities live.
#[napi(object, object_to_js = false)]
pub struct EntitiesOptions {
    pub shards: Option<u32>,
    pub mailbox: Option<u32>,
    pub active: Option<u32>,
    pub memory: Option<BigInt>,
    pub idle_ms: Option<f64>,
    pub lease_ms: Option<f64>,
    pub attempts: Option<u32>,
    pub tasks: Option<u32>,
    pub cluster: Option<String>,
    pub node: Option<String>,
    pub weight: Option<u32>,
    pub ttl_ms: Option<f64>,
    pub is_client: Option<bool>,
    pub mesh: Option<bool>,
}

impl EntitiesOptions {
    /// As core wants it.
    pub(crate) fn into_core(self) -> Result<EntitiesConfig> {
        let mut c = EntitiesConfig::default();
        set(&mut c.shards, self.shards);
        set(&mut c.mailbox, self.mailbox.map(|n| n as usize));
        set(&mut c.active, self.active.map(|n| n as usize));
        set_u64(&mut c.memory, "memory", self.memory.as_ref())?;
        set_millis(&mut c.idle, "idleMs", self.idle_ms)?;
        set_millis(&mut c.lease, "leaseMs", self.lease_ms)?;
        set(&mut c.attempts, self.attempts);
        set(&mut c.tasks, self.tasks);
        let mesh = self.mesh.unwrap_or(false);
        c.cluster = match (self.cluster, self.is_client.unwrap_or(false)) {
            (Some(name), true) => Some(ClusterConfig { mesh, ..ClusterConfig::client(name) }),
            (Some(name), false) => {
                let mut node = ClusterConfig { mesh, ..ClusterConfig::new(name, self.node.unwrap_or_default()) };
                set(&mut node.weight, self.weight);
                set_millis(&mut node.ttl, "ttlMs", self.ttl_ms)?;
                Some(node)
            }
            (None, _) => None,
        };
        Ok(c)
    }
}
