//! Events that were read together, by a load or by a feed.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::record::{Batch, RecordView};

use super::event::{EventView, Mark};
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
    /// What the headers of each record say.
    marks: Vec<Mark>,
    /// What the payloads of events with a data subject came to, by their place among all records.
    opened: Arc<Vec<(usize, Opened)>>,
}

impl Events {
    /// All records of a batch.
    pub(super) fn of(batch: Batch) -> Self {
        let mut events = Events::default();
        let len = batch.len();
        events.push(batch, 0, len);
        events
    }

    /// Adds a batch, of which `len` more records are events. `skip` of the records that are there before them are not.
    pub(super) fn push(&mut self, batch: Batch, skip: usize, len: usize) {
        let before = self.ends.last().copied().unwrap_or_default();
        self.marks.extend((0..batch.len()).map(|index| Mark::of(batch.raw_headers(index))));
        self.ends.push(before + batch.len());
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
            opened(record, &self.marks[place], found.ok().map(|found| &self.opened[found].1))
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

    /// The first record that is no event, or whose payload is damaged: its index, and why.
    pub(super) fn first_bad(&self) -> Option<(usize, Error)> {
        let mut damaged = self.opened.iter().filter(|(_, opened)| matches!(opened, Opened::Damaged));
        let damaged = damaged.find_map(|(place, _)| place.checked_sub(self.skip));
        let no_event = self.marks.iter().skip(self.skip).position(|mark| !mark.is_event());
        let index = damaged.into_iter().chain(no_event).min()?;
        Some((index, self.get(index)?.err()?))
    }

    /// Whether payloads that were read are encrypted.
    pub(super) fn is_sealed(&self) -> bool {
        self.marks.iter().any(Mark::is_sealed)
    }

    /// The records of one batch again.
    pub(super) fn into_batch(mut self) -> Batch {
        self.batches.pop().unwrap_or_default()
    }

    /// Takes over what the payload of each event came to.
    pub(super) fn open_with(&mut self, open: impl Fn(&EventView<'_>) -> Option<Opened>) {
        let opened = self.places().filter_map(|(place, batch, index)| {
            let event = EventView::marked(batch.get(index)?, &self.marks[place]).ok()?;
            Some((place, open(&event)?))
        });
        self.opened = Arc::new(opened.collect());
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
        let mut rest = self.opened.as_slice();
        self.places().map(move |(place, batch, index)| {
            let record = batch.get(index).unwrap_or(RecordView::EMPTY);
            while let Some(((at, payload), behind)) = rest.split_first()
                && *at <= place
            {
                rest = behind;
                if *at == place {
                    return opened(record, &self.marks[place], Some(payload));
                }
            }
            opened(record, &self.marks[place], None)
        })
    }

    /// The places in the store of all of them, also where a record is none.
    pub(super) fn seqs(&self) -> impl Iterator<Item = u64> {
        self.places().filter_map(|(_, batch, index)| batch.seq(index))
    }

    /// Where each of them is: its place among all records, its batch, and its index there.
    fn places(&self) -> impl Iterator<Item = (usize, &Batch, usize)> {
        let (skip, end) = (self.skip, self.skip + self.len);
        self.batches.iter().zip(&self.ends).flat_map(move |(batch, &batch_end)| {
            let begin = batch_end - batch.len();
            (skip.max(begin)..end.min(batch_end)).map(move |place| (place, batch, place - begin))
        })
    }
}

/// The event in a record, with what its payload came to.
fn opened<'a>(record: RecordView<'a>, mark: &Mark, payload: Option<&'a Opened>) -> Result<EventView<'a>> {
    let event = EventView::marked(record, mark)?;
    payload.map_or(Ok(event), |payload| event.opened(payload))
}
