//! Events that were read together, by a load or by a feed.

use crate::error::Result;
use crate::record::Batch;

use super::event::EventView;

/// Events in the order of the store, which borrow from what was read.
#[derive(Debug, Clone, Default)]
pub struct Events {
    batches: Vec<Batch>,
    /// For each batch, how many records lie before its end.
    ends: Vec<usize>,
    /// How many of the records before the first event are passed over.
    skip: usize,
    len: usize,
}

impl Events {
    /// All records of a batch.
    pub(super) fn of(batch: Batch) -> Self {
        Events { len: batch.len(), ends: vec![batch.len()], batches: vec![batch], skip: 0 }
    }

    /// Adds a batch, of which `len` more records are events. `skip` of the records that are there before them are not.
    pub(super) fn push(&mut self, batch: Batch, skip: usize, len: usize) {
        self.ends.push(self.ends.last().copied().unwrap_or_default() + batch.len());
        self.batches.push(batch);
        self.skip += skip;
        self.len += len;
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The event at an index from 0 on, `None` past the end; an error in the place of a record that is none.
    pub fn get(&self, index: usize) -> Option<Result<EventView<'_>>> {
        let place = self.skip + index;
        let n = self.ends.partition_point(|&end| end <= place);
        let batch = self.batches.get(n).filter(|_| index < self.len)?;
        batch.get(place + batch.len() - self.ends[n]).map(EventView::of)
    }

    /// The events, in order; an error in the place of a record that is none.
    pub fn iter(&self) -> impl Iterator<Item = Result<EventView<'_>>> {
        self.batches.iter().flat_map(Batch::iter).skip(self.skip).take(self.len).map(EventView::of)
    }
}
