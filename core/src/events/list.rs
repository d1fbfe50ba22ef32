//! Which aggregates there are, and where they stand.

use crate::clock::Nanos;
use crate::error::Result;
use crate::pending::Pending;

use super::event::EventView;
use super::names::EventFilter;
use super::save::Position;
use super::store::EventStore;

/// An aggregate as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregateInfo {
    /// The name of its kind.
    pub aggregate: String,
    /// Which one it is.
    pub key: String,
    /// Where it stands.
    pub position: Position,
    /// The name of its last event.
    pub event_type: String,
    /// When that was saved, in nanoseconds since the epoch.
    pub saved: Nanos,
}

/// A part of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The aggregates, the one first that was saved longest ago.
    pub aggregates: Vec<AggregateInfo>,
    /// What to go on behind; `None` at the end.
    pub next: Option<u64>,
}

impl EventStore {
    /// Lists aggregates whose last event lies behind sequence `after`, `max` of them at the most.
    ///
    /// # Errors
    /// As [`EventStore::load`].
    pub fn list(&self, filter: &EventFilter, after: u64, max: usize) -> Pending<Page> {
        Pending::after(self.0.names.filter(filter), |subjects| {
            let newest = self.stream().last_many(&[&subjects], after, max);
            newest.and_then(move |batch| {
                let aggregates: Result<Vec<_>> =
                    batch.iter().map(|record| AggregateInfo::of(&EventView::of(record)?)).collect();
                let next = batch.len().checked_sub(1).and_then(|last| batch.seq(last));
                let is_full = batch.len() >= max;
                Pending::ready(aggregates.map(|aggregates| Page { aggregates, next: next.filter(|_| is_full) }))
            })
        })
    }
}

impl AggregateInfo {
    fn of(event: &EventView<'_>) -> Result<Self> {
        let (aggregate, key) = event.id()?;
        Ok(AggregateInfo {
            aggregate,
            key,
            position: event.position(),
            event_type: event.event_type.to_owned(),
            saved: event.saved(),
        })
    }
}
