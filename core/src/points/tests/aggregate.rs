//! One bucket against a naive model, and percentiles against sorting.

use crate::points::Aggregate;
use crate::points::aggregate::{Bucket, Sample};
use crate::points::sketch::{BINS_MAX, EXACT_MAX, Sketch};

use super::{ROUNDS, Random};

fn bucket(samples: &[Sample]) -> Bucket {
    let mut bucket = Bucket::new(0, true);
    for &s in samples {
        bucket.add(s, |a, b| a > b);
    }
    bucket
}

fn sample(time: i64, value: f64) -> Sample {
    Sample { time, tombstone: 0, origin: 0, value }
}

#[test]
fn names_are_parsed_and_given_back() {
    for name in ["count", "min", "max", "mean", "sum", "first", "last", "p0", "p50", "p99.9", "p100"] {
        assert_eq!(Aggregate::parse(name).expect(name).name(), name);
    }
    for name in ["", "p", "p-1", "p101", "pnan", "p+5", "Mean", "p1e2x", "pinf"] {
        assert!(Aggregate::parse(name).is_err(), "{name}");
    }
}

#[test]
fn first_and_last_go_by_stamp_and_not_by_arrival() {
    for seed in 0..ROUNDS {
        let mut random = Random(seed);
        let mut samples: Vec<Sample> = (0..=random.below(20))
            .map(|i| Sample {
                time: random.below(4) as i64,
                tombstone: random.below(2) as u32 * 2,
                origin: random.below(3) as u32,
                value: i as f64,
            })
            .collect();
        let values = bucket(&samples).values(&[Aggregate::First, Aggregate::Last]);
        // A stable sort keeps the one that came first before its equals; the winner among equals is that one too.
        let stamp = |s: &Sample| (s.time, s.tombstone, s.origin);
        samples.sort_by_key(stamp);
        let greatest = stamp(&samples[samples.len() - 1]);
        let last = samples.iter().find(|s| stamp(s) == greatest).map(|s| s.value);
        assert_eq!(values, [Some(samples[0].value), last], "seed {seed}");
    }
}

#[test]
fn sums_keep_what_rounding_loses() {
    let mut samples = vec![sample(0, 1e16)];
    samples.extend((1..=1000).map(|t| sample(t, 1.0)));
    samples.push(sample(1001, -1e16));
    let values = bucket(&samples).values(&[Aggregate::Sum, Aggregate::Mean]);
    assert_eq!(values, [Some(1000.0), Some(1000.0 / 1002.0)]);
    let infinite = bucket(&[sample(0, f64::INFINITY), sample(1, 1.0)]).values(&[Aggregate::Sum]);
    assert_eq!(infinite, [Some(f64::INFINITY)]);
}

#[test]
fn other_values_are_counted_only() {
    let mut bucket = Bucket::new(0, true);
    bucket.add_other();
    let all = ["count", "min", "max", "mean", "sum", "first", "last", "p50"];
    let values = bucket.values(&all.map(|a| Aggregate::parse(a).expect(a)));
    assert_eq!(values, [Some(1.0), None, None, None, None, None, None, None]);
}

/// The nearest-rank percentile of all values.
fn exact(values: &mut [f64], percent: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * values.len() as f64).ceil().max(1.0) as usize;
    values[rank - 1]
}

#[test]
fn percentiles_are_exact_for_few_values_and_close_for_many() {
    for seed in 0..ROUNDS {
        let mut random = Random(seed);
        let few = random.below(2) == 0;
        let count = 1 + random.below(if few { EXACT_MAX as u64 } else { 5000 });
        let mut values: Vec<f64> = (0..count).map(|_| (random.below(2_000_000) as f64 - 500_000.0) / 1000.0).collect();
        let samples: Vec<Sample> = values.iter().map(|&v| sample(0, v)).collect();
        let mut bucket = bucket(&samples);
        for percent in [0.0, 1.0, 25.0, 50.0, 90.0, 99.9, 100.0] {
            let told = bucket.values(&[Aggregate::Percentile(percent)])[0].expect("a number");
            let true_value = exact(&mut values, percent);
            let bound = if count as usize <= EXACT_MAX { 0.0 } else { true_value.abs() / 256.0 };
            assert!((told - true_value).abs() <= bound, "seed {seed} p{percent}: {told}, not {true_value}");
        }
    }
}

#[test]
fn a_sketch_stays_bounded_over_every_float() {
    let mut random = Random(7);
    let mut sketch = Sketch::default();
    let mut values = Vec::new();
    while values.len() < 100_000 {
        let value = f64::from_bits(random.next());
        if !value.is_nan() {
            values.push(value);
            sketch.add(value);
        }
    }
    sketch.settle();
    let Sketch::Binned(bins) = &sketch else { panic!("more than {EXACT_MAX} values are binned") };
    assert!(bins.len() <= BINS_MAX);
    values.sort_by(f64::total_cmp);
    for rank in (1..=values.len()).step_by(997) {
        let (told, true_value) = (sketch.value(rank as u64).expect("a value"), values[rank - 1]);
        assert!(told.is_sign_negative() == true_value.is_sign_negative(), "{told} for {true_value}");
        // All floats span 2048 powers of two of each sign: no bits of the fraction are left, so at most half is off.
        assert!((told - true_value).abs() <= true_value.abs() || !told.is_finite(), "{told} for {true_value}");
    }
}
