//! What nodes tell and ask each other in the log, beside units: who is there with which schema, what each has, and rows
//! that somebody lacks. All of it is records of the same stream, so it goes wherever units go, and in their order.
//!
//! A node tells of itself at `$REPLICA.<name>.node.<node>` when it begins, when its schema changes, when it hears of a
//! node that it did not know, and when it is asked. A question is at `$REPLICA.<name>.ask.<node>`; one that is older
//! than a minute when it comes is nobody's any more.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::digest::Ranges;
use crate::intervals::Intervals;

/// After so long a question is not answered, milliseconds.
pub(super) const QUESTION_MS: u64 = 60_000;

/// What a node tells of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Told {
    /// In whose name its units are, 16 hex digits.
    pub(super) node: String,
    /// What people call it.
    pub(super) node_id: String,
    pub(super) at_ms: u64,
    /// SHA-256 of the schema of each table that replicates, by its name.
    pub(super) schema: BTreeMap<String, String>,
    /// The last unit of each node that it has, so that one that lacks some knows it.
    #[serde(default)]
    pub(super) units: BTreeMap<String, u64>,
    /// How many logs it spreads its units over.
    #[serde(default)]
    pub(super) shards: usize,
    /// Nodes up to whose last unit here all that they did is in rows before this in the log.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) covered: BTreeMap<String, u64>,
    /// Which units of each node it has, where it was asked for digests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) has: Option<Has>,
}

/// What a node has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Has {
    /// The question that this is the answer to.
    pub(super) answers: String,
    /// The units of each node.
    pub(super) taken: BTreeMap<String, Intervals>,
    /// The digests of the ranges of each table, 16 hex digits each.
    pub(super) ranges: BTreeMap<String, Vec<String>>,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Question {
    pub(super) id: String,
    pub(super) at_ms: u64,
    /// Ranges of tables whose rows all nodes shall give; none asks for digests.
    #[serde(default)]
    pub(super) rows: BTreeMap<String, Vec<usize>>,
}

impl Has {
    pub(super) fn new(answers: &str, taken: &[(u64, Intervals)], ranges: &[Ranges]) -> Has {
        let hex = |ranges: &Ranges| ranges.sums.iter().map(|sum| format!("{sum:016x}")).collect();
        Has {
            answers: answers.to_owned(),
            // A node that has made nothing is no different from one that is not known.
            taken: taken
                .iter()
                .filter(|(_, taken)| !taken.is_empty())
                .map(|(node, taken)| (format!("{node:016x}"), taken.clone()))
                .collect(),
            ranges: ranges.iter().map(|ranges| (ranges.table.clone(), hex(ranges))).collect(),
        }
    }

    /// The ranges in which two nodes that have the same units differ, by table.
    pub(super) fn differing(&self, other: &Has) -> BTreeMap<String, Vec<usize>> {
        let mut differing = BTreeMap::new();
        for (table, ours) in &self.ranges {
            let Some(theirs) = other.ranges.get(table) else { continue };
            let numbers: Vec<usize> = (0..ours.len()).filter(|n| ours.get(*n) != theirs.get(*n)).collect();
            if !numbers.is_empty() {
                differing.insert(table.clone(), numbers);
            }
        }
        differing
    }
}

/// Bytes as hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        out.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
        out.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
        out
    })
}
