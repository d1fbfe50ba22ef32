//! A snapshot of what an engine has done and holds, in Prometheus's terms.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Engine, Kind};
use crate::stream::hub_state::HubPhase;
use crate::stream::link::{LinkState, LinkStatus};
use crate::stream::local::Local;

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

/// What each metric says, in the order in which they come.
pub(crate) const HELP: [(&str, &str); 25] = [
    ("headwater_appends_total", "Records appended since the engine was opened."),
    ("headwater_reads_total", "Reads since the engine was opened."),
    ("headwater_syncs_total", "Syncs of files since the engine was opened."),
    ("headwater_conflicts_total", "Appends that a condition refused since the engine was opened."),
    ("headwater_duplicates_total", "Appends that were known by their message id since the engine was opened."),
    ("headwater_stream_records", "Records that the stream keeps."),
    ("headwater_stream_bytes", "Bytes of the records that the stream keeps."),
    ("headwater_stream_subjects", "Subjects that have a record."),
    ("headwater_stream_first_seq", "The first sequence that is kept."),
    ("headwater_stream_last_seq", "The last sequence given out."),
    ("headwater_stream_segments", "Segments of the stream."),
    ("headwater_stream_unwritten_bytes", "Bytes of the stream that were not handed to the system yet."),
    ("headwater_stream_poisoned", "1 when a sync failed and the stream takes nothing more until it is reopened."),
    ("headwater_hub_connected", "1 while the connection to the hub stands."),
    ("headwater_hub_reconnects_total", "How often the connection to the hub came back."),
    ("headwater_link_running", "1 while the link carries what there is, 0 while it waits."),
    ("headwater_link_pushed_records_total", "Records that the hub's stream took from the link."),
    ("headwater_link_pulled_records_total", "Records that the local stream took from the link."),
    ("headwater_link_known_records_total", "Records that came or went over the link and were there already."),
    ("headwater_link_missed_records_total", "Records that limits removed before the link carried them."),
    ("headwater_link_skipped_records_total", "Records that the link passed over for newer ones of their subjects."),
    ("headwater_link_lag_push_records", "Sequences of the local stream that the link has still to look at."),
    ("headwater_link_lag_pull_records", "Sequences of the hub's stream that the link has still to look at."),
    ("headwater_link_resets_total", "How often the hub's stream was another one than before."),
    ("headwater_link_failures_total", "How often the link failed and began anew."),
];

impl Engine {
    /// What it has done and holds, now: counters of the engine since it was opened, gauges of each open stream, its hub
    /// and its links.
    pub fn metrics(&self) -> Vec<Metric> {
        let counters = &self.shared().counters;
        let counted = |name, value: &AtomicU64| metric(name, &[], value.load(Ordering::Relaxed));
        let mut metrics = vec![
            counted("headwater_appends_total", &counters.appends),
            counted("headwater_reads_total", &counters.reads),
            counted("headwater_syncs_total", &counters.syncs),
            counted("headwater_conflicts_total", &counters.conflicts),
            counted("headwater_duplicates_total", &counters.duplicates),
        ];
        if let Kind::Local(inner) = &self.0 {
            inner.locals().iter().for_each(|local| metrics.extend(of_stream(local)));
            if let Ok(state) = self.hub_state() {
                let connected = state.phase == HubPhase::Connected;
                metrics.push(metric("headwater_hub_connected", &[], u64::from(connected)));
                metrics.push(metric("headwater_hub_reconnects_total", &[], state.reconnects));
            }
            inner.links.status().iter().for_each(|link| metrics.extend(of_link(link)));
        }
        metrics
    }
}

/// One that only grows when its name says `total`.
fn metric(name: &'static str, labels: &[(&'static str, &str)], value: u64) -> Metric {
    let labels = labels.iter().map(|&(name, value)| (name, value.to_owned())).collect();
    Metric { name, labels, value: value as f64, counter: name.ends_with("_total") }
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
    gauges.map(|(name, value)| metric(name, &[("stream", &local.name)], value)).into()
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
    values.map(|(name, value)| metric(name, &labels, value)).into()
}
