//! How entities live, from keyword settings, and how an entity is named.

use headwater::entities::{ClusterConfig, EntitiesConfig, EntityId};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::invalid;
use crate::settings::Settings;
use crate::time::Seconds;

/// The longest kind or key, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// The configuration that the keyword arguments of `entities` say.
pub(crate) fn entities_config(py: Python<'_>, given: Option<&Bound<'_, PyDict>>) -> PyResult<EntitiesConfig> {
    let settings = Settings::new(py, "entities", given)?;
    let mut config = EntitiesConfig { cluster: cluster(py, &settings)?, ..EntitiesConfig::default() };
    settings.set("shards", &mut config.shards)?;
    settings.set("mailbox", &mut config.mailbox)?;
    settings.set("active", &mut config.active)?;
    settings.set("memory", &mut config.memory)?;
    settings.set_duration("idle", &mut config.idle)?;
    settings.set_duration("lease", &mut config.lease)?;
    settings.set("attempts", &mut config.attempts)?;
    settings.set("tasks", &mut config.tasks)?;
    settings.finish()?;
    Ok(config)
}

fn cluster(py: Python<'_>, settings: &Settings<'_>) -> PyResult<Option<ClusterConfig>> {
    let (mut name, mut node, mut is_client, mut mesh) = (None::<String>, None::<String>, false, false);
    let (mut weight, mut ttl) = (None::<u32>, None::<Seconds>);
    settings.set("cluster", &mut name)?;
    settings.set("node", &mut node)?;
    settings.set("weight", &mut weight)?;
    settings.set("ttl", &mut ttl)?;
    settings.set("client", &mut is_client)?;
    settings.set("mesh", &mut mesh)?;
    let Some(name) = name else {
        if is_client || mesh || node.is_some() || weight.is_some() || ttl.is_some() {
            return Err(invalid(py, "node, weight, ttl, client and mesh are said of a cluster: name it, with cluster"));
        }
        return Ok(None);
    };
    let mut cluster = match (is_client, node) {
        (false, node) => ClusterConfig::new(name, node.unwrap_or_default()),
        (true, None) if weight.is_none() => ClusterConfig::client(name),
        (true, _) => return Err(invalid(py, "a client is no node of its cluster: it has neither node nor weight")),
    };
    cluster.weight = weight.unwrap_or(cluster.weight);
    cluster.mesh = mesh;
    cluster.ttl = ttl.map_or(cluster.ttl, |ttl| ttl.0);
    Ok(Some(cluster))
}

/// The entity of a kind and a key, for what looks at it without asking it.
pub(crate) fn entity_id<'a>(py: Python<'_>, kind: &'a str, key: &'a str) -> PyResult<EntityId<'a>> {
    for (what, name) in [("kind", kind), ("key", key)] {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            let bytes = name.len();
            let message = format!("the {what} of an entity is {bytes} bytes: it has 1 to {NAME_BYTES_MAX}");
            return Err(invalid(py, message));
        }
    }
    Ok(EntityId::new(kind, key))
}
