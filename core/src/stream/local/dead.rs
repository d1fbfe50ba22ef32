//! Which records of a segment are gone: one bit a record, none where none is gone.

/// A set of ordinals within one segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Dead {
    words: Vec<u64>,
    count: u64,
}

impl Dead {
    /// Adds an ordinal; false when it was there.
    pub(crate) fn insert(&mut self, ord: u32) -> bool {
        let (word, bit) = (ord as usize / 64, 1u64 << (ord % 64));
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        let fresh = self.words[word] & bit == 0;
        self.words[word] |= bit;
        self.count += u64::from(fresh);
        fresh
    }

    pub(crate) fn contains(&self, ord: u32) -> bool {
        self.words.get(ord as usize / 64).is_some_and(|w| w & 1 << (ord % 64) != 0)
    }

    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    /// The first ordinal from `ord` on that is not in the set.
    pub(crate) fn next_live(&self, mut ord: u32) -> u32 {
        while let Some(word) = self.words.get(ord as usize / 64) {
            let gone = word >> (ord % 64);
            let run = gone.trailing_ones();
            if run < 64 - ord % 64 {
                return ord + run;
            }
            ord += 64 - ord % 64;
        }
        ord
    }

    /// How many of `[from, until)` are not in the set.
    pub(crate) fn live_within(&self, from: u64, until: u64) -> u64 {
        let below = |end: u64| {
            let (whole, rest) = ((end / 64) as usize, end % 64);
            let words = self.words.iter().take(whole).map(|w| u64::from(w.count_ones())).sum::<u64>();
            words + self.words.get(whole).map_or(0, |w| u64::from((w & ((1 << rest) - 1)).count_ones()))
        };
        until.saturating_sub(from) - below(until).saturating_sub(below(from.min(until)))
    }

    /// Whether all that it holds is below `count`.
    pub(crate) fn is_within(&self, count: u64) -> bool {
        let last = self.words.iter().rposition(|w| *w != 0);
        last.is_none_or(|at| at as u64 * 64 + u64::from(self.words[at].ilog2()) < count)
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    pub(crate) fn from_words(words: Vec<u64>) -> Self {
        let count = words.iter().map(|w| u64::from(w.count_ones())).sum();
        Dead { words, count }
    }
}
