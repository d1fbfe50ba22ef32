//! What lies before a feed goes live, where some of it was archived: the events of the store and those of its archive,
//! merged by the sequences that they have, or had, in the store. So a reader that begins with the first event sees all
//! of them as it would have, had nothing been archived, and its position means the same.
//!
//! The archive is in the order in which events were moved. It is passed through for the places of a bounded number of
//! events, the first ones behind the position; each is then read where it is. An event that is in both places is one.

use std::collections::{BinaryHeap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};

use crate::error::{Error, Result};
use crate::locks::lock;
use crate::record::{Batch, RecordView};
use crate::stream::Stream;
use crate::stream::options::ReadOptions;

use super::archived::{Restored, seq_of};
use super::pages::Pages;
use super::pull::EVENTS_AT_ONCE;
use super::store::EventStore;

/// How many places of archived events are held at once, 16 bytes each; beyond, the archive is passed through again.
const PLACES_MAX: usize = 1 << 20;

/// The events between two sequences, of the store and of its archive.
struct History {
    store: EventStore,
    archive: Stream,
    filters: Vec<String>,
    /// What was given out, and the last sequence that is.
    after: u64,
    until: u64,
    /// Up to where `places` has all archived events.
    known: u64,
    /// Archived events that come next: their sequences in the store and in the archive.
    places: VecDeque<(u64, u64)>,
    places_max: usize,
}

impl History {
    /// The next events; none at the end.
    async fn next(&mut self, max: usize) -> Result<Option<Batch>> {
        while self.after < self.until {
            if self.known <= self.after {
                self.pass_through().await?;
            }
            let options = ReadOptions { filters: self.filters.clone(), max_records: max, ..ReadOptions::default() };
            let kept = self.store.stream().read(&options.from_seq(self.after + 1)).await?;
            // Both are known up to here.
            let end = kept.last_seq().map_or(self.known, |last| last.min(self.known));
            let count = self.places.partition_point(|&(seq, _)| seq <= end).min(max);
            let moved = self.read(count).await?;
            let merged = self.merge(&moved, &kept, end, max)?;
            // Where it is full, there may be more up to the end.
            self.after = if merged.len() == max { merged.last_seq().unwrap_or(end) } else { end };
            while self.places.front().is_some_and(|&(seq, _)| seq <= self.after) {
                self.places.pop_front();
            }
            if !merged.is_empty() {
                return Ok(Some(merged));
            }
        }
        Ok(None)
    }

    /// Finds out where the first archived events are that come next.
    async fn pass_through(&mut self) -> Result<()> {
        let names = &self.store.0.names;
        let filters = self.filters.iter().map(|filter| names.archived(filter)).collect();
        let mut pages = Pages::of(&self.archive, ReadOptions { filters, ..ReadOptions::default() });
        let mut first = BinaryHeap::new();
        let mut known = self.until;
        while let Some(batch) = pages.next().await? {
            for record in batch.iter() {
                let seq = seq_of(&record)?;
                if seq > self.after && seq <= known {
                    first.push((seq, record.seq));
                }
                if first.len() > self.places_max
                    && let Some((beyond, _)) = first.pop()
                {
                    known = beyond - 1;
                }
            }
        }
        self.known = known;
        self.places = first.into_sorted_vec().into();
        self.places.truncate(self.places.partition_point(|&(seq, _)| seq <= known));
        Ok(())
    }

    /// Reads the first of the archived events that come next, those that lie side by side at once; answers their
    /// batches, and where each of them is, by their sequences in the store.
    async fn read(&self, count: usize) -> Result<Moved> {
        let mut places: Vec<(u64, u64)> = self.places.iter().take(count).map(|&(seq, place)| (place, seq)).collect();
        places.sort_unstable();
        let mut moved = Moved::default();
        let mut rest = places.as_slice();
        while let Some(&(from, _)) = rest.first() {
            let run = rest.iter().zip(from..).take_while(|((place, _), next)| place == next).count();
            let batch = self.archive.read(&ReadOptions::default().from_seq(from).max_records(run)).await?;
            if batch.is_empty() || batch.iter().zip(rest).any(|(record, &(place, _))| record.seq != place) {
                return Err(Error::corrupt(format!("record {from} of the archive is gone")));
            }
            let of_batch = moved.batches.len();
            let found = rest.iter().take(batch.len()).enumerate();
            moved.places.extend(found.map(|(index, &(_, seq))| (seq, of_batch, index)));
            rest = &rest[batch.len()..];
            moved.batches.push(batch);
        }
        moved.places.sort_unstable();
        Ok(moved)
    }

    /// Up to `max` events up to `end`, by sequence, as they are or were in the store.
    fn merge(&self, moved: &Moved, kept: &Batch, end: u64, max: usize) -> Result<Batch> {
        let mut restored = Restored::new(&self.store.0.names);
        let mut kept = kept.iter().take_while(|record| record.seq <= end).peekable();
        let mut moved = moved.iter().peekable();
        for _ in 0..max {
            match (moved.peek().map(|&(seq, _)| seq), kept.peek().map(|record| record.seq)) {
                (Some(old), new) if new.is_none_or(|new| old <= new) => {
                    if new == Some(old) {
                        kept.next();
                    }
                    if let Some((_, record)) = moved.next() {
                        restored.add(&record)?;
                    }
                }
                (_, Some(_)) => kept.next().iter().for_each(|record| restored.keep(record)),
                _ => break,
            }
        }
        Ok(restored.batch())
    }
}

/// Archived events that were read: their batches, and for each its sequence in the store and where it is.
#[derive(Default)]
struct Moved {
    batches: Vec<Batch>,
    places: Vec<(u64, usize, usize)>,
}

impl Moved {
    fn iter(&self) -> impl Iterator<Item = (u64, RecordView<'_>)> {
        let record = |&(seq, batch, index): &(u64, usize, usize)| Some((seq, self.batches.get(batch)?.get(index)?));
        self.places.iter().filter_map(record)
    }
}

type Work = Shared<BoxFuture<'static, Result<()>>>;

/// A history that is taken, by one or by many.
pub(super) struct Front {
    state: Arc<Mutex<State>>,
    until: u64,
}

struct State {
    /// Nothing while it is read.
    history: Option<History>,
    /// What was read and not taken.
    ready: Batch,
    /// The last event that was taken, or that nothing is left before.
    taken: u64,
    is_over: bool,
    work: Option<Work>,
    /// The same, for whoever polls.
    waiting: Option<Work>,
}

impl Front {
    /// What lies behind a sequence, up to the last event that was archived; none where nothing was archived behind it.
    pub(super) async fn behind(store: &EventStore, filters: &[String], after: u64) -> Result<Option<Self>> {
        let Some(archive) = store.archive_stream().await? else { return Ok(None) };
        let until = store.archived_until(&archive).await?;
        if until <= after {
            return Ok(None);
        }
        let (store, filters) = (store.clone(), filters.to_vec());
        let (known, places) = (after, VecDeque::new());
        let history = History { store, archive, filters, after, until, known, places, places_max: PLACES_MAX };
        let state = State {
            history: Some(history),
            ready: Batch::default(),
            taken: after,
            is_over: false,
            work: None,
            waiting: None,
        };
        Ok(Some(Front { state: Arc::new(Mutex::new(state)), until }))
    }

    /// Where what is live begins behind.
    pub(super) fn until(&self) -> u64 {
        self.until
    }

    /// How many sequences are left.
    pub(super) fn left(&self) -> u64 {
        self.until.saturating_sub(lock(&self.state).taken)
    }

    pub(super) fn is_over(&self) -> bool {
        lock(&self.state).is_over
    }

    /// What makes events ready; none where some are, or none will be.
    fn work(&self) -> Option<Work> {
        let mut state = lock(&self.state);
        if state.is_over || !state.ready.is_empty() {
            return None;
        }
        if let Some(work) = &state.work {
            return Some(work.clone());
        }
        let mut history = state.history.take()?;
        // It is part of the state, and must not keep it.
        let shared = Arc::downgrade(&self.state);
        let work = async move {
            let read = history.next(EVENTS_AT_ONCE).await;
            let Some(shared) = shared.upgrade() else { return Ok(()) };
            let mut state = lock(&shared);
            (state.history, state.work) = (Some(history), None);
            match read? {
                Some(batch) => state.ready = batch,
                None => state.is_over = true,
            }
            Ok(())
        };
        Some(state.work.insert(work.boxed().shared()).clone())
    }

    /// Waits until there is something to take, or there is no more.
    pub(super) async fn ready(&self) -> Result<()> {
        match self.work() {
            Some(work) => work.await,
            None => Ok(()),
        }
    }

    /// The same, without a wait.
    pub(super) fn poll(&self, waker: Option<&Waker>) -> Poll<Result<()>> {
        let Some(mut work) = self.work() else { return Poll::Ready(Ok(())) };
        let polled = Pin::new(&mut work).poll(&mut Context::from_waker(waker.unwrap_or(Waker::noop())));
        if polled.is_pending() && waker.is_some() {
            // It is woken only as long as what was polled is there.
            lock(&self.state).waiting = Some(work);
        }
        polled
    }

    /// Takes up to `max` of the events that are ready.
    pub(super) fn take(&self, max: usize) -> Batch {
        let mut state = lock(&self.state);
        let batch = state.ready.split_to(max);
        if let Some(last) = batch.last_seq() {
            state.taken = last;
        }
        batch
    }
}

/// The sequences of a history of all events that holds so many places.
#[cfg(test)]
pub(super) fn of_few_places(store: &EventStore, places_max: usize) -> Vec<u64> {
    let filters = [store.all_subjects()];
    let front = crate::pending::Pending::of({
        let store = store.clone();
        async move { Front::behind(&store, &filters, 0).await }
    });
    let front = front.wait().expect("a look").expect("a front");
    let mut history = lock(&front.state).history.take().expect("a history");
    history.places_max = places_max;
    let all = crate::pending::Pending::of(async move {
        let mut all = Vec::new();
        while let Some(batch) = history.next(5).await? {
            all.extend((0..batch.len()).filter_map(|index| batch.seq(index)));
        }
        Ok(all)
    });
    all.wait().expect("a history")
}
