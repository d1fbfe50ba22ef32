//! What a worker does by itself beside replication: snapshots by time or by growth of the log, by one node of all, and
//! joining one when units are missing.

use std::time::Duration;

use super::lease::Lease;
use super::worker::Worker;
use crate::clock::{Nanos, SECOND};
use crate::error::{ErrorKind, Result};
use crate::locks::lock;

/// How long nobody has to write the lease anew before another node takes it.
const LEASE: Duration = Duration::from_secs(30);
/// How often the lease is looked at.
const LEASE_LOOK: Nanos = 10 * SECOND;
/// Rows that a sweep looks at each second.
const SWEEP_ROWS: usize = 2_000;
/// How long missing units are waited for.
const PATIENCE: Nanos = 10 * SECOND;
/// Between two tries to join a snapshot.
const BETWEEN: Nanos = 60 * SECOND;

/// What is due, and when.
#[derive(Default)]
pub(crate) struct Upkeep {
    look_at: Nanos,
    sweep_at: Nanos,
    lease: Option<Lease>,
    lease_at: Nanos,
    /// When the last snapshot that is known was made, and the log's end then.
    last: Option<(Nanos, u64)>,
    missing_since: Option<Nanos>,
    joined_at: Nanos,
}

/// How often it is looked whether something is due.
const LOOK: Nanos = SECOND;

impl Upkeep {
    /// Whether it is time to look again.
    pub(super) fn is_due(&mut self, now: Nanos) -> bool {
        let is_due = now >= self.look_at;
        if is_due {
            self.look_at = now + LOOK;
        }
        is_due
    }
}

impl Worker {
    /// Does what is due; mistakes are told in the log and tried again.
    pub(crate) fn upkeep(&self) {
        if self.is_paused() {
            return;
        }
        let now = self.engine.clock().now();
        let tell = |what: &str, done: Result<()>| match done {
            Err(error) if error.kind() != ErrorKind::Busy => {
                self.engine.log("warn", format!("database '{}': {what}: {error}", self.name));
            }
            _ => {}
        };
        tell("sweep", self.sweep_on(now));
        if !self.snapshot_config().store.is_empty() {
            tell("snapshot", self.join_what_is_missing(now));
            tell("snapshot", self.snapshot_if_due(now));
        }
    }

    /// Goes on with the sweep over all rows, which begins anew from time to time.
    fn sweep_on(&self, now: Nanos) -> Result<()> {
        if now < lock(&self.upkeep).sweep_at {
            return Ok(());
        }
        let is_over = self.with_node(|node| node.sweep(SWEEP_ROWS))?;
        if is_over {
            let every = self.config.pause_between_sweeps().as_nanos();
            lock(&self.upkeep).sweep_at = now.saturating_add(u64::try_from(every).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    /// Joins the newest snapshot, when units are missing and do not come.
    fn join_what_is_missing(&self, now: Nanos) -> Result<()> {
        let missing = self.with_node(|node| node.missing())?;
        let mut upkeep = lock(&self.upkeep);
        if missing == 0 {
            upkeep.missing_since = None;
            return Ok(());
        }
        let since = *upkeep.missing_since.get_or_insert(now);
        if now.saturating_sub(since) < PATIENCE || now.saturating_sub(upkeep.joined_at) < BETWEEN {
            return Ok(());
        }
        upkeep.joined_at = now;
        drop(upkeep);
        let info = self.restore(None)?;
        self.engine.log("info", format!("database '{}': snapshot {} is joined", self.name, info.id));
        Ok(())
    }

    /// Makes a snapshot, when one is due and this node is the one to make it.
    fn snapshot_if_due(&self, now: Nanos) -> Result<()> {
        let config = self.snapshot_config();
        if config.interval.is_zero() && config.log_entries == 0 || !self.config.publish {
            return Ok(());
        }
        let mut upkeep = lock(&self.upkeep);
        if now < upkeep.lease_at {
            return Ok(());
        }
        upkeep.lease_at = now + LEASE_LOOK;
        if upkeep.lease.is_none() {
            let at = self.engine.hub_of_links().unwrap_or_else(|| self.engine.clone());
            upkeep.lease = Some(Lease::open(&at, &self.name, &self.status().node, LEASE)?);
        }
        let is_leader = upkeep.lease.as_mut().map_or(Ok(false), |lease| lease.work(now))?;
        if !is_leader {
            upkeep.last = None;
            return Ok(());
        }
        let end = self.with_node(|node| node.log_end())?;
        let (made, made_end) = match upkeep.last {
            Some(last) => last,
            // What another node made counts, by when it came to be.
            None => {
                let newest = self.snapshots()?.into_iter().next();
                newest.map_or((0, 0), |info| (info.created_ms * super::core::MS, end))
            }
        };
        upkeep.last = Some((made, made_end));
        let interval = u64::try_from(config.interval.as_nanos()).unwrap_or(u64::MAX);
        let is_time = interval > 0 && now.saturating_sub(made) >= interval;
        let is_grown = config.log_entries > 0 && end.saturating_sub(made_end) >= config.log_entries;
        if !is_time && !is_grown {
            return Ok(());
        }
        upkeep.last = Some((now, end));
        drop(upkeep);
        let info = self.snapshot()?;
        self.engine.log("info", format!("database '{}': snapshot {} is made", self.name, info.id));
        Ok(())
    }

    /// Lets another node make snapshots.
    pub(super) fn end_upkeep(&self) {
        if let Some(lease) = &mut lock(&self.upkeep).lease {
            lease.give_up();
        }
    }
}
