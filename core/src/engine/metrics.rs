//! A snapshot of what an engine has done and holds, in Prometheus's terms.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Engine, Kind};

/// A measured value.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Such as `headwater_stream_records`.
    pub name: &'static str,
    /// Names and values.
    pub labels: Vec<(&'static str, String)>,
    /// The value now.
    pub value: f64,
    /// Whether it only grows.
    pub counter: bool,
}

impl Engine {
    /// What it has done and holds, now: counters of the engine since it was opened, gauges of each open stream.
    pub fn metrics(&self) -> Vec<Metric> {
        let counters = &self.shared().counters;
        let counted = |name, value: &AtomicU64| Metric {
            name,
            labels: Vec::new(),
            value: value.load(Ordering::Relaxed) as f64,
            counter: true,
        };
        let mut metrics = vec![
            counted("headwater_appends_total", &counters.appends),
            counted("headwater_reads_total", &counters.reads),
            counted("headwater_syncs_total", &counters.syncs),
            counted("headwater_conflicts_total", &counters.conflicts),
            counted("headwater_duplicates_total", &counters.duplicates),
        ];
        let locals = match &self.0 {
            Kind::Local(inner) => inner.locals(),
            Kind::Other(_) => Vec::new(),
        };
        for local in locals {
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
            metrics.extend(gauges.map(|(name, value)| Metric {
                name,
                labels: vec![("stream", local.name.clone())],
                value: value as f64,
                counter: false,
            }));
        }
        metrics
    }
}
