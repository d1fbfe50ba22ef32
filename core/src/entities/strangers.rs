//! What a node in a mesh does for those who are in no cluster, such as a shell: it is asked on the subject of the
//! cluster, without a node, and asks whoever has the entity, once. It says what it knows of the others.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::pending::alone::Alone;
use crate::stream::contract::WireCall;

use super::list::within;
use super::reply::{Answer, Outcome};
use super::runtime::{Entities, Inner};
use super::wire::{self, Envelope, Question};

/// Where every node of a mesh that has entities says of which clusters.
pub(super) const CLUSTERS: &str = "$ENTITIES";
/// The most bytes of the list of all nodes; what is behind is left out.
const LIST_BYTES_MAX: usize = 4 << 20;

/// Where an entity is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) shard: u32,
    pub(super) node: Option<String>,
}

/// The subject of a cluster, on which each of its nodes listens.
pub(super) fn subject(cluster: &str) -> String {
    format!("{CLUSTERS}.{cluster}")
}

impl Inner {
    /// Takes calls of those who are no nodes.
    pub(super) async fn listen_to_strangers(self: &Arc<Self>) -> Result<()> {
        self.listen_on(&subject(self.cluster_name()), Inner::answer_stranger).await?;
        self.listen_on(CLUSTERS, Inner::answer_with_clusters).await
    }

    fn answer_stranger(self: &Arc<Self>, call: WireCall) {
        let inner = Arc::clone(self);
        let WireCall { payload, reply } = call;
        // It goes on by itself: the answer may take as long as the entity does.
        let _ = Alone::begin(async move {
            let answer = inner.told_stranger(&payload).await;
            reply(wire::encode(&Outcome::Answer(answer)));
        });
    }

    async fn told_stranger(self: Arc<Self>, payload: &[u8]) -> Answer {
        match wire::question(payload) {
            Some(Question::List(kind)) => Ok(json(&within(self.list(kind).await?, LIST_BYTES_MAX))),
            Some(Question::Nodes) => Ok(json(&Entities(self).nodes())),
            Some(Question::Where(name)) => {
                let (id, entities) = (name.id(), Entities(self));
                Ok(json(&Place { shard: entities.shard_of(id), node: entities.where_is(id) }))
            }
            None => {
                let envelope = Envelope::decode(payload)?;
                let shard = self.shard(envelope.to.id());
                self.ask(envelope, shard).await
            }
        }
    }

    /// The clusters of which there are nodes on this engine.
    fn answer_with_clusters(self: &Arc<Self>, call: WireCall) {
        let prefix = subject("");
        let answer = self.part().map(|part| {
            let heard = part.wire.heard(&prefix);
            let clusters = heard.iter().filter_map(|it| it.strip_prefix(&prefix)).filter(|name| !name.contains('.'));
            json(&clusters.collect::<Vec<_>>())
        });
        (call.reply)(wire::encode(&Outcome::Answer(answer)));
    }
}

fn json(of: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(of).unwrap_or_default()
}
