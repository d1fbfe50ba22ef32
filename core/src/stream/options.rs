//! What a read and a purge are told, and the plan that a read becomes.

use serde::{Deserialize, Serialize};

use super::local::read::Plan;
use crate::clock::Nanos;
use crate::error::{Error, Result};
use crate::subject::{Filters, check_filter};

/// Records that a read returns when it is not told how many.
pub(crate) const RECORDS_DEFAULT: usize = 1000;
/// Bytes that a read returns when it is not told how many.
pub(crate) const BYTES_DEFAULT: usize = 8 << 20;

/// Where a read begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Start {
    /// At this sequence.
    Seq(u64),
    /// At the first record committed at or after this time (backward: the last one at or before it), in nanoseconds
    /// since the epoch.
    Time(Nanos),
}

/// Which records to read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[must_use]
pub struct ReadOptions {
    /// Only records that one of these takes; all when empty.
    pub filters: Vec<String>,
    /// Where to begin; the first record (backward: the last one) when not set.
    pub start: Option<Start>,
    /// Only records committed before this time (backward: at or after it), in nanoseconds since the epoch.
    pub until: Option<Nanos>,
    /// Only records whose event time (commit time where it has none) is in `[from, to)`, nanoseconds since the epoch.
    pub event_range: Option<(i64, i64)>,
    /// Newest first.
    pub backward: bool,
    /// The most records; 0 is 1,000.
    pub max_records: usize,
    /// The bytes of records at which it ends, with the record that reaches them; 0 is 8 MiB.
    pub max_bytes: usize,
}

impl ReadOptions {
    /// Adds a filter.
    pub fn filter(mut self, filter: impl Into<String>) -> Self {
        self.filters.push(filter.into());
        self
    }

    /// Begins at this sequence.
    pub fn from_seq(mut self, seq: u64) -> Self {
        self.start = Some(Start::Seq(seq));
        self
    }

    /// Begins at this commit time.
    pub fn from_time(mut self, time: Nanos) -> Self {
        self.start = Some(Start::Time(time));
        self
    }

    /// Newest first.
    pub fn backward(mut self) -> Self {
        self.backward = true;
        self
    }

    /// At most this many records.
    pub fn max_records(mut self, max: usize) -> Self {
        self.max_records = max;
        self
    }

    /// Refuses what no engine takes.
    pub(crate) fn check(&self) -> Result<()> {
        self.filters.iter().try_for_each(|f| check_filter(f))?;
        if self.start == Some(Start::Seq(0)) {
            return Err(Error::invalid("sequences begin at 1, not 0"));
        }
        Ok(())
    }

    /// What a local stream makes of it.
    pub(crate) fn plan(&self) -> Result<Plan> {
        let mut plan = Plan {
            filters: Filters::new(&self.filters)?,
            min_seq: 1,
            max_seq: u64::MAX,
            min_time: 0,
            max_time: Nanos::MAX,
            event_range: self.event_range,
            backward: self.backward,
            max_records: if self.max_records == 0 { RECORDS_DEFAULT } else { self.max_records },
            max_bytes: if self.max_bytes == 0 { BYTES_DEFAULT } else { self.max_bytes },
        };
        match (self.start, self.backward) {
            (None, _) => {}
            (Some(Start::Seq(seq)), false) => plan.min_seq = seq,
            (Some(Start::Seq(seq)), true) => plan.max_seq = seq,
            (Some(Start::Time(time)), false) => plan.min_time = time,
            (Some(Start::Time(time)), true) => plan.max_time = time.saturating_add(1),
        }
        match (self.until, self.backward) {
            (None, _) => {}
            (Some(time), false) => plan.max_time = time,
            (Some(time), true) => plan.min_time = time,
        }
        Ok(plan)
    }
}

/// What to purge; the default is everything.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PurgeOptions {
    /// Only subjects that this takes.
    pub filter: Option<String>,
    /// Only records before this sequence.
    pub before_seq: Option<u64>,
    /// Keep this many of the newest of what would go; not together with `before_seq`.
    pub keep: u64,
}

impl PurgeOptions {
    /// Refuses what no engine takes.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(filter) = &self.filter {
            check_filter(filter)?;
        }
        if self.keep > 0 && self.before_seq.is_some() {
            return Err(Error::invalid("a purge takes keep or before_seq, not both"));
        }
        Ok(())
    }
}
