//! The index of a sealed segment: a sparse table by sequence and time, and for each subject where its records lie.
//!
//! A cache: it is checked as a whole when it is loaded, and built anew from the segment when it does not hold. Reads by
//! sequence and time load the sparse table alone; the rest follows with the first question about a subject.
//! Subjects are known by the CRC32 of their name; whoever follows an entry checks the name in the record.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::active::{Active, BLOCK_RECORDS, Block, NONE};
use super::part::Part;
use crate::disk::{Disk, File, OpenMode, read_full};
use crate::error::{Error, Result};
use crate::journal::Pos;
use crate::varint::{put_varint, take_varint};

const MAGIC: &[u8; 8] = b"HWINDEX\x01";
const FIXED: usize = 8 + 8 + 8 + 4 + 4 + 4;
const BLOCK_BYTES: usize = 4 + 8 + 8 + 8;
const ENTRY_BYTES: usize = 8;

/// The index of a sealed segment, its lists in memory or in the file.
pub(crate) struct SegmentIndex {
    /// One past the last position that it speaks of.
    pub(crate) end: Pos,
    pub(crate) base_seq: u64,
    pub(crate) count: u32,
    pub(crate) blocks: Vec<Block>,
    /// The least and the most event time of all blocks.
    pub(crate) events: (i64, i64),
    /// Hash of a subject's name and where its list starts, by hash; loaded when they are asked for.
    entries: OnceLock<Vec<(u32, u32)>>,
    lists: Lists,
}

enum Lists {
    Memory(Vec<u8>),
    /// Where the lists start, and their length; the entries stand before them.
    File {
        file: Arc<dyn File>,
        start: u64,
        len: u32,
        entries: u32,
    },
}

/// How much of a file is checked at a time; whole entries.
const CHECK_BYTES: usize = 256 << 10;

/// The stable hash of a subject's name.
pub(crate) fn name_hash(name: &str) -> u32 {
    crc32fast::hash(name.as_bytes())
}

impl SegmentIndex {
    /// From the index in memory of a segment that was sealed.
    pub(crate) fn build(active: Active, end: Pos) -> Self {
        let Active { offsets, next, mut heads, blocks, events, base_seq, .. } = active;
        heads.sort_unstable();
        let mut lists = Vec::with_capacity(next.len() * 4);
        let mut entries = Vec::with_capacity(heads.len());
        for (hash, head) in heads {
            entries.push((hash, lists.len() as u32));
            let (mut last_ord, mut last_offset, mut at) = (0, 0, head);
            while at != NONE {
                let offset = offsets[at as usize];
                put_varint(&mut lists, u64::from(at - last_ord));
                put_varint(&mut lists, u64::from(offset - last_offset));
                (last_ord, last_offset) = (at, offset);
                at = next[at as usize];
            }
        }
        let (count, lists) = (offsets.len() as u32, Lists::Memory(lists));
        SegmentIndex { end, base_seq, count, blocks, events, entries: OnceLock::from(entries), lists }
    }

    /// One past its last sequence.
    pub(crate) fn end_seq(&self) -> u64 {
        self.base_seq.saturating_add(self.count.into())
    }

    /// Whether it can be the index of a sealed part: of its sequences, within its positions.
    pub(crate) fn is_of(&self, part: &Part) -> bool {
        let base = part.segment.base;
        let last = self.blocks.last().map_or(0, |b| u64::from(b.offset));
        self.base_seq == part.base.seq
            && self.end_seq() == part.end_seq()
            && self.end >= base
            && last <= self.end - base
    }

    /// Whether its lists are in memory, so that a file has to be written.
    pub(crate) fn is_unsaved(&self) -> bool {
        matches!(self.lists, Lists::Memory(_))
    }

    /// The bytes of the file.
    pub(crate) fn to_bytes(&self) -> Option<Vec<u8>> {
        let (Lists::Memory(lists), Some(entries)) = (&self.lists, self.entries.get()) else { return None };
        let size = FIXED + self.blocks.len() * BLOCK_BYTES + entries.len() * ENTRY_BYTES + lists.len() + 4;
        let mut out = Vec::with_capacity(size);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.end.to_le_bytes());
        out.extend_from_slice(&self.base_seq.to_le_bytes());
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&(entries.len() as u32).to_le_bytes());
        out.extend_from_slice(&(lists.len() as u32).to_le_bytes());
        for block in &self.blocks {
            out.extend_from_slice(&block.offset.to_le_bytes());
            out.extend_from_slice(&block.first_time.to_le_bytes());
            out.extend_from_slice(&block.min_event.to_le_bytes());
            out.extend_from_slice(&block.max_event.to_le_bytes());
        }
        for (hash, start) in entries {
            out.extend_from_slice(&hash.to_le_bytes());
            out.extend_from_slice(&start.to_le_bytes());
        }
        out.extend_from_slice(lists);
        let check = crc32fast::hash(&out);
        out.extend_from_slice(&check.to_le_bytes());
        Some(out)
    }

    /// Loads the file; `None` when it is not there or does not hold.
    pub(crate) fn load(disk: &dyn Disk, path: &Path) -> Option<Self> {
        let file = disk.open(path, OpenMode::Read).ok()?;
        let mut sum = crc32fast::Hasher::new();
        let mut at = 0;
        let mut take = |len: usize| {
            let bytes = read_at(&*file, at, len)?;
            at += len as u64;
            sum.update(&bytes);
            Some(bytes)
        };
        let head = take(FIXED)?;
        let mut rest = head.strip_prefix(MAGIC)?;
        let (end, base_seq) = (take_u64(&mut rest)?, take_u64(&mut rest)?);
        let (count, entry_count, len) = (take_u32(&mut rest)?, take_u32(&mut rest)?, take_u32(&mut rest)?);
        let block_count = (count as usize).div_ceil(BLOCK_RECORDS);
        let start = (FIXED + block_count * BLOCK_BYTES + entry_count as usize * ENTRY_BYTES) as u64;
        if file.len().ok()? != start + u64::from(len) + 4 {
            return None;
        }
        let bytes = take(block_count * BLOCK_BYTES)?;
        let mut rest = &bytes[..];
        let mut blocks = Vec::with_capacity(block_count);
        for _ in 0..block_count {
            blocks.push(Block {
                offset: take_u32(&mut rest)?,
                first_time: take_u64(&mut rest)?,
                min_event: take_u64(&mut rest)? as i64,
                max_event: take_u64(&mut rest)? as i64,
            });
        }
        let mut last = (0, 0);
        for len in pieces(entry_count as usize * ENTRY_BYTES) {
            last = ordered(last, parse_entries(&take(len)?))?;
        }
        for len in pieces(len as usize) {
            take(len)?;
        }
        let check = read_at(&*file, start + u64::from(len), 4)?;
        if sum.finalize().to_le_bytes() != *check || last.1 > len || !blocks.is_sorted_by_key(|b| b.offset) {
            return None;
        }
        let events = blocks.iter().fold((i64::MAX, i64::MIN), |e, b| (e.0.min(b.min_event), e.1.max(b.max_event)));
        let lists = Lists::File { file, start, len, entries: entry_count };
        Some(SegmentIndex { end, base_seq, count, blocks, events, entries: OnceLock::new(), lists })
    }

    fn entries(&self) -> Result<&[(u32, u32)]> {
        if let (None, Lists::File { file, start, entries, len: lists }) = (self.entries.get(), &self.lists) {
            let len = *entries as usize * ENTRY_BYTES;
            let bytes = read_at(&**file, start - len as u64, len);
            // The file was checked a while ago, and lists are cut out by what stands here.
            let sound = |bytes: &Vec<u8>| ordered((0, 0), parse_entries(bytes)).is_some_and(|last| last.1 <= *lists);
            let bytes = bytes.filter(sound).ok_or_else(|| Error::corrupt("an index file changed while it was open"))?;
            let _ = self.entries.set(parse_entries(&bytes).collect());
        }
        Ok(self.entries.get().map_or(&[], Vec::as_slice))
    }

    /// Ordinal and offset of each record in a range of ordinals whose subject has this hash, in order.
    pub(crate) fn find(&self, hash: u32, range: Range<u32>) -> Result<Vec<(u32, u32)>> {
        let entries = self.entries()?;
        let first = entries.partition_point(|e| e.0 < hash);
        let mut found = Vec::new();
        for (i, _) in entries.iter().enumerate().skip(first).take_while(|(_, e)| e.0 == hash) {
            self.list(entries[i].1, entries.get(i + 1).map(|e| e.1), &range, &mut found)?;
        }
        if entries.get(first + 1).is_some_and(|e| e.0 == hash) {
            found.sort_unstable();
            found.dedup();
        }
        Ok(found)
    }

    /// The list from `start` to `end`, or to the end of all lists.
    fn list(&self, start: u32, end: Option<u32>, range: &Range<u32>, found: &mut Vec<(u32, u32)>) -> Result<()> {
        let read;
        let mut bytes = match &self.lists {
            Lists::Memory(lists) => &lists[start as usize..end.map_or(lists.len(), |end| end as usize)],
            Lists::File { file, start: lists, len, .. } => {
                let mut buf = vec![0; (end.unwrap_or(*len) - start) as usize];
                read_full(&**file, &mut buf, lists + u64::from(start))
                    .map_err(|e| Error::io("read an index file", &e))?;
                read = buf;
                &read[..]
            }
        };
        let (mut ord, mut offset) = (0u32, 0u32);
        let mut first = true;
        while let (Some(o), Some(p)) = (take_varint(&mut bytes), take_varint(&mut bytes)) {
            let behind = first || o > 0;
            first = false;
            ord = ord.wrapping_add(o as u32);
            offset = offset.wrapping_add(p as u32);
            if !behind || o >= u64::from(self.count) || ord >= self.count {
                return Err(Error::corrupt(format!(
                    "an index file names record {ord} of {} where it cannot stand: delete it, it is made anew",
                    self.count
                )));
            }
            if ord >= range.end {
                break;
            }
            if ord >= range.start {
                found.push((ord, offset));
            }
        }
        Ok(())
    }
}

/// So many bytes from `at` on; `None` when there are fewer.
fn read_at(file: &dyn File, at: u64, len: usize) -> Option<Vec<u8>> {
    if len as u64 > file.len().ok()?.saturating_sub(at) {
        return None;
    }
    let mut bytes = vec![0; len];
    (read_full(file, &mut bytes, at).ok()? == len).then_some(bytes)
}

/// The lengths of the pieces in which so many bytes are checked.
fn pieces(len: usize) -> impl Iterator<Item = usize> {
    (0..len).step_by(CHECK_BYTES).map(move |at| CHECK_BYTES.min(len - at))
}

/// The last of entries that follow `last` in the order on which lookups rely; `None` when they do not.
fn ordered(mut last: (u32, u32), entries: impl Iterator<Item = (u32, u32)>) -> Option<(u32, u32)> {
    for entry in entries {
        if entry < last || entry.1 < last.1 {
            return None;
        }
        last = entry;
    }
    Some(last)
}

fn parse_entries(bytes: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    let number = |at: &[u8]| at.first_chunk().map_or(0, |b| u32::from_le_bytes(*b));
    bytes.chunks_exact(ENTRY_BYTES).map(move |entry| (number(entry), number(&entry[4..])))
}

fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*head))
}

fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    let (head, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*head))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::MemDisk;

    /// An index of 200 records of 5 subjects, in a file.
    fn stored(disk: &MemDisk, path: &Path) -> Arc<dyn File> {
        let mut active = Active::new(1);
        for ord in 0..200u32 {
            let subject = ord % 5;
            let previous = if ord < 5 { 0 } else { u64::from(ord) - 4 };
            active.push((subject, &format!("s.{subject}")), (ord * 50, 50), previous, ord.into(), ord.into());
        }
        let bytes = SegmentIndex::build(active, 200 * 50).to_bytes().expect("it is in memory");
        let file = disk.open(path, OpenMode::Create).expect("memory");
        file.write_at(&bytes, 0).expect("memory");
        file
    }

    #[test]
    fn a_file_that_changes_after_it_was_checked_is_an_error() {
        let (disk, path) = (MemDisk::default(), Path::new("/i.idx"));
        let entries = (FIXED + 4 * BLOCK_BYTES) as u64;
        for (at, bytes) in [(entries + 4, [0xff; 4]), (entries, [0xff; 4]), (entries + 4 * 8 + 4, [0xff; 4])] {
            let file = stored(&disk, path);
            let index = SegmentIndex::load(&disk, path).expect("it is sound");
            file.write_at(&bytes, at).expect("memory");
            let error = index.find(name_hash("s.1"), 0..200).expect_err("it changed");
            assert_eq!(error.kind(), crate::ErrorKind::Corrupt, "byte {at}");
        }
        let file = stored(&disk, path);
        let index = SegmentIndex::load(&disk, path).expect("it is sound");
        file.truncate(entries + 3).expect("memory");
        assert!(index.find(name_hash("s.1"), 0..200).is_err(), "it became shorter");
    }

    #[test]
    fn a_list_that_names_a_record_twice_is_an_error() {
        let (disk, path) = (MemDisk::default(), Path::new("/i.idx"));
        let file = stored(&disk, path);
        let index = SegmentIndex::load(&disk, path).expect("it is sound");
        let found = index.find(name_hash("s.1"), 0..200).expect("it is sound");
        assert_eq!((found.len(), found[1]), (40, (6, 300)));
        let lists = (FIXED + 4 * BLOCK_BYTES + 5 * ENTRY_BYTES) as u64;
        let len = file.len().expect("memory") - 4 - lists;
        file.write_at(&vec![0; len as usize], lists).expect("memory");
        assert!(index.find(name_hash("s.1"), 0..200).is_err());
    }
}
