//! A node among others: it tells of itself, asks them, answers what they ask, and gives rows that somebody lacks.

use std::collections::{BTreeMap, BTreeSet};

use super::check::Answer;
use super::core::Node;
use crate::error::{Error, ErrorKind, Result};
use crate::intervals::Intervals;
use crate::record::{Append, RecordView};
use crate::replica::clocks::{RowState, Stamp};
use crate::replica::digest;
use crate::replica::peers::{Has, QUESTION_MS, Question, Told, hex};
use crate::replica::schema_view::SchemaOf;

/// Rows that are looked at for one unit of given rows.
const ROWS_AT_ONCE: usize = 500;
/// Nodes whose word is looked at, at most.
const NODES_MAX: usize = 10_000;

impl Node {
    /// What it tells of itself now.
    fn told(&self) -> Result<Told> {
        let units = self.replica.taken_with_own()?;
        let units = units.iter().filter_map(|(node, taken)| Some((format!("{node:016x}"), taken.last()?)));
        let (tables, _) = self.replica.tables();
        let schema = tables.iter().map(|table| (table.name.to_ascii_lowercase(), hex(&table.hash)));
        Ok(Told {
            node: format!("{:016x}", self.id()),
            node_id: self.node_id(),
            at_ms: self.now_ms(),
            schema: schema.collect(),
            units: units.collect(),
            covered: by_name(&self.replica.covered()?),
            shards: self.config.shards(),
            has: None,
        })
    }

    /// Tells of itself, if the others do not know it yet.
    pub(super) fn tell_once(&mut self) -> Result<()> {
        if !self.config.publish || self.has_told.is_some() && self.has_told == self.replica.schema_seen() {
            return Ok(());
        }
        let told = self.told()?;
        self.tell(&told)?;
        self.has_told = self.replica.schema_seen();
        Ok(())
    }

    fn tell(&self, told: &Told) -> Result<()> {
        self.say("node", told)
    }

    fn say(&self, what: &str, message: &impl serde::Serialize) -> Result<()> {
        let subject = self.log().subject_of(what, self.id());
        let payload = serde_json::to_vec(message)
            .map_err(|error| Error::new(ErrorKind::Internal, format!("a word to other nodes has no JSON: {error}")))?;
        self.log().stream.append(&Append::new(&subject, &payload)).wait().map(drop)
    }

    /// What it has, all that was written here being taken in and sent.
    fn has(&mut self, question: &str) -> Result<Has> {
        self.flush()?;
        Ok(Has::new(question, &self.replica.taken_with_own()?, &self.replica.digests()?))
    }

    /// Asks all others what they have: the question, and whose answers to wait for.
    pub(super) fn ask(&mut self) -> Result<(String, BTreeSet<String>)> {
        self.flush()?;
        let id = format!("{:016x}", self.engine.clock().random());
        self.question = Some((id.clone(), Vec::new()));
        self.say("ask", &Question { id: id.clone(), at_ms: self.now_ms(), rows: BTreeMap::new() })?;
        let own = self.node_id();
        let known = self.nodes()?.into_iter().map(|told| told.node_id).filter(|id| *id != own).collect();
        Ok((id, known))
    }

    /// What came to a question so far.
    pub(super) fn answers(&self, question: &str) -> Vec<Answer> {
        self.question.as_ref().filter(|(id, _)| id == question).map(|(_, answers)| answers.clone()).unwrap_or_default()
    }

    /// What each node told of itself last.
    pub(super) fn nodes(&self) -> Result<Vec<Told>> {
        let filter = self.log().subjects_of("node");
        let records = self.log().stream.last_many(&[&filter], 0, NODES_MAX).wait()?;
        let mut by_id: BTreeMap<String, Told> = BTreeMap::new();
        for told in records.iter().filter_map(|record| serde_json::from_slice::<Told>(record.payload).ok()) {
            // A node that came back under another name is the same to people.
            match by_id.get(&told.node_id) {
                Some(other) if other.at_ms > told.at_ms => {}
                _ => drop(by_id.insert(told.node_id.clone(), told)),
            }
        }
        Ok(by_id.into_values().collect())
    }

    /// Takes what is no unit. Whether it was understood.
    pub(super) fn hear(&mut self, record: &RecordView<'_>) -> Result<bool> {
        match self.log().what(record.subject) {
            Some("ask") => {
                let Ok(question) = serde_json::from_slice::<Question>(record.payload) else { return Ok(false) };
                let is_late = self.now_ms().saturating_sub(record.time / super::core::MS) > QUESTION_MS;
                if !is_late && question.rows.is_empty() {
                    let has = self.has(&question.id)?;
                    self.tell(&Told { has: Some(has), ..self.told()? })?;
                } else if !is_late {
                    self.give(&question.rows)?;
                }
                Ok(true)
            }
            Some("node") => {
                let Ok(told) = serde_json::from_slice::<Told>(record.payload) else { return Ok(false) };
                self.hear_of(&told)?;
                self.hear_answer(told)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Learns what units there are, and tells of itself to a node that may not know it.
    fn hear_of(&mut self, told: &Told) -> Result<()> {
        self.replica.know(by_number(&told.units).into_iter())?;
        if !told.covered.is_empty() {
            self.replica.cover(&by_number(&told.covered))?;
        }
        if self.config.publish {
            self.ask_of_formers()?;
        }
        if told.shards != self.config.shards() {
            let message = format!(
                "node {} has a log of {} shards, and this one of {}: what it writes to the others does not come",
                told.node_id,
                told.shards,
                self.config.shards()
            );
            self.fault(Error::new(ErrorKind::Conflict, message));
        }
        if self.heard.insert(told.node_id.clone()) && told.node_id != self.node_id() && self.config.publish {
            let own = self.told()?;
            self.tell(&own)?;
        }
        Ok(())
    }

    fn hear_answer(&mut self, told: Told) -> Result<()> {
        let Some(has) = &told.has else { return Ok(()) };
        if self.of_formers.as_ref().is_some_and(|(id, _)| *id == has.answers) {
            return self.answer_of_formers(has);
        }
        let is_ours = |question: &(String, Vec<Answer>)| question.0 == has.answers;
        if !self.question.as_ref().is_some_and(is_ours) {
            return Ok(());
        }
        let ours = self.has(&has.answers)?;
        let own = self.told()?.schema;
        let compared = (ours.taken == has.taken).then(|| {
            let tables: BTreeSet<&String> = own.keys().chain(told.schema.keys()).collect();
            let other = tables.into_iter().filter(|table| own.get(*table) != told.schema.get(*table));
            (ours.differing(has), other.cloned().collect())
        });
        if let Some((_, answers)) = &mut self.question {
            answers.push((told, compared));
        }
        Ok(())
    }

    /// Has all nodes give the rows of these ranges, and gives its own.
    pub(super) fn give_rows(&mut self, ranges: &BTreeMap<String, Vec<usize>>) -> Result<()> {
        let id = format!("{:016x}", self.engine.clock().random());
        self.say("ask", &Question { id, at_ms: self.now_ms(), rows: ranges.clone() })?;
        self.give(ranges)
    }

    /// Asks the others what they have, where the file was of a node whose log is not this one.
    fn ask_of_formers(&mut self) -> Result<()> {
        let now_ms = self.now_ms();
        let is_asked = self.of_formers.as_ref().is_some_and(|(_, at_ms)| now_ms.saturating_sub(*at_ms) < QUESTION_MS);
        if is_asked || self.replica.formers()?.is_empty() {
            return Ok(());
        }
        let id = format!("{:016x}", self.engine.clock().random());
        self.of_formers = Some((id.clone(), now_ms));
        self.say("ask", &Question { id, at_ms: now_ms, rows: BTreeMap::new() })
    }

    /// Another node has all units of a former, or is given the rows of it.
    fn answer_of_formers(&mut self, has: &Has) -> Result<()> {
        let (there, lost): (Vec<_>, Vec<_>) = self.replica.formers()?.into_iter().partition(|(node, last)| {
            let all = Intervals::from(vec![(1, *last)]);
            has.taken.get(&format!("{node:016x}")).is_some_and(|taken| taken.covers(&all))
        });
        self.replica.settle_formers(&there, false)?;
        if lost.is_empty() {
            return Ok(());
        }
        self.flush()?;
        let is_lost = |stamp: Stamp| lost.iter().any(|(lost, _)| *lost == stamp.node);
        // What was there at attach has nobody's stamp.
        let wants = |state: &RowState| {
            let mut stamps = state.columns.iter().map(|written| written.stamp);
            is_lost(state.life) || state.columns.is_empty() || stamps.any(|stamp| stamp.time == 0 || is_lost(stamp))
        };
        for (table, _) in self.table_ids() {
            self.give_table(table, |_, state| wants(state))?;
        }
        self.replica.settle_formers(&lost, true)?;
        self.tell(&self.told()?)
    }

    fn table_ids(&self) -> Vec<(i64, String)> {
        self.replica.tables().0.iter().map(|table| (table.id, table.name.to_ascii_lowercase())).collect()
    }

    /// Puts the rows of ranges into the log, with all their clocks.
    fn give(&mut self, ranges: &BTreeMap<String, Vec<usize>>) -> Result<()> {
        self.flush()?;
        if !self.config.publish {
            return Ok(());
        }
        for (table, name) in self.table_ids() {
            let Some(numbers) = ranges.get(&name) else { continue };
            self.give_table(table, |key, _| numbers.contains(&digest::range(key)))?;
        }
        Ok(())
    }

    /// Puts the rows of a table that `wants` takes into the log.
    fn give_table(&self, table: i64, wants: impl Fn(&[u8], &RowState) -> bool) -> Result<()> {
        let mut after = Vec::new();
        loop {
            let rows = self.replica.export(table, &after, ROWS_AT_ONCE, &wants)?;
            self.log().put_rows(self.id(), &rows.units)?;
            let Some(next) = rows.next else { return Ok(()) };
            after = next;
        }
    }

    /// Rows whose foreign keys name nothing, by table.
    pub(super) fn dangling(&self) -> Result<BTreeMap<String, u64>> {
        self.replica.dangling()
    }

    /// The schema of each table, here and at the other nodes.
    pub(super) fn schema(&self) -> Result<Vec<SchemaOf>> {
        let own = self.node_id();
        let mut nodes = self.nodes()?;
        nodes.retain(|told| told.node_id != own);
        nodes.push(self.told()?);
        nodes.sort_by(|a, b| a.node_id.cmp(&b.node_id));
        Ok(crate::replica::schema_view::of(&nodes))
    }
}

/// Last units by the names of nodes, as they are in what is told.
fn by_name(units: &[(u64, u64)]) -> BTreeMap<String, u64> {
    units.iter().map(|(node, last)| (format!("{node:016x}"), *last)).collect()
}

fn by_number(units: &BTreeMap<String, u64>) -> Vec<(u64, u64)> {
    units.iter().filter_map(|(node, last)| Some((u64::from_str_radix(node, 16).ok()?, *last))).collect()
}
