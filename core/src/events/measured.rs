//! What is measured of event stores and projections: labels are their names alone, none has a key or a type of event.
//!
//! All handles of a store on one engine count in one place, for as long as the engine is open.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use crate::engine::Engine;
use crate::locks::lock;
use crate::metric::{Meter, Metric};

use super::pull::Inner;

/// A number that only grows.
#[derive(Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, count: usize) {
        self.0.fetch_add(count as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What was done with a store since its engine was opened.
#[derive(Default)]
pub(super) struct Measured {
    store: String,
    pub(super) saves: Count,
    pub(super) saved: Count,
    pub(super) conflicts: Count,
    pub(super) repeats: Count,
    pub(super) loads: Count,
    pub(super) loaded: Count,
    pub(super) snapshot_hits: Count,
    pub(super) snapshot_misses: Count,
    pub(super) snapshots: Count,
    pub(super) archived: Count,
    projections: Mutex<BTreeMap<String, Arc<OfProjection>>>,
}

/// What was done in a projection since the engine was opened.
#[derive(Default)]
pub(super) struct OfProjection {
    pub(super) events: Count,
    pub(super) failures: Count,
    pub(super) dead: Count,
    /// Whoever opened it last.
    open: Mutex<Weak<Inner>>,
}

impl OfProjection {
    /// It is opened by this one from now on.
    pub(super) fn opened(&self, inner: &Arc<Inner>) {
        *lock(&self.open) = Arc::downgrade(inner);
    }
}

impl Measured {
    /// That of a store of an engine.
    pub(super) fn of(engine: &Engine, store: &str) -> Arc<Self> {
        engine.measured(&format!("event store {store}"), || Measured { store: store.to_owned(), ..Measured::default() })
    }

    /// That of a projection of it, by the key that it is kept under.
    pub(super) fn projection(&self, key: &str) -> Arc<OfProjection> {
        Arc::clone(lock(&self.projections).entry(key.to_owned()).or_default())
    }
}

impl Meter for Measured {
    fn metrics(&self) -> Vec<Metric> {
        let of_store = [
            ("headwater_events_saves_total", &self.saves),
            ("headwater_events_saved_total", &self.saved),
            ("headwater_events_conflicts_total", &self.conflicts),
            ("headwater_events_repeats_total", &self.repeats),
            ("headwater_events_loads_total", &self.loads),
            ("headwater_events_loaded_total", &self.loaded),
            ("headwater_events_snapshot_hits_total", &self.snapshot_hits),
            ("headwater_events_snapshot_misses_total", &self.snapshot_misses),
            ("headwater_events_snapshots_total", &self.snapshots),
            ("headwater_events_archived_total", &self.archived),
        ];
        let store = ("store", self.store.as_str());
        let mut all: Vec<Metric> =
            of_store.iter().map(|(name, count)| Metric::of(name, &[store], count.get())).collect();
        let projections: Vec<_> = lock(&self.projections).iter().map(|(key, of)| (key.clone(), of.clone())).collect();
        for (key, of) in projections {
            let labels = [store, ("projection", key.as_str())];
            all.push(Metric::of("headwater_projection_events_total", &labels, of.events.get()));
            all.push(Metric::of("headwater_projection_failures_total", &labels, of.failures.get()));
            all.push(Metric::of("headwater_projection_dead_total", &labels, of.dead.get()));
            let open = lock(&of.open).upgrade();
            if let Some(open) = open.filter(|open| !open.at().is_closed) {
                all.push(Metric::of("headwater_projection_position", &labels, open.at().done));
                all.push(Metric::of("headwater_projection_lag", &labels, open.lag()));
            }
        }
        all
    }
}
