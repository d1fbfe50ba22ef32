//! Percentiles in bounded memory.
//!
//! Up to [`EXACT_MAX`] values are kept as they are, and the percentile is exact. Beyond that, values are counted in
//! bins that are cut along the bits of a float: sign, exponent and the first [`FINE_BITS`] bits of the fraction. A bin
//! is at most 1/128 as wide as its values are large, and its middle stands for it, so the answer is within 0.4 % of a
//! value that is there. No more than [`BINS_MAX`] bins are kept: when a bucket's values need more (they span more than
//! 32 powers of two), pairs of bins are joined, which doubles the error each time. Cutting by exponent and leading
//! bits is the idea of HdrHistogram; joining pairs to stay within bounds that of UDDSketch (Epicoco and others, 2020).

/// The most values that are kept as they are.
pub(super) const EXACT_MAX: usize = 1024;
/// The most bins.
pub(super) const BINS_MAX: usize = 4096;
/// How many bits of the fraction tell bins apart at first.
pub(super) const FINE_BITS: u32 = 7;
const FRACTION_BITS: u32 = 52;

/// What is known about how values are distributed.
#[derive(Debug, Clone)]
pub(super) enum Sketch {
    Exact(Vec<f64>),
    Binned(Bins),
}

impl Default for Sketch {
    fn default() -> Self {
        Sketch::Exact(Vec::new())
    }
}

impl Sketch {
    /// Counts a value, which is not NaN.
    pub(super) fn add(&mut self, value: f64) {
        match self {
            Sketch::Exact(values) if values.len() < EXACT_MAX => values.push(value),
            Sketch::Exact(values) => {
                let mut bins = Bins { bits: FINE_BITS, bins: Vec::new() };
                for &known in values.iter() {
                    bins.add(known);
                }
                bins.add(value);
                *self = Sketch::Binned(bins);
            }
            Sketch::Binned(bins) => bins.add(value),
        }
    }

    /// Makes [`Sketch::value`] cheap, after the last value was added.
    pub(super) fn settle(&mut self) {
        if let Sketch::Exact(values) = self {
            values.sort_by(f64::total_cmp);
        }
    }

    /// The value at `rank`, from 1, of the settled sketch.
    pub(super) fn value(&self, rank: u64) -> Option<f64> {
        let index = rank.checked_sub(1)?;
        match self {
            Sketch::Exact(values) => values.get(usize::try_from(index).ok()?).copied(),
            Sketch::Binned(bins) => bins.value(index),
        }
    }
}

/// Counts by bin, in order.
#[derive(Debug, Clone)]
pub(super) struct Bins {
    bits: u32,
    bins: Vec<(i64, u64)>,
}

impl Bins {
    fn add(&mut self, value: f64) {
        let key = key_of(value, self.bits);
        match self.bins.binary_search_by_key(&key, |b| b.0) {
            Ok(at) => self.bins[at].1 += 1,
            Err(at) => {
                self.bins.insert(at, (key, 1));
                while self.bins.len() > BINS_MAX && self.bits > 0 {
                    self.join_pairs();
                }
            }
        }
    }

    fn join_pairs(&mut self) {
        self.bits -= 1;
        let mut joined: Vec<(i64, u64)> = Vec::with_capacity(self.bins.len());
        for &(key, count) in &self.bins {
            // The shift rounds down, and negative keys are mirrored at -1, so a pair stays within one sign.
            match joined.last_mut() {
                Some(last) if last.0 == key >> 1 => last.1 += count,
                _ => joined.push((key >> 1, count)),
            }
        }
        self.bins = joined;
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.bins.len()
    }

    fn value(&self, index: u64) -> Option<f64> {
        let mut before = 0;
        for &(key, count) in &self.bins {
            before += count;
            if index < before {
                return Some(middle_of(key, self.bits));
            }
        }
        None
    }
}

/// The number of a value's bin; greater values never have a smaller one. Negative values count down from -1.
fn key_of(value: f64, bits: u32) -> i64 {
    let magnitude = (value.abs().to_bits() >> (FRACTION_BITS - bits)) as i64;
    if value.is_sign_negative() { !magnitude } else { magnitude }
}

fn middle_of(key: i64, bits: u32) -> f64 {
    let magnitude = if key < 0 { !key } else { key } as u64;
    let shift = FRACTION_BITS - bits;
    let (low, high) = (f64::from_bits(magnitude << shift), f64::from_bits((magnitude + 1) << shift));
    // The lowest bin holds 0 and nothing else that matters; above the highest one lies infinity.
    let middle = if magnitude == 0 || !high.is_finite() { low } else { low + (high - low) / 2.0 };
    if key < 0 { -middle } else { middle }
}
