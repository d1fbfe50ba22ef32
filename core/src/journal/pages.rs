//! Pages of segments that were read lately, shared by all streams of an engine and bounded in bytes.
//!
//! A position that is written never gets other bytes, so a page once read whole is never out of date. Pages hold what
//! the files hold: whoever takes a frame out of one checks it as if it had just been read. Reads of long stretches go
//! around them.
//!
//! A page has a few places where it can lie, as in a processor's cache, so finding it looks at one short row of slots
//! and then at its bytes. That was twice as fast as a general cache of shared buffers, whose lists and counters each
//! cost a fetch from memory.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::Pos;
use super::segment::Segment;
use crate::error::Result;

/// Bytes to a page, counted from its segment's base.
pub(crate) const PAGE_BYTES: usize = 4096;
/// Places where a page can lie.
const WAYS: usize = 8;

#[derive(Default)]
struct Slot {
    start: Pos,
    log: u32,
    /// 0 when nothing lies here.
    len: u16,
    /// It was asked for since it came, or since it was last spared.
    used: AtomicBool,
}

/// Every page that is kept.
pub(crate) struct Kept {
    slots_max: usize,
    /// Rows of [`WAYS`] slots; none before the first page comes.
    slots: Vec<Slot>,
    /// The slots' bytes, in the same order. The system gives their memory as they are filled.
    bytes: Vec<u8>,
    hand: usize,
}

impl Kept {
    /// The page that begins at `start`, if it is kept.
    pub(crate) fn get(&self, log: u32, start: Pos) -> Option<&[u8]> {
        let slot = self.find(self.row(log, start)?, log, start)?;
        let Slot { len, used, .. } = &self.slots[slot];
        if !used.load(Ordering::Relaxed) {
            used.store(true, Ordering::Relaxed);
        }
        Some(&self.bytes[slot * PAGE_BYTES..slot * PAGE_BYTES + *len as usize])
    }

    fn find(&self, row: usize, log: u32, start: Pos) -> Option<usize> {
        let row_of = &self.slots[row..row + WAYS];
        row_of.iter().position(|s| s.start == start && s.log == log && s.len > 0).map(|way| row + way)
    }

    /// Where a page's row begins.
    fn row(&self, log: u32, start: Pos) -> Option<usize> {
        let rows = self.slots.len() / WAYS;
        let page = (start / PAGE_BYTES as u64).wrapping_add(u64::from(log) << 40);
        let hash = page.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (rows > 0).then(|| ((u128::from(hash) * rows as u128) >> 64) as usize * WAYS)
    }

    /// Puts a page in the place of one of its row that was not asked for lately.
    fn put(&mut self, log: u32, start: Pos, page: &[u8]) {
        if self.slots.is_empty() {
            self.slots.resize_with(self.slots_max, Slot::default);
            self.bytes = vec![0; self.slots_max * PAGE_BYTES];
        }
        let Some(row) = self.row(log, start) else { return };
        if self.find(row, log, start).is_some() {
            return;
        }
        let empty = (row..row + WAYS).find(|&s| self.slots[s].len == 0);
        let slot = empty.unwrap_or_else(|| {
            loop {
                self.hand = (self.hand + 1) % WAYS;
                let slot = row + self.hand;
                if !std::mem::take(self.slots[slot].used.get_mut()) {
                    return slot;
                }
            }
        });
        self.slots[slot] = Slot { start, log, len: page.len() as u16, used: AtomicBool::new(false) };
        self.bytes[slot * PAGE_BYTES..slot * PAGE_BYTES + page.len()].copy_from_slice(page);
    }
}

/// The pages.
pub(crate) struct Pages {
    kept: RwLock<Kept>,
    logs: AtomicU32,
}

impl Pages {
    /// At most `bytes` of them; none when that is less than a row.
    pub(crate) fn new(bytes: u64) -> Self {
        let slots_max = bytes as usize / (WAYS * PAGE_BYTES) * WAYS;
        let kept = Kept { slots_max, slots: Vec::new(), bytes: Vec::new(), hand: 0 };
        Pages { kept: RwLock::new(kept), logs: AtomicU32::new(0) }
    }

    /// Lets go of all of them, and of their memory.
    pub(crate) fn clear(&self) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        (kept.slots, kept.bytes) = (Vec::new(), Vec::new());
    }

    /// A number for a log, which tells its pages from all others'.
    pub(crate) fn new_log(&self) -> u32 {
        self.logs.fetch_add(1, Ordering::Relaxed)
    }

    /// What is kept now, to look at without a copy. Let go of it before anything that waits.
    pub(crate) fn kept(&self) -> RwLockReadGuard<'_, Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The page that begins at `start`, given to `take`; everything in it must be committed and written. It is shorter
    /// where its segment ends.
    pub(crate) fn with<T>(&self, log: u32, segment: &Segment, start: Pos, take: impl FnOnce(&[u8]) -> T) -> Result<T> {
        if let Some(page) = self.kept().get(log, start) {
            return Ok(take(page));
        }
        // What a packed segment unpacks at once is kept at once.
        let unit = segment.read_unit().max(PAGE_BYTES) as u64;
        let begin = start - (start - segment.base) % unit;
        let bytes = segment.read(begin, unit as usize)?;
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        for (i, page) in bytes.chunks(PAGE_BYTES).enumerate() {
            kept.put(log, begin + (i * PAGE_BYTES) as u64, page);
        }
        drop(kept);
        let at = (start - begin) as usize;
        Ok(take(bytes.get(at..bytes.len().min(at + PAGE_BYTES)).unwrap_or_default()))
    }
}
