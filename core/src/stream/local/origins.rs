//! What a log has ever held, by where it was first appended: a fold over the log that limits do not shrink, so that
//! what was removed is not taken in again.
//!
//! Own records are told by their epochs, each with its first sequence and the end of its last; records that links
//! brought by interval sets. Both go with the log: in its snapshot and in the head of each segment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::intervals::Intervals;
use crate::origin::{Origin, Writer};

/// One epoch of this log's own appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Epoch {
    pub(crate) id: u64,
    pub(crate) first_seq: u64,
    /// One past the last sequence that was appended in it.
    pub(crate) end_seq: u64,
}

/// Everything that was ever in a log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Origins {
    own: Vec<Epoch>,
    taken: Vec<(Writer, Intervals)>,
    #[serde(skip)]
    places: BTreeMap<Writer, usize>,
}

impl Origins {
    /// As it was read from a file.
    pub(crate) fn indexed(mut self) -> Self {
        self.places = self.taken.iter().enumerate().map(|(i, (writer, _))| (*writer, i)).collect();
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.own.is_empty() && self.taken.is_empty()
    }

    /// Own appends from `seq` on are of this epoch.
    pub(crate) fn begin_epoch(&mut self, epoch: u64, seq: u64) {
        self.own.push(Epoch { id: epoch, first_seq: seq, end_seq: seq });
    }

    /// The epoch that began last.
    pub(crate) fn newest_epoch(&self) -> Option<u64> {
        self.own.last().map(|epoch| epoch.id)
    }

    /// Notes an own append.
    pub(crate) fn appended(&mut self, seq: u64) {
        if let Some(last) = self.own.last_mut() {
            last.end_seq = seq + 1;
        }
    }

    /// Notes a record that came from elsewhere; false when it was there.
    pub(crate) fn take(&mut self, origin: Origin) -> bool {
        let place = *self.places.entry(origin.writer).or_insert_with(|| {
            self.taken.push((origin.writer, Intervals::default()));
            self.taken.len() - 1
        });
        self.taken[place].1.insert(origin.seq)
    }

    /// Whether a record was ever in the log of this engine.
    pub(crate) fn holds(&self, engine: u64, origin: Origin) -> bool {
        let Origin { writer, seq } = origin;
        let own = writer.engine == engine
            && self.own.iter().any(|e| e.id == writer.epoch && (e.first_seq..e.end_seq).contains(&seq));
        own || self.places.get(&writer).is_some_and(|&place| self.taken[place].1.contains(seq))
    }

    /// Those whose records links brought.
    pub(crate) fn writers(&self) -> impl Iterator<Item = Writer> + '_ {
        self.taken.iter().map(|(writer, _)| *writer)
    }

    /// Where this engine's own record with this sequence was appended; `None` for one from before epochs were noted.
    pub(crate) fn own(&self, engine: u64, seq: u64) -> Option<Origin> {
        let at = self.own.partition_point(|e| e.first_seq <= seq).checked_sub(1)?;
        Some(Origin { writer: Writer { engine, epoch: self.own[at].id }, seq })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGINE: u64 = 9;

    fn origin(engine: u64, epoch: u64, seq: u64) -> Origin {
        Origin { writer: Writer { engine, epoch }, seq }
    }

    #[test]
    fn a_restored_log_does_not_hold_what_it_lost() {
        let mut origins = Origins::default();
        origins.begin_epoch(100, 1);
        (1..=500).for_each(|seq| origins.appended(seq));
        assert!(origins.holds(ENGINE, origin(ENGINE, 100, 500)));
        assert!(!origins.holds(ENGINE, origin(ENGINE, 100, 501)), "the original appended it after the backup");
        assert!(origins.take(origin(ENGINE, 100, 501)));
        origins.begin_epoch(200, 502);
        origins.appended(502);
        assert!(origins.holds(ENGINE, origin(ENGINE, 100, 501)) && !origins.holds(ENGINE, origin(ENGINE, 100, 502)));
        assert_eq!(origins.own(ENGINE, 500), Some(origin(ENGINE, 100, 500)));
        assert_eq!(origins.own(ENGINE, 502), Some(origin(ENGINE, 200, 502)));
        assert_eq!(Origins::default().own(ENGINE, 1), None);
        let text = serde_json::to_string(&origins).expect("it is written");
        let read = serde_json::from_str::<Origins>(&text).expect("and read").indexed();
        assert!(read.holds(ENGINE, origin(ENGINE, 100, 501)) && read == origins);
    }
}
