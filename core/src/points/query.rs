//! Aggregates over the history, in buckets of time aligned to the epoch, UTC.
//!
//! Every point that the stream keeps counts once, whenever it was committed, except deleted ones (with an odd
//! tombstone). Two points of a series with the same time are both counted. Records are folded as they are read: what
//! is held in memory is the rows that come out, at most [`QUERY_ROWS_MAX`], and never the points.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::record::RecordView;
use crate::stream::ReadOptions;

use super::aggregate::{Aggregate, Bucket, Sample};
use super::names::Names;
use super::point::{Subjects, time_of, view_of};
use super::range::{PAGE_RECORDS, event_range};
use super::store::Points;

/// The most rows that one query may give.
pub const QUERY_ROWS_MAX: usize = 1_000_000;

/// What to ask of the history.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Series filters: `seattle.temperature`, `seattle.*`, `>`; everything when empty.
    pub filters: Vec<String>,
    /// From this time on, nanoseconds since the epoch.
    pub from: Option<i64>,
    /// Before this time.
    pub to: Option<i64>,
    /// The width of a bucket, aligned to the epoch in UTC; zero is one bucket for everything.
    pub every: Duration,
    /// What to compute.
    pub aggregates: Vec<Aggregate>,
}

/// One bucket of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// `node.kind` or `node.kind.key`.
    pub series: String,
    /// Where the bucket starts, nanoseconds since the epoch; with one bucket for everything, where the query starts,
    /// or the earliest point when it has no start.
    pub start: i64,
    /// A value for each aggregate asked for, in order; `None` where no number is there.
    pub values: Vec<Option<f64>>,
}

impl Points {
    /// Aggregates in buckets, without loading the range into memory; rows by series, then start.
    ///
    /// It sees what was committed before it began. Buckets without a point have no row. More than 1,000,000 rows are
    /// refused with [`ErrorKind::Limit`]: ask for wider buckets or fewer series.
    pub fn query(&self, query: &Query) -> Result<Vec<Row>> {
        let mut fold = Fold::new(query, self.own_origin())?;
        let mut options = ReadOptions {
            filters: self.subjects().filters(&query.filters)?,
            event_range: event_range(query.from, query.to)?,
            max_records: PAGE_RECORDS,
            ..ReadOptions::default()
        };
        let end = self.stream().info().wait()?.last_seq;
        let mut next = 1;
        while next <= end {
            options = options.from_seq(next);
            let batch = self.stream().read(&options).wait()?;
            if batch.is_empty() {
                break;
            }
            for record in batch.iter() {
                next = record.seq + 1;
                if record.seq > end {
                    break;
                }
                fold.add(&record, self.subjects())?;
            }
        }
        fold.rows(self.subjects())
    }
}

/// The buckets of each series so far.
pub(super) struct Fold<'a> {
    query: &'a Query,
    /// The width of a bucket in nanoseconds; 0 is one bucket for everything.
    every: i64,
    percentiles: bool,
    rows: usize,
    subjects: Names,
    origins: Names,
    series: Vec<Series>,
}

struct Series {
    /// False for what the store wrote for itself.
    counted: bool,
    /// Which bucket the last point fell into, and the times that it covers.
    at: usize,
    low: i64,
    high: i64,
    /// By start.
    buckets: Vec<Bucket>,
}

impl<'a> Fold<'a> {
    pub(super) fn new(query: &'a Query, own_origin: &str) -> Result<Self> {
        if query.aggregates.is_empty() {
            return Err(Error::invalid("a query names at least one aggregate"));
        }
        query.aggregates.iter().try_for_each(|a| a.check())?;
        let every = i64::try_from(query.every.as_nanos())
            .map_err(|_| Error::invalid(format!("buckets of {} s are too wide", query.every.as_secs())))?;
        let mut origins = Names::default();
        origins.number(own_origin);
        Ok(Fold {
            query,
            every,
            percentiles: query.aggregates.iter().any(|a| matches!(a, Aggregate::Percentile(_))),
            rows: 0,
            subjects: Names::default(),
            origins,
            series: Vec::new(),
        })
    }

    /// Takes in one record.
    #[inline]
    pub(super) fn add(&mut self, record: &RecordView<'_>, subjects: &Subjects) -> Result<()> {
        let number = self.subjects.number(record.subject);
        if number == self.series.len() {
            let counted = !subjects.is_own(record.subject);
            self.series.push(Series { counted, at: 0, low: 0, high: 0, buckets: Vec::new() });
        }
        let series = &mut self.series[number];
        if !series.counted {
            return Ok(());
        }
        let point = view_of(record)?;
        if point.tombstone % 2 == 1 {
            return Ok(());
        }
        let time = time_of(record);
        if !(series.low..series.high).contains(&time) {
            self.rows += series.turn_to(time, self.every, self.percentiles);
            if self.rows > QUERY_ROWS_MAX {
                let message = format!("the query gives more than {QUERY_ROWS_MAX} rows: ask for wider buckets");
                return Err(Error::new(ErrorKind::Limit, message));
            }
        }
        let bucket = &mut series.buckets[series.at];
        match point.value.as_f64() {
            Some(value) if !value.is_nan() => {
                let origin = if point.origin.is_empty() { 0 } else { self.origins.number(point.origin) as u32 };
                let origins = &self.origins;
                bucket.add(Sample { time, tombstone: point.tombstone, origin, value }, |a, b| {
                    origins.name(a as usize) > origins.name(b as usize)
                });
            }
            _ => bucket.add_other(),
        }
        if self.every == 0 {
            bucket.start = bucket.start.min(time);
        }
        Ok(())
    }

    /// What came of it, by series, then start.
    pub(super) fn rows(self, subjects: &Subjects) -> Result<Vec<Row>> {
        let mut rows = Vec::with_capacity(self.rows);
        let mut order = Vec::with_capacity(self.series.len());
        for (number, series) in self.series.into_iter().enumerate() {
            if !series.buckets.is_empty() {
                order.push((subjects.series(self.subjects.name(number))?, series));
            }
        }
        order.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, series) in order {
            for mut bucket in series.buckets {
                let start = if self.every == 0 { self.query.from.unwrap_or(bucket.start) } else { bucket.start };
                rows.push(Row { series: name.clone(), start, values: bucket.values(&self.query.aggregates) });
            }
        }
        Ok(rows)
    }
}

impl Series {
    /// Makes the bucket of `time` the one at hand; returns how many buckets that added.
    fn turn_to(&mut self, time: i64, every: i64, percentiles: bool) -> usize {
        if every == 0 {
            (self.low, self.high) = (i64::MIN, i64::MAX);
            // The last nanosecond of all lies outside of the half-open range and comes here each time.
            if self.buckets.is_empty() {
                self.buckets.push(Bucket::new(time, percentiles));
                return 1;
            }
            return 0;
        }
        let turn = time.div_euclid(every);
        let start = turn.saturating_mul(every);
        (self.low, self.high) = (start, (turn + 1).saturating_mul(every));
        if self.buckets.last().is_none_or(|b| b.start < start) {
            self.at = self.buckets.len();
        } else {
            match self.buckets.binary_search_by_key(&start, |b| b.start) {
                Ok(at) => {
                    self.at = at;
                    return 0;
                }
                Err(at) => self.at = at,
            }
        }
        self.buckets.insert(self.at, Bucket::new(start, percentiles));
        1
    }
}
