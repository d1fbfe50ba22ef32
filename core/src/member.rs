//! What a mesh looks like from one of its nodes, for every build: a door asks, whoever answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::pending::Pending;
use crate::stream::contract::WireOps;

/// How a node stands, as far as another one knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// It answers.
    Alive,
    /// It did not answer somebody, and has some time to say that it is there.
    Suspect,
    /// It does not answer.
    Down,
    /// It went on purpose.
    Left,
}

impl MemberState {
    /// The stable lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            MemberState::Alive => "alive",
            MemberState::Suspect => "suspect",
            MemberState::Down => "down",
            MemberState::Left => "left",
        }
    }
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// What people call it.
    pub name: String,
    /// The id of its engine; 16 hex digits in JSON.
    #[serde(with = "engine_id")]
    pub engine: u64,
    /// Where it is reached, host:port.
    pub address: String,
    /// How it stands.
    pub state: MemberState,
    /// Since when it stands so, nanoseconds since the epoch.
    pub since: u64,
    /// Whether there is a connection to it.
    pub connected: bool,
    /// The stores that both have; of this node itself, all it has.
    pub stores: Vec<MemberStore>,
}

/// One store as it is shared with one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberStore {
    /// Its name.
    pub store: String,
    /// Operations that the node is known to have and this one lacks.
    pub behind: u64,
    /// Records of this node's log that the other has not acknowledged.
    pub unacked: u64,
    /// How often keys had to be compared to learn what was missing.
    pub repairs: u64,
}

/// A mesh, as one of its nodes sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeshStatus {
    /// This node.
    pub own: Member,
    /// The others, by name and id.
    pub members: Vec<Member>,
    /// Connections that were refused before their handshake was done: no TLS, no certificate, or one of others.
    pub refused: u64,
    /// Packets that were not understood or not taken in.
    pub faults: u64,
    /// Bytes of the packets that were sent.
    pub sent_bytes: u64,
    /// Bytes of the packets that came.
    pub received_bytes: u64,
    /// What went wrong last; empty when nothing did.
    pub last_error: String,
    /// By how much this node lengthens its time limits, as it is slow itself: 0 to 8.
    pub local_health: u32,
}

/// The id of an engine in JSON: 16 hex digits, as not every reader of JSON keeps the 64 bits of a number.
mod engine_id {
    use serde::{Deserialize, Deserializer, Serializer, de};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(id: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{id:016x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let digits = String::deserialize(deserializer)?;
        u64::from_str_radix(&digits, 16).map_err(de::Error::custom)
    }
}

/// A node's part in a mesh.
pub(crate) trait Part: Send + Sync {
    /// How it stands now.
    fn status(&self) -> Pending<MeshStatus>;

    /// Says good-bye to the others, and ends. Twice is nothing.
    fn leave(&self);

    /// Calls to other nodes, by the ids of their engines.
    fn wire(&self) -> Arc<dyn WireOps>;

    /// The engines of nodes that are down or have left.
    fn gone(&self) -> BTreeSet<u64>;

    /// Whether this node keeps a CRDT store in step with others.
    fn keeps(&self, store: &str) -> bool;

    /// Whether it has all of a store that the nodes have that are there; not before it reached one that it was told of.
    fn is_in_step(&self, store: &str) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_an_engine_is_16_hex_digits_in_json() {
        let member = Member {
            name: "a".into(),
            engine: 0x00ff_0000_0000_0001,
            address: "127.0.0.1:1".into(),
            state: MemberState::Alive,
            since: 1_700_000_000_000_000_001,
            connected: true,
            stores: Vec::new(),
        };
        let text = serde_json::to_string(&member).expect("it has a text");
        assert!(text.contains(r#""engine":"00ff000000000001""#), "{text}");
        assert_eq!(serde_json::from_str::<Member>(&text).expect("it is read again"), member);
        let other = text.replace("00ff", "what");
        assert!(serde_json::from_str::<Member>(&other).is_err());
    }
}
