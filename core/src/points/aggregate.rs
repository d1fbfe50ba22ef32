//! What a query computes of a bucket, and the running state it needs for that.
//!
//! The state is of one small size however many points there are; only percentiles add a [`Sketch`]. Numbers are
//! floats and ints; a float that is not a number (NaN), text and JSON are counted and nothing else.

use crate::error::{Error, Result};

use super::sketch::Sketch;

/// What to compute of a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aggregate {
    /// How many points, of every type.
    Count,
    /// The least number.
    Min,
    /// The greatest number.
    Max,
    /// The arithmetic mean of the numbers.
    Mean,
    /// The sum of the numbers, with its rounding errors carried along (Neumaier 1974).
    Sum,
    /// The number of the earliest point; among equal times the one of the least tombstone, then origin.
    First,
    /// The number of the latest point; among equal times the one of the greatest tombstone, then origin.
    Last,
    /// The least value that this many percent of the numbers are not above, 0 to 100: `p50`, `p99.9`.
    ///
    /// Exact for up to 1,024 numbers in a bucket. Beyond that within 0.4 % of that value, as long as the bucket's
    /// numbers span no more than 32 powers of two; the error doubles each time that this span does.
    Percentile(f64),
}

impl Aggregate {
    /// From `count`, `min`, `max`, `mean`, `sum`, `first`, `last`, `p50`, `p99.9`.
    pub fn parse(name: &str) -> Result<Aggregate> {
        let bad = || {
            let known = "count, min, max, mean, sum, first, last or a percentile such as p50 or p99.9";
            Error::invalid(format!("aggregate '{}' is not one of {known}", name.escape_debug()))
        };
        Ok(match name {
            "count" => Aggregate::Count,
            "min" => Aggregate::Min,
            "max" => Aggregate::Max,
            "mean" => Aggregate::Mean,
            "sum" => Aggregate::Sum,
            "first" => Aggregate::First,
            "last" => Aggregate::Last,
            _ => {
                let digits = name.strip_prefix('p').ok_or_else(bad)?;
                if !digits.starts_with(|c: char| c.is_ascii_digit()) {
                    return Err(bad());
                }
                let percentile = Aggregate::Percentile(digits.parse().map_err(|_| bad())?);
                percentile.check().map_err(|_| bad())?;
                percentile
            }
        })
    }

    /// Its name, as `parse` takes it.
    pub fn name(self) -> String {
        match self {
            Aggregate::Count => "count".to_owned(),
            Aggregate::Min => "min".to_owned(),
            Aggregate::Max => "max".to_owned(),
            Aggregate::Mean => "mean".to_owned(),
            Aggregate::Sum => "sum".to_owned(),
            Aggregate::First => "first".to_owned(),
            Aggregate::Last => "last".to_owned(),
            Aggregate::Percentile(percent) => format!("p{percent}"),
        }
    }

    /// Refuses a percentile that is none.
    pub(super) fn check(self) -> Result<()> {
        match self {
            Aggregate::Percentile(percent) if !(0.0..=100.0).contains(&percent) => {
                Err(Error::invalid(format!("percentile {percent} is not between 0 and 100")))
            }
            _ => Ok(()),
        }
    }
}

/// A number and what orders it among others of its bucket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) time: i64,
    pub(super) tombstone: u32,
    /// A number for the origin; see the `order` that [`Bucket::add`] takes.
    pub(super) origin: u32,
    pub(super) value: f64,
}

/// The running state of one bucket.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    pub(super) start: i64,
    count: u64,
    numbers: u64,
    min: f64,
    max: f64,
    sum: f64,
    /// What the additions to `sum` lost by rounding.
    lost: f64,
    first: Sample,
    last: Sample,
    sketch: Option<Box<Sketch>>,
}

impl Bucket {
    pub(super) fn new(start: i64, percentiles: bool) -> Self {
        let none = Sample { time: 0, tombstone: 0, origin: 0, value: 0.0 };
        Bucket {
            start,
            count: 0,
            numbers: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            sum: 0.0,
            lost: 0.0,
            first: none,
            last: none,
            sketch: percentiles.then(Box::default),
        }
    }

    /// Counts a point that holds no number.
    #[inline]
    pub(super) fn add_other(&mut self) {
        self.count += 1;
    }

    /// Takes in a number that is not NaN; `greater` says whether the first origin is greater than the second.
    #[inline]
    pub(super) fn add(&mut self, sample: Sample, greater: impl Fn(u32, u32) -> bool) {
        let value = sample.value;
        self.count += 1;
        self.numbers += 1;
        self.min = if value < self.min { value } else { self.min };
        self.max = if value > self.max { value } else { self.max };
        let sum = self.sum + value;
        let (large, small) = if self.sum.abs() >= value.abs() { (self.sum, value) } else { (value, self.sum) };
        self.lost += (large - sum) + small;
        self.sum = sum;
        if self.numbers == 1 {
            (self.first, self.last) = (sample, sample);
        } else if sample.time > self.last.time {
            self.last = sample;
        } else if sample.time < self.first.time {
            self.first = sample;
        } else {
            self.settle_tie(sample, greater);
        }
        if let Some(sketch) = &mut self.sketch {
            sketch.add(value);
        }
    }

    /// Of points with equal stamps the one committed first stays, as in a merge.
    #[inline(never)]
    fn settle_tie(&mut self, sample: Sample, greater: impl Fn(u32, u32) -> bool) {
        let after = |a: Sample, b: Sample| {
            (a.time, a.tombstone) > (b.time, b.tombstone)
                || ((a.time, a.tombstone) == (b.time, b.tombstone) && greater(a.origin, b.origin))
        };
        if after(sample, self.last) {
            self.last = sample;
        }
        if after(self.first, sample) {
            self.first = sample;
        }
    }

    /// The values of `aggregates`, in order; `None` where there is no number.
    pub(super) fn values(&mut self, aggregates: &[Aggregate]) -> Vec<Option<f64>> {
        if let Some(sketch) = &mut self.sketch {
            sketch.settle();
        }
        aggregates.iter().map(|&a| self.value(a)).collect()
    }

    fn value(&self, aggregate: Aggregate) -> Option<f64> {
        if aggregate == Aggregate::Count {
            return Some(self.count as f64);
        }
        if self.numbers == 0 {
            return None;
        }
        Some(match aggregate {
            Aggregate::Count => self.count as f64,
            Aggregate::Min => self.min,
            Aggregate::Max => self.max,
            Aggregate::Mean => self.total() / self.numbers as f64,
            Aggregate::Sum => self.total(),
            Aggregate::First => self.first.value,
            Aggregate::Last => self.last.value,
            Aggregate::Percentile(percent) => {
                let rank = (percent / 100.0 * self.numbers as f64).ceil() as u64;
                let value = if rank == 0 { self.min } else { self.sketch.as_ref()?.value(rank.min(self.numbers))? };
                // The ends are known exactly, and the middle of a bin may lie beyond them.
                if percent >= 100.0 { self.max } else { value.clamp(self.min, self.max) }
            }
        })
    }

    fn total(&self) -> f64 {
        let total = self.sum + self.lost;
        // With an infinite sum, what was lost is not a number.
        if total.is_nan() { self.sum } else { total }
    }
}
