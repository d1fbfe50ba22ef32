//! What a fleet must come to once it is calm.

use std::collections::{BTreeMap, BTreeSet};

use headwater::{Engine, HEADER_ORIGIN, Origin, ReadOptions, RecordView, Stream, Writer};

use super::{Fleet, HUBS, OWN, told};

/// The name of a log, and payload and subject of each of its records.
type Log = (String, Vec<(String, String)>);

impl Fleet {
    /// Whether everything is where it belongs.
    pub(super) fn check(&self) -> Result<(), String> {
        let mut logs: Vec<Log> = Vec::new();
        for name in HUBS.into_iter().chain([OWN]) {
            logs.push((name.to_owned(), payloads(&self.hub.stream(name).wait().map_err(told)?)?));
        }
        for (at, edge) in self.edges.iter().enumerate() {
            let Some(engine) = &edge.engine else { return Err(format!("edge {at} is closed")) };
            logs.push((format!("edge {at}"), payloads(&engine.stream("s").wait().map_err(told)?)?));
        }
        for (name, log) in &logs {
            let mut seen = BTreeSet::new();
            if let Some((twice, _)) = log.iter().find(|(payload, _)| !seen.insert(payload)) {
                return Err(format!("twice: {twice} in {name}"));
            }
            let strange = log.iter().find(|(payload, _)| !self.sent.contains_key(payload));
            if let Some((strange, _)) = strange {
                return Err(format!("twice or strange: {strange} in {name}"));
            }
        }
        // Whoever has it keeps it: what one log of the fleet holds, each that it is carried to holds.
        // What a restored edge lost comes back from where it pulls, and nothing is pulled from its own stream.
        let mut all: BTreeMap<&String, &String> =
            logs.iter().filter(|(name, _)| name != OWN).flat_map(|(_, log)| log).map(|(p, s)| (p, s)).collect();
        all.retain(|payload, _| self.sent.contains_key(*payload));
        for (payload, acked) in &self.sent {
            if *acked && !self.lost.contains(payload) && !all.contains_key(payload) {
                return Err(format!("lost: {payload} was acknowledged and is nowhere"));
            }
        }
        for (payload, subject) in all.iter().filter(|(payload, _)| !self.lost.contains(**payload)) {
            for (name, log) in &logs {
                let on_x_alone = self.filters_y() && name == "Y" && subject.contains(".b") && !payload.starts_with('h');
                let from_y = payload.starts_with('h') && self.filters_y() && subject.contains(".b");
                if on_x_alone || from_y || self.may_pass_over(payload, name, &logs) {
                    continue;
                }
                if !log.iter().any(|(p, _)| p == *payload) {
                    return Err(format!("missing: {payload} ({subject}) in {name}"));
                }
            }
        }
        self.check_state(&logs)?;
        self.check_order()
    }

    /// Whether a record may be missing in a log because the first edge carries the newest of each subject alone.
    fn may_pass_over(&self, payload: &str, name: &str, logs: &[Log]) -> bool {
        let on_x = || logs[0].1.iter().any(|(p, _)| p == payload);
        self.state_alone() && (name == "edge 0" || payload.starts_with("e0-") && !on_x())
    }

    /// What the first edge and its hub have of each subject last, both have.
    fn check_state(&self, logs: &[Log]) -> Result<(), String> {
        if !self.state_alone() {
            return Ok(());
        }
        let [here, there] = [&logs[HUBS.len() + 1], &logs[0]];
        for (from, to) in [(here, there), (there, here)] {
            let newest: BTreeMap<&String, &String> =
                from.1.iter().map(|(payload, subject)| (subject, payload)).collect();
            for (subject, payload) in newest {
                if !to.1.iter().any(|(p, _)| p == payload) {
                    return Err(format!("missing: {payload}, the newest of {subject} in {}, in {}", from.0, to.0));
                }
            }
        }
        Ok(())
    }

    /// Where one route alone leads, each writer's records stand in the order in which it appended them. An edge that
    /// carries the newest alone promises less: restored, it brings one that newer ones had made it pass over.
    fn check_order(&self) -> Result<(), String> {
        if self.forgets {
            // What a hub lost comes back behind what others brought meanwhile.
            return Ok(());
        }
        let loose = self.edges[0].engine.as_ref().map(Engine::id).filter(|_| self.state_alone());
        for place in [OWN, HUBS[0]] {
            let mut last: BTreeMap<Writer, u64> = BTreeMap::new();
            for origin in each(&self.hub.stream(place).wait().map_err(told)?, |r| {
                r.header(HEADER_ORIGIN).and_then(Origin::parse)
            })? {
                let Some(Origin { writer, seq }) = origin else { continue };
                if let Some(before) = last.insert(writer, seq)
                    && (before > seq && Some(writer.engine) != loose || before == seq)
                {
                    return Err(format!("twice or out of order: {seq} of {writer} after {before} in {place}"));
                }
            }
        }
        Ok(())
    }
}

/// Payload and subject of each record but the position records.
pub(super) fn payloads(stream: &Stream) -> Result<Vec<(String, String)>, String> {
    each(stream, |r| (String::from_utf8_lossy(r.payload).into_owned(), r.subject.to_owned()))
}

/// What `take` makes of each record but the position records.
fn each<T>(stream: &Stream, take: impl Fn(&RecordView<'_>) -> T) -> Result<Vec<T>, String> {
    let mut found = Vec::new();
    let mut from = 1;
    loop {
        let batch = stream.read(&ReadOptions::default().from_seq(from)).wait().map_err(told)?;
        let Some(last) = batch.iter().map(|r| r.seq).max() else { return Ok(found) };
        found.extend(batch.iter().filter(|r| !r.subject.starts_with("$HW")).map(|r| take(&r)));
        from = last + 1;
    }
}
