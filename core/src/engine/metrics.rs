//! A snapshot of what an engine has done and holds, in Prometheus's terms.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use super::{Engine, Kind};
use crate::error::Result;
use crate::metric::{Meter, Metric};
use crate::stream::hub_state::HubPhase;
use crate::stream::link::{LinkState, LinkStatus};
use crate::stream::local::Local;

impl Engine {
    /// What it has done and holds, now: counters of the engine since it was opened, gauges of each open stream, its hub
    /// and its links. Through a node it is what the node has done and holds.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`] when the node goes away before it answers, [`crate::ErrorKind::Closed`] from then on.
    pub fn metrics(&self) -> Result<Vec<Metric>> {
        if let Kind::Other(other) = &self.0
            && self.is_through_node()
        {
            return other.ops.metrics().wait();
        }
        let counters = &self.shared().counters;
        let counted = |name, value: &AtomicU64| Metric::of(name, &[], value.load(Ordering::Relaxed));
        let mut metrics = vec![
            counted("headwater_appends_total", &counters.appends),
            counted("headwater_reads_total", &counters.reads),
            counted("headwater_syncs_total", &counters.syncs),
            counted("headwater_conflicts_total", &counters.conflicts),
            counted("headwater_duplicates_total", &counters.duplicates),
        ];
        if let Kind::Local(inner) = &self.0 {
            inner.locals().iter().for_each(|local| metrics.extend(of_stream(local)));
            inner.links.status().iter().for_each(|link| metrics.extend(of_link(link)));
            #[cfg(feature = "replica")]
            inner.databases.statuses().iter().for_each(|status| metrics.extend(of_database(status)));
        }
        if let Ok(state) = self.hub_state() {
            let connected = state.phase == HubPhase::Connected;
            metrics.push(Metric::of("headwater_hub_connected", &[], u64::from(connected)));
            metrics.push(Metric::of("headwater_hub_reconnects_total", &[], state.reconnects));
            metrics.push(Metric::of("headwater_hub_lag_records", &[], state.lag_records));
        }
        metrics.extend(self.shared().meters().iter().flat_map(|meter| meter.metrics()));
        Ok(metrics)
    }

    /// Has a door tell its metrics among those of the engine, for as long as it is there.
    pub(crate) fn add_meter(&self, meter: Weak<dyn Meter>) {
        self.shared().add_meter(meter);
    }

    /// What all handles of something count in, by its name, for as long as the engine is open.
    pub(crate) fn measured<T: Meter + 'static>(&self, name: &str, make: impl FnOnce() -> T) -> Arc<T> {
        let (meter, is_new) = self.shared().lend(name, make);
        if is_new {
            let told: Arc<dyn Meter> = meter.clone();
            self.add_meter(Arc::downgrade(&told));
        }
        meter
    }
}

fn of_stream(local: &Local) -> Vec<Metric> {
    let state = local.lock();
    let gauges = [
        ("headwater_stream_records", state.records),
        ("headwater_stream_bytes", state.bytes),
        ("headwater_stream_subjects", state.subjects.live() as u64),
        ("headwater_stream_first_seq", state.first_seq),
        ("headwater_stream_last_seq", state.last_seq),
        ("headwater_stream_segments", state.parts.len() as u64),
        ("headwater_stream_unwritten_bytes", state.tail.end() - state.tail.memory_start()),
        ("headwater_stream_poisoned", u64::from(state.poison.is_some())),
    ];
    gauges.map(|(name, value)| Metric::of(name, &[("stream", &local.name)], value)).into()
}

fn of_link(link: &LinkStatus) -> Vec<Metric> {
    let values = [
        ("headwater_link_running", u64::from(link.state == LinkState::Running)),
        ("headwater_link_pushed_records_total", link.pushed),
        ("headwater_link_pulled_records_total", link.pulled),
        ("headwater_link_known_records_total", link.known),
        ("headwater_link_missed_records_total", link.missed),
        ("headwater_link_skipped_records_total", link.skipped),
        ("headwater_link_lag_push_records", link.lag_push),
        ("headwater_link_lag_pull_records", link.lag_pull),
        ("headwater_link_resets_total", link.resets),
        ("headwater_link_failures_total", link.failures),
    ];
    let labels = [("link", link.name.as_str()), ("stream", &link.stream), ("hub_stream", &link.remote)];
    values.map(|(name, value)| Metric::of(name, &labels, value)).into()
}

#[cfg(feature = "replica")]
fn of_database(status: &crate::replica::DatabaseStatus) -> Vec<Metric> {
    let values = [
        ("headwater_replica_running", u64::from(status.state == crate::replica::DatabaseState::Running)),
        ("headwater_replica_pending", status.pending),
        ("headwater_replica_unsent", status.unsent),
        ("headwater_replica_published_total", status.published),
        ("headwater_replica_applied_total", status.applied),
        ("headwater_replica_changes_total", status.changes),
        ("headwater_replica_conflicts", status.conflicts),
        ("headwater_replica_parked", status.parked),
        ("headwater_replica_held", status.held),
        ("headwater_replica_missing", status.missing),
        ("headwater_replica_lag_records", status.lag_records),
    ];
    let labels = [("database", status.name.as_str())];
    let mut metrics: Vec<_> = values.map(|(name, value)| Metric::of(name, &labels, value)).into();
    let mut lag = Metric::of("headwater_replica_lag_seconds", &labels, 0);
    lag.value = status.lag_ms as f64 / 1000.0;
    metrics.push(lag);
    metrics
}
