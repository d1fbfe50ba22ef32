//! The newest records that were asked for lately, by position: reading one again costs no system call.
//!
//! A position is never given to other bytes once it is committed, so nothing here can be out of date.

use crate::journal::Pos;

/// Slots; a position has one, and the one that came last keeps it.
const SLOTS: usize = 16_384;
/// Larger bodies are read from their file each time, so that all slots together stay below 16 MiB.
const BODY_BYTES_MAX: usize = 1024;

struct Slot {
    pos: Pos,
    tag: u8,
    body: Box<[u8]>,
}

/// Bodies of records, at most one in each slot.
#[derive(Default)]
pub(crate) struct Hot(Vec<Option<Slot>>);

fn slot_of(pos: Pos) -> usize {
    (pos.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50) as usize
}

impl Hot {
    /// Tag and body of the record at a position.
    pub(crate) fn get(&self, pos: Pos) -> Option<(u8, &[u8])> {
        let slot = self.0.get(slot_of(pos))?.as_ref()?;
        (slot.pos == pos).then_some((slot.tag, &*slot.body))
    }

    pub(crate) fn put(&mut self, pos: Pos, tag: u8, body: &[u8]) {
        if body.len() > BODY_BYTES_MAX {
            return;
        }
        if self.0.is_empty() {
            self.0.resize_with(SLOTS, || None);
        }
        self.0[slot_of(pos)] = Some(Slot { pos, tag, body: body.into() });
    }
}
