//! Queries against a naive model.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::Engine;
use crate::points::{Aggregate, Point, Query, Row, Value};

use super::{ROUNDS, Random, store, temperature, write};

/// Rows by holding everything in memory.
fn model(points: &[Point], query: &Query) -> Vec<Row> {
    let every = query.every.as_nanos() as i64;
    let mut buckets: BTreeMap<(String, i64), Vec<&Point>> = BTreeMap::new();
    for point in points {
        let inside = query.from.is_none_or(|f| point.time >= f) && query.to.is_none_or(|t| point.time < t);
        if inside && !point.is_deleted() {
            let start = if every == 0 { 0 } else { point.time.div_euclid(every) * every };
            buckets.entry((point.series(), start)).or_default().push(point);
        }
    }
    let row = |((series, start), points): ((String, i64), Vec<&Point>)| {
        let least = points.iter().map(|p| p.time).min().expect("no bucket is empty");
        let start = if every == 0 { query.from.unwrap_or(least) } else { start };
        let mut numbers: Vec<(&Point, f64)> = points.iter().filter_map(|p| Some((*p, p.value.as_f64()?))).collect();
        numbers.retain(|n| !n.1.is_nan());
        let values = query.aggregates.iter().map(|&a| one(a, points.len(), &mut numbers)).collect();
        Row { series, start, values }
    };
    buckets.into_iter().map(row).collect()
}

fn one(aggregate: Aggregate, count: usize, numbers: &mut [(&Point, f64)]) -> Option<f64> {
    let least = numbers.iter().map(|n| n.1).reduce(f64::min);
    match aggregate {
        Aggregate::Count => Some(count as f64),
        Aggregate::Min => least,
        Aggregate::Max => numbers.iter().map(|n| n.1).reduce(f64::max),
        Aggregate::Sum => least.map(|_| numbers.iter().map(|n| n.1).sum()),
        Aggregate::Mean => least.map(|_| numbers.iter().map(|n| n.1).sum::<f64>() / numbers.len() as f64),
        Aggregate::First | Aggregate::Last => {
            numbers.sort_by(|a, b| stamp(a.0).cmp(&stamp(b.0)));
            let at = if aggregate == Aggregate::First { 0 } else { numbers.len().checked_sub(1)? };
            let wanted = stamp(numbers.get(at)?.0);
            numbers.iter().find(|n| stamp(n.0) == wanted).map(|n| n.1)
        }
        Aggregate::Percentile(percent) => {
            numbers.sort_by(|a, b| a.1.total_cmp(&b.1));
            let rank = (percent / 100.0 * numbers.len() as f64).ceil().max(1.0) as usize;
            numbers.get(rank - 1).map(|n| n.1)
        }
    }
}

fn stamp(point: &Point) -> (i64, u32, &str) {
    (point.time, point.tombstone, &point.origin)
}

fn close(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        // The first comparison is for infinities, which have no distance.
        (Some(a), Some(b)) => a.total_cmp(&b).is_eq() || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()),
        (a, b) => a == b,
    }
}

#[test]
fn rows_equal_the_model() {
    let names = ["count", "min", "max", "mean", "sum", "first", "last", "p50", "p90"];
    let aggregates: Vec<Aggregate> = names.iter().map(|n| Aggregate::parse(n).expect(n)).collect();
    for seed in 0..ROUNDS / 2 {
        let mut random = Random(seed);
        let engine = Engine::memory().expect("an engine");
        let points = store(&engine);
        let mut written: Vec<Point> = (0..200).map(|_| random.point()).collect();
        for point in &mut written {
            // Sums of wild floats have no digits in common however they are added.
            if let Value::Float(value) = &mut point.value
                && (value.abs() > 1e9 || value.is_nan())
            {
                *value = 1.5;
            }
            if let Value::Int(value) = &mut point.value {
                *value %= 1_000_000;
            }
        }
        write(&points, &mut random, &written);
        for point in &mut written {
            if point.origin.is_empty() {
                point.origin = points.own_origin().to_owned();
            }
        }
        for _ in 0..6 {
            let from = (random.below(2) == 0).then(|| random.below(20) as i64 - 10);
            let to = (random.below(2) == 0).then(|| from.unwrap_or(-10) + random.below(15) as i64);
            let every = Duration::from_nanos(random.below(6));
            let query = Query { filters: Vec::new(), from, to, every, aggregates: aggregates.clone() };
            let (told, expected) = (points.query(&query).expect("rows"), model(&written, &query));
            assert_eq!(told.len(), expected.len(), "seed {seed} {query:?}");
            for (row, other) in told.iter().zip(&expected) {
                assert_eq!((&row.series, row.start), (&other.series, other.start), "seed {seed} {query:?}");
                for ((name, a), b) in names.iter().zip(&row.values).zip(&other.values) {
                    assert!(close(*a, *b), "seed {seed} {name}: {a:?}, not {b:?}");
                }
            }
        }
    }
}

#[test]
fn buckets_align_to_the_epoch_before_it_too() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    points.write(&[-1, 0, 9, 10, i64::MIN, i64::MAX - 1].map(|t| temperature(t, 1.0))).wait().expect("written");
    let starts = |every| -> Vec<(i64, f64)> {
        let query =
            Query { every: Duration::from_nanos(every), aggregates: vec![Aggregate::Count], ..Query::default() };
        let rows = points.query(&query).expect("rows");
        rows.iter().map(|r| (r.start, r.values[0].expect("a count"))).collect()
    };
    let last = (i64::MAX - 1).div_euclid(10) * 10;
    assert_eq!(starts(10), [(i64::MIN, 1.0), (-10, 1.0), (0, 2.0), (10, 1.0), (last, 1.0)]);
    assert_eq!(starts(0), [(i64::MIN, 6.0)]);
}

#[test]
fn senseless_queries_are_refused() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    let good = Query { aggregates: vec![Aggregate::Count], ..Query::default() };
    assert!(points.query(&good).expect("rows").is_empty());
    for (query, word) in [
        (Query { aggregates: Vec::new(), ..good.clone() }, "aggregate"),
        (Query { aggregates: vec![Aggregate::Percentile(f64::NAN)], ..good.clone() }, "percentile"),
        (Query { from: Some(2), to: Some(1), ..good.clone() }, "range"),
        (Query { every: Duration::MAX, ..good.clone() }, "wide"),
        (Query { filters: vec!["seattle".to_owned()], ..good.clone() }, "filter"),
    ] {
        let error = points.query(&query).expect_err(word);
        assert!(error.kind() == crate::ErrorKind::Invalid && error.message().contains(word), "{error}");
    }
}

#[test]
fn filters_that_overlap_count_a_point_once() {
    let engine = Engine::memory().expect("an engine");
    let points = store(&engine);
    points.write(&[temperature(1, 1.0), Point::new("a", "b", 1, Value::Int(2))]).wait().expect("written");
    let query = Query {
        filters: vec!["seattle.*".to_owned(), "*.temperature".to_owned()],
        aggregates: vec![Aggregate::Count],
        ..Query::default()
    };
    let rows = points.query(&query).expect("rows");
    assert_eq!(rows, [Row { series: "seattle.temperature".to_owned(), start: 1, values: vec![Some(1.0)] }]);
}
