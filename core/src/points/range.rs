//! Points of a range of time, page by page, as they were written.

use crate::error::{Error, Result};
use crate::stream::ReadOptions;

use super::point::Point;
use super::store::Points;
use crate::time::format_time;

/// How many records one read of the stream asks for: enough to make its cost small, few enough to stay in cache.
pub(super) const PAGE_RECORDS: usize = 16_384;
/// How many points a page holds when the caller leaves it open.
const PAGE_POINTS_DEFAULT: usize = 1_000;

impl Points {
    /// Points whose time is in `[from, to)`, in the order of their commit, at most `max` (0 is 1,000), from sequence
    /// `after` + 1; also returns the sequence to go on from.
    ///
    /// This is the history as it was written: late and deleted points are there, where they were committed. Only the
    /// segments that hold such times are read. An empty page is the end.
    pub fn range(
        &self,
        filter: &str,
        from: Option<i64>,
        to: Option<i64>,
        after: u64,
        max: usize,
    ) -> Result<(Vec<Point>, u64)> {
        let max = if max == 0 { PAGE_POINTS_DEFAULT } else { max };
        let mut options = ReadOptions {
            filters: self.subjects().filters(&[filter.to_owned()])?,
            event_range: event_range(from, to)?,
            ..ReadOptions::default()
        };
        let mut points = Vec::new();
        let mut after = after;
        while points.len() < max {
            options = options.from_seq(after.saturating_add(1)).max_records((max - points.len()).min(PAGE_RECORDS));
            let batch = self.stream().read(&options).wait()?;
            if batch.is_empty() {
                break;
            }
            for record in batch.iter() {
                after = record.seq;
                if !self.subjects().is_own(record.subject) {
                    points.push(self.point(&record)?);
                }
            }
        }
        Ok((points, after))
    }
}

/// The bounds as a read takes them; no bounds when both are open.
pub(super) fn event_range(from: Option<i64>, to: Option<i64>) -> Result<Option<(i64, i64)>> {
    let (low, high) = (from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX));
    if low > high {
        let (end, start) = (format_time(high), format_time(low));
        return Err(Error::invalid(format!("the range ends at {end} before it starts at {start}")));
    }
    Ok((from.is_some() || to.is_some()).then_some((low, high)))
}
