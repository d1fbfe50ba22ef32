//! Events that were read together, by a load or by a feed.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::record::{Batch, RecordView};

use super::event::EventView;
use super::opened::Opened;

/// Events in the order of the store, which borrow from what was read.
#[derive(Debug, Clone, Default)]
pub struct Events {
    batches: Vec<Batch>,
    /// For each batch, how many records lie before its end.
    ends: Vec<usize>,
    /// How many of the records before the first event are passed over.
    skip: usize,
    len: usize,
    /// What the payloads of events with a data subject came to, by their place among all records.
    opened: Arc<Vec<(usize, Opened)>>,
}

impl Events {
    /// All records of a batch.
    pub(super) fn of(batch: Batch) -> Self {
        Events { len: batch.len(), ends: vec![batch.len()], batches: vec![batch], skip: 0, opened: Arc::default() }
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
        batch.get(place + batch.len() - self.ends[n]).map(|record| {
            let found = self.opened.binary_search_by_key(&place, |(place, _)| *place);
            opened(record, found.ok().map(|found| &self.opened[found].1))
        })
    }

    /// The place in the store of the event at an index, also where a record is none.
    pub fn seq(&self, index: usize) -> Option<u64> {
        let place = self.skip + index;
        let n = self.ends.partition_point(|&end| end <= place);
        let batch = self.batches.get(n).filter(|_| index < self.len)?;
        batch.seq(place + batch.len() - self.ends[n])
    }

    /// The place in the store of the last one.
    pub(super) fn last_seq(&self) -> Option<u64> {
        self.seq(self.len.checked_sub(1)?)
    }

    /// The first record that is no event: its index, and why.
    pub(super) fn first_bad(&self) -> Option<(usize, Error)> {
        self.iter().enumerate().find_map(|(index, event)| Some((index, event.err()?)))
    }

    /// Whether a record that was read has this header.
    pub(super) fn has_header(&self, name: &str) -> bool {
        self.batches.iter().any(|batch| batch.has_header(name))
    }

    /// Takes over what the payload of each event came to.
    pub(super) fn open_with(&mut self, open: impl Fn(&EventView<'_>) -> Option<Opened>) {
        let records = self.batches.iter().flat_map(Batch::iter).enumerate().skip(self.skip).take(self.len);
        let events = records.filter_map(|(place, record)| Some((place, EventView::of(record).ok()?)));
        self.opened = Arc::new(events.filter_map(|(place, event)| Some((place, open(&event)?))).collect());
    }

    /// Why the first payload that can't be decrypted is damaged.
    pub(super) fn first_damaged(&self) -> Option<Error> {
        let is_damaged = self.opened.iter().any(|(_, opened)| matches!(opened, Opened::Damaged));
        if is_damaged { self.first_bad().map(|(_, error)| error) } else { None }
    }

    /// Takes out all behind the first `len`, if there is more.
    pub(super) fn split_off(&mut self, len: usize) -> Option<Events> {
        let rest = Events { skip: self.skip + len, len: self.len.checked_sub(len)?, ..self.clone() };
        self.truncate(len);
        (rest.len > 0).then_some(rest)
    }

    /// Leaves out all behind the first `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// The events, in order; an error in the place of a record that is none.
    pub fn iter(&self) -> impl Iterator<Item = Result<EventView<'_>>> {
        let mut rest = self.opened.iter().skip_while(|next| next.0 < self.skip).peekable();
        let records = self.batches.iter().flat_map(Batch::iter).enumerate().skip(self.skip).take(self.len);
        records.map(move |(place, record)| opened(record, rest.next_if(|next| next.0 == place).map(|next| &next.1)))
    }
}

/// The event in a record, with what its payload came to.
fn opened<'a>(record: RecordView<'a>, payload: Option<&'a Opened>) -> Result<EventView<'a>> {
    let event = EventView::of(record)?;
    payload.map_or(Ok(event), |payload| event.opened(payload))
}
