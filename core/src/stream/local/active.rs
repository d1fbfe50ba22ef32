//! The index of the segment that is being written, in memory: where each record lies and which is the next of its
//! subject.
//!
//! Sixteen bytes a record, and eight a subject. When the segment is sealed this becomes an index file
//! (`index_file.rs`).

use super::index_file::name_hash;
use super::subjects::SubjectId;
use crate::clock::Nanos;

/// Marks the end of a chain.
pub(crate) const NONE: u32 = u32::MAX;
/// The subject of a place whose record is gone.
pub(crate) const GAP: SubjectId = SubjectId::MAX;
/// Records to a block of the sparse index.
pub(crate) const BLOCK_RECORDS: usize = 64;

/// One stretch of [`BLOCK_RECORDS`] records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block {
    /// Where its first record lies, from the segment's base.
    pub(crate) offset: u32,
    /// When its first record was committed.
    pub(crate) first_time: Nanos,
    /// The least and the most event time (commit time where a record has none).
    pub(crate) min_event: i64,
    pub(crate) max_event: i64,
}

/// The index of one segment.
#[derive(Debug, Clone)]
pub(crate) struct Active {
    pub(crate) base_seq: u64,
    /// Offsets from the segment's base, by ordinal.
    pub(crate) offsets: Vec<u32>,
    pub(crate) subjects: Vec<SubjectId>,
    /// The next record of the same subject, by ordinal.
    pub(crate) next: Vec<u32>,
    /// What each record counts for in the stream's bytes.
    pub(crate) sizes: Vec<u32>,
    pub(crate) blocks: Vec<Block>,
    /// Of each subject, the hash of its name and the ordinal of its first record.
    pub(crate) heads: Vec<(u32, u32)>,
    /// The least and the most event time of all; the first is greater while there is none.
    pub(crate) events: (i64, i64),
}

impl Active {
    pub(crate) fn new(base_seq: u64) -> Self {
        Active {
            base_seq,
            offsets: Vec::new(),
            subjects: Vec::new(),
            next: Vec::new(),
            sizes: Vec::new(),
            blocks: Vec::new(),
            heads: Vec::new(),
            events: (i64::MAX, i64::MIN),
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.offsets.len() as u32
    }

    /// The sequence after the last one.
    pub(crate) fn end_seq(&self) -> u64 {
        self.base_seq + self.offsets.len() as u64
    }

    /// Adds the next record, of the subject with this id and name; `previous` is the subject's record before it.
    pub(crate) fn push(
        &mut self,
        subject: (SubjectId, &str),
        place: (u32, u32),
        previous: u64,
        time: Nanos,
        event: i64,
    ) {
        let ((id, name), (offset, size)) = (subject, place);
        let ord = self.len();
        if previous >= self.base_seq
            && let Some(link) = self.next.get_mut((previous - self.base_seq) as usize)
        {
            *link = ord;
        } else {
            self.heads.push((name_hash(name), ord));
        }
        if (ord as usize).is_multiple_of(BLOCK_RECORDS) {
            self.blocks.push(Block { offset, first_time: time, min_event: event, max_event: event });
        } else if let Some(block) = self.blocks.last_mut() {
            block.min_event = block.min_event.min(event);
            block.max_event = block.max_event.max(event);
        }
        self.events = (self.events.0.min(event), self.events.1.max(event));
        self.offsets.push(offset);
        self.subjects.push(id);
        self.next.push(NONE);
        self.sizes.push(size);
    }

    /// Adds the places before `seq` whose records are gone; `behind` is where the record before them ends. A block that
    /// begins among them begins there, as a frame always will. The record with `seq` may become the middle of a note
    /// when the segment is packed again.
    pub(crate) fn push_gaps(&mut self, seq: u64, behind: u32, time: Nanos) {
        while self.end_seq() < seq {
            self.push_gap(behind, time);
        }
    }

    fn push_gap(&mut self, behind: u32, time: Nanos) {
        if self.offsets.len().is_multiple_of(BLOCK_RECORDS) {
            self.blocks.push(Block { offset: behind, first_time: time, min_event: i64::MAX, max_event: i64::MIN });
        }
        self.offsets.push(behind);
        self.subjects.push(GAP);
        self.next.push(NONE);
        self.sizes.push(0);
    }

    /// Ordinals of a subject's records, from its record `first_seq` on.
    pub(crate) fn chain(&self, first_seq: u64) -> impl Iterator<Item = u32> + '_ {
        let mut at = match first_seq.checked_sub(self.base_seq) {
            Some(ord) if ord < u64::from(self.len()) => ord as u32,
            _ => NONE,
        };
        std::iter::from_fn(move || {
            if at == NONE {
                return None;
            }
            let here = at;
            at = self.next[here as usize];
            Some(here)
        })
    }
}
