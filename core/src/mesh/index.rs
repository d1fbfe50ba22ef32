//! The keys of a store in the order of the digests of their names, with the digest of what lives in each, so that two
//! peers find in a few rounds which keys differ, whatever the number of keys (Meyer, "Range-based set reconciliation",
//! 2023; Merkle trees of Dynamo and Riak, without keeping one).
//!
//! A range is a prefix of some hexadecimal digits. An index is built in steps when a repair needs it, and says from
//! where on in the log it may lack something.

use sha2::{Digest, Sha256};

use crate::clock::mix;
use crate::crdt::store::CrdtStore;
use crate::crdt::store::take::Name;
use crate::crdt::{Fragment, digest_word};
use crate::error::Result;

use super::faults::{Fault, has};

/// Keys whose digests are taken at once, under the lock of the store.
const KEYS_A_STEP: usize = 500;
/// Hexadecimal digits of a hash.
const DIGITS: u32 = 16;
/// Parts that a range has.
const PARTS: u64 = 16;

/// Which keys there are, by the first digits of the hashes of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) prefix: u64,
    pub(super) depth: u32,
}

impl Range {
    pub(super) const ALL: Range = Range { prefix: 0, depth: 0 };

    /// A range that a peer named; none if it is not one.
    pub(super) fn new(prefix: u64, depth: u32) -> Option<Range> {
        let range = Range { prefix, depth };
        (depth <= DIGITS && prefix & range.rest() == 0).then_some(range)
    }

    /// The bits that are free in it.
    fn rest(self) -> u64 {
        u64::MAX.checked_shr(4 * self.depth).unwrap_or(0)
    }

    /// Its parts, by the next digit; none of a single hash.
    pub(super) fn parts(self) -> impl Iterator<Item = Range> {
        let count = if self.depth < DIGITS { PARTS } else { 0 };
        let shift = 4 * (DIGITS - 1).saturating_sub(self.depth);
        (0..count).map(move |digit| Range { prefix: self.prefix | digit << shift, depth: self.depth + 1 })
    }
}

/// One key.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) hash: u64,
    pub(super) digest: u64,
    pub(super) name: Name,
}

/// The keys of a store as they were, each at some moment after what was seen was noted.
#[derive(Debug)]
pub(super) struct Index {
    /// What the store had seen before.
    pub(super) standing: Fragment,
    /// The last record of the log before.
    pub(super) log_end: u64,
    /// By hash.
    entries: Vec<Entry>,
    /// The sums of the entries before each, and of all.
    sums: Vec<u64>,
}

impl Index {
    /// How many keys are in a range, and their sum.
    pub(super) fn sum(&self, range: Range) -> (u64, u64) {
        let (first, end) = self.places(range);
        ((end - first) as u64, self.sums[end].wrapping_sub(self.sums[first]))
    }

    /// The keys of a range.
    pub(super) fn entries(&self, range: Range) -> &[Entry] {
        let (first, end) = self.places(range);
        &self.entries[first..end]
    }

    /// The keys whose names have a hash.
    pub(super) fn of_hash(&self, hash: u64) -> &[Entry] {
        self.entries(Range { prefix: hash, depth: DIGITS })
    }

    fn places(&self, range: Range) -> (usize, usize) {
        let last = range.prefix | range.rest();
        let first = self.entries.partition_point(|entry| entry.hash < range.prefix);
        (first, first + self.entries[first..].partition_point(|entry| entry.hash <= last))
    }
}

/// An index on its way.
#[derive(Debug)]
pub(super) struct Building {
    standing: Fragment,
    log_end: u64,
    names: Vec<Name>,
    entries: Vec<Entry>,
}

impl Building {
    pub(super) fn new(store: &CrdtStore) -> Result<Building> {
        // First what was seen, then the keys: each then has all that was seen of it.
        let log_end = store.log_end()?;
        let standing = store.standing()?;
        let names = store.names()?;
        let entries = Vec::with_capacity(names.len());
        Ok(Building { standing, log_end, names, entries })
    }

    /// Goes on a bit; the index when it is done.
    pub(super) fn step(&mut self, store: &CrdtStore) -> Result<Option<Index>> {
        let some = self.names.split_off(self.names.len().saturating_sub(KEYS_A_STEP));
        let digests = store.digests(&some)?;
        let is_compared = |name: &Name| !has(Fault::DeadUncompared) || store.is_alive(name);
        let alive = some.into_iter().zip(digests).filter(|(name, digest)| *digest != 0 && is_compared(name));
        self.entries.extend(alive.map(|(name, digest)| Entry { hash: hash(&name), digest, name }));
        if !self.names.is_empty() {
            return Ok(None);
        }
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_unstable_by(|a, b| (a.hash, &a.name).cmp(&(b.hash, &b.name)));
        let mut sums = Vec::with_capacity(entries.len() + 1);
        let mut sum = 0_u64;
        sums.push(sum);
        for entry in &entries {
            sum = sum.wrapping_add(weight(entry.hash, if has(Fault::NamesAlone) { 0 } else { entry.digest }));
            sums.push(sum);
        }
        Ok(Some(Index { standing: self.standing.clone(), log_end: self.log_end, entries, sums }))
    }
}

/// The first 8 bytes of SHA-256 over kind and name.
pub(super) fn hash((name, kind): &Name) -> u64 {
    digest_word(Sha256::new_with_prefix([*kind as u8]).chain_update(name.as_bytes()))
}

/// What an entry adds to a sum, so that entries that trade digests do not cancel out.
fn weight(hash: u64, digest: u64) -> u64 {
    mix(hash.rotate_left(32) ^ digest)
}
