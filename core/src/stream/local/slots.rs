//! From the hash of a subject's name to its id: open addressing with linear probing, four bytes a slot.
//!
//! What the id leaves of a slot's bits holds bits of the hash, so a lookup fetches one line of memory here and the one
//! entry that it looks for. A general table fetches two here, which was a tenth of a lookup among a million.
//! Nothing is ever taken out: ids are given anew when a table is compacted.

use super::subjects::SubjectId;
use crate::memory::Memory;

/// Slots of an empty table; a power of two.
pub(crate) const SLOTS_MIN: usize = 64;
const SLOT_BYTES: usize = 4;

/// The table. A slot holds an id and one, the rest of the hash above it; 0 is empty.
pub(crate) struct Slots {
    memory: Memory,
    /// How many bits of a hash say where a slot is, and how many of a slot the id takes.
    bits: u32,
}

impl Slots {
    /// So many slots, a power of two.
    pub(crate) fn new(count: usize) -> Self {
        Slots { memory: Memory::zeroed(count * SLOT_BYTES), bits: count.trailing_zeros() }
    }

    /// An empty one with twice the slots.
    pub(crate) fn larger(&self) -> Self {
        Slots::new(2 << self.bits)
    }

    /// Whether so many ids take more than three quarters of it.
    pub(crate) fn is_full(&self, ids: usize) -> bool {
        ids > (3 << self.bits) / 4
    }

    fn slot(&self, at: usize) -> u32 {
        let bytes = self.memory[at * SLOT_BYTES..].first_chunk::<SLOT_BYTES>();
        bytes.map_or(0, |b| u32::from_le_bytes(*b))
    }

    /// The bits of a hash that a slot holds, where they stand.
    fn tag(&self, hash: u64) -> u32 {
        ((hash >> 32 << self.bits) & 0xffff_ffff) as u32
    }

    /// The id under this hash that `is_it` takes.
    pub(crate) fn find(&self, hash: u64, is_it: impl Fn(SubjectId) -> bool) -> Option<SubjectId> {
        let mask = (1 << self.bits) - 1;
        let tag = self.tag(hash);
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slot(at);
            let id = slot & mask as u32;
            if slot == 0 {
                return None;
            }
            if slot - id == tag && is_it(id - 1) {
                return Some(id - 1);
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds an id that is not there; there must be room.
    pub(crate) fn insert(&mut self, hash: u64, id: SubjectId) {
        let mask = (1 << self.bits) - 1;
        let mut at = hash as usize & mask;
        while self.slot(at) != 0 {
            at = (at + 1) & mask;
        }
        let slot = self.tag(hash) | (id + 1);
        self.memory[at * SLOT_BYTES..(at + 1) * SLOT_BYTES].copy_from_slice(&slot.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use foldhash::fast::FixedState;
    use hashbrown::HashMap;

    use super::*;
    use crate::clock::{Clock, ManualClock};

    /// A table that grows as the one of subjects does, beside a map of the same; `hashes` is what the keys hash to.
    fn agrees(seed: u64, hashes: &[u64]) {
        let mut slots = Slots::new(SLOTS_MIN);
        let mut ids: HashMap<usize, SubjectId, FixedState> = HashMap::default();
        let random = ManualClock::new(0, seed);
        for step in 0..4 * hashes.len() {
            let key = random.random() as usize % hashes.len();
            let find = |slots: &Slots| slots.find(hashes[key], |id| ids.get(&key) == Some(&id));
            assert_eq!(find(&slots), ids.get(&key).copied(), "seed {seed} step {step}: key {key}");
            if ids.contains_key(&key) {
                continue;
            }
            let id = ids.len() as SubjectId;
            if slots.is_full(ids.len() + 1) {
                slots = slots.larger();
                for (&key, &id) in &ids {
                    slots.insert(hashes[key], id);
                }
            }
            slots.insert(hashes[key], id);
            ids.insert(key, id);
        }
        for (key, &id) in &ids {
            assert_eq!(slots.find(hashes[*key], |found| found == id), Some(id), "seed {seed}: key {key} at the end");
        }
        let absent = slots.find(random.random(), |_| false);
        assert_eq!(absent, None, "seed {seed}: a search for what is not there ends");
    }

    #[test]
    fn it_holds_what_a_map_holds_while_it_grows() {
        for seed in 0..20 {
            let random = ManualClock::new(0, !seed);
            let hashes: Vec<u64> = (0..=random.random() % 3_000).map(|_| random.random()).collect();
            agrees(seed, &hashes);
        }
    }

    #[test]
    fn hashes_that_are_all_alike_cost_time_and_nothing_else() {
        for hash in [0, 1, 63, u64::MAX, 0xffff_ffff, 0xffff_ffff_0000_0000] {
            agrees(hash, &[hash; 300]);
        }
    }

    #[test]
    fn hashes_that_are_alike_in_one_half_are_told_apart() {
        for seed in 0..10 {
            let random = ManualClock::new(0, seed);
            let low: Vec<u64> = (0..500).map(|_| random.random() << 32 | seed).collect();
            agrees(seed, &low);
            let high: Vec<u64> = (0..500).map(|_| seed << 32 | random.random() >> 32).collect();
            agrees(seed, &high);
        }
    }

    #[test]
    fn a_probe_goes_around_the_end_of_the_table() {
        let mut slots = Slots::new(SLOTS_MIN);
        let last = SLOTS_MIN as u64 - 1;
        (0..4).for_each(|id| slots.insert(last, id));
        for id in 0..4 {
            assert_eq!(slots.find(last, |found| found == id), Some(id));
        }
        assert_eq!(slots.find(1 << 40, |_| true), None, "what ran over into the first slots has another hash");
    }
}
