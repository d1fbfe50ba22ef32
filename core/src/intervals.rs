//! Sets of sequences as intervals: small where they are without gaps, however long.
//!
//! Adding what is there already changes nothing, so a set can be made of records in any order and any number of times.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A set of numbers, kept as disjoint intervals that do not touch; written as pairs of first and last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub(crate) struct Intervals(BTreeMap<u64, u64>);

impl Intervals {
    pub(crate) fn contains(&self, number: u64) -> bool {
        self.0.range(..=number).next_back().is_some_and(|(_, &last)| number <= last)
    }

    /// Adds a number; false when it was there.
    pub(crate) fn insert(&mut self, number: u64) -> bool {
        // Most come one after the other.
        if let Some(mut last) = self.0.last_entry().filter(|last| last.get().checked_add(1) == Some(number)) {
            *last.get_mut() = number;
            return true;
        }
        if self.contains(number) {
            return false;
        }
        self.insert_range(number, number);
        true
    }

    /// Adds all numbers from `first` to `last`.
    pub(crate) fn insert_range(&mut self, mut first: u64, mut last: u64) {
        if first > last {
            return;
        }
        // Whatever touches it becomes one with it, from the end on.
        while let Some((&start, &end)) = self.0.range(..=last.saturating_add(1)).next_back() {
            if end.saturating_add(1) < first {
                break;
            }
            (first, last) = (first.min(start), last.max(end));
            self.0.remove(&start);
        }
        self.0.insert(first, last);
    }

    /// Adds all that another set has.
    pub(crate) fn unite(&mut self, other: &Intervals) {
        for (first, last) in other.iter() {
            self.insert_range(first, last);
        }
    }

    /// Takes out all that another set has.
    pub(crate) fn subtract(&mut self, other: &Intervals) {
        for (first, last) in other.iter() {
            let touched: Vec<(u64, u64)> =
                self.0.range(..=last).rev().take_while(|&(_, &end)| end >= first).map(|(&a, &b)| (a, b)).collect();
            for (start, end) in touched {
                self.0.remove(&start);
                if start < first {
                    self.0.insert(start, first - 1);
                }
                if end > last {
                    self.0.insert(last + 1, end);
                }
            }
        }
    }

    /// Whether all that another set has is here.
    pub(crate) fn covers(&self, other: &Intervals) -> bool {
        other.iter().all(|(first, last)| self.0.range(..=first).next_back().is_some_and(|(_, &end)| end >= last))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The largest number.
    pub(crate) fn last(&self) -> Option<u64> {
        self.0.last_key_value().map(|(_, &last)| last)
    }

    /// First and last of each interval, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().map(|(&first, &last)| (first, last))
    }
}

impl From<Vec<(u64, u64)>> for Intervals {
    fn from(pairs: Vec<(u64, u64)>) -> Self {
        let mut set = Intervals::default();
        for (first, last) in pairs {
            set.insert_range(first, last);
        }
        set
    }
}

impl From<Intervals> for Vec<(u64, u64)> {
    fn from(set: Intervals) -> Self {
        set.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_set_is_what_was_put_in_and_its_intervals_do_not_touch() {
        let mut state = 7u64;
        let mut random = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..200 {
            let (mut set, mut model) = (Intervals::default(), BTreeSet::new());
            for _ in 0..random(60) {
                let first = random(80);
                if random(3) == 0 {
                    let last = first + random(6);
                    set.insert_range(first, last);
                    model.extend(first..=last);
                } else {
                    assert_eq!(set.insert(first), model.insert(first));
                }
            }
            assert!((0..100).all(|n| set.contains(n) == model.contains(&n)));
            let pairs: Vec<_> = set.iter().collect();
            assert!(pairs.windows(2).all(|w| w[0].1 + 1 < w[1].0), "{pairs:?}");
            let text = serde_json::to_string(&set).expect("a set is written");
            assert_eq!(serde_json::from_str::<Intervals>(&text).expect("and read"), set);
        }
    }

    #[test]
    fn sets_are_united_subtracted_and_compared_as_sets() {
        let mut state = 11u64;
        let mut random = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..400 {
            let mut draw = || -> BTreeSet<u64> { (0..random(20)).map(|_| random(24)).collect() };
            let (a, b) = (draw(), draw());
            let set = |numbers: &BTreeSet<u64>| {
                let mut set = Intervals::default();
                for &n in numbers {
                    set.insert_range(n, n);
                }
                set
            };
            let (mut united, mut less) = (set(&a), set(&a));
            united.unite(&set(&b));
            less.subtract(&set(&b));
            assert_eq!(united, set(&(&a | &b)));
            assert_eq!(less, set(&(&a - &b)));
            assert_eq!(set(&a).covers(&set(&b)), b.is_subset(&a));
            assert_eq!(set(&a).last(), a.last().copied());
            assert_eq!(set(&a).is_empty(), a.is_empty());
        }
    }

    #[test]
    fn the_ends_of_all_numbers_belong_to_them() {
        let mut set = Intervals::default();
        set.insert_range(u64::MAX - 1, u64::MAX);
        set.insert_range(0, 0);
        assert!(set.contains(0) && set.contains(u64::MAX) && !set.contains(1));
        assert!(!set.insert(u64::MAX));
    }
}
