//! What a node knows of its cluster, and how it looks after its part in it.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::locks::lock;
use crate::pending::Pending;

use super::cluster::ClusterNode;
use super::entity::EntityId;
use super::runtime::{Entities, Inner, nanos};

/// How often a node that gives shards back looks whether they are free.
const LEAVING_EVERY: Duration = Duration::from_millis(20);

impl Entities {
    /// The node that an entity is on, in a cluster; `None` while it is on none.
    pub fn where_is(&self, id: EntityId<'_>) -> Option<String> {
        let state = lock(&self.0.state);
        let placement = state.placement.as_ref()?;
        placement.node_of(self.0.shard(id)).map(str::to_owned)
    }

    /// The shard of an entity.
    pub fn shard_of(&self, id: EntityId<'_>) -> u32 {
        self.0.shard(id)
    }

    /// The epoch in which this node has the shard of an entity: higher than that of any node before it. `None` when it
    /// has not, or may not be sure of it; 0 without a cluster.
    pub fn epoch_of(&self, id: EntityId<'_>) -> Option<u64> {
        let now = self.0.engine.clock().now();
        let state = lock(&self.0.state);
        state.placement.as_ref().map_or(Some(0), |placement| placement.holds(self.0.shard(id), now))
    }

    /// The nodes of the cluster, by name.
    pub fn nodes(&self) -> Vec<ClusterNode> {
        let now = self.0.engine.clock().now();
        let state = lock(&self.0.state);
        let all = state.placement.as_ref().map(|placement| placement.nodes(now)).unwrap_or_default();
        let node = |(name, is_alive, weight, shards)| ClusterNode { name, is_alive, weight, shards };
        all.into_iter().map(node).collect()
    }

    /// Leaves the cluster in good order: what waits is done, its handlers stop, and its shards go to the others. Then
    /// it is closed.
    ///
    /// # Errors
    /// Those of the bucket; it is not closed then.
    pub fn leave(&self) -> Pending<()> {
        let inner = Arc::clone(&self.0);
        Pending::of(async move {
            if inner.part.is_some() {
                inner.act_placed(|placement, _| placement.leave())?;
                loop {
                    inner.round().await?;
                    if inner.act_placed(|placement, _| placement.has_left())? {
                        break;
                    }
                    let again = inner.engine.clock().now().saturating_add(nanos(LEAVING_EVERY));
                    inner.engine.sleep(again).await;
                }
                inner.leave().await?;
            }
            inner.close();
            Ok(())
        })
    }

    /// For engines that nobody steps by themselves: does what is due in the cluster now.
    ///
    /// # Errors
    /// Those of the bucket.
    #[doc(hidden)]
    pub fn round(&self) -> Pending<()> {
        let inner = Arc::clone(&self.0);
        Pending::of(async move { inner.round().await })
    }
}

/// Has a thread of its own look after this node's part in the cluster.
#[allow(clippy::disallowed_methods, reason = "a node of a cluster is a door: it has a thread of its own")]
pub(super) fn drive_by_thread(inner: &Arc<Inner>) -> Result<()> {
    let (weak, bell) = (Arc::downgrade(inner), Arc::clone(&inner.bell));
    let every = inner.config.cluster.as_ref().map_or(LEAVING_EVERY, |cluster| cluster.ttl / 10);
    let work = move || {
        while let Some(inner) = weak.upgrade().filter(|inner| !lock(&inner.state).is_closed) {
            let is_over = inner.part().is_ok_and(|part| part.is_over);
            let working = Arc::clone(&inner);
            match Pending::of(async move { working.round().await }).wait() {
                Err(error) if !is_over && error.kind() != ErrorKind::Closed => {
                    let cluster = inner.cluster_name().escape_debug().to_string();
                    inner.engine.log("warn", format!("cluster '{cluster}': {error}"));
                }
                _ => {}
            }
            let draining = inner.act_placed(|placement, _| placement.is_draining()).unwrap_or(false);
            drop(inner);
            bell.wait(Some(if draining { LEAVING_EVERY } else { every }));
        }
    };
    let thread = std::thread::Builder::new().name("headwater-entities".to_owned()).spawn(work);
    thread.map(|_| ()).map_err(|e| Error::io("start the thread of a cluster", &e))
}
