//! What the log holds besides records: changes of configuration, deletes, purges and moves of the head, in the order in
//! which they happened, so that replaying the log gives the same stream.

use serde::{Deserialize, Serialize};

use super::origins::Origins;
use crate::clock::Nanos;
use crate::error::{Error, Result};
use crate::record::Base;
use crate::stream::config::StreamConfig;

/// One entry that is not a record; JSON in its frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Control {
    /// From here on.
    Config(StreamConfig),
    /// This record is gone.
    Delete(u64),
    /// Records of the subjects that `filter` takes (all without one) before `before` are gone, but for the `keep`
    /// newest.
    Purge { filter: Option<String>, before: u64, keep: u64 },
    /// Nothing before this sequence is kept any more.
    Head(u64),
    /// What is appended here from now on is of this epoch.
    Epoch(u64),
}

/// What a segment's header says of the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SegmentHead {
    /// The sequence of the first record in it.
    pub(crate) base_seq: u64,
    /// Commit time of the last record before it.
    pub(crate) last_time: Nanos,
    /// The first sequence that is kept.
    pub(crate) first_seq: u64,
    /// When the stream was made.
    pub(crate) created: Nanos,
    pub(crate) config: StreamConfig,
    /// What the log held before it.
    #[serde(default, skip_serializing_if = "Origins::is_empty")]
    pub(crate) origins: Origins,
}

/// The last sequence that a segment may begin at: from there on every sequence in it still fits.
const SEQ_MAX: u64 = 1 << 62;

impl SegmentHead {
    /// What the journal keeps for it in a segment's header.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let head: Self = from_bytes(bytes, "header")?;
        if !(1..=SEQ_MAX).contains(&head.base_seq) || head.first_seq > SEQ_MAX {
            let (base, first) = (head.base_seq, head.first_seq);
            return Err(Error::corrupt(format!("header: it begins at sequence {base}, the stream at {first}")));
        }
        Ok(head)
    }

    /// What its records count from.
    pub(crate) fn base(&self) -> Base {
        Base { seq: self.base_seq, time: self.last_time.max(self.created) }
    }
}

pub(crate) fn to_bytes<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

pub(crate) fn from_bytes<'a, T: Deserialize<'a>>(bytes: &'a [u8], what: &str) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|e| Error::corrupt(format!("{what}: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_begins_at_a_sequence_that_can_be() {
        let read = |base_seq, first_seq| {
            let (config, origins) = (StreamConfig::new("s", ["s.>"]), Origins::default());
            let head = SegmentHead { base_seq, last_time: 0, first_seq, created: 0, config, origins };
            SegmentHead::from_bytes(&to_bytes(&head)).map(|h| h.base_seq).map_err(|e| e.to_string())
        };
        assert_eq!(read(1, 1), Ok(1));
        assert_eq!(read(0, 1), Err("header: it begins at sequence 0, the stream at 1".into()));
        assert!(read(u64::MAX, 1).is_err() && read(1, u64::MAX).is_err());
    }
}
