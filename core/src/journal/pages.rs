//! Pages of segments that were read lately, shared by all streams of an engine and bounded in bytes.
//!
//! A record that is kept never gets other bytes, so a page once read whole is never out of date. Pages hold what the
//! files hold, or held before they were packed: whoever takes a frame out of one checks it as if it had just been read.
//! Reads of long stretches go around them.
//!
//! A page has a few places where it can lie, as in a processor's cache, so finding it looks at one short row of slots
//! and then at its bytes. That was twice as fast as a general cache of shared buffers, whose lists and counters each
//! cost a fetch from memory.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{RwLock, RwLockReadGuard};

use super::Pos;
use super::segment::Segment;
use crate::error::Result;
use crate::locks::{read, write};
use crate::memory::Memory;

/// Bytes to a page, counted from its segment's base.
pub(crate) const PAGE_BYTES: usize = 4096;
/// Places where a page can lie.
const WAYS: usize = 8;

/// Every page that is kept.
pub(crate) struct Kept {
    slots_max: usize,
    /// The key of what lies in each slot, 0 for nothing, in rows of [`WAYS`]: a row is one line of memory. None before
    /// the first page comes.
    keys: Vec<u64>,
    /// How long each slot's page is.
    lens: Vec<u16>,
    /// Whether it was asked for since it came, or since it was last spared.
    used: Vec<AtomicBool>,
    /// The slots' bytes, in the same order.
    bytes: Memory,
    hand: usize,
}

/// Bits of a key that say where its page begins; its log stands above them.
const START_BITS: u32 = 44;

/// A page's key, never 0. Pages past the 16 TiB of a log, or of one past the millionth, have none and are not kept.
fn key(log: u32, start: Pos) -> Option<u64> {
    let log = u64::from(log) + 1;
    (start >> START_BITS == 0 && log >> (u64::BITS - START_BITS) == 0).then_some(log << START_BITS | start)
}

impl Kept {
    fn new(slots_max: usize) -> Self {
        let (keys, lens, used) = (Vec::new(), Vec::new(), Vec::new());
        Kept { slots_max, keys, lens, used, bytes: Memory::zeroed(0), hand: 0 }
    }

    /// The page that begins at `start`, if it is kept.
    pub(crate) fn get(&self, log: u32, start: Pos) -> Option<&[u8]> {
        let key = key(log, start)?;
        let slot = self.find(self.row(key)?, key)?;
        if !self.used[slot].load(Ordering::Relaxed) {
            self.used[slot].store(true, Ordering::Relaxed);
        }
        Some(&self.bytes[slot * PAGE_BYTES..slot * PAGE_BYTES + self.lens[slot] as usize])
    }

    fn find(&self, row: usize, key: u64) -> Option<usize> {
        self.keys[row..row + WAYS].iter().position(|&k| k == key).map(|way| row + way)
    }

    /// Where a page's row begins.
    fn row(&self, key: u64) -> Option<usize> {
        let rows = self.keys.len() / WAYS;
        let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (rows > 0).then(|| ((u128::from(hash) * rows as u128) >> 64) as usize * WAYS)
    }

    /// Puts a page in the place of one of its row that was not asked for lately.
    fn put(&mut self, log: u32, start: Pos, page: &[u8]) {
        if self.keys.is_empty() {
            self.keys.resize(self.slots_max, 0);
            self.lens.resize(self.slots_max, 0);
            self.used.resize_with(self.slots_max, AtomicBool::default);
            self.bytes = Memory::zeroed(self.slots_max * PAGE_BYTES);
        }
        let Some((key, row)) = key(log, start).and_then(|key| Some((key, self.row(key)?))) else { return };
        if self.find(row, key).is_some() {
            return;
        }
        let slot = self.find(row, 0).unwrap_or_else(|| {
            loop {
                self.hand = (self.hand + 1) % WAYS;
                let slot = row + self.hand;
                if !std::mem::take(self.used[slot].get_mut()) {
                    return slot;
                }
            }
        });
        (self.keys[slot], self.lens[slot]) = (key, page.len() as u16);
        self.used[slot] = AtomicBool::new(false);
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
        Pages { kept: RwLock::new(Kept::new(slots_max)), logs: AtomicU32::new(0) }
    }

    /// Lets go of all of them, and of their memory.
    pub(crate) fn clear(&self) {
        let mut kept = write(&self.kept);
        *kept = Kept::new(kept.slots_max);
    }

    /// A number for a log, which tells its pages from all others'.
    pub(crate) fn new_log(&self) -> u32 {
        self.logs.fetch_add(1, Ordering::Relaxed)
    }

    /// What is kept now, to look at without a copy. Let go of it before anything that waits.
    pub(crate) fn kept(&self) -> RwLockReadGuard<'_, Kept> {
        read(&self.kept)
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
        let mut kept = write(&self.kept);
        for (i, page) in bytes.chunks(PAGE_BYTES).enumerate() {
            kept.put(log, begin + (i * PAGE_BYTES) as u64, page);
        }
        drop(kept);
        let at = (start - begin) as usize;
        Ok(take(bytes.get(at..bytes.len().min(at + PAGE_BYTES)).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::segment;
    use super::*;
    use crate::disk::MemDisk;

    /// A segment at `base` that holds so many bytes, each told from all others near it.
    fn segment(disk: &MemDisk, base: Pos, len: usize) -> Segment {
        let header = Segment::header(base, b"");
        let segment = Segment::planned(Path::new("/d"), base, header.len() as u64);
        let file = segment::begin(disk, Path::new("/d"), base, &header).expect("memory");
        let bytes: Vec<u8> = (base..base + len as u64).map(byte).collect();
        file.write_at(&bytes, segment.offset(base)).expect("memory");
        segment.set_file(file);
        segment
    }

    fn byte(pos: Pos) -> u8 {
        (pos.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
    }

    fn is_right(page: &[u8], start: Pos) -> bool {
        page.iter().zip(start..).all(|(&b, pos)| b == byte(pos))
    }

    #[test]
    fn keys_are_never_nothing_and_end_at_their_bounds() {
        let last_pos = (1u64 << START_BITS) - PAGE_BYTES as u64;
        let last_log = (1u32 << (u64::BITS - START_BITS)) - 2;
        let keys = [key(0, 0), key(0, last_pos), key(1, 0), key(last_log, 0), key(last_log, last_pos)];
        for (i, key) in keys.iter().enumerate() {
            assert!(key.is_some_and(|k| k != 0), "key {i}");
            assert!(!keys[..i].contains(key), "key {i} is another's");
        }
        for (log, start) in [(0, 1 << START_BITS), (0, u64::MAX), (last_log + 1, 0), (u32::MAX, 0)] {
            assert_eq!(key(log, start), None, "log {log} at {start}");
        }
    }

    #[test]
    fn pages_past_the_bounds_are_read_and_not_kept() {
        let (disk, pages) = (MemDisk::default(), Pages::new(1 << 20));
        let far = segment(&disk, 1 << START_BITS, 3 * PAGE_BYTES);
        let near = segment(&disk, 0, 3 * PAGE_BYTES);
        for (log, segment) in [(0, &far), (u32::MAX, &near), (1 << 20, &near)] {
            for start in [segment.base, segment.base + PAGE_BYTES as u64] {
                let right = pages.with(log, segment, start, |page| page.len() == PAGE_BYTES && is_right(page, start));
                assert!(right.expect("memory"), "log {log} at {start}");
                assert!(pages.kept().get(log, start).is_none(), "log {log} at {start} is kept");
            }
        }
    }

    #[test]
    fn a_last_page_is_as_short_as_its_segment() {
        let (disk, pages) = (MemDisk::default(), Pages::new(1 << 20));
        for (i, len) in [1, 100, PAGE_BYTES - 1, PAGE_BYTES].into_iter().enumerate() {
            let (base, log) = ((i as u64) << 30, pages.new_log());
            let segment = segment(&disk, base, PAGE_BYTES + len);
            let start = base + PAGE_BYTES as u64;
            for _ in 0..2 {
                let got = pages.with(log, &segment, start, |page| (page.len(), is_right(page, start)));
                assert_eq!(got.expect("memory"), (len, true));
            }
            assert_eq!(pages.kept().get(log, start).map(<[u8]>::len), Some(len));
            let behind = pages.with(log, &segment, start + PAGE_BYTES as u64, <[u8]>::len);
            assert_eq!(behind.expect("memory"), 0, "nothing stands behind the end");
        }
    }

    #[test]
    fn segments_that_begin_within_one_page_keep_apart() {
        let (disk, pages) = (MemDisk::default(), Pages::new(1 << 20));
        let log = pages.new_log();
        let segments = [segment(&disk, 0, 100), segment(&disk, 100, 200), segment(&disk, 300, 2 * PAGE_BYTES)];
        for round in 0..2 {
            for (segment, len) in segments.iter().zip([100, 200, PAGE_BYTES]) {
                let start = segment.base;
                let got = pages.with(log, segment, start, |page| (page.len(), is_right(page, start)));
                assert_eq!(got.expect("memory"), (len, true), "round {round}: at {start}");
            }
        }
    }

    #[test]
    fn what_is_kept_is_right_however_pages_push_each_other_out() {
        let (disk, pages) = (MemDisk::default(), Pages::new(16 * PAGE_BYTES as u64));
        let log = pages.new_log();
        let segment = segment(&disk, 777, 200 * PAGE_BYTES + 5);
        for step in 0..5_000u64 {
            let start = segment.base + step * step % 201 * PAGE_BYTES as u64;
            let right = pages.with(log, &segment, start, |page| !page.is_empty() && is_right(page, start));
            assert!(right.expect("memory"), "step {step}");
        }
        pages.clear();
        assert!(pages.kept().get(log, segment.base).is_none());
        let none = Pages::new((WAYS * PAGE_BYTES) as u64 - 1);
        assert!(none.with(log, &segment, 777, |page| is_right(page, 777)).expect("memory"));
        assert!(none.kept().get(log, 777).is_none(), "less than a row keeps nothing");
    }
}
