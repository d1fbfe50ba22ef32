//! Comparing nodes while they work: each says which units it has and digests of its rows, and those that have the same
//! units must have the same digests. What differs can be repaired: all nodes give the rows of those ranges, and join
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::worker::Worker;
use crate::error::Result;
use crate::replica::peers::Told;

/// How long answers are waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked for them.
const LOOK: Duration = Duration::from_millis(20);
/// How often nodes are asked again that had not the same units.
const ROUNDS: usize = 3;

/// How another node compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compared {
    /// It has the same rows.
    Equal,
    /// It has the same units, and other rows.
    Differs,
    /// One of the two has units that the other has not yet.
    Apart,
    /// It did not answer.
    Silent,
}

/// Another node, compared with this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedNode {
    /// What people call it.
    pub node_id: String,
    /// How it compares.
    pub compared: Compared,
    /// The tables that differ, and of each how many of its 64 ranges of keys.
    pub differing: BTreeMap<String, usize>,
    /// The tables whose schema is another one there, or is not known there or here.
    pub schema: Vec<String>,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CheckReport {
    /// The other nodes, by what people call them.
    pub nodes: Vec<ComparedNode>,
    /// Rows here whose foreign keys name nothing, by table.
    pub dangling: BTreeMap<String, u64>,
    /// Whether rows were given to repair what differed.
    pub repaired: bool,
}

impl CheckReport {
    /// Whether every node answered and has the same rows.
    pub fn is_equal(&self) -> bool {
        self.nodes.iter().all(|node| node.compared == Compared::Equal)
    }
}

impl Worker {
    /// Compares this node with all others; with `repair`, rows that differ are given by all, and it compares again.
    pub(crate) fn check(&self, repair: bool) -> Result<CheckReport> {
        let (mut report, differing) = self.compare()?;
        if repair && !differing.is_empty() {
            self.with_node(|node| node.give_rows(&differing))?;
            report = self.compare()?.0;
            report.repaired = true;
        }
        report.dangling = self.with_node(|node| node.dangling())?;
        Ok(report)
    }

    fn compare(&self) -> Result<(CheckReport, BTreeMap<String, Vec<usize>>)> {
        let mut compared = self.ask()?;
        for _ in 1..ROUNDS {
            if !compared.0.nodes.iter().any(|node| node.compared == Compared::Apart) {
                break;
            }
            self.worked.wait(Some(LOOK));
            compared = self.ask()?;
        }
        Ok(compared)
    }

    /// Asks all, and waits until those that are known have answered, or for [`PATIENCE`].
    fn ask(&self) -> Result<(CheckReport, BTreeMap<String, Vec<usize>>)> {
        let (question, known) = self.with_node(super::core::Node::ask)?;
        let mut waited = Duration::ZERO;
        loop {
            if !self.has_thread() {
                while self.round()? {}
            }
            let answers = self.with_node(|node| Ok(node.answers(&question)))?;
            let heard: BTreeSet<&str> = answers.iter().map(|(told, _)| told.node_id.as_str()).collect();
            if waited >= PATIENCE || self.is_stopped() || known.iter().all(|id| heard.contains(id.as_str())) {
                return Ok(sum_up(&answers, &known));
            }
            self.worked.wait(Some(LOOK));
            waited += LOOK;
        }
    }
}

/// An answer, and how it compares with this node at the moment when it came: `None` where the units are not the same.
pub(super) type Answer = (Told, Option<(BTreeMap<String, Vec<usize>>, Vec<String>)>);

fn sum_up(answers: &[Answer], known: &BTreeSet<String>) -> (CheckReport, BTreeMap<String, Vec<usize>>) {
    let mut all: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    let mut nodes: BTreeMap<String, ComparedNode> = BTreeMap::new();
    for id in known {
        let node = ComparedNode {
            node_id: id.clone(),
            compared: Compared::Silent,
            differing: BTreeMap::new(),
            schema: Vec::new(),
        };
        nodes.insert(id.clone(), node);
    }
    for (told, compared) in answers {
        let (is, ranges, schema) = match compared {
            None => (Compared::Apart, BTreeMap::new(), Vec::new()),
            Some((ranges, schema)) if ranges.is_empty() => (Compared::Equal, BTreeMap::new(), schema.clone()),
            Some((ranges, schema)) => (Compared::Differs, ranges.clone(), schema.clone()),
        };
        for (table, numbers) in &ranges {
            all.entry(table.clone()).or_default().extend(numbers);
        }
        let differing = ranges.into_iter().map(|(table, numbers)| (table, numbers.len())).collect();
        let node_id = told.node_id.clone();
        nodes.insert(node_id.clone(), ComparedNode { node_id, compared: is, differing, schema });
    }
    let report = CheckReport { nodes: nodes.into_values().collect(), ..CheckReport::default() };
    (report, all.into_iter().map(|(table, numbers)| (table, numbers.into_iter().collect())).collect())
}
