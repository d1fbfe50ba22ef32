//! What a stream on a hub can be told beyond the contract: replicas, placement, sources, mirrors, transforms.
//!
//! The names are JetStream's. Nothing here changes what an operation means; a local engine refuses it by name.

use serde::{Deserialize, Serialize};

use crate::clock::Nanos;

/// The most servers that keep a stream.
#[cfg(feature = "hub")]
pub(crate) const REPLICAS_MAX: u32 = 5;

/// Where a hub keeps a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// In files.
    #[default]
    File,
    /// In memory: gone when its servers are.
    Memory,
}

/// Settings of a stream that only a hub has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HubConfig {
    /// On how many servers, 1 to 5.
    pub replicas: u32,
    /// Where they keep it.
    pub storage: Storage,
    /// The cluster that it has to be in; any when empty.
    pub placement_cluster: String,
    /// Tags that its servers have to have.
    pub placement_tags: Vec<String>,
    /// Streams that it takes records from, beside its own subjects.
    pub sources: Vec<StreamSource>,
    /// The stream that it is a copy of; it takes no subjects of its own then.
    pub mirror: Option<StreamSource>,
    /// How subjects change as records come in.
    pub subject_transform: Option<SubjectTransform>,
    /// Whether any replica answers single reads of other tools. Ours go to the leader where that matters.
    pub allow_direct: bool,
}

impl Default for HubConfig {
    fn default() -> Self {
        HubConfig {
            replicas: 1,
            storage: Storage::File,
            placement_cluster: String::new(),
            placement_tags: Vec::new(),
            sources: Vec::new(),
            mirror: None,
            subject_transform: None,
            allow_direct: true,
        }
    }
}

/// A stream that another one takes records from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StreamSource {
    /// Its name.
    pub name: String,
    /// From this sequence on; 0 is from the first.
    pub start_seq: u64,
    /// From this commit time on, in nanoseconds since the epoch; 0 is from the first.
    pub start_time: Nanos,
    /// Only the subjects that this takes; all when empty. Not together with `transforms`.
    pub filter: String,
    /// How subjects change on the way.
    pub transforms: Vec<SubjectTransform>,
    /// The JetStream domain that it is in; this one when empty.
    pub domain: String,
}

/// How a subject becomes another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SubjectTransform {
    /// The filter of the subjects that change.
    pub source: String,
    /// What they become, with `{{wildcard(1)}}` and the like.
    pub destination: String,
}
