//! What is measured of entities: few labels, none of a key.

use std::sync::atomic::Ordering;

use crate::locks::lock;
use crate::metric::{Meter, Metric};

use super::runtime::Inner;

impl Meter for Inner {
    fn engine_closed(&self) {
        self.close();
    }

    fn metrics(&self) -> Vec<Metric> {
        let now = self.engine.clock().now();
        let state = lock(&self.state);
        if state.is_closed {
            return Vec::new();
        }
        let (dispatch, counts) = (&state.dispatch, state.dispatch.counts);
        let waiting: usize = dispatch.entries.iter().flatten().map(|entry| entry.mailbox.len()).sum();
        let cluster = ("cluster", self.cluster_name());
        let mut all = vec![
            ("headwater_entities_active", dispatch.started() as u64),
            ("headwater_entities_waiting", waiting as u64),
            ("headwater_entities_held_bytes", u64::try_from(dispatch.bytes).unwrap_or(u64::MAX)),
            ("headwater_entities_tasks", dispatch.tasks.len() as u64),
            ("headwater_entities_handled_total", counts.messages),
            ("headwater_entities_turns_total", counts.turns),
            ("headwater_entities_starts_total", counts.starts),
            ("headwater_entities_failures_total", counts.failures),
            ("headwater_entities_crashes_total", counts.crashes),
            ("headwater_entities_refused_total", counts.refused),
            ("headwater_entities_late_total", counts.late),
            ("headwater_entities_dead_total", counts.dead),
        ];
        if let Some(placement) = &state.placement {
            let nodes = placement.nodes(now);
            let own = nodes.iter().find(|(name, ..)| name == placement.node());
            all.push(("headwater_entities_nodes", nodes.iter().filter(|(_, is_alive, ..)| *is_alive).count() as u64));
            all.push(("headwater_entities_shards", own.map_or(0, |(.., shards)| *shards as u64)));
            all.push(("headwater_entities_leased", u64::from(placement.has_lease(now))));
        }
        let (sent, unreached) = (self.sent.load(Ordering::Relaxed), self.unreached.load(Ordering::Relaxed));
        all.extend([("headwater_entities_sent_total", sent), ("headwater_entities_unreached_total", unreached)]);
        let busy = Metric {
            value: counts.busy as f64 / 1e9,
            ..Metric::of("headwater_entities_busy_seconds_total", &[cluster], 0)
        };
        let all = all.into_iter().map(|(name, value)| Metric::of(name, &[cluster], value)).chain([busy]);
        all.collect()
    }
}
