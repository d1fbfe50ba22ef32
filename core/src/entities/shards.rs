//! Which shard a key is in, and which node a shard belongs on: the same answer on every node, in every language and for
//! ever, so both are written down here and have vectors.
//!
//! The hash is FNV-1a of 64 bits (Fowler, Noll and Vo), whose bits are then mixed as SplitMix64 does it (Steele, Lea
//! and Flood, 2014), as its own upper bits are too alike for short texts. A shard belongs on the node with the highest
//! hash of both (rendezvous hashing, Thaler and Ravishankar, 1996), and a node of weight `w` draws `w` times.

/// The shards of a cluster, unless its configuration says otherwise.
pub const SHARDS: u32 = 256;

/// The highest weight of a node.
pub(super) const WEIGHT_MAX: u32 = 100;

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The hash of parts, each ended by a byte 0.
fn hash(parts: &[&[u8]]) -> u64 {
    let mut sum = OFFSET;
    for part in parts {
        for &byte in part.iter().chain(&[0]) {
            sum = (sum ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    }
    crate::clock::mix(sum)
}

/// The shard of a key: `hash(kind, key) % shards`.
pub fn shard_of(kind: &str, key: &str, shards: u32) -> u32 {
    (hash(&[kind.as_bytes(), key.as_bytes()]) % u64::from(shards.max(1))) as u32
}

/// The node that a shard belongs on, among nodes and their weights: the one with the highest `hash(shard, node, draw)`,
/// both numbers in decimal and draws from 0 to the weight; of equal ones, the first by name. `None` where none has a
/// weight.
pub fn owner_of<'a>(shard: u32, nodes: &[(&'a str, u32)]) -> Option<&'a str> {
    let shard = shard.to_string();
    let nodes = nodes.iter().filter(|node| node.1 > 0);
    let score = |node: &str, weight: u32| {
        let draws = 0..weight.min(WEIGHT_MAX);
        draws.map(|draw| hash(&[shard.as_bytes(), node.as_bytes(), draw.to_string().as_bytes()])).max()
    };
    let best = |&(node, weight): &(&'a str, u32)| (score(node, weight), std::cmp::Reverse(node));
    nodes.max_by_key(|node| best(node)).map(|&(node, _)| node)
}
