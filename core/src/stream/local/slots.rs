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
