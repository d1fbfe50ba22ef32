//! `headwater points query`: a series in buckets of time, one row for each.

use std::fmt::Write;
use std::time::Duration;

use clap::Args;
use headwater::points::{Aggregate, Points, Query, Row};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::failure::Done;
use crate::place::Place;
use crate::time::{parse_time, show_short_time, show_time};
use crate::units::parse_duration;

pub(crate) const EXAMPLES: &str = "\
Examples:
  headwater points query weather 'seattle.temperature' --from 2010-01-01 \\
      --to 2010-02-01 --every 1d --agg mean,min,max --dir data --json
  headwater points query weather 'seattle.*' --agg count,p50,p99.9 --dir data

Buckets align to the epoch in UTC. A percentile is exact for up to 1,024 values in a bucket, and within 0.4 % of a \
value that is there beyond (the bound doubles with each doubling of the powers of two that a bucket spans, from 32 \
on). With --json a row has 'series', 'start' and a field for each aggregate, \
which is null where no number is there.";

#[derive(Args)]
pub(crate) struct Ask {
    /// The point store.
    store: String,
    /// Series filters, such as 'seattle.temperature' or 'seattle.*'; all series when none is given.
    filters: Vec<String>,
    /// From this time on.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<i64>,
    /// Before this time.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<i64>,
    /// The width of a bucket, such as 1d; one bucket for everything when not given.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "0", hide_default_value = true)]
    every: Duration,
    /// What to compute, with commas between: count, min, max, mean, sum, first, last, or a percentile such as p99.9.
    #[arg(long, value_name = "AGGREGATES", value_delimiter = ',', value_parser = parse_aggregate,
          default_value = "count,min,mean,max")]
    agg: Vec<Aggregate>,
}

struct RowLine<'a> {
    row: &'a Row,
    names: &'a [String],
    aggregates: &'a [Aggregate],
}

impl Ask {
    pub(crate) fn run(self, place: &Place) -> Done {
        let engine = place.reader()?;
        let points = Points::open(&engine, &self.store)?;
        let filters = if self.filters.is_empty() { vec![">".to_owned()] } else { self.filters };
        let query = Query { filters, from: self.from, to: self.to, every: self.every, aggregates: self.agg };
        let rows = points.query(&query)?;
        let names: Vec<String> = query.aggregates.iter().map(|a| a.name()).collect();
        let mut out = place.output();
        for row in &rows {
            let line = RowLine { row, names: &names, aggregates: &query.aggregates };
            out.either(&line, || line.text())?;
        }
        out.flush()
    }
}

impl RowLine<'_> {
    fn text(&self) -> String {
        let mut text = format!("{}\t{}", self.row.series, show_short_time(self.row.start));
        for (name, value) in self.names.iter().zip(&self.row.values) {
            let value = value.map_or_else(|| "-".to_owned(), short);
            let _ = write!(text, "\t{name} {value}");
        }
        text
    }
}

/// A number with at most six decimals, which is plenty for people.
fn short(value: f64) -> String {
    let text = format!("{value:.6}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

impl Serialize for RowLine<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(2 + self.names.len()))?;
        map.serialize_entry("series", &self.row.series)?;
        map.serialize_entry("start", &show_time(self.row.start))?;
        for ((name, aggregate), value) in self.names.iter().zip(self.aggregates).zip(&self.row.values) {
            match (aggregate, value) {
                (Aggregate::Count, Some(count)) => map.serialize_entry(name, &(*count as u64))?,
                _ => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}

fn parse_aggregate(name: &str) -> Result<Aggregate, String> {
    Aggregate::parse(name).map_err(|e| e.to_string())
}
