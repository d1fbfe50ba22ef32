//! Mistakes that are made on purpose, to see that they are found.

use crate::locks::lock;

use super::super::cluster::board_name;
use super::super::placement::{ShardRecord, Step};
use super::super::runtime::Entities;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Planted {
    Nothing,
    /// Events are saved whatever others saved meanwhile.
    SavesBlindly,
    /// A command that is sent again is not known again.
    ForgetsCommands,
    /// A node holds its shards though it could not renew its lease.
    KeepsItsLease,
    /// A node gives a shard back before what it handles of it is done.
    ReleasesEarly,
    /// What others wrote does not come to a node of a mesh.
    MergesNothing,
}

impl Planted {
    /// What a node does wrong when it has done what is due in the cluster.
    pub(super) fn after_round(self, entities: &Entities) {
        match self {
            Planted::KeepsItsLease => {
                if let Some(placement) = &mut lock(&entities.0.state).placement {
                    placement.renewed(u64::MAX / 2);
                }
            }
            Planted::ReleasesEarly => release_early(entities),
            _ => {}
        }
    }
}

/// Does as if nothing were left of what is being drained.
fn release_early(entities: &Entities) {
    let inner = &entities.0;
    let now = inner.engine.clock().now();
    let planned = inner.act_placed(|placement, dispatch| {
        let steps = placement.plan(now, |_| true);
        for step in &steps {
            if let Step::Drain { shard } = step {
                dispatch.drain(*shard, now);
            }
        }
        steps
    });
    let Ok(board) = inner.engine.bucket(&board_name(inner.cluster_name())).wait() else { return };
    for step in planned.unwrap_or_default() {
        // What it is to take, it takes in its next round.
        let Step::Release { shard, revision } = step else { continue };
        let record = ShardRecord::default();
        let bytes = serde_json::to_vec(&record).expect("json");
        if let Ok(revision) = board.conditional(&format!("shard.{shard}"), &bytes, revision, None).wait() {
            let _ = inner.act_placed(|placement, _| placement.see_shard(shard, revision, record));
        }
    }
}
